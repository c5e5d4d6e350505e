/// One node of a pipeline: its work, and its rules for running.
package struct Stage: Sendable {
    /// The stage's name.
    package var id: StageID
    /// What the stage is for.
    package var description: String
    /// The group in which it is shown and selected.
    package var group: String?
    /// The upstream stages besides those that write its inputs.
    package var needs: [Located<StageID>]
    /// Which upstream outcomes let it run.
    package var when: TriggerRule
    /// A condition on parameters; if it is false the stage is skipped.
    package var condition: Condition?
    /// The fan-out: one attempt for each item; nil for a stage without items.
    package var fanOut: FanOut?
    package var retry: RetryPolicy
    /// The maximum duration of one attempt.
    package var timeout: Duration?
    /// The pool from which it takes a slot.
    package var pool: PoolName?
    /// The resources that one attempt may use.
    package var resources: Resources
    /// The maximum bytes that its programs may write to the run's log; nil leaves that to the run.
    package var logLimit: Int64?
    /// Checks of its output, run before publication; or of its input, for a check stage.
    package var checks: [Check]
    /// Whether the run can succeed although this stage fails.
    package var allowsFailure: Bool
    /// Whether running it twice is safe; if not, a retry asks for confirmation by its name.
    package var isIdempotent: Bool
    /// Whether its last success is reused when nothing has changed; nil leaves that to the run.
    package var reusesUnchanged: Bool?
    /// How much of the failing rows is kept; nil leaves that to the pipeline.
    package var samples: SampleRule?
    /// Where its program runs.
    package var placement = Placement.local
    /// What runs its SQL.
    package var engine = EngineChoice.duckdb
    /// The work of its type.
    package var definition: any StageDefinition
    /// Its resolved definition: equal definitions have equal texts, which reuse and changed plans compare.
    package var definitionText: String
    /// Where the stage is defined.
    package var location: SourceLocation
    /// Where its output is defined.
    package var outputLocation: SourceLocation

    package init(
        id: StageID, description: String = "", group: String? = nil, needs: [Located<StageID>] = [],
        when: TriggerRule = .allSucceeded, condition: Condition? = nil, fanOut: FanOut? = nil,
        retry: RetryPolicy = .none, timeout: Duration? = nil, pool: PoolName? = nil,
        resources: Resources = Resources(), checks: [Check] = [], allowsFailure: Bool = false,
        isIdempotent: Bool = true, definition: any StageDefinition, definitionText: String = "",
        location: SourceLocation
    ) {
        self.id = id
        self.description = description
        self.group = group
        self.needs = needs
        self.when = when
        self.condition = condition
        self.fanOut = fanOut
        self.retry = retry
        self.timeout = timeout
        self.pool = pool
        self.resources = resources
        self.checks = checks
        self.allowsFailure = allowsFailure
        self.isIdempotent = isIdempotent
        self.definition = definition
        self.definitionText = definitionText
        self.location = location
        outputLocation = location
    }

}

extension Stage {
    /// Every dataset it reads, each once: for its work, its fan-out's items and its checks.
    ///
    /// These determine its upstream stages and what an attempt is given. The dataset that its checks examine because
    /// the stage itself has just written it is not among them.
    package var reads: [Located<DatasetName>] {
        var seen: Set<DatasetName> = []
        return (definition.inputs + fanOutReads + checkReads).filter { seen.insert($0.value).inserted }
    }

    /// The datasets that the queries of its fan-out read.
    package var fanOutReads: [Located<DatasetName>] {
        (fanOut?.variables ?? []).flatMap { variable -> [Located<DatasetName>] in
            if case .query(let query) = variable.source { query.reads } else { [] }
        }
    }

    /// The datasets that its checks read besides the checked one.
    private var checkReads: [Located<DatasetName>] {
        checks.flatMap(\.definition.reads).filter { $0.value != checkedDataset }
    }

    /// The dataset that its checks examine: its output, or its input when the input's rows are checked.
    package var checkedDataset: DatasetName? {
        (definition.checksInput ? nil : definition.outputs.first) ?? definition.inputs.first?.value
    }

    /// The datasets that its queries read, with repetitions.
    package var queryReads: [Located<DatasetName>] {
        var copy = self
        var found: [Located<DatasetName>] = []
        copy.visitQueries { found += $0.reads }
        return found
    }

    /// The functions in its queries whose value differs from one execution to the next, such as `now`.
    package var unsteady: [String] {
        var copy = self
        var found: [String] = []
        copy.visitQueries { found += $0.unsteady }
        return found
    }

    /// Visits every query that the user wrote for it.
    package mutating func visitQueries(_ visit: (inout Query) -> Void) {
        definition.visitQueries(visit)
        for index in fanOut?.variables.indices ?? 0..<0 {
            guard case .query(var query)? = fanOut?.variables[index].source else { continue }
            visit(&query)
            fanOut?.variables[index].source = .query(query)
        }
        for index in checks.indices {
            guard var query = checks[index].definition.query else { continue }
            visit(&query)
            checks[index].definition.query = query
        }
    }
}

/// The work of a stage: one type for each `type:` of a pipeline file.
///
/// The engine knows a stage's type only through this protocol; `Stages/` decides how it becomes work.
package protocol StageDefinition: Sendable {
    /// The type as the file names it, such as `validate`.
    static var typeName: String { get }
    /// The datasets it reads, in the order it names them.
    var inputs: [Located<DatasetName>] { get }
    /// The datasets it writes.
    var outputs: [DatasetName] { get }
    /// Every `${…}` in the settings of its type with its place; the settings that all types share are left out.
    var references: [(Template.Reference, SourceLocation)] { get }
    /// Whether its checks examine the rows that it reads although it also writes some.
    var checksInput: Bool { get }
    /// The files it writes besides its datasets; `pipeline` is the pipeline's name.
    func otherOutputs(of pipeline: String) -> [OtherOutput]
    /// Visits the queries that the user wrote for it.
    mutating func visitQueries(_ visit: (inout Query) -> Void)
    /// The user's program that does its work; nil when Caudal does the work.
    var program: StageProgram? { get }
    /// The input that it validates against a schema and for which it accepts corrections; nil for types that do
    /// neither.
    var validatedInput: Located<DatasetName>? { get }
    /// The table that it loads; nil when it writes files.
    var loadedTable: DatasetName? { get }
    /// How it loads that table.
    var loadMode: LoadMode? { get }
    /// The output whose rows stay as far as new ones do not take their place; nil for outputs that are written anew.
    var mergedOutput: DatasetName? { get }
    /// The column by which it tells which rows are new to that output; nil where it reads all of them.
    var watermark: Located<String>? { get }
    /// What it reads of which its queries see the new rows alone, unless the file says that this is meant.
    var newRowsAlone: NewRowsAlone? { get }
    /// Whether it has rows to check.
    var hasRowsToCheck: Bool { get }
    /// Whether the SQL engine does its work.
    var needsSQLEngine: Bool { get }
    /// Whether items of a fan-out divide the rows of its first input among themselves.
    var dividesRows: Bool { get }
    /// Whether its SQL can be run by Spark.
    var runsOnSpark: Bool { get }
    /// Whether its attempts need the state of the run.
    var wantsRunState: Bool { get }
    /// Why it cannot have `foreach`; nil if it can.
    var fanOutObstacle: (message: String, remedy: String?)? { get }
    /// Why its successes can never be reused; nil if they can.
    ///
    /// - Parameter isWanted: Whether the stage itself asks for reuse.
    func reuseObstacle(isWanted: Bool) -> String?
}

extension StageDefinition {
    package var references: [(Template.Reference, SourceLocation)] { [] }
    package var checksInput: Bool { false }
    package func otherOutputs(of pipeline: String) -> [OtherOutput] { [] }
    package mutating func visitQueries(_ visit: (inout Query) -> Void) {}
    package var program: StageProgram? { nil }
    package var validatedInput: Located<DatasetName>? { nil }
    package var loadedTable: DatasetName? { nil }
    package var loadMode: LoadMode? { nil }
    package var mergedOutput: DatasetName? { nil }
    package var watermark: Located<String>? { nil }
    package var newRowsAlone: NewRowsAlone? { nil }
    package var hasRowsToCheck: Bool { !outputs.isEmpty }
    package var needsSQLEngine: Bool { true }
    package var dividesRows: Bool { true }
    package var runsOnSpark: Bool { false }
    package var wantsRunState: Bool { false }
    package var fanOutObstacle: (message: String, remedy: String?)? { nil }
    package func reuseObstacle(isWanted: Bool) -> String? { nil }
    /// Whether a user's program does its work, so that it may read and write files that Caudal does not know of.
    package var runsProgram: Bool { program != nil }
    /// The type as the file names it.
    package var typeName: String { Self.typeName }
}

/// Rows of which a stage reads only those that are new to its output.
package struct NewRowsAlone: Sendable {
    /// The column that tells which ones are new.
    package var column: Located<String>
    /// The name by which queries of the stage read them.
    package var name: DatasetName
    /// The columns that identify a row of the output; empty where rows are appended.
    package var key: [String]
    /// The column of which the greatest value decides which row of a key stays; nil where the new one does.
    package var deciding: String?

    package init(column: Located<String>, name: DatasetName, key: [String], deciding: String?) {
        self.column = column
        self.name = name
        self.key = key
        self.deciding = deciding
    }

    /// Whether what a query computes of them is the same as of all rows, once it is added to the output.
    package func isWhole(_ gathering: Query.Gathering) -> Bool {
        let table = name.rawValue.lowercased()
        if !gathering.tables.contains(table) { return true }
        let names = Set(gathering.columns.compactMap { $0.origins[table] })
        // Of a group with one value in the column, all rows are read.
        if names.contains(column.value.lowercased()) { return true }
        // The newest row of each key takes the place of the one that the output has.
        guard let greatest = gathering.greatest?.origins[table], let deciding, !key.isEmpty else { return false }
        return gathering.columns.count == key.count && names == Set(key.map { $0.lowercased() })
            && greatest == deciding.lowercased()
    }
}

/// A program that a stage runs.
package struct StageProgram: Sendable, Equatable {
    /// How the program is called.
    package enum Call: Sendable, Equatable {
        /// A command line, run by a shell only when it needs one.
        case line(Template)
        /// A program and its arguments, passed unchanged.
        case arguments([Template])

        /// The command line, or the program and its arguments.
        package var words: [Template] {
            switch self {
            case .line(let line): [line]
            case .arguments(let list): list
            }
        }
    }

    package var call: Call
    /// The environment variables that the stage sets for it.
    package var environment: [String: Template]

    package init(_ call: Call, environment: [String: Template] = [:]) {
        self.call = call
        self.environment = environment
    }
}

/// A file that a stage writes besides its datasets, such as its quarantine.
package struct OtherOutput: Sendable {
    /// What the file is, such as `the quarantine`.
    package var what: String
    package var path: Template
    package var location: SourceLocation

    package init(_ what: String, path: Template, at location: SourceLocation) {
        self.what = what
        self.path = path
        self.location = location
    }
}

/// Which upstream outcomes let a stage run.
package enum TriggerRule: String, Sendable, Codable, CaseIterable {
    /// All upstream stages succeeded.
    case allSucceeded = "all_succeeded"
    /// All upstream stages ended, with any outcome.
    case allDone = "all_done"
    /// At least one upstream stage failed.
    case anyFailed = "any_failed"
}

/// A comparison that decides whether a stage runs, such as `${params.mode} == full`.
package struct Condition: Sendable, Equatable {
    /// The comparisons.
    package enum Comparison: String, Sendable, CaseIterable {
        case equal = "=="
        case notEqual = "!="
        case lessOrEqual = "<="
        case greaterOrEqual = ">="
        case less = "<"
        case greater = ">"

        /// Whether it asks which side is greater, and not only whether they are equal.
        package var isOrder: Bool { self != .equal && self != .notEqual }
    }

    package var left: Template
    package var comparison: Comparison
    package var right: Template
    /// Where the condition is written.
    package var location: SourceLocation

    package init(left: Template, comparison: Comparison, right: Template, location: SourceLocation) {
        self.left = left
        self.comparison = comparison
        self.right = right
        self.location = location
    }

    /// The condition as the file writes it.
    package var description: String { "\(left) \(comparison.rawValue) \(right)" }

    /// What its sides are.
    package enum Values: Sendable {
        /// Texts, in the order of their UTF-8 bytes: parameters of the types string, enum, boolean and date.
        case texts
        /// Numbers: parameters of the types integer and number.
        case numbers
        /// Variables of the environment, which have no type: texts that are equal or not, and numbers in their order where
        /// both sides are.
        case untyped
    }

    /// Whether it holds for two sides with their values filled in.
    package func holds(_ left: String, _ right: String, as values: Values) -> Bool {
        let order =
            values == .texts || values == .untyped && !comparison.isOrder
            ? Self.order(ofTexts: left, right)
            : Self.order(ofNumbers: left, right) ?? Self.order(ofTexts: left, right)
        switch comparison {
        case .equal: return order == 0
        case .notEqual: return order != 0
        case .less: return order < 0
        case .lessOrEqual: return order <= 0
        case .greater: return order > 0
        case .greaterOrEqual: return order >= 0
        }
    }

    /// Below 0 if the first text comes before the second, 0 if they are the same bytes, above 0 otherwise.
    private static func order(ofTexts left: String, _ right: String) -> Int {
        if left.utf8.elementsEqual(right.utf8) { return 0 }
        return left.utf8.lexicographicallyPrecedes(right.utf8) ? -1 : 1
    }

    /// The same for numbers; nil where one is none.
    private static func order(ofNumbers left: String, _ right: String) -> Int? {
        // Floating point does not tell all whole numbers apart.
        if let left = Int64(left), let right = Int64(right) { return left < right ? -1 : left > right ? 1 : 0 }
        guard let left = Double(left), let right = Double(right), left.isFinite, right.isFinite else { return nil }
        return left < right ? -1 : left > right ? 1 : 0
    }
}

/// How failed attempts are retried.
package struct RetryPolicy: Sendable, Hashable, Codable {
    /// The maximum number of retries.
    package var limit: Int
    /// The delay before the first retry.
    package var delay: Duration
    /// The factor by which each further delay grows.
    package var backoff: Double
    /// The maximum delay.
    package var maxDelay: Duration
    /// The maximum part of a delay that is randomly added or subtracted, from 0 to 1.
    package var jitter: Double
    /// The exit statuses that are retried; empty retries after every failure.
    package var exitStatuses: [Int32]

    package init(
        limit: Int, delay: Duration = .seconds(10), backoff: Double = 2, maxDelay: Duration = .seconds(300),
        jitter: Double = 0, exitStatuses: [Int32] = []
    ) {
        self.limit = limit
        self.delay = delay
        self.backoff = backoff
        self.maxDelay = maxDelay
        self.jitter = jitter
        self.exitStatuses = exitStatuses
    }

    /// No retries.
    package static let none = RetryPolicy(limit: 0)

    /// The delay before retry number `retry`, counted from 1.
    ///
    /// - Parameter chance: A random number from 0 to 1 that decides the jitter.
    package func wait(beforeRetry retry: Int, chance: Double) -> Duration {
        var seconds = delay.seconds
        for _ in 1..<max(1, retry) {
            seconds *= backoff
            if seconds >= maxDelay.seconds { break }
        }
        seconds = min(seconds, maxDelay.seconds)
        seconds *= 1 + jitter * (2 * chance - 1)
        return .milliseconds(Int64((seconds * 1000).rounded()))
    }
}

/// The resources of the machine that one attempt may use.
package struct Resources: Sendable, Hashable, Codable {
    /// Processors; for a data stage also its number of threads.
    package var cpu: Double?
    /// Bytes of memory; for a data stage also its memory limit.
    package var memory: Int64?

    package init(cpu: Double? = nil, memory: Int64? = nil) {
        self.cpu = cpu
        self.memory = memory
    }

    /// Whether nothing is asked for.
    package var isEmpty: Bool { cpu == nil && memory == nil }
}
