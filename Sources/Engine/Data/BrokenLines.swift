/// Malformed lines of CSV files, and faults that make a file unreadable as a whole.
enum BrokenLines {
    /// A statement that finds lines too long to be read: it is unknown how many rows they contain.
    static func question(of source: DataSource) -> String {
        let file = source.files.count > 1 ? "CAST(file_id AS INTEGER)" : "0"
        return "SELECT 'unreadable' AS caudal, \(file) AS file, min(CAST(line AS BIGINT)) AS line\nFROM reject_errors\n"
            + "WHERE error_type = 'LINE SIZE OVER MAXIMUM'\nGROUP BY ALL\nORDER BY file, line"
    }

    /// The fault that the statement found; nil when each line is a row or can be quarantined.
    static func fault(in readings: DataReadings, files: [String]) -> Failure? {
        guard let row = readings.rows("unreadable").first, let line = row.integer("line") else { return nil }
        let file = row.integer("file").map { files[Int($0)] } ?? ""
        return openQuote(line: Int(line), of: file, within: " within \(DataSource.longestLine / 1_000_000) MB")
    }

    /// A quotation mark that is opened and never closed.
    static func openQuote(line: Int, of file: String, within: String = "") -> Failure {
        Failure(
            "a quotation mark opened in line \(Int64(line).grouped) of \(file) is never closed"
                + (within.isEmpty ? "" : ", or not\(within)") + ": everything behind it would be one value",
            remedy: CSVMessage.quoteRemedy)
    }
}
