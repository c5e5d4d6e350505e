/// What a JSON Schema (draft 7) says about rows: the keywords that concern flat objects.
package struct RowSchema: Sendable, Equatable {
    /// One property: a column.
    package struct Property: Sendable, Equatable {
        package var name: String
        /// What its values must be.
        package var rules: ValueRules
        /// Where the schema names it.
        package var location: SourceLocation
    }

    /// What is said about properties that are not named.
    package enum AdditionalProperties: Sendable, Equatable {
        case allowed, forbidden
        case ruled(ValueRules)
    }

    /// How the user named the file.
    package var file: String
    /// In file order.
    package var properties: [Property]
    /// The columns in which every row must have a value.
    package var required: [String]
    /// What becomes of columns that the schema does not name.
    package var additional: AdditionalProperties
    /// Its resolved text, the same for the same meaning.
    package var definitionText = ""

    /// The rules of a column; nil when the schema says nothing about it.
    package func rules(of column: String) -> ValueRules? {
        if let property = properties.first(where: { $0.name == column }) { return property.rules }
        if case .ruled(let rules) = additional { return rules }
        return nil
    }
}

/// What a JSON Schema says about one value.
package struct ValueRules: Sendable, Equatable {
    /// The types of JSON.
    package enum JSONType: String, Sendable, CaseIterable {
        case string, integer, number, boolean, null, object, array
    }

    /// The formats that are checked.
    package enum Format: String, Sendable, CaseIterable {
        case date
        case dateTime = "date-time"
        case email, uri, uuid
    }

    /// A value of `enum` or `const`; two are equal as JSON has it, whatever the order of an object's keys.
    package indirect enum Constant: Sendable, Equatable {
        case text(String), number(Double), boolean(Bool), null
        case list([Constant])
        case object([String: Constant])
    }

    /// The types it may have; nil means any.
    package var types: [JSONType]?
    /// The least number that is allowed.
    package var minimum: Double?
    /// The greatest number that is allowed.
    package var maximum: Double?
    /// A number that is too small, and so is every lesser one.
    package var exclusiveMinimum: Double?
    /// A number that is too large, and so is every greater one.
    package var exclusiveMaximum: Double?
    /// A number of which every value is a whole multiple.
    package var multipleOf: Double?
    /// The least number of characters of a text.
    package var minLength: Int?
    /// The greatest number of characters of a text.
    package var maxLength: Int?
    /// A regular expression that a text matches somewhere.
    package var pattern: String?
    /// The only values that are allowed.
    package var allowed: [Constant]?
    /// The form that a text has, such as a date.
    package var format: Format?
    /// Whether nothing at all fits: the schema `false`.
    package var isImpossible = false

    package init() {}

    /// The type of the column that values become once they are valid.
    package var columnType: ColumnType {
        let solid = (types ?? []).filter { $0 != .null }
        switch solid {
        case [.integer]: return .integer
        case [.number], [.integer, .number], [.number, .integer]: return .number
        case [.boolean]: return .boolean
        case [.string], []:
            switch format {
            case .date where types != nil: return .date
            case .dateTime where types != nil: return .timestamp
            default: return .text
            }
        default: return .text
        }
    }
}
