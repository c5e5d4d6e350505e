/// What to do about a CSV file that cannot be read.
enum CSVRemedy {
    static let row =
        "correct the line, or let a validate stage quarantine such lines; lines before the header are left out with 'csv: {skip: …}'"

    /// - Parameter known: The encoding that the file is read in.
    static func encoding(insteadOf known: String?) -> String {
        let way =
            known.map(isUTF8) ?? true
            ? "'csv: {encoding: latin-1}', utf-16 or another encoding" : "'csv: {encoding: …}'"
        return "say how it is written with \(way), or correct the line"
    }

    /// An encoding as messages name it.
    static func name(of encoding: String?) -> String {
        guard let encoding, !isUTF8(encoding) else { return "UTF-8" }
        return encoding.hasPrefix("utf") ? encoding.uppercased() : encoding
    }

    private static func isUTF8(_ encoding: String) -> Bool { encoding == "utf-8" }

    /// What to do about a row of a sheet.
    static let sheetRow =
        "correct the row, let a validate stage quarantine such rows, or leave it out with 'excel: {range: …}'; errors such as "
        + "#N/A that stand for no value are named with 'excel: {null: …}'"

    static let header =
        "correct its first line, say with 'csv: {quote: …}' or 'escape' how values are enclosed, or leave lines out with 'skip'"
    static let quote = "close it, or say with 'csv: {quote: …}' which character encloses values"
}
