import CaudalModel

/// Finds the columns of Excel files, which are read as CSV that is made of their cells.
struct SheetInspection {
    /// The project's root, for file names in messages.
    let root: String

    /// What a sheet begins with.
    private struct Look {
        var rules: SheetRules
        var names: [String]
        var notes: [String]
    }

    func inspect(_ source: inout DataSource, _ dataset: Dataset) throws(Failure) {
        var looks: [Look] = []
        for file in source.files {
            do throws(Failure) { looks.append(try look(at: file, dataset.sheet)) } catch {
                let place = error.kind == .missingSheet ? dataset.sheet.sheetLocation : nil
                throw Failure(
                    error.message, remedy: error.remedy, location: place ?? dataset.placeLocation, kind: error.kind)
            }
        }
        var names: [String] = []
        for look in looks { names += look.names.filter { !names.contains($0) } }
        let shown = source.files.map { PathText.relative($0, to: root) }
        if let fault = CSVHeader.fault(in: names) {
            throw Failure(
                "the columns of \(shown.joined(separator: ", ").shortened(to: 200)) cannot be used: \(fault)",
                remedy: "write the names alike", location: dataset.placeLocation)
        }
        source.notes += looks.flatMap(\.notes)
        source.notes += try ColumnUnion(dataset: dataset, files: shown).differences(looks.map(\.names))
        source.columns = names.map { Column($0, .text) }
        (source.format, source.csv) = (.csv, CSVDialect(delimiter: ","))
        for (index, look) in looks.enumerated() {
            var rules = look.rules
            rules.places = names.map { look.names.firstIndex(of: $0) }
            source.copies[index] = .sheet(rules)
        }
    }

    private func look(at file: String, _ dialect: SheetDialect) throws(Failure) -> Look {
        let shown = PathText.relative(file, to: root)
        let workbook = try Workbook(file, named: shown)
        let sheet = try workbook.sheet(named: dialect.sheet)
        let name = "sheet '\(sheet.name)' of \(shown)"
        var range = dialect.range ?? CellRange()
        var cells = try SheetCells(of: sheet, in: workbook, range)
        var notes: [String] = []
        var names = dialect.columns
        let first = try cells.next()
        let given = range.lastColumn.map { $0 - range.firstColumn + 1 }
        let top = range.firstRow
        if dialect.hasHeader {
            let corner = CellRange.letters(range.firstColumn) + String(top)
            guard let first, first.number == top else {
                throw Failure(
                    first == nil
                        ? "\(name) has nothing from \(corner) on"
                        : "row \(top) of \(name), which should be its header, is empty",
                    remedy: first == nil
                        ? "look at the file, or correct 'range'"
                        : "say where the header begins: 'excel: {range: \(CellRange.letters(range.firstColumn))\(first?.number ?? 1)}'"
                )
            }
            (names, notes) = try header(first, range, width: given, dialect, name)
        } else if let given, given != names.count {
            throw Failure(
                "'range' has \(given.counted("column")), and 'columns' names \(names.count)",
                remedy: "name every column of the range in order")
        }
        // What is wrong farther below is found before anything is made of the rows above it.
        while try cells.next() != nil {}
        let isInside = { (merged: CellRange) in
            (merged.lastRow ?? merged.firstRow) >= top && merged.firstRow <= range.lastRow ?? .max
                && merged.firstColumn < range.firstColumn + names.count
                && (merged.lastColumn ?? merged.firstColumn) >= range.firstColumn
        }
        let merged = cells.merged.filter(isInside)
        let headings = merged.filter { isMisleading($0, top, dialect) }
        if dialect.hasHeader, let heading = headings.first {
            let below = headings.map { ($0.lastRow ?? top) + 1 }.max() ?? top + 1
            throw Failure(
                "cells \(Self.text(heading)) in the header of \(name) are merged, so that not every column has a name of its own",
                remedy: "name the columns and begin below: 'excel: {range: "
                    + "\(CellRange.letters(range.firstColumn))\(below), header: false, columns: […]}'")
        }
        if let one = merged.first(where: { $0.firstRow > top || !dialect.hasHeader }) {
            notes.append(
                "cells \(Self.text(one)) of \(name) are merged: only the first of them has the value"
                    + (merged.count > 1 ? ", and so it is with \((merged.count - 1).counted("other rectangle"))" : ""))
        }
        if dialect.hasHeader { range.firstRow += 1 }
        let rules = SheetRules(
            sheet: sheet.name, range: range, width: names.count, places: [], nullTexts: Set(dialect.nullTexts))
        return Look(rules: rules, names: names, notes: notes)
    }

    /// The names in the header's row.
    private func header(
        _ row: SheetCells.Row, _ range: CellRange, width: Int?, _ dialect: SheetDialect, _ name: String
    ) throws(Failure) -> (names: [String], notes: [String]) {
        let width = width ?? (row.cells.last?.column ?? range.firstColumn) - range.firstColumn + 1
        if !dialect.columns.isEmpty {
            guard dialect.columns.count == width else {
                throw Failure(
                    "\(name) has \(width.counted("column")), and 'columns' names \(dialect.columns.count)",
                    remedy: "name every column in order")
            }
            return (dialect.columns, [])
        }
        var values = [String](repeating: "", count: width)
        for cell in row.cells {
            if let problem = cell.problem {
                throw Failure(
                    "the header of \(name) cannot be used: \(CellRange.letters(cell.column))\(row.number) is "
                        + "\(problem.rawValue): \(cell.text)",
                    remedy: "write the name as text, or name the columns with 'excel: {columns: […]}'")
            }
            values[cell.column - range.firstColumn] = cell.text
        }
        let found = CSVHeader.names(values)
        return (found.names, found.notes.map { "\(name): \($0)" })
    }

    /// Whether cells that were merged belong to a header that is more than one row, or leave columns without a name.
    private func isMisleading(_ merged: CellRange, _ top: Int, _ dialect: SheetDialect) -> Bool {
        guard merged.firstRow <= top, (merged.lastRow ?? top) >= top else { return false }
        return dialect.columns.isEmpty || (merged.lastRow ?? top) > top
    }

    private static func text(_ range: CellRange) -> String {
        "\(CellRange.letters(range.firstColumn))\(range.firstRow):"
            + "\(CellRange.letters(range.lastColumn ?? range.firstColumn))\(range.lastRow ?? range.firstRow)"
    }
}

extension PlainCopies {
    /// Copies the rows of a sheet.
    func copySheet(of file: String, _ rules: SheetRules, to path: String, lines: String) throws {
        let (text, numbers) = (try OutputBytes(path), try OutputBytes(lines))
        let workbook = try Workbook(file, named: PathText.lastComponent(of: file))
        var cells = try SheetCells(of: try workbook.sheet(named: rules.sheet), in: workbook, rules.range)
        var copy = SheetCopy(rules)
        var (rows, places) = (copy.header, "")
        while let row = try cells.next() {
            guard let made = copy.take(row) else { continue }
            rows += made.text
            places += made.line
            guard rows.utf8.count > 1 << 20 else { continue }
            text.write(Array(rows.utf8))
            rows = ""
        }
        text.write(Array(rows.utf8))
        numbers.write(Array(places.utf8))
        for output in [text, numbers] {
            if let problem = output.problem { throw Failure("a copy of \(file) cannot be written: \(problem)") }
        }
    }
}
