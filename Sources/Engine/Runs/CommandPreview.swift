/// What a command would bring about, found by asking a copy of the machine: nothing is promised that would not happen.
package struct CommandPreview: Sendable {
    /// Why the command makes no sense now; the lists are empty then.
    package let refusal: String?
    /// The stages that would run, upstream first.
    package private(set) var runs: [StageID] = []
    /// How each stage that would run, or is left alone, stands now; empty before a run has begun.
    package private(set) var standing: [StageID: UnitStatus] = [:]
    /// The items of fan-outs that would run, by stage.
    package private(set) var items: [StageID: [ItemKey]] = [:]
    /// The fan-outs that have run and would find their items anew.
    package private(set) var findsItems: Set<StageID> = []
    /// The stages whose success stays, upstream first; of those in ``keptItems``, that of some items.
    package private(set) var stays: [StageID] = []
    /// The items whose success stays, of stages that would run for others of their items.
    package private(set) var keptItems: [StageID: [ItemKey]] = [:]
    /// The stages without success that would not run, upstream first; of those in ``leftItems``, some items.
    package private(set) var left: [StageID] = []
    /// The items without success that would not run, of stages that would run for others of their items.
    package private(set) var leftItems: [StageID: [ItemKey]] = [:]
    /// The stages that are running and go on.
    package private(set) var goesOn: [StageID] = []
    /// The stages that would be stopped or not started.
    package private(set) var stops: [StageID] = []
    /// The stages that would be passed over, with why.
    package private(set) var skips: [(stage: StageID, reason: String)] = []
    /// The files and tables that are there and would be written over.
    package private(set) var overwrites: [String] = []
    /// The stages that would be reused, and why others would not be, upstream first.
    package private(set) var reuse: [(stage: StageID, decision: ReuseOutlook.Decision)] = []
    /// Those among the stages to run that have run before and say that twice does harm.
    package private(set) var harmful: [StageID] = []
    /// How long it should take, from history; nil where a stage has none.
    package private(set) var estimate: Duration?
    /// The stages that would run and have never succeeded, so that nobody can say how long they take.
    package private(set) var withoutHistory: [StageID] = []
    /// What would count as ended without running, and how.
    package private(set) var marked: (unit: UnitID, outcome: Outcome)?

    /// Finds the files that are there of a path from the project's root, in which a `*` stands for any text.
    package typealias FileFinder = (String) -> [String]

    /// What a command brings about in a run that a process runs now.
    ///
    /// `usual`: how long stages usually take, for those that had no history when the run was planned.
    package init(
        of command: RunCommand, on state: RunState, usual: [StageID: Duration] = [:], files: @escaping FileFinder,
        now: Moment
    ) {
        let state = state.expecting(usual)
        var machine = RunMachine(state: state, seed: 0)
        let refusal = machine.refusal(of: command)
        if refusal == nil { _ = machine.handle(.command(command, by: "preview", token: 0), at: now) }
        self.init(from: state, to: machine.state, refusal: refusal, isLive: true, files: files, now: now)
        note(command)
    }

    /// What a new run brings about.
    ///
    /// `outlook`: which of its stages would be reused.
    package init(
        starting plan: RunPlan, outlook: ReuseOutlook = ReuseOutlook(), files: @escaping FileFinder, now: Moment
    ) {
        var plan = plan
        for index in plan.stages.indices where outlook.reused.contains(plan.stages[index].id) {
            plan.stages[index].expected = .zero
        }
        let state = RunState(id: "preview", plan: plan)
        var machine = RunMachine(state: state, seed: 0)
        _ = machine.handle(.start(Self.nobody), at: now)
        self.init(
            from: state, to: machine.state, refusal: nil, isLive: false, outlook: outlook, files: files, now: now)
    }

    /// What taking a run up again brings about that no process runs.
    ///
    /// `change`: what the pipeline file changes in its plan.
    /// `command`: what is asked of it then; nil only lets it go on.
    /// `usual`: how long stages usually take, for those that had no history when the run was planned.
    package init(
        reopening state: RunState, change: PlanChange?, command: RunCommand?, usual: [StageID: Duration] = [:],
        files: @escaping FileFinder, now: Moment
    ) {
        let state = state.expecting(usual)
        var machine = RunMachine(state: state, seed: 0)
        var inputs = [RunInput.resume(Self.nobody, settled: state.publishing)]
        if let change { inputs.append(.changePlan(change, by: "preview")) }
        if let command { inputs.append(.command(command, by: "preview", token: 0)) }
        var refusal: String?
        if case .refused(let reason)? = machine.handle(inputs, at: now).answers.first?.1 { refusal = reason }
        self.init(from: state, to: machine.state, refusal: refusal, isLive: false, files: files, now: now)
        if let command { note(command) }
    }

    private mutating func note(_ command: RunCommand) {
        guard refusal == nil, case .mark(let unit, let outcome, _) = command else { return }
        marked = (unit, outcome)
        guard unit.item == nil else { return }
        stays.removeAll { $0 == unit.stage }
        skips.removeAll { $0.stage == unit.stage }
    }

    private static let nobody = ProcessIdentity(pid: 0, startTicks: 0, bootID: "")

    private init(
        from state: RunState, to after: RunState, refusal: String?, isLive: Bool,
        outlook: ReuseOutlook = ReuseOutlook(), files: @escaping FileFinder, now: Moment
    ) {
        self.refusal = refusal
        let order = CriticalPath.topologicalIndices(of: after.plan)
        reuse = order.compactMap { index in
            let stage = after.plan.stages[index].id
            return outlook.decisions[stage].map { (stage, $0) }
        }
        if refusal != nil { return }
        for index in order {
            note(after.stages[index], after.plan.stages[index].skipReason, in: state, isLive: isLive)
        }
        runs.removeAll(where: outlook.reused.contains)
        let planned = runs.compactMap { after.plan.index(of: $0) }.map { after.plan.stages[$0] }
        overwrites = OutputTargets(state: after, files: files).existing(of: planned, items: items)
        harmful = planned.filter { plan in
            guard !plan.isIdempotent, let stage = state.stage(plan.id) else { return false }
            return !stage.unit.attempts.isEmpty || !stage.items.isEmpty
        }.map(\.id)
        withoutHistory = planned.filter { $0.expected == nil }.map(\.id)
        estimate = withoutHistory.isEmpty && !runs.isEmpty ? CriticalPath.path(of: after, now: now).left : nil
    }

    /// Takes down what becomes of one stage.
    ///
    /// `then`: how it stands after the command; `state`: the run before it.
    /// `skipReason`: why it will be passed over when its turn comes, if it will.
    private mutating func note(_ then: StageState, _ skipReason: String?, in state: RunState, isLive: Bool) {
        let before = state.stage(then.id) ?? StageState(id: then.id)
        let wasActive = isLive && !before.unit.status.isFinished
        if state.startedAt != nil { standing[then.id] = before.unit.status }
        if wasActive, then.unit.status == .cancelled || then.isStopping, !before.isStopping {
            stops.append(then.id)
        } else if !wasActive, !then.unit.status.isFinished, let skipReason {
            skips.append((then.id, skipReason))
        } else if !wasActive, !then.unit.status.isFinished {
            runs.append(then.id)
            noteItems(of: then, before: before)
        } else if before.unit.status == .retrying, then.unit.status != .retrying, !then.unit.status.isFinished {
            runs.append(then.id)
        } else if wasActive, before.status == .running {
            goesOn.append(then.id)
        } else if then.unit.status.outcome?.isSuccess == true {
            stays.append(then.id)
        } else if !isLive, then.unit.status == .skipped {
            skips.append((then.id, then.unit.reason ?? "its condition is false"))
        } else if before.unit.status.isFinished, then.unit.status.isFinished, then.unit.status != .skipped {
            left.append(then.id)
        }
    }

    /// Takes down which items of a stage that would run do so, and what becomes of the others.
    private mutating func noteItems(of then: StageState, before: StageState) {
        guard then.hasItems else {
            if !before.items.isEmpty { findsItems.insert(then.id) }
            return
        }
        func keys(_ belongs: (UnitStatus) -> Bool) -> [ItemKey] {
            then.items.filter { belongs($0.unit.status) }.map(\.item.key)
        }
        items[then.id] = keys { !$0.isFinished }
        let (kept, alone) = (
            keys { $0.outcome?.isSuccess == true }, keys { $0.isFinished && $0.outcome?.isSuccess == false }
        )
        if !kept.isEmpty {
            keptItems[then.id] = kept
            stays.append(then.id)
        }
        if !alone.isEmpty {
            leftItems[then.id] = alone
            left.append(then.id)
        }
    }
}

extension RunState {
    /// The run with what stages usually take filled in where its plan has nothing.
    fileprivate func expecting(_ usual: [StageID: Duration]) -> RunState {
        var state = self
        for index in state.plan.stages.indices where state.plan.stages[index].expected == nil {
            state.plan.stages[index].expected = usual[state.plan.stages[index].id]
        }
        return state
    }

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

/// What stages write, and what of it is there.
private struct OutputTargets {
    let state: RunState
    let files: CommandPreview.FileFinder

    /// The files and tables that are there and that stages would write, each once, in the order of the stages.
    ///
    /// `items`: the items that would run, of stages whose items are known.
    func existing(of stages: [PlannedStage], items: [StageID: [ItemKey]]) -> [String] {
        var seen: Set<String> = []
        return stages.flatMap { existing(of: $0, items: items[$0.id]) }.filter { seen.insert($0).inserted }
    }

    private func existing(of planned: PlannedStage, items: [ItemKey]?) -> [String] {
        guard let stage = state.stage(planned.id) else { return [] }
        guard planned.fanOut != nil else { return existing(of: planned, stage.unit, item: nil) }
        // Items that are found anew are most likely those that there were.
        let chosen = items.map(Set.init)
        let known = stage.items.filter { chosen?.contains($0.item.key) ?? true }
        if known.isEmpty { return existing(of: planned, UnitState(), item: nil) }
        return known.flatMap { existing(of: planned, $0.unit, item: $0.item) }
    }

    /// What the last try that wrote something wrote, and what the stage's definition names.
    private func existing(of planned: PlannedStage, _ unit: UnitState, item: Item?) -> [String] {
        let artifacts = unit.attempts.last { $0.result?.artifacts.isEmpty == false }?.result?.artifacts ?? []
        // What has no fingerprint is a table: whether that is still there is not asked.
        let written = artifacts.flatMap { $0.contentHash == nil ? [$0.path] : files($0.path) }
        return written + planned.outputPaths.flatMap { files(filled($0, item)) }
    }

    private func filled(_ path: String, _ item: Item?) -> String {
        // What was recorded was a template once, so it can be read as one; the names of tables are no templates.
        guard let template = try? Template(parsing: path) else { return path }
        return template.filled { reference in
            switch reference {
            case .item(let name): item.map { PathComponent.of($0.values[name] ?? nil) } ?? "*"
            case .runID: state.id.rawValue
            case .runStarted: state.startedAt.map { UTC.iso($0.wall) } ?? ""
            case .param, .environment, .input, .stageOutput: "${\(reference)}"
            }
        }
    }
}
