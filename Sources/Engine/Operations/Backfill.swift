package import CaudalModel
package import Foundation

/// A backfill: one run of a pipeline for each of many days, and which of these days need a run.
package struct Backfill: Sendable {
    /// What to do for a day.
    package enum Decision: Sendable, Equatable {
        case run
        /// Nothing, for this reason.
        case skip(String)
    }

    /// One day.
    package struct Day: Sendable {
        /// The date, such as `2026-11-23`.
        package let date: String
        /// The plan of its run.
        package let plan: RunPlan
        package let decision: Decision
        /// Its earlier runs, newest first.
        package let past: [RunID]
    }

    /// What to do for days with an earlier run.
    package enum Choice: Sendable {
        /// Skip days that have a succeeded run.
        case withoutSuccess
        /// Run only days whose last run did not succeed.
        case onlyFailed
        /// Run every day.
        case all
    }

    package let days: [Day]
    private let choice: Choice
    private let recorded: @Sendable ([String: String]) -> [String: String]

    /// Decides for every day.
    ///
    /// - Parameters:
    ///   - plans: The plan of each date, in order.
    ///   - runs: The pipeline's earlier runs, newest first. A run counts for a day if it had the same parameters, the
    ///     same environment and all stages.
    ///   - recorded: Parameters as they are recorded: without their secrets.
    package init(
        plans: [(date: String, plan: RunPlan)], runs: [PastRun], choice: Choice,
        recorded: @escaping @Sendable ([String: String]) -> [String: String] = { $0 }
    ) {
        self.choice = choice
        self.recorded = recorded
        days = plans.map { date, plan in
            let past = plan.repetitions(among: runs, recorded)
            return Day(date: date, plan: plan, decision: Self.decision(past, choice), past: past.map(\.id))
        }
    }

    /// Decides for a day again when its turn has come: another process may have run it meanwhile.
    package func decision(about day: Day, after runs: [PastRun]) -> Decision {
        Self.decision(day.plan.repetitions(among: runs, recorded), choice)
    }

    /// Takes the lock of a day; nil when another process is running it.
    ///
    /// - Throws: ``Failure`` when the lock file cannot be opened or locked.
    package func lock(_ day: Day, in state: StateFolder) throws(Failure) -> DayLock? {
        try DayLock(
            pipeline: day.plan.pipeline, environment: day.plan.environment, parameters: recorded(day.plan.parameters),
            in: state)
    }

    private static func decision(_ past: [PastRun], _ choice: Choice) -> Decision {
        if let live = past.first(where: { $0.status == .running }) { return .skip("run \(live.id) is running it now") }
        switch choice {
        case .all: return .run
        case .withoutSuccess:
            return past.first { $0.status == .succeeded }.map { .skip("succeeded in run \($0.id)") } ?? .run
        case .onlyFailed:
            guard let last = past.first else { return .skip("it has no run yet") }
            return last.status == .succeeded ? .skip("succeeded in run \(last.id)") : .run
        }
    }

    /// The days that need a run.
    package var toRun: [Day] { days.filter { $0.decision == .run } }

    /// The non-idempotent stages that would run again, with the days.
    ///
    /// - Parameter began: The stages that began in a run.
    package func harmful(began: (RunID) throws -> Set<StageID>) rethrows -> [(stage: StageID, dates: [String])] {
        let fragile = Set(toRun.flatMap(\.plan.stages).filter { !$0.isIdempotent }.map(\.id))
        guard !fragile.isEmpty else { return [] }
        var dates: [StageID: [String]] = [:]
        for day in toRun {
            let ran = try day.past.reduce(into: Set<StageID>()) { $0.formUnion(try began($1)) }
            for stage in ran.intersection(fragile) { dates[stage, default: []].append(day.date) }
        }
        return dates.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }

    /// The outputs that the runs of two days would both write.
    package var sharedOutputs: [String] {
        var seen: Set<String> = []
        var shared: Set<String> = []
        for day in toRun {
            for path in Set(day.plan.stages.flatMap(\.outputPaths)) where !seen.insert(path).inserted {
                shared.insert(path)
            }
        }
        return shared.sorted()
    }

    /// Refuses a pipeline whose stages name their slot: a day of a backfill has none, and the date of its run is another one.
    ///
    /// - Throws: ``Failure`` that says what to write instead.
    package static func ensureNoSlot(in pipeline: Pipeline, parameter: String) throws(Failure) {
        let paths = pipeline.datasets.compactMap(\.path).flatMap(\.references)
        let all = pipeline.stages.flatMap { PipelineRules.allReferences(of: $0).map(\.0) } + paths
        guard let reference = all.first(where: { $0 == .slotTime || $0 == .slotDate }) else { return }
        throw Failure(
            "the pipeline names ${\(reference)}, which a day of a backfill does not have",
            remedy: "name ${params.\(parameter)} instead, with the default 'today'")
    }

    /// The dates of `A..B`, both inclusive; each is a date, or `today` or `yesterday` in a time zone.
    ///
    /// - Throws: ``Failure`` when the text is no such range.
    package static func dates(
        _ text: String, now: Moment, in zone: TimeZone = .gmt
    ) throws(Failure) -> [String] {
        guard let dots = text.firstRange(of: "..") else {
            throw Failure("'\(text)' is not a range of days", remedy: "write it as 2026-11-01..2026-11-07")
        }
        func date(_ text: Substring) throws(Failure) -> Int64 {
            let written =
                switch text {
                case "today": UTC.date(now.wall, in: zone)
                case "yesterday": UTC.dayBefore(UTC.date(now.wall, in: zone))
                default: String(text)
                }
            guard let date = UTC.milliseconds(ofDate: written) else {
                throw Failure("'\(text)' is not a date", remedy: "write it as 2026-11-23, today or yesterday")
            }
            return date
        }
        let (first, last) = (try date(text[..<dots.lowerBound]), try date(text[dots.upperBound...]))
        guard first <= last else { throw Failure("'\(text)' ends before it begins", remedy: "turn it round") }
        return stride(from: first, through: last, by: 86_400_000).map { UTC.date($0) }
    }

    /// The parameter that receives the date.
    ///
    /// - Parameter named: The requested parameter, if any; otherwise the pipeline's only one of type date.
    /// - Throws: ``Failure`` when there is no such parameter, or several are possible.
    package static func parameter(of pipeline: Pipeline, named: String?) throws(Failure) -> String {
        let names = pipeline.parameters.filter { $0.kind == .date }.map(\.name)
        if let named {
            if names.contains(named) { return named }
            let isThere = pipeline.parameters.contains { $0.name == named }
            throw Failure(
                isThere ? "the parameter '\(named)' is not a date" : "the pipeline has no parameter '\(named)'",
                remedy: names.isEmpty
                    ? "give it one: params: {day: {type: date}}" : "there is \(names.formattedAsChoice)")
        }
        guard let first = names.first else {
            throw Failure(
                "the pipeline has no parameter of type date to pass the days to",
                remedy: "give it one: params: {day: {type: date, default: today}}")
        }
        guard names.count == 1 else {
            throw Failure(
                "the pipeline has several dates: \(names.formattedAsChoice)", remedy: "choose with --param NAME")
        }
        return first
    }
}
