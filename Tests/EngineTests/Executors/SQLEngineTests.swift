import CaudalModel
import Engine
import Foundation
import TestSupport
import Testing

/// What an engine is asked for: with another one than DuckDB, nothing that only DuckDB understands is left.
@Suite("SQL engines", .timeLimit(.minutes(15)))
struct SQLEngineTests {
    private let folder: ScratchFolder

    init() throws { folder = try ScratchFolder() }

    /// Every stage type that has SQL, and every kind of check.
    private static let pipeline = """
        params: {least: {type: integer, default: 1}}
        connections: {shop: {type: sqlite, path: shop.db}}
        datasets:
          orders: {path: orders.csv, schema: rows.json}
          raw: {path: raw.jsonl, schema: rows.json}
          prices: {path: prices.parquet}
          valid: {path: valid.parquet}
          taken: {path: taken.csv}
          steps: {path: steps.parquet}
          rich: {path: rich.parquet}
          told: {path: told.csv}
          sold: {connection: shop, table: sold}
        stages:
          validate: {type: validate, input: orders, output: valid}
          take: {type: validate, input: raw, output: taken, quarantine: aside.parquet}
          process:
            type: process
            input: valid
            output: steps
            steps:
              - {deduplicate: {by: k, keep: last, order_by: t}}
              - {fill_missing: {n: 0}}
              - {derive: {m: 'round(n * 1.5)', w: 'cast(s as timestamp)'}}
              - {filter: 'n >= ${params.least}'}
              - {cast: {s: integer}}
              - {trim: all}
              - {map_values: {column: k, values: {a: b}}}
              - {split: {column: k, separator: '-', into: [left, right]}}
              - {sql: 'SELECT * FROM input'}
              - {deduplicate: {by: k}}
          enrich:
            type: enrich
            input: valid
            output: rich
            lookups:
              - {dataset: prices, on: k, add: price, valid: {from: since, to: until, at: t}}
              - {dataset: prices, on: k, add: [{price: last_price}], duplicates: last}
          ask:
            type: sql
            output: told
            query: SELECT k, count(*) AS n FROM valid GROUP BY k
          load: {type: load, input: valid, output: sold, mode: upsert, key: [k]}
          check:
            type: check
            input: valid
            checks:
              - {not_null: k}
              - {completeness: k, min: 95%}
              - {unique: k, where: 'n > 0'}
              - {accepted_values: k, in: [a, b]}
              - {range: n, min: 0}
              - {range: s, min: '2026-01-01'}
              - {matches: k, pattern: '[a-z]+'}
              - {row_count: {min: 1}}
              - {freshness: t, max_age: 24h}
              - {foreign_key: k, dataset: prices}
              - {distinct_count: k, min: 1}
              - {sum: n, max: 100, partition_by: k}
              - {mean: n, max: 100}
              - {anomaly: row_count}
              - {sql: 'SELECT * FROM input WHERE n < 0'}
        """

    private static let columns = [
        Column("k", .text), Column("n", .integer), Column("s", .text), Column("t", .timestamp),
    ]

    /// The scripts of all stages in the SQL of a dialect, by stage.
    private func scripts(_ sql: any SQLDialect) throws -> [StageID: String] {
        try folder.write(
            "rows.json",
            """
            {"properties": {"k": {"type": "string", "minLength": 1, "format": "uuid"}, "n": {"type": "integer", "minimum": 0},
            "t": {"type": "string", "format": "date-time"}, "s": {"enum": ["x", 1, true]}}, "required": ["k"]}
            """)
        let loaded = try LoadedPipeline(yaml: Self.pipeline, in: folder)
        let shop = DatabaseLink(
            try #require(loaded.pipeline.connections["shop"]), root: folder.path, variables: [:], sql: sql,
            value: { _ in nil })
        var scripts: [StageID: String] = [:]
        for stage in loaded.pipeline.stages {
            var attempt = StageAttempt(
                pipeline: loaded.pipeline, stage: stage,
                facts: RunFacts(
                    runID: "run", started: Moment(wall: 0, steady: 0), parameters: ["least": "1"], environment: [:]),
                sql: sql, sources: sources, schemas: loaded.schemas, stagingFolder: "/staging",
                now: Moment(wall: 0, steady: 0))
            if let table = loaded.pipeline.dataset("sold")?.table {
                attempt.loadTarget = LoadTarget(link: shop, table: table)
            }
            while let question = try stage.type.question(attempt.typing) {
                attempt.queryColumns[question.index] = Self.columns
            }
            switch try stage.type.work(for: attempt) {
            case .data(let work): scripts[stage.id] = sql.text(of: work.script, prelude: [])
            case .load(let work):
                let load = work.load(LoadRecord(rows: 1, fingerprint: "f"))
                scripts[stage.id] =
                    sql.text(of: work.examination.script, prelude: []) + sql.text(of: load, prelude: [])
            case .command, .inProcess: Issue.record("\(stage.id) has no SQL")
            }
        }
        return scripts
    }

    private var sources: [DatasetName: DataSource] {
        func source(_ name: DatasetName, _ format: Dataset.Format, _ columns: [Column], isOwn: Bool) -> DataSource {
            DataSource(dataset: name, files: ["/\(name)"], format: format, columns: columns, isOwn: isOwn)
        }
        let prices =
            Self.columns.prefix(1) + [
                Column("price", .number), Column("since", .timestamp), Column("until", .timestamp),
            ]
        let texts = Self.columns.map { Column($0.name, .text) }
        let all = [
            source("orders", .csv, texts, isOwn: false), source("raw", .jsonl, Self.columns, isOwn: false),
            source("prices", .parquet, Array(prices), isOwn: true),
            source("valid", .parquet, Self.columns, isOwn: true),
        ]
        return Dictionary(uniqueKeysWithValues: all.map { ($0.dataset, $0) })
    }

    /// Words that only DuckDB understands, or that a dialect has to write.
    private static let words = [
        "read_csv", "read_parquet", "read_json", "COPY", "SET VARIABLE", "getvariable", "TEMP TABLE", "TEMP VIEW",
        "DESCRIBE", "json_", "regexp_", "TRY_CAST", "TIMESTAMPTZ", "timezone(", "strftime", "isfinite", "epoch(",
        "arg_min", "arg_max", "rowid", "reject_errors", "lambda", "unnest", "struct", "hash(", "HUGEINT", "error(",
        "chr(", "VARCHAR[]", "ATTACH", "sqlite_query", "sqlite_execute", "infinity",
    ]

    @Test("Another engine's scripts have nothing in them that only DuckDB understands")
    func nothingOfDuckDB() throws {
        let (own, plain) = (try scripts(DuckDBEngine.dialect), try scripts(PlainEngine.dialect))
        for (stage, script) in plain {
            let found = Self.words.filter(script.contains)
            #expect(found.isEmpty, "\(stage): \(script)")
        }
        // The words are those of scripts that DuckDB gets for the same stages: a list that nothing matches proves nothing.
        let all = own.values.joined()
        let missing = Self.words.filter { !all.contains($0) }
        #expect(missing.count < Self.words.count / 3, "not in any script: \(missing)")
    }

    @Test("An engine that is no program of ours runs a stage, and its answers are read by statement and kind")
    func runs() async throws {
        let loaded = try LoadedPipeline(
            yaml: """
                datasets: {valid: {path: valid.parquet}, steps: {path: steps.csv}}
                stages: {process: {type: process, input: valid, output: steps, steps: [{filter: 'n > 0'}]}}
                """, in: folder)
        let stage = try #require(loaded.pipeline.stages.first)
        let attempt = StageAttempt(
            pipeline: loaded.pipeline, stage: stage,
            facts: RunFacts(runID: "run", started: Moment(wall: 0, steady: 0), parameters: [:], environment: [:]),
            sql: PlainEngine.dialect, sources: sources, stagingFolder: folder.path, now: Moment(wall: 0, steady: 0))
        guard case .data(let work) = try stage.type.work(for: attempt) else {
            Issue.record("a process stage is a data stage")
            return
        }
        let trial = try AttemptTrial()
        let reactor = ProcessReactor()
        let engine: any SQLEngine = PlainEngine(
            EngineSurroundings(root: folder.path, variables: [:], reactor: reactor, masker: SecretMasker(secrets: [])) {
                () async throws(Failure) in
                try await PlainEngine.locate(root: "", variables: [:], cache: "", reactor: reactor)
            })
        let tools = DataTools(
            reactor: reactor, masker: SecretMasker(secrets: []), folder: folder.path, defaultMemory: 1,
            seen: SourceCache(), engine: engine)
        let execution = try await tools.execute(
            SQLJob(
                script: work.script, essentialStatements: work.essentialStatements, scriptFile: folder.path("script"),
                workFolder: folder.path, files: [], folders: [], threads: nil, memory: 1), for: trial.control)
        let outcome = try work.conclude(try #require(execution.readings))
        #expect(outcome.rows?.read == 1 && outcome.rows?.written == 1)
        #expect(try FileText.read(folder.path("script")).contains("WRITE steps.csv"))
        #expect(try await tools.program().description == "plain 1")
    }
}
