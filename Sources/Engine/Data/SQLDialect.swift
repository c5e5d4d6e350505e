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
        case (.text, _) where new.isWhole:
            "CASE WHEN \(isWhole(value, tryCast(value, to: .number), tryCast(value, to: new))) "
                + "THEN \(tryCast(value, to: new)) END"
        case (.text, .number):
            // What is too large becomes infinity, which is a number only where it is called so.
            "CASE WHEN \(hasNoUnderscore(value)) AND (abs(\(tryCast(value, to: .number))) <= 1.7976931348623157e308 "
                + "OR contains(lower(\(value)), 'n')) THEN \(tryCast(value, to: .number)) END"
        case (.integer, .number):
            "CASE WHEN \(tryCast(tryCast(value, to: .number), to: .integer)) = \(value) THEN \(tryCast(value, to: .number)) END"
        case (.number, _) where new.isWhole, (.decimal, _) where new.isWhole:
            "CASE WHEN \(tryCast(value, from: old, to: new)) = \(value) THEN \(tryCast(value, from: old, to: new)) END"
        case (.text, .decimal): "CASE WHEN \(hasNoUnderscore(value)) THEN \(tryCast(value, to: new)) END"
        case (.text, .timestamp): moment(value)
        case (.text, .localTimestamp): time(value, as: .localTimestamp)
        case (.text, .date): day(value)
        case (.date, .timestamp) where zone != nil: convert(value, from: old, to: new)
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
        let (isLeftWhole, isRightWhole) = (left.type.isWhole, right.type.isWhole)
        switch (left.type, right.type) {
        case (_, .text), (.decimal, .number),
            (_, .number) where isLeftWhole,
            (_, .decimal) where isLeftWhole:
            return (left.value, counterpart(right.value, right.type, of: left.type))
        case (.text, _), (.number, .decimal),
            (.number, _) where isRightWhole,
            (.decimal, _) where isRightWhole:
            return (counterpart(left.value, left.type, of: right.type), right.value)
        default: return (left.value, right.value)
        }
    }

    /// The same for two sources: a text without an offset is a time of the zone of its own.
    ///
    /// - Parameter zone: That of the right one; the left one's is the dialect's.
    func comparable(
        _ left: (value: String, type: ColumnType), _ right: (value: String, type: ColumnType), rightZone zone: String?
    ) -> (left: String, right: String)? {
        guard let own = comparable(left, right), let other = inZone(zone).comparable(left, right) else { return nil }
        return (own.left, other.right)
    }

    /// A value as the type that it is compared with: null where it would be rounded.
    private func counterpart(_ value: String, _ old: ColumnType, of new: ColumnType) -> String {
        if old == .text, new == .date {
            // A time of day would be dropped.
            let isDay = "(length(\(value)) <= 10 OR \(matchesWhole(value, pattern: ".{10}[T ]00:00(:00([.,]0+)?)?")))"
            return "CASE WHEN \(isDay) THEN \(exactCast(value, from: old, to: new)) END"
        }
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
        flags: [String: String] = [:], keepsTimesApart: Bool = false
    ) -> String {
        ExpressionPrinter(
            self, references: references, columns: columns, flags: flags, keepsTimesApart: keepsTimesApart
        ).text(of: expression)
    }
}
