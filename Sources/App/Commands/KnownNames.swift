import CaudalModel
import Engine

/// Checks names that filters use: an unknown one would silently match nothing.
enum KnownNames {
    /// Rejects a pipeline that never ran.
    static func check(pipeline: String?, in store: RunStore) throws {
        guard let pipeline else { return }
        let names = try Output.reporting { try store.pipelines() }
        if !names.contains(pipeline) { try refuse("there are no runs of a pipeline '\(pipeline)'", pipeline, names) }
    }

    /// Rejects a stage that no recorded run has.
    static func check(stage: String?, of pipeline: String?, in store: RunStore) throws {
        guard let stage else { return }
        let names = try Output.reporting { try store.stageNames(of: pipeline) }
        if !names.contains(stage) { try refuse("no run has a stage '\(stage)'", stage, names) }
    }

    /// Rejects a stage or an item that none of the runs has; accepts any item of a stage whose items are not known yet.
    static func check(_ unit: UnitID, of runs: [RunID], in store: RunStore) throws {
        guard let last = runs.last else { return }
        var stages: Set<String> = []
        for run in runs.reversed() {
            let plan = try Output.reporting { try store.plan(of: run) }
            stages.formUnion(plan.stages.map(\.id.rawValue))
            guard stages.contains(unit.stage.rawValue) else { continue }
            if unit.item == nil { return }
            let state = try Output.reporting { try store.state(of: run) }
            guard let stage = state.stage(unit.stage) else { continue }
            if state.unit(unit) != nil || stage.items.isEmpty && !stage.unit.status.isFinished { return }
        }
        if runs.count == 1 {
            let state = try Output.reporting { try store.state(of: last) }
            Output.error(message: "error: " + state.wordsOfUnknown(unit))
            throw ExitStatus.failed.code
        }
        if stages.contains(unit.stage.rawValue) {
            Output.error(
                message: "error: stage '\(unit.stage)' has no item '\(unit.item?.rawValue ?? "")' in any of these runs")
            throw ExitStatus.failed.code
        }
        try refuse("none of these runs has a stage '\(unit.stage)'", unit.stage.rawValue, stages.sorted())
    }

    private static func refuse(_ message: String, _ name: String, _ names: [String]) throws {
        Output.error(message: "error: " + message + Suggestion.phrase(for: name, among: names))
        throw ExitStatus.failed.code
    }
}
