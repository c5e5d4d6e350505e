import CaudalModel

/// Prints an expression of the pipeline file as SQL that gives the same with every engine.
struct ExpressionPrinter {
    private let sql: any SQLDialect
    private let references: [Template.Reference: ColumnType]
    /// The columns that are true where a time column has a local time, by the names of those with both kinds.
    private let flags: [String: String]
    private let keepsTimesApart: Bool
    private let typing: ExpressionTyping
    /// The columns that are floating point, and those that are integers.
    private let numbers: Set<String>
    private let integers: Set<String>
    /// Whether decimals with more digits than floating point holds are not compared with floating point.
    private var isExact = true

    init(
        _ sql: any SQLDialect, references: [Template.Reference: ColumnType], columns: [Column],
        flags: [String: String], keepsTimesApart: Bool
    ) {
        self.sql = sql
        self.flags = flags
        self.references = references
        self.keepsTimesApart = keepsTimesApart
        typing = ExpressionTyping(columns: columns, references: references)
        numbers = Set(columns.filter { $0.type == .number }.map(\.name))
        integers = Set(columns.filter { $0.type == .integer }.map(\.name))
    }

    /// The SQL of an expression.
    func text(of expression: Expression) -> String {
        var printer = self
        printer.isExact = isExact && !expression.compares(numbers, references)
        return printer.text(ofNode: expression)
    }

    private func text(ofNode expression: Expression) -> String {
        switch expression.node {
        case .column(let column): sql.name(column)
        case .literal(.decimal(let text)) where !isExact && Literal.type(ofDecimal: text) != .number:
            sql.literal(.number(Double(text) ?? .nan))
        case .literal(let value): sql.literal(value)
        case .reference(let reference): sql.variable(reference, as: references[reference] ?? .text)
        case .negate(let inner): "-\(wide(inner) ?? operand(inner))"
        case .not(let inner): "NOT \(operand(inner))"
        case .binary(let operation, let left, let right): binary(operation, left, right)
        case .isNull(let inner, let negated): "\(operand(inner)) IS \(negated ? "NOT " : "")NULL"
        case .isIn(let inner, let list, let negated):
            "\(operand(inner, beside: list)) \(negated ? "NOT " : "")IN ("
                + list.map { isRounded($0, beside: [inner]) ? number($0) : text(of: $0) }.joined(separator: ", ") + ")"
        case .isBetween(let inner, let low, let high, let negated):
            "\(operand(inner, beside: [low, high])) \(negated ? "NOT " : "")"
                + "BETWEEN \(operand(low, beside: [inner])) AND \(operand(high, beside: [inner]))"
        case .isLike(let inner, let pattern, let negated): sql.like(operand(inner), pattern, negated: negated)
        case .cases(let branches, let otherwise):
            "CASE " + branches.map { "WHEN \(text(of: $0.when)) THEN \(text(of: $0.then))" }.joined(separator: " ")
                + "\(otherwise.map { " ELSE \(text(of: $0))" } ?? "") END"
        case .cast(let inner, let type): cast(inner, to: type)
        case .call(let function, let arguments): call(function, arguments)
        }
    }

    // MARK: - Operators

    private func binary(_ operation: Expression.BinaryOperator, _ left: Expression, _ right: Expression) -> String {
        switch operation {
        case .concatenate:
            return "\(words(left, operand)) || \(words(right, operand))"
        case .divide:
            // Engines disagree about integer division and division by zero: divide as floating point, and return null
            // for zero.
            return "\(number(left)) / NULLIF(\(number(right)), 0)"
        case .remainder: return "\(operand(left)) % NULLIF(\(operand(right)), 0)"
        case .add where isWide(left, .add, right), .subtract where isWide(left, .subtract, right),
            .multiply where isWide(left, .multiply, right):
            return "\(widened(left)) \(operation.rawValue) \(widened(right))"
        case .multiply where left.makesLongProduct(with: right): return "\(number(left)) * \(number(right))"
        case .or, .and, .equal, .notEqual, .less, .lessOrEqual, .greater, .greaterOrEqual, .add, .subtract, .multiply:
            let isShort =
                [.add, .subtract, .multiply].contains(operation) && left.isShort(integers) && right.isShort(integers)
            let first = isShort ? sql.cast(text(of: left), to: .integer) : operand(left, beside: [right])
            return "\(first) \(operation.rawValue.uppercased()) \(operand(right, beside: [left]))"
        }
    }

    /// Whether decimal columns, beside each other or whole numbers, give more digits than the 18 with which the engine computes
    /// as long as neither of them has more: it then fails with an overflow.
    private func isWide(_ left: Expression, _ operation: Expression.BinaryOperator, _ right: Expression) -> Bool {
        guard let first = digits(of: left), let second = digits(of: right),
            first.whole + first.scale <= 18, second.whole + second.scale <= 18, first.scale + second.scale > 0
        else { return false }
        let count =
            operation == .multiply
            ? first.whole + first.scale + second.whole + second.scale
            : max(first.whole, second.whole) + 1 + max(first.scale, second.scale)
        return count > 18
    }

    /// The digits of a decimal column, or of a whole number that is written out, before and behind the point.
    private func digits(of operand: Expression) -> (whole: Int, scale: Int)? {
        switch (operand.node, type(of: operand)) {
        case (.literal(.integer(let number)), _): (String(number.magnitude).count, 0)
        case (.column, .decimal(let precision, let scale)): (precision - scale, scale)
        default: nil
        }
    }

    /// A decimal column with room for more digits; a whole number as it is.
    private func widened(_ operand: Expression) -> String {
        guard case .column = operand.node, let scale = digits(of: operand)?.scale else { return text(of: operand) }
        return sql.cast(text(of: operand), to: .decimal(precision: 19, scale: scale))
    }

    private func cast(_ inner: Expression, to type: ColumnType) -> String {
        switch type {
        case .timestamp where self.type(of: inner) == .date, .localTimestamp where self.type(of: inner) == .date:
            return sql.convert(text(of: inner), from: .date, to: type)
        // The operand of a cast may be a text that states a point in time with an offset.
        case .timestamp, .localTimestamp:
            let value = sql.cast(text(of: inner), to: .text)
            return keepsTimesApart
                ? sql.refusing(value, as: type, of: "a text", otherwise: sql.cast(value, to: .timestamp))
                : sql.moment(value, isStrict: true)
        case .date: return sql.day(sql.cast(text(of: inner), to: .text), isStrict: true)
        case .integer: return sql.convert(plain(inner, text(of:)), from: self.type(of: inner), to: type)
        case .text: return words(inner, text(of:))
        default: return sql.convert(text(of: inner), from: self.type(of: inner), to: type)
        }
    }

    private func call(_ function: Expression.Function, _ arguments: [Expression]) -> String {
        if function == .concat {
            // Other values the function itself writes as a cast would.
            return sql.call(
                .concat, arguments.map { type(of: $0)?.isTime == true ? words($0, text(of:)) : plain($0, text(of:)) })
        }
        let printed = arguments.map { function == .abs ? wide($0) ?? text(of: $0) : text(of: $0) }
        if arguments.count > 1, case .literal(.text(let pattern)) = arguments[1].node,
            [.regexpMatches, .regexpReplace].contains(function)
        {
            var replacement: String?
            if case .literal(.text(let text))? = arguments.dropFirst(2).first?.node { replacement = text }
            let own = sql.patternCall(function, printed, pattern: pattern, replacement: replacement)
            if let own { return own }
        }
        return sql.call(function, printed)
    }

    // MARK: - Operands

    private func type(of expression: Expression) -> ColumnType? { (try? typing.type(of: expression)) ?? nil }

    private func operand(_ inner: Expression) -> String {
        switch inner.node {
        case .column, .literal, .reference, .call, .cast: text(of: inner)
        default: "(\(text(of: inner)))"
        }
    }

    private func operand(_ inner: Expression, beside others: [Expression]) -> String {
        isRounded(inner, beside: others) ? number(inner) : operand(inner)
    }

    /// An operand as floating point.
    private func number(_ inner: Expression) -> String {
        guard let type = type(of: inner), case .decimal = type else { return sql.cast(operand(inner), to: .number) }
        return sql.convert(operand(inner), from: type, to: .number)
    }

    /// Whether it is a decimal beside floating point, and so made that.
    private func isRounded(_ inner: Expression, beside others: [Expression]) -> Bool {
        guard case .decimal? = type(of: inner) else { return false }
        return others.contains { !$0.isOfDecimals && type(of: $0) == .number }
    }

    /// An integer with 64 bits: engines compute with short literals in 32, and with columns in what files have.
    private func wide(_ inner: Expression) -> String? {
        inner.isShort(integers) && !inner.isShort([]) ? sql.cast(text(of: inner), to: .integer) : nil
    }

    /// A value as text: numbers without trailing zeros, and times as files of text have them.
    private func words(_ expression: Expression, _ print: (Expression) -> String) -> String {
        if case .column(let name) = expression.node, let flag = flags[name] {
            return "(\(sql.writtenTime(print(expression), isLocal: sql.name(flag))))"
        }
        let type = type(of: expression)
        let text = sql.convert(plain(expression, print), from: type, to: .text)
        return type?.isTime == true ? "(\(text))" : text
    }

    /// A text of a number computed from decimals: without trailing zeros, rounded as floating point is.
    private func plain(_ expression: Expression, _ print: (Expression) -> String) -> String {
        expression.isOfDecimals ? sql.cast(print(expression), to: .number) : print(expression)
    }
}

extension Expression {
    /// Whether it is an integer literal or a column of `integers`, which an engine may treat as having less than 64 bits.
    fileprivate func isShort(_ integers: Set<String>) -> Bool {
        func areShort(_ values: [Expression]) -> Bool {
            let known = values.filter { $0.node != .literal(.null) }
            return !known.isEmpty && known.allSatisfy { $0.isShort(integers) }
        }
        return switch node {
        case .literal(.integer): true
        case .column(let name): integers.contains(name)
        case .negate(let operand): operand.isShort(integers)
        case .cases(let branches, let otherwise): areShort(branches.map(\.then) + (otherwise.map { [$0] } ?? []))
        case .binary(.remainder, let left, let right): areShort([left, right])
        case .call(.abs, let arguments), .call(.coalesce, let arguments), .call(.greatest, let arguments),
            .call(.least, let arguments):
            areShort(arguments)
        case .call(.nullif, let arguments): arguments.first?.isShort(integers) == true
        // Results of other operations are cast.
        case .binary, .literal, .reference, .not, .isNull, .isIn, .isBetween, .isLike, .cast, .call: false
        }
    }

    /// Whether it is a number that the engine treats as a decimal because of a decimal literal.
    fileprivate var isOfDecimals: Bool {
        switch node {
        case .literal(.decimal(let text)): Literal.type(ofDecimal: text) == .number
        case .negate(let operand): operand.isOfDecimals
        case .binary(.add, let left, let right), .binary(.subtract, let left, let right),
            .binary(.multiply, let left, let right), .binary(.remainder, let left, let right):
            left.isOfDecimals || right.isOfDecimals
        case .cases(let branches, let otherwise):
            branches.contains { $0.then.isOfDecimals } || otherwise?.isOfDecimals == true
        case .call(.abs, let arguments), .call(.coalesce, let arguments), .call(.greatest, let arguments),
            .call(.least, let arguments), .call(.nullif, let arguments):
            arguments.contains(where: \.isOfDecimals)
        case .binary, .column, .literal, .reference, .not, .isNull, .isIn, .isBetween, .isLike, .cast, .call: false
        }
    }

    /// Whether it compares or computes with floating-point columns or bound values.
    fileprivate func compares(_ numbers: Set<String>, _ references: [Template.Reference: ColumnType]) -> Bool {
        switch node {
        case .binary, .isIn, .isBetween:
            columns.contains(where: numbers.contains) || self.references.contains { references[$0] == .number }
        default: false
        }
    }

    /// Whether a product could have more digits than decimals allow: then it is floating point.
    fileprivate func makesLongProduct(with other: Expression) -> Bool {
        func isComputed(_ expression: Expression) -> Bool {
            if case .literal = expression.node { false } else { expression.isOfDecimals }
        }
        return isComputed(self) && isComputed(other) || places + other.places > 18
    }

    /// The number of decimal places that its decimal literals give to the result.
    private var places: Int {
        switch node {
        case .literal(.decimal(let text)): Literal.places(ofDecimal: text)?.scale ?? 0
        case .negate(let operand): operand.places
        case .binary(.multiply, let left, let right): left.places + right.places
        case .binary(.add, let left, let right), .binary(.subtract, let left, let right): max(left.places, right.places)
        default: 0
        }
    }
}
