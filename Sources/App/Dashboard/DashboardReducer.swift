import CaudalModel
import Engine

/// Changes the dashboard's state: the only place that decides what a key or an event means.
///
/// It reads no files: whatever needs files is an effect, and its result is an input.
struct DashboardReducer: ScreenReducer {
    typealias State = DashboardState
    typealias Effect = DashboardEffect

    /// The lines of the log, for filtering; their text is not read here.
    let lines: any LogLines

    /// Processes an input.
    ///
    /// - Returns: Work to do outside of the reducer.
    func reduce(_ state: inout DashboardState, _ input: DashboardInput) -> [DashboardEffect] {
        switch input {
        case .events(let events):
            for event in events { apply(event, to: &state) }
            return []
        case .update(let update):
            receive(update, &state)
            return []
        case .log:
            showAwaitedHit(&state)
            return []
        case .tick(let now):
            state.now = now
            if state.isMoving { state.frame += 1 }
            return []
        case .confirmation(.question(let question)):
            state.overlay = .confirm(question)
            return []
        case .confirmation(.refusal(let text, let style)):
            state.say(text, style)
            return []
        case .answer(let answer):
            switch answer {
            case .accepted(let text): state.say(text, .good)
            case .refused(let text): state.say(text, .wait)
            }
            return []
        case .resized(let rows, let columns):
            (state.rows, state.columns) = (rows, columns)
            return []
        case .key(let key): return keyPressed(key, &state)
        }
    }

    private func receive(_ update: RunUpdate, _ state: inout DashboardState) {
        switch update {
        case .events(let events): for event in events { apply(event, to: &state) }
        case .alive: state.isLive = true
        case .gone:
            state.isLive = false
            if state.run.status == .running {
                state.run.markInterrupted()
                state.say("the run's process died", .bad)
            }
        case .notice(let notice): state.show(notice)
        case .fault(let error): state.say(error.description, .bad)
        }
    }

    private func apply(_ event: RunEvent, to state: inout DashboardState) {
        state.run.apply(event)
        if event.time.steady > state.now.steady { state.now = event.time }
        switch event.change {
        case .unitEnded(let id, .failed, _) where state.isAllowedFailure(id):
            state.say("\(id) failed (allowed) — r to retry", .wait)
        case .unitEnded(let id, .failed, _) where id.item == nil:
            // Selects the first failure, unless the user is looking at something else.
            let others = state.run.stages.contains { $0.unit.status == .failed && $0.id != id.stage }
            if !others, state.overlay == nil, state.focus == .graph { state.selection = id }
            state.say("\(id) failed — r to retry, enter to see why", .bad)
        case .planChanged(let change, _):
            state.graph = GraphModel(state.run.plan)
            if state.run.stage(state.selection.stage) == nil {
                state.selection = UnitID(state.run.plan.stages.first?.id ?? "")
            }
            let (first, count) = (change.differences.first?.title ?? "", change.differences.count)
            state.say("continues with a changed file: \(count == 1 ? first : "\(count) changes")", .wait)
        case .runEnded(let outcome):
            state.say("the run has ended: \(outcome.rawValue)", outcome.isSuccess ? .good : .bad)
        default: break
        }
    }

    // MARK: - Keys and the mouse

    private func keyPressed(_ key: Key, _ state: inout DashboardState) -> [DashboardEffect] {
        switch key {
        case .resize: return []
        case .character(let character): if state.type(String(character)) { return [] }
        case .paste(let text):
            if !state.type(text) { state.sayPasted() }
            return []
        default: break
        }
        if let effects = press(key, in: DashboardKeys.bindings(state), &state) { return effects }
        switch state.overlay {
        case .help: state.overlay = nil
        case .confirm, .prompt: break
        case nil: useMouse(key, &state)
        }
        return []
    }

    private func useMouse(_ key: Key, _ state: inout DashboardState) {
        let layout = DashboardLayout(state)
        func turn(_ row: Int, _ direction: Int) {
            guard let frame = layout.panes.first(where: { $0.rows.contains(row) }) else { return }
            let kind = layout.kind(of: frame.pane)
            kind.scroll(direction * kind.wheelStep, self, &state)
        }
        switch key {
        case .wheelUp(let row, _): turn(row, -1)
        case .wheelDown(let row, _): turn(row, 1)
        case .click(let row, let column):
            guard let frame = layout.panes.first(where: { $0.rows.contains(row) && $0.columns.contains(column) })
            else { return }
            state.focus = frame.pane
            let (line, place) = (row - frame.rows.lowerBound - 1, column - frame.columns.lowerBound)
            guard line >= 0 else { return }
            let view = PaneView(state: state, lines: lines, layout: layout, frame: frame)
            layout.kind(of: frame.pane).click(line, place, view, &state)
        default: break
        }
    }

    func quit(_ state: inout DashboardState) -> [DashboardEffect] {
        guard state.run.status == .running, state.ownsRun else { return [.quit] }
        let attempts = state.run.openAttempts
        let verb = attempts == 1 ? "is" : "are"
        func choice(_ label: String, _ effect: DashboardEffect?, _ text: String) -> Confirmation.Choice {
            .init(label: label, effect: effect, lines: [LabelledLine(text: text)])
        }
        state.overlay = .confirm(
            Confirmation(
                title: "Leave while the run is live?",
                choices: [
                    choice("Stay", nil, "\(attempts.counted("attempt")) \(verb) running."),
                    choice(
                        "Leave, keep it running", .detach,
                        "The run continues in this terminal, printing lines; ctrl-C stops it."),
                    choice(
                        "Cancel the run", .cancelAndQuit,
                        "\(attempts.counted("running attempt")) \(verb) stopped and the run ends as cancelled."),
                ]))
        return []
    }

    func go(to pane: DashboardState.Pane, _ state: inout DashboardState) {
        state.focus = pane
        if state.zoomed != nil { state.zoomed = pane }
        if pane == .inspector { state.showsInspector = true }
        if pane == .log { state.showsInspector = false }
    }

    func cycleFocus(_ step: Int, _ state: inout DashboardState) {
        let layout = DashboardLayout(state)
        let order = layout.panes.map(\.pane).sorted { $0.rawValue < $1.rawValue }
        guard let place = order.firstIndex(of: layout.focus) else { return }
        state.focus = order[(place + step + order.count) % order.count]
    }

    func inspect(_ state: inout DashboardState) {
        if DashboardLayout(state).focus == .inspector { return }
        state.showsInspector = true
        state.inspectorScroll = 0
        state.focus = .inspector
    }

    func back(_ state: inout DashboardState) -> [DashboardEffect] {
        if state.zoomed != nil {
            state.zoomed = nil
        } else if !state.log.search.isEmpty, state.focus == .log {
            return show(&state) { $0.search = "" }
        } else if state.focus == .inspector {
            state.leaveInspector()
        } else if state.log.isFiltered {
            return show(&state) { ($0.unit, $0.level) = (nil, .debug) }
        } else if !state.filter.isEmpty {
            state.filter = StageFilter()
        } else if state.highlight != nil {
            state.highlight = nil
        } else {
            state.focus = .graph
        }
        return []
    }

    /// Carries out the focused choice.
    func accept(_ state: inout DashboardState) -> [DashboardEffect] {
        guard case .confirm(let question) = state.overlay else { return [] }
        guard question.isAllowed else {
            state.say("type \(question.requiredText ?? "") to confirm", .wait)
            return []
        }
        state.overlay = nil
        return question.chosen.effect.map { [$0] } ?? []
    }

    // MARK: - The log

    /// Changes what is shown of the log.
    private func show(
        _ state: inout DashboardState, _ change: (inout LogIndex.View) -> Void
    ) -> [DashboardEffect] {
        let before = state.log.shown
        change(&state.log.shown)
        // Lines have new numbers.
        if (before.level, before.unit) != (state.log.level, state.log.filteredUnit) { state.log.bottom = nil }
        return [.showLog(state.log.shown)]
    }

    /// Shows only the lines of the selected stage, or all lines again.
    func narrowLog(_ state: inout DashboardState) -> [DashboardEffect] {
        let unit = state.log.filteredUnit == state.selection ? nil : state.selection
        go(to: .log, &state)
        return show(&state) { $0.unit = unit }
    }

    func changeLevel(_ state: inout DashboardState) -> [DashboardEffect] {
        let levels: [LogLevel] = [.debug, .warn, .error]
        let next = levels[((levels.firstIndex(of: state.log.level) ?? 0) + 1) % levels.count]
        return show(&state) { $0.level = next }
    }

    /// Searches for the typed text, or keeps the filter that was typed.
    func acceptText(_ state: inout DashboardState) -> [DashboardEffect] {
        guard case .prompt(let prompt) = state.overlay else { return [] }
        state.overlay = nil
        if prompt.purpose == .stageFilter {
            state.filterStages(prompt.text)
            if state.listed.isEmpty { state.say("no stage fits '\(prompt.text)'", .wait) }
            return []
        }
        state.log.awaitsHit = !prompt.text.isEmpty
        return show(&state) { $0.search = prompt.text }
    }

    /// Goes to the last match once all lines are searched, or says that there is none.
    private func showAwaitedHit(_ state: inout DashboardState) {
        guard state.log.awaitsHit, lines.isComplete else { return }
        state.log.awaitsHit = false
        go(to: .log, &state)
        if lines.hits == 0 {
            state.say("'\(state.log.search)' is not in the log", .wait)
        } else {
            findNext(-1, &state)
        }
    }

    /// Goes to the next match, or to the previous one if `step` is negative.
    func findNext(_ step: Int, _ state: inout DashboardState) {
        guard lines.hits > 0, lines.count > 0 else { return state.say("no search yet: press / to search") }
        let current = state.log.bottom ?? lines.count - 1
        let isAtEnd = state.log.bottom == nil && step < 0
        let found =
            step > 0
            ? lines.hit(from: current, forward: true) ?? lines.hit(from: -1, forward: true)
            : lines.hit(from: isAtEnd ? lines.count : current, forward: false)
                ?? lines.hit(from: lines.count, forward: false)
        if let found { state.log.bottom = found }
    }

    func copy(_ state: inout DashboardState) -> [DashboardEffect] {
        if DashboardLayout(state).focus == .log, lines.count > 0 {
            state.say("copied 1 line")
            return [.copyLine(state.log.bottom ?? lines.count - 1)]
        }
        let text = InspectorText(state).lines.map { $0.map(\.text).joined() }.joined(separator: "\n")
        state.say("copied \(text.split(separator: "\n").count) lines")
        return [.copy(text)]
    }
}
