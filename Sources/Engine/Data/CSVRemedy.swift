/// What to do about a CSV file that cannot be read.
enum CSVRemedy {
    static let row =
        "correct the line, or let a validate stage quarantine such lines; lines before the header are left out with 'csv: {skip: …}'"

    /// What to do about a row of a sheet.
    static let sheetRow =
        "correct the row, let a validate stage quarantine such rows, or leave it out with 'excel: {range: …}'; errors such as "
        + "#N/A that stand for no value are named with 'excel: {null: …}'"

    static let encoding =
        "say how it is written with 'csv: {encoding: latin-1}', utf-16 or another encoding, or correct the line"
    static let header =
        "correct its first line, say with 'csv: {quote: …}' or 'escape' how values are enclosed, or leave lines out with 'skip'"
    static let quote = "close it, or say with 'csv: {quote: …}' which character encloses values"
}
