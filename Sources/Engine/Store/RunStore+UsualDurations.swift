package import CaudalModel
import GRDB

extension RunStore {
    /// How long the stages of a pipeline usually take: the medians of their last successes, in the runs that are most
    /// like one (``RunLikeness``).
    ///
    /// - Parameter plan: The run's, as it is recorded: without its secrets.
    /// - Throws: ``StoreError`` when the store cannot be read.
    package func usualDurations(of plan: RunPlan) throws(StoreError) -> [StageID: Duration] {
        let run = RunLikeness(parameters: plan.parameters, environment: plan.environment)
        return try read { db in
            var distances: [String: Int] = [:]
            let runs = try Row.fetchCursor(
                db, sql: "SELECT id, environment, parameters FROM runs WHERE pipeline = ?", arguments: [plan.pipeline])
            while let row = try runs.next() {
                let parameters = Self.decode([String: String].self, row["parameters"]) ?? [:]
                let other = RunLikeness(parameters: parameters, environment: row["environment"])
                distances[row["id"]] = run.distance(to: other)
            }
            var durations: [StageID: [(distance: Int, milliseconds: Int64)]] = [:]
            let stages = try Row.fetchCursor(
                db,
                sql: """
                    SELECT run, stage, duration_ms FROM stages
                    WHERE pipeline = ? AND outcome = 'succeeded' AND duration_ms IS NOT NULL ORDER BY run DESC
                    """, arguments: [plan.pipeline])
            while let row = try stages.next() {
                guard let distance = distances[row["run"]] else { continue }
                durations[StageID(row["stage"]), default: []].append((distance, row["duration_ms"]))
            }
            return durations.compactMapValues { RunLikeness.usual(of: $0)?.duration }
        }
    }

    /// A plan with the usual durations of its stages.
    ///
    /// - Throws: ``StoreError`` when the store cannot be read.
    package func withUsualDurations(_ plan: RunPlan, of loaded: LoadedPipeline) throws(StoreError) -> RunPlan {
        var recorded = plan
        recorded.parameters = loaded.recorded(plan.parameters)
        return plan.expecting(try usualDurations(of: recorded))
    }
}

extension RunSummary {
    /// What tells which runs are like it.
    fileprivate var likeness: RunLikeness { RunLikeness(parameters: parameters, environment: environment) }
}

/// Runs of one pipeline, newest first.
extension [RunSummary] {
    /// How long runs like one usually take, by those of them that succeeded; nil where none has.
    package func usual(like run: RunLikeness) -> UsualDuration? { Self.usual(like: run, successes) }

    /// How long runs like each of them usually take.
    package var usual: [RunID: UsualDuration] {
        let successes = successes
        return reduce(into: [:]) { $0[$1.id] = Self.usual(like: $1.likeness, successes) }
    }

    private var successes: [(likeness: RunLikeness, milliseconds: Int64)] {
        compactMap { run in
            guard run.trueStatus == .succeeded, let took = run.duration else { return nil }
            return (run.likeness, took.milliseconds)
        }
    }

    private static func usual(
        like run: RunLikeness, _ successes: [(likeness: RunLikeness, milliseconds: Int64)]
    ) -> UsualDuration? {
        RunLikeness.usual(of: successes.map { (run.distance(to: $0.likeness), $0.milliseconds) })
    }
}
