import CaudalModel
import Engine
import TestSupport
import Testing

@testable import App

@Suite("Runs beside the shown one, from the store", .timeLimit(.minutes(15)))
struct PastRunsTests {
    private static func plan(_ environment: String?) -> RunPlan {
        RunPlan(
            pipeline: "sales", environment: environment, parameters: ["day": "2026-11-22"], maxParallel: 1,
            stages: [PlannedStage(id: "extract"), PlannedStage(id: "load", upstream: ["extract"])])
    }

    @Test("Runs are listed newest first, with their environment and what failed; one is opened, one compared")
    func listed() throws {
        let scratch = try ScratchFolder()
        let store = try RunStore(StateFolder(path: scratch.path + "/.caudal"))
        func record(_ id: RunID, _ ending: AttemptResult.Ending, in environment: String? = nil) throws -> RunState {
            let ends: [RunChange] =
                [.runStarted(.ofTest)] + .attempt("extract", .succeeded)
                + .attempt("load", AttemptResult(ending: ending)) + [
                    .runEnded(ending == .failed ? .failed : .succeeded)
                ]
            return try store.record(id, Self.plan(environment), ends)
        }
        let good: RunID = "20261121-060000-aaaa"
        _ = try record(good, .succeeded)
        _ = try record("20261122-060000-bbbb", .failed, in: "prod")
        let shown = try record("20261123-060000-cccc", .failed)

        let past = PastRuns(store: store, files: nil)
        let history = try past.history(of: shown)
        #expect(history.runs.map { String($0.summary.id.rawValue.suffix(4)) } == ["cccc", "bbbb", "aaaa"])
        #expect(history.runs.map(\.summary.environment) == [nil, "prod", nil])
        #expect(history.runs.map(\.failed) == [["load"], ["load"], []])
        #expect(history.place(before: shown) == 2, "the run before it is one of its environment")
        #expect(history.lastGood(before: shown) == good)
        #expect(try past.comparison(of: shown, with: good).differences.first?.subject == "load")

        let opened = try past.open(good)
        #expect(opened.initial.status == .succeeded && !opened.isOwn && !opened.isLive)
        let busy = SampleRun.inTheMiddle.dashboard(rows: 24, columns: 80)
        let beside = DashboardState(visiting: opened, from: busy, home: busy.run.id, now: busy.now)
        #expect(beside.steeringRefusal?.contains("goes on in this process") == true, "one process runs one run")
        let from = DashboardState(shown, now: SampleRun.failed.now, rows: 24, columns: 80)
        var state = DashboardState(visiting: opened, from: from, home: shown.id, now: from.now)
        #expect(state.steeringRefusal == nil, "beside a run that has ended, another one is reopened")
        guard case .goBack? = state.press(["q"]).first, case .goBack? = state.press([.escape]).first else {
            Issue.record("there is no way back")
            return
        }
    }
}
