import CaudalModel
import Engine
import Testing

@testable import App

/// How much of a run is done at once is changed while it is live.
@Suite("Limits of a live run", .timeLimit(.minutes(15)))
struct RunLimitsTests {
    /// A live run with two pools.
    static func dashboard(pressing keys: [Key]) -> DashboardState {
        var stages = ["extract", "load", "mail"].map { SampleRun.stage(StageID($0)) }
        (stages[0].pool, stages[1].pool) = ("warehouse", "api")
        var run = SampleRun(stages: stages)
        run.start("extract")
        var state = run.dashboard(rows: 24, columns: 120)
        state.press(keys)
        return state
    }

    private func commands(_ effects: [DashboardEffect]) -> [RunCommand] {
        effects.compactMap { if case .send(let command) = $0 { command } else { nil } }
    }

    @Test("Numbers are changed first, and sent together")
    func together() {
        var state = Self.dashboard(pressing: ["p", "-", "-", .down, .down, "+"])
        let shown = DashboardScreen.draw(state, LogLineList()).text
        #expect(shown.contains("max_parallel     2  1 running  now 4  (4 in the file)"), "\(shown)")
        #expect(shown.contains("warehouse        2  1 taken  now 1  (1 in the file)"), "\(shown)")
        let effects = state.press([.enter])
        #expect(commands(effects) == [.setLimit(.maxParallel, 2), .setLimit(.pool("warehouse"), 2)])
        #expect(state.overlay == nil)
    }

    @Test("No limit falls below one, and esc changes nothing")
    func bounds() {
        var state = Self.dashboard(pressing: ["p"] + [Key](repeating: "-", count: 9))
        guard case .limits(let page)? = state.overlay else {
            Issue.record("the box is closed")
            return
        }
        #expect(page.draft == [.maxParallel: 1])
        #expect(state.press([.escape]).isEmpty && state.overlay == nil)
        state = Self.dashboard(pressing: ["p", "+", "-"])
        #expect(commands(state.press([.enter])).isEmpty, "a number that is as it was is not sent")
    }

    @Test("The header shows what differs from the file")
    func header() {
        var run = SampleRun.inTheMiddle
        run.happen(.limitSet(.maxParallel, 2))
        let changed = run.dashboard(rows: 24, columns: 120)
        #expect(DashboardScreen.draw(changed, LogLineList()).text(row: 0).contains("≤2 at once"))
        run.happen(.limitSet(.maxParallel, 4))
        let asBefore = run.dashboard(rows: 24, columns: 120)
        #expect(!DashboardScreen.draw(asBefore, LogLineList()).text(row: 0).contains("at once"))
    }

    @Test("The palette takes a limit and its number")
    func palette() {
        var state = Self.dashboard(pressing: [":"] + "limit ware 3".map { .character($0) })
        #expect(commands(state.press([.enter])) == [.setLimit(.pool("warehouse"), 3)])
    }

    @Test("The limits of a run that has ended are not changed")
    func ended() {
        var state = SampleRun.failed.dashboard(rows: 24, columns: 80)
        state.press(["p"])
        #expect(state.overlay == nil)
        #expect(state.standingToast?.text == "the run has ended: its limits are those of the file again")
    }

    @Test("Whoever takes the run up keeps a changed limit, until the file says another number")
    func kept() {
        var run = SampleRun.inTheMiddle
        run.happen(.limitSet(.maxParallel, 2))
        var plan = run.state.plan
        plan.description = "another text"
        run.happen(.planChanged(PlanChange(plan: plan, differences: []), by: "ann"))
        #expect(run.state.number(of: .maxParallel) == 2)
        plan.maxParallel = 6
        run.happen(.planChanged(PlanChange(plan: plan, differences: []), by: "ann"))
        #expect(run.state.number(of: .maxParallel) == 6)
    }
}
