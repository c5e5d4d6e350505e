import CaudalModel
import Engine
import TestSupport

/// Random tables, formulas and steps.
struct RandomTables {
    var chance: Chance
    private var newNames = 0

    init(seed: UInt64) { chance = Chance(seed: seed) }

    // MARK: - Tables

    private static let texts = [
        "", "a", "A", " a ", "\ta\n", "a-b", "a-b--c", "-", "it's", "\"q\"", "x,y", "two\nlines", "null", "NULL", "12",
        "-3", "ñandú", "é", "e\u{301}", "ÜBER", "日本語", "🙂 a", "\u{a0}a\u{3000}", "50%", "a_b", "true", "\\", "a\\n",
        "  ",
    ]
    private static let days = ["2026-11-23", "2026-11-22", "2024-02-29", "1969-12-31", "2000-01-01", "2026-12-31"]

    /// Columns of every type under names that need quoting too; 0 to 40 rows with many values twice.
    mutating func table() -> NaiveTable {
        let all = [
            Column("k", .integer), Column("s", .text), Column("n", .integer), Column("x", .number),
            Column("p", .boolean), Column("d", .date), Column("odd, \"name\"", .text), Column("mixed", .text),
            Column("Ünit", .number),
            Column("d2", .date), Column("order", .text),
        ]
        var columns = all.filter { _ in chance.happens(65) }
        if columns.isEmpty { columns = [chance.pick(all)] }
        let count = chance.happens(10) ? chance.number(0...1) : chance.number(2...40)
        let gaps = chance.pick([0, 10, 30])
        var rows: [[Cell]] = []
        for _ in 0..<count {
            if let earlier = rows.last, chance.happens(10) {
                rows.append(earlier)
            } else {
                rows.append(columns.map { column in chance.happens(gaps) ? .missing : value(of: column) })
            }
        }
        return NaiveTable(columns: columns, rows: rows)
    }

    private mutating func value(of column: Column) -> Cell {
        if column.name == "mixed" { return .text(chance.pick(["1", "20", "-7", "0", "x", "n/a"])) }
        return value(column.type)
    }

    mutating func value(_ type: ColumnType) -> Cell {
        switch type {
        case .boolean: .truth(chance.happens(50))
        case .integer where chance.happens(90): .integer(chance.number(-5...5))
        case .integer: .integer(chance.pick([100_000, -99_999, 2_147_483_647]))
        case .number where chance.happens(80): .number(Double(chance.number(-9...9)) / 2)
        case .number: .number(chance.pick([0.1, -0.25, 1e6, 2.675]))
        case .date: .date(chance.pick(Self.days))
        default: .text(chance.pick(Self.texts))
        }
    }

    // MARK: - Formulas

    /// A formula of one type over the columns; `depth`: how deeply it may be nested.
    mutating func formula(_ type: ColumnType, _ columns: [Column], depth: Int) -> NaiveFormula {
        if depth == 0 || chance.happens(15) { return leaf(type, columns) }
        func inner(_ type: ColumnType, _ random: inout RandomTables) -> NaiveFormula {
            random.formula(type, columns, depth: depth - 1)
        }
        switch chance.number(0...9) {
        case 0: return choice(type, columns, depth)
        case 1:
            return .call("coalesce", [inner(type, &self), inner(type, &self)], type)
        case 2:
            let name = chance.pick(["nullif", "greatest", "least"])
            return .call(name, [inner(type, &self), inner(type, &self)], type)
        default: break
        }
        switch type {
        case .boolean: return condition(columns, depth)
        case .integer, .number: return calculation(type, columns, depth)
        case .date: return chance.happens(50) ? leaf(type, columns) : .call("date_of", [inner(.date, &self)], .date)
        default: return text(columns, depth)
        }
    }

    private mutating func leaf(_ type: ColumnType, _ columns: [Column]) -> NaiveFormula {
        let fitting = columns.filter { $0.type == type }
        if !fitting.isEmpty, chance.happens(75) {
            let column = chance.pick(fitting)
            return .column(column.name, column.type)
        }
        return .constant(value(type), type)
    }

    private mutating func choice(_ type: ColumnType, _ columns: [Column], _ depth: Int) -> NaiveFormula {
        let branches = (0..<chance.number(1...2)).map { _ in
            (when: formula(.boolean, columns, depth: depth - 1), then: formula(type, columns, depth: depth - 1))
        }
        return .choice(branches, otherwise: chance.happens(60) ? formula(type, columns, depth: depth - 1) : nil)
    }

    private mutating func condition(_ columns: [Column], _ depth: Int) -> NaiveFormula {
        let type = chance.pick([ColumnType.integer, .number, .text, .text, .date, .boolean])
        let other = type.isNumeric ? chance.pick([ColumnType.integer, .number]) : type
        let operand = formula(type, columns, depth: depth - 1)
        let isNegated = chance.happens(50)
        switch chance.number(0...9) {
        case 0, 1:
            let (left, right) = (
                formula(.boolean, columns, depth: depth - 1), formula(.boolean, columns, depth: depth - 1)
            )
            return .joined(chance.pick(["and", "or"]), left, right)
        case 2: return .not(formula(.boolean, columns, depth: depth - 1))
        case 3: return .isMissing(operand, isNegated: isNegated)
        case 4:
            let list = (0..<chance.number(1...3)).map { _ in formula(other, columns, depth: depth - 1) }
            return .isIn(operand, list, isNegated: isNegated)
        case 5:
            let (low, high) = (leaf(other, columns), formula(other, columns, depth: depth - 1))
            return .isBetween(operand, low, high, isNegated: isNegated)
        case 6:
            let pattern = chance.pick(["a%", "%a%", "_", "%-%", "%\\%", "", "%é", "__%"])
            return .isLike(formula(.text, columns, depth: depth - 1), pattern, isNegated: isNegated)
        case 7:
            let text = formula(.text, columns, depth: depth - 1)
            if chance.happens(50) {
                let pattern = chance.pick(NaiveFormula.patterns.map(\.text))
                return .call("regexp_matches", [text, .constant(.text(pattern), .text)], .boolean)
            }
            let name = chance.pick(["contains", "starts_with", "ends_with"])
            return .call(name, [text, leaf(.text, columns)], .boolean)
        default:
            let sign = chance.pick(["=", "==", "<>", "!=", "<", "<=", ">", ">="])
            return .compared(sign, operand, formula(other, columns, depth: depth - 1))
        }
    }

    private mutating func calculation(_ type: ColumnType, _ columns: [Column], _ depth: Int) -> NaiveFormula {
        func inner(_ type: ColumnType, _ random: inout RandomTables) -> NaiveFormula {
            random.formula(type, columns, depth: depth - 1)
        }
        switch chance.number(0...7) {
        case 0: return .negated(inner(type, &self))
        case 1: return .call("abs", [inner(type, &self)], type)
        case 2 where type == .integer:
            let name = chance.pick(["length", "year", "month", "day", "days_between", "ceil", "floor"])
            switch name {
            case "length": return .call(name, [inner(.text, &self)], .integer)
            case "ceil", "floor": return .call(name, [inner(chance.pick([.integer, .number]), &self)], .integer)
            case "days_between": return .call(name, [inner(.date, &self), inner(.date, &self)], .integer)
            default: return .call(name, [inner(.date, &self)], .integer)
            }
        case 2:
            let operand = inner(chance.pick([.integer, .number]), &self)
            switch chance.number(0...2) {
            case 0: return .call("round", [operand], .number)
            case 1: return .call("round", [operand, .constant(.integer(chance.number(0...2)), .integer)], .number)
            default: return .call("sqrt", [.call("abs", [operand], operand.type)], .number)
            }
        case 3 where type == .number: return .cast(inner(.integer, &self), .number)
        case 3: return .cast(inner(.boolean, &self), .integer)
        case 4 where type == .number:
            let operands = [ColumnType.integer, .number]
            return .computed("/", inner(chance.pick(operands), &self), inner(chance.pick(operands), &self))
        default:
            let sign = chance.pick(["+", "-", "*", "%"])
            // One broken number makes the result one.
            let other: ColumnType = type == .number ? chance.pick([.integer, .number]) : .integer
            let (left, right) = (inner(type, &self), inner(other, &self))
            return chance.happens(50) ? .computed(sign, left, right) : .computed(sign, right, left)
        }
    }

    private mutating func text(_ columns: [Column], _ depth: Int) -> NaiveFormula {
        let any = chance.pick([ColumnType.text, .text, .integer, .number, .boolean, .date])
        let text = formula(.text, columns, depth: depth - 1)
        switch chance.number(0...7) {
        case 0: return .glued(text, formula(any, columns, depth: depth - 1))
        case 1: return .glued(formula(any, columns, depth: depth - 1), text)
        case 2: return .call("concat", [text, formula(any, columns, depth: depth - 1)], .text)
        case 3: return .cast(formula(any, columns, depth: depth - 1), .text)
        case 4:
            let marks = ["a", "-", "'", "é", "日", "--"].map { NaiveFormula.constant(.text($0), .text) }
            if chance.happens(50) { return .call("replace", [text, chance.pick(marks), leaf(.text, columns)], .text) }
            let part = NaiveFormula.constant(.integer(chance.number(1...3)), .integer)
            return .call("split_part", [text, chance.pick(marks), part], .text)
        case 5:
            let numbers = [chance.number(1...3), chance.number(0...3)].prefix(chance.number(1...2))
            return .call("substr", [text] + numbers.map { .constant(.integer($0), .integer) }, .text)
        default: return .call(chance.pick(["lower", "upper", "trim", "ltrim", "rtrim"]), [text], .text)
        }
    }

    // MARK: - Steps

    /// So many steps that suit a table, which is taken through them.
    mutating func steps(_ count: Int, on table: inout NaiveTable) -> [NaiveStep] {
        var steps: [NaiveStep] = []
        for _ in 0..<200 where steps.count < count {
            for step in step(on: table) {
                var next = table
                // One that does not suit is no step: another is made.
                guard (try? step.apply(to: &next)) != nil else { break }
                table = next
                steps.append(step)
            }
        }
        return steps
    }

    private mutating func newName() -> String {
        newNames += 1
        return chance.pick(["new \(newNames)", "ñ\(newNames)", "q\"\(newNames)", "Group\(newNames)", "it's\(newNames)"])
    }

    private mutating func some(_ names: [String], _ count: ClosedRange<Int>) -> [String] {
        var names = names
        return (0..<min(names.count, chance.number(count))).map { _ in
            names.remove(at: chance.number(0...(names.count - 1)))
        }
    }

    private mutating func step(on table: NaiveTable) -> [NaiveStep] {
        let names = table.columns.map(\.name)
        let column = chance.pick(table.columns)
        let texts = table.columns.filter { $0.type == .text }.map(\.name)
        let text = texts.isEmpty ? nil : chance.pick(texts)
        switch chance.number(0...12) {
        case 0, 1:
            let keepsLast = chance.pick([nil, false, true, true])
            let order = chance.happens(50) ? chance.pick(names) : nil
            return [.deduplicate(by: some(names, 1...2), keepsLast: keepsLast, orderBy: order)]
        case 2:
            return [.fillMissing(some(names, 1...3).map { ($0, filling(of: $0, table.columns)) })]
        case 3, 4:
            let new = (0..<chance.number(1...2)).map { _ in
                let type = chance.pick([ColumnType.integer, .number, .text, .boolean, .date])
                return (
                    column: chance.happens(70) ? newName() : column.name,
                    formula: formula(type, table.columns, depth: chance.number(1...4))
                )
            }
            return [.derive(new)]
        case 5: return [.filter(formula(.boolean, table.columns, depth: chance.number(1...4)))]
        case 6: return [.select(some(names, 1...8))]
        case 7: return [.drop(some(names, 1...2))]
        case 8:
            if names.count > 1, chance.happens(20) { return [.rename([(names[0], names[1]), (names[1], names[0])])] }
            return [.rename(some(names, 1...2).map { ($0, newName()) })]
        case 9: return casts(on: table)
        case 10: return [.trim(chance.happens(50) ? [] : some(texts, 1...2), isWord: chance.happens(50))]
        case 11:
            // Whether 1 in a file is the number 1.0 of a column is not said.
            guard column.type != .number else { return [] }
            let (old, new) = ((0...2).map { _ in value(of: column) }, (0...2).map { _ in value(column.type) })
            var values: [(from: String, to: String)] = []
            for (old, new) in zip(old, new) {
                guard let from = old.text, let to = new.text else { continue }
                if !values.contains(where: { $0.from == from }) { values.append((from, to)) }
            }
            let otherwise = chance.happens(40) ? value(column.type) : nil
            return [.mapValues(column: column.name, values: values, otherwise: otherwise)]
        default:
            guard let text else { return [] }
            let into = (0..<chance.number(1...3)).map { _ in newName() }
            return [.split(column: text, separator: chance.pick(["-", "--", " ", "a", "é", ",", "\n"]), into: into)]
        }
    }

    private mutating func filling(of name: String, _ columns: [Column]) -> Cell {
        let type = columns.first { $0.name == name }?.type ?? .text
        return type == .number && chance.happens(50) ? .integer(chance.number(-2...9)) : value(type)
    }

    /// A cast of one or two columns to types that their values may fit; for a text that holds numbers and other things,
    /// behind a filter that leaves the numbers, and with another that computes with them.
    private mutating func casts(on table: NaiveTable) -> [NaiveStep] {
        let texts = table.columns.filter { $0.type == .text }
        if !texts.isEmpty, chance.happens(40) {
            let text = (texts.first { $0.name == "mixed" } ?? chance.pick(texts)).name
            let matches = NaiveFormula.call(
                "regexp_matches", [.column(text, .text), .constant(.text("^[0-9]+$"), .text)], .boolean)
            let isPositive = NaiveFormula.compared(">", .column(text, .integer), .constant(.integer(0), .integer))
            return [.filter(matches), .cast([(text, .integer)]), .filter(isPositive)]
        }
        return [
            .cast(
                some(table.columns.map(\.name), 1...2).map { name in
                    // What no value can become is refused before it runs.
                    let own = table.columns.first { $0.name == name }?.type
                    let types: [ColumnType] = [.text, .integer, .number, .boolean, .date]
                    return (name, chance.pick(types.filter { own?.neverBecomes($0) != true }))
                })
        ]
    }
}
