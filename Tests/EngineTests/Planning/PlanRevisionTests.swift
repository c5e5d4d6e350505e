import CaudalModel
import Engine
import TestSupport
import Testing

/// What a pipeline file changes in a run that began with an older one.
@Suite("PlanRevision", .tags(.runs), .timeLimit(.minutes(15)))
struct PlanRevisionTests {
    private let folder: ScratchFolder
    private static let now = Moment(wall: 1_795_406_640_000, steady: 0)

    init() throws { folder = try ScratchFolder() }

    private static let pipeline = """
        params: {day: {type: date, default: "2026-01-01"}, api_key: {type: string, default: k}}
        datasets: {raw: {path: raw.csv}, mid: {path: mid.csv}, out: {path: out.csv}}
        stages:
          first: {type: command, output: mid, run: "make ${params.day}", env: {API_KEY: "${params.api_key}"}}
          second: {type: process, input: mid, output: out, steps: [{filter: a > 0}]}
          third: {type: command, needs: second, run: "send"}
        """

    /// A run of the pipeline that began with some parameters; `published`: stages that have published in it.
    private func run(
        _ yaml: String = pipeline, _ parameters: [String: String] = [:], selected: Set<StageID>? = nil,
        published: [StageID] = []
    ) throws -> RunState {
        let plan = try Planner(
            LoadedPipeline(yaml: yaml, in: folder), request: RunRequest(parameters: parameters), now: Self.now,
            machine: Resources()
        ).plan(selected: selected)
        var changes = [RunChange.runStarted(.ofTest)]
        for stage in published {
            let file = Artifact(dataset: "mid", path: "mid.csv", sizeInBytes: 1, contentHash: "x")
            changes += [RunChange].attempt(UnitID(stage), AttemptResult(ending: .succeeded, artifacts: [file]))
        }
        return RunState(
            id: "r", plan: plan,
            events: changes.enumerated().map { RunEvent(sequence: Int64($0 + 1), time: Self.now, change: $1) })
    }

    private func change(_ state: RunState, to yaml: String) throws -> PlanChange? {
        try PlanRevision(state, LoadedPipeline(yaml: yaml, in: folder), parameters: state.plan.parameters)
            .change(usual: ["third": .seconds(4)], now: Self.now, machine: Resources())
    }

    /// What becomes of the file, and what is different then, a title each; nothing where nothing is.
    static let edits: [(what: String, from: String, to: String, differences: [String])] = [
        ("nothing", "", "", []),
        ("a comment and a blank line", "stages:", "\n# words\nstages:", []),
        ("the order of a stage's keys", "type: command, needs: second", "needs: second, type: command", []),
        ("a line that is run", "\"send\"", "\"send --again\"", ["third changed"]),
        ("a step", "a > 0", "a >= 0", ["second changed"]),
        ("when a stage runs", "run: \"send\"", "run: \"send\", retry: 2", ["third changed"]),
        ("a dataset, for all who name it", "mid.csv", "middle.csv", ["first changed", "second changed"]),
        ("a dataset that nobody names", "raw.csv", "rough.csv", []),
        ("a stage more", "  third:", "  more: {type: command, run: \"true\"}\n  third:", ["more added"]),
        ("a stage less", "\n  third: {type: command, needs: second, run: \"send\"}", "", ["third removed"]),
        ("a default, which the run has a value for", "2026-01-01", "2027-01-01", ["the pipeline changed"]),
        ("how many run at once", "stages:", "max_parallel: 9\nstages:", ["the pipeline changed"]),
    ]

    @Test("What is different is told for each stage that it is different for", arguments: edits)
    func edit(what: String, from: String, to: String, differences: [String]) throws {
        let new = from.isEmpty ? Self.pipeline : Self.pipeline.replacing(from, with: to)
        try #require(from.isEmpty || new != Self.pipeline)
        let change = try change(try run(), to: new)
        #expect(change?.differences.map(\.title) ?? [] == differences, "\(what)")
    }

    @Test("A difference is the lines that went and the lines that came")
    func lines() throws {
        let change = try change(try run(), to: Self.pipeline.replacing("\"send\"", with: "\"send --again\""))
        #expect(change?.differences.first?.lines == ["- run: send", "+ run: send --again"])
    }

    @Test("The run keeps its parameters, whatever the file has as defaults now")
    func parameters() throws {
        let state = try run(Self.pipeline, ["day": "2025-05-05"])
        let new = Self.pipeline.replacing("2026-01-01", with: "2027-01-01").replacing("\"send\"", with: "\"post\"")
        let plan = try #require(try change(state, to: new)?.plan)
        #expect(plan.parameters == ["day": "2025-05-05", "api_key": "k"])
        #expect(plan.stages.last?.expected == .seconds(4))
    }

    @Test("A parameter that the file has no more is given up; one that is new has its default")
    func newParameters() throws {
        let state = try run()
        let new = Self.pipeline.replacing(
            "api_key: {type: string, default: k}", with: "size: {type: integer, default: \"2\"}"
        )
        .replacing(", env: {API_KEY: \"${params.api_key}\"}", with: "")
        #expect(try change(state, to: new)?.plan.parameters == ["day": "2026-01-01", "size": "2"])
        let needed = Self.pipeline.replacing("api_key: {type", with: "more: {type: string}, api_key: {type")
        #expect(throws: InvalidPipeline.self) { try change(state, to: needed) }
    }

    @Test("The run keeps its selection: a stage that was left out, or that is new, takes no part")
    func selection() throws {
        let state = try run(Self.pipeline, selected: ["first", "third"])
        #expect(try change(state, to: Self.pipeline.replacing("a > 0", with: "a >= 0")) == nil)
        let more = Self.pipeline.replacing("  third:", with: "  more: {type: command, run: \"true\"}\n  third:")
        #expect(try change(state, to: more) == nil)
        let edited = try change(state, to: Self.pipeline.replacing("\"send\"", with: "\"post\""))
        #expect(edited?.plan.stages.map(\.id) == ["first", "third"])
    }

    @Test("Whether the run reuses, and where it began, stay as they were")
    func facts() throws {
        let new = "reuse: unchanged\n" + Self.pipeline
        let change = try change(try run(), to: new)
        #expect(change?.plan.reusesUnchanged == false)
    }

    // MARK: - Refusals

    @Test("Another pipeline is refused")
    func otherName() throws {
        let state = try run()
        let error = #expect(throws: PlanRevisionError.self) {
            try change(state, to: "version: 1\nname: other\n" + Self.pipeline)
        }
        guard case .otherPipeline(_, name: "other", ofRun: "test")? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(error?.failure.message.hasSuffix("now holds the pipeline 'other', and the run is of 'test'") == true)
    }

    @Test("A stage that has published in the run must stay; one that has not may go")
    func published() throws {
        let new = Self.pipeline.replacing("  first: {", with: "  other: {")
        #expect(try change(try run(), to: new)?.differences.map(\.title).sorted() == ["first removed", "other added"])
        let state = try run(published: ["first"])
        let error = #expect(throws: PlanRevisionError.self) { try change(state, to: new) }
        #expect(
            error?.failure.message.contains("no longer has the stage 'first', which published in this run") == true)
    }

    @Test("A file with none of the run's stages is refused")
    func nothingLeft() throws {
        let state = try run(Self.pipeline, selected: ["third"])
        let error = #expect(throws: PlanRevisionError.self) {
            try change(state, to: Self.pipeline.replacing("  third:", with: "  fourth:"))
        }
        #expect(error?.failure.message.contains("has none of the run's stages any more") == true)
    }

    // MARK: - Secrets

    @Test("A secret that was changed is told as changed, and neither value is shown")
    func secrets() throws {
        let state = try run()
        let new = Self.pipeline.replacing("default: k}", with: "default: other-key}")
        let change = try #require(try change(state, to: new))
        let lines = change.differences.flatMap(\.lines)
        #expect(!lines.isEmpty && lines.allSatisfy { !$0.contains("other-key") && $0.hasSuffix("••••") }, "\(lines)")
        let variable = try self.change(
            state, to: Self.pipeline.replacing("\"${params.api_key}\"", with: "literal-key"))
        #expect(
            variable?.differences.flatMap(\.lines) == ["- env.API_KEY: ${params.api_key}", "+ env.API_KEY: ••••"],
            "a variable whose name says that it is secret")
    }
}
