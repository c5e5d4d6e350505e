import CaudalModel

/// Writes the rows of a sheet as plain CSV, with a list of the rows' numbers as ``PlainCSV`` makes it.
struct SheetCopy {
    private let rules: SheetRules
    private var rows = 0
    /// The number that the next row has if it is counted from the last.
    private var expected = 2

    init(_ rules: SheetRules) { self.rules = rules }

    /// The header of the copy.
    var header: String { rules.places.indices.map { "c\($0 + 1)" }.joined(separator: ",") + "\n" }

    /// A row of the copy, and what its list of numbers says of it; nil for a row without values.
    mutating func take(_ row: SheetCells.Row) -> (text: String, line: String)? {
        var values = [String](repeating: "", count: rules.width)
        var (shown, problems): ([String], [TornRow.Problem]) = (values, [])
        func add(_ problem: TornRow.Problem) { if !problems.contains(problem) { problems.append(problem) } }
        for cell in row.cells where rules.nullTexts.isEmpty || !rules.nullTexts.contains(cell.text) {
            let place = cell.column - rules.range.firstColumn
            if let problem = cell.problem { add(problem) }
            if cell.text.contains("\0") { add(.invalidEncoding) }
            guard place < rules.width else {
                add(.tooManyColumns)
                shown += [String](repeating: "", count: max(0, place + 1 - shown.count))
                shown[place] = cell.text
                continue
            }
            (values[place], shown[place]) = (cell.text, cell.text)
        }
        // A row of nothing but texts that mean no value is a row, as in CSV.
        guard row.cells.contains(where: { !$0.text.isEmpty }) else { return nil }
        rows += 1
        let line = row.number == expected ? "" : "\(rows),\(row.number)\n"
        expected = row.number + 1
        guard problems.isEmpty else {
            let raw = shown.map(Self.written).joined(separator: ",").replacing(scalar: "\0", with: "\u{FFFD}")
            let torn = Self.quoted(TornRow(line: row.number, problems: problems).beginning + raw)
            // A row with one column must have too many values: it cannot have too few.
            return (torn + (rules.places.count < 2 ? ",?\n" : "\n"), line)
        }
        let list = rules.places.map { $0.map { Self.written(values[$0]) } ?? "" }
        // A row that consists of one empty value is not a blank line.
        return ((list == [""] ? "\"\"" : list.joined(separator: ",")) + "\n", line)
    }

    private static func written(_ text: String) -> String {
        let isPlain = !text.utf8.contains { $0 == 0x22 || $0 == 0x2C || $0 == 0x0A || $0 == 0x0D }
        return isPlain && text.utf8.first != 0x20 && text.utf8.last != 0x20 ? text : quoted(text)
    }

    private static func quoted(_ text: String) -> String { "\"" + text.replacing(scalar: "\"", with: "\"\"") + "\"" }
}
