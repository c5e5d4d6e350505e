/// A kind of check: how it is read, measured, judged and told.
///
/// A kind is one Swift type conforming to this, in a file of its own, named in ``CheckKinds/all``; nothing else knows of it.
protocol CheckKind: CheckDefinition {
    // MARK: Reading

    /// Reads the checks that one entry of `checks` stands for: a list of columns may stand for a check of each.
    static func read(_ subject: CheckSubject, _ reader: inout MappingReader) -> [Self]

    /// Reads the limits of what is measured, from the check's mapping or from its `warn`.
    static func limits(_ reader: inout MappingReader) -> Check.Bounds

    /// What to do in place of `partition_by`; nil for kinds that can be divided.
    static func insteadOfParts(by column: String) -> String?

    // MARK: Before anything runs

    /// What is wrong with a check for these columns, besides columns that are not there.
    func fault(in check: Check, _ columns: CheckedColumns) -> ConfigError?

    /// Why a stage with such a check is not reused, as the end of a sentence; nil where it may be.
    var reuseObstacle: String? { get }

    /// The columns whose values tell which row is which where the check holds.
    var keyColumns: [String] { get }

    // MARK: Measuring

    /// Adds what must be there before the data is scanned.
    func prepare(_ data: CheckedData, _ script: inout SQLScript)

    /// Whether it is measured in the scan that checks share, or with a statement of its own by ``addMeasure(_:_:)``.
    var sharesScan: Bool { get }

    /// SQL for what is measured in one scan of the data.
    func measure(_ data: CheckedData) -> String

    /// Adds the statements that measure a check which does not share the scan.
    func addMeasure(_ data: CheckedData, _ script: inout SQLScript)

    /// How rows that fail are found; nil for kinds that tell of no single row.
    func failingRows(_ data: CheckedData) -> FailingRows?

    // MARK: Judging

    /// Whether its statements gave what it is judged by.
    ///
    /// `total`: how many rows it looked at.
    func isMeasured(_ measure: Double?, total: Double?) -> Bool

    /// Decides what the check found.
    ///
    /// - Throws: what looking at earlier runs throws.
    func judge(_ found: CheckMeasurement) throws -> CheckResult

    /// What a recorded value means by the limits that the check has now.
    ///
    /// `rows`: how many rows the check looked at.
    /// `past`: what was recorded before, oldest first.
    func outcome(ofRecorded value: Double?, rows: Double, past: [Double], _ check: Check) -> CheckResult.Outcome

    /// Whether what is measured is a number of failing rows.
    var countsFailingRows: Bool { get }

    /// How many runs back a part is missed that is not there any more; nil where a part without rows means nothing.
    var runsOfParts: Int? { get }

    // MARK: Words

    /// What is expected.
    ///
    /// `limits`: the check's limits in words, such as `at least 5`.
    func expectation(_ check: Check, _ limits: String) -> String

    /// A limit as it is written.
    func text(ofLimit limit: Double, isFraction: Bool) -> String

    /// A measured value as people write it.
    static func text(ofMeasured value: Double) -> String
}

extension CheckKind {
    static func insteadOfParts(by column: String) -> String? { nil }
    func fault(in check: Check, _ columns: CheckedColumns) -> ConfigError? { nil }
    var reuseObstacle: String? { nil }
    var keyColumns: [String] { [] }
    func prepare(_ data: CheckedData, _ script: inout SQLScript) {}
    var sharesScan: Bool { true }
    func addMeasure(_ data: CheckedData, _ script: inout SQLScript) {}
    func failingRows(_ data: CheckedData) -> FailingRows? { nil }
    func isMeasured(_ measure: Double?, total: Double?) -> Bool { total != nil }
    func outcome(ofRecorded value: Double?, rows: Double, past: [Double], _ check: Check) -> CheckResult.Outcome {
        value.map(check.outcome) ?? .passed
    }
    var countsFailingRows: Bool { false }
    var runsOfParts: Int? { nil }
    func text(ofLimit limit: Double, isFraction: Bool) -> String {
        isFraction ? CheckText.percent(limit) : limit.plain
    }
    static func text(ofMeasured value: Double) -> String { CheckText.number(value) }
}

/// Every kind of check that a pipeline file may name.
package enum CheckKinds {
    /// The list to which a new kind is added.
    static let all: [any CheckKind.Type] = [
        NotNullCheck.self, CompletenessCheck.self, UniqueCheck.self, AcceptedValuesCheck.self, RangeCheck.self,
        MatchesCheck.self, RowCountCheck.self, RowCountVariationCheck.self, FreshnessCheck.self, SchemaCheck.self,
        ForeignKeyCheck.self, DistinctCountCheck.self, SumCheck.self, MeanCheck.self, AnomalyCheck.self, SQLCheck.self,
    ]

    /// What a pipeline file calls them.
    package static var names: [String] { all.map { $0.typeName } }

    /// The kind that a pipeline file calls by this name; nil when there is none.
    static func named(_ name: String) -> (any CheckKind.Type)? { all.first { $0.typeName == name } }
}

extension Check {
    /// Its kind, which can measure and judge it.
    var kind: any CheckKind {
        guard let kind = definition as? any CheckKind else {
            preconditionFailure("the check '\(id)' has a definition that is no kind of check: \(typeName)")
        }
        return kind
    }
}

/// A kind whose key names one column.
protocol ColumnCheck: CheckKind {
    var column: String { get }
    init(column: String)
}

extension ColumnCheck {
    var columns: [String] { [column] }

    static func read(_ subject: CheckSubject, _ reader: inout MappingReader) -> [Self] {
        subject.column().map { [Self(column: $0)] } ?? []
    }
}

/// A kind that measures one figure of the data, which ``AnomalyCheck`` can follow.
protocol FigureCheck: CheckKind {
    /// The figure; nil where there are no values to take it of.
    func figure(_ found: CheckMeasurement) -> Double?
}

extension FigureCheck {
    func figure(_ found: CheckMeasurement) -> Double? { found.measure }
}
