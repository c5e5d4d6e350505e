// Dispatch does not mark its source as sendable; it is made, resumed and cancelled on the main actor alone.
@preconcurrency import Dispatch
import Engine
import Foundation
import Synchronization

/// Runs the dashboard in the terminal: takes keys, events and time in, lets the reducer decide, shows what changed.
///
/// Everything that is there is taken in before a frame is painted, and nothing is painted when nothing changed. Keys
/// are answered at once; events and the log are shown at most ten times a second, five over a network.
@MainActor
final class DashboardLoop {
    /// How the dashboard was left.
    enum Ending: Equatable { case quit, detached, cancelled }

    /// Takes the run up again, which no process runs, as somebody has agreed to; what there is to say is told meanwhile.
    ///
    /// - Returns: The run as this process runs it now.
    typealias TakingUp =
        @MainActor (
            DashboardLoop, RunCommand?, ReopenAgreement, _ tell: @escaping @Sendable (EventHub.Notice) -> Void
        ) async throws -> ShownRun

    private let terminal: Terminal
    private var shown: ShownRun
    private let takeUp: TakingUp?
    /// What takes the run up again, until it has done so.
    private var taking: Task<Void, Never>?
    private var pump: Task<Void, Never>?
    private let index: LogIndex
    private let reducer: DashboardReducer
    private var state: DashboardState
    private var feed = EventFeed()
    private let wakes: AsyncStream<Void>
    private let wake: AsyncStream<Void>.Continuation
    private var keySource: (any DispatchSourceRead)?
    private var signals: [SignalListener] = []
    private var interruption: Interruption?
    private var ending: Ending?
    private var answers: [CommandAnswer] = []
    private var hasResized = false
    private var keysAreReady = false
    private var lastData = ContinuousClock.now - .seconds(1)
    private var lastPaint = ContinuousClock.now - .seconds(1)
    /// The next wake-up that is due by itself.
    private var alarm: (at: ContinuousClock.Instant, task: Task<Void, Never>)?
    /// Whether the log grew when it was last looked at: it is looked at sooner again then.
    private var logIsGrowing = false
    private var quitsWhenEnded = false

    private static let keyInterval = Duration.milliseconds(16)

    /// - Parameter takeUp: Nil for a run of this process, which takes commands by itself as long as it is shown.
    init(_ shown: ShownRun, terminal: Terminal, isReadOnly: Bool, takeUp: TakingUp? = nil) {
        self.terminal = terminal
        self.shown = shown
        self.takeUp = takeUp
        index = LogIndex(folder: shown.folder.logs)
        reducer = DashboardReducer(lines: LogFileLines(index: index))
        let size = terminal.size
        state = DashboardState(
            shown.initial, now: SystemClock.now, rows: size.rows, columns: size.columns, isReadOnly: isReadOnly,
            isASCII: terminal.isASCII, ownsRun: shown.isOwn, isLive: shown.isLive, hasMouse: terminal.hasMouse)
        (wakes, wake) = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// Shows the run until somebody leaves.
    ///
    /// - Parameter first: What is done to begin with.
    func run(first: DashboardEffect? = nil) async -> Ending {
        listen()
        receiveUpdates()
        if let first { carryOut(first) }
        terminal.send("\u{1b}]0;caudal \(PlainText.sanitized(state.run.plan.pipeline))\u{07}")
        paint()
        wake.yield()
        for await _ in wakes {
            receive()
            if ending != nil { break }
            setAlarm(in: idleTime)
        }
        taking?.cancel()
        await taking?.value
        pump?.cancel()
        keySource?.cancel()
        for listener in signals { listener.stop() }
        interruption = nil
        alarm?.task.cancel()
        return ending ?? .quit
    }

    // MARK: - What comes in

    private func listen() {
        let keys = DispatchSource.makeReadSource(fileDescriptor: terminal.inputDescriptor, queue: .main)
        let wake = wake
        keys.setEventHandler { [weak self] in
            MainActor.assumeIsolated { self?.keysAreReady = true }
            wake.yield()
        }
        keys.resume()
        keySource = keys
        hear([SIGWINCH, SIGCONT]) { $0.hasResized = true }
        hear([SIGTSTP]) { $0.suspend() }
        // A terminal that has gone leaves the run going on without a screen.
        hear([SIGHUP]) { $0.ending = .detached }
        // Whoever runs a run hears what ends it: see ``quitWhenEnded()``.
        if !shown.isOwn { interruption = Interruption { [act] in act { $0.ending = .quit } } }
    }

    /// Hears what happens to the run from now on, and no more of what was heard of it before.
    private func receiveUpdates() {
        pump?.cancel()
        let (news, feed) = (shown.news, EventFeed())
        feed.onPost = { [wake] in _ = wake.yield() }
        self.feed = feed
        // A task of its own, off the main actor: waking it for every batch would cost more than drawing.
        pump = Task.detached { for await item in news { feed.post(item) } }
    }

    private func hear(_ numbers: [Int32], _ action: @escaping @MainActor (DashboardLoop) -> Void) {
        signals.append(SignalListener(numbers) { [act] _ in act(action) })
    }

    /// Does something on the main actor and wakes the loop; from any thread, without waiting.
    private var act: @Sendable (@escaping @MainActor (DashboardLoop) -> Void) -> Void {
        { [weak self, wake] action in
            Task { @MainActor in
                if let self { action(self) }
                wake.yield()
            }
        }
    }

    /// Leaves the screen once the run has ended, which somebody else has asked for.
    ///
    /// - Returns: Whether the screen is still there to be left.
    func quitWhenEnded() -> Bool {
        quitsWhenEnded = true
        wake.yield()
        return ending == nil
    }

    private func receive() {
        var isUrgent = false
        defer { keysAreReady = false }
        guard let keys = terminal.readKeys(isReady: keysAreReady) else {
            ending = .detached
            return
        }
        if hasResized || keys.contains(.resize) {
            hasResized = false
            terminal.resize()
            let size = terminal.size
            send(.resized(rows: size.rows, columns: size.columns))
            isUrgent = true
        }
        var hasAsked = false
        for key in keys where !hasAsked {
            let wasAsking = state.isAsking
            send(.key(key))
            isUrgent = true
            hasAsked = state.isAsking && !wasAsking
        }
        for answer in answers { send(.answer(answer)) }
        isUrgent = isUrgent || !answers.isEmpty
        answers = []
        if ending != nil { return }

        let now = ContinuousClock.now
        let interval = Duration.milliseconds(ProcessInfo.processInfo.environment["SSH_TTY"] == nil ? 100 : 200)
        let isDue = now - lastData >= interval
        if isDue {
            lastData = now
            for news in feed.take() { send(.news(news)) }
            logIsGrowing = index.update()
            if logIsGrowing { send(.log) }
            (state.warnings, state.errors) = (index.warnings, index.errors)
            send(.tick(SystemClock.now))
            if quitsWhenEnded, state.run.status != .running { ending = .cancelled }
        }
        if isUrgent || isDue || terminal.isBehind { paint() }
        // Whoever pressed them did not see the question.
        if hasAsked { terminal.discardKeys() }
        if !isDue { setAlarm(in: interval - (now - lastData)) }
    }

    private func send(_ input: DashboardInput) {
        for effect in reducer.reduce(&state, input) { carryOut(effect) }
    }

    private func carryOut(_ effect: DashboardEffect) {
        switch effect {
        case .look(let inquiry): look(inquiry)
        case .send(let command): ask(command)
        case .takeUp(let command, let agreement): take(command, agreement)
        case .quit: ending = .quit
        case .detach: ending = .detached
        case .cancelAndQuit:
            guard shown.isOwn else { return ending = .quit }
            quitsWhenEnded = true
            if state.run.status == .running { carryOut(.send(.cancelRun)) } else { ending = .cancelled }
        case .suspend: suspend()
        case .redraw: terminal.resize()
        case .copy(let text): copy(text)
        case .copyLine(let line): copy(reducer.lines.record(at: line)?.message ?? "")
        case .find(let search):
            send(.found(search, hits: search.hits(in: reducer.lines), upTo: reducer.lines.count))
        case .mouse(let isOn): terminal.setMouse(isOn)
        }
    }

    private func look(_ inquiry: Inquiry) {
        let reader = InquiryReader(
            run: state.run, isLive: state.isLive, now: state.now, files: OutputFiles.finder(in: state.run.plan.root),
            reopening: shown.reopening)
        send(.finding(reader.look(inquiry)))
    }

    /// Asks something of the run, whichever process runs it.
    private func ask(_ command: RunCommand) {
        let (shown, wake) = (shown, wake)
        // The answer comes back as an input; the screen does not wait for it.
        Task { [weak self] in
            do throws(Failure) {
                self?.answers.append(
                    try await shown.send(command) ?? .refused("no process runs the run any more: press the key again"))
            } catch {
                self?.answers.append(.refused(error.description))
            }
            wake.yield()
        }
    }

    /// Takes the run up again here, as somebody has agreed to.
    private func take(_ command: RunCommand?, _ agreement: ReopenAgreement) {
        guard let takeUp, taking == nil else { return }
        state.take(EventHub.Notice(text: "taking the run up again …", isStanding: true))
        let (act, wake) = (act, wake)
        taking = Task { [weak self] in
            guard let self else { return }
            do {
                shown = try await takeUp(self, command, agreement) { notice in
                    act { $0.state.take(notice) }
                }
                // Whoever runs a run hears what ends it: see ``quitWhenEnded()``.
                interruption = nil
                state.follow(shown)
                receiveUpdates()
            } catch is CancellationError {
                // The screen was left meanwhile.
            } catch {
                state.notice = nil
                answers.append(.refused(Output.oneLine(error)))
            }
            taking = nil
            wake.yield()
        }
    }

    private func suspend() {
        terminal.suspend()
        kill(getpid(), SIGSTOP)
        terminal.resume()
        hasResized = true
        wake.yield()
    }

    /// Hands text to the terminal's clipboard.
    private func copy(_ text: String) {
        let encoded = Data(text.utf8).base64EncodedString()
        // Terminals refuse more than about this.
        if encoded.utf8.count <= 74_994 { terminal.send("\u{1b}]52;c;\(encoded)\u{07}") }
    }

    // MARK: - Time

    /// Wakes the loop after a while, unless something wakes it sooner.
    private func setAlarm(in delay: Duration) {
        let time = ContinuousClock.now + delay
        if let alarm, alarm.at <= time, alarm.at > ContinuousClock.now { return }
        alarm?.task.cancel()
        let wake = wake
        let task = Task {
            // A sleep that is cut short belongs to an alarm that was replaced.
            try? await Task.sleep(for: delay)
            if !Task.isCancelled { wake.yield() }
        }
        alarm = (time, task)
    }

    /// How long nothing changes by itself: a quarter of a second while stages run, a second while a run goes on, and
    /// until the next minute when all is done, because the clock shows minutes then.
    private var idleTime: Duration {
        if logIsGrowing || terminal.isBehind { return .milliseconds(100) }
        if state.isMoving { return .milliseconds(250) }
        if state.run.status == .running || state.standingToast != nil { return .seconds(1) }
        return .milliseconds(60_000 - SystemClock.now.wall % 60_000)
    }

    private func paint() {
        terminal.show(DashboardScreen.draw(state, LogFileLines(index: index)))
    }
}

/// Collects what is heard of a run for the screen, which takes it when it is ready to draw.
final class EventFeed: Sendable {
    private let news = Mutex<[RunUpdate]>([])
    private let handler = Mutex<(@Sendable () -> Void)?>(nil)

    /// Called when something comes after nothing was waiting.
    var onPost: (@Sendable () -> Void)? {
        get { handler.withLock { $0 } }
        set { handler.withLock { $0 = newValue } }
    }

    func post(_ item: RunUpdate) {
        let isFirst = news.withLock { news -> Bool in
            defer { news.append(item) }
            return news.isEmpty
        }
        if isFirst { onPost?() }
    }

    func take() -> [RunUpdate] {
        news.withLock { news in
            defer { news = [] }
            return news
        }
    }
}
