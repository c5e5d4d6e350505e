import CaudalModel
import Engine

/// The history of the pipeline's runs: a run of it is opened, or compared with the one that is shown.
extension DashboardReducer {
    /// Asks for the history.
    func showHistory(_ state: inout DashboardState) -> [DashboardEffect] {
        state.overlay = .history(HistoryPage())
        return [.readHistory]
    }

    /// Lists the runs that were read; the run before the shown one is chosen.
    func receive(_ history: RunHistory, _ state: inout DashboardState) -> [DashboardEffect] {
        // The user may have closed the box.
        guard case .history(var page) = state.overlay, page.history == nil else { return [] }
        let awaited = page.awaited
        page.history = history
        page.choice = history.place(before: state.run) ?? 0
        page.awaited = nil
        state.overlay = .history(page)
        return awaited.map { use($0, &state) } ?? []
    }

    /// Opens the chosen run, or compares it or the last good one with the shown run.
    func use(_ purpose: HistoryPage.Purpose, _ state: inout DashboardState) -> [DashboardEffect] {
        guard case .history(var page) = state.overlay else { return [] }
        guard let history = page.history else {
            // It is carried out once the history was read.
            page.awaited = purpose
            state.overlay = .history(page)
            return []
        }
        switch purpose {
        case .open: return open(page.chosen?.summary.id, &state)
        case .compare: return compare(page.chosen?.summary.id, page, &state)
        case .compareWithLastGood:
            guard let good = history.lastGood(before: state.run) else {
                let place = state.run.plan.environment.map { " in \($0)" } ?? ""
                state.say("no run before this one has succeeded\(place)", .wait)
                return []
            }
            return compare(good, page, &state)
        case .restore: return restore(page.chosen?.summary.id, &state)
        }
    }

    private func restore(_ id: RunID?, _ state: inout DashboardState) -> [DashboardEffect] {
        guard let id else { return [] }
        if state.replay != nil || state.isReadOnly {
            state.say(state.steeringRefusal ?? "", .wait)
            return []
        }
        state.overlay = nil
        return [.prepareRestoring(id)]
    }

    private func open(_ id: RunID?, _ state: inout DashboardState) -> [DashboardEffect] {
        guard let id else { return [] }
        state.overlay = nil
        if id == state.run.id {
            state.say("run \(id) is the one that is shown")
            return []
        }
        return [.open(id)]
    }

    private func compare(_ id: RunID?, _ page: HistoryPage, _ state: inout DashboardState) -> [DashboardEffect] {
        guard let id else { return [] }
        if id == state.run.id {
            state.say("this is the run that is shown: choose another one to compare with", .wait)
            return []
        }
        state.overlay = .comparison(ComparisonPage(other: id, history: page))
        return [.compare(id)]
    }

    /// Shows the differences from the other run, if it is still the one that was asked for.
    func receive(_ comparison: RunComparison, _ state: inout DashboardState) {
        guard case .comparison(var page) = state.overlay, page.other == comparison.there.id else { return }
        page.comparison = comparison
        state.overlay = .comparison(page)
    }

    /// Opens the run that is compared with.
    func openCompared(_ state: inout DashboardState) -> [DashboardEffect] {
        guard case .comparison(let page) = state.overlay else { return [] }
        return open(page.other, &state)
    }
}

extension DashboardState {
    /// Chooses another run of the history.
    mutating func chooseRun(_ step: Int) {
        guard case .history(var page) = overlay, let count = page.history?.runs.count, count > 0 else { return }
        page.choice = max(0, min(page.choice + step, count - 1))
        overlay = .history(page)
    }

    mutating func scrollComparison(_ step: Int) {
        guard case .comparison(var page) = overlay else { return }
        let most = max(0, ComparisonPane.lines(self, page).count - ComparisonPane.height(rows))
        page.scroll = max(0, min(page.scroll + step, most))
        overlay = .comparison(page)
    }

    /// Goes from the comparison back to the history.
    mutating func leaveComparison() {
        guard case .comparison(let page) = overlay else { return }
        overlay = .history(page.history)
    }
}
