/// What a command would bring about, found by asking a copy of the machine: nothing is promised that would not happen.
package struct CommandPreview: Sendable {
    /// Why the command makes no sense now; the lists are empty then.
    package let refusal: String?
    /// The stages that would run, with their items where only some do.
    package let runs: [StageID]
    /// The items of fan-outs that would run, by stage.
    package let items: [StageID: [ItemKey]]
    /// The stages whose success stays.
    package let stays: [StageID]
    /// The stages that are running and go on.
    package let goesOn: [StageID]
    /// The stages that would be stopped or not started.
    package let stops: [StageID]
    /// What would be written over.
    package let overwrites: [String]
    /// Those among the stages to run that have run before and say that twice does harm.
    package let harmful: [StageID]
    /// How long it should take, from history; nil where a stage has none.
    package let estimate: Duration?

    package init(of command: RunCommand, on state: RunState, now: Moment) {
        var machine = RunMachine(state: state, seed: 0)
        refusal = machine.refusal(of: command)
        if refusal == nil { _ = machine.handle(.command(command, by: "preview", token: 0), at: now) }
        let after = machine.state
        var runs: [StageID] = []
        var items: [StageID: [ItemKey]] = [:]
        var stays: [StageID] = []
        var goesOn: [StageID] = []
        var stops: [StageID] = []
        for (before, then) in zip(state.stages, after.stages) {
            let wasActive = !before.unit.status.isFinished
            if wasActive, then.unit.status == .cancelled || then.isStopping, !before.isStopping {
                stops.append(before.id)
            } else if !wasActive, !then.unit.status.isFinished {
                runs.append(before.id)
                if then.hasItems {
                    items[before.id] = then.items.filter { !$0.unit.status.isFinished }.map(\.item.key)
                }
            } else if before.unit.status == .retrying, then.unit.status != .retrying, !then.unit.status.isFinished {
                runs.append(before.id)
            } else if wasActive, before.status == .running {
                goesOn.append(before.id)
            } else if then.unit.status.outcome?.isSuccess == true {
                stays.append(before.id)
            }
        }
        (self.runs, self.items, self.stays, self.goesOn, self.stops) = (runs, items, stays, goesOn, stops)
        let planned = state.plan.stages.filter { runs.contains($0.id) }
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

extension StageState {
    /// Whether it, or an item of it, is being stopped because somebody asked.
    fileprivate var isStopping: Bool {
        if unit.openAttempt?.stopRequested == .cancelled { return true }
        return items.contains { $0.unit.openAttempt?.stopRequested == .cancelled }
    }
}
