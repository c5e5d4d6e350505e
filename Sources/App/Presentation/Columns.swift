/// Lays text out in columns.
enum Columns {
    /// Lines in which each column is as wide as its widest cell; the last column is not padded.
    static func lines(_ rows: [[StyledText]]) -> [StyledText] {
        guard let count = rows.map(\.count).max() else { return [] }
        let widths = (0..<count).map { column in rows.map { $0.count > column ? $0[column].width : 0 }.max() ?? 0 }
        return rows.map { row in
            var line: StyledText = ""
            for (column, cell) in row.enumerated() {
                line += column == row.count - 1 ? cell : cell.padded(to: widths[column] + 2)
            }
            return line
        }
    }

    /// The same for cells without styles.
    static func lines(_ rows: [[String]]) -> [StyledText] { lines(rows.map { $0.map { StyledText($0) } }) }
}
