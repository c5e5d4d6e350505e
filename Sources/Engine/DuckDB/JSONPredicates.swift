import CaudalModel

/// The rules of a ``ValueRules`` as SQL predicates over a value of JSON with a type of its own.
struct JSONPredicates: JSONRules {
    private let sql: DuckDBDialect

    init(dialect: DuckDBDialect) { sql = dialect }

    /// The JSON value of key `key` in the object `json`; null where the object does not have it.
    static func member(_ key: String, of json: String, _ sql: DuckDBDialect) -> String {
        // A pointer (RFC 6901) can name every key, which a path cannot.
        "json_extract(\(json), \(sql.text("/" + key.replacing(scalar: "~", with: "~0").replacing(scalar: "/", with: "~1"))))"
    }

    /// The same for a key that is the value of the column `key`.
    static func member(ofColumn key: String, of json: String) -> String {
        "json_extract(\(json), '/' || replace(replace(\(key), '~', '~0'), '/', '~1'))"
    }

    private func kind(_ value: String) -> String { "json_type(\(value))" }

    private func isNumber(_ value: String) -> String { "\(kind(value)) IN ('UBIGINT', 'BIGINT', 'DOUBLE')" }

    /// SQL that is true if floating point holds a whole number exactly; other numbers it holds as near as it can.
    private func isHeld(_ value: String, _ number: String) -> String {
        let isFraction = "\(kind(value)) = 'DOUBLE' AND NOT regexp_full_match(\(text(value)), '-?[0-9]+')"
        return "(\(isFraction) OR coalesce(TRY_CAST(\(number) AS HUGEINT) = TRY_CAST(\(value) AS HUGEINT), FALSE))"
    }

    /// The text of a string; other values as JSON, and null for an explicit `null`.
    func text(_ value: String) -> String { "(\(value) ->> '$')" }

    package func value(of column: String) -> String { "to_json(\(column))" }

    // MARK: - Types

    package func typeHolds(_ value: String, _ rules: ValueRules) -> String? {
        guard let types = rules.types else { return nil }
        let number = sql.tryCast(value, to: .number)
        // A text keeps every digit.
        let isHeld = rules.columnType == .number ? " AND \(isHeld(value, number))" : ""
        let options = types.map { type in
            switch type {
            case .string: "\(kind(value)) = 'VARCHAR'"
            case .boolean: "\(kind(value)) = 'BOOLEAN'"
            case .null: "\(kind(value)) = 'NULL'"
            case .object: "\(kind(value)) = 'OBJECT'"
            case .array: "\(kind(value)) = 'ARRAY'"
            // DuckDB also reads NaN and Infinity, which JSON does not have.
            case .number: "(\(isNumber(value)) AND isfinite(\(number))\(isHeld))"
            case .integer where rules.columnType == .integer:
                // An integer beyond 64 bits cannot be stored.
                "(\(isNumber(value)) AND \(number) = trunc(\(number)) AND \(sql.tryCast(value, to: .integer)) IS NOT NULL)"
            case .integer:
                "(\(isNumber(value)) AND \(number) = trunc(\(number)) AND isfinite(\(number))\(isHeld))"
            }
        }
        return options.count == 1 ? options[0] : "(" + options.joined(separator: " OR ") + ")"
    }

    // MARK: - Values

    package func valueRules(
        _ value: String, _ rules: ValueRules, formats: FormatPredicates
    ) -> [(label: String, holds: String)] {
        var list: [(String, String)] = []
        let number = sql.tryCast(value, to: .number)
        func ofNumbers(_ label: String, _ holds: String) {
            list.append((label, "(NOT \(isNumber(value)) OR \(holds))"))
        }
        func ofTexts(_ label: String, _ holds: String) {
            list.append((label, "(\(kind(value)) <> 'VARCHAR' OR (\(holds)))"))
        }
        if let bound = rules.minimum { ofNumbers("minimum: \(bound.plain)", compares(value, ">=", bound)) }
        if let bound = rules.maximum { ofNumbers("maximum: \(bound.plain)", compares(value, "<=", bound)) }
        if let bound = rules.exclusiveMinimum {
            ofNumbers("exclusiveMinimum: \(bound.plain)", compares(value, ">", bound))
        }
        if let bound = rules.exclusiveMaximum {
            ofNumbers("exclusiveMaximum: \(bound.plain)", compares(value, "<", bound))
        }
        if let step = rules.multipleOf {
            ofNumbers("multipleOf: \(step.plain)", sql.isMultiple(text(value), number, of: step))
        }
        if let length = rules.minLength { ofTexts("minLength: \(length)", "length(\(text(value))) >= \(length)") }
        if let length = rules.maxLength { ofTexts("maxLength: \(length)", "length(\(text(value))) <= \(length)") }
        if let pattern = rules.pattern {
            ofTexts("pattern: \(pattern)", sql.matches(text(value), pattern: pattern))
        }
        if let format = rules.format { ofTexts("format: \(format.rawValue)", formats.holds(text(value), format)) }
        if let allowed = rules.allowed {
            let words = allowed.map(\.description).joined(separator: ", ")
            let options = allowed.map { equals(value, $0) }
            list.append(
                (
                    allowed.count == 1 ? "const: \(words)" : "enum: \(words)",
                    options.isEmpty ? "FALSE" : "(" + options.joined(separator: " OR ") + ")"
                ))
        }
        return list
    }

    /// SQL that compares a number with a bound; of whole numbers that floating point does not tell apart, by their digits.
    private func compares(_ value: String, _ sign: String, _ bound: Double) -> String {
        let floating = "\(sql.tryCast(value, to: .number)) \(sign) \(sql.literal(bound))"
        if abs(bound) < 0x1p53 { return floating }
        let exact = sql.tryCast(text(value), to: .decimal(precision: 38, scale: 18))
        return "coalesce(\(exact) \(sign) \(sql.literal(bound)), \(floating))"
    }

    /// SQL that is true if a value equals a constant by JSON's equality.
    private func equals(_ value: String, _ constant: ValueRules.Constant) -> String {
        switch constant {
        case .null: return "\(kind(value)) = 'NULL'"
        case .boolean(let truth): return "(\(kind(value)) = 'BOOLEAN' AND \(text(value)) = '\(truth)')"
        case .text(let text): return "(\(kind(value)) = 'VARCHAR' AND \(self.text(value)) = \(sql.text(text)))"
        case .number(let number):
            return "(\(isNumber(value)) AND \(compares(value, "=", number)))"
        case .list(let elements):
            let parts = elements.enumerated().map { equals(Self.member("\($0.offset)", of: value, sql), $0.element) }
            return all(["\(kind(value)) = 'ARRAY'", "json_array_length(\(value)) = \(elements.count)"] + parts)
        case .object(let members):
            let parts = members.sorted { $0.key < $1.key }.map { equals(Self.member($0.key, of: value, sql), $0.value) }
            return all(["\(kind(value)) = 'OBJECT'", "len(json_keys(\(value))) = \(members.count)"] + parts)
        }
    }

    private func all(_ conditions: [String]) -> String { "(" + conditions.joined(separator: " AND ") + ")" }

    // MARK: - Types of columns

    package func typed(_ value: String, _ rules: ValueRules, found: ColumnType) -> (sql: String, type: ColumnType) {
        let type = rules.types == nil && rules.format == nil ? found : rules.columnType
        switch type {
        case .timestamp where rules.format == .dateTime: return (sql.moment(ofRFC3339: text(value)), .timestamp)
        case .date where rules.format == .date: return (sql.cast(text(value), to: .date), .date)
        case .integer, .number, .boolean:
            // An explicit null becomes a missing value in a column.
            return (sql.cast("nullif(\(value), 'null')", to: type), type)
        case .text, .decimal, .date, .timestamp, .localTimestamp, .other: return (text(value), .text)
        }
    }
}
