import CaudalModel
import Engine
import Foundation
import Testing

@testable import App

@Suite("The dashboard of another process's run", .timeLimit(.minutes(15)))
struct WatchingTests {
    private func watched(_ run: SampleRun = .inTheMiddle, isLive: Bool = true) -> DashboardState {
        DashboardState(
            run.state, now: run.now, rows: 24, columns: 80, ownsRun: false, isLive: isLive, zone: .gmt)
    }

    private func screen(_ state: DashboardState) -> String { DashboardScreen.draw(state, LogLineList()).text }

    @Test("The header tells which process is watched")
    func header() {
        #expect(screen(watched()).contains("watching pid 41"))
        #expect(!screen(SampleRun.inTheMiddle.dashboard(rows: 24, columns: 80)).contains("watching"))
    }

    @Test("Leaving leaves the run alone and asks nothing", arguments: [Key.character("q"), .control("c")])
    func quitting(key: Key) {
        var state = watched()
        let effects = state.press([key])
        guard case .quit? = effects.first else {
            Issue.record("\(effects) does not just leave")
            return
        }
    }

    @Test("When its process dies the run is shown as interrupted, with the command that goes on")
    func death() {
        var state = watched()
        _ = DashboardReducer(lines: LogLineList()).reduce(&state, .update(.gone))
        state.toast = nil
        let shown = screen(state)
        #expect(shown.contains("INTERRUPTED"))
        #expect(shown.contains("caudal resume 20261123-130400-k3f9"))
        #expect(!shown.contains("watching pid"))
        #expect(state.press([.character("X")]).isEmpty)
        #expect(state.overlay == nil, "nothing is asked that nobody would do")
    }

    @Test("A run that somebody resumes is live again")
    func resumption() {
        var state = watched(isLive: false)
        #expect(state.run.status == .interrupted)
        let reducer = DashboardReducer(lines: LogLineList())
        let resumed = RunEvent(
            sequence: state.run.lastSequence + 1, time: state.now,
            change: .runResumed(ProcessIdentity(pid: 77, startTicks: 1, bootID: "boot")))
        _ = reducer.reduce(&state, .update(.alive))
        _ = reducer.reduce(&state, .update(.events([resumed])))
        #expect(state.run.status == .running)
        #expect(screen(state).contains("watching pid 77"))
    }

    @Test("A run that ended before its process went stays as it ended")
    func endBeforeDeath() {
        var state = watched(.failed)
        _ = DashboardReducer(lines: LogLineList()).reduce(&state, .update(.gone))
        #expect(state.run.status == .failed)
    }

    @Test("Asking is left to whoever may read files; what comes of it is shown, or said")
    func asking() throws {
        let reducer = DashboardReducer(lines: LogLineList())
        var state = watched(.failed, isLive: false)
        let effects = reducer.reduce(&state, .key("R"))
        guard case .prepare(let request)? = effects.first, effects.count == 1 else {
            Issue.record("\(effects) looks at nothing")
            return
        }
        #expect(!state.isAsking)
        _ = reducer.reduce(&state, .confirmation(.refusal("nothing has failed", .wait)))
        #expect(state.standingToast?.text == "nothing has failed" && !state.isAsking)
        let outcome = ConfirmationBuilder(
            run: state.run, isLive: false, now: state.now, files: { _ in [] },
            previewReopening: SampleRun.withChangedFile
        ).build(request)
        _ = reducer.reduce(&state, .confirmation(outcome))
        #expect(state.isAsking && screen(state).contains("Retry everything that failed?"))
    }
}
