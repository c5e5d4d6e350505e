/// What a command would bring about, found by asking a copy of the machine: nothing is promised that would not happen.
package struct CommandPreview: Sendable {
    /// Why the command makes no sense now; the lists are empty then.
    package let refusal: String?
    /// The stages that would run, upstream first, with their items where only some do.
    package let runs: [StageID]
    /// How each stage that would run stands now; nil before a run has begun.
    package let standing: [StageID: UnitStatus]
    /// The items of fan-outs that would run, by stage.
    package let items: [StageID: [ItemKey]]
    /// The stages whose success stays.
    package let stays: [StageID]
    /// The stages that are running and go on.
    package let goesOn: [StageID]
    /// The stages that would be stopped or not started.
    package let stops: [StageID]
    /// The stages that would be passed over, with why.
    package let skips: [(stage: StageID, reason: String)]
    /// What would be written over.
    package var overwrites: [String]
    /// The stages that would be reused, and why others would not be, upstream first.
    package let reuse: [(stage: StageID, decision: ReuseOutlook.Decision)]
    /// Those among the stages to run that have run before and say that twice does harm.
    package let harmful: [StageID]
    /// How long it should take, from history; nil where a stage has none.
    package let estimate: Duration?

    /// What a command brings about in a run that a process runs now.
    package init(of command: RunCommand, on state: RunState, now: Moment) {
        var machine = RunMachine(state: state, seed: 0)
        let refusal = machine.refusal(of: command)
        if refusal == nil { _ = machine.handle(.command(command, by: "preview", token: 0), at: now) }
        self.init(from: state, to: machine.state, refusal: refusal, isLive: true, now: now)
    }

    /// What a new run brings about.
    ///
    /// `outlook`: which of its stages would be reused.
    package init(starting plan: RunPlan, outlook: ReuseOutlook = ReuseOutlook(), now: Moment) {
        var plan = plan
        for index in plan.stages.indices where outlook.reused.contains(plan.stages[index].id) {
            plan.stages[index].expected = .zero
        }
        let state = RunState(id: "preview", plan: plan)
        var machine = RunMachine(state: state, seed: 0)
        _ = machine.handle(.start(Self.nobody), at: now)
        self.init(from: state, to: machine.state, refusal: nil, isLive: false, outlook: outlook, now: now)
    }

    /// What taking a run up again brings about that no process runs.
    ///
    /// `change`: what the pipeline file changes in its plan.
    /// `command`: what is asked of it then; nil only lets it go on.
    package init(reopening state: RunState, change: PlanChange?, command: RunCommand?, now: Moment) {
        var machine = RunMachine(state: state, seed: 0)
        var inputs = [RunInput.resume(Self.nobody, settled: state.publishing)]
        if let change { inputs.append(.changePlan(change, by: "preview")) }
        if let command { inputs.append(.command(command, by: "preview", token: 0)) }
        var refusal: String?
        if case .refused(let reason)? = machine.handle(inputs, at: now).answers.first?.1 { refusal = reason }
        self.init(from: state, to: machine.state, refusal: refusal, isLive: false, now: now)
    }

    private static let nobody = ProcessIdentity(pid: 0, startTicks: 0, bootID: "")

    private init(
        from state: RunState, to after: RunState, refusal: String?, isLive: Bool,
        outlook: ReuseOutlook = ReuseOutlook(),
        now: Moment
    ) {
        self.refusal = refusal
        var runs: [StageID] = []
        var standing: [StageID: UnitStatus] = [:]
        var items: [StageID: [ItemKey]] = [:]
        var stays: [StageID] = []
        var goesOn: [StageID] = []
        var stops: [StageID] = []
        var skips: [(StageID, String)] = []
        for index in CriticalPath.topologicalIndices(of: after.plan) where refusal == nil {
            let then = after.stages[index]
            let before = state.stage(then.id) ?? StageState(id: then.id)
            let wasActive = isLive && !before.unit.status.isFinished
            if wasActive, then.unit.status == .cancelled || then.isStopping, !before.isStopping {
                stops.append(then.id)
            } else if !wasActive, !then.unit.status.isFinished {
                runs.append(then.id)
                if then.hasItems {
                    items[then.id] = then.items.filter { !$0.unit.status.isFinished }.map(\.item.key)
                }
            } else if before.unit.status == .retrying, then.unit.status != .retrying, !then.unit.status.isFinished {
                runs.append(then.id)
            } else if wasActive, before.status == .running {
                goesOn.append(then.id)
            } else if then.unit.status.outcome?.isSuccess == true {
                stays.append(then.id)
            } else if !isLive, then.unit.status == .skipped {
                skips.append((then.id, then.unit.reason ?? "its condition is false"))
            }
            if state.startedAt != nil { standing[then.id] = before.unit.status }
        }
        reuse = CriticalPath.topologicalIndices(of: after.plan).compactMap { index in
            let stage = after.plan.stages[index].id
            return outlook.decisions[stage].map { (stage, $0) }
        }
        runs.removeAll(where: outlook.reused.contains)
        (self.runs, self.items, self.stays, self.goesOn, self.stops) = (runs, items, stays, goesOn, stops)
        (self.skips, self.standing) = (skips, standing)
        let planned = runs.compactMap { after.plan.index(of: $0) }.map { after.plan.stages[$0] }
        overwrites = planned.flatMap(\.outputPaths)
        harmful = planned.filter { plan in
            !plan.isIdempotent
                && (state.stage(plan.id)?.unit.attempts.isEmpty == false
                    || state.stage(plan.id)?.items.isEmpty == false)
        }.map(\.id)
        let known = planned.allSatisfy { $0.expected != nil }
        estimate = known && !runs.isEmpty ? CriticalPath.path(of: after, now: now).left : nil
    }
}

extension RunState {
    /// The attempts whose outputs were being moved into place when their process died: that is finished, not done again.
    fileprivate var publishing: [UnitID: AttemptResult] {
        var found: [UnitID: AttemptResult] = [:]
        for stage in stages {
            found[UnitID(stage.id)] = stage.unit.openAttempt?.publishingResult
            for item in stage.items { found[UnitID(stage.id, item.item.key)] = item.unit.openAttempt?.publishingResult }
        }
        return found
    }
}

extension StageState {
    /// Whether it, or an item of it, is being stopped because somebody asked.
    fileprivate var isStopping: Bool {
        if unit.openAttempt?.stopRequested == .cancelled { return true }
        return items.contains { $0.unit.openAttempt?.stopRequested == .cancelled }
    }
}
