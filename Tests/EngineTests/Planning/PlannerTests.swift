import CaudalModel
import Engine
import TestSupport
import Testing

/// What a run is going to do, by its file, its parameters and what was chosen of it.
@Suite("Planner", .tags(.runs), .timeLimit(.minutes(15)))
struct PlannerTests {
    private let folder: ScratchFolder
    /// 2026-11-23 04:04 UTC, which is still the day before in New York.
    private static let now = Moment(wall: 1_795_406_640_000, steady: 0)

    init() throws { folder = try ScratchFolder() }

    private func plan(
        _ yaml: String, _ parameters: [String: String] = [:], selected: Set<StageID>? = nil,
        selection: String? = nil, reuse: Bool? = nil, variables: [String: String] = [:],
        machine: Resources = Resources()
    ) throws -> RunPlan {
        let loaded = try LoadedPipeline(yaml: yaml, in: folder, variables: variables)
        let request = RunRequest(parameters: parameters, selection: selection, reuse: reuse)
        return try Planner(loaded, request: request, now: Self.now, machine: machine)
            .plan(selected: selected)
    }

    /// What is said of a plan that cannot be made.
    private func faults(
        _ yaml: String, _ parameters: [String: String] = [:], selected: Set<StageID>? = nil,
        variables: [String: String] = [:], machine: Resources = Resources()
    ) -> [String] {
        let error = #expect(throws: InvalidPipeline.self) {
            try plan(yaml, parameters, selected: selected, variables: variables, machine: machine)
        }
        return (error?.errors ?? []).map(\.message)
    }

    // MARK: - Parameters

    private static let parameters = """
        params:
          day: {type: date, default: yesterday}
          mode: {type: enum, values: [fast, full], default: fast}
          count: {type: integer, default: "3"}
          api_key: {type: string, default: k}
        stages: {a: {type: command, run: "echo ${params.day}"}}
        """

    @Test(
        "A parameter is what was given, or its default",
        arguments: [
            ([:], ["day": "2026-11-22", "mode": "fast", "count": "3", "api_key": "k"]),
            (["mode": "full"], ["day": "2026-11-22", "mode": "full", "count": "3", "api_key": "k"]),
            (["day": "today", "count": "-7"], ["day": "2026-11-23", "mode": "fast", "count": "-7", "api_key": "k"]),
            (["day": "2024-02-29"], ["day": "2024-02-29", "mode": "fast", "count": "3", "api_key": "k"]),
        ])
    func values(given: [String: String], expected: [String: String]) throws {
        #expect(try plan(Self.parameters, given).parameters == expected)
    }

    @Test("today and yesterday are days of the pipeline's zone")
    func zone() throws {
        let yaml = "timezone: America/New_York\n" + Self.parameters
        #expect(try plan(yaml).parameters["day"] == "2026-11-21")
        #expect(try plan(yaml, ["day": "today"]).parameters["day"] == "2026-11-22")
    }

    @Test("What is wrong with parameters is told together, without the value of a secret one")
    func faultsOfParameters() {
        let yaml = """
            params:
              day: {type: date}
              count: {type: integer, default: "3"}
              api_key: {type: enum, values: [one, two], default: one}
            stages: {a: {type: command, run: "echo ${params.day}"}}
            """
        let told = faults(yaml, ["count": "many", "api_key": "guessed-value", "dya": "today"])
        #expect(told.count == 4, "\(told)")
        #expect(told.contains { $0.contains("no parameter 'dya'") && $0.contains("did you mean 'day'") })
        #expect(told.contains { $0.contains("'day' has no default and was not given") })
        #expect(told.contains { $0.contains("'count' does not fit") && $0.contains("many") })
        #expect(told.contains { $0.contains("'api_key' does not fit") })
        #expect(told.allSatisfy { !$0.contains("guessed-value") })
    }

    @Test("A plan is recorded without what is secret of its parameters")
    func recorded() throws {
        let loaded = try LoadedPipeline(yaml: Self.parameters, in: folder)
        let recorded = loaded.recorded(["api_key": "long-enough", "mode": "with long-enough", "day": "x"])
        #expect(recorded == ["api_key": "••••", "mode": "with ••••", "day": "x"])
    }

    @Test("A plan has no secret that the file itself holds, and tells another one by its fingerprint")
    func secretsOfTheFile() throws {
        func definitions(_ secret: String) throws -> String {
            let yaml = """
                env: {DB_PASSWORD: \(secret)-1, REGION: north, SOURCE: "postgres://ann:\(secret)-2@db/x"}
                params: {api_key: {type: string, default: \(secret)-3}}
                stages:
                  a: {type: command, run: "login --dsn 'host=db password=\(secret)-4'", env: {API_TOKEN: \(secret)-5}}
                  b: {type: command, run: "true", env: {API_TOKEN: "${params.api_key}"}}
                """
            let plan = try plan(yaml)
            return ([plan.definitionText] + plan.stages.map(\.definitionText)).joined(separator: "\n")
        }
        let text = try definitions("opensesame")
        #expect(!text.contains("opensesame"), "\(text)")
        #expect(text.contains("env.REGION: north") && text.contains("postgres://ann:••••@db/x"))
        #expect(text.contains("API_TOKEN: ${params.api_key}"), "a reference is none")
        #expect(try definitions("opensesame") == text)
        let other = try definitions("another-word").split(separator: "\n")
        let changed = zip(text.split(separator: "\n"), other).filter { $0 != $1 }.count
        #expect(changed >= 5, "every changed secret is told: \(other)")
    }

    // MARK: - Conditions

    @Test(
        "if: a stage whose comparison is false has a reason to be skipped; numbers are compared as numbers",
        arguments: [
            ("${params.mode} == fast", true), ("${params.mode} == full", false), ("${params.mode} != fast", false),
            ("${params.mode} != full", true), ("${params.count} < 20", true), ("${params.count} > 20", false),
            ("${params.count} <= 3.0", true), ("${params.count} >= 3.5", false), ("${params.mode} < full", true),
            ("${env.NAME} == there", true),
        ])
    func condition(condition: String, holds: Bool) throws {
        let yaml = Self.parameters.replacing("run: \"echo ${params.day}\"", with: "run: \"true\", if: \"\(condition)\"")
        let reason = try plan(yaml, variables: ["NAME": "there"]).stages[0].skipReason
        #expect(reason == (holds ? nil : "\(condition) is false"))
    }

    @Test(
        "if: what is compared follows from the parameter's type: texts to the letter, whole numbers exactly",
        arguments: [
            ("${params.store} == 7", false), ("${params.store} == 007", true), ("${params.rev} == 1000", false),
            ("${params.rev} != 1e3", false), ("${params.code} == 1", false), ("${params.code} == 01", true),
            ("${params.word} == 5", false), ("${params.accent} == é", false), ("${params.accent} == e\u{301}", true),
            ("${params.id} == 9007199254740992", false), ("${params.id} > 9007199254740992", true),
            ("${params.id} == 9007199254740993", true), ("${params.id} < 9e15", false),
            ("${params.part} == 0.50", true),
            ("v${params.part} == v0.50", false), ("${params.store} == ${params.part}", false),
            ("${env.VERSION} == 1.1", false), ("${env.VERSION} == 1.10", true), ("${env.VERSION} >= 1.1", true),
            ("${env.WORD} > 5", true), ("${env.WORD} == 5", false),
        ])
    func typedCondition(condition: String, holds: Bool) throws {
        let yaml = """
            params:
              store: {type: string, default: "007"}
              rev: {type: string, default: "1e3"}
              code: {type: enum, values: ["01", "1"], default: "01"}
              word: {type: string, default: nan}
              accent: {type: string, default: "e\u{301}"}
              id: {type: integer, default: 9007199254740993}
              part: {type: number, default: 0.5}
            stages: {a: {type: command, run: "true", if: "\(condition)"}}
            """
        let reason = try plan(yaml, variables: ["VERSION": "1.10", "WORD": "nan"]).stages[0].skipReason
        #expect(reason == (holds ? nil : "\(condition) is false"))
    }

    // MARK: - Selection

    private static let chain = """
        stages:
          a: {type: command, run: "true"}
          b: {type: command, needs: a, run: "true"}
          c: {type: command, needs: b, run: "true"}
          d: {type: command, needs: [b, a], run: "true"}
          e: {type: command, needs: [c, d], run: "true"}
        """

    /// What was chosen, and what each chosen stage waits for.
    static let selections: [(Set<StageID>?, [StageID: [StageID]])] = [
        (nil, ["a": [], "b": ["a"], "c": ["b"], "d": ["a", "b"], "e": ["c", "d"]]),
        (["a", "e"], ["a": [], "e": ["a"]]),
        (["a", "c", "e"], ["a": [], "c": ["a"], "e": ["a", "c"]]),
        (["e"], ["e": []]),
        (["b", "e"], ["b": [], "e": ["b"]]),
    ]

    @Test("A stage that is left out passes its own needs on", arguments: selections)
    func selection(chosen: Set<StageID>?, upstream: [StageID: [StageID]]) throws {
        let plan = try plan(Self.chain, selected: chosen)
        let found = Dictionary(uniqueKeysWithValues: plan.stages.map { ($0.id, $0.upstream) })
        #expect(found == upstream)
        #expect(plan.stages.map(\.id) == upstream.keys.sorted())
    }

    @Test("The plan says what was asked for, and nothing where all stages run")
    func words() throws {
        #expect(try plan(Self.chain).selection == nil)
        #expect(try plan(Self.chain, selected: ["a"], selection: "a+").selection == "a+")
        #expect(try plan(Self.chain, selected: ["a"]).selection == "chosen stages")
    }

    // MARK: - What a stage has

    @Test("A stage has its rules from the file and its usual duration from past runs")
    func rules() throws {
        let yaml = """
            pools: {db: 2}
            max_parallel: 7
            keep_versions: 5
            stages:
              a:
                type: command
                description: words
                group: g
                run: "true"
                when: all_done
                retry: {limit: 2, delay: 1s}
                timeout: 5m
                pool: db
                resources: {cpu: 0.5, memory: 64MB}
                allow_failure: true
                idempotent: false
                foreach: {x: [p, q], max_parallel: 3, on_failure: stop}
            """
        let plan = try plan(yaml).expecting(["a": .seconds(3)])
        var expected = PlannedStage(
            id: "a", type: "command", description: "words", group: "g", when: .allDone,
            retry: RetryPolicy(limit: 2, delay: .seconds(1)), timeout: .seconds(300), pool: "db",
            resources: Resources(cpu: 0.5, memory: 64_000_000), allowsFailure: true, isIdempotent: false,
            fanOut: .init(maxParallel: 3, onFailure: .stop), expected: .seconds(3))
        expected.definitionText = plan.stages[0].definitionText
        #expect(plan.stages == [expected])
        #expect((plan.maxParallel, plan.pools, plan.keepsVersions) == (7, ["db": 2], 5))
        #expect(plan.root == folder.path && plan.pipeline == "test")
        #expect(try self.plan(Self.chain).keepsVersions == nil, "one version is the default, and not said")
    }

    @Test(
        "reuse: what was asked for counts more than the file",
        arguments: [(nil, nil, false), ("unchanged", nil, true), ("unchanged", false, false), ("never", true, true)])
    func reuse(file: String?, asked: Bool?, expected: Bool) throws {
        let yaml = (file.map { "reuse: \($0)\n" } ?? "") + Self.chain
        #expect(try plan(yaml, reuse: asked).reusesUnchanged == expected)
    }

    @Test("Paths of outputs are filled as far as they are known before the run; tables go by their connection")
    func outputs() throws {
        let yaml = """
            params: {day: {type: date, default: "2026-01-02"}}
            connections: {db: {type: sqlite, path: x.db}}
            datasets:
              raw: {path: raw.csv}
              parts: {path: "out/${params.day}/${item.x}-${env.WHO}.parquet"}
              table: {connection: db, table: t}
            stages:
              split: {type: process, input: raw, output: parts, foreach: {x: [p, q]}}
              load: {type: load, input: parts, output: table, mode: replace}
            """
        let stages = try plan(yaml, variables: ["WHO": "ann"]).stages
        #expect(stages[0].outputPaths == ["out/2026-01-02/${item.x}-ann.parquet"])
        #expect(stages[1].outputPaths == ["db.t"])
        #expect(stages.map(\.outputs) == [["parts"], ["table"]])
        #expect(stages.map(\.inputs) == [["raw"], ["parts"]])
        #expect(stages[1].upstream == ["split"])
    }

    @Test("A stage reads what its checks name and what it finds by a pattern, too")
    func reads() throws {
        let yaml = """
            datasets:
              raw: {path: raw.csv}
              one: {path: parts/one.csv}
              all: {path: "parts/*.csv"}
              sum: {path: sum.csv}
            stages:
              make: {type: command, output: one, run: "make"}
              sum: {type: process, input: all, output: sum, checks: [{foreign_key: id, dataset: raw}]}
            """
        #expect(try plan(yaml).stages[1].reads == ["all", "one", "raw"])
    }

    // MARK: - Faults

    @Test("A variable that a chosen stage needs and that is not set is a fault, told once")
    func variables() throws {
        let yaml = """
            stages:
              a: {type: command, run: "echo ${env.WHERE} ${env.WHERE}"}
              b: {type: command, run: "true"}
            """
        #expect(faults(yaml) == ["the environment variable 'WHERE' is not set"])
        #expect(try plan(yaml, selected: ["b"]).stages.map(\.id) == ["b"])
        #expect(try plan(yaml, variables: ["WHERE": "here"]).stages.count == 2)
        try folder.write(".env", "WHERE=there\n")
        #expect(try plan(yaml).stages.count == 2)
    }

    @Test("A stage that asks for more than the machine has could never start")
    func resources() throws {
        let yaml = "stages: {a: {type: command, run: \"true\", resources: {cpu: 4, memory: 2GB}}}"
        #expect(try plan(yaml, machine: Resources(cpu: 4, memory: 2_000_000_000)).stages.count == 1)
        #expect(
            faults(yaml, machine: Resources(cpu: 3.5, memory: 1_900_000_000)) == [
                "stage 'a' asks for 2.0 GB of memory, and this machine has 1.9 GB",
                "stage 'a' asks for 4 processors, and this machine has 3.5",
            ])
    }

    @Test("Values with which a stage reads what another writes, without waiting for it, are a fault")
    func places() {
        let yaml = """
            params: {name: {type: string, default: a}}
            datasets: {one: {path: "x/${params.name}.csv"}, b: {path: x/b.csv}, out: {path: out.csv}}
            stages:
              write: {type: command, output: one, run: "make"}
              read: {type: process, input: b, output: out}
            """
        #expect(throws: Never.self) { try plan(yaml) }
        #expect(!faults(yaml, ["name": "b"]).isEmpty)
        #expect(
            faults(yaml, ["name": "../y"]).contains { $0.contains("..") }, "a value leads out of the folder")
    }
}
