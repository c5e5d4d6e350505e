import CaudalModel
import ArgumentParser
import Engine
import Foundation

/// The options of the verbs that reopen a run.
struct ReopenOptions: ParsableArguments {
    @Flag(help: "Show what would happen, without running or changing anything.")
    var dryRun = false

    @Flag(name: .yes, help: .yes)
    var yes = false

    @OptionGroup var overlap: OverlapOptions

    @Flag(help: .asStarted)
    var asStarted = false

    @Flag(help: "Also rerun succeeded stages whose definition in the file has changed, and everything downstream.")
    var changed = false

    func validate() throws {
        if asStarted, changed { throw ValidationError("--as-started and --changed cannot be given together") }
    }
}

/// What to do while another run writes the same paths.
struct OverlapOptions: ParsableArguments {
    @Flag(help: "Wait for a live run that writes the same paths, instead of refusing to start.")
    var wait = false

    /// What the user chose; nil leaves it to the pipeline file.
    var choice: Overlap? { wait ? .wait : nil }

    /// Prints which run this one waits for.
    ///
    /// `root`: the project root, which printed paths are relative to.
    static func waitReporter(root: String) -> @Sendable (PathConflict) -> Void {
        { conflict in
            Output.error("caudal: waiting for \(conflict.other(root: root)); ctrl-C stops waiting")
        }
    }
}

/// A run to be reopened, with the pipeline that it would continue with.
struct ReopenedRun {
    let services: RunServices
    let loaded: LoadedPipeline
    /// What reopening it would do.
    let reopening: ReopenPreview

    var state: RunState { reopening.state }
    var id: RunID { state.id }
    /// How the pipeline file changes the run's plan; nil if it does not.
    var change: PlanChange? { reopening.change }
    /// The plan that the run would continue with.
    var plan: RunPlan { reopening.plan }
    /// The run's parameters, with secret values.
    let parameters: [String: String]

    /// The plan that the run would continue with, with secret values of parameters.
    var filledPlan: RunPlan {
        var plan = plan
        if change == nil { plan.parameters = parameters }
        return plan
    }

    /// Finds the run that the user named, and reads its pipeline.
    static func find(_ text: String, _ reopen: ReopenOptions, _ options: StateOptions) throws -> ReopenedRun {
        let folder = try options.existingStateFolder()
        return try Output.reporting {
            let services = try RunServices(opening: folder, variables: options.variables)
            let id = try services.store.find(text)
            let state = try services.store.state(of: id)
            if services.state.run(id).isLive {
                throw RunControlError.live(id, hinders: .continuing)
            }
            let found = try ReopenedRun(state, services, options.variables, asStarted: reopen.asStarted)
            if found.reopening.fileIsGone, !reopen.dryRun { Output.error("note: \(found.reopening.fileNote)") }
            return found
        }
    }

    /// Finds an interrupted run whose remains are to be cleaned up: nothing of it runs again.
    static func findToCleanUp(_ id: RunID, _ options: StateOptions) throws -> ReopenedRun {
        let folder = try options.existingStateFolder()
        return try Output.reporting {
            let services = try RunServices(opening: folder, variables: options.variables)
            let state = try services.store.state(of: id)
            if services.state.run(id).isLive { throw RunControlError.live(id, hinders: .continuing) }
            return try ReopenedRun(cleaningUp: state, services, options.variables)
        }
    }

    /// What screens need of the runs of a state folder.
    static func files(in folder: StateFolder, _ variables: [String: String]) -> RunFiles {
        // A run that goes on keeps the pipeline that it began with.
        @Sendable func found(_ state: RunState) throws -> ReopenedRun {
            let services = try RunServices(opening: folder, variables: variables)
            return try ReopenedRun(state, services, variables, asStarted: state.status == .running)
        }
        return RunFiles(
            previewReopening: { state in
                let services = try RunServices(opening: folder, variables: variables)
                return try ReopenedRun(state, services, variables, asStarted: false).reopening
            },
            exportRows: { try await RowCorrections(found: found($0), stage: $1).export(to: $2) },
            keepRows: { try await RowCorrections(found: found($0), stage: $1).keep($2, from: "the file") },
            // What cannot be removed is refused by name when the stage runs.
            removeRows: { try? folder.run($0).remove(corrections: $1) })
    }

    /// The pipeline file of a run, as the user may name it here, and whether it is not there any more.
    private static func file(of plan: RunPlan) -> (name: String, isGone: Bool) {
        let here = FileManager.default.currentDirectoryPath
        let path = plan.filePath(from: here)
        // From another folder, the name that the user gave it when the run began leads elsewhere.
        let isNamed = path == PathText.absolute(plan.file, in: here)
        return (isNamed ? plan.file : PathText.relative(path, to: here), !FileText.exists(path))
    }

    /// Reads what a run was made from, as far as it is still known: variables, secrets and a valid file are for what runs.
    private init(cleaningUp state: RunState, _ services: RunServices, _ variables: [String: String]) throws {
        self.services = services
        let plan = state.plan
        try services.state.refuseOther(state.id, plan)
        let (file, _) = Self.file(of: plan)
        parameters = (try? services.state.run(state.id).filled(plan.parameters)) ?? plan.parameters
        do {
            loaded = try PipelineLoader(variables: variables).load(
                file, environment: plan.environment, root: plan.root,
                kept: services.state.run(state.id).keptPipeline(of: plan))
        } catch {
            // Where work goes on elsewhere, only the pipeline knows how to end it.
            if state.hasWorkElsewhere { throw error }
            loaded = LoadedPipeline(lostOf: plan, file: file, variables: variables)
        }
        reopening = ReopenPreview(
            state: state, file: loaded.pipeline.file, change: nil, fileIsGone: false, usual: [:])
    }

    /// Reads the pipeline of a run, and compares it with the one that the run started with.
    init(_ state: RunState, _ services: RunServices, _ variables: [String: String], asStarted: Bool) throws {
        self.services = services
        let plan = state.plan
        try services.state.refuseOther(state.id, plan)
        let (file, isGone) = Self.file(of: plan)
        let kept = asStarted || isGone ? try services.state.run(state.id).keptPipeline(of: plan) : nil
        let loader = PipelineLoader(variables: variables)
        loaded = try loader.load(file, environment: plan.environment, root: plan.root, kept: kept)
        parameters = try services.state.run(state.id).filled(plan.parameters)
        let usual = try services.store.usualDurations(of: plan)
        let change = try PlanRevision(state, loaded, parameters: parameters).change(
            usual: usual, now: services.now(),
            machine: MachineResources.total)
        reopening = ReopenPreview(
            state: state, file: loaded.pipeline.file, change: change, fileIsGone: isGone && !asStarted,
            usual: usual)
    }

    // MARK: - Continuing

    /// Continues the run, after the user has confirmed; in a dry run, only prints what would happen.
    ///
    /// `command`: what the run is to do; nil lets it continue with what is left.
    /// `named`: the stage that the user named, which needs no confirmation.
    func carryOut(
        _ command: RunCommand?, named: StageID? = nil, _ options: ReopenOptions, _ show: ShowOptions
    ) async throws {
        try show.checkSettings()
        let outdated = reopening.outdated
        var command = reopening.command(for: options.changed ? reopening.commandForOutdated ?? command : command)
        var preview = preview(of: command)
        try refuse(preview)
        if options.dryRun, show.json { return printJSON(preview) }
        if options.dryRun {
            Output.line("\(state.plan.pipeline) ▸ \(id)  \(state.status.rawValue); \(PreviewText.dryRunNote)")
            for line in explanation(preview, Paint(show.color)) { Output.line(line) }
            return
        }
        let prompt = prompt(preview, named: named, offersOutdated: !options.changed && !outdated.isEmpty)
        if !prompt.sentences.isEmpty, !options.yes {
            for line in explanation(preview, Paint(show.color, descriptor: STDERR_FILENO)) { Output.error(line) }
            switch try prompt.ask() {
            case .yes: break
            case .alternative:
                command = reopening.commandForOutdated
                preview = self.preview(of: command)
                try refuse(preview)
            }
        }
        let session = try await Output.reporting { [overlap = options.overlap.choice] in
            try await begin(overlap, onWait: OverlapOptions.waitReporter(root: plan.root))
        }
        for note in Self.notes(on: session) { Output.error(message: note) }
        if !options.changed, !outdated.isEmpty, command != reopening.commandForOutdated {
            Output.error(message: reopening.outdatedLine(remedy: Self.remedy))
        }
        try await runner(session, command, show).run()
    }

    /// Reopens a run as the user has confirmed on a screen, without asking again.
    ///
    /// `notify`: receives messages while the run is being reopened.
    /// - Throws: ``RunControlError`` when the run or its pipeline file has changed since the user confirmed.
    static func reopen(
        _ id: RunID, _ command: RunCommand?, agreed: ReopenAgreement, in folder: StateFolder,
        _ variables: [String: String],
        _ show: ShowOptions, notify: @escaping @Sendable (EventHub.Notice) -> Void
    ) async throws -> SessionRunner {
        let services = try RunServices(opening: folder, variables: variables)
        let found = try ReopenedRun(services.store.state(of: id), services, variables, asStarted: false)
        let command = found.reopening.command(for: command)
        let preview = found.preview(of: command)
        if let refusal = preview.refusal { throw RunControlError.refused(refusal) }
        guard agreed.covers(found.change, harmful: preview.harmful) else {
            throw RunControlError.changedSinceConfirmed
        }
        let session = try await found.begin(nil) { [root = found.plan.root] conflict in
            let text = "waiting for \(conflict.other(root: root)); q stops waiting"
            notify(EventHub.Notice(text: text, isStanding: true))
        }
        let notes = notes(on: session)
        if !notes.isEmpty { notify(EventHub.Notice(text: notes.joined(separator: "; "), isStanding: false)) }
        return found.runner(session, command, show)
    }

    private func begin(_ overlap: Overlap?, onWait: (PathConflict) -> Void) async throws -> RunSession {
        try await RunSession.reopen(
            id, loaded, parameters: parameters, change: change.map { ($0, by: Operator.name) }, by: Operator.name,
            in: services,
            overlap: overlap, onWait: onWait)
    }

    private func runner(_ session: RunSession, _ command: RunCommand?, _ show: ShowOptions) -> SessionRunner {
        SessionRunner(
            session: session, options: show, services: services,
            commands: command.map { [($0, by: Operator.name)] } ?? [])
    }

    /// What reopening the run had to clean up or repair.
    private static func notes(on session: RunSession) -> [String] {
        let ended = session.endedProcesses.map(\.description).joined(separator: ", ")
        return (ended.isEmpty ? [] : ["ended what the dead process had left running: \(ended)"])
            + session.outputNotes.map { "warning: \($0)" }
    }

    /// Reports why a command cannot be carried out, and ends the program; does nothing if it can.
    private func refuse(_ preview: CommandPreview) throws {
        guard let refusal = preview.refusal else { return }
        try Output.reporting {
            throw RunControlError.refused(refusal, ifContinued: state.status == .interrupted ? id : nil)
        }
    }

    private func preview(of command: RunCommand?) -> CommandPreview {
        reopening.preview(of: command, files: OutputFiles.finder(in: plan.root), now: services.now())
    }

    // MARK: - Output

    private func printJSON(_ preview: CommandPreview) {
        var json = PreviewJSON(preview, on: state, of: filledPlan, loaded)
        json.changes = change?.differences.map { PreviewJSON.Change($0) }
        let outdated = reopening.outdated.filter(preview.stays.contains).map(\.rawValue)
        if change != nil || !outdated.isEmpty { json.outdated = outdated }
        json.print(masker: loaded.masker(parameters: parameters))
    }

    private static let remedy = "--changed reruns it"

    private func explanation(_ preview: CommandPreview, _ paint: Paint) -> [StyledText] {
        reopening.lines(preview, remedy: Self.remedy).map { $0.painted(paint) }
    }

    /// What the user must confirm; no sentences if nothing.
    private func prompt(_ preview: CommandPreview, named: StageID?, offersOutdated: Bool) -> ConfirmationPrompt {
        var sentences: [String] = []
        var remedies = ["confirm with --yes"]
        if let change {
            let what = change.isOfVariablesAlone ? "a variable that the pipeline file names" : "the pipeline file"
            sentences.append("\(what) has changed since run \(id) began")
            if !change.isOfVariablesAlone { remedies.append("keep the recorded pipeline with --as-started") }
        }
        let harmful = preview.harmful.filter { $0 != named }
        sentences += ConfirmationPrompt.sentences(onHarmful: harmful, of: state)
        if offersOutdated { remedies.append("also rerun changed stages with --yes --changed") }
        return ConfirmationPrompt(
            sentences: sentences, remedies: remedies, harmful: harmful,
            alternative: offersOutdated ? ("c", "also rerun the changed stages") : nil)
    }
}

extension RunState {
    /// Whether an attempt that has not ended did its work in a container or on another machine.
    fileprivate var hasWorkElsewhere: Bool {
        stages.flatMap(\.units).contains { unit in
            if case .job? = unit.state.openAttempt?.work { true } else { false }
        }
    }

    /// Whether an attempt of a stage or of one of its items has started and not ended.
    func hasOpenAttempt(_ id: StageID) -> Bool {
        guard let stage = stage(id) else { return false }
        return stage.unit.openAttempt != nil || stage.items.contains { $0.unit.openAttempt != nil }
    }
}
