import CaudalModel
import Engine
import Foundation

/// An expression of the pipeline language that can be written down and computed for one row, by the words of
/// `docs/pipeline-reference.md`.
///
/// Assumed, where the manual is silent: what is computed with a missing value is missing, and `and`, `or`, `not`, `in`
/// and `between` know three truths, all as in SQL; `concat`, `greatest` and `least` pass missing values over; texts are
/// counted in code points, from 1.
indirect enum NaiveFormula {
    case column(String, ColumnType)
    case constant(Cell, ColumnType)
    case negated(NaiveFormula)
    case not(NaiveFormula)
    /// `+`, `-`, `*`, `/` or `%`.
    case computed(String, NaiveFormula, NaiveFormula)
    case compared(String, NaiveFormula, NaiveFormula)
    /// `and` or `or`.
    case joined(String, NaiveFormula, NaiveFormula)
    case isMissing(NaiveFormula, isNegated: Bool)
    case isIn(NaiveFormula, [NaiveFormula], isNegated: Bool)
    case isBetween(NaiveFormula, NaiveFormula, NaiveFormula, isNegated: Bool)
    case isLike(NaiveFormula, String, isNegated: Bool)
    case glued(NaiveFormula, NaiveFormula)
    case choice([(when: NaiveFormula, then: NaiveFormula)], otherwise: NaiveFormula?)
    case cast(NaiveFormula, ColumnType)
    /// A function, with the type of its result.
    case call(String, [NaiveFormula], ColumnType)

    /// What a random formula may come to and no test is about: a number so large that it would not fit.
    struct TooLarge: Error {}

    /// Patterns of regular expressions, and what they find.
    static let patterns: [(text: String, isFound: @Sendable (String) -> Bool)] = [
        ("^a", { $0.unicodeScalars.first == "a" }),
        ("[0-9]", { $0.unicodeScalars.contains { ("0"..."9").contains($0) } }),
        ("^[0-9]+$", { !$0.isEmpty && $0.unicodeScalars.allSatisfy { ("0"..."9").contains($0) } }),
        ("^$", { $0.isEmpty }),
        ("a|é", { $0.unicodeScalars.contains { $0 == "a" || $0 == "\u{e9}" } }),
    ]

    // MARK: - Types

    var type: ColumnType {
        switch self {
        case .column(_, let type), .constant(_, let type), .cast(_, let type), .call(_, _, let type): type
        case .negated(let operand): operand.type
        case .not, .compared, .joined, .isMissing, .isIn, .isBetween, .isLike: .boolean
        case .computed("/", _, _): .number
        case .computed(_, let left, let right): Self.common([left, right])
        case .glued: .text
        case .choice(let branches, let otherwise): Self.common(branches.map(\.then) + (otherwise.map { [$0] } ?? []))
        }
    }

    /// The type of several operands of one kind: broken numbers when one of them is.
    static func common(_ operands: [NaiveFormula]) -> ColumnType {
        operands.contains { $0.type == .number } ? .number : operands[0].type
    }

    /// Whether a table has the columns it names, with the types it was made for.
    func suits(_ columns: [Column]) -> Bool {
        if case .column(let name, let type) = self { return columns.contains(Column(name, type)) }
        return operands.allSatisfy { $0.suits(columns) }
    }

    /// Parts of it that could stand in its place.
    var simpler: [NaiveFormula] { operands.filter { $0.type == type } }

    private var operands: [NaiveFormula] {
        switch self {
        case .column, .constant: []
        case .negated(let operand), .not(let operand), .isMissing(let operand, _), .isLike(let operand, _, _),
            .cast(let operand, _):
            [operand]
        case .computed(_, let left, let right), .compared(_, let left, let right), .joined(_, let left, let right),
            .glued(let left, let right):
            [left, right]
        case .isIn(let operand, let list, _): [operand] + list
        case .isBetween(let operand, let low, let high, _): [operand, low, high]
        case .choice(let branches, let otherwise):
            branches.flatMap { [$0.when, $0.then] } + (otherwise.map { [$0] } ?? [])
        case .call(_, let arguments, _): arguments
        }
    }

    // MARK: - Writing

    /// As a pipeline file has it, with the parentheses it needs and no others.
    var source: String { written(from: 1) }

    /// `level`: the loosest operator that needs no parentheses here, by the manual's list: 1 is `or`, 9 a plain value.
    private func written(from level: Int) -> String {
        let (own, text) = parts
        return own < level ? "(\(text))" : text
    }

    private var parts: (level: Int, text: String) {
        switch self {
        case .joined("or", let left, let right): return (1, "\(left.written(from: 1)) or \(right.written(from: 2))")
        case .joined(let word, let left, let right):
            return (2, "\(left.written(from: 2)) \(word) \(right.written(from: 3))")
        case .not(let operand): return (3, "not \(operand.written(from: 3))")
        case .compared(let sign, let left, let right):
            return (4, "\(left.written(from: 5)) \(sign) \(right.written(from: 5))")
        case .isMissing(let operand, let isNegated):
            return (4, "\(operand.written(from: 5)) is \(isNegated ? "not " : "")null")
        case .isIn(let operand, let list, let isNegated):
            let values = list.map { $0.written(from: 1) }.joined(separator: ", ")
            return (4, "\(operand.written(from: 5)) \(isNegated ? "not " : "")in (\(values))")
        case .isBetween(let operand, let low, let high, let isNegated):
            let bounds = "\(low.written(from: 5)) and \(high.written(from: 5))"
            return (4, "\(operand.written(from: 5)) \(isNegated ? "not " : "")between \(bounds)")
        case .isLike(let operand, let pattern, let isNegated):
            return (4, "\(operand.written(from: 5)) \(isNegated ? "not " : "")like \(Self.quoted(pattern))")
        case .glued(let left, let right): return (5, "\(left.written(from: 5)) || \(right.written(from: 6))")
        case .computed(let sign, let left, let right):
            let level = ["+", "-"].contains(sign) ? 6 : 7
            return (level, "\(left.written(from: level)) \(sign) \(right.written(from: level + 1))")
        case .negated(let operand): return (8, "-\(operand.written(from: 9))")
        case .column(let name, _): return (9, "\"\(name.replacing("\"", with: "\"\""))\"")
        case .constant(let value, _): return Self.literal(value)
        case .choice(let branches, let otherwise):
            let cases = branches.map { "when \($0.when.source) then \($0.then.source) " }.joined()
            return (9, "case \(cases)\(otherwise.map { "else \($0.source) " } ?? "")end")
        case .cast(let operand, let type): return (9, "cast(\(operand.source) as \(type))")
        case .call(let name, let arguments, _):
            return (9, "\(name)(\(arguments.map(\.source).joined(separator: ", ")))")
        }
    }

    private static func literal(_ value: Cell) -> (Int, String) {
        switch value {
        case .text(let text): return (9, quoted(text))
        case .date(let day): return (9, "date '\(day)'")
        default:
            let text = value.text ?? "null"
            return (text.hasPrefix("-") ? 8 : 9, text)
        }
    }

    private static func quoted(_ text: String) -> String { "'\(text.replacing("'", with: "''"))'" }

    // MARK: - Computing

    /// What it comes to for one row.
    ///
    /// Everything inside is computed, also where it does not count, so that nothing can be too large unseen.
    func value(_ row: [String: Cell]) throws -> Cell {
        let result = try unwidenedValue(row).widened(to: type)
        if let number = result.double, !(abs(number) < 1e12) { throw TooLarge() }
        return result
    }

    private func unwidenedValue(_ row: [String: Cell]) throws -> Cell {
        switch self {
        case .column(let name, _):
            guard let value = row[name] else { preconditionFailure("no column \(name)") }
            return value
        case .constant(let value, _): return value
        case .negated(let operand):
            switch try operand.value(row) {
            case .integer(let value): return .integer(-value)
            case .number(let value): return .number(-value)
            default: return .missing
            }
        case .not(let operand): return Self.truth(Self.isTrue(try operand.value(row)).map { !$0 })
        case .joined(let word, let left, let right):
            return Self.joined(isOr: word == "or", try left.value(row), try right.value(row))
        case .compared(let sign, let left, let right):
            guard let order = try left.value(row).order(beside: try right.value(row)) else { return .missing }
            return .truth(Self.holds(sign, order))
        case .isMissing(let operand, let isNegated): return .truth((try operand.value(row) == .missing) != isNegated)
        case .isIn(let operand, let list, let isNegated):
            let value = try operand.value(row)
            let orders = try list.map { value.order(beside: try $0.value(row)) }
            let found: Bool? = orders.contains(0) ? true : orders.contains(nil) ? nil : false
            return Self.truth(found.map { $0 != isNegated })
        case .isBetween(let operand, let low, let high, let isNegated):
            let value = try operand.value(row)
            let above = value.order(beside: try low.value(row)).map { $0 >= 0 }
            let below = value.order(beside: try high.value(row)).map { $0 <= 0 }
            let both = Self.joined(isOr: false, Self.truth(above), Self.truth(below))
            return Self.truth(Self.isTrue(both).map { $0 != isNegated })
        case .isLike(let operand, let pattern, let isNegated):
            guard let text = try operand.value(row).text else { return .missing }
            return .truth(Self.isLike(Array(text.unicodeScalars)[...], Array(pattern.unicodeScalars)[...]) != isNegated)
        case .glued(let left, let right):
            guard let a = try left.value(row).text, let b = try right.value(row).text else { return .missing }
            return .text(a + b)
        case .choice(let branches, let otherwise):
            let results = try branches.map { (try $0.when.value(row), try $0.then.value(row)) }
            let last = try otherwise?.value(row) ?? .missing
            return results.first { $0.0 == .truth(true) }?.1 ?? last
        case .cast(let operand, let type): return try NaiveTable.cast(try operand.value(row), to: type)
        case .computed(let sign, let left, let right):
            return Self.computed(sign, try left.value(row), try right.value(row))
        case .call(let name, let arguments, _):
            return Self.call(name, try arguments.map { try $0.value(row) }, arguments.map(\.type))
        }
    }

    private static func truth(_ value: Bool?) -> Cell { value.map { .truth($0) } ?? .missing }

    private static func isTrue(_ value: Cell) -> Bool? { if case .truth(let truth) = value { truth } else { nil } }

    private static func joined(isOr: Bool, _ left: Cell, _ right: Cell) -> Cell {
        if left == .truth(isOr) || right == .truth(isOr) { return .truth(isOr) }
        return left == .missing || right == .missing ? .missing : .truth(!isOr)
    }

    private static func holds(_ sign: String, _ order: Int) -> Bool {
        switch sign {
        case "=", "==": order == 0
        case "<>", "!=": order != 0
        case "<": order < 0
        case "<=": order <= 0
        case ">": order > 0
        default: order >= 0
        }
    }

    /// `%` stands for any text, `_` for one character.
    private static func isLike(_ text: ArraySlice<Unicode.Scalar>, _ pattern: ArraySlice<Unicode.Scalar>) -> Bool {
        guard let first = pattern.first else { return text.isEmpty }
        if first == "%" {
            return (text.startIndex...text.endIndex).contains { isLike(text[$0...], pattern.dropFirst()) }
        }
        guard let scalar = text.first, first == "_" || first == scalar else { return false }
        return isLike(text.dropFirst(), pattern.dropFirst())
    }

    /// Assumed, where the manual is silent: `%` has the sign of its left side, and gives nothing for a divisor of zero,
    /// as `/` does.
    private static func computed(_ sign: String, _ left: Cell, _ right: Cell) -> Cell {
        if sign != "/", case .integer(let a) = left, case .integer(let b) = right {
            switch sign {
            case "+": return .integer(a + b)
            case "-": return .integer(a - b)
            case "*": return .integer(a * b)
            default: return b == 0 ? .missing : .integer(a % b)
            }
        }
        guard let a = left.double, let b = right.double else { return .missing }
        switch sign {
        case "+": return .number(a + b)
        case "-": return .number(a - b)
        case "*": return .number(a * b)
        case "/": return b == 0 ? .missing : .number(a / b)
        default: return b == 0 ? .missing : .number(fmod(a, b))
        }
    }

    private static func call(_ name: String, _ values: [Cell], _ types: [ColumnType]) -> Cell {
        let known = values.filter { $0 != .missing }
        switch name {
        case "coalesce": return known.first ?? .missing
        case "nullif": return values[0].order(beside: values[1]) == 0 ? .missing : values[0]
        case "greatest": return known.max { ($0.order(beside: $1) ?? 0) < 0 } ?? .missing
        case "least": return known.min { ($0.order(beside: $1) ?? 0) < 0 } ?? .missing
        case "concat": return .text(known.compactMap(\.text).joined())
        default: break
        }
        // Everything else is missing where one of its arguments is.
        guard known.count == values.count else { return .missing }
        if let number = values[0].double { return numberCall(name, values[0], number, values) }
        let texts = values.map { $0.text ?? "" }
        if case .date(let day) = values[0] { return dateCall(name, day, texts) }
        return textCall(name, texts[0], texts, values)
    }

    /// Assumed: `round` goes away from zero at one half.
    private static func numberCall(_ name: String, _ value: Cell, _ number: Double, _ values: [Cell]) -> Cell {
        switch name {
        case "abs": if case .integer(let whole) = value { .integer(abs(whole)) } else { .number(abs(number)) }
        case "ceil": .integer(Int(number.rounded(.up)))
        case "floor": .integer(Int(number.rounded(.down)))
        case "round" where values.count == 2:
            .number((number * pow(10, values[1].double ?? 0)).rounded() / pow(10, values[1].double ?? 0))
        case "round": .number(number.rounded())
        case "sqrt": .number(number.squareRoot())
        default: preconditionFailure("no function \(name) of numbers")
        }
    }

    private static func dateCall(_ name: String, _ day: String, _ texts: [String]) -> Cell {
        let parts = day.split(separator: "-").compactMap { Int($0) }
        switch name {
        case "year": return .integer(parts[0])
        case "month": return .integer(parts[1])
        case "day": return .integer(parts[2])
        case "date_of": return .date(day)
        // Assumed: from the first to the second.
        case "days_between": return .integer(dayNumber(texts[1]) - dayNumber(day))
        default: preconditionFailure("no function \(name) of dates")
        }
    }

    /// Days since 1970-01-01.
    private static func dayNumber(_ day: String) -> Int {
        var calendar = Calendar(identifier: .gregorian)
        calendar.timeZone = .gmt
        let parts = day.split(separator: "-").compactMap { Int($0) }
        let date = calendar.date(from: DateComponents(year: parts[0], month: parts[1], day: parts[2]))
        return Int(((date?.timeIntervalSince1970 ?? 0) / 86_400).rounded())
    }

    private static func textCall(_ name: String, _ text: String, _ texts: [String], _ values: [Cell]) -> Cell {
        func blanksOff(_ isStart: Bool, _ isEnd: Bool) -> Cell {
            // Assumed: a function takes off every space of Unicode, and no tab or end of a line as the step does.
            func isSpace(_ scalar: Unicode.Scalar?) -> Bool { scalar?.properties.generalCategory == .spaceSeparator }
            var scalars = text.unicodeScalars[...]
            while isStart, isSpace(scalars.first) { scalars.removeFirst() }
            while isEnd, isSpace(scalars.last) { scalars.removeLast() }
            return .text(String(scalars))
        }
        let scalars = Array(text.unicodeScalars)
        func number(_ index: Int) -> Int { Int(values[index].double ?? 0) }
        switch name {
        case "lower": return .text(text.lowercased())
        case "upper": return .text(text.uppercased())
        case "trim": return blanksOff(true, true)
        case "ltrim": return blanksOff(true, false)
        case "rtrim": return blanksOff(false, true)
        case "length": return .integer(scalars.count)
        case "replace": return .text(text.pieces(between: texts[1]).joined(separator: texts[2]))
        case "substr":
            let rest = scalars.dropFirst(number(1) - 1)
            return .text(String(String.UnicodeScalarView(values.count == 3 ? rest.prefix(number(2)) : rest)))
        // Assumed: a part that is not there is empty.
        case "split_part":
            let parts = text.pieces(between: texts[1])
            return .text(number(2) <= parts.count ? parts[number(2) - 1] : "")
        case "contains": return .truth(texts[1].isEmpty || text.pieces(between: texts[1]).count > 1)
        case "starts_with": return .truth(Array(text.utf8).starts(with: Array(texts[1].utf8)))
        case "ends_with": return .truth(Array(text.utf8.reversed()).starts(with: Array(texts[1].utf8.reversed())))
        case "regexp_matches": return .truth(patterns.first { $0.text == texts[1] }?.isFound(text) ?? false)
        default: preconditionFailure("no function \(name) of texts")
        }
    }
}
