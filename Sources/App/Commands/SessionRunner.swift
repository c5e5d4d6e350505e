import ArgumentParser
import Engine
import Foundation
import Synchronization

/// How a screen looks and what may be done on it.
struct ScreenOptions: ParsableArguments {
    @Option(help: "Colours in printed lines: auto, always, never. NO_COLOR is honoured too.")
    var color: Paint.Choice = .auto

    @Flag(help: "Open the dashboard without the keys that change a run.")
    var readOnly = false

    @Flag(help: "Draw the dashboard with ASCII characters only.")
    var ascii = false
}

/// How a run is shown.
struct ShowOptions: ParsableArguments {
    @Flag(name: [.long, .customLong("no-tui")], help: "Print lines instead of opening the dashboard.")
    var plain = false

    @Flag(help: "Print every event as a line of JSON; of a dry run, one object.")
    var json = false

    @OptionGroup var screen: ScreenOptions

    var color: Paint.Choice { screen.color }
    var readOnly: Bool { screen.readOnly }

    /// Those of a verb that never prints lines.
    static func screen(_ screen: ScreenOptions) throws -> ShowOptions {
        var options = try ShowOptions.parse([])
        options.screen = screen
        return options
    }

    /// The terminal for a dashboard, or nil when lines are wanted or it will not do, which is said then.
    @MainActor
    func openTerminal() throws -> Terminal? {
        guard wantsDashboard else { return nil }
        do {
            return try Terminal(ascii: screen.ascii, colors: color == .always || Paint(color).isOn)
        } catch let error as Terminal.UnusableTerminal {
            Output.error("caudal: the dashboard cannot be shown, so lines are printed: \(error)")
            return nil
        }
    }

    /// Whether the dashboard is wanted and can be had.
    var wantsDashboard: Bool {
        let terminal = ProcessInfo.processInfo.environment["TERM"] ?? ""
        return !plain && !json && isatty(STDIN_FILENO) == 1 && isatty(STDOUT_FILENO) == 1
            && !["", "dumb"].contains(terminal)
    }
}

/// Runs a session in this process and shows it as it was asked for.
struct SessionRunner {
    let session: RunSession
    let options: ShowOptions
    let services: RunServices
    /// What is asked of the run as soon as it has begun.
    var commands: [(RunCommand, by: String)] = []

    /// Runs until the end and leaves the program with the status that says how it ended.
    func run() async throws {
        try await Output.reporting {
            if let terminal = try await options.openTerminal() {
                try await runDashboard(terminal)
            } else {
                try await runLines()
            }
        }
    }

    @MainActor
    private func runDashboard(_ terminal: Terminal) async throws {
        let (ending, state) = try await show(on: terminal)
        terminal.close()
        try options.sayEnding(ending, state)
    }

    /// Runs on a screen until somebody leaves it and the run has ended.
    ///
    /// Whoever leaves a run that goes on has the terminal back and reads the rest as lines.
    @MainActor
    func show(on terminal: Terminal) async throws -> (DashboardLoop.Ending, RunState) {
        let begun = StartedRun(self)
        let loop = DashboardLoop(begun.shown, terminal: terminal, isReadOnly: options.readOnly)
        begun.loop = loop
        let ending = await loop.run()
        return (ending, try await begun.end(ending, on: terminal))
    }

    fileprivate static func print(_ notices: AsyncStream<EventHub.Notice>) async {
        for await notice in notices { Output.error("caudal: \(notice.text)") }
    }

    fileprivate static func sayStopping() {
        Interruption.say("caudal: stopping the run; a second ctrl-C ends it at once")
    }

    private func runLines() async throws {
        let engine = session.engine
        let interruption = Interruption(cancelling: engine, onFirst: Self.sayStopping)
        let batches = engine.hub.batches()
        async let noticing: Void = Self.print(engine.hub.notices())
        let (json, id, initial) = (options.json, session.id, session.initial)
        let (color, masker) = (options.color, session.masker)
        async let printing: Void = {
            var printer = PlainPrinter(initial, paint: Paint(color), printLine: Output.line)
            for await events in batches {
                if json { Output.json(masker.masked(events.jsonLines(of: id))) } else { printer.take(events) }
            }
        }()
        let state: RunState
        do {
            state = try await session.run(commands: commands) { Output.error("caudal: \($0)") }
        } catch {
            await printing
            await noticing
            throw error
        }
        await printing
        await noticing
        if interruption.wasInterrupted, state.status == .cancelled { throw ExitStatus.interrupted.code }
        let status = ExitStatus(state.status)
        if status != .succeeded { throw status.code }
    }
}

extension ShowOptions {
    /// Says how a run ended whose dashboard was left, and leaves the program with the status that says so.
    func sayEnding(_ ending: DashboardLoop.Ending, _ state: RunState) throws {
        if ending != .detached {
            for line in RunWords.summary(state, now: SystemClock.now, paint: Paint(color)) { Output.line(line) }
        }
        let status = ExitStatus(state.status)
        if status != .succeeded { throw status.code }
    }
}

/// A run of this process that was begun for a screen.
@MainActor
final class StartedRun {
    let shown: ShownRun
    /// The screen, which is left once somebody interrupts the run and it has ended.
    weak var loop: DashboardLoop?
    private let session: RunSession
    private let color: Paint.Choice
    private let running: Task<RunState, any Error>
    private var interruption: Interruption?
    private let fault: Fault

    /// Why the run cannot be steered by other processes.
    private final class Fault: Sendable {
        let value = Mutex<Failure?>(nil)
    }

    init(_ runner: SessionRunner) {
        let (session, commands, fault) = (runner.session, runner.commands, Fault())
        (self.session, self.fault, color) = (session, fault, runner.options.color)
        // Before the run begins: the screen is told of everything from then on.
        shown = ShownRun(session)
        // A task of its own, which ends with the run; the screen may be left before.
        running = Task.detached {
            try await session.run(commands: commands, staysOpen: true) { error in fault.value.withLock { $0 = error } }
        }
        interruption = Interruption(cancelling: session.engine) { [weak self] in
            // On the screen the run's end is the answer.
            Task { @MainActor in if self?.loop?.quitWhenEnded() != true { SessionRunner.sayStopping() } }
        }
    }

    /// Waits for the run's end once its screen was left.
    ///
    /// - Throws: what kept the run from being recorded.
    func end(_ ending: DashboardLoop.Ending, on terminal: Terminal) async throws -> RunState {
        defer { interruption = nil }
        session.engine.close()
        if ending == .detached {
            terminal.close()
            await Self.printRest(of: session.engine, color)
        }
        do {
            let state = try await running.value
            if let fault = fault.value.withLock({ $0 }) { Output.error("caudal: \(fault)") }
            return state
        } catch {
            terminal.close()
            throw error
        }
    }

    /// Prints what is left of a run whose screen was left; a terminal that has gone takes no lines, which harms nobody.
    private static func printRest(of engine: RunEngine, _ color: Paint.Choice) async {
        let batches = engine.hub.batches()
        let state = await engine.state
        guard state.status == .running else { return }
        Output.line("\(state.plan.pipeline) ▸ \(state.id) goes on; ctrl-C stops it")
        async let noticing: Void = SessionRunner.print(engine.hub.notices())
        var printer = PlainPrinter(state, paint: Paint(color), printLine: Output.line)
        for await events in batches { printer.take(events) }
        await noticing
    }
}

/// A run of another process, or of none, on a screen; it is taken up again there.
@MainActor
struct WatchedRun {
    let follower: RunFollower
    let state: StateFolder
    let variables: [String: String]
    let options: ShowOptions

    private var id: RunID { follower.initial.id }

    /// Shows it until somebody leaves.
    ///
    /// - Parameter first: What is done to begin with.
    /// - Returns: How it was left, and how the run stands if this process has taken it up.
    func show(
        on terminal: Terminal, first: DashboardEffect? = nil
    ) async throws -> (DashboardLoop.Ending, taken: RunState?) {
        let shown = ShownRun(
            follower, folder: state.run(id), reopening: ReopenedRun.reader(in: state, variables))
        let taken = ReopenedSession()
        let (id, state, variables, options) = (id, state, variables, options)
        let loop = DashboardLoop(shown, terminal: terminal, isReadOnly: options.readOnly) {
            loop, command, agreed, tell in
            let runner = try await ReopenedRun.take(
                id, command, agreed: agreed, in: state, variables, options, tell: tell)
            // The screen may have been left while another run was waited for.
            try Task.checkCancellation()
            let begun = StartedRun(runner)
            begun.loop = loop
            taken.run = begun
            return begun.shown
        }
        let ending = await loop.run(first: first)
        return (ending, try await taken.run?.end(ending, on: terminal))
    }

    /// The run, once it was taken up.
    private final class ReopenedSession {
        var run: StartedRun?
    }
}
