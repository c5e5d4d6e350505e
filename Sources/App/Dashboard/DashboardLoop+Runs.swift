import CaudalModel
import Engine

/// Other runs of the pipeline: they are read on other threads, and opened on the same screen.
extension DashboardLoop {
    /// What was shown before another run was opened from it.
    struct Left {
        let shown: ShownRun
        let index: LogIndex
        let replayed: LogLinesUntil?
        let reducer: DashboardReducer
        let state: DashboardState
        let feed: EventFeed
        let pump: Task<Void, Never>?
    }

    /// Looks something up on another thread, and hands the result to the reducer, if the same run is still shown.
    func lookUp(_ look: @escaping @Sendable () throws(StoreError) -> DashboardInput) {
        let (id, act) = (state.run.id, act)
        // A detached task: the main actor draws meanwhile.
        Task.detached {
            let input: DashboardInput
            do throws(StoreError) { input = try look() } catch { input = .said(error.description, .bad) }
            act { loop in
                guard loop.state.run.id == id else { return }
                loop.send(input)
                loop.paint()
            }
        }
    }

    func readHistory() {
        let (past, run) = (shown.past, state.run)
        lookUp { () throws(StoreError) in .history(try past.history(of: run)) }
    }

    func compare(with other: RunID) {
        let (past, run) = (shown.past, state.run)
        lookUp { () throws(StoreError) in .comparison(try past.comparison(of: run, with: other)) }
    }

    /// Opens another run on this screen.
    func open(_ id: RunID) {
        if left?.state.run.id == id { return goBack() }
        guard reopeningTask == nil else { return send(.said("the run is being reopened", .wait)) }
        let (past, act, from) = (shown.past, act, state.run.id)
        state.say("reading run \(id) …")
        // A detached task: a long journal takes a moment.
        Task.detached {
            do throws(StoreError) {
                let found = try past.open(id)
                act { loop in if loop.state.run.id == from { loop.visit(found) } }
            } catch {
                let text = error.description
                act { $0.send(.said(text, .bad)) }
            }
        }
    }

    private func visit(_ found: ShownRun) {
        guard reopeningTask == nil else { return }
        let from = state
        if left == nil {
            left = Left(
                shown: shown, index: index, replayed: replayed, reducer: reducer, state: state, feed: feed, pump: pump)
            // The run goes on, and its updates wait until it is shown again.
            pump = nil
        }
        shown = found
        index = LogIndex(folder: found.folder.logs)
        replayed = nil
        reducer = DashboardReducer(lines: index)
        state = DashboardState(
            visiting: found, from: from, home: left?.state.run.id ?? from.run.id, now: SystemClock.now)
        index.show(state.log.shown)
        receiveUpdates()
        begin()
    }

    /// Goes back to the run from which this one was opened.
    func goBack() {
        guard let left else { return }
        self.left = nil
        pump?.cancel()
        let (size, hasMouse) = ((state.rows, state.columns), state.hasMouse)
        (shown, index, replayed, reducer) = (left.shown, left.index, left.replayed, left.reducer)
        (state, feed, pump) = (left.state, left.feed, left.pump)
        (state.rows, state.columns) = size
        (state.hasMouse, state.overlay, state.toast) = (hasMouse, nil, nil)
        if state.replay == nil { state.now = SystemClock.now }
        begin()
    }

    /// Shows the present run, with its log.
    private func begin() {
        logIsGrowing = true
        replayedTo = .min
        readLog()
        terminal.send("\u{1b}]0;caudal \(PlainText.sanitized(state.run.plan.pipeline))\u{07}")
        paint()
    }
}
