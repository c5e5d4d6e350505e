import Foundation
import TestSupport
import Testing

@Suite("Explaining a stage", .timeLimit(.minutes(15)))
struct ExplainTests {
    @Test("A report says which files it writes")
    func report() async throws {
        let project = try CaudalProject(copying: [])
        try project.write(
            "p.yaml",
            "version: 1\nname: p\nstages:\n  tell: {type: report, formats: [html], output_dir: out}\n")
        let answer = try await project.caudal("explain", "p.yaml", "tell")
        #expect(answer.status == 0, "\(answer)")
        #expect(answer.output.contains("report of the run"))
        #expect(answer.output.contains("out/p-RUN.html"))
    }

    @Test("A command is printed as a shell takes it")
    func command() async throws {
        let project = try CaudalProject(copying: [])
        try project.write(
            "p.yaml",
            """
            version: 1
            name: p
            stages:
              tell: {type: command, run: [echo, "it's", a b, $HOME, "", plain]}
            """)
        let answer = try await project.caudal("explain", "p.yaml", "tell")
        #expect(answer.output.hasPrefix("echo 'it'\\''s' 'a b' '$HOME' '' plain\n"), "\(answer)")
    }

    @Test("Items that are found in what is not there yet cannot be explained, and the way on is told")
    func missingItems() async throws {
        let project = try CaudalProject()
        let answer = try await project.caudal("explain", "config/pipeline_config.yaml", "process")
        #expect(answer.status == 1, "\(answer)")
        #expect(answer.errors.contains("'sales_valid' is not there yet; run the pipeline first"), "\(answer)")
    }

    @Test(
        "A mistake is told at its place, with status 2, in the stage and in those that write what it reads",
        arguments: [
            ("query", "p.yaml:9:52: error: "), ("step", "p.yaml:10:65: error: there is no column 'w'"),
            ("behind", "p.yaml:9:52: error: "), ("counted", "p.yaml:12:48: error: "),
        ])
    func mistakes(stage: String, message: String) async throws {
        let project = try CaudalProject(copying: [])
        try project.write("in.csv", "id,v\n1,2\n")
        try project.write(
            "p.yaml",
            """
            version: 1
            name: p
            datasets:
              src: {path: in.csv}
              a: {path: a.csv}
              b: {path: b.csv}
              c: {path: c.csv}
            stages:
              query: {type: sql, output: a, query: "select id, vv from src"}
              step: {type: process, input: src, output: b, steps: [{filter: w > 1}]}
              behind: {type: sql, output: c, query: "select id from a"}
              counted: {type: check, input: src, checks: [{unique: nosuch}]}
              fine: {type: check, input: src, checks: [{unique: id}]}
            """)
        let answer = try await project.caudal("explain", "p.yaml", stage)
        #expect(answer.status == 2 && answer.output.isEmpty, "\(answer)")
        #expect(answer.errors.hasPrefix(message), "\(answer)")
        let fine = try await project.caudal("explain", "p.yaml", "fine")
        #expect(fine.status == 0, "faults of other stages are nobody's matter: \(fine)")
    }

    /// Every kind of data stage, step and check, over names that somebody might well use.
    private static let pipeline = """
        version: 1
        name: everything
        params: {Day: {type: date, default: 2026-11-23}, day: {type: string, default: north}, least: {type: integer, default: 1}}
        connections: {db: {type: sqlite, path: out.db}}
        datasets:
          raw: {path: raw.csv, schema: schema.json}
          lines: {path: lines.jsonl, schema: lines.json}
          regions: {path: regions.csv}
          measures: {path: regions.csv}
          known0: {path: regions.csv}
          valid: {path: out/valid.parquet}
          objects: {path: out/objects.csv}
          steps: {path: out/steps.csv}
          rich: {path: out/rich.parquet}
          picked: {path: out/picked.json}
          parts: {path: "out/parts/${item.region}.csv"}
          table: {connection: db, table: t}
          late: {path: late.csv}
        stages:
          valid:
            type: validate
            input: raw
            output: valid
            checks: [{sql: "select * from input join measures using (region) where id is null"}, {unique: id, severity: warn}]
          objects: {type: validate, input: lines, output: objects, checks: [{row_count: 2}]}
          steps:
            type: process
            input: valid
            output: steps
            steps:
              - deduplicate: {by: [id], keep: last, order_by: day}
              - fill_missing: {region: nowhere}
              - derive: {double: price * 2, label: "region || '!'"}
              - filter: price >= ${params.least}
              - rename: {label: word}
              - cast: {double: integer}
              - trim: all
              - map_values: {column: region, values: {north: north, nil: ~}, otherwise: other}
              - split: {column: word, separator: "o", into: [first, second]}
              - sql: select * from input where region in (select region from measures) or ${params.day} = 'north'
              - deduplicate: {by: [id]}
              - select: [id, region, price, day, first]
              - drop: [first]
            checks:
              - {not_null: id}
              - {completeness: price, min: 50%}
              - {unique: [id, region]}
              - {accepted_values: region, in: [north, other]}
              - {range: price, min: 0}
              - {matches: region, pattern: "o"}
              - {row_count: {min: 1}}
              - {row_count_variation: 50%}
              - {freshness: day, max_age: 9000d}
              - {schema: {id: integer, region: text, price: number, day: date}}
              - {foreign_key: id, dataset: steps}
              - {foreign_key: id, dataset: valid}
              - {distinct_count: id, min: 1}
              - {sum: price, min: 0, partition_by: region}
              - {mean: price, min: 0, where: price > 0}
              - {anomaly: row_count}
              - {anomaly: {mean: price}}
              - {sql: "select * from input where day > ${params.Day}::date + interval 300 day", id: far}
              - {sql: select * from known0 where region is null, id: other}
          rich:
            type: enrich
            input: steps
            output: rich
            lookups: [{dataset: regions, on: region, add: [name], default: none, duplicates: first}]
            checks: [{sql: select * from input where name is null}]
          picked:
            type: sql
            output: picked
            query: |
              with measures as (select region, count(*) as known0 from rich group by all)
              select * from measures join regions using (region)
            checks: [{sql: select * from regions join input using (region) where known0 < 1}, {foreign_key: region, dataset: regions}]
          parts:
            type: process
            input: valid
            output: parts
            foreach: {region: {sql: select distinct region from valid order by 1}}
            steps: [{deduplicate: {by: [id]}}, {sql: select * from input}]
            checks: [{sql: "select * from input where region <> ${item.region}"}]
          look: {type: check, input: rich, checks: [{foreign_key: region, dataset: regions}, {sql: select * from input where id < 0}]}
          load: {type: load, input: rich, output: table, mode: replace, checks: [{sql: select * from input join rich using (id) where id < 0}]}
          late: {type: sql, output: late, query: select * from rich}
        """

    private func project() throws -> CaudalProject {
        let project = try CaudalProject(copying: [])
        try project.write("p.yaml", Self.pipeline)
        try project.write(
            "raw.csv",
            "id,region,price,day\n1,north,2.5,2026-11-20\n1,north,3.5,2026-11-21\n2,south,x,2026-11-21\n3,south,4,2026-11-22\n"
        )
        try project.write("regions.csv", "region,name\nnorth,North\nother,Others\nsouth,South\n")
        try project.write(
            "lines.jsonl", "{\"k\":\"a\",\"o\":1}\n{\"k\":\"b\",\"o\":2}\n{\"k\":\"c\",\"o\":3,\"v\":1}\n")
        try project.write(
            "schema.json",
            """
            {"type": "object", "required": ["id"], "properties": {"id": {"type": "integer"}, "region": {"type": "string"},
             "price": {"type": "number"}, "day": {"type": "string", "format": "date"}}}
            """)
        try project.write(
            "lines.json",
            """
            {"type": "object", "properties": {"k": {"type": "string"}, "o": {"type": "integer"}},
             "additionalProperties": false}
            """)
        return project
    }

    /// The SQL of each stage of the pipeline, so that no change of it goes unseen; `CAUDAL_RECORD_GOLDEN=1` records it anew.
    private static let golden = Repository.path("Tests/EndToEndTests/Explained")

    @Test("The SQL of every stage, step and check is as its golden file says, and runs in plain duckdb")
    func everything() async throws {
        let isRecording = ProcessInfo.processInfo.environment["CAUDAL_RECORD_GOLDEN"] == "1"
        let project = try project()
        #expect(try await project.caudal("validate", "p.yaml").status == 0)
        // In the order in which they write what the next ones read.
        for stage in ["valid", "objects", "steps", "rich", "picked", "parts", "look", "load", "late"] {
            let explained = try await project.caudal("explain", "p.yaml", stage)
            #expect(explained.status == 0, "\(stage): \(explained)")
            // How much memory there is belongs to the machine.
            let kept = explained.output.replacing(#/SET memory_limit = '\d+MB'/#, with: "SET memory_limit = 'N MB'")
            let file = URL(fileURLWithPath: "\(Self.golden)/\(stage).sql")
            if isRecording { try kept.write(to: file, atomically: true, encoding: .utf8) }
            let golden = try? String(contentsOf: file, encoding: .utf8)
            #expect(kept == golden, "\(stage); CAUDAL_RECORD_GOLDEN=1 records it anew")
            // The transaction of a load needs DuckDB's own extension, which a plain duckdb fetches.
            let text = explained.output.components(separatedBy: "\n-- The transaction")[0]
            try project.write("explained.sql", text)
            let answer = try await project.run(
                Repository.path(".tools/duckdb/duckdb_cli/duckdb"), ["-no-init", "-f", "explained.sql"])
            #expect(answer.status == 0 && !answer.errors.contains("Error"), "\(stage): \(answer)")
        }
        #expect(project.exists("late.csv"))
        #expect(!isRecording, "the golden files were recorded: read them, then run without CAUDAL_RECORD_GOLDEN")
    }

    @Test("What runs does what was explained: the run succeeds, whatever datasets, columns and keys are called")
    func run() async throws {
        let project = try project()
        let answer = try await project.caudal("run", "p.yaml", "--plain", "--exclude", "load")
        #expect(answer.status == 0, "\(answer)")
        let quarantine = try project.read("data/quarantine/lines.csv")
        #expect(quarantine.contains("lines.jsonl,3,,v,additionalProperties: false,1"), "\(quarantine)")
    }
}
