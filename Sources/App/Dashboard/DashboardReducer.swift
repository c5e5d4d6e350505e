import Engine

/// Changes the dashboard's state: the only place that decides what a key or an event means.
struct DashboardReducer {
    /// The lines of the log, for searching and filtering.
    let lines: any LogLines
    /// Finds what stages have written, for questions.
    var files: CommandPreview.FileFinder = { _ in [] }
    /// Finds out what taking a run up again comes to that no process runs.
    var reopening: (RunState) throws -> Reopening = { Reopening(state: $0, file: $0.plan.file, change: nil) }

    /// Takes an input in.
    ///
    /// - Returns: What has to be done outside.
    func reduce(_ state: inout DashboardState, _ input: DashboardInput) -> [DashboardEffect] {
        switch input {
        case .events(let events):
            for event in events { apply(event, to: &state) }
            return []
        case .news(let news):
            take(news, &state)
            return []
        case .log:
            state.log.update(lines)
            return []
        case .tick(let now):
            state.now = now
            if state.isMoving { state.frame += 1 }
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

    private func take(_ news: RunNews, _ state: inout DashboardState) {
        switch news {
        case .events(let events): for event in events { apply(event, to: &state) }
        case .alive: state.isLive = true
        case .gone:
            state.isLive = false
            if state.run.status == .running {
                state.run.markInterrupted()
                state.say("the run's process died", .bad)
            }
        case .notice(let notice): state.take(notice)
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
            // The first failure is what one wants to look at, unless somebody is looking at something already.
            let others = state.run.stages.contains { $0.unit.status == .failed && $0.id != id.stage }
            if !others, state.overlay == nil, state.focus == .graph { state.selection = id }
            state.say("\(id) failed — r to retry, enter to see why", .bad)
        case .planChanged(let change, _):
            state.graph = GraphModel(state.run.plan)
            if state.run.stage(state.selection.stage) == nil {
                state.selection = UnitID(state.run.plan.stages.first?.id ?? "")
            }
            let (first, count) = (change.differences.first?.title ?? "", change.differences.count)
            state.say("goes on with a changed file: \(count == 1 ? first : "\(count) changes")", .wait)
        case .runEnded(let outcome):
            state.say("the run has ended: \(outcome.rawValue)", outcome.isSuccess ? .good : .bad)
        default: break
        }
    }

    // MARK: - Keys

    private func keyPressed(_ key: Key, _ state: inout DashboardState) -> [DashboardEffect] {
        switch key {
        case .control("l"): return [.redraw]
        case .control("z"): return [.suspend]
        case .control("c"): return quit(&state)
        case .resize: return []
        default: break
        }
        switch state.overlay {
        case .help(let scroll): return inHelp(key, scroll, &state)
        case .confirm(let confirmation): return inConfirmation(key, confirmation, &state)
        case .prompt(let prompt): return inPrompt(key, prompt, &state)
        case nil: break
        }
        if let effects = anywhere(key, &state) { return effects }
        switch visibleFocus(state) {
        case .graph: return inGraph(key, &state)
        case .stages: return inStages(key, &state)
        case .log: return inLog(key, &state)
        case .inspector: return inInspector(key, &state)
        }
    }

    /// The pane that gets the keys: one that is not on the screen cannot.
    private func visibleFocus(_ state: DashboardState) -> DashboardState.Pane {
        let panes = DashboardLayout(state).panes.map(\.pane)
        return panes.contains(state.focus) ? state.focus : panes.first ?? .graph
    }

    /// Keys that mean the same in every pane.
    private func anywhere(_ key: Key, _ state: inout DashboardState) -> [DashboardEffect]? {
        switch key {
        case .character("q"): return quit(&state)
        case .character("?"): state.overlay = .help(scroll: 0)
        case .character("1"), .character("2"), .character("3"), .character("4"):
            if case .character(let digit) = key, let pane = digit.wholeNumberValue.flatMap(DashboardState.Pane.init) {
                go(to: pane, &state)
            }
        case .tab: cycleFocus(1, &state)
        case .backTab: cycleFocus(-1, &state)
        case .enter: inspect(&state)
        case .escape: back(&state)
        case .character("r"): askToRetry(&state)
        case .character("R"): ask("Retry everything that failed?", [("Retry", .retryFailed)], &state)
        case .character("x"): ask("Cancel \(state.selection)?", no: "No", [("Yes", .cancel(state.selection))], &state)
        case .character("X"): ask("Cancel the run?", no: "No", [("Yes", .cancelRun)], &state)
        case .character("P"):
            guard allowed(&state) else { return [] }
            return [.send(state.run.isPaused ? .unpause : .pause)]
        case .character("e"): selectFailure(1, &state)
        case .character("E"): selectFailure(-1, &state)
        case .character("z"): state.zoomed = state.zoomed == nil ? visibleFocus(state) : nil
        case .character("v"):
            let views = DashboardState.GraphView.allCases
            state.view = views[((views.firstIndex(of: state.view) ?? 0) + 1) % views.count]
            state.say("graph view: \(state.view.rawValue)")
        case .character("L"):
            state.log.only = state.log.only == state.selection ? nil : state.selection
            state.log.refilter(lines)
            go(to: .log, &state)
        case .character("f"):
            let levels: [LogLevel] = [.debug, .warn, .error]
            state.log.level = levels[((levels.firstIndex(of: state.log.level) ?? 0) + 1) % levels.count]
            state.log.refilter(lines)
        case .character("/"): state.overlay = .prompt(Prompt(label: "search the log", text: ""))
        case .character("n"): findNext(1, &state)
        case .character("N"): findNext(-1, &state)
        case .character("y"): return copy(&state)
        case .character("M"):
            state.hasMouse.toggle()
            state.say(
                state.hasMouse
                    ? "the mouse clicks and scrolls here again" : "the mouse selects text now; M takes it back")
            return [.mouse(state.hasMouse)]
        case .paste: state.sayPasted()
        case .wheelUp(let row, _): scroll(at: row, by: -3, &state)
        case .wheelDown(let row, _): scroll(at: row, by: 3, &state)
        case .click(let row, let column): click(row, column, &state)
        default: return nil
        }
        return []
    }

    func allowed(_ state: inout DashboardState) -> Bool {
        if state.isReadOnly {
            state.say("this dashboard is read-only", .wait)
        } else if state.run.status == .interrupted {
            state.say("the run's process died; go on with: caudal resume \(state.run.id)", .wait)
        } else {
            return true
        }
        return false
    }

    func quit(_ state: inout DashboardState) -> [DashboardEffect] {
        guard state.run.status == .running, state.ownsRun else { return [.quit] }
        let attempts = state.run.openAttempts
        let verb = attempts == 1 ? "is" : "are"
        func choice(_ label: String, _ effect: DashboardEffect?, _ text: String) -> Confirmation.Choice {
            .init(label: label, effect: effect, lines: [ToldLine(text: text)])
        }
        state.overlay = .confirm(
            Confirmation(
                title: "Leave while the run goes on?",
                choices: [
                    choice("Stay", nil, "\(attempts.counted("attempt")) \(verb) running."),
                    choice(
                        "Leave, run goes on", .detach,
                        "The run goes on in this terminal, as lines; ctrl-C stops it."),
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

    private func cycleFocus(_ step: Int, _ state: inout DashboardState) {
        let panes = DashboardLayout(state).panes.map(\.pane)
        guard let index = panes.firstIndex(of: visibleFocus(state)) else { return }
        let order = panes.sorted { $0.rawValue < $1.rawValue }
        let place = order.firstIndex(of: panes[index]) ?? 0
        state.focus = order[(place + step + order.count) % order.count]
    }

    private func inspect(_ state: inout DashboardState) {
        if visibleFocus(state) == .inspector { return }
        state.showsInspector = true
        state.inspectorScroll = 0
        state.focus = .inspector
    }

    private func back(_ state: inout DashboardState) {
        if state.zoomed != nil {
            state.zoomed = nil
        } else if !state.log.search.isEmpty, state.focus == .log {
            state.log.search(for: "", lines)
        } else if state.focus == .inspector {
            state.showsInspector = false
            state.focus = .graph
        } else if state.log.isFiltered {
            state.log.only = nil
            state.log.level = .debug
            state.log.refilter(lines)
        } else {
            state.focus = .graph
        }
    }

    private func selectFailure(_ step: Int, _ state: inout DashboardState) {
        let failed = state.run.stages.filter { $0.unit.status == .failed }.map(\.id)
        guard !failed.isEmpty else { return state.say("nothing has failed", .good) }
        let place = failed.firstIndex(of: state.selection.stage) ?? (step > 0 ? -1 : failed.count)
        state.selection = UnitID(failed[(place + step + failed.count) % failed.count])
        state.inspectorScroll = 0
    }

    private func copy(_ state: inout DashboardState) -> [DashboardEffect] {
        let text: String
        if visibleFocus(state) == .log, state.log.count(lines) > 0 {
            let place = state.log.bottom ?? state.log.count(lines) - 1
            text = lines.record(at: state.log.line(at: place))?.message ?? ""
        } else {
            text = InspectorText(state).lines.map { $0.map(\.text).joined() }.joined(separator: "\n")
        }
        state.say("copied \(text.split(separator: "\n").count) lines")
        return [.copy(text)]
    }
}
