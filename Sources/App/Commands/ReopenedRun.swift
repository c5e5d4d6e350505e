import ArgumentParser
import Engine
import Foundation

/// What a verb that takes a run up again may be told.
struct ReopenOptions: ParsableArguments {
    @Flag(help: "Say what would happen and change nothing.")
    var dryRun = false

    @Flag(name: [.long, .customShort("y")], help: "Go on without asking, whatever there is to ask.")
    var yes = false

    @OptionGroup var overlap: OverlapOptions

    @Flag(help: "Keep the pipeline as the run has it, when its file was changed.")
    var asStarted = false

    @Flag(help: "Run stages again that had succeeded and were changed in the file, and what follows them.")
    var changed = false

    func validate() throws {
        if asStarted, changed { throw ValidationError("--as-started and --changed cannot be given together") }
    }
}

/// What is done while another run writes the same paths.
struct OverlapOptions: ParsableArguments {
    @Flag(help: "Wait while another run writes the same paths, instead of refusing to begin.")
    var wait = false

    /// What was asked for; nil leaves it to the pipeline file.
    var choice: Overlap? { wait ? .wait : nil }

    /// Says which run is waited for; `root`: the project's folder, from which paths are told.
    static func teller(root: String) -> @Sendable (PathConflict) -> Void {
        { conflict in
            let path = PathText.relative(conflict.path, to: root)
            Output.error("caudal: waits for run \(conflict.run), which writes \(path) too; ctrl-C ends the waiting")
        }
    }
}

/// A run that is taken up again: found, its pipeline read as it is to go on.
struct ReopenedRun {
    let services: RunServices
    let loaded: LoadedPipeline
    /// What taking it up comes to.
    let reopening: ReopenPreview

    var state: RunState { reopening.state }
    var id: RunID { state.id }
    /// What the file changes in the run's plan; nil when it says what it said.
    var change: PlanChange? { reopening.change }
    /// The plan that the run would go on with.
    var plan: RunPlan { reopening.plan }
    /// The run's parameters with their secrets.
    let parameters: [String: String]

    /// The plan that the run would go on with, with the secrets of its parameters.
    var filledPlan: RunPlan {
        var plan = plan
        if change == nil { plan.parameters = parameters }
        return plan
    }

    /// Finds the run that a person means, and reads its pipeline.
    static func find(_ text: String, _ reopen: ReopenOptions, _ options: StateOptions) throws -> ReopenedRun {
        let folder = try options.existingStateFolder()
        return try Output.reporting {
            let services = try RunServices(state: folder, variables: options.variables)
            let id = try services.store.find(text)
            let state = try services.store.state(of: id)
            if services.state.run(id).isLive {
                throw Failure(
                    "run \(id) is being run by another process",
                    remedy: "use 'caudal watch \(id)', or stop it with 'caudal cancel \(id)'")
            }
            let found = try ReopenedRun(state, services, options.variables, asStarted: reopen.asStarted)
            if found.reopening.fileIsGone, !reopen.dryRun { Output.error("note: \(found.reopening.fileNote)") }
            return found
        }
    }

    /// Finds out what taking runs of a state folder up again comes to, for screens that ask before they do.
    static func reader(
        in folder: StateFolder, _ variables: [String: String]
    ) -> @Sendable (RunState) throws -> ReopenPreview {
        { state in
            let services = try RunServices(state: folder, variables: variables)
            return try ReopenedRun(state, services, variables, asStarted: false).reopening
        }
    }

    /// Reads the pipeline of a run, and compares it with what the run began with.
    init(_ state: RunState, _ services: RunServices, _ variables: [String: String], asStarted: Bool) throws {
        self.services = services
        let plan = state.plan
        let isGone = !FileText.exists(PathText.absolute(plan.file, in: FileManager.default.currentDirectoryPath))
        let kept = asStarted || isGone ? try services.state.run(state.id).keptPipeline(of: plan) : nil
        let loader = PipelineLoader(variables: variables)
        loaded = try loader.load(plan.file, environment: plan.environment, root: plan.root, kept: kept)
        parameters = try services.state.run(state.id).filled(plan.parameters)
        let usual = try services.store.medianDurations(of: plan.pipeline)
        let change = try PlanRevision(state, loaded, parameters: parameters).change(
            medians: usual, now: services.now(),
            machine: MachineResources.total)
        reopening = ReopenPreview(
            state: state, file: loaded.pipeline.file, change: change, fileIsGone: isGone && !asStarted,
            usual: usual)
    }

    // MARK: - Going on

    /// Goes on with the run, once whoever asks for it has agreed; or only says what would happen.
    ///
    /// - Parameters:
    ///   - command: What is asked of the run; nil only lets it go on.
    ///   - named: The stage that somebody named: it needs no second asking.
    ///   - agreed: What somebody was told and agreed to already.
    func carryOut(
        _ command: RunCommand?, named: StageID? = nil, agreed: ReopenAgreement? = nil, _ options: ReopenOptions,
        _ show: ShowOptions
    ) async throws {
        try await prepare(command, named: named, agreed: agreed, options, show)?.run()
    }

    /// Takes the run up, once whoever asks for it has agreed; nil when it was only said what would happen.
    func prepare(
        _ command: RunCommand?, named: StageID? = nil, agreed: ReopenAgreement? = nil, _ options: ReopenOptions,
        _ show: ShowOptions
    ) async throws -> SessionRunner? {
        let outdated = reopening.outdated
        var command = reopening.command(for: options.changed ? reopening.commandForOutdated ?? command : command)
        var preview = preview(of: command)
        try refuse(preview)
        if options.dryRun, show.json {
            printJSON(preview)
            return nil
        }
        if options.dryRun {
            Output.line("\(state.plan.pipeline) ▸ \(id)  \(state.status.rawValue); \(PreviewText.dryRunNote)")
            for line in explanation(preview, Paint(show.color)) { Output.line(line) }
            return nil
        }
        let consent = consent(preview, named: named, offersOutdated: !options.changed && !outdated.isEmpty)
        let hasAgreed = agreed?.covers(change, harmful: preview.harmful) == true
        if !consent.sentences.isEmpty, !options.yes, !hasAgreed {
            for line in explanation(preview, Paint(show.color, descriptor: STDERR_FILENO)) { Output.error(line) }
            switch try consent.ask() {
            case .yes: break
            case .alternative:
                command = reopening.commandForOutdated
                preview = self.preview(of: command)
                try refuse(preview)
            }
        }
        let session = try await Output.reporting { [overlap = options.overlap.choice] in
            try await begin(overlap, onWait: OverlapOptions.teller(root: plan.root))
        }
        for note in Self.notes(on: session) { Output.error(message: note) }
        if !options.changed, !hasAgreed, !outdated.isEmpty, command != reopening.commandForOutdated {
            Output.error(message: reopening.outdatedLine(remedy: Self.remedy))
        }
        return runner(session, command, show)
    }

    /// Takes a run up again as somebody has agreed to on a screen, where nothing is asked once more.
    ///
    /// - Parameter tell: Told what there is to say meanwhile.
    static func take(
        _ id: RunID, _ command: RunCommand?, agreed: ReopenAgreement, in folder: StateFolder,
        _ variables: [String: String],
        _ show: ShowOptions, tell: @escaping @Sendable (EventHub.Notice) -> Void
    ) async throws -> SessionRunner {
        let services = try RunServices(state: folder, variables: variables)
        let found = try ReopenedRun(services.store.state(of: id), services, variables, asStarted: false)
        let command = found.reopening.command(for: command)
        let preview = found.preview(of: command)
        if let refusal = preview.refusal { throw Failure(refusal) }
        guard agreed.covers(found.change, harmful: preview.harmful) else {
            throw Failure("what was agreed to is not so any more, and nothing was run: press the key again to see it")
        }
        let session = try await found.begin(nil) { [root = found.plan.root] conflict in
            let path = PathText.relative(conflict.path, to: root)
            let text = "waits for run \(conflict.run), which writes \(path) too; q ends the waiting"
            tell(EventHub.Notice(text: text, isStanding: true))
        }
        let notes = notes(on: session)
        if !notes.isEmpty { tell(EventHub.Notice(text: notes.joined(separator: "; "), isStanding: false)) }
        return found.runner(session, command, show)
    }

    private func begin(_ overlap: Overlap?, onWait: (PathConflict) -> Void) async throws -> RunSession {
        try await RunSession.reopen(
            id, loaded, change: change.map { ($0, by: Operator.name) }, by: Operator.name, in: services,
            overlap: overlap, onWait: onWait)
    }

    private func runner(_ session: RunSession, _ command: RunCommand?, _ show: ShowOptions) -> SessionRunner {
        SessionRunner(
            session: session, options: show, services: services,
            commands: command.map { [($0, by: Operator.name)] } ?? [])
    }

    /// What was done to take a run up, besides going on with it.
    private static func notes(on session: RunSession) -> [String] {
        let ended = session.endedProcesses.map(\.description).joined(separator: ", ")
        return (ended.isEmpty ? [] : ["ended what the dead process had left running: \(ended)"])
            + session.outputNotes.map { "warning: \($0)" }
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
        reopening.preview(of: command, files: OutputFiles.finder(in: plan.root), now: services.now())
    }

    // MARK: - What there is to say

    private func printJSON(_ preview: CommandPreview) {
        var json = PreviewJSON(preview, on: state, of: filledPlan, loaded)
        json.changes = change?.differences.map { PreviewJSON.Change($0) }
        if change != nil { json.outdated = reopening.outdated.filter(preview.stays.contains).map(\.rawValue) }
        json.print(masker: loaded.masker(parameters: parameters))
    }

    private static let remedy = "--changed runs it again"

    private func explanation(_ preview: CommandPreview, _ paint: Paint) -> [StyledText] {
        reopening.lines(preview, remedy: Self.remedy).map { $0.painted(paint) }
    }

    /// What somebody must agree to; without a sentence there is nothing.
    private func consent(_ preview: CommandPreview, named: StageID?, offersOutdated: Bool) -> Consent {
        var sentences: [String] = []
        var remedies = ["go on with --yes"]
        if change != nil {
            sentences.append("the pipeline file has changed since run \(id) began")
            remedies.append("keep the version that the run has with --as-started")
        }
        let harmful = preview.harmful.filter { $0 != named }
        sentences += Consent.sentences(onHarmful: harmful, of: state)
        if offersOutdated { remedies.append("run changed stages again with --yes --changed") }
        return Consent(
            sentences: sentences, remedies: remedies, harmful: harmful,
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
