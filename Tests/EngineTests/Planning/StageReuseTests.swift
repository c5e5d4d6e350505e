import CaudalModel
import Foundation
import TestSupport
import Testing

@testable import Engine

/// Whether a stage may be spared, and why it was not.
@Suite("StageReuse", .tags(.runs), .timeLimit(.minutes(15)))
struct StageReuseTests {
    private let folder: ScratchFolder
    private let store: RunStore

    init() throws {
        folder = try ScratchFolder()
        store = try RunStore(StateFolder(path: folder.path(".caudal")))
    }

    private static let pipeline = """
        params: {day: {type: date, default: "2026-01-01"}, mode: {type: string, default: fast}}
        env: {LEVEL: info}
        datasets:
          raw: {path: "raw/${params.day}.csv", csv: {delimiter: ";"}}
          out: {path: out.csv}
          made: {path: made.csv}
        stages:
          clean:
            type: process
            input: raw
            output: out
            steps: [{filter: "a > 0"}]
            retry: 1
          make: {type: command, inputs: out, output: made, run: "python3 tool.py --zone ${env.ZONE} > log.txt"}
        """

    private func loaded(_ yaml: String = pipeline) throws -> LoadedPipeline {
        try LoadedPipeline(yaml: yaml, in: folder)
    }

    private func reuse(_ loaded: LoadedPipeline, _ wanted: Bool = true) -> StageReuse {
        StageReuse(loaded: loaded, store: store, reusesUnchanged: wanted)
    }

    private func key(_ facts: Facts, _ yaml: String = pipeline) throws -> ReuseKey? {
        let loaded = try loaded(yaml)
        let source = DataSource(
            dataset: "raw", files: [folder.path("raw/a.csv")], format: .csv, columns: facts.columns, isOwn: false)
        let attempt = StageAttempt(
            pipeline: loaded.pipeline, stage: try #require(loaded.pipeline.stage(facts.stage)), item: facts.item,
            facts: RunFacts(
                runID: facts.run, started: facts.now, parameters: facts.parameters, environment: facts.variables),
            sql: DuckDBDialect(),
            sources: ["raw": source], schemas: loaded.schemas, stagingFolder: folder.path("staging"), now: facts.now)
        return reuse(loaded).key(of: attempt, reads: facts.reads, duckDB: facts.duckDB)
    }

    // MARK: - The key

    /// What is otherwise in the file, and what is said of it for one of its stages; nothing where that is no difference.
    static let edits: [(from: String, to: String, clean: String, make: String)] = [
        ("a > 0", "a >= 0", "definition changed: steps", ""),
        ("delimiter: \";\"", "delimiter: \",\"", "definition changed: dataset raw", ""),
        ("raw/${", "rough/${", "definition changed: dataset raw", ""),
        (
            "out: {path: out.csv}", "out: {path: out2.csv}", "definition changed: dataset out",
            "definition changed: dataset out"
        ),
        ("tool.py", "tool2.py", "", "definition changed: run"),
        ("LEVEL: info", "LEVEL: warn", "", "definition changed: the pipeline's env"),
        // When and how a stage runs decides nothing of what comes out.
        ("retry: 1", "retry: {limit: 5, delay: 1s}", "", ""),
        ("retry: 1", "timeout: 5m", "", ""),
        ("retry: 1", "allow_failure: true", "", ""),
        ("retry: 1", "description: words", "", ""),
        ("retry: 1", "group: g", "", ""),
        ("retry: 1", "resources: {cpu: 1}", "", ""),
        ("retry: 1", "idempotent: false", "", ""),
        ("retry: 1", "reuse: unchanged", "", ""),
        ("retry: 1", "needs: []", "", ""),
        ("retry: 1", "if: \"${params.mode} == fast\"", "", ""),
        ("stages:", "max_parallel: 2\nstages:", "", ""),
        ("stages:", "# words\nstages:", "", ""),
    ]

    @Test("What the file says of a stage and its datasets decides, and not when and how it runs", arguments: edits)
    func edit(from: String, to: String, clean: String, make: String) throws {
        let new = Self.pipeline.replacing(from, with: to)
        try #require(new != Self.pipeline)
        for (stage, expected) in [("clean", clean), ("make", make)] {
            var facts = Facts()
            facts.stage = StageID(stage)
            let (before, after) = (try #require(try key(facts)), try #require(try key(facts, new)))
            #expect(after.difference(from: before) == expected, "\(stage)")
            #expect((after == before) == expected.isEmpty)
        }
    }

    @Test(
        "Parameters and variables count where they are named; inputs, items and programs always",
        arguments: FactChange.all)
    func change(change: FactChange) throws {
        var facts = Facts()
        let before = try #require(try key(facts))
        change.make(&facts)
        let after = try #require(try key(facts))
        #expect(after.difference(from: before) == change.difference)
        #expect((after == before) == change.difference.isEmpty)
    }

    @Test("A command is given all parameters, and the variables that it names")
    func command() throws {
        var facts = Facts()
        facts.stage = "make"
        let before = try #require(try key(facts))
        facts.parameters["mode"] = "full"
        #expect(try key(facts)?.difference(from: before) == "parameter mode changed")
        facts.parameters["mode"] = "fast"
        facts.variables["ZONE"] = "south"
        #expect(try key(facts)?.difference(from: before) == "variable ZONE changed")
        facts.variables["ZONE"] = "north"
        facts.columns = [Column("a", .integer)]
        #expect(try key(facts) == before, "a program sees bytes")
    }

    @Test("A file of the project that a command names is a part of it; one that it writes to is not")
    func scripts() throws {
        var facts = Facts()
        facts.stage = "make"
        let without = try #require(try key(facts))
        try folder.write("log.txt", "old")
        #expect(try key(facts) == without)
        try folder.write("tool.py", "print(1)")
        let first = try #require(try key(facts))
        #expect(first.difference(from: without) == "input tool.py is new")
        try folder.write("tool.py", "print(2)")
        #expect(try key(facts)?.difference(from: first) == "input tool.py changed")
    }

    @Test("Without the content of what it reads nothing can be said")
    func unreadable() throws {
        var facts = Facts()
        facts.reads[0].contentHash = nil
        #expect(try key(facts) == nil)
    }

    // MARK: - What is never reused

    /// A stage, and why it is never reused; nil where it may be.
    static let obstacles: [(stage: String, why: String?)] = [
        ("{type: command, output: out, run: ./build}", nil),
        ("{type: command, output: out, run: make}", "it runs make, which finds by itself what it reads"),
        ("{type: command, run: make}", "a command without an output always runs"),
        ("{type: command, run: make, reuse: unchanged}", nil),
        ("{type: command, output: out, run: make, reuse: never}", "the file says 'reuse: never'"),
        ("{type: process, input: raw, output: out}", nil),
        ("{type: report}", "a report is about the whole run"),
        ("{type: process, input: table, output: out}", "it reads the table db.t, which may change"),
        ("{type: load, input: raw, output: table, mode: replace}", "a table may have changed since it was loaded"),
        (
            "{type: command, output: out, run: \"make ${run.id}\"}",
            "it names ${run.id}, which every run has anew"
        ),
        (
            "{type: command, output: out, run: \"make $CAUDAL_ATTEMPT\"}",
            "it names CAUDAL_ATTEMPT, which every run has anew"
        ),
        (
            "{type: process, input: raw, output: out, checks: [{freshness: day, max_age: 1d}]}",
            "its check freshness_day looks at the clock"
        ),
        (
            "{type: process, input: raw, output: out, checks: [{row_count_variation: 5%}]}",
            "its check row_count_variation looks at earlier runs"
        ),
        (
            "{type: process, input: raw, output: out, checks: [{anomaly: row_count, id: odd}]}",
            "its check odd looks at earlier runs"
        ),
        ("{type: process, input: raw, output: out, checks: [{row_count: 5}, {not_null: a}]}", nil),
    ]

    @Test("What is never the same twice is never reused", arguments: obstacles)
    func obstacle(stage: String, why: String?) throws {
        let loaded = try loaded(
            """
            connections: {db: {type: sqlite, path: x.db}}
            datasets: {raw: {path: raw.csv}, out: {path: out.csv}, table: {connection: db, table: t}}
            stages: {s: \(stage)}
            """)
        #expect(reuse(loaded).obstacle(for: try #require(loaded.pipeline.stage("s"))) == why)
    }

    @Test("A query that asks for the clock or for chance is never reused", .tags(.duckDB))
    func unsteady() throws {
        for (query, why) in [
            ("select a from raw", nil), ("select now() as t from raw", "it asks for now, which is not the same twice"),
            ("select random() as r from raw", "it asks for random, which is not the same twice"),
        ] {
            let loaded = try loaded(
                """
                datasets: {raw: {path: raw.csv}, out: {path: out.csv}}
                stages: {s: {type: sql, output: out, query: "\(query)"}}
                """)
            #expect(reuse(loaded).obstacle(for: try #require(loaded.pipeline.stage("s"))) == why)
        }
    }

    @Test(
        "Reuse is wanted where the run reuses, or the stage asks for it by itself",
        arguments: [(true, "retry: 1", true), (false, "retry: 1", false), (false, "reuse: unchanged", true)])
    func wanted(run: Bool, line: String, expected: Bool) throws {
        let loaded = try loaded(Self.pipeline.replacing("retry: 1", with: line))
        #expect(reuse(loaded, run).isWanted(for: try #require(loaded.pipeline.stage("clean"))) == expected)
    }

    // MARK: - The decision

    /// A decision in words.
    private func words(_ decision: ReuseDecision) -> String {
        switch decision {
        case .run(let why): why
        case .reuse(let success): "as in \(success.run)"
        }
    }

    /// Records that a stage succeeded in a run, with the file that it published.
    private func succeeded(
        _ run: RunID, _ key: ReuseKey, unit: UnitID = UnitID("clean"), pipeline: String = "test", started: Int64
    ) throws {
        let path = folder.path("out.csv")
        var result = AttemptResult.succeeded
        result.reuseKey = key
        result.artifacts = [
            Artifact(
                dataset: "out", path: "out.csv", sizeInBytes: FileText.size(path) ?? -1,
                contentHash: ContentHash.of(path: path))
        ]
        let plan = RunPlan(pipeline: pipeline, maxParallel: 1, stages: [PlannedStage(id: unit.stage)])
        try store.record(
            run, plan, started: started, [.runStarted(.ofTest)] + .attempt(unit, result) + [.runEnded(.succeeded)])
    }

    @Test("A success with the same key whose outputs lie there as it left them is taken again")
    func decision() throws {
        let reuse = reuse(try loaded())
        let unit = UnitID("clean")
        let key = try #require(try key(Facts()))
        #expect(words(try reuse.decide(unit, key)) == "no earlier success")
        try folder.write("out.csv", "a\n1\n")
        try succeeded("r1", key, started: 1000)
        #expect(words(try reuse.decide(unit, key)) == "as in r1")
        #expect(words(try reuse.decide(UnitID("other"), key)) == "no earlier success")
        #expect(words(try reuse.decide(UnitID("clean", "x"), key)) == "no earlier success", "an item is another unit")

        var facts = Facts()
        facts.parameters["day"] = "2026-02-02"
        let other = try #require(try self.key(facts))
        #expect(words(try reuse.decide(unit, other)) == "parameter day changed")
        // Of several successes the one with the key is found; what changed is told against the last.
        try succeeded("r2", other, started: 900_000)
        #expect(words(try reuse.decide(unit, key)) == "as in r1")
        #expect(words(try reuse.decide(unit, other)) == "as in r2")
        facts.parameters["day"] = "2026-03-03"
        facts.duckDB = nil
        #expect(
            words(try reuse.decide(unit, try #require(try self.key(facts))))
                == "parameter day changed; DuckDB is not used, was 1.5.5")
        try succeeded("r3", key, started: 1_900_000)
        #expect(words(try reuse.decide(unit, key)) == "as in r3", "the last of several with one key")
    }

    @Test("Successes of another pipeline are none of this one's")
    func otherPipeline() throws {
        let key = try #require(try key(Facts()))
        try folder.write("out.csv", "a\n1\n")
        try succeeded("r1", key, pipeline: "other", started: 1000)
        #expect(words(try reuse(try loaded()).decide(UnitID("clean"), key)) == "no earlier success")
    }

    /// What became of the published file, and why the stage runs again.
    static let losses: [(text: String?, why: String)] = [
        ("a\n1\n", "as in r1"), (nil, "output out.csv is missing"), ("a\n2\n", "output out.csv was changed"),
        ("a\n1\n2\n", "output out.csv was changed"),
    ]

    @Test("A success whose output is gone or was changed is not taken again", arguments: losses)
    func loss(text: String?, why: String) throws {
        let key = try #require(try key(Facts()))
        try folder.write("out.csv", "a\n1\n")
        try succeeded("r1", key, started: 1000)
        try FileManager.default.removeItem(atPath: folder.path("out.csv"))
        if let text { try folder.write("out.csv", text) }
        #expect(words(try reuse(try loaded()).decide(UnitID("clean"), key)) == why)
    }
}

/// What decides the key of an attempt, besides the file.
private struct Facts: Sendable {
    var stage: StageID = "clean"
    var parameters = ["day": "2026-01-01", "mode": "fast"]
    var variables = ["ZONE": "north", "HOME": "/home"]
    var item: Item?
    var reads = [InputVersion(dataset: "raw", path: "raw/a.csv", sizeInBytes: 1, contentHash: "xxh64:1")]
    var columns = [Column("a", .text)]
    var duckDB: String? = "1.5.5"
    var run: RunID = "r1"
    var now = Moment(wall: 1_795_406_640_000, steady: 0)
}

/// What is otherwise than before, and what is said of it; nothing where it decides nothing.
struct FactChange: Sendable, CustomTestStringConvertible {
    let testDescription: String
    fileprivate let make: @Sendable (inout Facts) -> Void
    let difference: String

    private init(_ what: String, _ difference: String, _ make: @escaping @Sendable (inout Facts) -> Void) {
        testDescription = what
        self.difference = difference
        self.make = make
    }

    static let all = [
        Self("a parameter that a dataset's path names", "parameter day changed") {
            $0.parameters["day"] = "2026-02-02"
        },
        Self("a parameter that nothing names", "") { $0.parameters["mode"] = "full" },
        Self("a variable that nothing names", "") { $0.variables["HOME"] = "/root" },
        Self("the run", "") { $0.run = "r2" },
        Self("the time", "") { $0.now.wall += 86_400_000 },
        Self("the content of what is read", "input raw/a.csv changed") { $0.reads[0].contentHash = "xxh64:2" },
        Self("another file", "input raw/a.csv, raw/b.csv changed") { $0.reads[0].path = "raw/b.csv" },
        Self("a file more", "input raw/b.csv is new") {
            $0.reads.append(InputVersion(dataset: "raw", path: "raw/b.csv", sizeInBytes: 1, contentHash: "x"))
        },
        Self("a file less", "input raw/a.csv is no longer read") { $0.reads = [] },
        Self("which dataset a file is of", "") { $0.reads[0].dataset = "other" },
        Self("the type of a column", "input columns of raw changed") { $0.columns = [Column("a", .integer)] },
        Self("DuckDB", "DuckDB is 1.6.0, was 1.5.5") { $0.duckDB = "1.6.0" },
        Self("an item", "the item's values changed") { $0.item = Item(key: "x", values: ["k": "1"]) },
    ]
}
