/// One node of a pipeline: what it does, and how it behaves when it runs.
package struct Stage: Sendable {
    /// Its name.
    package var id: StageID
    /// What it is for.
    package var description: String
    /// The group it is shown and selected with.
    package var group: String?
    /// The stages it waits for besides those that write its inputs.
    package var needs: [Located<StageID>]
    /// Which endings of its upstream let it run.
    package var when: TriggerRule
    /// A comparison of parameters; false skips the stage.
    package var condition: Condition?
    /// One attempt per item of a list, if it is fanned out.
    package var fanOut: FanOut?
    package var retry: RetryPolicy
    /// How long one attempt may take.
    package var timeout: Duration?
    /// The pool it takes a slot from.
    package var pool: PoolName?
    /// What one attempt may use.
    package var resources: Resources
    /// What its programs may take of the run's log, in bytes; nil leaves that to the run.
    package var logLimit: Int64?
    /// Tests of its output, run before the output is published; or of its input, for a check stage.
    package var checks: [Check]
    /// Whether its failure leaves the run unharmed.
    package var allowsFailure: Bool
    /// Whether running it twice does no harm; when not, a retry asks for its name.
    package var isIdempotent: Bool
    /// Whether its last success is taken when nothing has changed; nil leaves that to the run.
    package var reusesUnchanged: Bool?
    /// How much of failing rows is kept; nil means as much as the pipeline says.
    package var samples: SampleRule?
    /// What it does.
    package var definition: any StageDefinition
    /// Its resolved text, the same for the same meaning: what reuse and edit-and-retry compare.
    package var definitionText: String
    /// Where it is written.
    package var location: SourceLocation
    /// Where it says what it writes.
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
    /// Every dataset it reads, each once: for its work, for its fan-out's items and for its checks.
    ///
    /// This is what decides which stages it waits for, and what an attempt is given. What its checks look at because the
    /// stage has just made it is none of them.
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

    /// The datasets that its checks read, besides the one that they check.
    private var checkReads: [Located<DatasetName>] {
        checks.flatMap(\.definition.reads).filter { $0.value != checkedDataset }
    }

    /// The dataset that its checks are about: what it writes, or what it reads where the rows are checked as they come.
    package var checkedDataset: DatasetName? {
        (definition.checksInput ? nil : definition.outputs.first) ?? definition.inputs.first?.value
    }

    /// The datasets that its queries read, as often as they do.
    package var queryReads: [Located<DatasetName>] {
        var copy = self
        var found: [Located<DatasetName>] = []
        copy.visitQueries { found += $0.reads }
        return found
    }

    /// What its queries ask for that is not the same twice, such as `now`.
    package var unsteady: [String] {
        var copy = self
        var found: [String] = []
        copy.visitQueries { found += $0.unsteady }
        return found
    }

    /// Goes through every query that the user wrote for it, wherever it stands.
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

/// What a stage does: one type for each `type:` of a pipeline file.
///
/// The engine knows a stage only through this; how it becomes work is decided in `Stages/`.
package protocol StageDefinition: Sendable {
    /// As the file writes it, such as `validate`.
    static var typeName: String { get }
    /// The datasets it reads, in the order it names them.
    var inputs: [Located<DatasetName>] { get }
    /// The datasets it writes.
    var outputs: [DatasetName] { get }
    /// Every `${…}` of its own settings with its place; those that stages of all types have are left out.
    var references: [(Template.Reference, SourceLocation)] { get }
    /// Whether its checks are about the rows that it reads, although it writes some.
    var checksInput: Bool { get }
    /// The files it writes besides its datasets; `pipeline` is the pipeline's name.
    func otherOutputs(of pipeline: String) -> [OtherOutput]
    /// Goes through the queries that the user wrote for it.
    mutating func visitQueries(_ visit: (inout Query) -> Void)
    /// The program of the user that is its work; nil where the work is done here.
    var program: StageProgram? { get }
    /// The input whose rows it holds against a schema, and of which it takes corrected rows; nil where it does neither.
    var validatedInput: Located<DatasetName>? { get }
    /// The table that it loads; nil where it writes files.
    var loadedTable: DatasetName? { get }
    /// Whether there are rows for checks.
    var hasRowsToCheck: Bool { get }
    /// Whether DuckDB does its work.
    var needsDuckDB: Bool { get }
    /// Whether items of a fan-out divide the rows of its first input among themselves.
    var dividesRows: Bool { get }
    /// Whether an attempt of it looks at its run.
    var wantsRunState: Bool { get }
    /// Why it cannot have `foreach`; nil where it can.
    var fanOutObstacle: (message: String, remedy: String?)? { get }
    /// Why earlier successes of it never hold; nil where they may.
    ///
    /// `isWanted`: whether the stage itself asks for reuse.
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
    package var hasRowsToCheck: Bool { !outputs.isEmpty }
    package var needsDuckDB: Bool { true }
    package var dividesRows: Bool { true }
    package var wantsRunState: Bool { false }
    package var fanOutObstacle: (message: String, remedy: String?)? { nil }
    package func reuseObstacle(isWanted: Bool) -> String? { nil }
    /// Whether its work is a program of the user, of which nobody knows what it reads and writes besides.
    package var runsProgram: Bool { program != nil }
    /// As the file writes it.
    package var typeName: String { Self.typeName }
}

/// A program that a stage runs.
package struct StageProgram: Sendable, Equatable {
    /// How it is called.
    package enum Call: Sendable, Equatable {
        /// A line for the shell, or for no shell when it needs none.
        case line(Template)
        /// A program and its arguments, each as it is.
        case arguments([Template])

        /// The line, or the program and its arguments.
        package var words: [Template] {
            switch self {
            case .line(let line): [line]
            case .arguments(let list): list
            }
        }
    }

    package var call: Call
    /// The variables that the stage sets for it.
    package var environment: [String: Template]

    package init(_ call: Call, environment: [String: Template] = [:]) {
        self.call = call
        self.environment = environment
    }
}

/// A file that a stage writes beside the data, such as its quarantine.
package struct OtherOutput: Sendable {
    /// What it is, such as `the quarantine`.
    package var what: String
    package var path: Template
    package var location: SourceLocation

    package init(_ what: String, path: Template, at location: SourceLocation) {
        self.what = what
        self.path = path
        self.location = location
    }
}

/// Which endings of its upstream let a stage run.
package enum TriggerRule: String, Sendable, Codable, CaseIterable {
    /// Everything upstream succeeded.
    case allSucceeded = "all_succeeded"
    /// Everything upstream ended, however.
    case allDone = "all_done"
    /// Something upstream failed.
    case anyFailed = "any_failed"
}

/// A comparison that decides whether a stage runs, such as `${params.mode} == full`.
package struct Condition: Sendable, Equatable {
    /// How the two sides are compared; numbers as numbers when both sides are numbers.
    package enum Comparison: String, Sendable, CaseIterable {
        case equal = "=="
        case notEqual = "!="
        case lessOrEqual = "<="
        case greaterOrEqual = ">="
        case less = "<"
        case greater = ">"
    }

    package var left: Template
    package var comparison: Comparison
    package var right: Template
    /// Where it is written.
    package var location: SourceLocation

    package init(left: Template, comparison: Comparison, right: Template, location: SourceLocation) {
        self.left = left
        self.comparison = comparison
        self.right = right
        self.location = location
    }

    /// The comparison in words, as the file has it.
    package var description: String { "\(left) \(comparison.rawValue) \(right)" }

    /// Whether it holds for two filled sides.
    package func holds(_ left: String, _ right: String) -> Bool {
        let order: Int
        if let a = Double(left), let b = Double(right) {
            order = a < b ? -1 : a > b ? 1 : 0
        } else {
            order = left < right ? -1 : left > right ? 1 : 0
        }
        switch comparison {
        case .equal: return order == 0
        case .notEqual: return order != 0
        case .less: return order < 0
        case .lessOrEqual: return order <= 0
        case .greater: return order > 0
        case .greaterOrEqual: return order >= 0
        }
    }
}

/// How a failed attempt is tried again.
package struct RetryPolicy: Sendable, Hashable, Codable {
    /// Extra tries after the first.
    package var limit: Int
    /// How long to wait before the first of them.
    package var delay: Duration
    /// What each further wait is multiplied by.
    package var backoff: Double
    /// The longest wait.
    package var maxDelay: Duration
    /// The largest part of a wait that chance takes off or adds, from 0 to 1.
    package var jitter: Double
    /// Exit statuses worth a retry; empty means any failure is.
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

    /// How long to wait before extra try number `retry`, counted from 1.
    ///
    /// `chance`: a number from 0 to 1 that decides the jitter.
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

/// What one attempt may use of the machine.
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

/// One attempt per item of a list.
package struct FanOut: Sendable, Equatable {
    /// Where the values of a variable come from.
    package enum Source: Sendable, Equatable {
        /// A list, whose texts may hold references.
        case values([Located<Template>])
        /// The first column of a query over datasets.
        case query(Query)
        /// The files that match a pattern, sorted.
        case files(Template)
        /// Every day from one date to another, both included.
        case days(from: Template, to: Template)
    }

    /// What is done with the other items when one fails.
    package enum OnFailure: String, Sendable, Codable, CaseIterable {
        /// They go on.
        case proceed = "continue"
        /// Those that have not started do not start.
        case stop
    }

    /// The variables and their sources, in file order; several make every combination.
    package var variables: [(name: String, source: Source)]
    /// How many items run at once; nil means as many as the run allows.
    package var maxParallel: Int?
    package var onFailure: OnFailure
    /// Whether each item sees only the input rows whose columns equal its variables.
    package var partitions: Bool
    /// Where it is written.
    package var location: SourceLocation

    package init(
        variables: [(name: String, source: Source)], maxParallel: Int?, onFailure: OnFailure, partitions: Bool,
        location: SourceLocation
    ) {
        self.variables = variables
        self.maxParallel = maxParallel
        self.onFailure = onFailure
        self.partitions = partitions
        self.location = location
    }

    package static func == (left: FanOut, right: FanOut) -> Bool {
        left.variables.elementsEqual(right.variables, by: ==) && left.maxParallel == right.maxParallel
            && left.onFailure == right.onFailure && left.partitions == right.partitions
            && left.location == right.location
    }
}

/// One element of a fan-out.
package struct Item: Sendable, Hashable, Codable {
    /// Its stable name.
    package var key: ItemKey
    /// The value of each variable; nil where the data has no value.
    package var values: [String: String?]

    package init(key: ItemKey, values: [String: String?]) {
        self.key = key
        self.values = values
    }
}
