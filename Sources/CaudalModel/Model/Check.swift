import Foundation

/// A test of data: what is measured, what is acceptable, and how serious it is when it is not.
package struct Check: Sendable {
    /// How serious a breach is.
    package enum Severity: String, Sendable, Codable, CaseIterable { case error, warn }

    /// The bounds of a measured value, both inclusive.
    package struct Bounds: Sendable, Hashable, Codable {
        package var min: Double?
        package var max: Double?
        /// Whether the bounds are fractions of the rows, from 0 to 1, instead of counts.
        package var areFractions: Bool
        /// The bounds as they are written, where floating point rounds them.
        package var exactMin: String?
        package var exactMax: String?

        package init(min: Double? = nil, max: Double? = nil, areFractions: Bool = false) {
            self.min = min
            self.max = max
            self.areFractions = areFractions
        }

        /// Whether a value is within the bounds; NaN never is.
        ///
        /// - Parameter digits: The value with all of its digits, where floating point may round it.
        package func contain(_ value: Double, digits: String? = nil) -> Bool {
            if value.isNaN { return isEmpty }
            let value = Figure(number: value, digits: digits)
            if let min, value < Figure(number: min, digits: exactMin ?? min.description) { return false }
            if let max, Figure(number: max, digits: exactMax ?? max.description) < value { return false }
            return true
        }

        /// Whether neither bound is set.
        package var isEmpty: Bool { min == nil && max == nil }
    }

    /// A number that is compared by all of its digits, where both sides have them.
    private struct Figure {
        let number: Double
        let digits: Decimal?

        init(number: Double, digits: String?) {
            self.number = number
            self.digits = digits.flatMap { Decimal(digits: $0) }
        }

        static func < (left: Figure, right: Figure) -> Bool {
            if let digits = left.digits, let others = right.digits {
                digits < others
            } else {
                left.number < right.number
            }
        }
    }

    /// The acceptance of a breach until a day.
    package struct Waiver: Sendable, Equatable {
        /// The last day on which it applies, such as `2026-12-31`.
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
    /// The limits whose breach has the check's ``severity``.
    package var limits: Bounds
    /// The limits whose breach is a warning.
    package var warnLimits: Bounds?
    /// The rows it looks at; nil means all.
    package var filter: Located<Expression>?
    /// A column whose values divide the rows into parts; each part is tested by itself.
    package var partitionBy: String?
    package var waiver: Waiver?
    /// Where the check is defined.
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

    /// The kind as the pipeline file names it, such as `not_null`.
    package var typeName: String { definition.typeName }
}

/// The definition of a check: one type for each kind that a pipeline file may name.
///
/// The engine knows a check only through this protocol; `Checks/` decides how it is read, measured and judged.
package protocol CheckDefinition: Sendable {
    /// The kind as the pipeline file names it, such as `not_null`.
    static var typeName: String { get }
    /// The columns it names, so that missing ones are reported before anything runs.
    var columns: [String] { get }
    /// The user's query; nil for kinds without one.
    var query: Query? { get set }
    /// The datasets it reads besides the checked one.
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
