import CaudalModel
import Engine
import Foundation

/// Changes the dashboard's state: the only place that decides what a key or an event means.
///
/// It reads no files: whatever needs files is an effect, and its result is an input.
struct DashboardReducer: ScreenReducer {
    typealias State = DashboardState
    typealias Effect = DashboardEffect

    /// The lines of the log as they are known; asking for one waits for nothing.
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
            logHasGrown(&state)
            return []
        case .tick(let now):
            state.now = now
            if state.isMoving { state.frame += 1 }
            return []
        case .passed(let milliseconds):
            state.replay?.pass(milliseconds)
            state.toast?.left -= milliseconds
            state.showReplay()
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
        case .said(let text, let style):
            state.say(text, style)
            return []
        case .edited(let isChanged, let gone): return edited(isChanged, gone, &state)
        case .corrected(let rows): return corrected(rows, &state)
        case .history(let history): return receive(history, &state)
        case .comparison(let comparison):
            receive(comparison, &state)
            return []
        case .details(let details):
            state.details = details
            return []
        }
    }

    private func receive(_ update: RunUpdate, _ state: inout DashboardState) {
        switch update {
        case .events(let events): for event in events { apply(event, to: &state) }
        case .alive:
            // What was said of a process that died is about another one.
            if !state.isLive { state.toast = nil }
            state.isLive = true
        case .gone:
            state.isLive = false
            if state.run.status == .running {
                state.run.markInterrupted()
                state.say("the run's process died", .bad)
            }
        case .notice(let notice): state.show(notice)
        case .fault(let error): state.lose(error, hasEnded: !state.ownsRun)
        case .failed(let error): state.lose(error, hasEnded: true)
        }
    }

    private func apply(_ event: RunEvent, to state: inout DashboardState) {
        state.run.apply(event)
        if event.time.steady > state.now.steady { state.now = event.time }
        switch event.change {
        case .unitEnded(let id, .failed, _) where state.isAllowedFailure(id):
            state.say("\(id) failed (allowed) — \(state.keys.key("retry", "r")) to retry", .wait)
        case .unitEnded(let id, .failed, _) where id.item == nil:
            // Selects the first failure, unless the user is looking at something else.
            let others = state.run.stages.contains {
                $0.unit.status == .failed && $0.id != id.stage && !state.run.isAllowedFailure($0.id)
            }
            if !others, state.overlay == nil, state.focus == .graph { state.selection = id }
            let words =
                state.selection == id
                ? "\(state.keys.key("retry", "r")) to retry, enter to see why"
                : "\(state.keys.key("next-failure", "e")) goes to it"
            state.say("\(id) failed — \(words)", .bad)
        case .planChanged(let change, _):
            state.graph = GraphModel(state.run.plan)
            if state.run.stage(state.selection.stage) == nil {
                let new = change.differences.filter { $0.kind == .added }.compactMap(\.stage)
                state.selection = UnitID(new.count == 1 ? new[0] : state.run.plan.stages.first?.id ?? "")
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
        case _ where DashboardLayout(state).isTiny: return leaveTiny(key, state)
        case .character(let character): if state.type(String(character)) { return textChanged(&state) }
        case .line(let text) where state.takesLines:
            return keyPressed(.paste(text), &state) + keyPressed(.enter, &state)
        case .paste(let text), .line(let text):
            if state.type(text) { return textChanged(&state) }
            state.sayPasted()
            return []
        default: break
        }
        if let effects = press(key, in: DashboardKeys.bindings(state), &state) { return effects }
        // In a box with lines, the wheel does what the keys for a line do.
        switch (state.overlay, key) {
        case (.help, .wheelDown), (.history, .wheelDown), (.comparison, .wheelDown), (.palette, .wheelDown):
            return keyPressed(.down, &state)
        case (.help, .wheelUp), (.history, .wheelUp), (.comparison, .wheelUp), (.palette, .wheelUp):
            return keyPressed(.up, &state)
        default: break
        }
        switch state.overlay {
        case .help, .copying: state.overlay = nil
        case .confirm, .prompt, .palette, .history, .comparison, .limits: break
        case nil: useMouse(key, &state)
        }
        return []
    }

    /// On a screen without room for a question the only thing that a key can do is to leave; a run of this process goes on.
    private func leaveTiny(_ key: Key, _ state: DashboardState) -> [DashboardEffect] {
        let quit = state.keys.keys["quit"] ?? ["q"]
        guard key == .control("c") || quit.contains(key) else { return [] }
        if state.home != nil { return [.goBack] }
        let isOwn = state.run.status == .running && state.ownsRun && state.replay == nil
        return [isOwn ? .detach : .quit]
    }

    private func useMouse(_ key: Key, _ state: inout DashboardState) {
        let layout = DashboardLayout(state)
        func turn(_ row: Int, _ column: Int, _ direction: Int) {
            guard let frame = layout.panes.first(where: { $0.rows.contains(row) && $0.columns.contains(column) })
            else { return }
            let kind = layout.kind(of: frame.pane)
            kind.scroll(direction * kind.wheelStep, self, &state)
        }
        switch key {
        case .wheelUp(let row, let column): turn(row, column, -1)
        case .wheelDown(let row, let column): turn(row, column, 1)
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
        if state.home != nil { return [.goBack] }
        guard state.run.status == .running, state.ownsRun, state.replay == nil else { return [.quit] }
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
        let order =
            layout.isTabbed
            ? DashboardState.Pane.allCases : layout.panes.map(\.pane).sorted { $0.rawValue < $1.rawValue }
        guard let place = order.firstIndex(of: layout.focus) else { return }
        state.focus = order[(place + step + order.count) % order.count]
    }

    /// Inspects the selected stage, or that of the current line of the log.
    func inspect(_ state: inout DashboardState) {
        let focus = DashboardLayout(state).focus
        if focus == .inspector { return }
        if focus == .log {
            guard let unit = lines.record(at: currentLine(state))?.unit else {
                return state.say("this line is of no stage")
            }
            if state.run.unit(unit) != nil { state.show(unit) }
        }
        inspect(.facts, &state)
    }

    /// Shows a part of what is known of the selected stage.
    func inspect(_ tab: InspectorTab, _ state: inout DashboardState) {
        (state.tab, state.inspectorScroll, state.inspectorShift) = (tab, 0, 0)
        go(to: .inspector, &state)
    }

    /// Goes to the next failure, in the log to the next line of an error.
    func nextFailure(_ step: Int, _ state: inout DashboardState) {
        if DashboardLayout(state).focus == .log {
            findError(step, &state)
        } else {
            state.selectFailure(step)
        }
    }

    func back(_ state: inout DashboardState) -> [DashboardEffect] {
        let focus = DashboardLayout(state).focus
        if state.zoomed != nil {
            state.zoomed = nil
        } else if focus == .log, !state.log.picked.isEmpty {
            state.log.picked = []
        } else if focus == .log, !state.log.search.isEmpty {
            return showLog(&state) { $0.search = "" }
        } else if focus == .log, state.log.isFiltered {
            return showWholeLog(&state)
        } else if state.focus == .inspector {
            state.leaveInspector()
        } else if focus != .log, state.search != nil {
            state.search = nil
        } else if !state.filter.isEmpty {
            state.filter = StageFilter()
        } else if !state.pickedStages.isEmpty, focus != .log {
            state.picked = []
        } else if state.highlight != nil {
            state.highlight = nil
        } else if state.log.isFiltered {
            return showWholeLog(&state)
        } else if state.home != nil, state.focus == .graph {
            return [.goBack]
        } else {
            (state.focus, state.search) = (.graph, nil)
        }
        return []
    }

    /// The log to show in the user's pager.
    func page(_ state: DashboardState) -> [DashboardEffect] {
        [.page(DashboardLayout(state).focus == .log ? state.log.filteredUnit : state.selection)]
    }

    /// Offers to retry the stage whose file was changed; where the file has it no more, to go on with the file.
    private func edited(_ isChanged: Bool, _ gone: GoneStage?, _ state: inout DashboardState) -> [DashboardEffect] {
        guard isChanged else {
            state.say("the pipeline file was not changed")
            return []
        }
        if state.isLive, !state.isOpenHere {
            let when =
                state.run.status == .running
                ? "a retry uses it once the run has ended"
                : "a retry uses it once the process that has the run open has ended"
            state.say("\(gone?.words ?? "the file was changed"); \(when)", .wait)
            return []
        }
        guard state.steeringRefusal == nil, state.selectedStage?.unit.status.isFinished == true else {
            state.say(gone?.words ?? "the file was changed", gone == nil ? .plain : .wait)
            return []
        }
        if let gone { return [.prepare(.goOn(without: gone))] }
        return [.prepare(.retry(state.selection, of: state.selectedStage))]
    }

    /// Carries out the focused choice.
    func accept(_ state: inout DashboardState) -> [DashboardEffect] {
        guard case .confirm(let question) = state.overlay else { return [] }
        guard question.isAllowed else {
            state.say("type \(question.requiredText ?? "") to confirm", .wait)
            return []
        }
        state.closeQuestion()
        guard let effect = question.chosen.effect else { return [] }
        state.toast = nil
        if effect.retriesPicked { state.picked = [] }
        return [effect]
    }

    // MARK: - Text to take away

    /// What the focused pane shows, as text without its borders.
    func plainText(_ state: DashboardState) -> String {
        let layout = DashboardLayout(state)
        guard let frame = layout.frame(of: layout.focus) else { return "" }
        switch layout.focus {
        case .log:
            let shown = LogGeometry(frame, state).visible(state.log, lines)
            return shown.compactMap { lines.record(at: $0.line) }.map { $0.plain(in: state.zone) }
                .joined(separator: "\n")
        case .inspector: return InspectorText(state).lines.map { $0.map(\.text).joined() }.joined(separator: "\n")
        case .graph, .stages:
            let buffer = DashboardScreen.draw(state, lines)
            return frame.rows.dropFirst().map { row in
                var text = frame.columns.map { buffer.text(of: buffer[row: row, column: $0]) }.joined()
                while text.last == " " { text.removeLast() }
                return text
            }.joined(separator: "\n")
        }
    }

    func copyCommand(_ state: inout DashboardState) -> [DashboardEffect] {
        state.overlay = nil
        let text = InspectorText.command(of: state)
        return [.copy(.text(text.joined(separator: "\n"), of: "the command of \(state.selection)"))]
    }
}

extension DashboardState {
    /// The command that retries what is selected.
    var retryLine: String { hint("retry \(run.id) \(ShellText.word(selection.description))") }
}

extension LogRecord {
    /// The line as text, with its time, level and source.
    func plain(in zone: TimeZone) -> String {
        let level = self.level.name.uppercased().fitted(5)
        return "\(LocalTime.full(time, in: zone))  \(level)  \(PlainText.sanitized(source))  \(LogPane.text(of: self))"
    }
}
