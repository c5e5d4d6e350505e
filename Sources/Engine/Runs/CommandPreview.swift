package import CaudalModel

/// The effects of a command, found by trying it on a copy of the machine, so that the preview is exact.
package struct CommandPreview: Sendable {
    /// Why the command would be refused; the lists are then empty.
    package let refusal: String?
    /// The stages that would run, upstream first.
    package private(set) var runs: [StageID] = []
    /// The current status of each stage that would run or is left alone; empty for a run that has not begun.
    package private(set) var standing: [StageID: UnitStatus] = [:]
    /// The items that would run, by fan-out.
    package private(set) var items: [StageID: [ItemKey]] = [:]
    /// The fan-outs that have run and would find their items again.
    package private(set) var findsItems: Set<StageID> = []
    /// The stages whose success is kept, upstream first; for those in ``keptItems``, only some items.
    package private(set) var stays: [StageID] = []
    /// The items whose success is kept, of fan-outs in which other items would run.
    package private(set) var keptItems: [StageID: [ItemKey]] = [:]
    /// The stages without a success that would not run, upstream first; for those in ``leftItems``, only some items.
    package private(set) var left: [StageID] = []
    /// The items without a success that would not run, of fan-outs in which other items would run.
    package private(set) var leftItems: [StageID: [ItemKey]] = [:]
    /// The stages that are running and would continue.
    package private(set) var goesOn: [StageID] = []
    /// The stages that would be stopped or not started.
    package private(set) var stops: [StageID] = []
    /// The stages that could not begin any more because of those, upstream first.
    package private(set) var blocks: [StageID] = []
    /// The stages that would be skipped, with the reasons.
    package private(set) var skips: [(stage: StageID, reason: String)] = []
    /// The existing files and tables that would be overwritten.
    package private(set) var overwrites: [String] = []
    /// The stages that would be reused, and why others would not be, upstream first.
    package private(set) var reuse: [(stage: StageID, decision: ReuseOutlook.Decision)] = []
    /// The stages to run that are not idempotent and have run before, or were done by hand.
    package private(set) var harmful: [StageID] = []
    /// The estimated duration, from history; nil when a stage has none.
    package private(set) var estimate: Duration?
    /// The stages that would run and have never succeeded, so that their duration is unknown.
    package private(set) var withoutHistory: [StageID] = []
    /// The unit that would get an outcome without running, with that outcome.
    package private(set) var marked: (unit: UnitID, outcome: Outcome)?

    /// Finds the existing files for a path relative to the project's root, in which a `*` stands for any text.
    package typealias FileFinder = (String) -> [String]

    /// The effects of a command on a run that a process is running.
    ///
    /// - Parameter usual: The usual durations of stages, for those that had no history when the run was planned.
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

    /// The effects of a new run.
    ///
    /// - Parameter outlook: Which of its stages would be reused.
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

    /// The effects of taking up a run that no process is running.
    ///
    /// - Parameters:
    ///   - change: The change of its plan by the pipeline file.
    ///   - command: The command after that; nil only resumes the run.
    ///   - usual: The usual durations of stages, for those that had no history when the run was planned.
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
        noteSkipped(order, in: after)
        runs.removeAll(where: outlook.reused.contains)
        noteBlocked(order, in: after)
        let planned = runs.compactMap { after.plan.index(of: $0) }.map { after.plan.stages[$0] }
        overwrites = OutputTargets(state: after, files: files).existing(of: planned, items: items)
        harmful = planned.filter { plan in
            guard !plan.isIdempotent, let stage = state.stage(plan.id) else { return false }
            // What was marked as succeeded was done by somebody.
            return !stage.unit.attempts.isEmpty || !stage.items.isEmpty || stage.unit.isMarked
        }.map(\.id)
        withoutHistory = planned.filter { $0.expected == nil }.map(\.id)
        estimate = withoutHistory.isEmpty && !runs.isEmpty ? TimeLeft.of(after, now: now) : nil
    }

    /// Records the effect on one stage.
    ///
    /// - Parameters:
    ///   - then: The stage after the command.
    ///   - skipReason: Why it will be skipped when its turn comes, if it will.
    ///   - state: The run before the command.
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
        } else if !isLive || then.unit.isSkippedByHand || before.unit.status != .skipped, then.unit.status == .skipped {
            skips.append((then.id, then.unit.reason ?? "its condition is false"))
        } else if before.unit.status.isFinished, then.unit.status.isFinished, then.unit.status != .skipped {
            left.append(then.id)
        }
    }

    /// Records what will be skipped when its turn comes: because a stage before it is, or because it is for failures and what
    /// runs is taken to succeed.
    private mutating func noteSkipped(_ order: [Int], in after: RunState) {
        let told = Set(skips.map(\.stage))
        var skipped = Set(order.filter { told.contains(after.stages[$0].id) })
        for index in order {
            let (stage, plan) = (after.stages[index], after.plan.stages[index])
            guard [.pending, .queued].contains(stage.unit.status), !skipped.contains(index) else { continue }
            let upstream = after.plan.upstream[index]
            let reason: String
            switch plan.when {
            case .allSucceeded:
                guard let culprit = upstream.first(where: skipped.contains) else { continue }
                reason = "\(after.stages[culprit].id) was skipped"
            case .anyFailed:
                let hasFailed = upstream.contains { [.failed, .blocked].contains(after.stages[$0].unit.status) }
                if hasFailed || !runs.contains(stage.id) { continue }
                reason = "it runs when something before it fails"
            case .allDone: continue
            }
            skipped.insert(index)
            runs.removeAll { $0 == stage.id }
            skips.append((stage.id, reason))
        }
    }

    /// Records what cannot run all the same: what needs a fan-out of which other items stay failed, or a stage that is stopped.
    private mutating func noteBlocked(_ order: [Int], in after: RunState) {
        let (failing, stopping) = (Set(leftItems.keys), Set(stops))
        guard !failing.isEmpty || !stopping.isEmpty else { return }
        var (held, blocked): (Set<Int>, Set<Int>) = ([], [])
        for index in order {
            let (stage, plan) = (after.stages[index], after.plan.stages[index])
            if !plan.allowsFailure, failing.contains(stage.id) { held.insert(index) }
            if !plan.allowsFailure, stopping.contains(stage.id) { blocked.insert(index) }
            let needs = after.plan.upstream[index]
            if needs.contains(where: held.contains), runs.contains(stage.id) {
                held.insert(index)
                left.append(stage.id)
            }
            if needs.contains(where: blocked.contains), !stopping.contains(stage.id), !stage.unit.status.isFinished {
                blocked.insert(index)
                blocks.append(stage.id)
            }
        }
        let heldStages = Set(held.map { after.stages[$0].id }).subtracting(failing)
        runs.removeAll(where: heldStages.contains)
    }

    /// Records which items of a stage would run, and what happens to the others.
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
    /// The attempts whose outputs were being published when their process died: publishing is finished instead of
    /// repeated.
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
    /// Whether it, or one of its items, is being stopped by a command.
    fileprivate var isStopping: Bool {
        if unit.openAttempt?.stopRequested == .cancelled { return true }
        return items.contains { $0.unit.openAttempt?.stopRequested == .cancelled }
    }
}

extension RunState {
    /// The value of a reference in a recorded path, whose parameters and variables were filled in when it was planned.
    ///
    /// - Returns: Nil for what is not recorded of the run: the values of items, and the day of a run without a slot, which
    ///   is one of the pipeline's time zone.
    func value(of reference: Template.Reference) -> String? {
        switch reference {
        case .runID: id.rawValue
        case .runStarted: startedAt.map { UTC.iso($0.wall) }
        case .slotTime: (plan.slot?.planned ?? startedAt?.wall).map(UTC.isoSecond)
        case .slotDate: plan.slot?.localDate
        case .item, .param, .environment, .input, .stageOutput: nil
        }
    }
}

/// The outputs of stages, and which of them exist.
private struct OutputTargets {
    let state: RunState
    let files: CommandPreview.FileFinder

    /// The existing files and tables that stages would write, each once, in the order of the stages.
    ///
    /// - Parameter items: The items that would run, for fan-outs whose items are known.
    func existing(of stages: [PlannedStage], items: [StageID: [ItemKey]]) -> [String] {
        var seen: Set<String> = []
        return stages.flatMap { existing(of: $0, items: items[$0.id]) }.filter { seen.insert($0).inserted }
    }

    private func existing(of planned: PlannedStage, items: [ItemKey]?) -> [String] {
        guard let stage = state.stage(planned.id) else { return [] }
        guard planned.fanOut != nil else { return existing(of: planned, stage.unit, item: nil) }
        // Items that are found again are most likely the same as before.
        let chosen = items.map(Set.init)
        let known = stage.items.filter { chosen?.contains($0.item.key) ?? true }
        if known.isEmpty { return existing(of: planned, UnitState(), item: nil) }
        return known.flatMap { existing(of: planned, $0.unit, item: $0.item) }
    }

    /// The outputs of the last attempt that wrote any, and those that the stage's definition names.
    private func existing(of planned: PlannedStage, _ unit: UnitState, item: Item?) -> [String] {
        let artifacts = unit.attempts.last { $0.result?.artifacts.isEmpty == false }?.result?.artifacts ?? []
        // An artifact without a fingerprint is a table: its existence is not checked.
        let written = artifacts.flatMap { $0.contentHash == nil ? [$0.path] : files($0.path) }
        return written + planned.outputPaths.flatMap { files(filled($0, item)) }
    }

    private func filled(_ path: String, _ item: Item?) -> String {
        // A recorded path was once a template, so it can be parsed as one; a table's name is not a template.
        guard let template = try? Template(parsing: path) else { return path }
        return template.filled { reference in
            switch reference {
            case .item(let name): item.map { PathComponent.of($0.values[name] ?? nil) } ?? "*"
            case .runID, .runStarted, .slotTime, .slotDate: state.value(of: reference) ?? "*"
            case .param, .environment, .input, .stageOutput: "${\(reference)}"
            }
        }
    }
}
