/// The rules of a JSON Schema (draft 7) for rows: the keywords for flat objects.
package struct RowSchema: Sendable, Equatable {
    /// One property: a column.
    package struct Property: Sendable, Equatable {
        package var name: String
        /// The rules for its values.
        package var rules: ValueRules
        /// Where the schema defines it.
        package var location: SourceLocation

        package init(name: String, rules: ValueRules, location: SourceLocation) {
            self.name = name
            self.rules = rules
            self.location = location
        }
    }

    /// What the schema says about columns that it does not name.
    package enum AdditionalProperties: Sendable, Equatable {
        case allowed, forbidden
        case ruled(ValueRules)
    }

    /// The file as the user named it.
    package var file: String
    /// The properties, in file order.
    package var properties: [Property]
    /// The columns in which every row must have a value.
    package var required: [String]
    /// How columns that the schema does not name are treated.
    package var additional: AdditionalProperties
    /// Its resolved definition; equal definitions have equal texts.
    package var definitionText = ""

    package init(
        file: String, properties: [Property], required: [String], additional: AdditionalProperties,
        definitionText: String = ""
    ) {
        self.file = file
        self.properties = properties
        self.required = required
        self.additional = additional
        self.definitionText = definitionText
    }

    /// The rules for a column; nil when the schema has none.
    package func rules(of column: String) -> ValueRules? {
        if let property = properties.first(where: { $0.name == column }) { return property.rules }
        if case .ruled(let rules) = additional { return rules }
        return nil
    }
}

/// The rules of a JSON Schema for one value.
package struct ValueRules: Sendable, Equatable {
    /// The types of JSON.
    package enum JSONType: String, Sendable, CaseIterable {
        case string, integer, number, boolean, null, object, array
    }

    /// The formats that are validated.
    package enum Format: String, Sendable, CaseIterable {
        case date
        case dateTime = "date-time"
        case email, uri, uuid
    }

    /// A value of `enum` or `const`; equality is that of JSON, where the order of an object's keys does not count.
    package indirect enum Constant: Sendable, Equatable {
        case text(String), number(Double), boolean(Bool), null
        case list([Constant])
        case object([String: Constant])
    }

    /// The accepted types; nil accepts any.
    package var types: [JSONType]?
    /// The inclusive lower bound.
    package var minimum: Double?
    /// The inclusive upper bound.
    package var maximum: Double?
    /// The exclusive lower bound.
    package var exclusiveMinimum: Double?
    /// The exclusive upper bound.
    package var exclusiveMaximum: Double?
    /// The number of which every value must be a multiple.
    package var multipleOf: Double?
    /// The minimum length of a text, in characters.
    package var minLength: Int?
    /// The maximum length of a text, in characters.
    package var maxLength: Int?
    /// A regular expression that must match somewhere in a text.
    package var pattern: String?
    /// The only accepted values.
    package var allowed: [Constant]?
    /// The required format of a text, such as a date.
    package var format: Format?
    /// Whether no value is valid: the schema `false`.
    package var isImpossible = false

    package init() {}

    /// The type of the column of valid values.
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
