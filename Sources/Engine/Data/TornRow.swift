/// How a plain copy represents a malformed row: as one quoted value, which no reader accepts as a row.
///
/// The value contains the line in the file, the problem and the original text, so that a reader's error can be
/// translated to the original file.
enum TornRow {
    private static let mark = DuckDBDialect.prefix + "torn:"

    /// The prefix before the text of the row.
    static func beginning(line: Int, problem: String) -> String { "\(mark)\(line):\(problem):" }

    /// SQL for the text of a line in DuckDB's reject table, and for its problem.
    ///
    /// - Parameter problem: The problem of lines that were read directly.
    static func sql(
        _ csv: CSVDialect, line: String, problem: String, _ sql: DuckDBDialect
    ) -> (line: String, problem: String) {
        guard !csv.quote.isEmpty else { return (line, problem) }
        let isTorn = "starts_with(\(line), \(sql.text(csv.quote + mark)))"
        let (quote, head) = (code(csv.quote), code(csv.quote + mark) + "[0-9]+:([^:]*):")
        let inside = "regexp_extract(\(line), \(sql.text("(?s)^\(head)(.*)\(quote)[^\(quote)]*$")), 2)"
        let escaped = sql.text("(?s)\(code(csv.escape))(.)")
        return (
            "CASE WHEN \(isTorn) THEN regexp_replace(\(inside), \(escaped), '\\1', 'g') ELSE \(line) END",
            "CASE WHEN \(isTorn) THEN regexp_extract(\(line), \(sql.text("^" + head)), 1) ELSE \(problem) END"
        )
    }

    /// The line and the problem in a DuckDB message that shows such a value; nil for other messages.
    static func fault(in message: String) -> (line: Int, problem: String)? {
        guard let start = message.firstRange(of: mark)?.upperBound else { return nil }
        let parts = message[start...].prefix(200).split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 3, let line = Int(parts[0]) else { return nil }
        return (line, String(parts[1]))
    }

    private static func code(_ text: String) -> String {
        text.unicodeScalars.map { "\\x{\(String($0.value, radix: 16))}" }.joined()
    }
}
