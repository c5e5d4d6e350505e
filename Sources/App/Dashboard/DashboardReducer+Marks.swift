import CaudalModel
import Engine

/// Acting on several stages together, and outcomes that are set by hand.
extension DashboardReducer {
    /// Asks before the marked stages rerun together, or what is selected if none is marked.
    func askRetry(_ state: DashboardState) -> [DashboardEffect] {
        let marked = state.markedStages
        if marked.isEmpty { return [.prepare(.retry(state.selection, of: state.selectedStage))] }
        return [.prepare(.retry(marked))]
    }

    /// Lets the user type why the selected stage or item counts as skipped or succeeded.
    func askReason(_ state: inout DashboardState) { state.overlay = .prompt(Prompt(.reason, in: state)) }

    /// Asks which outcome is set, once the reason was typed.
    func acceptReason(_ prompt: Prompt, _ state: inout DashboardState) -> [DashboardEffect] {
        let reason = prompt.text.trimmed
        guard !reason.isEmpty else {
            state.say("no outcome was set: it needs a reason", .wait)
            return []
        }
        return [.prepare(.mark(prompt.before.selection, reason: reason))]
    }
}

extension DashboardState {
    /// The marked stages, in the order of the plan.
    var markedStages: [StageID] {
        marked.isEmpty ? [] : run.plan.stages.map(\.id).filter(marked.contains)
    }

    /// Marks the selected stage, or takes its mark away.
    mutating func markStage() {
        marked.formSymmetricDifference([selection.stage])
        let count = markedStages.count
        say(
            count == 0
                ? "no stage is marked"
                : "\(count.counted("stage")) marked: \(keys.key("retry", "r")) retries them together")
    }

    /// The number of marked stages, for the rule of a pane.
    var markWords: Span? {
        let count = markedStages.count
        return count == 0 ? nil : Span("  \(count) marked", .accent)
    }
}
