import ArgumentParser
import Engine
import Foundation

/// What a verb that takes a run up again may be told.
struct ReopenOptions: ParsableArguments {
    @Flag(help: "Say what would happen and change nothing.")
    var dryRun = false

    @Flag(name: [.long, .customShort("y")], help: "Go on without asking, whatever there is to ask.")
    var yes = false

    @Flag(help: "Keep the pipeline as the run has it, when its file was changed.")
    var asStarted = false

    @Flag(help: "Run stages again that had succeeded and were changed in the file, and what follows them.")
    var changed = false

    func validate() throws {
        if asStarted, changed { throw ValidationError("--as-started and --changed exclude each other") }
    }
}

/// A run that is taken up again: found, its pipeline read as it is to go on.
struct ReopenedRun {
    let workshop: Workshop
    let state: RunState
    let loaded: LoadedPipeline
    /// What the file changes in the run's plan; nil when it says what it said.
    let change: PlanChange?

    var id: RunID { state.id }
    /// The plan that the run would go on with.
    var plan: RunPlan { change?.plan ?? state.plan }

    /// Finds the run that a person means, and reads its pipeline.
    static func find(_ text: String, _ reopen: ReopenOptions, _ options: StateOptions) throws -> ReopenedRun {
        let folder = try options.existingStateFolder()
        return try Output.reporting {
            let workshop = try Workshop(state: folder, variables: options.variables)
            let id = try workshop.store.find(text)
            let state = try workshop.store.state(of: id)
            if workshop.state.run(id).isLive {
                throw Failure("run \(id) is being run by another process", remedy: "use its dashboard, or end it first")
            }
            return try ReopenedRun(state, workshop, options.variables, asStarted: reopen.asStarted)
        }
    }

    /// Reads the pipeline of a run, and compares it with what the run began with.
    init(_ state: RunState, _ workshop: Workshop, _ variables: [String: String], asStarted: Bool) throws {
        (self.state, self.workshop) = (state, workshop)
        loaded = try Self.read(state, workshop, variables, asStarted: asStarted)
        change = try PlanRevision(state, loaded).change(
            medians: workshop.store.medianDurations(of: state.plan.pipeline), now: workshop.now(),
            machine: MachineResources.total)
    }

    private static func read(
        _ state: RunState, _ workshop: Workshop, _ variables: [String: String], asStarted: Bool
    ) throws -> LoadedPipeline {
        let plan = state.plan
        let loader = PipelineLoader(
            stageTypes: StageTypes.readers, variables: variables,
            processorCount: ProcessInfo.processInfo.activeProcessorCount)
        var kept: KeptPipeline?
        if asStarted {
            kept = try workshop.state.run(state.id).keptPipeline()
        } else if !FileText.exists(PathText.absolute(plan.file, in: FileManager.default.currentDirectoryPath)) {
            Output.error("note: there is no file \(plan.file) here; the run goes on with the version that it has")
            kept = try workshop.state.run(state.id).keptPipeline()
        }
        return try loader.load(plan.file, environment: plan.environment, root: plan.root, kept: kept)
    }

    // MARK: - Stages that were changed

    /// The stages whose success was made by another definition than the one that the run would go on with.
    var outdated: [StageID] {
        guard let change else { return [] }
        return change.differences.compactMap(\.stage).filter { stage in
            guard state.stage(stage)?.unit.status.outcome?.isSuccess == true, let old = state.plan.index(of: stage),
                let new = change.plan.index(of: stage)
            else { return false }
            return state.plan.stages[old].workLines != change.plan.stages[new].workLines
        }
    }

    /// A command that runs outdated stages again, with what follows them and what failed; nil when there are none.
    var commandForOutdated: RunCommand? {
        var again = Set(outdated.compactMap { plan.index(of: $0) })
        if again.isEmpty { return nil }
        for index in again { again.formUnion(plan.allDownstream(of: index)) }
        for (index, stage) in plan.stages.enumerated() {
            if hasFailed(stage.id) { again.insert(index) }
        }
        let stages = again.sorted().map { plan.stages[$0].id }
        return .retryStages(stages.filter { state.stage($0)?.unit.isMarked != true })
    }

    private func hasFailed(_ id: StageID) -> Bool {
        let status = state.stage(id)?.unit.status
        return status == .failed || status == .cancelled
    }

    // MARK: - Going on

    /// Goes on with the run, once whoever asks for it has agreed; or only says what would happen.
    ///
    /// `command`: what is asked of the run; nil only lets it go on.
    /// `named`: the stage that somebody named: it needs no second asking.
    func goOn(
        _ command: RunCommand?, named: StageID? = nil, _ options: ReopenOptions, _ show: ShowOptions
    ) async throws {
        try await prepare(command, named: named, options, show)?.run()
    }

    /// Takes the run up, once whoever asks for it has agreed; nil when it was only said what would happen.
    func prepare(
        _ command: RunCommand?, named: StageID? = nil, _ options: ReopenOptions, _ show: ShowOptions
    ) throws -> SessionRunner? {
        var command = options.changed ? commandForOutdated ?? command : command
        if command == .retryFailed, change != nil, !plan.stages.contains(where: { hasFailed($0.id) }) {
            // The stages that failed are gone from the file: what is new in it runs by itself.
            command = nil
        }
        var preview = preview(of: command)
        try refuse(preview)
        if options.dryRun {
            Output.line("\(state.plan.pipeline) ▸ \(id)  \(state.status.rawValue); nothing is changed")
            for line in explanation(preview, Paint(show.color)) { Output.line(line) }
            return nil
        }
        let consent = consent(preview, named: named, offersOutdated: !options.changed && !outdated.isEmpty)
        if !consent.sentences.isEmpty, !options.yes {
            for line in explanation(preview, Paint(show.color, descriptor: STDERR_FILENO)) { Output.error(line) }
            switch try consent.ask() {
            case .yes: break
            case .alternative:
                command = commandForOutdated
                preview = self.preview(of: command)
                try refuse(preview)
            }
        }
        let session = try Output.reporting {
            try RunSession.reopen(
                id, loaded, change: change.map { ($0, by: Operator.name) }, by: Operator.name, in: workshop)
        }
        if !session.endedProcesses.isEmpty {
            let names = session.endedProcesses.map(\.description).joined(separator: ", ")
            Output.error("ended what the dead process had left running: \(names)")
        }
        if !options.changed, options.yes || change != nil, !outdated.isEmpty, command != commandForOutdated {
            Output.error(outdatedLine)
        }
        return SessionRunner(
            session: session, options: show, workshop: workshop,
            commands: command.map { [($0, by: Operator.name)] } ?? [])
    }

    /// Says why a command makes no sense, if it makes none.
    private func refuse(_ preview: CommandPreview) throws {
        guard let refusal = preview.refusal else { return }
        try Output.reporting {
            guard state.status == .interrupted else { throw Failure(refusal) }
            // The machine tells of the run as it would be if it went on.
            throw Failure(
                "run \(id) was interrupted: its process died; if it went on, \(refusal)",
                remedy: "go on with 'caudal resume \(id)'")
        }
    }

    private func preview(of command: RunCommand?) -> CommandPreview {
        CommandPreview(
            reopening: state, change: change, command: command, files: OutputFiles.finder(in: plan.root),
            now: workshop.now())
    }

    // MARK: - What there is to say

    private var outdatedLine: String {
        let names = outdated.map(\.rawValue).joined(separator: ", ")
        return "changed in the file and not run again, because it had succeeded: \(names) (--changed runs it again)"
    }

    private func explanation(_ preview: CommandPreview, _ paint: Paint) -> [String] {
        var lines: [String] = []
        if let change {
            lines.append("\(loaded.pipeline.file) has changed since the run began:")
            lines += PlanChangeText.lines(change.differences).map { $0.painted(paint) }
            if outdated.contains(where: preview.stays.contains) { lines.append(outdatedLine) }
        }
        return lines + PreviewText.lines(preview).map { $0.painted(paint) }
    }

    /// What somebody must agree to; without a sentence there is nothing.
    private func consent(_ preview: CommandPreview, named: StageID?, offersOutdated: Bool) -> Consent {
        var sentences: [String] = []
        var remedies = ["go on with --yes"]
        if change != nil {
            sentences.append("the pipeline file has changed since run \(id) began")
            remedies.append("keep the version that the run has with --as-started")
        }
        sentences += Consent.sentences(onHarmful: preview.harmful.filter { $0 != named }, of: state)
        if offersOutdated { remedies.append("run changed stages again with --yes --changed") }
        return Consent(
            sentences: sentences, remedies: remedies,
            alternative: offersOutdated ? ("c", "run the changed stages again too") : nil)
    }
}

extension RunState {
    /// Whether an attempt of a stage or of one of its items has begun and not ended.
    func hasOpenAttempt(_ id: StageID) -> Bool {
        guard let stage = stage(id) else { return false }
        return stage.unit.openAttempt != nil || stage.items.contains { $0.unit.openAttempt != nil }
    }
}
