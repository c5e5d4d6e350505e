import CaudalModel
import Engine
import Foundation
import Synchronization

/// Runs the dashboard in the terminal: feeds keys, events and time to the reducer, and paints what changed.
///
/// It processes all pending input before it paints a frame, and paints nothing if nothing has changed. It reacts to
/// keys at once, and shows events and the log at most ten times a second, or five times over a network.
@MainActor
final class DashboardLoop {
    /// How the user left the dashboard.
    enum Ending: Equatable { case quit, detached, cancelled }

    /// Reopens a run that has ended or was interrupted, as the user has confirmed, and sends messages while it does.
    ///
    /// - Returns: The run, which this process runs from then on.
    typealias Reopening =
        @MainActor (
            DashboardLoop, RunID, RunCommand?, ReopenAgreement, _ notify: @escaping @Sendable (EventHub.Notice) -> Void
        ) async throws -> ShownRun

    let terminal: Terminal
    var shown: ShownRun
    private let reopen: Reopening?
    /// The task that reopens the run; nil once it has.
    private(set) var reopeningTask: Task<Void, Never>?
    var pump: Task<Void, Never>?
    var index: LogIndex
    /// The lines that a replay has come to; nil for a run that is shown as it is.
    var replayed: LogLinesUntil?
    var reducer: DashboardReducer
    var state: DashboardState
    /// What was shown before another run was opened from it.
    var left: Left?
    var feed = EventFeed()
    let events: ScreenEvents
    private var wake: AsyncStream<Void>.Continuation { events.wake }
    private var interruption: Interruption?
    private var ending: Ending?
    private var answers: [CommandAnswer] = []
    private var lastData = ContinuousClock.now - .seconds(1)
    /// The next scheduled wake-up.
    private var alarm: (at: ContinuousClock.Instant, task: Task<Void, Never>)?
    /// Whether the log had grown at the last check; the next check is then sooner.
    var logIsGrowing = false
    /// The version of the index at the last check.
    private var logVersion = 0
    /// The task that reads the log; nil when none does.
    private var logReading: Task<Void, Never>?
    private var quitsWhenEnded = false
    /// What presses keys until the user presses one.
    var tour: DemoScript?
    /// When other lines of the log were asked for that are not known yet.
    private var logAskedAt: ContinuousClock.Instant?
    /// The time up to which the log is shown in a replay.
    var replayedTo = Int64.min
    /// The task that lays out a picture of the graph; nil when none does.
    var layingOut: Task<Void, Never>?
    /// The task that looks details up; nil when none does.
    var lookingUp: Task<Void, Never>?
    /// The question that the user was asked last.
    private var asked: (request: ConfirmationRequest, about: Standing)?
    /// What the answers to a question depend on, of the run.
    private struct Standing: Equatable {
        let isLive: Bool
        let status: RunState.Status

        init(_ state: DashboardState) { (isLive, status) = (state.isLive, state.run.status) }
    }

    /// A question to ask again once it is known here that no process runs the run any more.
    private var askedTooLate: (run: RunID, request: ConfirmationRequest)?
    /// Corrected rows that a stage is run again with.
    var replayedRows: ReplayedRows?
    /// Rows to be corrected further.
    var begunRows: BegunRows?
    private let terminalSignals: TerminalSignals
    /// Until then keys are dropped, because a question has closed by itself.
    private var deafUntil = ContinuousClock.now
    private static let deafness = Duration.milliseconds(600)

    /// How long a frame waits for lines of the log that were asked for.
    private static let logPatience = Duration.milliseconds(40)

    /// `reopen`: reopens a run; nil where runs are only looked at.
    init(_ shown: ShownRun, terminal: Terminal, isReadOnly: Bool, reopen: Reopening? = nil) {
        self.terminal = terminal
        self.shown = shown
        self.reopen = reopen
        index = LogIndex(folder: shown.folder.logs)
        replayed = shown.replay == nil ? nil : LogLinesUntil(index)
        reducer = DashboardReducer(lines: replayed ?? index)
        let size = terminal.size
        state = DashboardState(
            shown.initial, now: SystemClock.now, rows: size.rows, columns: size.columns, isReadOnly: isReadOnly,
            isASCII: terminal.isASCII, ownsRun: shown.isOwn, isLive: shown.isLive, hasMouse: terminal.hasMouse)
        state.replay = shown.replay
        (state.keys, state.laysOutAside) = (terminal.settings.keys, true)
        state.hint = CommandHint(shown.past.store.folder)
        // Of a run that was not seen failing, the first failure is what one wants to see.
        if !shown.isOwn, shown.replay == nil, let failed = state.digest.failed.first { state.select(UnitID(failed)) }
        terminalSignals = TerminalSignals(
            isTmux: ProcessInfo.processInfo.environment["TMUX"] != nil, always: terminal.settings.signals)
        events = ScreenEvents(terminal)
        index.show(state.log.shown)
    }

    /// Shows the run until the user leaves.
    ///
    /// `first`: an effect to carry out at once.
    func run(first: DashboardEffect? = nil) async -> Ending {
        listen()
        receiveUpdates()
        if let first { carryOut(first) }
        terminal.send("\u{1b}]0;caudal \(PlainText.sanitized(state.run.plan.pipeline))\u{07}")
        paint()
        wake.yield()
        for await _ in events.wakes {
            receive()
            if ending != nil { break }
            setAlarm(in: idleTime)
        }
        reopeningTask?.cancel()
        await reopeningTask?.value
        pump?.cancel()
        left?.pump?.cancel()
        terminal.showProgress(nil)
        // The terminal has closed, or the program is to end.
        await events.takeBack()
        events.stop()
        interruption = nil
        alarm?.task.cancel()
        return ending ?? .quit
    }

    // MARK: - Input

    private func listen() {
        events.listen()
        // A process that runs the run handles interrupts itself: see ``quitWhenEnded()``.
        if !shown.isOwn { interruption = Interruption { [act] in act { $0.ending = .quit } } }
        listenToHangups()
    }

    /// Leaves the screen when the terminal closes; the run continues without one.
    ///
    /// Whoever handles interrupts ignores hangups, and of several listeners the newest is called: so it comes last.
    private func listenToHangups() { events.handle([SIGHUP]) { [weak self] in self?.ending = .detached } }

    /// Receives updates of the run from now on, and drops those of an earlier subscription.
    func receiveUpdates() {
        pump?.cancel()
        let (updates, feed) = (shown.updates, EventFeed())
        feed.onPost = { [wake] in _ = wake.yield() }
        self.feed = feed
        // A detached task: waking the main actor for every batch would cost more than drawing.
        pump = Task.detached { for await update in updates { feed.post(update) } }
    }

    /// Runs an action on the main actor and wakes the loop; may be called on any thread, and does not block.
    var act: @Sendable (@escaping @MainActor (DashboardLoop) -> Void) -> Void {
        { [weak self, wake] action in
            Task { @MainActor in
                if let self { action(self) }
                wake.yield()
            }
        }
    }

    /// Closes the screen once the run, which was asked to stop, has ended.
    ///
    /// - Returns: Whether the screen is still open.
    func quitWhenEnded() -> Bool {
        // The run that stops is the one that is shown then.
        goBack()
        quitsWhenEnded = true
        wake.yield()
        return ending == nil
    }

    /// Takes in everything that has come, and paints what has changed.
    private func receive() {
        guard var (isUrgent, hasAsked) = receiveKeys() else {
            ending = .detached
            return
        }
        for answer in answers { send(.answer(answer)) }
        isUrgent = isUrgent || !answers.isEmpty
        answers = []
        if ending != nil { return }

        let now = ContinuousClock.now
        let interval = Duration.milliseconds(frameInterval)
        let isDue = now - lastData >= interval
        if isDue {
            hasAsked = receiveNews(now) || hasAsked
            pressForTour()
        }
        showReplayedLines()
        if isDue { terminal.showProgress(progress) }
        if isUrgent || isDue {
            lookUpFailure()
            lookUpDetails()
        }
        if logAskedAt != nil, index.isComplete {
            logAskedAt = nil
            send(.log)
        }
        // The user pressed these keys before the question is shown; those that follow its picture are answers.
        if hasAsked { terminal.discardKeys() }
        // Lines of a log that is not long are there in the next moment: no frame without them.
        if let asked = logAskedAt, now - asked < Self.logPatience {
            setAlarm(in: Self.logPatience)
        } else if isUrgent || isDue || terminal.isBehind || logAskedAt != nil {
            logAskedAt = nil
            paint()
        }
        if !isDue { setAlarm(in: interval - (now - lastData)) }
    }

    /// Takes in keys and the size of the screen.
    ///
    /// - Returns: Whether the next frame must not wait, and whether a key has opened a question; nil if the terminal has closed.
    private func receiveKeys() -> (isUrgent: Bool, hasAsked: Bool)? {
        let hadFocus = terminal.hasFocus
        guard let keys = events.readKeys() else { return nil }
        // Whoever comes back sees what is, at once.
        var isUrgent = terminal.hasFocus && !hadFocus
        if let size = events.newSize() {
            send(.resized(rows: size.rows, columns: size.columns))
            isUrgent = true
        }
        var hasAsked = false
        if !keys.isEmpty, tour != nil { (tour, state.caption) = (nil, nil) }
        for key in keys where !hasAsked && ContinuousClock.now >= deafUntil {
            let wasAsking = state.isAsking
            send(.key(key))
            isUrgent = true
            hasAsked = state.isAsking && !wasAsking
        }
        return (isUrgent, hasAsked)
    }

    /// Takes in what has happened in the run and in its log since the last time.
    ///
    /// - Returns: Whether a question was asked again because of it.
    private func receiveNews(_ now: ContinuousClock.Instant) -> Bool {
        let elapsed = (now - lastData).milliseconds
        lastData = now
        for update in feed.drain() {
            send(.update(update))
            guard case .events(let events) = update else { continue }
            replayedRowsHaveEnded(events)
            let signals = terminalSignals.bytes(for: events, of: state.run)
            if !signals.isEmpty { terminal.send(signals) }
        }
        // Its last events have come before the news that it is gone.
        if let late = askedTooLate, late.run == state.run.id, !state.isLive {
            askedTooLate = nil
            prepare(late.request)
            state.say("no process runs the run any more: from here on this one would", .wait)
        }
        let hasAsked = askAnew()
        readLog()
        let version = index.version
        logIsGrowing = version != logVersion || !index.isComplete
        logVersion = version
        if logIsGrowing || state.log.awaitsHit || state.log.anchor != nil { send(.log) }
        if state.replay == nil {
            (state.warnings, state.errors) = (index.warnings, index.errors)
            send(.tick(SystemClock.now))
        } else {
            send(.passed(elapsed))
        }
        if quitsWhenEnded, state.run.status != .running { ending = .cancelled }
        return hasAsked
    }

    /// Presses the key that a tour comes to, and shows what it says.
    private func pressForTour() {
        guard tour != nil else { return }
        if let key = tour?.next(state, now: SystemClock.now.steady) { send(.key(key)) }
        state.caption = tour?.caption
    }

    /// Shows the lines of the log that a replay has come to.
    private func showReplayedLines() {
        guard let replayed, let replay = state.replay, replay.time.wall != replayedTo || logIsGrowing else { return }
        if replay.time.wall != replayedTo {
            replayedTo = replay.time.wall
            replayed.show(until: replayedTo)
            send(.log)
        }
        (state.warnings, state.errors) = index.troubles(until: replayedTo)
    }

    /// Reads and searches the log on another thread, which takes as long as it takes.
    func readLog() {
        guard logReading == nil else { return }
        let (index, act) = (index, act)
        // A detached task: the main actor draws meanwhile.
        logReading = Task.detached { [weak self] in
            let before = index.version
            let hasMore = index.work()
            let hasFound = index.version != before
            await MainActor.run {
                self?.logReading = nil
                // Another run may be shown by now.
                if hasMore || self?.index !== index { self?.readLog() }
            }
            // The loop is woken only for what it can show.
            if hasFound { act { _ in } }
        }
    }

    func send(_ input: DashboardInput) {
        for effect in reducer.reduce(&state, input) { carryOut(effect) }
    }

    func carryOut(_ effect: DashboardEffect) {
        switch effect {
        case .prepare(let request): prepare(request)
        case .send(let command): ask(command)
        case .reopen(let command, let agreement): reopenRun(command, agreement)
        case .quit: ending = .quit
        case .detach: ending = .detached
        case .cancelAndQuit:
            guard shown.isOwn else { return ending = .quit }
            quitsWhenEnded = true
            if state.run.status == .running { carryOut(.send(.cancelRun)) } else { ending = .cancelled }
        case .suspend: events.suspend()
        case .redraw: terminal.resize()
        case .copy(let copied): copy(copied)
        case .showLog(let view):
            index.show(view)
            replayed?.lookAgain()
            logAskedAt = logAskedAt ?? .now
            readLog()
        case .page(let unit): page(unit)
        case .printPlainly(let text): printPlainly(text)
        case .edit(let stage): edit(stage)
        case .correct(let stage): correct(stage)
        case .replay(let rows, let effect): replay(rows, effect)
        case .readHistory: readHistory()
        case .compare(let other): compare(with: other)
        case .prepareRestoring(let id): prepareRestoring(id)
        case .restore(let id, let losses): restore(id, losing: losses)
        case .open(let id): open(id)
        case .goBack: goBack()
        case .mouse(let isOn): terminal.setMouse(isOn)
        }
    }

    private func prepare(_ request: ConfirmationRequest) {
        asked = (request, Standing(state))
        let reader = ConfirmationBuilder(
            run: state.run, isLive: state.isLive, isOpenHere: state.isOpenHere, now: state.now,
            files: OutputFiles.finder(in: state.run.plan.root), hint: state.hint,
            previewReopening: shown.previewReopening)
        send(.confirmation(reader.build(request)))
    }

    /// Asks the question on the screen again if the run has begun or ended meanwhile, here or on another screen: its answers
    /// mean something else then.
    ///
    /// - Returns: Whether it did.
    private func askAnew() -> Bool {
        guard let asked, case .confirm(let question) = state.overlay, question.title == asked.request.title,
            asked.about != Standing(state)
        else { return false }
        state.overlay = nil
        prepare(asked.request)
        // What is typed now was meant as an answer.
        if !state.isAsking { deafUntil = .now + Self.deafness }
        if state.isAsking { state.say("the run has changed meanwhile: this is what an answer does now", .wait) }
        return state.isAsking
    }

    /// Sends a command to the run, whichever process runs it.
    private func ask(_ command: RunCommand) {
        let (shown, wake, run) = (shown, wake, state.run.id)
        // The answer arrives as an input; the screen does not wait for it.
        Task { [weak self] in
            do throws(ControlError) {
                if let answer = try await shown.send(command) {
                    self?.receive(answer)
                } else {
                    self?.askAgain(command, of: run)
                }
            } catch {
                self?.receive(.refused(error.description))
            }
            wake.yield()
        }
    }

    /// The process that ran the run ended while the user was asked: by now the same may mean something else, because this
    /// process would take the run up again, so that the user is asked again.
    private func askAgain(_ command: RunCommand, of run: RunID) {
        // Another run may be shown by now.
        guard run == state.run.id, let asked = asked?.request, asked.answers.contains(where: { $0.command == command })
        else {
            return receive(.refused("no process runs the run any more"))
        }
        dropReplayedRows()
        askedTooLate = (run, asked)
    }

    private func receive(_ answer: CommandAnswer) {
        if case .refused = answer { dropReplayedRows() }
        answers.append(answer)
    }

    /// Reopens the run in this process, as the user has confirmed.
    private func reopenRun(_ command: RunCommand?, _ agreement: ReopenAgreement) {
        guard let reopen, reopeningTask == nil else { return }
        state.show(EventHub.Notice(text: "reopening the run …", isStanding: true))
        let (act, wake) = (act, wake)
        reopeningTask = Task { [weak self] in
            guard let self else { return }
            do {
                shown = try await reopen(self, state.run.id, command, agreement) { notice in
                    act { $0.state.show(notice) }
                }
                // A run that was opened from another one takes its place.
                left?.pump?.cancel()
                left = nil
                // A process that runs the run handles interrupts itself: see ``quitWhenEnded()``.
                interruption = nil
                state.follow(shown)
                listenToHangups()
                receiveUpdates()
            } catch is CancellationError {
                // The user has left the screen in between.
            } catch {
                state.notice = nil
                // The session that it had here has ended all the same.
                if state.isOpenHere { state.isLive = false }
                receive(.refused(Output.oneLine(error)))
            }
            reopeningTask = nil
            wake.yield()
        }
    }

    // MARK: - Time

    /// Wakes the loop after a delay, unless something wakes it sooner.
    private func setAlarm(in delay: Duration) {
        let time = ContinuousClock.now + delay
        if let alarm, alarm.at <= time, alarm.at > ContinuousClock.now { return }
        alarm?.task.cancel()
        let wake = wake
        let task = Task {
            // A cancelled sleep belongs to an alarm that was replaced.
            try? await Task.sleep(for: delay)
            if !Task.isCancelled { wake.yield() }
        }
        alarm = (time, task)
    }

    /// The time between two frames that nobody asked for by a key, in milliseconds.
    ///
    /// A screen without the focus may still be looked at, beside another one: it is drawn once a second.
    private var frameInterval: Int64 {
        if !terminal.hasFocus { return 1000 }
        return ProcessInfo.processInfo.environment["SSH_TTY"] == nil ? 100 : 200
    }

    /// How far the run is, for the terminal's tab.
    private var progress: TerminalProgress? {
        guard state.replay == nil, state.home == nil, state.run.status == .running else { return nil }
        let (fraction, failed) = (state.digest.progress.fraction, !state.digest.failed.isEmpty)
        return TerminalProgress(
            kind: failed ? .failed : state.run.isPaused || state.run.isCancelled ? .paused : .normal,
            percent: Int(fraction * 100))
    }

    /// The time until the screen changes without input: a quarter of a second while stages run, a second while the run
    /// is live, and the next minute when it has ended, because the clock shows minutes.
    private var idleTime: Duration {
        if logIsGrowing || terminal.isBehind { return .milliseconds(frameInterval) }
        if tour != nil { return .milliseconds(100) }
        if let replay = state.replay, !replay.isPaused, !replay.isAtEnd { return .milliseconds(100) }
        if state.isMoving { return .milliseconds(terminal.hasFocus ? 250 : 1000) }
        if state.run.status == .running || state.standingToast != nil { return .seconds(1) }
        return .milliseconds(60_000 - SystemClock.now.wall % 60_000)
    }

    func paint() {
        guard !events.isAway else { return }
        terminal.show(DashboardScreen.draw(state, reducer.lines))
        layOut()
    }
}
