import CaudalModel
import Engine
import Foundation

/// Shows the list of pipelines and runs, and keeps it up to date, until the user chooses something.
@MainActor
final class HomeLoop {
    private let terminal: Terminal
    private let reader: ProjectReader
    private(set) var state: HomeState
    private var interruption: Interruption?
    private var isEnding = false
    /// When the project was read last, by the steady clock.
    private var readAt: Int64 = 0
    private let reducer = HomeReducer()
    private let open: (RunID) throws -> OpenedRun?

    /// The present state of a run.
    struct OpenedRun {
        let run: RunState
        /// Whether the run is live.
        let isLive: Bool
        /// Previews what reopening the run would do.
        let previewReopening: (RunState) throws -> ReopenPreview
    }

    /// The interval at which the store is polled for changes.
    private static let interval = Duration.milliseconds(500)

    /// `open`: reads a run that the user wants to steer; returns nil if it no longer exists.
    init(
        _ reader: ProjectReader, terminal: Terminal, isReadOnly: Bool,
        open: @escaping (RunID) throws -> OpenedRun?
    ) {
        self.open = open
        self.terminal = terminal
        self.reader = reader
        let size = terminal.size
        state = HomeState(
            root: reader.root, now: SystemClock.now, rows: size.rows, columns: size.columns,
            isASCII: terminal.isASCII, isReadOnly: isReadOnly)
    }

    /// Shows a message at the bottom of the list.
    func say(_ text: String, _ style: Style) {
        state.now = SystemClock.now
        state.say(text, style)
    }

    /// Shows the list until there is work to do outside of it.
    func run() async throws(StoreError) -> HomeEffect {
        let events = ScreenEvents(terminal)
        listen(to: events)
        defer {
            events.stop()
            interruption = nil
        }
        let wake = events.wake
        // The clock of the list, cancelled when the list closes.
        let clock = Task {
            while !Task.isCancelled {
                // A cancelled sleep ends the clock.
                try? await Task.sleep(for: Self.interval)
                wake.yield()
            }
        }
        defer { clock.cancel() }
        terminal.send("\u{1b}]0;caudal\u{07}")
        // While something else was shown, the terminal may have changed.
        terminal.resize()
        resize(to: terminal.size)
        state.hasMouse = terminal.hasMouse
        state.keys = terminal.settings.keys
        state.overview = try reader.read()
        wake.yield()
        for await _ in events.wakes {
            if let effect = try receive(events) { return effect }
            terminal.show(HomeScreen.draw(state))
        }
        return .quit
    }

    private func listen(to events: ScreenEvents) {
        events.listen()
        interruption = Interruption { [weak self, wake = events.wake] in
            Task { @MainActor in
                self?.isEnding = true
                wake.yield()
            }
        }
        // Behind the interrupts, whose listener ignores hangups: of several the newest is called.
        events.handle([SIGHUP]) { [weak self] in self?.isEnding = true }
    }

    private func resize(to size: (rows: Int, columns: Int)) { (state.rows, state.columns) = (size.rows, size.columns) }

    private func receive(_ events: ScreenEvents) throws(StoreError) -> HomeEffect? {
        guard !isEnding, let keys = events.readKeys() else { return .quit }
        if let size = events.newSize() { resize(to: size) }
        state.now = SystemClock.now
        // A process that dies records nothing, so its lock is polled while a run is live.
        if try reader.hasChanged() || state.overview.isMoving || isStale {
            state.overview = try reader.read()
            readAt = state.now.steady
        }
        for key in keys {
            let wasAsking = state.isAsking
            for effect in reducer.press(key, &state) {
                switch effect {
                case .prepare(let id, let request): prepare(request, id)
                case .mouse(let isOn): terminal.setMouse(isOn)
                case .redraw: terminal.resize()
                case .suspend: events.suspend()
                case .pause(let keys, let isPausing): try pause(keys, isPausing)
                case .open, .run, .runScheduled, .reopen, .ask, .quit: return effect
                }
            }
            if state.isAsking, !wasAsking {
                // The user pressed these keys before the question is shown; those that follow its picture are answers.
                terminal.discardKeys()
                terminal.show(HomeScreen.draw(state))
                return nil
            }
        }
        return nil
    }

    /// Whether it is long ago that the project was read: files and the scheduler change without the store telling so.
    private var isStale: Bool { state.now.steady - readAt >= 2000 }

    private func pause(_ keys: [ScheduleKey], _ isPausing: Bool) throws(StoreError) {
        guard let store = try reader.makeStore() else { return }
        for key in keys {
            if isPausing {
                _ = try store.pause(key, reason: "", by: Operator.name, at: state.now.wall)
            } else {
                _ = try store.resume(key, at: state.now.wall)
            }
        }
        state.overview = try reader.read()
        state.say("\(keys.map(\.description).formattedAsList) \(isPausing ? "paused" : "resumed")", .good)
    }

    /// Previews the answers to a question about a run, and asks it.
    private func prepare(_ request: ConfirmationRequest, _ id: RunID) {
        do {
            guard let opened = try open(id) else { return state.say("run \(id) no longer exists", .wait) }
            let builder = ConfirmationBuilder(
                run: opened.run, isLive: opened.isLive, now: state.now,
                files: OutputFiles.finder(in: opened.run.plan.root), hint: reader.hint,
                previewReopening: opened.previewReopening)
            reducer.ask(builder.build(request), of: opened.run, isLive: opened.isLive, &state)
        } catch {
            state.say(Output.oneLine(error), .bad)
        }
    }
}
