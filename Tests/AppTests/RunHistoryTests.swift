import CaudalModel
import Engine
import Testing

@testable import App

/// The runs of a pipeline beside the one that is shown: listed, opened and compared.
@Suite("History of runs", .timeLimit(.minutes(15)))
struct RunHistoryTests {
    private static let day: Int64 = 86_400_000
    private static let noon = SampleRun.failed.state.startedAt?.wall ?? 0

    private static func id(_ daysAgo: Int64) -> RunID {
        RunID(startedAt: Moment(wall: noon - daysAgo * day, steady: 0), random: 7)
    }

    /// A run of some days ago.
    private static func run(
        _ daysAgo: Int64, _ status: RunState.Status, took seconds: Int, failed: [StageID] = [], in place: String? = nil
    ) -> RunOfHistory {
        let date = UTC.date(noon - daysAgo * day)
        let summary = RunSummary(
            id: id(daysAgo), pipeline: "sales", file: "config/demo.yaml", status: status, trigger: .manual,
            started: noon - daysAgo * day, duration: .seconds(seconds), stageCount: 8,
            parameters: ["region": "eu", "day": date], environment: place, isLive: false)
        return RunOfHistory(summary, failed: failed)
    }

    /// The shown run failed, the two before it failed and were cancelled, and that of three days ago succeeded.
    static let history: RunHistory = {
        var shown = run(0, .failed, took: 14, failed: ["publish"])
        shown.summary.id = SampleRun.failed.state.id
        return RunHistory(runs: [
            shown, run(1, .failed, took: 3, failed: ["validate", "catalog"]), run(2, .cancelled, took: 9),
            run(3, .succeeded, took: 12), run(4, .succeeded, took: 31), run(5, .succeeded, took: 11),
            run(6, .interrupted, took: 5), run(7, .succeeded, took: 13, in: "prod"),
        ])
    }()

    /// The run of another day: publish succeeded, enrich was much slower, and fewer rows were quarantined.
    static func otherRun(_ id: RunID = id(3)) -> RunState {
        var stages = SampleRun.failed.state.plan.stages
        stages[1].definitionText = "run: catalog --all"
        var run = SampleRun(stages: stages, id: id)
        run.succeed("generate", after: 1200)
        run.succeed("catalog", after: 1200)
        run.succeed("validate", after: 1000, rows: RowAccount(read: 900_000, written: 899_900, quarantined: 100))
        run.succeed("process", after: 4000)
        run.succeed("enrich", after: 9000, rows: RowAccount(read: 984_771, written: 984_771))
        run.start("quality")
        let passed = CheckResult(
            id: "freshness_order_date", kind: "freshness", severity: .warn, outcome: .passed, measured: 3600,
            expectation: "order_date at most 24 h old", message: "the newest order_date is 1 h old")
        run.happen(.attemptEnded("quality", attempt: 1, AttemptResult(ending: .succeeded, checks: [passed])))
        run.happen(.unitEnded("quality", .succeeded, reason: nil))
        run.succeed("report", after: 200)
        run.succeed("publish", after: 900)
        run.happen(.runEnded(.succeeded))
        return run.state
    }

    /// The dashboard of the failed run with its history open.
    static func listing(rows: Int = 40, columns: Int = 120) -> DashboardState {
        var state = SampleRun.failed.dashboard(rows: rows, columns: columns)
        state.press(["H"])
        state.receive(.history(history))
        return state
    }

    /// The dashboard of the failed run, compared with the last good one.
    static func comparing(rows: Int = 40, columns: Int = 120) -> DashboardState {
        var state = listing(rows: rows, columns: columns)
        state.press(["D"])
        state.receive(.comparison(RunComparison(state.run, otherRun())))
        return state
    }

    // MARK: - Long values

    @Test("Long values of parameters differ in the comparison, and can be read as a whole", arguments: [80, 120, 200])
    func longParameters(columns: Int) throws {
        let head = String(repeating: "s3://bucket/path/", count: 18)
        func run(_ id: RunID, _ end: String) -> RunState {
            var plan = SampleRun.failed.state.plan
            plan.parameters = ["source": head + end]
            return RunState(id: id, plan: plan)
        }
        var state = SampleRun.failed.dashboard(rows: 60, columns: columns)
        state.press(["H"])
        state.receive(.history(Self.history))
        state.press(["D"])
        let (here, there) = (run(state.run.id, "today.csv"), run(Self.id(3), "monday.csv"))
        state.receive(.comparison(RunComparison(here, there)))
        let screen = DashboardScreen.draw(state, LogLineList()).text
        let row = try #require(screen.split(separator: "\n").first { $0.contains("the run") && $0.contains("source") })
        #expect(row.contains("today.csv") && row.contains("monday.csv"), "\(row)")
        guard case .comparison(let page)? = state.overlay else {
            Issue.record("no comparison")
            return
        }
        let lines = ComparisonPane.lines(state, page).map { $0.map(\.text).joined() }
        let whole = lines.drop { !$0.hasPrefix("    here ") }.map { $0.dropFirst(11) }.joined()
        #expect(whole.hasPrefix(head + "today.csv" + head + "monday.csv"), "\(lines)")
    }

    @Test("Runs that share a minute are told apart by their seconds", arguments: [(80, 24), (120, 40)])
    func sameMinute(columns: Int, rows: Int) {
        var state = SampleRun.failed.dashboard(rows: rows, columns: columns)
        func text(_ runs: [RunOfHistory]) -> String {
            state.press([.escape, "H"])
            state.receive(.history(RunHistory(runs: runs)))
            return DashboardScreen.draw(state, LogLineList()).text
        }
        var again = Self.run(1, .failed, took: 3)
        again.summary.started += 20_000
        let both = text([again, Self.run(1, .failed, took: 3)])
        #expect(both.contains("11-22 13:04:20") && both.contains("11-22 13:04:00"), "\(both)")
        #expect(!text([Self.run(1, .failed, took: 3), Self.run(2, .failed, took: 3)]).contains("13:04:00"))
    }

    // MARK: - Keys

    @Test("Yesterday's run is opened by two keys")
    func yesterday() {
        var state = Self.listing()
        guard case .open(let id)? = state.press([.enter]).first else {
            Issue.record("nothing is opened")
            return
        }
        #expect(id == Self.id(1))
        #expect(state.overlay == nil)
    }

    @Test("What differs from the last good run is two keys away, however many runs have failed since")
    func lastGood() {
        var state = Self.listing()
        guard case .compare(let id)? = state.press(["D"]).first else {
            Issue.record("nothing is compared")
            return
        }
        #expect(id == Self.id(3))
    }

    @Test("The versions of a run are published again, which a dashboard that only looks refuses")
    func versions() {
        var state = Self.listing()
        guard case .prepareRestoring(let id)? = state.press(["v"]).first else {
            Issue.record("nothing is asked")
            return
        }
        #expect(id == Self.id(1) && state.overlay == nil)
        let shown = SampleRun.failed.dashboard(rows: 40, columns: 120)
        var looking = DashboardState(
            shown.run, now: shown.now, rows: 40, columns: 120, isReadOnly: true, zone: shown.zone)
        looking.press(["H"])
        looking.receive(.history(Self.history))
        #expect(looking.press(["v"]).isEmpty)
        #expect(looking.toast?.text == "this dashboard is read-only")
    }

    @Test("Keys that are pressed before the history was read are carried out when it is there")
    func pressedEarly() {
        var state = SampleRun.failed.dashboard(rows: 40, columns: 120)
        guard case .readHistory? = state.press(["H"]).first else {
            Issue.record("the history is not asked for")
            return
        }
        #expect(state.press([.enter]).isEmpty, "there is nothing to open yet")
        guard case .open(Self.id(1))? = state.receive(.history(Self.history)).first else {
            Issue.record("enter was forgotten")
            return
        }
    }

    @Test("Any run of the list is compared, and the way back leads to the list")
    func compareChosen() {
        var state = Self.listing()
        guard case .compare(let id)? = state.press(["j", "d"]).first else {
            Issue.record("nothing is compared")
            return
        }
        #expect(id == Self.id(2))
        state.press([.escape])
        guard case .history(let page)? = state.overlay else {
            Issue.record("the list is gone")
            return
        }
        #expect(page.chosen?.summary.id == Self.id(2))
        state.press([.escape])
        #expect(state.overlay == nil)
    }

    @Test("The shown run is not compared with itself, nor opened again")
    func itself() {
        var state = Self.listing()
        #expect(state.press([.up, "d"]).isEmpty)
        #expect(state.standingToast?.text.contains("choose another") == true)
        #expect(state.press([.enter]).isEmpty)
    }

    @Test("Where no run before it has succeeded, that is said")
    func noGoodRun() {
        var state = SampleRun.failed.dashboard(rows: 40, columns: 120)
        state.press(["H"])
        state.receive(.history(RunHistory(runs: Array(Self.history.runs.prefix(3)))))
        #expect(state.press(["D"]).isEmpty)
        #expect(state.standingToast?.text == "no run before this one has succeeded")
    }

    @Test("A result that comes after its box was closed changes nothing")
    func late() {
        var state = SampleRun.failed.dashboard(rows: 40, columns: 120)
        state.press(["H", .escape])
        state.receive(.history(Self.history))
        #expect(state.overlay == nil)
        state = Self.listing()
        state.press(["D", .escape])
        state.receive(.comparison(RunComparison(state.run, Self.otherRun())))
        guard case .history? = state.overlay else {
            Issue.record("the closed comparison came back")
            return
        }
    }

    // MARK: - What is different

    @Test("The worst differences come first: failures, checks, the file, rows, durations")
    func worstFirst() {
        let found = RunComparison(SampleRun.failed.state, Self.otherRun()).differences
        let texts = found.map { "\($0.subject) \($0.aspect) \($0.here ?? "—") \($0.there ?? "—") \($0.change)" }
        #expect(texts.first == "publish state FAILED succeeded ")
        let order = ["file", "freshness_order_date", "quarantined", "took"].map { aspect in
            found.firstIndex { $0.aspect == aspect } ?? -1
        }
        #expect(order == order.sorted() && !order.contains(-1), "\(texts)")
        #expect(texts.contains { $0.hasPrefix("validate quarantined 5,478 100") }, "\(texts)")
        #expect(found.contains { $0.subject == "enrich" && $0.gravity == .faster }, "\(texts)")
    }

    @Test("What differs by less than is shown is equal, and a warning of both comes behind what is better or faster")
    func sameWarning() {
        func run(days: Double, passes: Bool) -> RunState {
            var run = SampleRun(stages: [SampleRun.stage("quality")])
            let checks = [
                CheckResult(
                    id: "freshness", kind: "freshness", severity: .warn, outcome: .warned, measured: days * 86_400,
                    expectation: "at most 24 h old", message: "old"),
                CheckResult(
                    id: "rows", kind: "row_count", severity: .warn, outcome: passes ? .passed : .warned, measured: 5,
                    expectation: "at least 5", message: "few"),
            ]
            run.happen(.attemptStarted("quality", attempt: 1))
            run.happen(.attemptEnded("quality", attempt: 1, AttemptResult(ending: .succeeded, checks: checks)))
            run.happen(.unitEnded("quality", .succeeded, reason: nil))
            return run.state
        }
        let first = run(days: 7.701, passes: false)
        #expect(RunComparison(run(days: 7.702, passes: false), first).differences.isEmpty)
        #expect(
            RunComparison(run(days: 8.5, passes: true), first).differences.map(\.aspect) == ["rows", "freshness"])
    }

    @Test("A run is equal to itself")
    func equal() {
        let state = SampleRun.failed.state
        let comparison = RunComparison(state, state)
        #expect(comparison.differences.isEmpty)
        #expect(comparison.equalStages == state.stages.count)
    }

    @Test("Parameters differ by name, and secrets are not shown")
    func parameters() {
        func run(_ parameters: [String: String]) -> RunState {
            RunState(
                id: "20261123-130400-k3f9",
                plan: RunPlan(pipeline: "sales", parameters: parameters, maxParallel: 1, stages: []))
        }
        let found = RunComparison(
            run(["day": "2026-11-23", "api_token": "abc", "new": "1"]), run(["day": "2026-11-22", "api_token": "xyz"])
        ).differences
        #expect(found.map(\.aspect) == ["day", "new"])
        #expect(found.last?.there == nil)
    }

    @Test(
        "Changes in words",
        arguments: [(140.0, 100.0, "+40%"), (50, 100, "−50%"), (2000, 100, "×20"), (1001, 1000, "+<1%"), (5, 0, "")])
    func changes(new: Double, old: Double, words: String) {
        #expect(RunComparison.change(new, old) == words)
    }

    // MARK: - Screens

    @Test("The history of runs", arguments: [(40, 10), (80, 24), (120, 40), (200, 60)])
    func historyScreen(columns: Int, rows: Int) throws {
        try compare("runs", Self.listing(rows: rows, columns: columns))
    }

    @Test("The differences from another run", arguments: [(40, 10), (80, 24), (120, 40), (200, 60)])
    func comparisonScreen(columns: Int, rows: Int) throws {
        try compare("differences", Self.comparing(rows: rows, columns: columns))
    }

    private func compare(_ name: String, _ state: DashboardState) throws {
        let drawn = DashboardScreen.draw(state, SampleRun.failed.lines.shown(state)).styledText
        try Golden.compare(drawn, with: "\(name)-\(state.columns)x\(state.rows).txt")
    }
}

extension DashboardState {
    /// Hands an input to the reducer; what has to be done outside.
    @discardableResult
    mutating func receive(_ input: DashboardInput) -> [DashboardEffect] {
        DashboardReducer(lines: LogLineList()).reduce(&self, input)
    }
}
