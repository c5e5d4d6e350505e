import Engine

/// Changes the dashboard's state: the only place that decides what a key or an event means.
struct DashboardReducer {
    /// The lines of the log, for searching and filtering.
    let lines: any LogLines

    /// Takes an input in.
    ///
    /// - Returns: What has to be done outside.
    func reduce(_ state: inout DashboardState, _ input: DashboardInput) -> [DashboardEffect] {
        switch input {
        case .events(let events):
            for event in events { apply(event, to: &state) }
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

    private func apply(_ event: RunEvent, to state: inout DashboardState) {
        state.run.apply(event)
        if event.time.steady > state.now.steady { state.now = event.time }
        switch event.change {
        case .unitEnded(let id, .failed, _) where id.item == nil:
            // The first failure is what one wants to look at, unless somebody is looking at something already.
            let others = state.run.stages.contains { $0.unit.status == .failed && $0.id != id.stage }
            if !others, state.overlay == nil, state.focus == .graph { state.selection = id }
            state.say("\(id) failed — r to retry, enter to see why", .bad)
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
        case .character("R"): ask(.retryFailed, "Retry everything that failed?", &state)
        case .character("x"): ask(.cancel(state.selection), "Cancel \(state.selection)?", &state)
        case .character("X"): ask(.cancelRun, "Cancel the run?", &state)
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
            state.say("the mouse selects text now; M takes it back")
            return [.mouse(false)]
        case .wheelUp(let row, _): scroll(at: row, by: -3, &state)
        case .wheelDown(let row, _): scroll(at: row, by: 3, &state)
        case .click(let row, let column): click(row, column, &state)
        default: return nil
        }
        return []
    }

    private func allowed(_ state: inout DashboardState) -> Bool {
        if state.isReadOnly { state.say("this dashboard is read-only", .wait) }
        return !state.isReadOnly
    }

    private func quit(_ state: inout DashboardState) -> [DashboardEffect] {
        guard state.run.status == .running, state.ownsRun else { return [.quit] }
        let running = state.run.openAttempts
        state.overlay = .confirm(
            Confirmation(
                title: "Leave while the run goes on?",
                lines: { choice in
                    switch choice.effect {
                    case .detach: ["The run goes on in this terminal, as lines; ctrl-C stops it."]
                    case .cancelAndQuit: ["\(running) running attempts are stopped and the run ends as cancelled."]
                    default: ["\(running) attempts are running."]
                    }
                },
                choices: [
                    .init(label: "Stay", effect: nil), .init(label: "Leave, run goes on", effect: .detach),
                    .init(label: "Cancel the run", effect: .cancelAndQuit),
                ]))
        return []
    }

    private func go(to pane: DashboardState.Pane, _ state: inout DashboardState) {
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

// MARK: - Commands

extension DashboardReducer {
    private func askToRetry(_ state: inout DashboardState) {
        guard allowed(&state) else { return }
        let selection = state.selection
        if let key = selection.item {
            return ask(.retryItems(selection.stage, [key]), "Retry \(selection)?", &state)
        }
        let alone = CommandPreview(of: .retry(selection.stage, downstream: false), on: state.run, now: state.now)
        if let refusal = alone.refusal { return state.say(refusal, .wait) }
        let whole = CommandPreview(of: .retry(selection.stage, downstream: true), on: state.run, now: state.now)
        var choices = [
            Confirmation.Choice(label: "Cancel", effect: nil),
            .init(label: "Retry", effect: .send(.retry(selection.stage, downstream: false)), requires: alone.harmful),
        ]
        if whole.refusal == nil, whole.runs != alone.runs {
            choices.append(
                .init(
                    label: "With all downstream", effect: .send(.retry(selection.stage, downstream: true)),
                    requires: whole.harmful))
        }
        let attempt = (state.selectedStage?.unit.attempts.last?.number ?? 0) + 1
        state.overlay = .confirm(
            Confirmation(
                title: "Retry \(selection.stage)?  attempt \(attempt)",
                lines: { choice in
                    guard case .send(.retry(_, let downstream))? = choice.effect else { return PreviewText.lines(alone) }
                    return PreviewText.lines(downstream ? whole : alone)
                },
                choices: choices))
    }

    private func ask(_ command: RunCommand, _ title: String, _ state: inout DashboardState) {
        guard allowed(&state) else { return }
        let preview = CommandPreview(of: command, on: state.run, now: state.now)
        if let refusal = preview.refusal { return state.say(refusal, .wait) }
        state.overlay = .confirm(
            Confirmation(
                title: title, lines: { _ in PreviewText.lines(preview) },
                choices: [
                    .init(label: "No", effect: nil),
                    .init(label: "Yes", effect: .send(command), requires: preview.harmful),
                ]))
    }

    private func inConfirmation(
        _ key: Key, _ confirmation: Confirmation, _ state: inout DashboardState
    ) -> [DashboardEffect] {
        var confirmation = confirmation
        let count = confirmation.choices.count
        switch key {
        case .escape:
            state.overlay = nil
            return []
        case .tab, .right, .down: confirmation.focus = (confirmation.focus + 1) % count
        case .backTab, .left, .up: confirmation.focus = (confirmation.focus + count - 1) % count
        case .backspace: if !confirmation.typed.isEmpty { confirmation.typed.removeLast() }
        case .character(let character) where confirmation.wanted != nil: confirmation.typed.append(character)
        case .character("l"): confirmation.focus = (confirmation.focus + 1) % count
        case .character("h"): confirmation.focus = (confirmation.focus + count - 1) % count
        case .enter:
            guard confirmation.isAllowed else {
                state.say("type \(confirmation.wanted?.rawValue ?? "") to confirm", .wait)
                return []
            }
            state.overlay = nil
            return confirmation.chosen.effect.map { [$0] } ?? []
        default: break
        }
        state.overlay = .confirm(confirmation)
        return []
    }

    private func inPrompt(_ key: Key, _ prompt: Prompt, _ state: inout DashboardState) -> [DashboardEffect] {
        var prompt = prompt
        switch key {
        case .escape:
            state.overlay = nil
            return []
        case .enter:
            state.overlay = nil
            state.log.search(for: prompt.text, lines)
            if prompt.text.isEmpty { return [] }
            go(to: .log, &state)
            if state.log.hits.isEmpty { state.say("'\(prompt.text)' is not in the log", .wait) } else { findNext(-1, &state) }
            return []
        case .backspace: if !prompt.text.isEmpty { prompt.text.removeLast() }
        case .character(let character): prompt.text.append(character)
        default: break
        }
        state.overlay = .prompt(prompt)
        return []
    }

    private func inHelp(_ key: Key, _ scroll: Int, _ state: inout DashboardState) -> [DashboardEffect] {
        switch key {
        case .down, .character("j"): state.overlay = .help(scroll: scroll + 1)
        case .up, .character("k"): state.overlay = .help(scroll: max(0, scroll - 1))
        case .pageDown, .character(" "): state.overlay = .help(scroll: scroll + 10)
        case .pageUp: state.overlay = .help(scroll: max(0, scroll - 10))
        default: state.overlay = nil
        }
        return []
    }
}

// MARK: - Panes

extension DashboardReducer {
    private func select(_ id: UnitID, _ state: inout DashboardState) {
        if id != state.selection { state.inspectorScroll = 0 }
        state.selection = id
    }

    private func inGraph(_ key: Key, _ state: inout DashboardState) -> [DashboardEffect] {
        let layout = DashboardLayout(state)
        if layout.drawsRail { return inRail(key, &state) }
        guard let index = state.selectedIndex, let picture = layout.picture else { return [] }
        let plan = state.run.plan
        func nearest(_ candidates: [Int]) -> Int? {
            candidates.min { abs(picture.frames[$0].row - picture.frames[index].row) < abs(picture.frames[$1].row - picture.frames[index].row) }
        }
        let layer = picture.layers.first { $0.contains(index) } ?? []
        let inLayer = layer.sorted { picture.frames[$0].row < picture.frames[$1].row }
        let place = inLayer.firstIndex(of: index) ?? 0
        var target: Int?
        switch key {
        case .left, .character("h"): target = nearest(plan.upstream[index])
        case .right, .character("l"): target = nearest(plan.downstream[index])
        case .down, .character("j"): target = place + 1 < inLayer.count ? inLayer[place + 1] : below(index, picture)
        case .up, .character("k"): target = place > 0 ? inLayer[place - 1] : above(index, picture)
        case .home, .character("g"): target = picture.layers.first?.first
        case .end, .character("G"): target = picture.layers.last?.first
        case .character(" "): state.unfolded.formSymmetricDifference([state.selection.stage])
        default: break
        }
        if let target { select(UnitID(plan.stages[target].id), &state) }
        return []
    }

    /// The nearest node below, in any layer, when its own layer has none.
    private func below(_ index: Int, _ picture: GraphPicture) -> Int? {
        nearest(index, picture) { picture.frames[$0].row > picture.frames[index].row }
    }

    private func above(_ index: Int, _ picture: GraphPicture) -> Int? {
        nearest(index, picture) { picture.frames[$0].row < picture.frames[index].row }
    }

    private func nearest(_ index: Int, _ picture: GraphPicture, _ fits: (Int) -> Bool) -> Int? {
        let own = picture.frames[index]
        return picture.frames.indices.filter { $0 != index && fits($0) }.min { a, b in
            func distance(_ other: Int) -> Int {
                abs(picture.frames[other].row - own.row) * 2 + abs(picture.frames[other].column - own.column)
            }
            return distance(a) < distance(b)
        }
    }

    private func inRail(_ key: Key, _ state: inout DashboardState) -> [DashboardEffect] {
        move(key, among: RailPane.rows(state).map(\.id), &state)
        return []
    }

    private func inStages(_ key: Key, _ state: inout DashboardState) -> [DashboardEffect] {
        if key == .character("s") {
            let orders = DashboardState.StageOrder.allCases
            state.order = orders[((orders.firstIndex(of: state.order) ?? 0) + 1) % orders.count]
            return []
        }
        move(key, among: state.listed, &state)
        return []
    }

    private func move(_ key: Key, among ids: [UnitID], _ state: inout DashboardState) {
        guard !ids.isEmpty else { return }
        let place = ids.firstIndex(of: state.selection) ?? ids.firstIndex { $0.stage == state.selection.stage } ?? 0
        var next = place
        switch key {
        case .down, .character("j"): next += 1
        case .up, .character("k"): next -= 1
        case .pageDown, .control("d"): next += 10
        case .pageUp, .control("u"): next -= 10
        case .home, .character("g"): next = 0
        case .end, .character("G"): next = ids.count - 1
        case .character(" "):
            let stage = state.selection.stage
            if state.run.stage(stage)?.hasItems == true { state.unfolded.formSymmetricDifference([stage]) }
            if !state.unfolded.contains(stage) { select(UnitID(stage), &state) }
            return
        default: return
        }
        select(ids[min(max(0, next), ids.count - 1)], &state)
    }

    private func inInspector(_ key: Key, _ state: inout DashboardState) -> [DashboardEffect] {
        switch key {
        case .down, .character("j"): state.inspectorScroll += 1
        case .up, .character("k"): state.inspectorScroll = max(0, state.inspectorScroll - 1)
        case .pageDown, .control("d"), .character(" "): state.inspectorScroll += 10
        case .pageUp, .control("u"): state.inspectorScroll = max(0, state.inspectorScroll - 10)
        case .home, .character("g"): state.inspectorScroll = 0
        case .left, .character("h"):
            state.showsInspector = false
            state.focus = .graph
        default: break
        }
        let height = DashboardLayout(state).frame(of: .inspector)?.rows.count ?? 10
        state.inspectorScroll = max(0, min(state.inspectorScroll, InspectorText(state).lines.count - height + 1))
        return []
    }

    private func inLog(_ key: Key, _ state: inout DashboardState) -> [DashboardEffect] {
        let page = max(1, (DashboardLayout(state).frame(of: .log)?.rows.count ?? 10) - 2)
        switch key {
        case .up, .character("k"): scrollLog(-1, &state)
        case .down, .character("j"): scrollLog(1, &state)
        case .pageUp, .control("u"): scrollLog(-page, &state)
        case .pageDown, .control("d"), .character(" "): scrollLog(page, &state)
        case .home, .character("g"): scrollLog(-state.log.count(lines), &state)
        case .end, .character("G"): state.log.bottom = nil
        case .left, .character("h"): state.log.shift = max(0, state.log.shift - 10)
        case .right, .character("l"): state.log.shift += 10
        default: break
        }
        return []
    }

    /// Moves the view of the log; at its end it follows again.
    private func scrollLog(_ step: Int, _ state: inout DashboardState) {
        let count = state.log.count(lines)
        guard count > 0 else { return }
        let page = max(1, (DashboardLayout(state).frame(of: .log)?.rows.count ?? 10) - 1)
        let bottom = (state.log.bottom ?? count - 1) + step
        state.log.bottom = bottom >= count - 1 ? nil : max(min(page, count) - 1, bottom)
    }

    private func findNext(_ step: Int, _ state: inout DashboardState) {
        let hits = state.log.hits
        guard !hits.isEmpty, state.log.count(lines) > 0 else { return state.say("nothing is searched for: / searches") }
        let current = state.log.line(at: state.log.bottom ?? state.log.count(lines) - 1)
        let next: Int
        if step > 0 {
            next = hits.first { $0 > current } ?? hits[0]
        } else {
            next = hits.last { $0 < current || state.log.bottom == nil && $0 <= current } ?? hits[hits.count - 1]
        }
        let place = state.log.matching.map { matching in matching.firstIndex { $0 >= next } ?? matching.count - 1 } ?? next
        state.log.bottom = place
    }

    // MARK: - Mouse

    private func scroll(at row: Int, by step: Int, _ state: inout DashboardState) {
        guard let pane = DashboardLayout(state).panes.first(where: { $0.rows.contains(row) })?.pane else { return }
        switch pane {
        case .log: scrollLog(step, &state)
        case .inspector: state.inspectorScroll = max(0, state.inspectorScroll + step)
        case .stages: move(step > 0 ? .down : .up, among: state.listed, &state)
        case .graph: if DashboardLayout(state).drawsRail { _ = inRail(step > 0 ? .down : .up, &state) }
        }
    }

    private func click(_ row: Int, _ column: Int, _ state: inout DashboardState) {
        let layout = DashboardLayout(state)
        guard let frame = layout.panes.first(where: { $0.rows.contains(row) && $0.columns.contains(column) }) else { return }
        state.focus = frame.pane
        let line = row - frame.rows.lowerBound - 1
        guard line >= 0 else { return }
        switch frame.pane {
        case .graph where layout.drawsRail:
            let rows = RailPane.visibleRows(state, height: frame.rows.count - 1)
            if rows.indices.contains(line) { select(rows[line].id, &state) }
        case .graph:
            guard let picture = layout.picture else { return }
            let place = (row: line + state.graphScroll.row, column: column - frame.columns.lowerBound - 1 + state.graphScroll.column)
            let hit = picture.frames.firstIndex { frame in
                (frame.row..<(frame.row + frame.height)).contains(place.row)
                    && (frame.column..<(frame.column + frame.width)).contains(place.column)
            }
            if let hit { select(UnitID(state.run.plan.stages[hit].id), &state) }
        case .stages:
            let rows = StagePane.visibleRows(state, height: frame.rows.count - 2)
            if line >= 1, rows.indices.contains(line - 1) { select(rows[line - 1], &state) }
        case .log, .inspector: break
        }
    }
}
