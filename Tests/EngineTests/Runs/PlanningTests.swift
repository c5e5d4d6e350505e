import TestSupport
import Testing

@testable import Engine

@Suite("Planning a run", .timeLimit(.minutes(15)))
struct PlanningTests {
    private let folder: ScratchFolder
    private static let now = Moment(wall: 1_795_439_040_000, steady: 0)

    init() throws { folder = try ScratchFolder() }

    private static let pipeline = """
        params: {day: {type: date, default: yesterday}, mode: {type: string, default: fast}, api_key: {type: string, default: k}}
        datasets: {raw: {path: "in/${params.day}.csv"}, mid: {path: mid.parquet}, out: {path: "out/${params.day}.csv"}}
        stages:
          first: {type: command, output: mid, run: "make-it"}
          second: {type: sql, output: out, query: "select * from mid"}
          extra: {type: command, needs: second, if: "${params.mode} == full", run: "echo ${params.mode}"}
          mail: {type: command, needs: second, idempotent: false, run: "send"}
        """

    private func load(_ yaml: String = pipeline) throws -> LoadedPipeline { try LoadedPipeline(yaml: yaml, in: folder) }

    private func plan(
        _ parameters: [String: String] = [:], selected: Set<StageID>? = nil, _ loaded: LoadedPipeline? = nil
    ) throws -> RunPlan {
        try Planner(
            try loaded ?? load(), request: RunRequest(parameters: parameters), now: Self.now, machine: Resources()
        ).plan(medians: ["second": .seconds(3)], selected: selected)
    }

    // MARK: - Planner

    @Test("Parameters are filled from what was given and from the file, and paths with them")
    func parameters() throws {
        let plan = try plan(["mode": "full"])
        #expect(plan.parameters == ["day": "2026-11-22", "mode": "full", "api_key": "k"])
        #expect(plan.stages[1].outputPaths == ["out/2026-11-22.csv"])
        #expect(plan.stages[1].expected == .seconds(3))
        #expect(plan.stages[2].skipReason == nil)
        #expect(try self.plan().stages[2].skipReason != nil)
    }

    @Test("What is wrong with parameters is told together, without the value of a secret one")
    func faults() {
        let error = #expect(throws: InvalidPipeline.self) { try plan(["day": "someday", "none": "x"]) }
        #expect(error?.errors.count == 2, "\(String(describing: error))")
    }

    @Test("What an absent stage stands between stays in order")
    func selection() throws {
        let plan = try plan(selected: ["first", "mail"])
        #expect(plan.stages.map(\.id) == ["first", "mail"])
        #expect(plan.stages[1].upstream == ["first"])
        #expect(plan.selection == "chosen stages")
    }

    @Test("A plan is recorded without what is secret of its parameters")
    func recorded() throws {
        let loaded = try load()
        let recorded = loaded.recorded(["api_key": "long-enough", "mode": "with long-enough", "day": "x"])
        #expect(recorded == ["api_key": "••••", "mode": "with ••••", "day": "x"])
    }

    // MARK: - Preview

    private func ended(_ plan: RunPlan, failing: StageID) -> RunState {
        var machine = RunMachine(state: RunState(id: "r", plan: plan), seed: 1)
        var launches = machine.handle(.start(ProcessIdentity(pid: 1, startTicks: 1, bootID: "b")), at: Self.now).actions
        while case .launch(let id, let attempt, _)? = launches.popLast() {
            let isGood = id.stage != failing
            let result = isGood ? AttemptResult.succeeded : AttemptResult(ending: .failed, failure: Failure("no"))
            launches += machine.handle(.attemptEnded(id, attempt: attempt, result), at: Self.now).actions.filter {
                if case .launch = $0 { true } else { false }
            }
        }
        return machine.state
    }

    @Test("A preview tells what runs again, what stays, what does harm and what is written over")
    func preview() throws {
        let state = ended(try plan(), failing: "mail")
        let all = CommandPreview(
            reopening: state, change: nil, command: .retry("second", downstream: true), files: { [$0] }, now: Self.now)
        #expect(all.runs == ["second", "mail"])
        #expect(all.stays == ["first"])
        #expect(all.harmful == ["mail"])
        #expect(all.overwrites == ["out/2026-11-22.csv"])
        let none = CommandPreview(
            reopening: state, change: nil, command: .retry("nothing", downstream: false), files: { _ in [] },
            now: Self.now)
        #expect(none.refusal != nil && none.runs.isEmpty)
    }

    @Test("A preview of a new run names no harm, because nothing has run before")
    func previewOfStart() throws {
        let preview = CommandPreview(starting: try plan(), files: { _ in [] }, now: Self.now)
        #expect(preview.runs == ["first", "second", "mail"])
        #expect(preview.harmful.isEmpty && preview.overwrites.isEmpty)
    }

    @Test("How long it should take comes from what is known now, and stages without any success are named")
    func estimates() throws {
        let state = ended(try plan(), failing: "mail")
        func preview(_ usual: [StageID: Duration]) -> CommandPreview {
            CommandPreview(
                reopening: state, change: nil, command: .retry("second", downstream: true), usual: usual,
                files: { _ in [] }, now: Self.now)
        }
        #expect(preview([:]).estimate == nil)
        #expect(preview([:]).withoutHistory == ["mail"])
        #expect(preview(["mail": .seconds(2)]).estimate == .seconds(5), "another run has mailed since")
    }

    @Test("A stage that is marked counts as ended, and is told once")
    func previewOfMark() throws {
        let preview = CommandPreview(
            reopening: ended(try plan(), failing: "second"), change: nil,
            command: .mark(UnitID("second"), .skipped, reason: "known"), files: { _ in [] }, now: Self.now)
        #expect(preview.marked?.unit == UnitID("second") && preview.marked?.outcome == .skipped)
        #expect(!preview.skips.contains { $0.stage == "second" } && !preview.stays.contains("second"))
    }

    // MARK: - A changed file

    private func revised(to yaml: String, _ state: RunState) throws -> PlanChange? {
        try PlanRevision(state, try load(yaml), parameters: state.plan.parameters)
            .change(medians: [:], now: Self.now, machine: Resources())
    }

    @Test("A file that says the same changes nothing; another query is a difference of its stage")
    func revision() throws {
        let state = ended(try plan(), failing: "mail")
        #expect(try revised(to: Self.pipeline, state) == nil)
        let change = try revised(
            to: Self.pipeline.replacing("select * from mid", with: "select 1 as a from mid"), state)
        #expect(change?.differences.map(\.stage) == ["second"])
        #expect(change?.plan.parameters == state.plan.parameters, "the run keeps its parameters")
    }

    @Test("Another pipeline is refused, and a secret that was changed is not shown")
    func revisionRefused() throws {
        let state = ended(try plan(), failing: "mail")
        #expect(throws: Failure.self) {
            try revised(to: "version: 1\nname: other\n" + Self.pipeline, state)
        }
        let change = try revised(to: Self.pipeline.replacing("default: k}", with: "default: other-key}"), state)
        let lines = try #require(change?.differences.first?.lines)
        #expect(!lines.isEmpty && lines.allSatisfy { !$0.contains("other-key") && $0.hasSuffix("••••") }, "\(lines)")
    }

    // MARK: - Reuse

    @Test("What a stage is made from decides whether it is reused, and what changed is said")
    func reuseKeys() throws {
        let store = try RunStore(StateFolder(path: folder.path(".caudal")))
        func key(_ yaml: String, _ mode: String) throws -> ReuseKey {
            let loaded = try load(yaml)
            let stage = try #require(loaded.pipeline.stage("extra"))
            let facts = RunFacts(
                runID: "r", started: Self.now, parameters: ["day": "d", "mode": mode, "api_key": "k"], environment: [:])
            let attempt = StageAttempt(
                pipeline: loaded.pipeline, stage: stage, facts: facts, sql: DuckDBDialect(), schemas: loaded.schemas,
                now: Self.now)
            let reuse = StageReuse(loaded: loaded, store: store, reusesUnchanged: true)
            return try #require(reuse.key(of: attempt, reads: [], duckDB: nil))
        }
        let first = try key(Self.pipeline, "fast")
        #expect(try key(Self.pipeline, "fast") == first)
        #expect(try key(Self.pipeline, "full").difference(from: first) == "parameter mode changed")
        let other = try key(Self.pipeline.replacing("echo $", with: "print $"), "fast")
        #expect(other.difference(from: first) == "definition changed: run")
    }

    @Test("A command without an output always runs, and a stage that asks for the time too")
    func obstacles() throws {
        let store = try RunStore(StateFolder(path: folder.path(".caudal")))
        let loaded = try load(Self.pipeline.replacing("select * from mid", with: "select now() as t from mid"))
        let reuse = StageReuse(loaded: loaded, store: store, reusesUnchanged: true)
        for (id, hasObstacle) in [("first", false), ("second", true), ("mail", true)] {
            let stage = try #require(loaded.pipeline.stage(StageID(id)))
            #expect((reuse.obstacle(for: stage) != nil) == hasObstacle, "\(id)")
        }
    }
}
