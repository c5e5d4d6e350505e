/// Lays text out in columns.
enum Columns {
    /// Lines in which each column is as wide as its widest cell; the last column is not padded.
    ///
    /// `titles`: a line above the rows; none if it is empty.
    /// `paint`: dims the titles; nil leaves them as they are.
    static func lines(_ rows: [[StyledText]], titles: [String] = [], _ paint: Paint? = nil) -> [StyledText] {
        let head = titles.map { paint?.dim($0) ?? StyledText($0) }
        let rows = head.isEmpty ? rows : [head] + rows
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
    static func lines(_ rows: [[String]], titles: [String] = [], _ paint: Paint? = nil) -> [StyledText] {
        lines(rows.map { $0.map { StyledText($0) } }, titles: titles, paint)
    }
}

extension Output {
    /// Prints rows in columns, below their titles if there are some; see ``Columns/lines(_:titles:_:)``.
    static func table(_ rows: [[StyledText]], titles: [String] = [], _ paint: Paint? = nil) {
        for line in Columns.lines(rows, titles: titles, paint) { Output.line(line) }
    }

    /// The same for cells without styles.
    static func table(_ rows: [[String]], titles: [String] = [], _ paint: Paint? = nil) {
        for line in Columns.lines(rows, titles: titles, paint) { Output.line(line) }
    }
}
