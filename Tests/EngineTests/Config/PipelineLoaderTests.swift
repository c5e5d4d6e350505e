import CaudalModel
import Engine
import Foundation
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(15))) struct PipelineLoaderTests {
    private let folder: ScratchFolder

    init() throws { folder = try ScratchFolder() }

    private func load(
        _ yaml: String, environment: String? = nil, variables: [String: String] = [:]
    ) throws -> LoadedPipeline {
        try LoadedPipeline(yaml: yaml, in: folder, environment: environment, variables: variables)
    }

    @Test("The sales pipeline is read whole", .tags(.duckDB), arguments: [nil, "dev"])
    func salesPipeline(environment: String?) throws {
        let loaded = try LoadedPipeline(
            file: Repository.path("config/pipeline_config.yaml"), environment: environment)
        let pipeline = loaded.pipeline
        #expect(pipeline.root == Repository.root)
        #expect(pipeline.stages.map(\.id) == ["validate", "process", "enrich", "quality", "report", "publish"])
        #expect(pipeline.upstream["enrich"] == ["process"])
        #expect(pipeline.upstream["publish"] == ["quality"])
        #expect(pipeline.maxParallel == (environment == nil ? 4 : 2))
        #expect(loaded.schemas["sales_raw"]?.required == ["order_id", "product_id", "order_date"])
        let publish = try #require(pipeline.stage("publish"))
        #expect(publish.retry == RetryPolicy(limit: 2, delay: .seconds(5), jitter: 0.1, exitStatuses: [75]))
        #expect(publish.timeout == .seconds(60))
        #expect(!publish.isIdempotent)
        #expect(loaded.warnings.isEmpty)
    }

    @Test("The demo pipeline is read whole", .tags(.duckDB))
    func demoPipeline() throws {
        let pipeline = try LoadedPipeline(file: Repository.path("config/demo.yaml")).pipeline
        #expect(pipeline.stages.count == 9)
        #expect(pipeline.upstream["validate"] == ["generate_sales"])
        #expect(pipeline.upstream["by_category"] == ["enrich"])
        #expect(try TopologicalOrder.of(pipeline.upstream).count == 9)
    }

    @Test("An environment is laid over the file key by key, and a list is replaced")
    func environmentOverlay() throws {
        let yaml = """
            max_parallel: 8
            pools: {warehouse: 2, crm: 1}
            datasets:
              raw: {path: raw.csv, csv: {delimiter: ";", header: true}}
            stages:
              publish: {type: command, run: [./publish.sh, "--dry-run"], timeout: 5m}
            environments:
              prod:
                pools: {warehouse: 6}
                datasets: {raw: {path: "/data/raw.csv"}}
                stages:
                  publish: {run: [./publish.sh]}
                  report: {type: report, needs: publish}
              empty:
            """
        let plain = try load(yaml).pipeline
        #expect(plain.pools == ["warehouse": 2, "crm": 1])
        #expect(plain.chosenEnvironment == nil)
        let prod = try load(yaml, environment: "prod").pipeline
        #expect(prod.chosenEnvironment == "prod")
        #expect(prod.maxParallel == 8)
        #expect(prod.pools == ["warehouse": 6, "crm": 1])
        #expect(prod.dataset("raw")?.path?.description == "/data/raw.csv")
        #expect(prod.dataset("raw")?.csv.delimiter == ";")
        #expect(prod.stages.map(\.id) == ["publish", "report"])
        #expect(prod.stage("publish")?.timeout == .seconds(300))
        let command = try #require(prod.stage("publish")?.definition as? CommandStage)
        #expect(command.run == .arguments([Template(text: "./publish.sh")]))
        #expect(try load(yaml, environment: "empty").pipeline.stages.count == 1)
    }

    @Test("Parameters keep their kinds, defaults and descriptions")
    func parameters() throws {
        let parameters = try load(
            """
            params:
              day: {type: date, default: yesterday, description: Which day}
              mode: {type: enum, values: [full, delta], default: full}
              rows: {type: integer}
              "on": {type: boolean, default: true}
            stages:
              publish: {type: command, run: ./publish.sh}
            """
        ).pipeline.parameters
        #expect(parameters.map(\.name) == ["day", "mode", "rows", "on"])
        #expect(parameters.map(\.kind) == [.date, .choice(["full", "delta"]), .integer, .boolean])
        #expect(parameters.map(\.defaultValue) == ["yesterday", "full", nil, "true"])
        #expect(parameters[0].description == "Which day")
        let now = Moment(wall: 1_795_392_000_000, steady: 0)
        #expect(parameters[0].value(of: "yesterday", now: now) == .success("2026-11-22"))
        // At six in the morning UTC it is still yesterday in Hawaii, and in Kiritimati today has twenty hours.
        let west = try #require(TimeZone(identifier: "Pacific/Honolulu"))
        #expect(parameters[0].value(of: "today", now: now, in: west) == .success("2026-11-22"))
        #expect(parameters[0].value(of: "yesterday", now: now, in: west) == .success("2026-11-21"))
        #expect(parameters[2].value(of: "007", now: now) == .success("7"))
        #expect(parameters[1].value(of: "all", now: now) == .failure(ParameterFault("'all' is not one of full, delta")))
    }

    @Test("Variables come from .env beside the file, and those of the process count more")
    func variableFile() throws {
        let file = try folder.write(
            ".env",
            "# secrets\n\nexport PGPASSWORD='s3cret word'\nHOST=db.local # the test host\nURL=\"http://a/#b\"\nEMPTY=\n"
        )
        let loaded = try load(
            "stages: {publish: {type: command, run: \"./publish.sh ${env.PGPASSWORD}\"}}",
            variables: ["HOST": "other"])
        #expect(loaded.variableFile == file)
        #expect(
            loaded.variables
                == ["PGPASSWORD": "s3cret word", "HOST": "other", "URL": "http://a/#b", "EMPTY": ""])
    }

    @Test("A .env file with Windows line ends is read line by line")
    func variableFileWithWindowsLineEnds() throws {
        try folder.write(".env", "A=1\r\nB=2\r\n")
        #expect(try load("stages: {a: {type: command, run: ./a.sh}}").variables == ["A": "1", "B": "2"])
    }

    @Test("A quoted value of .env ends at its mark, with a comment behind it or nothing")
    func quotedVariables() throws {
        try folder.write(
            ".env",
            #"""
            N="a" # c
            P='it' #c
            L="with \"q\" and \\ and \$X"
            M="two\nlines"
            R='a\n"b"'
            B="x # y"
            E=""
            """#)
        #expect(
            try load("stages: {a: {type: command, run: ./a.sh}}").variables == [
                "N": "a", "P": "it", "L": #"with "q" and \ and $X"#, "M": "two\nlines", "R": #"a\n"b""#, "B": "x # y",
                "E": "",
            ])
        for line in [#"U="unclosed"#, #"U="a" b"#, "U='a'b", #"U="a\""#] {
            try folder.write(".env", "A=1\n\(line)\n")
            let error = #expect(throws: InvalidPipeline.self) { try load("stages: {a: {type: command, run: ./a.sh}}") }
            #expect(error?.errors.first?.location.line == 2, "\(line)")
        }
    }

    @Test("A line of .env that is no variable is an error in that file")
    func brokenVariableFile() throws {
        try folder.write(".env", "A=1\nnonsense\n")
        let error = #expect(throws: InvalidPipeline.self) { try load("stages: {a: {type: command, run: ./a.sh}}") }
        #expect(error?.errors.first?.location.line == 2)
        #expect(error?.errors.first?.oneLine.hasSuffix("this line sets no variable; write it as NAME=value") == true)
    }

    @Test("Paths start from the file's folder, or from the one above it when that is called config")
    func rootOfPaths() {
        #expect(PipelineLoader.root(of: "/srv/config/sales.yaml") == "/srv")
        #expect(PipelineLoader.root(of: "/srv/pipelines/sales.yaml") == "/srv/pipelines")
    }

    @Test("A file that is not there and a folder are said to be just that")
    func missingFile() throws {
        let missing = #expect(throws: InvalidPipeline.self) { try LoadedPipeline(file: folder.path("none.yaml")) }
        #expect(missing?.description.contains("there is no file '") == true)
        let isFolder = #expect(throws: InvalidPipeline.self) { try LoadedPipeline(file: folder.path) }
        #expect(isFolder?.description.contains("is a folder") == true)
    }

    @Test("Anchors and aliases stand for what they name")
    func anchors() throws {
        let pipeline = try load(
            """
            stages:
              first: {type: command, run: ./a.sh, retry: &retry {limit: 2, delay: 1s}}
              second: {type: command, run: ./b.sh, retry: *retry}
            """
        ).pipeline
        #expect(pipeline.stage("second")?.retry == RetryPolicy(limit: 2, delay: .seconds(1)))
    }

    @Test("Byte order mark, Windows line ends and comments change nothing")
    func layout() throws {
        let yaml = "version: 1\nname: test\nstages:\n  a: {type: command, run: \"echo ä\"} # done\n"
        let plain = try load(yaml).pipeline
        for variant in ["\u{feff}" + yaml, yaml.replacing("\n", with: "\r\n"), "# head\n---\n" + yaml] {
            let pipeline = try load(variant).pipeline
            #expect(pipeline.stage("a")?.definitionText == plain.stage("a")?.definitionText)
        }
    }

    @Test("The text that reuse compares is the same for the same meaning, whatever the layout")
    func definitionText() throws {
        let flow = try load("stages: {a: {type: command, run: ./a.sh, timeout: 5m}}").pipeline
        let block = try load("stages:\n  a:\n    timeout: \"5m\"\n    run: './a.sh'\n    type: command\n").pipeline
        let other = try load("stages: {a: {type: command, run: ./a.sh, timeout: 6m}}").pipeline
        #expect(flow.stages[0].definitionText == block.stages[0].definitionText)
        #expect(flow.stages[0].definitionText != other.stages[0].definitionText)
    }

    @Test("Stages follow each other through the data they name, in queries and fan-outs too", .tags(.duckDB))
    func dataEdges() throws {
        let upstream = try load(
            """
            datasets:
              a: {path: a.parquet}
              b: {path: b.parquet}
              c: {path: "c/${item.x}.parquet"}
              d: {path: d.parquet}
            stages:
              make_a: {type: command, run: ./a.sh, output: a}
              make_b: {type: sql, query: "select 'a b' as t, * from a -- not c", output: b}
              make_c: {type: process, input: a, output: c, foreach: {x: {sql: select x from b}}}
              make_d: {type: process, input: c, output: d, steps: [{sql: "select * from input join b using (x)"}]}
            """
        ).pipeline.upstream
        #expect(
            upstream == [
                "make_a": [], "make_b": ["make_a"], "make_c": ["make_a", "make_b"], "make_d": ["make_b", "make_c"],
            ])
    }
}
