import CaudalModel
import Engine

/// What the header, the footer and the bars tell of a whole run: computed once for each change, not for each frame.
struct RunDigest: Sendable {
    /// What it depends on.
    struct Key: Hashable {
        var sequence: Int64
        var status: RunState.Status
        /// Estimates go on while the run does.
        var halfSecond: Int64
    }

    /// The number of stages in each status.
    var counts: [UnitStatus: Int] = [:]
    /// The stages that have failed and may not.
    var failed: [StageID] = []
    /// The stages that have failed and may.
    var allowed: [StageID] = []
    /// Stages and items that have failed, in the order of the plan; of an interrupted run also those that its process left.
    var failures: [UnitID] = []
    /// The number of items that have failed, of stages that have not.
    var failedItems = 0
    /// The status of each stage.
    var statuses: [UnitStatus] = []
    /// The first stages of the critical path of what is left.
    var path: [StageID] = []
    /// The remaining time, from past runs; nil if a remaining stage has no history, nothing worth telling is left, or
    /// the run does not go on.
    var left: Duration?
    /// The stage that has run longest beyond its usual time, where that is much of it.
    var late: (stage: StageID, by: Duration, usual: Duration)?
    /// The width of the longest name of a fan-out with the number of its items.
    var longestName = 0
    /// The width of the longest source of a line of the log: a stage, or an item of it, with the number of an attempt.
    var longestSource = 0
    /// The width of the longest key of an item.
    var longestKey = 0
    /// The width of the longest reason why a stage has failed, or is blocked.
    var longestReason = 0
    /// How far a run is that goes on.
    let progress: (fraction: Double, isEstimate: Bool)
    let flow: RowFlow?

    init(_ run: RunState, now: Moment) {
        statuses.reserveCapacity(run.stages.count)
        for index in run.stages.indices {
            let status = run.stages[index].status
            statuses.append(status)
            let name = TextWidth.of(run.stages[index].id.rawValue)
            let key = run.stages[index].items.map { TextWidth.of($0.item.key.rawValue) }.max() ?? 0
            longestKey = max(longestKey, key)
            longestSource = max(longestSource, name + (key > 0 ? key + 2 : 0) + 2)
            if run.stages[index].hasItems {
                let extra = " ×\(run.stages[index].items.count)".count
                longestName = max(longestName, name + extra)
            }
            counts[status, default: 0] += 1
            let itself = run.stages[index].unit.status
            longestReason = max(longestReason, Self.reasonWidth(run.stages[index]))
            if itself == .failed {
                if run.plan.stages[index].allowsFailure {
                    allowed.append(run.stages[index].id)
                } else {
                    failed.append(run.stages[index].id)
                }
            }
            if run.isInterrupted(run.stages[index].status) {
                let items = run.stages[index].items.filter { run.isInterrupted($0.unit.status) }
                failures += items.map { UnitID(run.stages[index].id, $0.item.key) }
                if items.isEmpty { failures.append(UnitID(run.stages[index].id)) }
            }
            guard itself == .failed || run.stages[index].itemCounts[.failed, default: 0] > 0 else { continue }
            let stage = run.stages[index]
            let items = stage.hasItems ? stage.items.filter { $0.unit.status == .failed } : []
            if itself != .failed { failedItems += items.count }
            failures += items.map { UnitID(stage.id, $0.item.key) }
            if items.isEmpty, itself == .failed { failures.append(UnitID(stage.id)) }
        }
        progress = run.progress(now: now)
        flow = RowFlow(run)
        guard run.status == .running, !run.isCancelled, !run.isSettled else { return }
        // Without durations of past runs every path is a guess.
        let isKnown = run.stages.indices.allSatisfy {
            run.stages[$0].unit.status.isFinished || run.plan.stages[$0].expected != nil
        }
        guard isKnown else { return }
        path = Array(CriticalPath.path(of: run, now: now).prefix(4))
        // Nobody knows how long a pause takes, and what is late has no usual rest.
        if run.isPaused { return }
        late = Self.late(run, now: now)
        let left = TimeLeft.of(run, now: now)
        if late == nil, left > .seconds(1) { self.left = left }
    }

    private static func reasonWidth(_ stage: StageState) -> Int {
        switch stage.unit.status {
        case .failed: TextWidth.of(stage.unit.lastResult?.failure?.message ?? stage.unit.reason ?? "")
        // An arrow and the name of what blocks it.
        case .blocked: 2 + TextWidth.of(stage.unit.reason?.split(separator: " ").first.map(String.init) ?? "upstream")
        case .pending, .queued, .running, .retrying, .succeeded, .skipped, .cancelled, .reused: 0
        }
    }

    private static func late(_ run: RunState, now: Moment) -> (stage: StageID, by: Duration, usual: Duration)? {
        let late = zip(run.plan.stages, run.stages).compactMap { planned, stage -> (StageID, Duration, Duration)? in
            guard stage.status == .running, let usual = planned.expected, let took = stage.took(now: now) else {
                return nil
            }
            let over = took - usual
            return over > .seconds(2) && over > usual / 2 ? (planned.id, over, usual) : nil
        }
        return late.max { $0.1 < $1.1 }.map { (stage: $0.0, by: $0.1, usual: $0.2) }
    }
}

extension DashboardState {
    var digest: RunDigest {
        let key = RunDigest.Key(
            sequence: run.lastSequence, status: run.status, halfSecond: run.status == .running ? now.steady / 500 : 0)
        return rememberedDigest.value(for: key) { RunDigest(run, now: now) }
    }
}
