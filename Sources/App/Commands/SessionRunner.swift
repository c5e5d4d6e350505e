import CaudalModel
import ArgumentParser
import Engine
import Foundation
import Synchronization

/// The options of all verbs with a screen.
struct ScreenOptions: ParsableArguments {
    @Option(help: .color)
    var color: Paint.Choice = .auto

    @Flag(help: "Disable the dashboard keys that change a run.")
    var readOnly = false

    @Flag(help: "Draw the dashboard with ASCII characters only.")
    var ascii = false

    @Option(
        help: "The colours of the dashboard (default: CAUDAL_THEME, the file of settings, or those of the terminal).")
    var theme: Theme?

    /// What the user has chosen for all screens; a file that is wrong is reported.
    var settings: ScreenSettings {
        get throws {
            try Output.reporting {
                try ScreenSettings(ProcessInfo.processInfo.environment, theme: theme, for: NamedKeys.ofAllScreens)
            }
        }
    }
}

extension Theme: ExpressibleByArgument {}

/// The options of all verbs that show a run.
struct ShowOptions: ParsableArguments {
    @Flag(name: [.long, .customLong("no-tui")], help: "Print lines instead of opening the dashboard.")
    var plain = false

    @Flag(help: "Print each event as one line of JSON; with --dry-run, print one object.")
    var json = false

    @OptionGroup var screen: ScreenOptions

    var color: Paint.Choice { screen.color }
    var readOnly: Bool { screen.readOnly }

    /// The options of a verb that never prints lines.
    static func screen(_ screen: ScreenOptions) throws -> ShowOptions {
        var options = try ShowOptions.parse([])
        options.screen = screen
        return options
    }

    /// The terminal for a dashboard; nil if the user wants lines, or if the terminal is unusable, which is reported.
    @MainActor
    func openTerminal() throws -> Terminal? {
        guard wantsDashboard else { return nil }
        do {
            return try Terminal(
                ascii: screen.ascii, colors: color == .always || Paint(color).isOn, settings: try screen.settings)
        } catch let error as Terminal.UnusableTerminal {
            Output.error("caudal: printing lines, because the dashboard cannot be shown: \(error)")
            return nil
        }
    }

    /// Refuses settings that cannot be used before anything runs, if they are needed.
    func checkSettings() throws { if wantsDashboard { _ = try screen.settings } }

    /// Whether the user wants the dashboard and the terminal can show it.
    var wantsDashboard: Bool {
        let terminal = ProcessInfo.processInfo.environment["TERM"] ?? ""
        return !plain && !json && isatty(STDIN_FILENO) == 1 && isatty(STDOUT_FILENO) == 1
            && !["", "dumb"].contains(terminal)
    }
}

/// Executes a run in this process, and shows it as its options say.
struct SessionRunner {
    let session: RunSession
    let options: ShowOptions
    let services: RunServices
    /// The commands to send to the run as soon as it has begun.
    var commands: [(RunCommand, by: String)] = []
    /// What the dashboard is to be led through.
    var tour: DemoScript?
    /// Whether the run is still there when this process has ended.
    var keepsRun = true

    private var hint: CommandHint? { keepsRun ? CommandHint(services.state) : nil }

    /// Runs to the end, and exits the program with the status of the run.
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
        try options.reportEnding(ending, state, hint)
    }

    /// Shows the run in the dashboard until the user has left it and the run has ended.
    ///
    /// If the user leaves while the run is live, its further events are printed as lines.
    @MainActor
    func show(on terminal: Terminal) async throws -> (DashboardLoop.Ending, RunState) {
        let runs = RunsOfScreen(state: services.state, variables: services.variables, options: options)
        let loop = DashboardLoop(
            runs.begin(self), terminal: terminal, isReadOnly: options.readOnly, reopen: runs.reopening)
        runs.current?.loop = loop
        loop.tour = tour
        let ending = await loop.run()
        guard let state = try await runs.end(ending, on: terminal) else { return (ending, session.initial) }
        return (ending, state)
    }

    fileprivate static func print(_ notices: AsyncStream<EventHub.Notice>) async {
        for await notice in notices { Output.error("caudal: \(notice.text)") }
    }

    fileprivate static func sayStopping() {
        Interruption.say("caudal: stopping the run; press ctrl-C again to kill it at once")
    }

    private func runLines() async throws {
        let engine = session.engine
        let interruption = Interruption(cancelling: engine, onFirst: Self.sayStopping)
        let batches = engine.hub.batches()
        async let noticing: Void = Self.print(engine.hub.notices())
        let (json, id, initial) = (options.json, session.id, session.initial)
        let (color, masker, hint) = (options.color, session.masker, hint)
        async let printing: Void = {
            var printer = PlainPrinter(initial, paint: Paint(color), hint: hint, printLine: Output.line)
            let isTerminal = isatty(STDOUT_FILENO) == 1 && !json
            let signals = TerminalSignals(isTmux: ProcessInfo.processInfo.environment["TMUX"] != nil)
            for await events in batches {
                if json { Output.json(masker.masked(events.jsonLines(of: id))) } else { printer.handle(events) }
                if isTerminal { Output.write(signals.bytes(for: events, of: printer.state), to: STDOUT_FILENO) }
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
        await services.settleObservers()
        if interruption.wasInterrupted, state.status == .cancelled { throw ExitStatus.interrupted.code }
        let status = ExitStatus(state.status)
        if status != .succeeded { throw status.code }
    }
}

extension ShowOptions {
    /// Prints how a run ended after its dashboard was closed, and exits the program with the status of the run.
    func reportEnding(_ ending: DashboardLoop.Ending, _ state: RunState, _ hint: CommandHint?) throws {
        if ending != .detached {
            for line in RunWords.summary(state, now: SystemClock.now, paint: Paint(color), hint) { Output.line(line) }
        }
        let status = ExitStatus(state.status)
        if status != .succeeded { throw status.code }
    }
}

/// A run of this process that a screen shows.
@MainActor
final class StartedRun {
    let shown: ShownRun
    /// The screen, which closes when the run has ended after an interrupt.
    weak var loop: DashboardLoop?
    private let session: RunSession
    private let services: RunServices
    private let color: Paint.Choice
    private let running: Task<RunState, any Error>
    private var interruption: Interruption?
    private let fault: Fault

    /// Why other processes cannot steer the run.
    private final class Fault: Sendable {
        let value = Mutex<Failure?>(nil)
    }

    init(_ runner: SessionRunner) {
        let (session, commands, fault) = (runner.session, runner.commands, Fault())
        (self.session, self.fault, color) = (session, fault, runner.options.color)
        services = runner.services
        // Created before the run begins, so that the screen gets all of its events.
        shown = ShownRun(session, in: services.store, ReopenedRun.files(in: services.state, services.variables))
        // A detached task, because the run may outlive the screen.
        running = Task.detached { [shown] in
            do throws(StoreError) {
                return try await session.run(commands: commands, staysOpen: true) { error in
                    fault.value.withLock { $0 = error }
                }
            } catch {
                shown.report(.failed(error))
                throw error
            }
        }
        interruption = Interruption(cancelling: session.engine) { [weak self] in
            // While the screen is open, it shows that the run stops; only without it is a message needed.
            Task { @MainActor in if self?.loop?.quitWhenEnded() != true { SessionRunner.sayStopping() } }
        }
    }

    /// Ends the session of a run that has ended, so that the run can be reopened.
    func finish() async throws -> RunState {
        session.engine.close()
        defer { interruption = nil }
        let state = try await running.value
        session.release()
        await services.settleObservers()
        return state
    }

    /// Waits for the end of the run after its screen was closed.
    ///
    /// - Throws: The error that kept the run from being recorded.
    func end(_ ending: DashboardLoop.Ending, on terminal: Terminal) async throws -> RunState {
        defer { interruption = nil }
        session.engine.close()
        if ending == .detached {
            terminal.close()
            await Self.printRest(of: session.engine, color, CommandHint(services.state))
        }
        do {
            let state = try await running.value
            if let fault = fault.value.withLock({ $0 }) { Output.error("caudal: \(fault)") }
            await services.settleObservers()
            return state
        } catch {
            terminal.close()
            throw error
        }
    }

    /// Prints the rest of a run as lines after its screen was closed.
    ///
    /// Ignores write errors if the terminal has closed.
    private static func printRest(of engine: RunEngine, _ color: Paint.Choice, _ hint: CommandHint) async {
        let batches = engine.hub.batches()
        let state = await engine.state
        guard state.status == .running else { return }
        Output.line("\(state.plan.pipeline) ▸ \(state.id) continues; ctrl-C stops it")
        async let noticing: Void = SessionRunner.print(engine.hub.notices())
        var printer = PlainPrinter(state, paint: Paint(color), hint: hint, printLine: Output.line)
        for await events in batches { printer.handle(events) }
        await noticing
    }
}

/// Shows a run of another process, or one that has ended, on a screen, and reopens it there if the user wants.
@MainActor
struct WatchedRun {
    let follower: RunFollower
    let state: StateFolder
    let variables: [String: String]
    let options: ShowOptions

    private var id: RunID { follower.initial.id }

    /// Shows the run until the user leaves.
    ///
    /// `first`: an effect to carry out at once.
    /// - Returns: How the user left, and the state of the run if this process has reopened it.
    func show(
        on terminal: Terminal, first: DashboardEffect? = nil
    ) async throws -> (DashboardLoop.Ending, reopened: RunState?) {
        let runs = RunsOfScreen(state: state, variables: variables, options: options)
        let shown = ShownRun(follower, folder: state.run(id), ReopenedRun.files(in: state, variables))
        let loop = DashboardLoop(shown, terminal: terminal, isReadOnly: options.readOnly, reopen: runs.reopening)
        let ending = await loop.run(first: first)
        return (ending, try await runs.end(ending, on: terminal))
    }
}

/// The runs that this process runs for a screen, one at a time: a run that is reopened takes the place of one that has ended.
@MainActor
final class RunsOfScreen {
    private(set) var current: StartedRun?
    /// How the run before ended, if none has taken its place.
    private var last: RunState?
    private let state: StateFolder
    private let variables: [String: String]
    private let options: ShowOptions

    init(state: StateFolder, variables: [String: String], options: ShowOptions) {
        (self.state, self.variables, self.options) = (state, variables, options)
    }

    func begin(_ runner: SessionRunner) -> ShownRun {
        let run = StartedRun(runner)
        current = run
        return run.shown
    }

    /// Reopens a run for the screen.
    var reopening: DashboardLoop.Reopening {
        { [self] loop, id, command, agreed, notify in
            // The session of a run that has ended keeps the pipeline that it began with, and the run itself.
            if let ended = current {
                current = nil
                last = try await ended.finish()
            }
            let runner = try await ReopenedRun.reopen(
                id, command, agreed: agreed, in: state, variables, options, notify: notify)
            // The user may have left the screen while the run waited for another one.
            try Task.checkCancellation()
            let shown = begin(runner)
            current?.loop = loop
            return shown
        }
    }

    /// Waits for the end of what this process runs, after its screen was closed; nil if it has run nothing.
    func end(_ ending: DashboardLoop.Ending, on terminal: Terminal) async throws -> RunState? {
        try await current?.end(ending, on: terminal) ?? last
    }
}
