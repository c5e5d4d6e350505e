import CaudalModel

/// Malformed lines of CSV files, and faults that make a file unreadable as a whole.
enum BrokenLines {
    /// What ``SourceDialect/unreadableLines(of:)`` found; nil if every line is a row or can be quarantined.
    static func fault(in readings: DataReadings, files: [String]) -> Failure? {
        guard let found = readings.rows(.unreadable, as: UnreadableLine.self).first else { return nil }
        let file = found.file.map { files[$0] } ?? ""
        return openQuote(line: found.line, of: file, within: " within \(DataSource.longestLine / 1_000_000) MB")
    }

    /// A line that is too long, and the place of its file in the list.
    private struct UnreadableLine: Decodable {
        var file: Int?
        var line: Int
    }

    /// A quotation mark that is opened and never closed.
    static func openQuote(line: Int, of file: String, within: String = "") -> Failure {
        Failure(
            "a quotation mark opened in line \(Int64(line).grouped) of \(file) is never closed"
                + (within.isEmpty ? "" : ", or not\(within)") + ": everything behind it would be one value",
            remedy: CSVRemedy.quote)
    }
}
