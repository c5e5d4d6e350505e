/// Finds out what a pipeline file, as it is now, would change in a run that began with an older version of it.
package struct PlanRevision {
    private let state: RunState
    private let loaded: LoadedPipeline

    package init(_ state: RunState, _ loaded: LoadedPipeline) {
        self.state = state
        self.loaded = loaded
    }

    /// The change, or nil when the file says what it said.
    ///
    /// The run keeps its parameters, its environment and its selection.
    /// `medians`: how long each stage usually takes.
    /// - Throws: ``InvalidPipeline`` when the file does not fit the run's parameters; ``Failure`` when it is no longer
    ///   the run's pipeline.
    package func change(medians: [StageID: Duration], now: Moment, machine: Resources) throws -> PlanChange? {
        let old = state.plan
        guard loaded.pipeline.name == old.pipeline else {
            throw Failure(
                "\(loaded.pipeline.file) now holds the pipeline '\(loaded.pipeline.name)', "
                    + "and the run is of '\(old.pipeline)'",
                remedy: "go on with the version that the run has (--as-started), put the old name back, "
                    + "or start a new run")
        }
        let names = loaded.pipeline.parameters.map(\.name)
        let request = RunRequest(
            parameters: old.parameters.filter { names.contains($0.key) }, selection: old.selection,
            reuse: old.reusesUnchanged)
        let there = Set(loaded.pipeline.stages.map(\.id))
        let selected = old.selection == nil ? nil : Set(old.stages.map(\.id)).intersection(there)
        var plan = try Planner(loaded, request: request, now: now, machine: machine)
            .plan(medians: medians, selected: selected)
        plan.origin = old.origin
        if plan.stages.isEmpty {
            throw Failure("\(loaded.pipeline.file) has none of the run's stages any more", remedy: "start a new run")
        }
        for stage in state.stages where plan.index(of: stage.id) == nil && !stage.artifacts.isEmpty {
            throw Failure(
                "\(loaded.pipeline.file) no longer has the stage '\(stage.id)', which published in this run",
                remedy: "what follows it may rest on that: put the stage back, go on with the version that the run "
                    + "has (--as-started), or start a new run")
        }
        var differences = old.differences(to: plan)
        for index in differences.indices { differences[index].lines = differences[index].lines.map(Self.masked) }
        return differences.isEmpty ? nil : PlanChange(plan: plan, differences: differences)
    }

    /// A changed line without the value of a variable whose name says that it is a secret.
    private static func masked(_ line: String) -> String {
        guard let colon = line.firstRange(of: ": "), line[..<colon.lowerBound].contains("env."),
            !line[colon.upperBound...].contains("${")
        else { return line }
        let name = line[..<colon.lowerBound].split(separator: ".").last.map(String.init) ?? ""
        return SecretMasker.isSecret(name) ? line[..<colon.upperBound] + SecretMasker.replacement : line
    }
}
