package import CaudalModel

/// What becomes of rows below the greatest value of an output that came later than those it has.
package enum LateRows: String, Sendable, CaseIterable {
    /// The attempt fails.
    case fail
    /// They are added too.
    case add
    /// They are not read.
    case ignore
}

/// Where the rows of an input begin that an output does not have yet.
package struct WatermarkStart: Sendable, Hashable {
    /// The column by which they are told.
    package var column: Column
    /// The greatest value that the output has, as the engine writes it.
    package var greatest: String
    /// The value from which on rows are read, which may be smaller.
    package var start: String
    /// The form of texts that are in order; nil where the type has an order of its own.
    package var form: TextForm?
    /// What becomes of rows before it; all but ``LateRows/ignore`` read every row.
    package var late: LateRows

    package init(
        column: Column, greatest: String, start: String, form: TextForm? = nil, late: LateRows = .ignore
    ) {
        self.column = column
        self.greatest = greatest
        self.start = start
        self.form = form
        self.late = late
    }

    /// The greatest value in SQL.
    func greatestValue(_ sql: any SQLDialect) -> String { sql.cast(sql.text(greatest), to: column.type) }

    /// The condition for rows that are read, besides those without a value.
    ///
    /// Texts of another form are read too, as nobody can tell whether they are newer.
    func condition(_ sql: any SQLDialect) -> String {
        let isNew = "\(sql.name(column.name)) >= \(sql.cast(sql.text(start), to: column.type))"
        return form.map { "(\(isNew) OR \($0.isOther(sql.name(column.name), sql)))" } ?? isNew
    }
}

/// Texts whose order is that of what they mean.
package enum TextForm: Sendable, Hashable {
    /// Times as ISO 8601 writes them, without a zone, all with the same character before the time and before the fraction.
    case times(String)
    /// Texts that differ in their digits alone, each of them as long as in the others.
    case shape(String)
    /// Identifiers that begin with their time: of one length.
    case characters(Int)

    /// The pattern of times, with the characters that may stand before the time and before the fraction of a second.
    private static func times(_ time: String = "[T ]", _ fraction: String = "[.,]") -> String {
        "[0-9]{4}-(0[1-9]|1[0-2])(-(0[1-9]|[12][0-9]|3[01])(\(time)[0-9]{2}(:[0-9]{2}(:[0-9]{2}(\(fraction)[0-9]+)?)?)?)?)?"
    }

    /// Nil for a text that tells of no form: a number without zeros before it, a date that begins with its day or month, or an
    /// identifier made by chance.
    package init?(of text: String) {
        if let times = try? Regex(Self.times()), text.wholeMatch(of: times) != nil {
            let time = text.dropFirst(10).first.map { "[\($0)]" }
            let fraction = text.first { ".,".contains($0) }.map { "[\($0)]" }
            self = .times(Self.times(time ?? "[T ]", fraction ?? "[.,]"))
            return
        }
        // Of UUIDs, versions 6 and 7 begin with their time.
        let uuid = #/[0-9A-Fa-f]{8}-?[0-9A-Fa-f]{4}-?([0-9A-Fa-f])[0-9A-Fa-f]{3}-?[0-9A-Fa-f]{4}-?[0-9A-Fa-f]{12}/#
        if let version = text.wholeMatch(of: uuid)?.1, version != "6", version != "7" { return nil }
        let isBasicTime = text.contains(#/^\d{8}[Tt]\d{4}/#)
        if !isBasicTime, text.contains(#/^[0-9A-Za-z-]{20,}$/#) {
            self = .characters(text.count)
            return
        }
        let isTime =
            text.contains(#/^(19|20)\d{2}(\d{2}(\d{2}(\d{4}|\d{6})?)?)?$/#)
            || text.contains(#/^0\d+$/#)
        let isNumber = text.contains(#/^[-+]?\d+([.,]\d+)?([eE][-+]?\d+)?$/#)
        let isOfDays = text.contains(#/(^|\D)\d{1,2}[.\/ -](\d{1,2}|[A-Za-z]{3,})[.\/ -]\d{2,4}/#)
        if isNumber && !isTime || isOfDays || Self.hasYearBehind(text) || text.contains(#/[^ -~]/#) { return nil }
        // The offset of a time stays what it is.
        let offset =
            text.firstMatch(of: #/[-+]\d\d:?\d\d$/#).map { text.contains(":") || isBasicTime ? String($0.output) : "" }
            ?? ""
        let pattern = text.dropLast(offset.count).map { character in
            character.isNumber
                ? "[0-9]"
                : character.isLetter
                    ? String(character)
                    : "[\(character == "\\" || character == "]" || character == "^" ? "\\" : "")\(character)]"
        }
        self = .shape(pattern.joined() + offset.replacing(scalar: "+", with: "[+]"))
    }

    /// Whether a part of a time stands before a greater one: `12/2025`, `Q4-2025`, `12/25`, `31012026`, `2026-31-01`.
    private static func hasYearBehind(_ text: String) -> Bool {
        let isMonthFirst = text.contains(#/^\d{1,2}[.\/ -]\d{2}$/#)
        let isDaySecond = text.contains(#/^\d{4}\D(1[3-9]|2\d|3[01])\D(0[1-9]|1[0-2])(\D|$)/#)
        let numbers = text.split { !$0.isNumber }
        let isYear = { (number: Substring) in number.contains(#/^(19|20)\d{2}$/#) }
        let years =
            numbers.first.map { isYear($0.prefix(4)) && [4, 6, 8, 12, 14].contains($0.count) } == true
            ? [] : numbers.dropFirst().filter(isYear)
        let isDayFirst = numbers.contains { $0.contains(#/^(0[1-9]|[12]\d|3[01])(0[1-9]|1[0-2])(19|20)\d{2}$/#) }
        return isMonthFirst || isDaySecond || !years.isEmpty || isDayFirst
    }

    /// The condition for a text of another form.
    func isOther(_ value: String, _ sql: any SQLDialect) -> String {
        switch self {
        case .times(let pattern), .shape(let pattern): "NOT \(sql.matchesWhole(value, pattern: pattern))"
        case .characters(let count): "length(\(value)) <> \(count)"
        }
    }
}

extension RelationBuilder {
    /// Keeps the rows that are new to an output, and those of which nobody knows.
    mutating func restrict(from start: WatermarkStart) {
        add(
            "rows that are new", columns.map { sql.name($0.name) },
            "WHERE \(start.condition(sql)) OR \(sql.name(start.column.name)) IS NULL")
    }
}
