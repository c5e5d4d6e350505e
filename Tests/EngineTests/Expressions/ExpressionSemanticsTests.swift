import CaudalModel
import Engine
import TestSupport
import Testing

/// Random expressions, evaluated by DuckDB from the SQL they are printed as and by a small evaluator that knows only
/// what the reference manual says.
@Suite(.tags(.duckDB), .timeLimit(.minutes(15))) struct ExpressionSemanticsTests {
    @Test("Random expressions mean in DuckDB what they say", .tags(.property), .timeLimit(.minutes(15)))
    func randomExpressions() async throws {
        let scratch = try ScratchFolder()
        for seed in UInt64(0)..<12 {
            var random = SplitMix64(seed: seed)
            let rows = (0..<8).map { _ in Self.row(&random) }
            let values = rows.map { row in
                "("
                    + Self.columns.map { "\(sql(row[$0.name] ?? .null))::\(DuckDBDialect().type($0.type))" }
                    .joined(separator: ", ") + ")"
            }
            let names = Self.columns.map { "\"\($0.name)\"" }.joined(separator: ", ")
            let expressions = (0..<60).map { _ in
                Self.expression(Kind.allCases.randomElement(using: &random) ?? .number, 4, &random)
            }
            let list = expressions.enumerated().map { index, text -> String in
                guard let parsed = try? ExpressionParser.parse(text) else { return "'unreadable' AS e\(index)" }
                return "\(DuckDBDialect().expression(parsed)) AS e\(index)"
            }
            let found = try await DuckDB(in: scratch).rows(
                "SELECT \(list.joined(separator: ",\n"))\nFROM (VALUES \(values.joined(separator: ",\n"))) AS t(\(names))"
            )
            #expect(found.count == rows.count, "seed \(seed)")
            for (row, results) in zip(rows, found) {
                for (text, result) in zip(expressions, results) {
                    let parsed = try ExpressionParser.parse(text)
                    _ = try ExpressionTyping(columns: Self.columns).type(of: parsed)
                    let expected = Self.value(of: parsed, row)
                    #expect(
                        Self.agree(expected, result),
                        "seed \(seed): \(text) of \(row) is \(result ?? "null"), not \(expected)")
                }
            }
        }
    }

    // MARK: - Making

    private enum Kind: CaseIterable { case number, text, truth }

    private static let columns = [
        Column("i", .integer), Column("j", .integer), Column("x", .number), Column("s", .text),
        Column("odd name", .text),
        Column("p", .boolean),
    ]
    private static let texts = ["", "a", "Ab", "it's", "%", "a\"b", " x ", "ñ"]

    private static func row(_ random: inout SplitMix64) -> [String: Literal] {
        var row: [String: Literal] = [:]
        for column in columns {
            if Int.random(in: 0..<4, using: &random) == 0 { continue }
            switch column.type {
            case .integer: row[column.name] = .integer(Int64.random(in: -3...3, using: &random))
            case .number: row[column.name] = .number(Double(Int.random(in: -6...6, using: &random)) / 2)
            case .boolean: row[column.name] = .boolean(Bool.random(using: &random))
            default: row[column.name] = .text(texts.randomElement(using: &random) ?? "")
            }
        }
        return row
    }

    private static func expression(_ kind: Kind, _ depth: Int, _ random: inout SplitMix64) -> String {
        func inner(_ kind: Kind) -> String { expression(kind, depth - 1, &random) }
        func one(_ options: [String]) -> String { options.randomElement(using: &random) ?? "" }
        if depth == 0 || Int.random(in: 0..<5, using: &random) == 0 {
            switch kind {
            case .number: return one(["i", "j", "x", "2", "-1", "0", "0.5"])
            case .text: return one(["s", "\"odd name\"", "'a'", "'it''s'", "''"])
            case .truth: return one(["p", "true", "false", "s is null", "i is not null"])
            }
        }
        switch kind {
        case .number:
            switch Int.random(in: 0..<6, using: &random) {
            case 0: return "-\(inner(.number))"
            case 1: return "(\(inner(.number)) \(one(["+", "-", "*", "/"])) \(inner(.number)))"
            case 2: return "\(inner(.number)) \(one(["+", "-", "*"])) (\(inner(.number)))"
            case 3: return "case when \(inner(.truth)) then \(inner(.number)) else \(inner(.number)) end"
            case 4: return "coalesce(\(inner(.number)), \(inner(.number)))"
            default: return one(["abs(\(inner(.number)))", "length(\(inner(.text)))"])
            }
        case .text:
            switch Int.random(in: 0..<3, using: &random) {
            case 0: return "(\(inner(.text)) || \(inner(.text)))"
            case 1: return "coalesce(\(inner(.text)), \(inner(.text)))"
            default: return "case when \(inner(.truth)) then \(inner(.text)) end"
            }
        case .truth:
            switch Int.random(in: 0..<7, using: &random) {
            case 0: return "not (\(inner(.truth)))"
            case 1: return "(\(inner(.truth)) \(one(["and", "or"])) \(inner(.truth)))"
            case 2: return "(\(inner(.number))) \(one(["<", "<=", "=", "<>", ">", ">="])) (\(inner(.number)))"
            case 3: return "\(inner(.text)) \(one(["<", "=", "<>"])) \(inner(.text))"
            case 4: return "(\(inner(.number))) \(one(["", "not "]))in (\(inner(.number)), \(inner(.number)))"
            case 5: return "(\(inner(.number))) \(one(["", "not "]))between (\(inner(.number))) and (\(inner(.number)))"
            default: return "(\(inner(.text))) is \(one(["", "not "]))null"
            }
        }
    }

    // MARK: - Evaluating

    private static func number(_ value: Literal) -> Double? {
        switch value {
        case .integer(let number): Double(number)
        case .number(let number): number
        case .decimal(let text): Double(text)
        default: nil
        }
    }

    private static func truth(_ value: Literal) -> Bool? { if case .boolean(let truth) = value { truth } else { nil } }

    /// -1, 0 or 1; nil when a side is missing.
    private static func order(_ left: Literal, _ right: Literal) -> Int? {
        if let a = number(left), let b = number(right) { return a < b ? -1 : a > b ? 1 : 0 }
        if case .text(let a) = left, case .text(let b) = right {
            return a.utf8.lexicographicallyPrecedes(b.utf8) ? -1 : b.utf8.lexicographicallyPrecedes(a.utf8) ? 1 : 0
        }
        return nil
    }

    private static func both(_ left: Bool?, _ right: Bool?) -> Bool? {
        if left == false || right == false { return false }
        return left == nil || right == nil ? nil : true
    }

    private static func made(_ truth: Bool?) -> Literal { truth.map { .boolean($0) } ?? .null }

    private static func value(of expression: Expression, _ row: [String: Literal]) -> Literal {
        func value(_ inner: Expression) -> Literal { Self.value(of: inner, row) }
        switch expression.node {
        case .column(let name): return row[name] ?? .null
        case .literal(.decimal(let text)): return .number(Double(text) ?? .nan)
        case .literal(let literal): return literal
        case .negate(let operand): return number(value(operand)).map { .number(-$0) } ?? .null
        case .not(let operand): return made(truth(value(operand)).map { !$0 })
        case .binary(let operation, let left, let right): return binary(operation, value(left), value(right))
        case .isNull(let operand, let negated): return .boolean((value(operand) == .null) != negated)
        case .isIn(let operand, let list, let negated):
            let matches = list.map { order(value(operand), value($0)).map { $0 == 0 } }
            let found: Bool? = matches.contains(true) ? true : matches.contains(nil) ? nil : false
            return made(found.map { $0 != negated })
        case .isBetween(let operand, let low, let high, let negated):
            let found = both(
                order(value(operand), value(low)).map { $0 >= 0 }, order(value(operand), value(high)).map { $0 <= 0 })
            return made(found.map { $0 != negated })
        case .cases(let branches, let otherwise):
            for branch in branches where truth(value(branch.when)) == true { return value(branch.then) }
            return otherwise.map(value) ?? .null
        case .call(.coalesce, let arguments): return arguments.map(value).first { $0 != .null } ?? .null
        case .call(.abs, let arguments): return number(value(arguments[0])).map { .number(abs($0)) } ?? .null
        case .call(.length, let arguments):
            if case .text(let text) = value(arguments[0]) { return .integer(Int64(text.unicodeScalars.count)) }
            return .null
        case .call, .reference, .isLike, .cast: return .text("not evaluated here")
        }
    }

    private static func binary(_ operation: Expression.BinaryOperator, _ left: Literal, _ right: Literal) -> Literal {
        switch operation {
        case .and: return made(both(truth(left), truth(right)))
        case .or: return made(both(truth(left).map { !$0 }, truth(right).map { !$0 }).map { !$0 })
        case .equal: return made(order(left, right).map { $0 == 0 })
        case .notEqual: return made(order(left, right).map { $0 != 0 })
        case .less: return made(order(left, right).map { $0 < 0 })
        case .lessOrEqual: return made(order(left, right).map { $0 <= 0 })
        case .greater: return made(order(left, right).map { $0 > 0 })
        case .greaterOrEqual: return made(order(left, right).map { $0 >= 0 })
        case .concatenate:
            if case .text(let a) = left, case .text(let b) = right { return .text(a + b) }
            return .null
        case .add, .subtract, .multiply, .divide, .remainder:
            guard let a = number(left), let b = number(right) else { return .null }
            switch operation {
            case .add: return .number(a + b)
            case .subtract: return .number(a - b)
            case .multiply: return .number(a * b)
            default: return b == 0 ? .null : .number(a / b)
            }
        }
    }

    private static func agree(_ expected: Literal, _ found: String?) -> Bool {
        switch expected {
        case .null: return found == nil
        case .boolean(let truth): return found == String(truth)
        case .text(let text): return found == text
        default:
            guard let a = number(expected), let b = found.flatMap({ Double($0) }) else { return false }
            return abs(a - b) <= 1e-9 * max(1, abs(a))
        }
    }

    private func sql(_ literal: Literal) -> String { DuckDBDialect().literal(literal) }
}
