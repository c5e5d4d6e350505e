import CaudalModel
import Engine

/// What typing a line of text does.
extension DashboardReducer {
    /// Opens the line in which the focused pane is searched.
    func search(_ state: inout DashboardState) {
        let isLog = DashboardLayout(state).focus == .log
        state.overlay = .prompt(Prompt(isLog ? .logSearch : .stageSearch, in: state))
    }

    /// Goes to the next place of what was searched for last in the focused pane.
    func findNext(_ step: Int, _ state: inout DashboardState) {
        // What no stage has was searched for in the log.
        let isLog = DashboardLayout(state).focus == .log || state.search == nil && !state.log.search.isEmpty
        if isLog { findLine(step, &state) } else { state.selectFound(step) }
    }

    /// Searches and filters while the user types.
    func textChanged(_ state: inout DashboardState) -> [DashboardEffect] {
        guard case .prompt(let prompt) = state.overlay else { return [] }
        switch prompt.purpose {
        case .stageSearch:
            state.findStages(prompt.text)
            if state.search?.found.isEmpty ?? true { state.show(prompt.before.selection) }
            return []
        case .stageFilter:
            state.filterStages(prompt.text)
            return []
        case .logSearch: return showLog(&state) { $0.search = prompt.text }
        case .logFilter: return filterLog(prompt.text, from: prompt.before.log.shown, &state)
        case .reason: return []
        }
    }

    private func filterLog(
        _ text: String, from view: LogIndex.View, _ state: inout DashboardState
    ) -> [DashboardEffect] {
        let filter = LogFilter(text, changing: view, in: state)
        state.log.filterText = text
        return showLog(&state) { $0 = filter.view }
    }

    /// Keeps what was typed.
    func acceptText(_ state: inout DashboardState) -> [DashboardEffect] {
        guard case .prompt(let prompt) = state.overlay else { return [] }
        // What was said before is about something else.
        (state.overlay, state.toast) = (nil, nil)
        switch prompt.purpose {
        case .stageSearch: return acceptStage(prompt, &state)
        case .stageFilter:
            state.filterStages(prompt.text)
            if state.listed.isEmpty { state.say("no stage fits '\(prompt.text)'", .wait) }
            return []
        case .logSearch: return searchLog(prompt.text, &state)
        case .reason: return acceptReason(prompt, &state)
        case .logFilter:
            if let fault = LogFilter(prompt.text, changing: prompt.before.log.shown, in: state).fault {
                state.say(fault, .wait)
            }
            return filterLog(prompt.text, from: prompt.before.log.shown, &state)
        }
    }

    private func acceptStage(_ prompt: Prompt, _ state: inout DashboardState) -> [DashboardEffect] {
        guard !prompt.text.isEmpty else { return [] }
        if let search = state.search, !search.found.isEmpty {
            let count = search.found.count
            state.say("found \(state.selection)" + (count > 1 ? ", 1 of \(count): n goes to the next" : ""))
            return []
        }
        // What is the name of no stage is looked for in the log.
        state.search = nil
        go(to: .log, &state)
        return searchLog(prompt.text, &state)
    }

    func searchLog(_ text: String, _ state: inout DashboardState) -> [DashboardEffect] {
        if let fault = LogSearch(text)?.fault {
            state.say("searched as text: '\(text)' \(fault.words)", .wait)
        }
        state.log.awaitsHit = !text.isEmpty
        let effects = showLog(&state) { $0.search = text }
        if effects.isEmpty { logHasGrown(&state) }
        return effects
    }

    /// Goes back to what was before the user typed.
    func leavePrompt(_ state: inout DashboardState) -> [DashboardEffect] {
        guard case .prompt(let prompt) = state.overlay else { return [] }
        state.overlay = nil
        let before = prompt.before
        switch prompt.purpose {
        case .stageSearch:
            state.search = before.search
            state.select(before.selection)
            return []
        case .stageFilter:
            state.filter = before.filter
            state.select(before.selection)
            return []
        case .logSearch, .logFilter:
            let changed = state.log.shown != before.log.shown
            state.log = before.log
            return changed ? [.showLog(before.log.shown)] : []
        case .reason: return []
        }
    }

    /// Goes through what was found while the user types.
    func chooseFound(_ step: Int, _ state: inout DashboardState) {
        guard case .prompt(let prompt) = state.overlay else { return }
        switch prompt.purpose {
        case .stageSearch: if state.search?.found.isEmpty == false { state.selectFound(step) }
        case .stageFilter:
            let rows = state.listed
            let place = (rows.firstIndex(of: state.selection) ?? -1) + step
            if rows.indices.contains(place) { state.select(rows[place]) }
        case .logSearch: if lines.hits > 0 { findLine(step, &state) }
        case .logFilter: moveInLog(step, &state)
        case .reason: break
        }
    }
}
