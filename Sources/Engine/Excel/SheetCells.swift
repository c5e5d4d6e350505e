import CaudalModel

/// The rows of a sheet, each with the cells that hold something.
struct SheetCells {
    struct Cell: Equatable {
        /// The column, counted from 0.
        var column: Int
        /// Its value as CSV has it, or what it shows instead of one.
        var text: String
        /// Why it has no value that can be read; nil where it has one.
        var problem: TornRow.Problem?
    }

    struct Row: Equatable {
        /// The row's number in the sheet, counted from 1.
        var number: Int
        var cells: [Cell]
    }

    private let workbook: Workbook
    private let texts: [String]
    private let range: CellRange
    private var reader: XMLReader
    /// What is read, in messages.
    private let subject: String
    private var lastRow = 0
    /// Whether what comes are the rows: other parts of a sheet have tags of the same names.
    private var isAmongRows = false
    /// The rectangles of cells that were merged into one, known when all rows have been read.
    private(set) var merged: [CellRange] = []

    init(of sheet: Workbook.Sheet, in workbook: Workbook, _ range: CellRange) throws(Failure) {
        self.workbook = workbook
        self.range = range
        texts = try workbook.sharedTexts()
        subject = "sheet '\(sheet.name)' of \(workbook.name)"
        reader = try workbook.xml(sheet.path ?? "")
    }

    /// The next row of the range with a cell that holds something; nil behind the last one.
    ///
    /// - Throws: ``Failure`` when the sheet cannot be read.
    mutating func next() throws(Failure) -> Row? {
        while let token = try reader.next() {
            if reader.name == "sheetData" { isAmongRows = token == .start }
            guard token == .start else { continue }
            if reader.name == "mergeCell", let text = try reader.attribute("ref"), let cells = CellRange(text) {
                merged.append(cells)
            }
            guard reader.name == "row", isAmongRows else { continue }
            let number = try reader.attribute("r").flatMap { Int($0) } ?? lastRow + 1
            guard number > lastRow else { throw disorder("row \(number) stands behind row \(lastRow)") }
            lastRow = number
            let cells = try cells(ofRow: number)
            if !cells.isEmpty, number >= range.firstRow, number <= range.lastRow ?? .max {
                return Row(number: number, cells: cells)
            }
        }
        return nil
    }

    private func disorder(_ what: String) -> Failure {
        Failure("\(subject) is in disorder: \(what)", remedy: "open the file in Excel and save it again")
    }

    private mutating func cells(ofRow row: Int) throws(Failure) -> [Cell] {
        var cells: [Cell] = []
        var last = -1
        while let token = try reader.next() {
            if token == .end, reader.name == "row" { break }
            guard token == .start, reader.name == "c" else { continue }
            var column = last + 1
            if let text = try reader.attribute("r") {
                guard let place = CellRange.corner(text), place.row == row || place.row == nil else {
                    throw disorder("cell '\(text)' stands in row \(row)")
                }
                column = place.column
            }
            guard column > last else { throw disorder("row \(row) has cells in another order than their columns") }
            last = column
            let cell = try self.cell(column)
            if let cell, column >= range.firstColumn, column <= range.lastColumn ?? .max { cells.append(cell) }
        }
        return cells
    }

    /// Reads a cell up to its end; nil for an empty one.
    private mutating func cell(_ column: Int) throws(Failure) -> Cell? {
        let kind = try reader.attribute("t") ?? "n"
        let style = try reader.attribute("s").flatMap { Int($0) }
        var (value, formula): (String?, String?)
        var isInline = false
        var inside = ""
        while let token = try reader.next() {
            switch token {
            case .start:
                inside = reader.name
                if inside == "is" {
                    value = try Workbook.richText(&reader, until: "is")
                    isInline = true
                }
                if inside == "v" { value = value ?? "" }
                if inside == "f" { formula = formula ?? "" }
            case .text:
                if inside == "v" { value = try (value ?? "") + reader.text() }
                if inside == "f" { formula = try (formula ?? "") + reader.text() }
            case .end:
                inside = ""
                if reader.name == "c" {
                    return read(value, formula, kind: isInline ? "inlineStr" : kind, style).map {
                        Cell(column: column, text: $0.text, problem: $0.problem)
                    }
                }
            }
        }
        throw disorder("it is cut off")
    }

    private func read(
        _ value: String?, _ formula: String?, kind: String, _ style: Int?
    ) -> (text: String, problem: TornRow.Problem?)? {
        // Programs that do not calculate leave the value out, or empty, which only a text can be.
        if let formula, workbook.isToBeCalculated || value == nil || value == "" && kind != "str" {
            return ("=" + formula, .formulaWithoutValue)
        }
        guard let value, !value.isEmpty else { return nil }
        if kind == "str" { return (Workbook.unescaped(value), nil) }
        if kind == "inlineStr" { return (value, nil) }
        let word = value.trimmed
        if word.isEmpty { return nil }
        let format = style.flatMap { workbook.formats.indices.contains($0) ? workbook.formats[$0] : nil } ?? .number
        switch kind {
        case "s":
            guard let place = Int(word), texts.indices.contains(place) else { return (value, .unknownCell) }
            return texts[place].isEmpty ? nil : (texts[place], nil)
        case "d": return format.text(ofISO: word).map { ($0, nil) } ?? (value, .noSuchTime)
        case "b":
            guard ["1", "0", "true", "false"].contains(word) else { return (value, .unknownCell) }
            return (Workbook.isTrue(word) ? "true" : "false", nil)
        case "e": return (word, .errorCell)
        case "n":
            // Other programs write no numbers with letters besides that of an exponent.
            guard let number = Double(word), number.isFinite,
                !word.contains(where: { $0.isLetter && $0 != "e" && $0 != "E" })
            else { return (value, .unknownCell) }
            return format.text(of: number, is1904: workbook.is1904).map { ($0, nil) } ?? (value, .noSuchTime)
        default: return (value, .unknownCell)
        }
    }
}
