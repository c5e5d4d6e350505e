import CaudalModel
import Engine

/// Acting on several stages together, and marking one as skipped or succeeded.
extension DashboardReducer {
    /// Asks before the picked stages rerun together, or what is selected if none is picked.
    func askRetry(_ state: DashboardState) -> [DashboardEffect] {
        let picked = state.pickedStages
        if picked.isEmpty { return [.prepare(.retry(state.selection, of: state.selectedStage))] }
        return [.prepare(.retry(picked))]
    }

    /// Lets the user type why the selected stage or item counts as skipped or succeeded.
    func askReason(_ state: inout DashboardState) { state.overlay = .prompt(Prompt(.reason, in: state)) }

    /// Asks as what the stage is marked, once the reason was typed.
    func acceptReason(_ prompt: Prompt, _ state: inout DashboardState) -> [DashboardEffect] {
        let reason = prompt.text.trimmed
        guard !reason.isEmpty else {
            state.say("nothing was marked: it needs a reason", .wait)
            return []
        }
        return [.prepare(.mark(prompt.before.selection, reason: reason))]
    }
}

extension DashboardState {
    /// The picked stages, in the order of the plan.
    var pickedStages: [StageID] {
        picked.isEmpty ? [] : run.plan.stages.map(\.id).filter(picked.contains)
    }

    /// Picks the selected stage, or drops it.
    mutating func pickStage() {
        picked.formSymmetricDifference([selection.stage])
        let count = pickedStages.count
        say(
            count == 0
                ? "no stage is picked"
                : "\(count.counted("stage")) picked: \(keys.key("retry", "r")) retries them together")
    }

    /// The number of picked stages, for the rule of a pane.
    var pickWords: Span? {
        let count = pickedStages.count
        return count == 0 ? nil : Span("  \(count) picked", .accent)
    }
}
