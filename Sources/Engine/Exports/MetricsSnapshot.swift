package import CaudalModel

/// The figures of a run, or of all pipelines of a project, at one moment.
///
/// No label holds the id of a run: a series for each run would be too much for those who keep them. Items of fan-outs are
/// summed up.
package struct MetricsSnapshot: Sendable {
    private var build = MetricFamily("caudal_build", .info, "The program that wrote this.")
    private var ended = MetricFamily("caudal_runs", .counter, "How often runs ended, by pipeline and result.")
    private var live = MetricFamily("caudal_runs_live", .gauge, "Live runs.")
    private var state = MetricFamily("caudal_run_state", .stateset, "How the newest ended run ended.")
    private var success = MetricFamily(
        "caudal_run_last_success_timestamp_seconds", .gauge, unit: "seconds", "When a run last succeeded.")
    private var lastEnd = MetricFamily(
        "caudal_run_last_end_timestamp_seconds", .gauge, unit: "seconds", "When the newest ended run ended.")
    private var duration = MetricFamily(
        "caudal_run_duration_seconds", .gauge, unit: "seconds", "How long the newest ended run took.")
    private var stageDuration = MetricFamily(
        "caudal_stage_duration_seconds", .gauge, unit: "seconds", "How long a stage worked in the newest ended run.")
    private var stageWait = MetricFamily(
        "caudal_stage_wait_seconds", .gauge, unit: "seconds",
        "How long attempts of a stage waited for a slot in the newest ended run.")
    private var attempts = MetricFamily(
        "caudal_stage_attempts", .gauge, "Attempts of a stage and its items in the newest ended run.")
    private var rows = MetricFamily("caudal_stage_rows", .gauge, "Rows of a stage in the newest ended run, by kind.")
    private var check = MetricFamily(
        "caudal_check", .stateset, "The outcome of a check in the newest ended run; of several parts, the worst.")
    private var checkValue = MetricFamily(
        "caudal_check_value", .gauge, "What a check measured in the newest ended run.")
    private var slots = MetricFamily("caudal_scheduler_slots", .counter, "Slots of schedules, by what was decided.")
    private var missed = MetricFamily("caudal_scheduler_missed", .counter, "Slots of schedules that were missed.")
    private var waiting = MetricFamily("caudal_notifications_waiting", .gauge, "Notifications that are not sent yet.")

    /// All figures; families without samples are left out when they are written.
    package var families: [MetricFamily] {
        [
            build, ended, live, state, success, lastEnd, duration, stageDuration, stageWait, attempts, rows, check,
            checkValue, slots, missed, waiting,
        ]
    }

    private init() { build.add(["version": Version.text], 1) }

    /// The figures of one run.
    package init(of run: RunState) {
        self.init()
        add(run)
        if run.status == .succeeded { addSuccess(of: run, at: run.endedAt?.wall) }
    }

    /// The figures of all pipelines of a project.
    ///
    /// - Throws: ``StoreError`` when the store cannot be read.
    package init(of store: RunStore) throws(StoreError) {
        self.init()
        for one in try store.endings() {
            ended.add(
                ["pipeline": one.pipeline, "environment": one.environment, "result": one.status.rawValue],
                Double(one.count))
            // Also of a run that was removed since: an alert on its age needs it just then.
            if one.status == .succeeded, let last = one.last {
                success.add(["pipeline": one.pipeline, "environment": one.environment], Double(last) / 1000)
            }
        }
        for newest in try store.newestRuns() {
            live.add(["pipeline": newest.pipeline, "environment": newest.environment], Double(newest.live))
            guard let run = newest.ended else { continue }
            var state = try store.state(of: run)
            if newest.isInterrupted { state.markInterrupted() }
            add(state)
        }
        for slot in try store.slotCounts() {
            let labels: KeyValuePairs<String, String?> = ["pipeline": slot.pipeline, "schedule": slot.schedule]
            slots.add(
                ["pipeline": slot.pipeline, "schedule": slot.schedule, "decision": slot.outcome], Double(slot.count))
            if slot.outcome == "missed" { missed.add(labels, Double(slot.count)) }
        }
        waiting.add([:], Double(try store.waitingDeliveries()))
    }

    private mutating func addSuccess(of run: RunState, at time: Int64?) {
        success.add(
            ["pipeline": run.plan.pipeline, "environment": run.plan.environment], time.map { Double($0) / 1000 })
    }

    // MARK: - One run

    private static let states = RunState.Status.allCases.filter { $0 != .running }.map(\.rawValue)
    private static let outcomes = CheckResult.Outcome.allCases.map(\.rawValue)

    private mutating func add(_ run: RunState) {
        let (pipeline, environment) = (run.plan.pipeline, run.plan.environment)
        guard let end = run.status == .interrupted ? run.lastEventAt : run.endedAt, run.status != .running else {
            return
        }
        let own: KeyValuePairs<String, String?> = ["pipeline": pipeline, "environment": environment]
        state.add(own, state: run.status.rawValue, of: Self.states)
        lastEnd.add(own, Double(end.wall) / 1000)
        duration.add(own, run.duration(now: end).seconds)
        for stage in run.stages {
            let units = stage.units.map(\.state)
            let tries = units.flatMap(\.attempts)
            guard !tries.isEmpty else { continue }
            let labels: KeyValuePairs<String, String?> = [
                "pipeline": pipeline, "environment": environment, "stage": stage.id.rawValue,
            ]
            stageDuration.add(labels, stage.took(now: end)?.seconds)
            stageWait.add(labels, tries.reduce(0) { $0 + ($1.queued?.seconds ?? 0) })
            attempts.add(labels, Double(tries.count))
            if let account = stage.rows {
                for (kind, count) in [
                    ("read", account.isReadKnown ? account.read : nil), ("written", account.written),
                    ("quarantined", account.quarantined), ("duplicates", account.duplicates),
                    ("dropped", account.dropped),
                ] {
                    rows.add(
                        [
                            "pipeline": pipeline, "environment": environment, "stage": stage.id.rawValue, "kind": kind,
                        ], count.map { Double($0) })
                }
            }
            addChecks(of: stage, run)
        }
    }

    private mutating func addChecks(of stage: StageState, _ run: RunState) {
        // From best to worst.
        let order: [CheckResult.Outcome] = [.passed, .warned, .failed, .error]
        for (id, results) in Dictionary(grouping: stage.checks, by: \.id).sorted(by: { $0.key < $1.key }) {
            let labels: KeyValuePairs<String, String?> = [
                "pipeline": run.plan.pipeline, "environment": run.plan.environment, "stage": stage.id.rawValue,
                "check": id,
            ]
            let worst = results.map(\.outcome).max { order.firstIndex(of: $0) ?? 0 < order.firstIndex(of: $1) ?? 0 }
            check.add(labels, state: worst?.rawValue ?? "", of: Self.outcomes)
            // What several parts measured has no sum.
            if results.count == 1 { checkValue.add(labels, results[0].measured) }
        }
    }
}
