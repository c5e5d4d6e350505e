/// How one engine writes what every engine can do.
///
/// Nothing is left to an engine's defaults: types are cast by name, the order of nulls is written out, and values
/// that come from outside are bound and never pasted.
package protocol SQLDialect: Sendable {
    /// The zone of times that name no offset; nil takes them as UTC.
    var zone: String? { get }
    /// A name, quoted so that it can hold anything.
    func name(_ text: String) -> String
    /// A text as a literal.
    func text(_ text: String) -> String
    /// A type by its name in this engine.
    func type(_ type: ColumnType) -> String
    /// A bound value: a parameter, an item's value, a fact of the run.
    func variable(_ reference: Template.Reference, as type: ColumnType) -> String
    /// A cast that gives null where the value does not fit.
    func tryCast(_ sql: String, to type: ColumnType) -> String
    /// A cast that fails where the value does not fit.
    func cast(_ sql: String, to type: ColumnType) -> String
    /// A call of a function; the arguments are printed already.
    func call(_ function: Expression.Function, _ arguments: [String]) -> String
    /// Whether all of `sql` matches a regular expression somewhere.
    func matches(_ sql: String, pattern: String) -> String
}

extension SQLDialect {
    /// A literal of any type.
    package func literal(_ literal: Literal) -> String {
        switch literal {
        case .null: "NULL"
        case .boolean(let value): value ? "TRUE" : "FALSE"
        case .integer(let number): number < 0 ? "(\(number))" : String(number)
        case .number(let number): cast(text(number.description), to: .number)
        case .decimal(let number): cast(text(number), to: Literal.exactType(ofDecimal: number))
        case .text(let value): text(value)
        case .date(let day): cast(text(day), to: .date)
        case .timestamp(let moment): MomentSQL.literal(moment, self)
        }
    }

    /// A value in a type, exactly: null where it does not fit without being changed.
    ///
    /// Engines round what does not fit a whole number; `10.4` is none.
    func exactCast(_ value: String, from old: ColumnType, to new: ColumnType) -> String {
        switch (old, new) {
        case _ where old == new: value
        case (.text, .integer):
            "CASE WHEN \(tryCast(value, to: .number)) = \(tryCast(value, to: .integer)) AND NOT contains(\(value), '_') "
                + "THEN \(tryCast(value, to: .integer)) END"
        case (.text, .number):
            "CASE WHEN NOT contains(\(value), '_') THEN \(tryCast(value, to: .number)) END"
        case (.number, .integer), (.decimal, .integer):
            "CASE WHEN \(tryCast(value, to: .integer)) = \(value) THEN \(tryCast(value, to: .integer)) END"
        case (.text, .timestamp): MomentSQL.moment(value, self)
        case (.text, .localTimestamp): MomentSQL.time(value, as: .localTimestamp, self)
        case (.text, .date): MomentSQL.day(value, self)
        default: tryCast(value, to: new)
        }
    }

    /// Two keys in a form in which they are compared; nil when their types have nothing in common.
    ///
    /// Beside a text, the other type decides: `07` is the number 7, and what is no number equals none.
    func comparable(
        _ left: (value: String, type: ColumnType), _ right: (value: String, type: ColumnType)
    ) -> (left: String, right: String)? {
        if left.type == right.type || left.type.isNumeric && right.type.isNumeric { return (left.value, right.value) }
        // Local times count as UTC where they are compared.
        if left.type.isTime, right.type.isTime, left.type != .date, right.type != .date {
            return (left.value, right.value)
        }
        if right.type == .text { return (left.value, exactCast(right.value, from: .text, to: left.type)) }
        if left.type == .text { return (exactCast(left.value, from: .text, to: right.type), right.value) }
        return nil
    }

    /// A number as a literal: a whole one where it is whole.
    func literal(_ number: Double) -> String {
        number == number.rounded() && abs(number) < 1e15
            ? literal(.integer(Int64(number))) : literal(.number(number))
    }

    /// An expression over columns that are in sight under their own names.
    ///
    /// `references` gives the types of bound values; those it does not have are text.
    /// `keepsTimesApart`: whether a cast to points in time fails where a text names no offset, and one to local times where
    /// one does; otherwise those are taken as times in UTC, which is enough for comparing.
    package func expression(
        _ expression: Expression, references: [Template.Reference: ColumnType] = [:], columns: [Column] = [],
        keepsTimesApart: Bool = false
    ) -> String {
        let numbers = Set(columns.filter { $0.type == .number }.map(\.name))
        return self.expression(expression, references, numbers, isExact: true, keepsTimesApart: keepsTimesApart)
    }

    /// The same for what is inside of another expression.
    ///
    /// `numbers`: the columns of floating point.
    /// `isExact`: whether decimals with more digits than floating point has meet none.
    private func expression(
        _ expression: Expression, _ references: [Template.Reference: ColumnType], _ numbers: Set<String>, isExact: Bool,
        keepsTimesApart: Bool
    ) -> String {
        let isExact = isExact && !expression.compares(numbers, references)
        func print(_ inner: Expression) -> String {
            self.expression(inner, references, numbers, isExact: isExact, keepsTimesApart: keepsTimesApart)
        }
        func operand(_ inner: Expression) -> String {
            switch inner.node {
            case .column, .literal, .reference, .call, .cast: print(inner)
            default: "(\(print(inner)))"
            }
        }
        switch expression.node {
        case .column(let column): return name(column)
        case .literal(.decimal(let text)) where !isExact && Literal.type(ofDecimal: text) != .number:
            return literal(.number(Double(text) ?? .nan))
        case .literal(let value): return literal(value)
        case .reference(let reference): return variable(reference, as: references[reference] ?? .text)
        case .negate(let inner): return "-\(operand(inner))"
        case .not(let inner): return "NOT \(operand(inner))"
        case .binary(.concatenate, let left, let right):
            return "\(cast(plain(left, operand), to: .text)) || \(cast(plain(right, operand), to: .text))"
        case .binary(.divide, let left, let right):
            // Engines disagree about whole numbers and about zero: divide as floating point, null for zero.
            return "\(cast(operand(left), to: .number)) / NULLIF(\(cast(operand(right), to: .number)), 0)"
        case .binary(.remainder, let left, let right): return "\(operand(left)) % NULLIF(\(operand(right)), 0)"
        case .binary(.multiply, let left, let right) where left.makesLongProduct(with: right):
            return "\(cast(operand(left), to: .number)) * \(cast(operand(right), to: .number))"
        case .binary(let operation, let left, let right):
            // An integer has 64 bits, and engines compute with short literals in 32.
            let isShort = [.add, .subtract, .multiply].contains(operation) && left.isShort && right.isShort
            let first = isShort ? cast(print(left), to: .integer) : operand(left)
            return "\(first) \(operation.rawValue.uppercased()) \(operand(right))"
        case .isNull(let inner, let negated): return "\(operand(inner)) IS \(negated ? "NOT " : "")NULL"
        case .isIn(let inner, let list, let negated):
            return "\(operand(inner)) \(negated ? "NOT " : "")IN (\(list.map(print).joined(separator: ", ")))"
        case .isBetween(let inner, let low, let high, let negated):
            return "\(operand(inner)) \(negated ? "NOT " : "")BETWEEN \(operand(low)) AND \(operand(high))"
        case .isLike(let inner, let pattern, let negated):
            return "\(operand(inner)) \(negated ? "NOT " : "")LIKE \(text(pattern))"
        case .cases(let branches, let otherwise):
            let list = branches.map { "WHEN \(print($0.when)) THEN \(print($0.then))" }.joined(separator: " ")
            return "CASE \(list)\(otherwise.map { " ELSE \(print($0))" } ?? "") END"
        // What is cast may be a text, which names a point in time with an offset at times.
        case .cast(let inner, let type) where keepsTimesApart && [.timestamp, .localTimestamp].contains(type):
            let value = cast(print(inner), to: .text)
            return MomentSQL.refusing(
                value, as: type, of: "a text", otherwise: cast(value, to: .timestamp), self)
        case .cast(let inner, .timestamp), .cast(let inner, .localTimestamp):
            return MomentSQL.moment(cast(print(inner), to: .text), self, isStrict: true)
        case .cast(let inner, .date): return MomentSQL.day(cast(print(inner), to: .text), self, isStrict: true)
        case .cast(let inner, let type) where type == .integer || type == .text:
            return cast(plain(inner, print), to: type)
        case .cast(let inner, let type): return cast(print(inner), to: type)
        case .call(.concat, let arguments): return call(.concat, arguments.map { plain($0, print) })
        case .call(let function, let arguments): return call(function, arguments.map(print))
        }
    }

    /// What is computed from decimals as the number that it is: as a text without needless zeros, rounded as numbers are.
    private func plain(_ expression: Expression, _ print: (Expression) -> String) -> String {
        expression.isOfDecimals ? cast(print(expression), to: .number) : print(expression)
    }
}

extension Expression {
    /// Whether it is one of the integers written in it, so that an engine may take it for one of less than 64 bits.
    fileprivate var isShort: Bool {
        switch node {
        case .literal(.integer): true
        case .negate(let operand): operand.isShort
        case .cases(let branches, let otherwise):
            Self.areShort(branches.map(\.then) + (otherwise.map { [$0] } ?? []))
        case .call(.abs, let arguments), .call(.coalesce, let arguments), .call(.greatest, let arguments),
            .call(.least, let arguments):
            Self.areShort(arguments)
        case .call(.nullif, let arguments): arguments.first?.isShort == true
        // What is computed from short ones is cast, and a column has its type.
        case .binary, .column, .literal, .reference, .not, .isNull, .isIn, .isBetween, .isLike, .cast, .call: false
        }
    }

    /// Whether the engine takes it for a decimal because of one that is written in it, and it is a number.
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

    /// Whether it compares or computes with columns or bound values of floating point.
    fileprivate func compares(_ numbers: Set<String>, _ references: [Template.Reference: ColumnType]) -> Bool {
        switch node {
        case .binary, .isIn, .isBetween:
            columns.contains(where: numbers.contains) || self.references.contains { references[$0] == .number }
        default: false
        }
    }

    /// Whether a product could have more digits than decimals do: then it is one of floating point.
    fileprivate func makesLongProduct(with other: Expression) -> Bool {
        func isComputed(_ expression: Expression) -> Bool {
            if case .literal = expression.node { false } else { expression.isOfDecimals }
        }
        return isComputed(self) && isComputed(other) || places + other.places > 18
    }

    /// How many places the decimals that are written in it give to what is computed from them.
    private var places: Int {
        switch node {
        case .literal(.decimal(let text)): Literal.places(ofDecimal: text)?.scale ?? 0
        case .negate(let operand): operand.places
        case .binary(.multiply, let left, let right): left.places + right.places
        case .binary(.add, let left, let right), .binary(.subtract, let left, let right): max(left.places, right.places)
        default: 0
        }
    }

    private static func areShort(_ values: [Expression]) -> Bool {
        let known = values.filter { $0.node != .literal(.null) }
        return !known.isEmpty && known.allSatisfy(\.isShort)
    }
}
