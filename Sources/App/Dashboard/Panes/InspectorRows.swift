import CaudalModel
import Engine

/// Rows that fail a check, in the inspector.
extension InspectorText {
    /// A column of the rows: its name, its cells, and what of long ones is cut out.
    private struct Column {
        let name: String
        /// Whether the check is about it.
        let isConcerned: Bool
        private(set) var cells: [String]
        let isLong: Bool
        private(set) var shared: String?
        let width: Int

        /// Above this width a value has a place of its own, behind or below the others.
        private static let limit = 60

        init(_ name: String, isConcerned: Bool, _ values: [String]) {
            (self.name, self.isConcerned, cells) = (name, isConcerned, values)
            let long = values.filter { TextWidth.of($0) > Self.limit }
            isLong = !long.isEmpty
            let ends = SharedEnds(long)
            if let first = long.first, ends.isCut {
                cells = values.map { TextWidth.of($0) > Self.limit ? ends.cut($0) : $0 }
                shared = String(first.prefix(ends.beginning)) + (ends.end > 0 ? " … \(first.suffix(ends.end))" : "")
            }
            width = max(TextWidth.of(name), cells.map { TextWidth.of($0) }.max() ?? 0)
        }

        var style: Style { isConcerned ? .bad : .plain }
    }

    /// Rows as a table, or below each other where their short values are wider than the pane: the columns that the check
    /// is about come first, and long values last, which are scrolled.
    mutating func addSamples(_ samples: [SampleRow]) {
        guard let first = samples.first else { return }
        var names = first.columns
        for sample in samples { names += sample.columns.filter { !names.contains($0) } }
        let columns = names.enumerated().map { place, name in
            Column(
                name, isConcerned: place == 0,
                samples.map { sample in
                    guard let place = sample.columns.firstIndex(of: name) else { return "" }
                    return PlainText.sanitized((sample.values[place] ?? "null").replacing(scalar: "\n", with: "␊"))
                })
        }
        let (short, long) = (columns.filter { !$0.isLong }, columns.filter(\.isLong))
        let numbers = samples.map { $0.row?.grouped ?? "" }
        let number = numbers.map(\.count).max() ?? 0
        if short.reduce(number + 4, { $0 + $1.width + 2 }) <= pane - (long.isEmpty ? 0 : pane / 3) {
            addTable(short + long, numbers.map { "  \($0.rightAligned(number))  " })
        } else {
            addRecords(short, long, numbers.map { $0.isEmpty ? "  •  " : "  row \($0)  " }, width: pane - 6)
        }
        for column in long {
            if let shared = column.shared {
                lines.append([Span("  … in \(column.name), the same in all of them: ", .dim), Span(shared, .dim)])
            }
        }
    }

    private mutating func addTable(_ columns: [Column], _ leads: [String]) {
        let gap = String(repeating: " ", count: leads[0].count)
        lines.append([Span(gap)] + columns.map { Span($0.name.fitted($0.width) + "  ", Style(.dim, .underline)) })
        for (row, lead) in leads.enumerated() {
            lines.append([Span(lead, .dim)] + columns.map { Span($0.cells[row].fitted($0.width) + "  ", $0.style) })
        }
    }

    /// Each row with the names of its columns; each long value has a line.
    private mutating func addRecords(_ short: [Column], _ long: [Column], _ leads: [String], width: Int) {
        for (row, lead) in leads.enumerated() {
            var line = [Span(lead, .dim)]
            var taken = TextWidth.of(lead)
            for (place, column) in short.enumerated() {
                let more = TextWidth.of(column.name) + TextWidth.of(column.cells[row]) + 3
                if taken + more > width, place > 0 {
                    lines.append(line)
                    (line, taken) = ([Span("      ")], 6)
                }
                line += [Span(column.name + " ", .dim), Span(column.cells[row] + "  ", column.style)]
                taken += more
            }
            lines.append(line)
            for column in long {
                lines.append([Span("      \(column.name) ", .dim), Span(column.cells[row], column.style)])
            }
        }
    }
}
