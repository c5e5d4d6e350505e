import CaudalModel

/// A kind of check: how it is read, measured, judged and worded.
///
/// A kind is one Swift type in a file of its own that conforms to this protocol and is listed in ``CheckKinds/all``; no
/// other code knows it.
protocol CheckKind: CheckDefinition {
    // MARK: Reading

    /// Reads the checks of one entry of `checks`: a list of columns gives a check for each column.
    static func read(_ subject: CheckSubject, _ reader: inout MappingReader) -> [Self]

    /// Reads the limits of the measure, from the check's mapping or from its `warn`.
    static func limits(_ reader: inout MappingReader) -> Check.Bounds

    /// What to write instead of `partition_by`; nil for kinds that can be divided.
    static func insteadOfParts(by column: String) -> String?

    /// Whether `where` can choose what it looks at.
    static var looksAtRows: Bool { get }

    // MARK: Before anything runs

    /// The fault of a check for these columns, apart from missing columns.
    func fault(in check: Check, _ columns: CheckedColumns) -> ConfigError?

    /// Why it would come out differently on the engine that measures it, in words; nil where it comes out alike.
    func obstacle(_ data: CheckedData) -> String?

    /// Why a stage with such a check is not reused, as the end of a sentence; nil if it may be.
    var reuseObstacle: String? { get }

    /// The columns that identify a row when the check passes.
    var keyColumns: [String] { get }

    // MARK: Measuring

    /// Adds statements that must precede the scan of the data.
    func prepare(_ data: CheckedData, _ script: inout SQLScript)

    /// Whether it is measured in the shared scan, or by its own statement from ``addMeasure(_:_:)``.
    var sharesScan: Bool { get }

    /// SQL for its measure in a scan of the data.
    func measure(_ data: CheckedData) -> String

    /// Adds the statements that measure a check outside of the shared scan.
    func addMeasure(_ data: CheckedData, _ script: inout SQLScript)

    /// How failing rows are found; nil for kinds that do not look at single rows.
    func failingRows(_ data: CheckedData) -> FailingRows?

    // MARK: Judging

    /// Whether its statements returned what it is judged by.
    ///
    /// - Parameter total: The number of rows that it looked at.
    func isMeasured(_ measure: Double?, total: Double?) -> Bool

    /// Decides the result of the check.
    ///
    /// - Throws: ``StoreError`` when earlier runs cannot be read.
    func judge(_ found: CheckMeasurement) throws -> CheckResult

    /// The outcome of a recorded value by the check's current limits.
    ///
    /// - Parameters:
    ///   - rows: The number of rows that the check looked at.
    ///   - past: The values recorded before, oldest first.
    func outcome(ofRecorded value: Double?, rows: Double, past: [Double], _ check: Check) -> CheckResult.Outcome

    /// Whether the measure is a number of failing rows.
    var countsFailingRows: Bool { get }

    /// The number of past runs whose parts are expected again; nil when a missing part does not matter.
    var runsOfParts: Int? { get }

    // MARK: Words

    /// The expectation in words.
    ///
    /// - Parameter limits: The check's limits in words, such as `at least 5`.
    func expectation(_ check: Check, _ limits: String) -> String

    /// A limit, as text.
    func text(ofLimit limit: Double, isFraction: Bool) -> String

    /// A measured value, as text.
    static func text(ofMeasured value: Double) -> String
}

extension CheckKind {
    static func insteadOfParts(by column: String) -> String? { nil }
    static var looksAtRows: Bool { true }
    func fault(in check: Check, _ columns: CheckedColumns) -> ConfigError? { nil }
    func obstacle(_ data: CheckedData) -> String? { nil }
    var reuseObstacle: String? { nil }
    var keyColumns: [String] { [] }
    func prepare(_ data: CheckedData, _ script: inout SQLScript) {}
    var sharesScan: Bool { true }
    func addMeasure(_ data: CheckedData, _ script: inout SQLScript) {}
    func failingRows(_ data: CheckedData) -> FailingRows? { nil }
    func isMeasured(_ measure: Double?, total: Double?) -> Bool { total != nil }
    func outcome(ofRecorded value: Double?, rows: Double, past: [Double], _ check: Check) -> CheckResult.Outcome {
        value.map { check.outcome(of: $0) } ?? .passed
    }
    var countsFailingRows: Bool { false }
    var runsOfParts: Int? { nil }
    func text(ofLimit limit: Double, isFraction: Bool) -> String {
        isFraction ? CheckText.percent(limit) : limit.plain
    }
    static func text(ofMeasured value: Double) -> String { CheckText.number(value) }
}

/// All kinds of check.
package enum CheckKinds {
    /// The list of kinds; a new kind is added here.
    static let all: [any CheckKind.Type] = [
        NotNullCheck.self, CompletenessCheck.self, UniqueCheck.self, AcceptedValuesCheck.self, RangeCheck.self,
        MatchesCheck.self, RowCountCheck.self, RowCountVariationCheck.self, FreshnessCheck.self, SchemaCheck.self,
        ForeignKeyCheck.self, DistinctCountCheck.self, SumCheck.self, MeanCheck.self, AnomalyCheck.self, SQLCheck.self,
    ]

    /// The names of the kinds in pipeline files.
    package static var names: [String] { all.map { $0.typeName } }

    /// The kind with this name in pipeline files; nil when there is none.
    static func named(_ name: String) -> (any CheckKind.Type)? { all.first { $0.typeName == name } }
}

extension Check {
    /// The check's kind, which measures and judges it.
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
    /// The figure; nil when there are no values to compute it from.
    func figure(_ found: CheckMeasurement) -> Double?
}

extension FigureCheck {
    func figure(_ found: CheckMeasurement) -> Double? { found.measure }
}
