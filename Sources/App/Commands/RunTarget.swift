import CaudalModel
import ArgumentParser
import Engine
import Foundation

/// A run that the user named, and the connection to the process that runs it.
struct RunTarget {
    let store: RunStore
    let id: RunID

    var folder: RunFolder { store.folder.run(id) }

    /// Finds the run that the user named: by its ID, the start or end of the ID, or `last`.
    ///
    /// - Parameter evenIfFull: Whether it is read from a copy on a full disk, which does not change with the run.
    static func find(_ text: String, _ options: StateOptions, evenIfFull: Bool = true) throws -> RunTarget {
        let store = try options.openStore(evenIfFull: evenIfFull)
        return try Output.reporting { RunTarget(store: store, id: try store.find(text)) }
    }

    /// The answer to a command, as JSON.
    private struct Answer: Encodable {
        var run: String
        var accepted: Bool
        var message: String
    }

    /// Sends a command to the process that runs the run, after the user has confirmed its effects; in a dry run, only
    /// prints these.
    ///
    /// `named`: the stage that the user named, which needs no confirmation.
    /// `command`: returns the command for the present state of the run.
    /// - Returns: Whether the run is live; if not, nothing was done.
    func confirmAndSend(
        named: StageID?, _ reopen: ReopenOptions, _ show: ShowOptions, _ options: StateOptions,
        _ command: (RunState) throws -> RunCommand
    ) async throws -> Bool {
        guard folder.isLive else { return false }
        if reopen.changed {
            throw ValidationError(
                "--changed needs a run that has ended: a live run keeps the pipeline that it started with")
        }
        let live = try Output.reporting { try store.state(of: id) }
        let command = try command(live)
        let preview = CommandPreview(
            of: command, on: live, usual: try Output.reporting { try store.usualDurations(of: live.plan) },
            files: OutputFiles.finder(in: live.plan.root), now: SystemClock.now)
        // A live run does not need its file any more: one that is gone or invalid is ignored.
        let services = try Output.reporting { try RunServices(state: store.folder, variables: options.variables) }
        let file = try? ReopenedRun(live, services, options.variables, asStarted: false)
        if reopen.dryRun {
            try Output.reporting { if let refusal = preview.refusal { throw RunControlError.refused(refusal) } }
        }
        if reopen.dryRun, show.json {
            // The command lines of command stages are shown only if the file still is what the run has.
            let loaded = file?.change == nil ? file?.loaded : nil
            let masker = file.map { $0.loaded.masker(parameters: $0.parameters) }
            PreviewJSON(preview, on: live, of: live.plan, loaded).print(masker: masker)
        } else if reopen.dryRun {
            Output.line("\(live.plan.pipeline) ▸ \(id)  \(live.status.rawValue); \(PreviewText.dryRunNote)")
            for line in PreviewText.lines(preview) { Output.line(line.painted(Paint(show.color))) }
        }
        // The variables of this shell are not those of the process that runs it.
        if let change = file?.change, !change.isOfVariablesAlone {
            Output.error(
                "note: \(live.plan.file) has changed since the run began; a live run keeps the pipeline that it started with"
            )
            Output.error("  to use the changed file: let the run end or cancel it, then 'caudal retry \(live.id)'")
        }
        if reopen.dryRun { return true }
        let harmful = preview.harmful.filter { $0 != named }
        let prompt = ConfirmationPrompt(
            sentences: ConfirmationPrompt.sentences(onHarmful: harmful, of: live),
            remedies: ["confirm with --yes", "name the stage"], harmful: harmful)
        if preview.refusal == nil, !prompt.sentences.isEmpty, !reopen.yes {
            for line in PreviewText.lines(preview) {
                Output.error(line.painted(Paint(show.color, descriptor: STDERR_FILENO)))
            }
            _ = try prompt.ask()
        }
        return try await carryOutIfLive(command, json: show.json)
    }

    /// Sends a command to the process that runs the run, and prints the answer.
    ///
    /// `json`: whether to print the answer as a line of JSON.
    /// - Returns: Whether the run is live; if not, nothing was done.
    /// - Throws: The exit status for a command that was refused.
    func carryOutIfLive(_ command: RunCommand, json: Bool = false) async throws -> Bool {
        let answer = try await Output.reporting {
            try await ControlClient(folder).ask(command, by: Operator.sender(via: "command line"))
        }
        switch answer {
        case nil: return false
        case .accepted(let text):
            if json { Output.json(Answer(run: id.rawValue, accepted: true, message: text)) }
            if !json { Output.line("\(id): \(text)") }
        case .refused(let text):
            if json { Output.json(Answer(run: id.rawValue, accepted: false, message: text)) }
            if !json { Output.error("error: \(text)") }
            throw ExitStatus.failed.code
        }
        return true
    }
}

/// An argument that names a stage or an item: `STAGE` or `STAGE/ITEM`.
struct UnitArgument: ExpressibleByArgument {
    let unit: UnitID

    init?(argument: String) {
        let parts = argument.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let stage = parts.first, !stage.isEmpty, parts.last?.isEmpty == false else { return nil }
        unit = UnitID(StageID(String(stage)), parts.count > 1 ? ItemKey(String(parts[1])) : nil)
    }
}
