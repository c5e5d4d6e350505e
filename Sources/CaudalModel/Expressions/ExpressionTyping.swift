extension Expression.Function {
    /// The type that an argument must have.
    enum Argument: Sendable {
        case text, number, integer, date, any
    }

    /// The type of a function's result.
    enum Result: Sendable {
        case type(ColumnType)
        /// The type of the first argument.
        case same
        /// The common type of all arguments.
        case common
    }

    /// The types of a function's arguments and its result.
    ///
    /// The last argument's type applies to all further arguments.
    struct Signature: Sendable {
        let arguments: [Argument]
        let counts: ClosedRange<Int>
        let result: Result
    }

    var signature: Signature {
        switch self {
        case .abs: Signature(arguments: [.number], counts: 1...1, result: .same)
        case .ceil, .floor: Signature(arguments: [.number], counts: 1...1, result: .type(.integer))
        case .round: Signature(arguments: [.number, .integer], counts: 1...2, result: .type(.number))
        case .sqrt: Signature(arguments: [.number], counts: 1...1, result: .type(.number))
        case .coalesce, .greatest, .least: Signature(arguments: [.any], counts: 2...Int.max, result: .common)
        case .nullif: Signature(arguments: [.any], counts: 2...2, result: .same)
        case .concat: Signature(arguments: [.any], counts: 1...Int.max, result: .type(.text))
        case .contains, .endsWith, .startsWith, .regexpMatches:
            Signature(arguments: [.text], counts: 2...2, result: .type(.boolean))
        case .lower, .upper, .trim, .ltrim, .rtrim, .sha256:
            Signature(arguments: [.text], counts: 1...1, result: .type(.text))
        case .length: Signature(arguments: [.text], counts: 1...1, result: .type(.integer))
        case .replace, .regexpReplace: Signature(arguments: [.text], counts: 3...3, result: .type(.text))
        case .substr: Signature(arguments: [.text, .integer], counts: 2...3, result: .type(.text))
        case .splitPart: Signature(arguments: [.text, .text, .integer], counts: 3...3, result: .type(.text))
        case .year, .month, .day, .hour: Signature(arguments: [.date], counts: 1...1, result: .type(.integer))
        case .dateOf: Signature(arguments: [.date], counts: 1...1, result: .type(.date))
        case .daysBetween: Signature(arguments: [.date], counts: 2...2, result: .type(.integer))
        }
    }
}

/// Finds the type of an expression over known columns, and reports type errors in it.
package struct ExpressionTyping {
    /// The columns that the expression can use.
    package let columns: [Column]
    /// The types of parameters and item variables; those without an entry are text.
    package let references: [Template.Reference: ColumnType]
    /// How texts state times; nil when unknown, so that a time made of a text may be of either kind.
    private let namedTimes: NamedTimes?
    /// Whether the zone of times without an offset is known.
    private let hasZone: Bool

    package init(
        columns: [Column], references: [Template.Reference: ColumnType] = [:], namedTimes: NamedTimes? = nil,
        hasZone: Bool = false
    ) {
        self.columns = columns
        self.references = references
        self.namedTimes = namedTimes
        self.hasZone = hasZone
    }

    /// The type of `expression`; nil for a null literal.
    ///
    /// - Throws: ``ExpressionFault`` for a missing column or for operands of wrong types.
    package func type(of expression: Expression) throws(ExpressionFault) -> ColumnType? {
        switch expression.node {
        case .column(let name): return try column(name, at: expression.offset).type
        case .literal(let literal): return literal.type
        case .reference(let reference): return references[reference] ?? .text
        case .negate(let operand):
            return try numeric(operand, "'-'")
        case .not(let operand):
            try require(operand, isBoolean: "'not'")
            return .boolean
        case .binary(let operation, let left, let right):
            return try binary(operation, left, right, at: expression.offset)
        case .isNull(let operand, _):
            _ = try type(of: operand)
            return .boolean
        case .isIn(let operand, let list, _):
            for element in list { try requireComparable(operand, element, at: element.offset) }
            return .boolean
        case .isBetween(let operand, let low, let high, _):
            try requireComparable(operand, low, at: low.offset)
            try requireComparable(operand, high, at: high.offset)
            return .boolean
        case .isLike(let operand, _, _):
            try require(operand, .text, of: "'like'")
            return .boolean
        case .cases(let branches, let otherwise):
            for branch in branches { try require(branch.when, isBoolean: "'when'") }
            return try common(branches.map(\.then) + (otherwise.map { [$0] } ?? []), of: "'case'")
        case .cast(let operand, let target):
            let found = try type(of: operand)
            if let found, found.neverBecomes(target) {
                throw ExpressionFault("\(found) does not become \(target)", at: expression.offset)
            }
            if target != .timestamp { return target }
            return try makesPoints(operand)
                ? .timestamp : timeType(of: found, columns: operand.columns, literal: operand)
        case .call(let function, let arguments): return try call(function, arguments)
        }
    }

    private func column(_ name: String, at offset: Int) throws(ExpressionFault) -> Column {
        if let column = columns.first(where: { $0.name == name }) { return column }
        let names = columns.map(\.name)
        if let close = names.first(where: { $0.lowercased() == name.lowercased() }) {
            throw ExpressionFault("there is no column '\(name)'", remedy: "it is written '\(close)'", at: offset)
        }
        let close = Suggestion.closest(to: name, among: names).map { "did you mean '\($0)'?" }
        throw ExpressionFault(
            "there is no column '\(name)'", remedy: close ?? "the columns are \(names.joined(separator: ", "))",
            at: offset)
    }

    private func binary(
        _ operation: Expression.BinaryOperator, _ left: Expression, _ right: Expression, at offset: Int
    ) throws(ExpressionFault) -> ColumnType? {
        switch operation {
        case .and, .or:
            try require(left, isBoolean: "'\(operation.rawValue)'")
            try require(right, isBoolean: "'\(operation.rawValue)'")
            return .boolean
        case .equal, .notEqual, .less, .lessOrEqual, .greater, .greaterOrEqual:
            try requireComparable(left, right, at: offset)
            return .boolean
        case .concatenate:
            _ = try type(of: left)
            _ = try type(of: right)
            return .text
        case .divide:
            _ = try numeric(left, "'/'")
            _ = try numeric(right, "'/'")
            return .number
        case .add, .subtract, .multiply, .remainder:
            let first = try numeric(left, "'\(operation.rawValue)'")
            let second = try numeric(right, "'\(operation.rawValue)'")
            return first == .integer && second == .integer ? .integer : .number
        }
    }

    private func call(_ function: Expression.Function, _ arguments: [Expression]) throws(ExpressionFault) -> ColumnType?
    {
        let signature = function.signature
        if [.regexpMatches, .regexpReplace].contains(function), arguments.count > 1,
            case .literal(.text(let pattern)) = arguments[1].node, let fault = PatternSyntax.fault(in: pattern)
        {
            throw ExpressionFault(
                "the pattern '\(pattern.shortened(to: 60))' cannot be used: \(fault.message)", remedy: fault.remedy,
                at: arguments[1].offset)
        }
        for (index, argument) in arguments.enumerated() {
            let what = "'\(function.rawValue)'"
            switch signature.arguments[min(index, signature.arguments.count - 1)] {
            case .any: _ = try type(of: argument)
            case .text: try require(argument, .text, of: what)
            case .number: _ = try numeric(argument, what)
            case .integer: try require(argument, .integer, of: what)
            case .date:
                let found = try type(of: argument)
                guard found?.isTime ?? true else {
                    throw misfit(argument, found, "a date", what)
                }
            }
        }
        switch signature.result {
        case .type(let type): return type
        case .same:
            guard let first = arguments.first else { return nil }
            return try type(of: first)
        case .common: return try common(arguments, of: "'\(function.rawValue)'")
        }
    }

    // MARK: - Requirements

    private func numeric(_ operand: Expression, _ what: String) throws(ExpressionFault) -> ColumnType? {
        guard let found = try type(of: operand) else { return nil }
        guard found.isNumeric else { throw misfit(operand, found, "a number", what) }
        return found
    }

    private func require(_ operand: Expression, isBoolean what: String) throws(ExpressionFault) {
        try require(operand, .boolean, of: what)
    }

    private func require(_ operand: Expression, _ wanted: ColumnType, of what: String) throws(ExpressionFault) {
        let found = try type(of: operand)
        guard found == nil || found == wanted else { throw misfit(operand, found, "\(wanted)", what) }
    }

    private func misfit(_ operand: Expression, _ found: ColumnType?, _ wanted: String, _ what: String)
        -> ExpressionFault
    {
        let name: String
        if case .column(let column) = operand.node {
            name = "'\(column)' is \(found?.description ?? "null")"
        } else {
            name = "this is \(found?.description ?? "null")"
        }
        let number = found?.isWideInteger == true ? found?.castName ?? "" : "number"
        return ExpressionFault(
            "\(what) needs \(wanted), and \(name)",
            remedy: "use cast(… as \(wanted == "a number" ? number : wanted))", at: operand.offset)
    }

    private func requireComparable(_ left: Expression, _ right: Expression, at offset: Int) throws(ExpressionFault) {
        guard let first = try type(of: left), let second = try type(of: right) else { return }
        if first == second || first.isNumeric && second.isNumeric { return }
        if first.isTime, second.isTime { return }
        let target = second.isWideInteger ? second : first
        throw ExpressionFault(
            "\(first) cannot be compared with \(second)",
            remedy: "use cast(… as \(target.castName)) or date '2026-11-23' for a date",
            at: offset)
    }

    private func common(_ operands: [Expression], of what: String) throws(ExpressionFault) -> ColumnType? {
        var result: ColumnType?
        for operand in operands {
            guard let found = try type(of: operand) else { continue }
            guard let known = result else {
                result = found
                continue
            }
            if known == found { continue }
            // Compared with points in time, a time that the pipeline file writes without a zone is in UTC.
            let isWritten = if case .literal = operand.node { true } else { false }
            if known == .timestamp, found == .localTimestamp, isWritten { continue }
            let isOpen = namedTimes == nil && operands.contains(where: \.castsToTimestamp)
            if isOpen, known != .date, found != .date, known.isTime, found.isTime { continue }
            guard known.isNumeric, found.isNumeric else {
                throw ExpressionFault(
                    "\(what) mixes \(known) and \(found)", remedy: "cast them to one type", at: operand.offset)
            }
            result = .number
        }
        return result
    }
}

// MARK: - Times

extension ExpressionTyping {
    /// The type of a column after a cast to `timestamp`.
    package func timeType(of column: Column) -> ColumnType {
        timeType(of: column.type, columns: [column.name], literal: nil)
    }

    /// Whether a cast to `timestamp` gives points in time, or local times whose zone is unknown.
    private func timeType(of found: ColumnType?, columns: [String], literal: Expression?) -> ColumnType {
        switch found {
        case .timestamp, .other: return .timestamp
        case .localTimestamp: return .localTimestamp
        case .date: return hasZone ? .timestamp : .localTimestamp
        case nil, .text, .integer, .number, .decimal, .boolean:
            if case .literal(.text(let text)) = literal?.node, ColumnType.namesOffset(text) { return .timestamp }
            guard let namedTimes, !hasZone else { return .timestamp }
            return namedTimes.withOffset.union(namedTimes.mixed).isDisjoint(with: columns)
                ? .localTimestamp : .timestamp
        }
    }

    /// Whether a computed text has points in time in it, and so offsets.
    package func makesPoints(_ expression: Expression) throws(ExpressionFault) -> Bool {
        for operand in expression.textOperands where try type(of: operand) == .timestamp { return true }
        return false
    }

    /// The expression with each cast to `timestamp` replaced by a cast to the type that it gives.
    ///
    /// - Throws: ``ExpressionFault`` for a missing column or for operands of wrong types.
    package func withSettledTimes(_ expression: Expression) throws(ExpressionFault) -> Expression {
        let inner = try expression.mappingChildren { child throws(ExpressionFault) in try withSettledTimes(child) }
        guard case .cast(let operand, .timestamp) = inner.node else { return inner }
        let type = try type(of: expression)
        // A value that is a time already keeps its type.
        if let found = try self.type(of: operand), found.isTime, found != .date { return operand }
        return Expression(.cast(operand, type ?? .timestamp), at: expression.offset)
    }
}
