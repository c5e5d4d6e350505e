/// How a plain copy shows what is no row: as one quoted value, which no row may consist of.
///
/// It holds the line of the file, what is wrong and what stands there, so that a reader's word on it can be told in the
/// file's terms.
enum TornRow {
    private static let mark = DuckDBDialect.prefix + "torn:"

    /// What stands before the text of the row.
    static func beginning(line: Int, problem: String) -> String { "\(mark)\(line):\(problem):" }

    /// SQL for the text of a line in DuckDB's table of rejects, and for what is wrong with it.
    ///
    /// `problem`: what is told of lines that are as they stand in the file.
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

    /// The line of the file that a message of DuckDB shows, and what is wrong with it, if it is one of these.
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
