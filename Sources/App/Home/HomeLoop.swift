// Dispatch does not mark its source as sendable; it is made, resumed and cancelled on the main actor alone.
@preconcurrency import Dispatch
import Engine
import Foundation

/// Shows the list of pipelines and runs until something is chosen, and keeps it true meanwhile.
@MainActor
final class HomeLoop {
    private let terminal: Terminal
    private let reader: ProjectReader
    private(set) var state: HomeState
    private var keySource: (any DispatchSourceRead)?
    private var signals: [SignalListener] = []
    private var interruption: Interruption?
    private var keysAreReady = false
    private var hasResized = false
    private var isEnding = false
    private var wake: AsyncStream<Void>.Continuation?
    private let reducer = HomeReducer()
    private let open: (RunID) throws -> OpenedRun?

    /// A run as it stands.
    struct OpenedRun {
        let run: RunState
        /// Whether a process runs it.
        let isLive: Bool
        /// Finds out what taking it up again comes to.
        let reopening: (RunState) throws -> ReopenPreview
    }

    /// How often the store is asked whether anything was recorded.
    private static let interval = Duration.milliseconds(500)

    /// - Parameter open: Reads a run that somebody wants to do something about; nil when there is none any more.
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

    /// Says something at the bottom of the list.
    func say(_ text: String, _ style: Style) {
        state.now = SystemClock.now
        state.say(text, style)
    }

    /// Shows the list until something outside of it is to be done.
    func run() async throws(StoreError) -> HomeEffect {
        let (wakes, wake) = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))
        self.wake = wake
        listen()
        defer {
            keySource?.cancel()
            for listener in signals { listener.stop() }
            interruption = nil
        }
        // The clock of the list: it is cancelled when the list is left.
        let clock = Task {
            while !Task.isCancelled {
                // A sleep that is cut short ends the clock.
                try? await Task.sleep(for: Self.interval)
                wake.yield()
            }
        }
        defer { clock.cancel() }
        terminal.send("\u{1b}]0;caudal\u{07}")
        hasResized = true
        state.hasMouse = terminal.hasMouse
        state.overview = try reader.read()
        wake.yield()
        for await _ in wakes {
            if let effect = try receive() { return effect }
            terminal.show(HomeScreen.draw(state))
        }
        return .quit
    }

    private func listen() {
        let keys = DispatchSource.makeReadSource(fileDescriptor: terminal.inputDescriptor, queue: .main)
        let wake = wake
        keys.setEventHandler { [weak self] in
            MainActor.assumeIsolated { self?.keysAreReady = true }
            wake?.yield()
        }
        keys.resume()
        keySource = keys
        signals = [
            SignalListener([SIGWINCH, SIGCONT]) { [act] _ in act { $0.hasResized = true } },
            SignalListener([SIGTSTP]) { [act] _ in act { $0.suspend() } },
        ]
        interruption = Interruption { [act] in act { $0.isEnding = true } }
        signals.append(SignalListener([SIGHUP]) { [act] _ in act { $0.isEnding = true } })
    }

    /// Does something on the main actor and wakes the loop; from any thread, without waiting.
    private var act: @Sendable (@escaping @MainActor (HomeLoop) -> Void) -> Void {
        { [weak self, wake] action in
            Task { @MainActor in
                if let self { action(self) }
                wake?.yield()
            }
        }
    }

    private func receive() throws(StoreError) -> HomeEffect? {
        defer { keysAreReady = false }
        guard !isEnding, let keys = terminal.readKeys(isReady: keysAreReady) else { return .quit }
        if hasResized || keys.contains(.resize) {
            hasResized = false
            terminal.resize()
            let size = terminal.size
            (state.rows, state.columns) = (size.rows, size.columns)
        }
        state.now = SystemClock.now
        // A process that dies records nothing: while a run goes on, it is looked for.
        if try reader.hasChanged() || state.overview.isMoving { state.overview = try reader.read() }
        for key in keys {
            let wasAsking = state.isAsking
            for effect in reducer.press(key, &state) {
                switch effect {
                case .look(let id, let inquiry): look(inquiry, id)
                case .mouse(let isOn): terminal.setMouse(isOn)
                case .redraw: terminal.resize()
                case .suspend: suspend()
                case .open, .run, .takeUp, .ask, .quit: return effect
                }
            }
            if state.isAsking, !wasAsking {
                // Whoever pressed the keys behind this one did not see the question.
                terminal.show(HomeScreen.draw(state))
                terminal.discardKeys()
                return nil
            }
        }
        return nil
    }

    /// Finds out what the answers to a question about a run would bring about, and asks it.
    private func look(_ inquiry: Inquiry, _ id: RunID) {
        do {
            guard let opened = try open(id) else { return state.say("run \(id) is gone", .wait) }
            let reader = InquiryReader(
                run: opened.run, isLive: opened.isLive, now: state.now,
                files: OutputFiles.finder(in: opened.run.plan.root), reopening: opened.reopening)
            reducer.ask(reader.look(inquiry), of: opened.run, isLive: opened.isLive, &state)
        } catch {
            state.say(Output.oneLine(error), .bad)
        }
    }

    private func suspend() {
        terminal.suspend()
        kill(getpid(), SIGSTOP)
        terminal.resume()
        hasResized = true
        wake?.yield()
    }
}
