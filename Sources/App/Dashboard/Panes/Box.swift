extension CellBuffer {
    /// The maximum number of lines in a box.
    var boxHeight: Int { max(0, height - 4) }

    /// The width of the lines of a box whose widest line has `wanted` cells.
    func boxWidth(for wanted: Int) -> Int { (width < 90 ? width : min(wanted + 4, width * 4 / 5)) - 4 }

    /// Draws an empty box in the middle, and dims the screen behind it.
    ///
    /// `lines`: the number of its lines.
    /// `most`: how many lines it has at other times, if its top is to stay where it is.
    /// `width`: the width of the widest line.
    /// - Returns: The position of its first line, and the size of its content.
    mutating func box(
        title: String, lines: Int, of most: Int = 0, width wanted: Int
    ) -> (row: Int, column: Int, width: Int, height: Int) {
        for row in 0..<height { restyle(row: row, columns: 0..<width) { $0 = .dim } }
        let boxWidth = boxWidth(for: wanted) + 4
        let boxHeight = min(lines, self.boxHeight) + 2
        let top = max(0, (height - max(boxHeight, min(most, self.boxHeight) + 2)) / 2)
        let left = (width - boxWidth) / 2
        let style = Style(.accent)
        for row in top..<(top + boxHeight) {
            fill(" ", row: row, columns: left..<(left + boxWidth))
            set("│", row: row, column: left, style: style)
            set("│", row: row, column: left + boxWidth - 1, style: style)
        }
        for row in [top, top + boxHeight - 1] {
            fill("─", row: row, columns: left..<(left + boxWidth), style: style)
        }
        set("╭", row: top, column: left, style: style)
        set("╮", row: top, column: left + boxWidth - 1, style: style)
        set("╰", row: top + boxHeight - 1, column: left, style: style)
        set("╯", row: top + boxHeight - 1, column: left + boxWidth - 1, style: style)
        write(" \(title) ", row: top, column: left + 2, limit: boxWidth - 4, style: .bold)
        return (top + 1, left + 2, boxWidth - 4, boxHeight - 2)
    }
}
