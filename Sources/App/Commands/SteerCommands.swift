import ArgumentParser
import Engine
import Foundation

/// `caudal cancel`: stops a run, a stage or an item, also one that another process runs.
struct CancelCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cancel", abstract: "Stop a run that goes on, or one of its stages or items.",
        discussion: CommandHelp.paragraphs(
            """
            The process that runs the run is asked to; its answer is printed. A run whose process died is cleared up and
            counts as cancelled from then on.
            """))

    @Argument(help: "The run: its id, the beginning or end of one, or 'last'.")
    var run: String

    @Argument(help: "A stage, or stage/item; without it, the whole run.")
    var stage: UnitArgument?

    @Flag(help: "Print the answer, or every event of clearing up, as a line of JSON.")
    var json = false

    @Option(help: "Colours: auto, always, never.")
    var color: Paint.Choice = .auto

    @OptionGroup var state: StateOptions

    func run() async throws {
        let target = try RunTarget.find(run, state)
        let command = stage.map { RunCommand.cancel($0.unit) } ?? .cancelRun
        if try await target.carryOutIfLive(command, json: json) { return }
        try Output.reporting {
            let found = try target.store.state(of: target.id)
            if let unit = stage?.unit, found.unit(unit) == nil { throw Failure(found.wordsOfUnknown(unit)) }
            guard found.status == .interrupted else { throw EndedRun(found).failure(to: "cancel") }
            if stage != nil {
                throw Failure(
                    "run \(target.id) was interrupted: nothing of it runs",
                    remedy: "cancel the whole run, or go on with 'caudal resume \(target.id)'")
            }
        }
        // Nothing runs, so there is nothing to ask: the run is only cleared up.
        let options = try ReopenOptions.parse(["--yes", "--as-started"])
        var show = try ShowOptions.parse(["--plain"])
        (show.json, show.screen.color) = (json, color)
        do {
            try await ReopenedRun.find(target.id.rawValue, options, state).carryOut(.cancelRun, options, show)
        } catch let code as ExitCode where code == ExitStatus.cancelled.code {
            // That it is cancelled now is what was asked for.
        }
    }
}

/// `caudal pause`: keeps a run from starting anything new.
struct PauseCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pause", abstract: "Keep a run from starting anything new; what runs goes on.")

    @Argument(help: "The run: its id, the beginning or end of one, or 'last'.")
    var run: String = "last"

    @Flag(help: "Print the answer as a line of JSON.")
    var json = false

    @OptionGroup var state: StateOptions

    func run() async throws {
        let target = try RunTarget.find(run, state)
        if try await target.carryOutIfLive(.pause, json: json) { return }
        try Output.reporting { throw EndedRun(try target.store.state(of: target.id)).failure(to: "pause") }
    }
}

/// `caudal unpause`: lets a paused run go on.
struct UnpauseCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "unpause", abstract: "Let a paused run start stages again.")

    @Argument(help: "The run: its id, the beginning or end of one, or 'last'.")
    var run: String = "last"

    @Flag(help: "Print the answer as a line of JSON.")
    var json = false

    @OptionGroup var state: StateOptions

    func run() async throws {
        let target = try RunTarget.find(run, state)
        if try await target.carryOutIfLive(.unpause, json: json) { return }
        try Output.reporting { throw EndedRun(try target.store.state(of: target.id)).failure(to: "go on with") }
    }
}

/// `caudal mark`: decides how a stage or an item ended.
struct MarkCommand: AsyncParsableCommand {
    /// What somebody can decide.
    enum Decision: String, CaseIterable, ExpressibleByArgument { case succeeded, skipped }

    static let configuration = CommandConfiguration(
        commandName: "mark",
        abstract: "Let a stage or an item count as succeeded or skipped without running it.",
        discussion: CommandHelp.paragraphs(
            """
            What waits for it goes on as if it had ended so; what it would have written is taken from its last success. A
            run that has ended is taken up again for it. Who did it and why is kept.
            """))

    @Argument(help: "The run: its id, the beginning or end of one, or 'last'.")
    var run: String

    @Argument(help: "A stage, or stage/item.")
    var stage: UnitArgument

    @Argument(help: "How it counts: succeeded or skipped.")
    var outcome: Decision

    @Option(help: "Why, for those who look at the run later.")
    var reason: String

    @OptionGroup var reopen: ReopenOptions
    @OptionGroup var show: ShowOptions
    @OptionGroup var state: StateOptions

    func validate() throws {
        if reason.allSatisfy(\.isWhitespace) { throw ValidationError("--reason needs a text: why it counts so") }
    }

    func run() async throws {
        let target = try RunTarget.find(run, state)
        let command = RunCommand.mark(stage.unit, outcome == .succeeded ? .succeeded : .skipped, reason: reason)
        if try await target.askLive(named: stage.unit.stage, reopen, show, state, { _ in command }) { return }
        let found = try ReopenedRun.find(target.id.rawValue, reopen, state)
        try Output.reporting {
            if found.state.status == .interrupted { throw EndedRun(found.state).failure(to: "mark in") }
        }
        try await found.carryOut(command, named: stage.unit.stage, reopen, show)
    }
}

/// A run that no process runs, and what can be done about it.
struct EndedRun {
    let state: RunState

    init(_ state: RunState) { self.state = state }

    /// Says that there is nothing to steer, and what would work.
    func failure(to verb: String) -> Failure {
        switch state.status {
        case .interrupted:
            Failure(
                "run \(state.id) was interrupted: its process died, there is nothing to \(verb)",
                remedy:
                    "go on with 'caudal resume \(state.id)', or clear up with 'caudal cancel \(state.id)', after which "
                    + "its stages can be marked and retried")
        case .failed, .cancelled:
            Failure(
                "run \(state.id) has ended: \(state.status.rawValue); there is nothing to \(verb)",
                remedy: "run what failed again with 'caudal retry \(state.id)'")
        case .succeeded, .running:
            Failure(
                "run \(state.id) has ended: \(state.status.rawValue); there is nothing to \(verb)",
                remedy: "run it again with 'caudal run \(state.plan.file)'")
        }
    }
}
