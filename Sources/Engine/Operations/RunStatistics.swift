import CaudalModel

/// How runs of a pipeline, or one of its stages, went in a period.
package struct RunStatistics: Sendable, Hashable {
    package var subject: StatisticsSubject
    /// The type of the stage; nil for a pipeline, and where the newest run does not have the stage.
    package var stageType: String?
    /// How many runs began in the period; of a stage, how many it ended in.
    package var runs = 0
    /// How many ended how; of runs, `interrupted` and `running` count too.
    package var succeeded = 0
    package var failed = 0
    package var cancelled = 0
    package var running = 0
    /// Of a stage: blocked, skipped or reused.
    package var unworked = 0
    package var durations: DurationFigures?
    /// Rows; of a pipeline, those of the stages that read from outside.
    package var rows: RowFigures?
    /// How long attempts waited for a slot: on average, and the longest.
    package var wait: Duration?
    package var longestWait: Duration?
    /// How many attempts were not the first one.
    package var retries = 0
    /// The newest run of a pipeline; nil for stages.
    package var last: RunFigure?

    /// The share of successes, from 0 to 1; nil where nothing succeeded or failed.
    ///
    /// What was cancelled does not count.
    package var successRate: Double? {
        succeeded + failed == 0 ? nil : Double(succeeded) / Double(succeeded + failed)
    }

    init(_ subject: StatisticsSubject) { self.subject = subject }
}

/// How long successes took.
package struct DurationFigures: Sendable, Hashable {
    package var p50: Duration
    package var p95: Duration
    /// The change of the median from the older half to the newer one, such as 0.2 for a fifth longer; nil for fewer than
    /// six successes.
    package var trend: Double?
    /// The last ones in seconds, oldest first.
    package var last: [Double]

    /// The fewest values that a trend is told of.
    private static let trendMinimum = 6
    /// How many of the last ones are kept.
    private static let kept = 30

    /// - Parameter values: In seconds, oldest first.
    /// - Returns: nil for no values.
    init?(_ values: [Double]) {
        guard let p50 = values.quantile(0.5), let p95 = values.quantile(0.95) else { return nil }
        self.p50 = .milliseconds(Int64((p50 * 1000).rounded()))
        self.p95 = .milliseconds(Int64((p95 * 1000).rounded()))
        last = Array(values.suffix(Self.kept))
        let half = values.count / 2
        if values.count >= Self.trendMinimum, let before = Array(values[..<half]).median, before > 0,
            let after = Array(values[half...]).median
        {
            trend = after / before - 1
        }
    }
}

extension [Double] {
    /// The value below which a share of all values lies, between two of them in proportion; nil for no values.
    package func quantile(_ share: Double) -> Double? {
        guard !isEmpty else { return nil }
        let sorted = sorted()
        let place = share * Double(sorted.count - 1)
        let below = Int(place)
        let above = Swift.min(below + 1, sorted.count - 1)
        return sorted[below] + (sorted[above] - sorted[below]) * (place - Double(below))
    }
}

/// Statistics of the runs of a period, by pipeline and by stage.
package struct StatisticsReport: Sendable {
    /// One for each pipeline and environment, by name.
    package private(set) var pipelines: [RunStatistics]
    /// One for each stage, by pipeline and then in the order of the newest plan.
    package private(set) var stages: [RunStatistics]
    /// The rows of each stage, in the same order.
    package private(set) var attempts: [AttemptFigures]

    /// Reads them from a run store.
    ///
    /// - Throws: ``StoreError`` when it cannot be read.
    package init(
        _ period: StatisticsPeriod, pipeline: String? = nil, in store: RunStore
    ) throws(StoreError) {
        let runs = try store.runFigures(in: period, pipeline: pipeline)
        var plans: [StatisticsSubject: RunPlan] = [:]
        let newest = Dictionary(runs.map { ($0.subject, $0.run) }, uniquingKeysWith: { $1 })
        // A plan that is damaged only leaves out the order and the types of stages.
        for (subject, run) in newest { plans[subject] = try? store.plan(of: run) }
        self.init(
            runs: runs, stages: try store.stageFigures(in: period, pipeline: pipeline),
            attempts: try store.attemptFigures(in: period, pipeline: pipeline), plans: plans)
    }

    /// - Parameters:
    ///   - runs: The runs, oldest first.
    ///   - stages: What became of their stages, oldest run first.
    ///   - plans: The newest plan of each pipeline.
    init(
        runs: [RunFigure], stages: [StageFigure], attempts: [AttemptFigures],
        plans: [StatisticsSubject: RunPlan]
    ) {
        let order = StageOrder(plans)
        self.attempts = attempts.sorted { order.comesBefore($0.subject, $1.subject) }
        self.stages = Self.ofStages(stages, attempts, order).sorted { order.comesBefore($0.subject, $1.subject) }
        pipelines = Self.ofPipelines(runs, attempts, order).sorted { order.comesBefore($0.subject, $1.subject) }
    }

    private static func ofPipelines(
        _ runs: [RunFigure], _ attempts: [AttemptFigures], _ order: StageOrder
    ) -> [RunStatistics] {
        let attempts = Dictionary(grouping: attempts, by: \.subject.ofPipeline)
        return Dictionary(grouping: runs, by: \.subject).map { subject, runs in
            var statistics = RunStatistics(subject)
            statistics.runs = runs.count
            for run in runs {
                switch run.status {
                case .succeeded: statistics.succeeded += 1
                case .failed, .interrupted: statistics.failed += 1
                case .cancelled: statistics.cancelled += 1
                case .running: statistics.running += 1
                }
            }
            let successes = runs.filter { $0.status == .succeeded }
            statistics.durations = DurationFigures(successes.compactMap { $0.duration?.seconds })
            statistics.last = runs.last
            let own = attempts[subject] ?? []
            statistics.take(own)
            let entries = order.entries(of: subject, among: own.filter { $0.rows != nil }.compactMap(\.subject.stage))
            statistics.rows = own.filter { $0.subject.stage.map(entries.contains) == true }.sumOfRows
            return statistics
        }
    }

    private static func ofStages(
        _ figures: [StageFigure], _ attempts: [AttemptFigures], _ order: StageOrder
    ) -> [RunStatistics] {
        let attempts = Dictionary(grouping: attempts, by: \.subject)
        return Dictionary(grouping: figures, by: \.subject).map { subject, figures in
            var statistics = RunStatistics(subject)
            statistics.stageType = order.type(of: subject)
            statistics.runs = figures.count
            for figure in figures {
                switch figure.outcome {
                case .succeeded: statistics.succeeded += 1
                case .failed: statistics.failed += 1
                case .cancelled: statistics.cancelled += 1
                case .blocked, .skipped, .reused: statistics.unworked += 1
                }
            }
            let successes = figures.filter { $0.outcome == .succeeded }
            statistics.durations = DurationFigures(successes.compactMap { $0.duration?.seconds })
            let own = attempts[subject] ?? []
            statistics.take(own)
            statistics.rows = own.sumOfRows
            return statistics
        }
    }
}

extension RunStatistics {
    /// Takes in how attempts waited and were tried again.
    fileprivate mutating func take(_ attempts: [AttemptFigures]) {
        retries = attempts.reduce(0) { $0 + $1.retries }
        let waits = attempts.reduce(0) { $0 + $1.waits }
        guard waits > 0 else { return }
        wait = attempts.reduce(.zero) { $0 + $1.waited } / waits
        longestWait = attempts.map(\.longestWait).max()
    }
}

extension [AttemptFigures] {
    /// The sum of all rows; nil where none were counted.
    package var sumOfRows: RowFigures? {
        let all = compactMap(\.rows)
        return all.dropFirst().reduce(all.first) { sum, rows in sum.map { $0 + rows } }
    }
}

/// The order of stages in the newest plans.
private struct StageOrder {
    private let plans: [StatisticsSubject: RunPlan]

    init(_ plans: [StatisticsSubject: RunPlan]) { self.plans = plans }

    /// By pipeline, environment and place in the plan; stages that it does not have stand last.
    func comesBefore(_ left: StatisticsSubject, _ right: StatisticsSubject) -> Bool { key(left) < key(right) }

    private func key(_ subject: StatisticsSubject) -> (String, String, Int, String) {
        let place = subject.stage.flatMap { plans[subject.ofPipeline]?.index(of: $0) }
        return (subject.pipeline, subject.environment ?? "", place ?? .max, subject.stage?.rawValue ?? "")
    }

    func type(of subject: StatisticsSubject) -> String? {
        guard let stage = subject.stage, let plan = plans[subject.ofPipeline] else { return nil }
        return plan.index(of: stage).map { plan.stages[$0].type }
    }

    /// Those of some stages that no other one of them stands upstream of: where rows come in.
    func entries(of subject: StatisticsSubject, among stages: [StageID]) -> Set<StageID> {
        guard let plan = plans[subject] else { return [] }
        let all = Set(stages)
        return all.filter { stage in
            guard let index = plan.index(of: stage) else { return false }
            return !plan.allUpstream(of: index).contains { all.contains(plan.stages[$0].id) }
        }
    }
}
