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
        } catch let error as Terminal.Unusable {
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
    let workshop: Workshop
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
        if ending != .detached {
            for line in RunWords.summary(state, now: workshop.now(), paint: Paint(options.color)) { Output.line(line) }
        }
        let status = ExitStatus(state.status)
        if status != .succeeded { throw status.code }
    }

    /// Runs on a screen until somebody leaves it and the run has ended.
    ///
    /// Whoever leaves a run that goes on has the terminal back and reads the rest as lines.
    @MainActor
    func show(on terminal: Terminal) async throws -> (DashboardLoop.Ending, RunState) {
        let commands = commands
        // Before the run begins: the screen is told of everything from then on.
        let shown = ShownRun(session)
        let loop = DashboardLoop(shown, terminal: terminal, isReadOnly: options.readOnly)
        let session = session
        let interruption = Interruption(cancelling: session.engine) {
            // On the screen the run's end is the answer.
            Task { @MainActor in if !loop.quitWhenEnded() { Self.sayStopping() } }
        }
        defer { withExtendedLifetime(interruption) {} }
        let fault = Mutex<Failure?>(nil)
        async let running = session.run(commands: commands, staysOpen: true) { error in fault.withLock { $0 = error } }
        let ending = await loop.run()
        session.engine.close()
        if ending == .detached {
            terminal.close()
            await printRest(of: session.engine)
        }
        do {
            let state = try await running
            if let fault = fault.withLock({ $0 }) { Output.error("caudal: \(fault)") }
            return (ending, state)
        } catch {
            terminal.close()
            throw error
        }
    }

    /// Prints what is left of a run whose screen was left; a terminal that has gone takes no lines, which harms nobody.
    private func printRest(of engine: Engine) async {
        let batches = engine.hub.batches()
        let state = await engine.state
        guard state.status == .running else { return }
        Output.line("\(state.plan.pipeline) ▸ \(state.id) goes on; ctrl-C stops it")
        async let noticing: Void = Self.print(engine.hub.notices())
        var printer = PlainPrinter(state, paint: Paint(options.color), printLine: Output.line)
        for await events in batches { printer.take(events) }
        await noticing
    }

    private static func print(_ notices: AsyncStream<EventHub.Notice>) async {
        for await notice in notices { Output.error("caudal: \(notice.text)") }
    }

    private static func sayStopping() { Interruption.say("caudal: stopping the run; a second ctrl-C ends it at once") }

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
