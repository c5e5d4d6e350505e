package import CaudalModel

/// Compiles the rules of a ``RowSchema`` to SQL predicates over a file's columns.
///
/// A column is text (CSV, which has no types) or has its own type (Parquet). The predicates are written so that valid
/// rows cost as little as possible.
package struct SchemaPredicates {
    /// One rule of one column.
    package struct Rule: Sendable {
        /// The rule's column.
        package let column: String
        /// The rule in words, such as `minimum: 0`.
        package let label: String
        /// SQL that is true when the rule is broken, otherwise false or null.
        package let isBroken: String
    }

    /// The form in which the values of a column are read.
    package enum Form: Sendable, Equatable {
        /// As text, null for a missing value.
        case text
        /// As JSON, where each value has its own type; with a column type that holds all of them.
        case json(ColumnType)
        case typed(ColumnType)
    }

    private let sql: any SQLDialect
    private let json: any JSONRules
    private let formats: FormatPredicates
    /// Whether dates and times must follow RFC 3339 exactly, also in CSV.
    private let isStrict: Bool
    /// How texts state times, for texts that need not state an offset.
    private let namedTimes: NamedTimes?
    /// Columns that have the values of text columns with the types that ``typed(_:_:form:)`` gives them, by the column.
    private var typedColumns: [String: String] = [:]

    package init(dialect: any SQLDialect, isStrict: Bool, namedTimes: NamedTimes? = nil) {
        sql = dialect
        self.namedTimes = namedTimes
        json = dialect.jsonRules
        formats = FormatPredicates(dialect: dialect, isStrict: isStrict)
        self.isStrict = isStrict
    }

    /// The same predicates where the values are at hand with their types, so that no text is cast twice.
    ///
    /// - Parameter names: The column that has the values of a text column with their type, by the text column.
    package func reading(typed names: [String: String]) -> Self {
        var predicates = self
        predicates.typedColumns = names
        return predicates
    }

    /// SQL that is true for a valid value of an optional column, and false or null for others.
    package func isValid(_ column: String, _ rules: ValueRules, form: Form, isRequired: Bool) -> String? {
        let value = sql.name(column)
        if rules.isImpossible { return "\(value) IS NULL" }
        let conditions =
            [typeHolds(column, rules, form)].compactMap { $0 } + valueRules(column, rules, form).map(\.holds)
        let valid = conditions.joined(separator: " AND ")
        if conditions.isEmpty { return isRequired ? "\(value) IS NOT NULL" : nil }
        return isRequired ? "\(value) IS NOT NULL AND \(valid)" : "(\(value) IS NULL OR (\(valid)))"
    }

    /// Every rule of a column, with SQL that finds breaches; a value of the wrong type breaks only the rule of its
    /// type.
    package func rules(_ column: String, _ rules: ValueRules, form: Form, isRequired: Bool) -> [Rule] {
        let value = sql.name(column)
        var list: [Rule] = []
        if isRequired { list.append(Rule(column: column, label: "required", isBroken: "\(value) IS NULL")) }
        if rules.isImpossible {
            list.append(Rule(column: column, label: "not allowed", isBroken: "\(value) IS NOT NULL"))
            return list
        }
        let type = typeHolds(column, rules, form)
        if let type {
            let names = (rules.types ?? []).map(\.rawValue).formattedAsChoice
            list.append(
                Rule(
                    column: column, label: "type: \(names)", isBroken: "\(value) IS NOT NULL AND (\(type)) IS NOT TRUE")
            )
        }
        for rule in valueRules(column, rules, form) {
            let guarded = type.map { "(\($0)) AND " } ?? ""
            list.append(
                Rule(
                    column: column, label: rule.label,
                    isBroken: "\(value) IS NOT NULL AND \(guarded)(\(rule.holds)) IS NOT TRUE"))
        }
        return list
    }

    /// SQL for a valid value as the type that its rules imply.
    package func typed(_ column: String, _ rules: ValueRules, form: Form) -> (sql: String, type: ColumnType) {
        let value = sql.name(column)
        switch form {
        case .typed(let type): return (value, type)
        case .json(let type): return json.typed(value, rules, found: type)
        case .text: break
        }
        switch rules.columnType {
        case .text: return (value, .text)
        case .timestamp where isStrict: return (sql.moment(ofRFC3339: value), .timestamp)
        case .timestamp:
            guard namedTimes != nil else { return (sql.moment(value), .timestamp) }
            if let type = timeType(column) { return (sql.time(value, as: type), type) }
            let isLocal = "NOT \(sql.namesOffset(value))"
            return (sql.writtenTime("(\(sql.moment(value)))", isLocal: isLocal), .text)
        case .date: return (sql.tryCast(value, to: .date), .date)
        case let type: return (sql.tryCast(value, to: type), type)
        }
    }

    // MARK: - Types

    /// SQL that is true if a present value has one of the types; nil when every type is accepted.
    private func typeHolds(_ column: String, _ rules: ValueRules, _ form: Form) -> String? {
        guard let types = rules.types else { return nil }
        switch form {
        case .text:
            if types.contains(.string) { return nil }
            let options = types.compactMap { textHolds(column, $0, rules) }
            return options.isEmpty
                ? "FALSE" : options.count == 1 ? options[0] : "(" + options.joined(separator: " OR ") + ")"
        case .json: return json.typeHolds(sql.name(column), rules)
        case .typed(let type):
            if types.contains(where: { Self.fits(type, $0) }) { return nil }
            // 1.0 is a whole number.
            return types.contains(.integer) && type.isNumeric ? "\(sql.name(column)) % 1 = 0" : "FALSE"
        }
    }

    private func textHolds(_ column: String, _ type: ValueRules.JSONType, _ rules: ValueRules) -> String? {
        let value = sql.name(column)
        let number = cast(column, to: .number, rules)
        switch type {
        case .integer: return sql.isWhole(value, number, cast(column, to: .integer, rules))
        case .number: return "\(sql.isFinite(number)) AND \(sql.hasNoUnderscore(value))"
        case .boolean: return "\(value) IN ('true', 'false')"
        case .string, .null, .object, .array: return nil
        }
    }

    /// The text of a column as a number; null where it is none.
    private func cast(_ column: String, to type: ColumnType, _ rules: ValueRules) -> String {
        typedColumn(column, type, rules) ?? sql.tryCast(sql.name(column), to: type)
    }

    /// The column that has a text column's values with a type, if there is one.
    private func typedColumn(_ column: String, _ type: ColumnType, _ rules: ValueRules) -> String? {
        rules.columnType == type ? typedColumns[column].map(sql.name) : nil
    }

    private static func fits(_ type: ColumnType, _ json: ValueRules.JSONType) -> Bool {
        switch (type, json) {
        case (.text, .string), (.date, .string), (.timestamp, .string), (.localTimestamp, .string),
            (.boolean, .boolean), (.integer, .integer),
            (.integer, .number), (.number, .number), (.decimal, .number), (.decimal(_, 0), .integer):
            true
        case (.other, .integer), (.other, .number): type.isWideInteger
        case (.other(let name), .array): name.hasSuffix("]")
        case (.other(let name), .object): name.uppercased().hasPrefix("STRUCT") || name.uppercased().hasPrefix("MAP")
        default: false
        }
    }

    // MARK: - Values

    private func valueRules(_ column: String, _ rules: ValueRules, _ form: Form) -> [(label: String, holds: String)] {
        let value = sql.name(column)
        switch form {
        case .json: return json.valueRules(value, rules, formats: formats)
        case .typed(let type) where Self.fits(type, .array) || Self.fits(type, .object):
            return json.valueRules(json.value(of: value), rules, formats: formats)
        case .text, .typed: break
        }
        let number = numeric(column, rules, form)
        var list = number.map { numberRules(column, $0, rules, form) } ?? []
        list += textRules(column, rules, form, isNumber: number != nil)
        if let allowed = rules.allowed {
            let words = allowed.map(\.description).joined(separator: ", ")
            list.append(
                (allowed.count == 1 ? "const: \(words)" : "enum: \(words)", isAllowed(column, form, allowed, number)))
        }
        return list
    }

    /// The rules about numbers; in a column of texts that may be others too, for those alone that have the form of a number.
    private func numberRules(
        _ column: String, _ number: String, _ rules: ValueRules, _ form: Form
    ) -> [(label: String, holds: String)] {
        let value = sql.name(column)
        var list: [(label: String, holds: String)] = []
        // Engines sort NaN behind all numbers, and it is none of them.
        func above(_ holds: String) -> String {
            form == .typed(.number) ? "(\(holds) AND \(sql.isFinite(number)))" : holds
        }
        if let bound = rules.minimum {
            list.append(("minimum: \(bound.plain)", above("\(number) >= \(sql.literal(bound))")))
        }
        if let bound = rules.maximum { list.append(("maximum: \(bound.plain)", "\(number) <= \(sql.literal(bound))")) }
        if let bound = rules.exclusiveMinimum {
            list.append(("exclusiveMinimum: \(bound.plain)", above("\(number) > \(sql.literal(bound))")))
        }
        if let bound = rules.exclusiveMaximum {
            list.append(("exclusiveMaximum: \(bound.plain)", "\(number) < \(sql.literal(bound))"))
        }
        if let step = rules.multipleOf {
            let text = form == .text ? value : sql.cast(value, to: .text)
            list.append(("multipleOf: \(step.plain)", sql.isMultiple(text, number, of: step)))
        }
        let types = rules.types
        guard form == .text, types.map({ $0.contains(.string) || $0.contains(.boolean) }) ?? true,
            let isNumber = textHolds(column, types?.contains(.number) ?? true ? .number : .integer, rules)
        else { return list }
        return list.map { ($0.label, "((\(isNumber)) IS NOT TRUE OR \($0.holds))") }
    }

    /// The rules about texts; in a column of texts that may be others too, for those alone that have the form of none of these.
    private func textRules(
        _ column: String, _ rules: ValueRules, _ form: Form, isNumber: Bool
    ) -> [(label: String, holds: String)] {
        let types = rules.types
        guard let text = text(of: column, form), form != .text || types?.contains(.string) ?? true || !isNumber else {
            return []
        }
        var list: [(label: String, holds: String)] = []
        if let length = rules.minLength { list.append(("minLength: \(length)", "length(\(text)) >= \(length)")) }
        if let length = rules.maxLength { list.append(("maxLength: \(length)", "length(\(text)) <= \(length)")) }
        if let pattern = rules.pattern { list.append(("pattern: \(pattern)", sql.matches(text, pattern: pattern))) }
        let time = typedTime(column, rules)
        // A day or a time has its format by its type.
        let isTime =
            if case .typed(let type) = form { type.isTime && [.date, .dateTime].contains(rules.format) } else { false }
        if let format = rules.format, !isTime {
            list.append(("format: \(format.rawValue)", formats.holds(text, format, typed: time)))
        }
        // A time with a type is of its column's kind.
        if time == nil, rules.format == .dateTime, form == .text, !isStrict, sql.zone == nil, namedTimes != nil,
            let type = timeType(column)
        {
            // The times of one column are either points in time or local times; its first values decided which.
            let label = type == .timestamp ? "an offset from UTC, as others" : "no offset from UTC, as others"
            list.append((label, "(\(sql.isKind(text, type)) OR (\(sql.moment(text))) IS NULL)"))
        }
        let others = form == .text && types?.contains(.string) == true ? types ?? [] : []
        let forms = others.compactMap { textHolds(column, $0, rules) }
        if forms.isEmpty { return list }
        return list.map { ($0.label, "((\(forms.joined(separator: " OR "))) IS TRUE OR \($0.holds))") }
    }

    /// SQL for the text of a column's value; nil for one that is no text in JSON.
    private func text(of column: String, _ form: Form) -> String? {
        let value = sql.name(column)
        switch form {
        case .text, .typed(.text): return value
        case .typed(let type) where type.isTime: return sql.shown(value, type)
        case .typed, .json: return nil
        }
    }

    /// The column that has a text column's dates or times as such, if there is one.
    private func typedTime(_ column: String, _ rules: ValueRules) -> String? {
        // The grammar of strict times is judged by the text, and times of both kinds stay texts.
        if isStrict || rules.format == .dateTime && namedTimes != nil && timeType(column) == nil { return nil }
        switch rules.format {
        case .date: return typedColumn(column, .date, rules)
        case .dateTime: return typedColumn(column, .timestamp, rules)
        default: return nil
        }
    }

    /// The kind of times in a text column; nil when it has both points in time and local times.
    private func timeType(_ column: String) -> ColumnType? {
        if sql.zone != nil { return .timestamp }
        if namedTimes?.mixed.contains(column) == true { return nil }
        return namedTimes?.withOffset.contains(column) == true ? .timestamp : .localTimestamp
    }

    /// The value as a number, if its rules or its type imply one.
    private func numeric(_ column: String, _ rules: ValueRules, _ form: Form) -> String? {
        switch form {
        case .typed(let type): return type.isNumeric || type.isWideInteger ? sql.name(column) : nil
        case .json: return nil
        case .text:
            guard let types = rules.types else {
                return rules.areOfNumbers ? sql.tryCast(sql.name(column), to: .number) : nil
            }
            if types.contains(.integer), !types.contains(.number) { return cast(column, to: .integer, rules) }
            return types.contains(.number) ? cast(column, to: .number, rules) : nil
        }
    }

    private func isAllowed(
        _ column: String, _ form: Form, _ allowed: [ValueRules.Constant], _ number: String?
    ) -> String {
        let value = sql.name(column)
        let type: ColumnType = if case .typed(let type) = form { type } else { .text }
        var options: [String] = []
        let texts = allowed.compactMap { if case .text(let text) = $0 { sql.text(text) } else { nil } }
        // A number equals no text.
        let isText = type != .boolean && !type.isNumeric && !type.isWideInteger
        if !texts.isEmpty, isText {
            let written = text(of: column, form) ?? sql.cast(value, to: .text)
            options.append("\(written) IN (\(texts.joined(separator: ", ")))")
        }
        for scalar in allowed {
            switch scalar {
            case .number where type == .boolean: break
            case .number(let bound):
                options.append("\(number ?? sql.tryCast(value, from: type, to: .number)) = \(sql.literal(bound))")
            case .boolean(let truth): options.append("\(sql.cast(value, to: .text)) = '\(truth)'")
            case .text, .null, .list, .object: break
            }
        }
        return options.isEmpty
            ? "FALSE" : options.count == 1 ? options[0] : "(" + options.joined(separator: " OR ") + ")"
    }
}

extension ValueRules {
    /// Whether something is said of numbers.
    fileprivate var areOfNumbers: Bool {
        [minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf].contains { $0 != nil }
    }
}
