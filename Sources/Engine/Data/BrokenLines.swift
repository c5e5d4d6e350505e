/// Lines of CSV that are no rows, and what makes a file unreadable beyond single lines.
enum BrokenLines {
    /// The statement that finds quotation marks which are never closed: nobody knows how many rows they swallowed.
    static func question(of source: DataSource, _ sql: DuckDBDialect) -> String {
        let file = source.files.count > 1 ? "CAST(file_id AS INTEGER)" : "0"
        // A value is cut where it is long.
        let quote = sql.text(source.csv.quote)
        let escaped = source.csv.escape == source.csv.quote ? "''" : sql.text(source.csv.escape + source.csv.quote)
        let marks = "len(string_split(replace(csv_line, \(escaped), ''), \(quote))) - 1"
        return "SELECT 'unreadable' AS caudal, \(file) AS file, min(CAST(line AS BIGINT)) AS line\nFROM reject_errors\n"
            + "WHERE error_type = 'LINE SIZE OVER MAXIMUM' OR error_type = 'UNQUOTED VALUE'\n"
            + "  AND (length(csv_line) NOT BETWEEN 1 AND 9999 OR contains(ltrim(csv_line, E'\\r\\n'), E'\\n') AND (\(marks)) % 2 = 1)\n"
            + "GROUP BY ALL\nORDER BY file, line"
    }

    /// What the statement found; nil where every line was a row or can be put aside.
    static func fault(in readings: DataReadings, files: [String]) -> Failure? {
        guard let row = readings.rows("unreadable").first, let line = row.integer("line") else { return nil }
        let file = row.integer("file").map { files[Int($0)] } ?? ""
        return Failure(
            "a quotation mark opened in line \(line.grouped) of \(file) is never closed, or not within "
                + "\(DataSource.longestLine / 1_000_000) MB: everything behind it would be one value",
            remedy: CSVMessage.quoteRemedy)
    }
}
