/// Lines of CSV that are no rows, and what makes a file unreadable beyond single lines.
enum BrokenLines {
    /// The statement that finds lines which are too long to be read: nobody knows how many rows they swallowed.
    static func question(of source: DataSource) -> String {
        let file = source.files.count > 1 ? "CAST(file_id AS INTEGER)" : "0"
        return "SELECT 'unreadable' AS caudal, \(file) AS file, min(CAST(line AS BIGINT)) AS line\nFROM reject_errors\n"
            + "WHERE error_type = 'LINE SIZE OVER MAXIMUM'\nGROUP BY ALL\nORDER BY file, line"
    }

    /// What the statement found; nil where every line was a row or can be put aside.
    static func fault(in readings: DataReadings, files: [String]) -> Failure? {
        guard let row = readings.rows("unreadable").first, let line = row.integer("line") else { return nil }
        let file = row.integer("file").map { files[Int($0)] } ?? ""
        return openQuote(line: Int(line), of: file, within: " within \(DataSource.longestLine / 1_000_000) MB")
    }

    /// A quotation mark that is opened and not closed.
    static func openQuote(line: Int, of file: String, within: String = "") -> Failure {
        Failure(
            "a quotation mark opened in line \(Int64(line).grouped) of \(file) is never closed"
                + (within.isEmpty ? "" : ", or not\(within)") + ": everything behind it would be one value",
            remedy: CSVMessage.quoteRemedy)
    }
}
