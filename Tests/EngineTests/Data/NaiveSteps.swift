import CaudalModel
import Engine

/// A table that steps go through row by row, and what they did to its rows.
struct NaiveTable {
    var columns: [Column]
    var rows: [[Cell]]
    /// Rows in and out of each step that can change their number.
    private(set) var counts: [(kind: String, rowsIn: Int, rowsOut: Int)] = []

    /// The step does not suit the table: the manual gives it no meaning there.
    struct Unsuitable: Error {}

    init(columns: [Column], rows: [[Cell]]) {
        self.columns = columns
        self.rows = rows
    }

    func rowsGone(by kind: String) -> Int {
        counts.filter { $0.kind == kind }.reduce(0) { $0 + $1.rowsIn - $1.rowsOut }
    }

    func index(_ name: String) throws -> Int {
        guard let index = columns.firstIndex(where: { $0.name == name }) else { throw Unsuitable() }
        return index
    }

    fileprivate func isNew(_ name: String) -> Bool {
        !columns.contains { $0.name.lowercased() == name.lowercased() }
    }

    fileprivate func named(_ row: [Cell]) -> [String: Cell] {
        Dictionary(uniqueKeysWithValues: zip(columns.map(\.name), row))
    }

    fileprivate mutating func keep(by kind: String, _ isKept: (Int) throws -> Bool) rethrows {
        let kept = try rows.indices.filter(isKept).map { rows[$0] }
        counts.append((kind, rows.count, kept.count))
        rows = kept
    }

    fileprivate mutating func change(_ name: String, _ change: (Cell) throws -> Cell) throws {
        let place = try index(name)
        for row in rows.indices { rows[row][place] = try change(rows[row][place]) }
    }

    /// A value in a column of another type.
    ///
    /// The manual names no forms. Assumed: those in which values are written anywhere in a pipeline file; a truth is 1
    /// or 0 as a number; a broken number is not tried as a whole one.
    static func cast(_ value: Cell, to type: ColumnType) throws -> Cell {
        switch (value, type) {
        case (.missing, _): return .missing
        case (_, .text): return value.text.map { .text($0) } ?? .missing
        case (.integer, .integer), (.number, .number), (.truth, .boolean), (.date, .date): return value
        case (.integer, .number): return value.widened(to: .number)
        case (.truth(let truth), .integer): return .integer(truth ? 1 : 0)
        case (.number(let number), .integer) where number == number.rounded(): return .integer(Int(number))
        case (.text(let text), .integer): if let whole = Int(text), "\(whole)" == text { return .integer(whole) }
        case (.text(let text), .number): if let number = Double(text), number.isFinite { return .number(number) }
        case (.text(let text), .boolean): if text == "true" || text == "false" { return .truth(text == "true") }
        case (.text(let text), .date):
            if text.utf8.count == 10, UTC.milliseconds(ofDate: text) != nil { return .date(text) }
        default: break
        }
        throw Unsuitable()
    }
}

/// One step of a process stage, with its meaning by the words of `docs/pipeline-reference.md`.
enum NaiveStep {
    case deduplicate(by: [String], keepsLast: Bool?, orderBy: String?)
    case fillMissing([(column: String, value: Cell)])
    case derive([(column: String, formula: NaiveFormula)])
    case filter(NaiveFormula)
    case select([String])
    case drop([String])
    case rename([(from: String, to: String)])
    case cast([(column: String, type: ColumnType)])
    /// No columns: all texts.
    case trim([String], isWord: Bool)
    case mapValues(column: String, values: [(from: String, to: String)], otherwise: Cell?)
    case split(column: String, separator: String, into: [String])

    // MARK: - Writing

    /// As one line of `steps`.
    var yaml: String {
        func list(_ names: [String]) -> String { "[\(names.map(\.quotedInYAML).joined(separator: ", "))]" }
        func mapping(_ pairs: [(String, String)]) -> String {
            "{\(pairs.map { "\($0.0.quotedInYAML): \($0.1)" }.joined(separator: ", "))}"
        }
        switch self {
        case .deduplicate(let keys, let keepsLast, let order):
            return "deduplicate: {by: \(list(keys))" + (keepsLast.map { ", keep: \($0 ? "last" : "first")" } ?? "")
                + (order.map { ", order_by: \($0.quotedInYAML)" } ?? "") + "}"
        case .fillMissing(let fills): return "fill_missing: " + mapping(fills.map { ($0.column, $0.value.yaml) })
        case .derive(let new): return "derive: " + mapping(new.map { ($0.column, $0.formula.source.quotedInYAML) })
        case .filter(let formula): return "filter: " + formula.source.quotedInYAML
        case .select(let names): return "select: " + list(names)
        case .drop(let names): return "drop: " + list(names)
        case .rename(let pairs): return "rename: " + mapping(pairs.map { ($0.from, $0.to.quotedInYAML) })
        case .cast(let casts): return "cast: " + mapping(casts.map { ($0.column, "\($0.type)") })
        case .trim(let names, let isWord): return names.isEmpty ? isWord ? "trim" : "trim: all" : "trim: " + list(names)
        case .mapValues(let column, let values, let otherwise):
            return "map_values: {column: \(column.quotedInYAML), values: "
                + mapping(values.map { ($0.from, $0.to.quotedInYAML) })
                + (otherwise.map { ", otherwise: \($0.yaml)" } ?? "") + "}"
        case .split(let column, let separator, let names):
            return "split: {column: \(column.quotedInYAML), separator: \(separator.quotedInYAML), into: \(list(names))}"
        }
    }

    /// The step with simpler formulas.
    var simpler: [NaiveStep] {
        switch self {
        case .filter(let formula): return formula.simpler.map { .filter($0) }
        case .derive(let derivations):
            let fewer = derivations.count > 1 ? PropertyRun.shorter(derivations) : []
            let simpler = derivations.indices.flatMap { index in
                derivations[index].formula.simpler.map { formula in
                    var derivations = derivations
                    derivations[index].formula = formula
                    return derivations
                }
            }
            return (fewer + simpler).map { .derive($0) }
        case .deduplicate, .fillMissing, .select, .drop, .rename, .cast, .trim, .mapValues, .split: return []
        }
    }

    // MARK: - Going row by row

    /// Takes a table through the step.
    ///
    /// - Throws: `NaiveTable.Unsuitable` or an error of the formula where it cannot be taken.
    func apply(to table: inout NaiveTable) throws {
        switch self {
        case .deduplicate(let keys, let keepsLast, let order):
            let kept = try Self.survivors(table, keys, keepsLast: keepsLast ?? false, order)
            table.keep(by: "deduplicate") { kept.contains($0) }
        case .fillMissing(let fills):
            for fill in fills {
                let type = table.columns[try table.index(fill.column)].type
                let value = fill.value.widened(to: type)
                try table.change(fill.column) { $0 == .missing ? value : $0 }
            }
        case .derive(let derivations):
            guard Set(derivations.map(\.column)).count == derivations.count else { throw NaiveTable.Unsuitable() }
            for new in derivations { try Self.derive(new.column, new.formula, &table) }
        case .filter(let formula):
            guard formula.suits(table.columns) else { throw NaiveTable.Unsuitable() }
            let truths = try table.rows.map { try formula.value(table.named($0)) }
            table.keep(by: "filter") { truths[$0] == .truth(true) }
        case .select(let names): try Self.select(names, &table)
        case .drop(let names):
            for name in names { _ = try table.index(name) }
            try Self.select(table.columns.map(\.name).filter { !names.contains($0) }, &table)
        case .rename(let pairs):
            let places = try pairs.map { try table.index($0.from) }
            for (place, pair) in zip(places, pairs) { table.columns[place].name = pair.to }
            guard Set(table.columns.map { $0.name.lowercased() }).count == table.columns.count else {
                throw NaiveTable.Unsuitable()
            }
        case .cast(let casts):
            for cast in casts {
                try table.change(cast.column) { try NaiveTable.cast($0, to: cast.type) }
                table.columns[try table.index(cast.column)].type = cast.type
            }
        case .trim(let names, _):
            for name in names.isEmpty ? table.columns.filter({ $0.type == .text }).map(\.name) : names {
                try table.change(name) { if case .text(let text) = $0 { .text(text.withoutBlanks) } else { $0 } }
            }
        case .mapValues(let column, let values, let otherwise):
            // Assumed: nothing is no value, so that it stays nothing.
            let type = table.columns[try table.index(column)].type
            try table.change(column) { value in
                guard let text = value.text else { return value }
                let match = values.first { Cell.text($0.from) == .text(text) }
                return try match.map { try NaiveTable.cast(.text($0.to), to: type) } ?? otherwise ?? value
            }
        case .split(let column, let separator, let names): try Self.split(column, separator, names, &table)
        }
    }

    /// Which rows stay: one for each key, and each row without one.
    ///
    /// Assumed: among rows that `order_by` does not tell apart the order of the rows decides; one without a value there
    /// stays only when the others have none either.
    private static func survivors(
        _ table: NaiveTable, _ keys: [String], keepsLast: Bool, _ order: String?
    ) throws -> Set<Int> {
        let places = try keys.map { try table.index($0) }
        let ordering = try order.map { try table.index($0) }
        var kept: [[Cell]: Int] = [:]
        var keyless: Set<Int> = []
        for (number, row) in table.rows.enumerated() {
            let key = places.map { row[$0] }
            guard !key.contains(.missing) else {
                keyless.insert(number)
                continue
            }
            guard let other = kept[key] else {
                kept[key] = number
                continue
            }
            guard let ordering else {
                if keepsLast { kept[key] = number }
                continue
            }
            let (new, old) = (row[ordering], table.rows[other][ordering])
            let isBetter =
                switch new.order(beside: old) {
                case let sign?: keepsLast ? sign >= 0 : sign < 0
                case nil where new != .missing: true
                case nil: old == .missing && keepsLast
                }
            if isBetter { kept[key] = number }
        }
        return keyless.union(kept.values)
    }

    /// Assumed: a derivation sees those before it, and one with the name of a column takes its place.
    private static func derive(_ name: String, _ formula: NaiveFormula, _ table: inout NaiveTable) throws {
        guard formula.suits(table.columns) else { throw NaiveTable.Unsuitable() }
        let values = try table.rows.map { try formula.value(table.named($0)) }
        if let place = try? table.index(name) {
            for row in table.rows.indices { table.rows[row][place] = values[row] }
            table.columns[place].type = formula.type
        } else {
            guard table.isNew(name) else { throw NaiveTable.Unsuitable() }
            for row in table.rows.indices { table.rows[row].append(values[row]) }
            table.columns.append(Column(name, formula.type))
        }
    }

    private static func select(_ names: [String], _ table: inout NaiveTable) throws {
        guard !names.isEmpty else { throw NaiveTable.Unsuitable() }
        let places = try names.map { try table.index($0) }
        table.columns = places.map { table.columns[$0] }
        table.rows = table.rows.map { row in places.map { row[$0] } }
    }

    /// Assumed: a part that is empty or not there is missing, and parts beyond the columns are lost.
    private static func split(
        _ column: String, _ separator: String, _ names: [String], _ table: inout NaiveTable
    ) throws {
        let place = try table.index(column)
        guard table.columns[place].type == .text, names.allSatisfy(table.isNew) else { throw NaiveTable.Unsuitable() }
        for row in table.rows.indices {
            let parts = table.rows[row][place].text?.pieces(between: separator) ?? []
            for part in names.indices {
                table.rows[row].append(part < parts.count && !parts[part].isEmpty ? .text(parts[part]) : .missing)
            }
        }
        table.columns += names.map { Column($0, .text) }
    }
}
