import CaudalModel
import Engine
import Testing

@testable import App

/// Stages are picked to be retried together, and marked as skipped or succeeded with a reason.
@Suite("Picked stages, and stages that are marked", .timeLimit(.minutes(15)))
struct PickedStagesTests {
    /// The two stages at the top of the list, which have failed, are picked.
    private func picked() -> DashboardState {
        var state = SampleRun.twiceHarmful.dashboard(rows: 40, columns: 120)
        state.press(["2", "g", "m", "j", "m"])
        return state
    }

    @Test("Picked stages are retried together, in the order of the plan, by one question")
    func together() {
        var state = picked()
        #expect(state.pickedStages == ["load", "publish"])
        state.press(["r"])
        guard case .confirm(let question)? = state.overlay else {
            Issue.record("nothing was asked")
            return
        }
        #expect(question.title == "Retry the 2 picked stages?")
        let effects = state.press([.tab] + "again".map { .character($0) } + [.enter])
        guard case .send(.retryStages(["load", "publish"]))? = effects.first else {
            Issue.record("\(effects) retries other stages")
            return
        }
        #expect(state.picked.isEmpty, "what is retried is not picked any more")
    }

    @Test("Whoever cancels the question keeps what is picked, and esc drops it")
    func cancelled() {
        var state = picked()
        state.press(["r", .enter])
        #expect(state.pickedStages.count == 2)
        state.press([.escape])
        #expect(state.pickedStages.isEmpty)
    }

    @Test("Picked stages are seen in the list, in the rail and in the graph")
    func seen() {
        for view in [DashboardState.GraphView.graph, .rail] {
            var state = picked()
            state.view = view
            let shown = DashboardScreen.draw(state, LogLineList()).text
            #expect(shown.contains("◆load") && shown.contains("2 picked"), "\(shown)")
        }
    }

    @Test("An outcome is set with a typed reason", arguments: [Outcome.skipped, .succeeded])
    func outcome(outcome: Outcome) {
        var state = SampleRun.failed.dashboard(rows: 40, columns: 120)
        state.press(["e", "="] + "sent by hand".map { .character($0) } + [.enter])
        let tabs = outcome == .skipped ? [Key.tab] : [.tab, .tab]
        let effects = state.press(tabs + [.enter])
        guard case .send(.mark("publish", outcome, reason: "sent by hand"))? = effects.first else {
            Issue.record("\(effects) marks nothing")
            return
        }
    }

    @Test("Without a reason nothing is asked")
    func noReason() {
        var state = SampleRun.failed.dashboard(rows: 40, columns: 120)
        state.press(["e", "=", " ", .enter])
        #expect(state.overlay == nil)
        #expect(state.standingToast?.text == "nothing was marked: it needs a reason")
    }

    @Test("Who may not steer the run picks and marks nothing")
    func readOnly() {
        var state = SampleRun.failed.dashboard(rows: 40, columns: 120, readOnly: true)
        state.press(["2", "m", "="])
        #expect(state.picked.isEmpty)
        #expect(state.overlay == nil)
    }
}
