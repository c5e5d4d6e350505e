import CaudalModel
import ArgumentParser
import Engine
import Foundation

/// `caudal cancel`: stops a run, a stage or an item, whichever process runs it.
struct CancelCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cancel", abstract: "Stop a live run, or one of its stages or items.",
        discussion: CommandHelp.paragraphs(
            """
            The command sends the request to the process that runs the run, and prints its answer. If that process died,
            the command ends what it left behind, and the run counts as cancelled.
            """))

    @Argument(help: .run)
    var run: String

    @Argument(help: "A stage, or an item as STAGE/ITEM (default: the whole run).")
    var stage: UnitArgument?

    @Flag(help: "Print the answer, or each event of the clean-up, as one line of JSON.")
    var json = false

    @Option(help: .color)
    var color: Paint.Choice = .auto

    @OptionGroup var state: StateOptions

    func run() async throws {
        let target = try RunTarget.find(run, state)
        let command = stage.map { RunCommand.cancel($0.unit) } ?? .cancelRun
        if try await target.carryOutIfLive(command, json: json) { return }
        try Output.reporting {
            let found = try target.store.state(of: target.id)
            if let unit = stage?.unit, found.unit(unit) == nil { throw Failure(found.wordsOfUnknown(unit)) }
            guard found.status == .interrupted else { throw RunControlError.notLive(found, "cancel") }
            if stage != nil { throw RunControlError.stageNotRunning(target.id) }
        }
        // Nothing of the run is running, so there is nothing to confirm: the command only cleans up.
        let options = try ReopenOptions.parse(["--yes", "--as-started"])
        var show = try ShowOptions.parse(["--plain"])
        (show.json, show.screen.color) = (json, color)
        do {
            try await ReopenedRun.findToCleanUp(target.id, state).carryOut(.cancelRun, options, show)
        } catch let code as ExitCode where code == ExitStatus.cancelled.code {
            // The user asked for a cancelled run, so this exit status counts as success.
        }
    }
}

/// `caudal pause`: keeps a run from starting new stages and items.
struct PauseCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pause", abstract: "Keep a run from starting new stages and items; running ones continue.")

    @OptionGroup var live: LiveRunOptions

    func run() async throws { try await live.send(.pause) }
}

/// `caudal unpause`: lets a paused run continue.
struct UnpauseCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "unpause", abstract: "Let a paused run start stages and items again.")

    @OptionGroup var live: LiveRunOptions

    func run() async throws { try await live.send(.unpause) }
}

/// The arguments of verbs that only a live run can follow.
struct LiveRunOptions: ParsableArguments {
    @Argument(help: .run)
    var run: String = "last"

    @Flag(help: "Print the answer as one line of JSON.")
    var json = false

    @OptionGroup var state: StateOptions

    /// Sends a command to the process that runs the run, and prints its answer.
    ///
    /// - Throws: The exit status when the run is not live, or refuses the command.
    func send(_ command: RunCommand) async throws {
        let target = try RunTarget.find(run, state)
        if try await target.carryOutIfLive(command, json: json) { return }
        try Output.reporting {
            throw RunControlError.notLive(try target.store.state(of: target.id), command.words)
        }
    }
}

/// `caudal mark`: sets the outcome of a stage or an item without running it.
struct MarkCommand: AsyncParsableCommand {
    /// The outcomes that the user can set.
    enum Decision: String, CaseIterable, ExpressibleByArgument { case succeeded, skipped }

    static let configuration = CommandConfiguration(
        commandName: "mark",
        abstract: "Mark a stage or an item as succeeded or skipped without running it.",
        discussion: CommandHelp.paragraphs(
            """
            Downstream stages continue as if it had ended this way, and read the output of its last success. A run that has
            ended is reopened. The run records who marked it and why.
            """))

    @Argument(help: .run)
    var run: String

    @Argument(help: "A stage, or an item as STAGE/ITEM.")
    var stage: UnitArgument

    @Argument(help: "The outcome.")
    var outcome: Decision

    @Option(help: "The reason, which is recorded with the run.")
    var reason: String

    @OptionGroup var reopen: ReopenOptions
    @OptionGroup var show: ShowOptions
    @OptionGroup var state: StateOptions

    func validate() throws {
        if reason.allSatisfy(\.isWhitespace) { throw ValidationError("--reason must not be empty") }
    }

    func run() async throws {
        let target = try RunTarget.find(run, state)
        let command = RunCommand.mark(stage.unit, outcome == .succeeded ? .succeeded : .skipped, reason: reason)
        if try await target.confirmAndSend(named: stage.unit.stage, reopen, show, state, { _ in command }) { return }
        let found = try ReopenedRun.find(target.id.rawValue, reopen, state)
        try Output.reporting {
            if found.state.status == .interrupted { throw RunControlError.notLive(found.state, "mark") }
        }
        try await found.carryOut(command, named: stage.unit.stage, reopen, show)
    }
}
