import CaudalModel
import Engine
import Testing

@testable import App

/// Quarantined rows go to the user's editor and come back into the run.
@Suite("Corrected rows", .timeLimit(.minutes(15)))
struct CorrectedRowsTests {
    /// A run that quarantined rows, with a stage selected.
    private func dashboard(_ stage: StageID) -> DashboardState {
        var state = SampleRun.failed.dashboard(rows: 40, columns: 120)
        state.select(UnitID(stage))
        return state
    }

    private func send(_ input: DashboardInput, to state: inout DashboardState) -> [DashboardEffect] {
        DashboardReducer(lines: LogLineList()).reduce(&state, input)
    }

    @Test("C opens the rows of a validate stage")
    func opened() {
        var state = dashboard("validate")
        guard case .correct("validate")? = state.press(["C"]).first else {
            Issue.record("nothing is opened")
            return
        }
    }

    @Test("Elsewhere it says whose rows can be corrected")
    func elsewhere() {
        var state = dashboard("publish")
        #expect(state.press(["C"]).isEmpty)
        #expect(
            state.standingToast?.text
                == "only rows that a validate stage quarantined are corrected: select validate, which quarantined some")
        state.select("catalog")
        state.press(["C"])
        #expect(state.standingToast?.text.hasSuffix("change what it reads, or its checks (O)") == true)
    }

    @Test("Corrected rows are taken in by one question that tells what runs again")
    func question() throws {
        var state = dashboard("validate")
        let rows = CorrectedRows(stage: "validate", text: "quarantine_file,quarantine_row\n", count: 3)
        guard case .prepare(let request)? = send(.corrected(rows), to: &state).first else {
            Issue.record("nothing is asked")
            return
        }
        let builder = ConfirmationBuilder(
            run: state.run, isLive: true, now: state.now, files: { _ in [] },
            previewReopening: { ReopenPreview(state: $0, file: $0.plan.file, change: nil) })
        _ = send(.confirmation(builder.build(request)), to: &state)
        guard case .confirm(let question)? = state.overlay else {
            Issue.record("there is no question")
            return
        }
        #expect(question.title == "Take 3 corrected rows into validate?")
        #expect(question.choices.count == 2)
        let effects = state.press([.tab] + "publish".map { .character($0) } + [.enter])
        guard case .replay(rows, .send(.retry("validate", downstream: true)))? = effects.first else {
            Issue.record("\(effects) takes nothing in")
            return
        }
    }

    @Test("Whoever leaves the editor without a change is asked nothing")
    func unchanged() {
        var state = dashboard("validate")
        #expect(send(.corrected(CorrectedRows(stage: "validate", text: "", count: 0)), to: &state).isEmpty)
        #expect(state.standingToast?.text == "no row was corrected")
    }

    @Test("A run that has ended here goes on as it is, unless its file was changed", arguments: [false, true])
    func reopened(isChanged: Bool) {
        let state = dashboard("publish")
        #expect(state.isOpenHere)
        let builder = ConfirmationBuilder(
            run: state.run, isLive: true, isOpenHere: true, now: state.now, files: { _ in [] },
            previewReopening: { run in
                isChanged ? SampleRun.withChangedFile(run) : ReopenPreview(state: run, file: "p.yaml", change: nil)
            })
        guard case .question(let question) = builder.build(.retry("publish", of: state.selectedStage)) else {
            Issue.record("nothing is asked")
            return
        }
        switch question.choices[1].effect {
        case .send?: #expect(!isChanged)
        case .reopen?: #expect(isChanged)
        default: Issue.record("the answer does nothing")
        }
    }
}
