/// A test of data: what is measured, what is acceptable, and how serious it is when it is not.
package struct Check: Sendable, Equatable {
    /// How serious a breach is.
    package enum Severity: String, Sendable, Codable, CaseIterable { case error, warn }

    /// Bounds that a measured value must keep, both included.
    package struct Bounds: Sendable, Hashable, Codable {
        package var min: Double?
        package var max: Double?
        /// Whether they bound a part of the rows, from 0 to 1, instead of a count.
        package var areFractions: Bool

        package init(min: Double? = nil, max: Double? = nil, areFractions: Bool = false) {
            self.min = min
            self.max = max
            self.areFractions = areFractions
        }

        /// Whether a value keeps them; what is not a number keeps none.
        package func contain(_ value: Double) -> Bool {
            if value.isNaN { return isEmpty }
            if let min, value < min { return false }
            if let max, value > max { return false }
            return true
        }

        /// Whether neither bound is set.
        package var isEmpty: Bool { min == nil && max == nil }
    }

    /// What is tested.
    package enum Kind: Sendable, Equatable {
        /// No value is missing.
        case notNull(column: String)
        /// The part of rows with a value, from 0 to 1.
        case completeness(column: String)
        /// No combination of these columns stands twice.
        case unique(columns: [String])
        case acceptedValues(column: String, values: [String])
        /// Every value lies within the check's `values` bounds.
        case range(column: String)
        /// Every value matches a regular expression.
        case matches(column: String, pattern: String)
        case rowCount
        /// The number of rows against the median of past runs, as a part of it, from 0.
        case rowCountVariation(over: Int)
        /// The age of the newest value, in seconds.
        case freshness(column: String)
        /// Columns and their types.
        case schema(columns: [ColumnExpectation])
        /// Every value stands in a column of another dataset.
        case foreignKey(column: String, dataset: Located<DatasetName>, key: String)
        case distinctCount(column: String)
        case sum(column: String)
        case mean(column: String)
        /// How far a measure lies from the median of past runs, in median absolute deviations.
        case anomaly(measure: AnomalyMeasure, over: Int)
        /// A query whose rows are failing rows.
        case sql(query: Query)
    }

    /// What an anomaly check follows.
    package enum AnomalyMeasure: Sendable, Equatable {
        case rowCount
        case sum(String), mean(String), distinctCount(String), completeness(String)
    }

    /// A column that must be there.
    package struct ColumnExpectation: Sendable, Equatable {
        package var name: String
        /// The type it must have; nil takes any.
        package var type: ColumnType?

        package init(name: String, type: ColumnType?) {
            self.name = name
            self.type = type
        }
    }

    /// A breach that is accepted until a day.
    package struct Waiver: Sendable, Equatable {
        /// The last day it holds, such as `2026-12-31`.
        package var until: String
        package var reason: String

        package init(until: String, reason: String) {
            self.until = until
            self.reason = reason
        }
    }

    /// Its name, unique within its stage.
    package var id: String
    package var kind: Kind
    /// What a breach of ``limits`` means.
    package var severity: Severity
    /// What the measured value must keep.
    package var limits: Bounds
    /// What it should keep: a breach warns.
    package var warnLimits: Bounds?
    /// The bounds of each value, for `range`.
    package var values: ValueRange
    /// The rows it looks at; nil means all.
    package var filter: Located<Expression>?
    /// A column whose values divide the rows into parts that are tested one by one.
    package var partitionBy: String?
    package var waiver: Waiver?
    /// Where it is written.
    package var location: SourceLocation

    package init(
        id: String, kind: Kind, severity: Severity = .error, limits: Bounds = Bounds(), warnLimits: Bounds? = nil,
        values: ValueRange = ValueRange(), filter: Located<Expression>? = nil, partitionBy: String? = nil,
        waiver: Waiver? = nil, location: SourceLocation
    ) {
        self.id = id
        self.kind = kind
        self.severity = severity
        self.limits = limits
        self.warnLimits = warnLimits
        self.values = values
        self.filter = filter
        self.partitionBy = partitionBy
        self.waiver = waiver
        self.location = location
    }

    /// Bounds of single values, as literals, so that dates work as numbers do.
    package struct ValueRange: Sendable, Equatable {
        package var min: Literal?
        package var max: Literal?

        package init(min: Literal? = nil, max: Literal? = nil) {
            self.min = min
            self.max = max
        }
    }

    /// As the file writes it, such as `not_null`.
    package var typeName: String { kind.typeName }
}

extension Check.Kind {
    /// As the file writes it.
    package var typeName: String {
        switch self {
        case .notNull: "not_null"
        case .completeness: "completeness"
        case .unique: "unique"
        case .acceptedValues: "accepted_values"
        case .range: "range"
        case .matches: "matches"
        case .rowCount: "row_count"
        case .rowCountVariation: "row_count_variation"
        case .freshness: "freshness"
        case .schema: "schema"
        case .foreignKey: "foreign_key"
        case .distinctCount: "distinct_count"
        case .sum: "sum"
        case .mean: "mean"
        case .anomaly: "anomaly"
        case .sql: "sql"
        }
    }

    /// The columns it names, for errors that are found before anything runs.
    package var columns: [String] {
        switch self {
        case .notNull(let column), .completeness(let column), .acceptedValues(let column, _), .range(let column),
            .matches(let column, _), .freshness(let column), .foreignKey(let column, _, _),
            .distinctCount(let column), .sum(let column), .mean(let column):
            [column]
        case .unique(let columns): columns
        case .anomaly(let measure, _):
            switch measure {
            case .rowCount: []
            case .sum(let column), .mean(let column), .distinctCount(let column), .completeness(let column): [column]
            }
        case .rowCount, .rowCountVariation, .schema, .sql: []
        }
    }
}
