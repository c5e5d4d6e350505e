package import CaudalModel

/// The SQL dialect of one engine, for operations that every engine has.
///
/// Nothing is left to an engine's defaults: types are cast by name, the order of nulls is written out, and values
/// that come from outside are bound and never pasted. The parts that belong together are protocols of their own: times,
/// sources, statements, places, connections.
package protocol SQLDialect: TimeDialect, SourceDialect, StatementDialect, PlaceDialect,
    ConnectionDialect, LimitDialect
{
    /// The same dialect with another zone for times without an offset.
    func inZone(_ zone: String?) -> Self
    /// A name, quoted so that it can hold anything.
    func name(_ text: String) -> String
    /// A text as a literal.
    func text(_ text: String) -> String
    /// A list of values.
    func list(_ values: [String]) -> String
    /// Several values as one, of which two are the same where all of their parts are, or are missing.
    func tuple(_ values: [String]) -> String
    /// A column of a query that makes a row of each value; of two such columns, the values at one place stand in one row.
    func spread(_ values: [String]) -> String
    /// A type by its name in this engine.
    func type(_ type: ColumnType) -> String
    /// The type of a column of which the engine says that it is a `name`.
    func columnType(named name: String) -> ColumnType
    /// A bound value: a parameter, an item's value, a fact of the run.
    func variable(_ reference: Template.Reference, as type: ColumnType) -> String
    /// A cast that returns null for a value that does not fit.
    func tryCast(_ sql: String, to type: ColumnType) -> String
    /// The same for a value whose type is known; ``tryCast(_:to:)`` is given texts.
    func tryCast(_ sql: String, from old: ColumnType, to new: ColumnType) -> String
    /// A cast that an expression of the pipeline file has.
    func convert(_ sql: String, from old: ColumnType?, to new: ColumnType) -> String
    /// A cast that fails for a value that does not fit.
    func cast(_ sql: String, to type: ColumnType) -> String
    /// A call of a function; the arguments are SQL.
    func call(_ function: Expression.Function, _ arguments: [String]) -> String
    /// A call with a regular expression that stands in the pipeline file; nil where it is a call like any other.
    ///
    /// `replacement`: what replaces a match, where it stands in the file too.
    func patternCall(_ function: Expression.Function, _ arguments: [String], pattern: String, replacement: String?)
        -> String?
    /// Whether a text is like a pattern with `%` and `_`.
    func like(_ value: String, _ pattern: String, negated: Bool) -> String
    /// Whether a part of `sql` matches a regular expression.
    func matches(_ sql: String, pattern: String) -> String
    /// Whether all of `sql` matches a regular expression.
    func matchesWhole(_ sql: String, pattern: String) -> String
    /// Whether a number or a time is none of NaN and the infinities.
    func isFinite(_ value: String) -> String
    /// What the first group of a regular expression matches in a text; an empty text where it matches nothing.
    func group(of pattern: String, in text: String) -> String
    /// A text without white space around it, including tabs, line ends and no-break spaces.
    func trimmed(_ value: String) -> String
    /// A value as text, for people and for text files.
    func shown(_ value: String, _ type: ColumnType) -> String
    /// A column of a query as it is written to files.
    func narrowed(_ column: Column) -> Column
    /// A column of existing data as it is read: as ``narrowed(_:)`` has it, or as wide where files hold that.
    func carried(_ column: Column) -> Column
    /// SQL for a column as ``narrowed(_:)`` has it; a value that does not fit fails the statement.
    func narrowedValue(of column: Column) -> String
    /// An element of the list of columns that are written to a file.
    ///
    /// `value`: the column's SQL where that is not its name.
    func written(_ column: Column, as value: String?, in format: Dataset.Format) -> String
    /// SQL that fails its statement with a message; values in it are hidden where the pipeline file says so.
    func refusal(_ parts: [MessagePart]) -> String
    /// The aggregate that returns the number of the row to keep of those with one key.
    ///
    /// `row`: SQL for the number of a row.
    /// `order`: SQL for what decides; rows without a value come after all others, and ties go to the earlier row. nil takes the
    /// rows in their order.
    func rowToKeep(_ keep: Step.Keep, _ row: String, by order: String?) -> String
    /// The aggregate that notes numbers of rows in a set; it is null where there are none.
    ///
    /// `last`: SQL for the greatest of them, which does not depend on a row.
    func rowSet(_ row: String, last: String) -> String
    /// SQL that is true for a row whose number is not in such a set.
    func isOutside(_ set: String, last: String, row: String) -> String
    /// The aggregate that gives a fingerprint of rows, whatever their order.
    func fingerprint(of columns: [String]) -> String
    /// The aggregates that give the sum and the mean of numbers of a type.
    func sum(of value: String, _ type: ColumnType) -> String
    func mean(of value: String, _ type: ColumnType) -> String
    /// The aggregate that counts different values.
    func countOfValues(_ value: String, isEstimated: Bool) -> String
    /// The aggregate for quantiles, as a list of texts.
    ///
    /// `marks`: the quantiles' fractions, from 0 to 1.
    /// `filter`: the text after the aggregate that chooses rows; empty for all rows.
    func quantiles(of value: String, _ marks: [Double], isEstimated: Bool, _ filter: String) -> String
    /// The rules about values of JSON.
    var jsonRules: any JSONRules { get }
}

/// A part of a message that a script raises.
package enum MessagePart {
    case words(String)
    /// SQL for a value of a row, as text.
    case value(String)
}

extension SQLDialect {
    package func tuple(_ values: [String]) -> String { "(" + values.joined(separator: ", ") + ")" }
    package func tryCast(_ sql: String, from old: ColumnType, to new: ColumnType) -> String { tryCast(sql, to: new) }
    package func convert(_ sql: String, from old: ColumnType?, to new: ColumnType) -> String { cast(sql, to: new) }
    package func patternCall(
        _ function: Expression.Function, _ arguments: [String], pattern: String, replacement: String?
    ) -> String? { nil }
    package func like(_ value: String, _ pattern: String, negated: Bool) -> String {
        "\(value) \(negated ? "NOT " : "")LIKE \(text(pattern))"
    }
    package func sum(of value: String, _ type: ColumnType) -> String { "sum(\(value))" }
    package func mean(of value: String, _ type: ColumnType) -> String { "avg(\(value))" }

    /// A name that is made up here, in quotation marks.
    package func ownName(_ text: String) -> String { name(OwnName.prefix + text) }

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
        case .timestamp(let moment): self.literal(moment: moment)
        }
    }

    /// A value cast exactly to a type: null if it would be changed.
    ///
    /// Engines round fractions to integers; here `10.4` is not an integer.
    func exactCast(_ value: String, from old: ColumnType, to new: ColumnType) -> String {
        switch (old, new) {
        case _ where old == new: value
        case (.text, .integer):
            "CASE WHEN \(isWhole(value, tryCast(value, to: .number), tryCast(value, to: .integer))) "
                + "THEN \(tryCast(value, to: .integer)) END"
        case (.text, .number):
            // What is too large becomes infinity, which is a number only where it is called so.
            "CASE WHEN \(hasNoUnderscore(value)) AND (abs(\(tryCast(value, to: .number))) <= 1.7976931348623157e308 "
                + "OR contains(lower(\(value)), 'n')) THEN \(tryCast(value, to: .number)) END"
        case (.integer, .number):
            "CASE WHEN \(tryCast(tryCast(value, to: .number), to: .integer)) = \(value) THEN \(tryCast(value, to: .number)) END"
        case (.number, .integer), (.decimal, .integer):
            "CASE WHEN \(tryCast(value, from: old, to: .integer)) = \(value) THEN \(tryCast(value, from: old, to: .integer)) END"
        case (.text, .decimal): "CASE WHEN \(hasNoUnderscore(value)) THEN \(tryCast(value, to: new)) END"
        case (.text, .timestamp): moment(value)
        case (.text, .localTimestamp): time(value, as: .localTimestamp)
        case (.text, .date): day(value)
        default: tryCast(value, from: old, to: new)
        }
    }

    /// True for a text that is a whole number.
    ///
    /// Engines round 1.5 to 2 and read 1_000 as a number, and floating point has no fractions from 2^52 on: the digits decide.
    ///
    /// - Parameters:
    ///   - number: The text cast to a number.
    ///   - integer: The text cast to an integer.
    func isWhole(_ text: String, _ number: String, _ integer: String) -> String {
        "\(number) = \(integer) AND \(hasNoUnderscore(text)) AND \(hasPlaces(text, atMost: 0))"
    }

    /// Two keys in comparable types; nil when their types cannot be compared.
    ///
    /// Compared with a text, the other type decides: `07` equals the number 7, and a text that is no number equals no
    /// number.
    func comparable(
        _ left: (value: String, type: ColumnType), _ right: (value: String, type: ColumnType)
    ) -> (left: String, right: String)? {
        guard left.type.isComparable(with: right.type) else { return nil }
        if left.type == right.type { return (left.value, right.value) }
        // As floating point, numbers with many digits would be equal to others.
        switch (left.type, right.type) {
        case (_, .text), (.integer, .number), (.integer, .decimal), (.decimal, .number):
            return (left.value, counterpart(right.value, right.type, of: left.type))
        case (.text, _), (.number, .integer), (.decimal, .integer), (.number, .decimal):
            return (counterpart(left.value, left.type, of: right.type), right.value)
        default: return (left.value, right.value)
        }
    }

    /// A value as the type that it is compared with: null where it would be rounded.
    private func counterpart(_ value: String, _ old: ColumnType, of new: ColumnType) -> String {
        guard case .decimal(_, let scale) = new else { return exactCast(value, from: old, to: new) }
        // A number in floating point is the one that its text has.
        let text = old == .text ? value : cast(value, to: .text)
        return "CASE WHEN \(hasPlaces(text, atMost: scale)) THEN \(exactCast(text, from: .text, to: new)) END"
    }

    /// A number as a literal, without a decimal point if it is an integer.
    func literal(_ number: Double) -> String {
        number == number.rounded() && abs(number) < 9e18
            ? literal(.integer(Int64(number))) : literal(.number(number))
    }

    /// True for a number that is a multiple of another one, by the digits that people write: floating point has no 0.01.
    ///
    /// - Parameters:
    ///   - text: The number as a text.
    ///   - number: The same as floating point, or as a whole number.
    func isMultiple(_ text: String, _ number: String, of step: Double) -> String {
        let floating = "\(number) % \(literal(.number(step))) = 0"
        guard (1e-17...1e17).contains(step) else { return floating }
        let exact = ColumnType.decimal(precision: 38, scale: 18)
        let decimal = tryCast(text, to: exact)
        // Too many digits for a decimal would be rounded.
        return "CASE WHEN \(cast(cast(decimal, to: .text), to: .number)) = \(number) "
            + "THEN \(decimal) % \(cast(self.text(step.plain), to: exact)) = 0 ELSE \(floating) END"
    }

    /// An expression over visible columns with their own names.
    ///
    /// `references` contains the types of bound values; others are text.
    ///
    /// - Parameter keepsTimesApart: Whether a cast to points in time fails for a text without an offset, and a cast to
    ///   local times for a text with one; otherwise such texts are read as UTC, which is enough for comparisons.
    package func expression(
        _ expression: Expression, references: [Template.Reference: ColumnType] = [:], columns: [Column] = [],
        keepsTimesApart: Bool = false
    ) -> String {
        let numbers = Set(columns.filter { $0.type == .number }.map(\.name))
        let typing = ExpressionTyping(columns: columns, references: references)
        return self.expression(
            expression, references, numbers, typing, isExact: true, keepsTimesApart: keepsTimesApart)
    }

    /// The same for a subexpression.
    ///
    /// - Parameters:
    ///   - numbers: The floating-point columns.
    ///   - isExact: Whether decimals with more digits than floating point holds are not compared with floating point.
    private func expression(
        _ expression: Expression, _ references: [Template.Reference: ColumnType], _ numbers: Set<String>,
        _ typing: ExpressionTyping, isExact: Bool, keepsTimesApart: Bool
    ) -> String {
        let isExact = isExact && !expression.compares(numbers, references)
        func print(_ inner: Expression) -> String {
            self.expression(inner, references, numbers, typing, isExact: isExact, keepsTimesApart: keepsTimesApart)
        }
        func operand(_ inner: Expression) -> String {
            switch inner.node {
            case .column, .literal, .reference, .call, .cast: print(inner)
            default: "(\(print(inner)))"
            }
        }
        func number(_ inner: Expression) -> String {
            guard case .decimal(let precision, let scale)? = try? typing.type(of: inner) else {
                return cast(operand(inner), to: .number)
            }
            return convert(operand(inner), from: .decimal(precision: precision, scale: scale), to: .number)
        }
        /// Whether it is a decimal beside floating point, and so made that.
        func isRounded(_ inner: Expression, beside others: [Expression]) -> Bool {
            guard case .decimal? = try? typing.type(of: inner) else { return false }
            return others.contains { !$0.isOfDecimals && (try? typing.type(of: $0)) == .number }
        }
        func operand(_ inner: Expression, beside others: [Expression]) -> String {
            isRounded(inner, beside: others) ? number(inner) : operand(inner)
        }
        // An integer has 64 bits; engines compute with short literals in 32, and with columns in what files have.
        let integers = Set(typing.columns.filter { $0.type == .integer }.map(\.name))
        func wide(_ inner: Expression) -> String? {
            inner.isShort(integers) && !inner.isShort([]) ? cast(print(inner), to: .integer) : nil
        }
        switch expression.node {
        case .column(let column): return name(column)
        case .literal(.decimal(let text)) where !isExact && Literal.type(ofDecimal: text) != .number:
            return literal(.number(Double(text) ?? .nan))
        case .literal(let value): return literal(value)
        case .reference(let reference): return variable(reference, as: references[reference] ?? .text)
        case .negate(let inner): return "-\(wide(inner) ?? operand(inner))"
        case .not(let inner): return "NOT \(operand(inner))"
        case .binary(.concatenate, let left, let right):
            return "\(cast(plain(left, operand), to: .text)) || \(cast(plain(right, operand), to: .text))"
        case .binary(.divide, let left, let right):
            // Engines disagree about integer division and division by zero: divide as floating point, and return null
            // for zero.
            return "\(number(left)) / NULLIF(\(number(right)), 0)"
        case .binary(.remainder, let left, let right): return "\(operand(left)) % NULLIF(\(operand(right)), 0)"
        case .binary(.multiply, let left, let right) where left.makesLongProduct(with: right):
            return "\(number(left)) * \(number(right))"
        case .binary(let operation, let left, let right):
            let isShort =
                [.add, .subtract, .multiply].contains(operation) && left.isShort(integers) && right.isShort(integers)
            let first = isShort ? cast(print(left), to: .integer) : operand(left, beside: [right])
            return "\(first) \(operation.rawValue.uppercased()) \(operand(right, beside: [left]))"
        case .isNull(let inner, let negated): return "\(operand(inner)) IS \(negated ? "NOT " : "")NULL"
        case .isIn(let inner, let list, let negated):
            let values = list.map { isRounded($0, beside: [inner]) ? number($0) : print($0) }
            return "\(operand(inner, beside: list)) \(negated ? "NOT " : "")IN (\(values.joined(separator: ", ")))"
        case .isBetween(let inner, let low, let high, let negated):
            return "\(operand(inner, beside: [low, high])) \(negated ? "NOT " : "")"
                + "BETWEEN \(operand(low, beside: [inner])) AND \(operand(high, beside: [inner]))"
        case .isLike(let inner, let pattern, let negated):
            return like(operand(inner), pattern, negated: negated)
        case .cases(let branches, let otherwise):
            let list = branches.map { "WHEN \(print($0.when)) THEN \(print($0.then))" }.joined(separator: " ")
            return "CASE \(list)\(otherwise.map { " ELSE \(print($0))" } ?? "") END"
        // A day begins at its midnight, wherever that is.
        case .cast(let inner, let type)
        where [.timestamp, .localTimestamp].contains(type) && (try? typing.type(of: inner)) == .date:
            return cast(print(inner), to: .timestamp)
        // The operand of a cast may be a text that states a point in time with an offset.
        case .cast(let inner, let type) where keepsTimesApart && [.timestamp, .localTimestamp].contains(type):
            let value = cast(print(inner), to: .text)
            return refusing(value, as: type, of: "a text", otherwise: cast(value, to: .timestamp))
        case .cast(let inner, .timestamp), .cast(let inner, .localTimestamp):
            return moment(cast(print(inner), to: .text), isStrict: true)
        case .cast(let inner, .date): return day(cast(print(inner), to: .text), isStrict: true)
        case .cast(let inner, let type) where type == .integer || type == .text:
            return convert(plain(inner, print), from: (try? typing.type(of: inner)) ?? nil, to: type)
        case .cast(let inner, let type):
            return convert(print(inner), from: (try? typing.type(of: inner)) ?? nil, to: type)
        case .call(.concat, let arguments): return call(.concat, arguments.map { plain($0, print) })
        case .call(let function, let arguments):
            let printed = arguments.map { function == .abs ? wide($0) ?? print($0) : print($0) }
            if arguments.count > 1, case .literal(.text(let pattern)) = arguments[1].node,
                [.regexpMatches, .regexpReplace].contains(function)
            {
                var replacement: String?
                if case .literal(.text(let text))? = arguments.dropFirst(2).first?.node { replacement = text }
                let own = patternCall(function, printed, pattern: pattern, replacement: replacement)
                if let own { return own }
            }
            return call(function, printed)
        }
    }

    /// A text of a number computed from decimals: without trailing zeros, rounded as floating point is.
    private func plain(_ expression: Expression, _ print: (Expression) -> String) -> String {
        expression.isOfDecimals ? cast(print(expression), to: .number) : print(expression)
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
