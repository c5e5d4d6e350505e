package import CaudalModel

/// Finds what the current pipeline file would change in a run that began with an older version of it.
package struct PlanRevision {
    private let state: RunState
    private let loaded: LoadedPipeline
    private let parameters: [String: String]

    /// - Parameter parameters: The run's parameters with their secrets, which its recorded plan does not contain.
    package init(_ state: RunState, _ loaded: LoadedPipeline, parameters: [String: String]) {
        self.state = state
        self.loaded = loaded
        self.parameters = parameters
    }

    /// The change, or nil when the file has not changed.
    ///
    /// The run keeps its parameters, its environment and its selection.
    ///
    /// - Parameter usual: The usual duration of each stage.
    /// - Throws: ``InvalidPipeline`` when the file does not fit the run's parameters; ``PlanRevisionError`` when the run
    ///   cannot continue with it.
    package func change(usual: [StageID: Duration], now: Moment, machine: Resources) throws -> PlanChange? {
        let old = state.plan
        guard loaded.pipeline.name == old.pipeline else {
            throw PlanRevisionError.otherPipeline(
                file: loaded.pipeline.file, name: loaded.pipeline.name, ofRun: old.pipeline)
        }
        let names = loaded.pipeline.parameters.map(\.name)
        var request = RunRequest(
            parameters: parameters.filter { names.contains($0.key) }, selection: old.selection,
            reuse: old.reusesUnchanged, slot: old.slot)
        request.refreshesAll = old.refreshesAll == true
        let there = Set(loaded.pipeline.stages.map(\.id))
        let selected = old.selection == nil ? nil : Set(old.stages.map(\.id)).intersection(there)
        var plan = try Planner(loaded, request: request, now: now, machine: machine)
            .plan(selected: selected).expecting(usual)
        plan.origin = old.origin
        if plan.stages.isEmpty { throw PlanRevisionError.noStagesLeft(file: loaded.pipeline.file) }
        for stage in state.stages where plan.index(of: stage.id) == nil && !stage.artifacts.isEmpty {
            throw PlanRevisionError.publishedStageGone(stage.id, file: loaded.pipeline.file)
        }
        var differences = old.differences(to: plan)
        let masker = loaded.masker(parameters: parameters)
        for index in differences.indices {
            differences[index].lines = differences[index].lines.map { masker.masked(loaded.withoutSecret($0) ?? $0) }
        }
        return differences.isEmpty ? nil : PlanChange(plan: plan, differences: differences)
    }
}

extension RunPlan {
    /// The plan without secrets in the texts of its definitions, which hold the values that the file gives.
    func masked(_ masker: SecretMasker) -> RunPlan {
        var plan = self
        plan.definitionText = masker.masked(plan.definitionText)
        for index in plan.stages.indices {
            plan.stages[index].definitionText = masker.masked(plan.stages[index].definitionText)
        }
        return plan
    }
}
