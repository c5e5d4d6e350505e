/// A test of data: what is measured, what is acceptable, and how serious it is when it is not.
package struct Check: Sendable {
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
    /// What is tested.
    package var definition: any CheckDefinition
    /// What a breach of ``limits`` means.
    package var severity: Severity
    /// What the measured value must keep.
    package var limits: Bounds
    /// What it should keep: a breach warns.
    package var warnLimits: Bounds?
    /// The rows it looks at; nil means all.
    package var filter: Located<Expression>?
    /// A column whose values divide the rows into parts that are tested one by one.
    package var partitionBy: String?
    package var waiver: Waiver?
    /// Where it is written.
    package var location: SourceLocation

    package init(
        id: String, definition: any CheckDefinition, severity: Severity = .error, limits: Bounds = Bounds(),
        warnLimits: Bounds? = nil, filter: Located<Expression>? = nil, partitionBy: String? = nil,
        waiver: Waiver? = nil, location: SourceLocation
    ) {
        self.id = id
        self.definition = definition
        self.severity = severity
        self.limits = limits
        self.warnLimits = warnLimits
        self.filter = filter
        self.partitionBy = partitionBy
        self.waiver = waiver
        self.location = location
    }

    /// As the file writes it, such as `not_null`.
    package var typeName: String { definition.typeName }
}

/// What a check tests: one type for each kind that a pipeline file may name.
///
/// The engine knows a check only through this; how it is read, measured and judged is decided in `Checks/`.
package protocol CheckDefinition: Sendable {
    /// As the file writes it, such as `not_null`.
    static var typeName: String { get }
    /// The columns it names, for errors that are found before anything runs.
    var columns: [String] { get }
    /// The query that the user wrote for it; nil for kinds that have none.
    var query: Query? { get set }
    /// The datasets it reads, besides the one that it checks.
    var reads: [Located<DatasetName>] { get }
}

extension CheckDefinition {
    package var typeName: String { Self.typeName }
    package var columns: [String] { [] }
    package var query: Query? {
        get { nil }
        set {}
    }
    package var reads: [Located<DatasetName>] { query?.reads ?? [] }
}
