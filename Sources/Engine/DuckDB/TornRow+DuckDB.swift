import CaudalModel

/// The malformed rows of plain copies, as DuckDB's tables of rejects list them.
extension TornRow {
    /// SQL for the text of a line in DuckDB's table of rejects, and for what is wrong with it.
    ///
    /// `problem`: SQL for the problem of a line that was read directly from its file.
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

    private static func code(_ text: String) -> String {
        text.unicodeScalars.map { "\\x{\(String($0.value, radix: 16))}" }.joined()
    }
}
