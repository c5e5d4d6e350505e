import CaudalModel
import Engine
import Foundation
import Testing

/// The editors' schema and the decoder speak of the same keys, and the pipelines of this repository use no others.
@Suite("Pipeline schema", .timeLimit(.minutes(15)))
struct PipelineSchemaTests {
    /// The folder above `Tests/`.
    private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()

    private static func schema() throws -> [String: Any] {
        let data = try Data(contentsOf: root.appending(path: "docs/pipeline.schema.json"))
        return try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
    }

    private static func keys(of mapping: Any?) -> Set<String> {
        guard let mapping = mapping as? [String: Any] else { return [] }
        return Set((mapping["properties"] as? [String: Any] ?? [:]).keys)
    }

    /// The steps that were read of the process stage, by the names that a file gives them.
    private static func stepsRead() throws -> Set<String> {
        let problems = ConfigProblems()
        let node = try #require(ConfigSource(file: "everything.yaml", text: everything).read(problems))
        var reader = PipelineReader(
            problems: problems, stageTypes: StageTypes.readers, checks: CheckKinds.read,
            schedules: { _, _, _, _ in [] }, notifications: NotificationRulesReader.read)
        let pipeline = reader.read(node, file: "everything.yaml", folder: "/project", defaultParallel: 2)
        let stage = try #require(pipeline.stage("process")?.definition as? ProcessStage)
        return Set(
            stage.steps.map { step in
                switch step.value {
                case .deduplicate: "deduplicate"
                case .fillMissing: "fill_missing"
                case .derive: "derive"
                case .filter: "filter"
                case .select: "select"
                case .drop: "drop"
                case .rename: "rename"
                case .cast: "cast"
                case .trim: "trim"
                case .mapValues: "map_values"
                case .split: "split"
                case .sql: "sql"
                }
            })
    }

    /// The definition of a kind of mapping: `check warn:range` is `check_warn.range`.
    private static func definitionName(of kind: String) -> String {
        kind.replacing(":", with: ".").replacing(" ", with: "_")
    }

    /// The keys that the decoder asks for, by kind of mapping, once it has read ``everything``.
    private static func knownKeys() throws -> (keys: [String: Set<String>], problems: [String]) {
        let problems = ConfigProblems()
        let node = try #require(ConfigSource(file: "everything.yaml", text: everything).read(problems))
        var reader = PipelineReader(
            problems: problems, stageTypes: StageTypes.readers, checks: CheckKinds.read,
            schedules: ScheduleEntryReader.reader(now: Moment(wall: 0, steady: 0)),
            notifications: NotificationRulesReader.read)
        _ = reader.read(node, file: "everything.yaml", folder: "/project", defaultParallel: 2)
        return (problems.knownKeys, problems.errors.filter { $0.severity == .error }.map(\.oneLine))
    }

    @Test("A pipeline that uses every kind of mapping is read without a problem")
    func everythingIsRead() throws {
        #expect(try Self.knownKeys().problems == [])
    }

    @Test("Schema and decoder know the same keys of every kind of mapping")
    func sameKeys() throws {
        let schema = try Self.schema()
        let definitions = try #require(schema["definitions"] as? [String: Any])
        let known = try Self.knownKeys().keys
        for (kind, keys) in known.sorted(by: { $0.key < $1.key }) {
            let mapping: Any? = kind == "pipeline" ? schema : definitions[Self.definitionName(of: kind)]
            #expect(mapping != nil, "the schema has no definition for '\(kind)'")
            #expect(Self.keys(of: mapping) == keys, "the keys of '\(kind)' differ")
        }
    }

    @Test("Every mapping that the schema closes is one that the decoder was seen to read")
    func nothingElse() throws {
        let definitions = try #require(try Self.schema()["definitions"] as? [String: Any])
        let read = Set(try Self.knownKeys().keys.keys.map(Self.definitionName))
        let closed = definitions.filter { ($0.value as? [String: Any])?["additionalProperties"] as? Bool == false }
        #expect(Set(closed.keys).subtracting(read) == ["environment"])
    }

    @Test("Every step and every kind of check of the schema is read, and there are no others")
    func stepsAndChecks() throws {
        let definitions = try #require(try Self.schema()["definitions"] as? [String: Any])
        let step = try #require(definitions["step"] as? [String: Any])
        let forms = try #require(step["anyOf"] as? [[String: Any]])
        let steps = Self.keys(of: forms.last)
        #expect(try steps == Self.stepsRead())
        let check = try #require(definitions["check"] as? [String: Any])
        let kinds = try #require(check["oneOf"] as? [[String: [String]]]).flatMap { $0["required"] ?? [] }
        #expect(kinds.sorted() == CheckKinds.names.sorted())
        for type in StageTypes.all {
            #expect(definitions["stage.\(type.typeName)"] != nil, "the schema has no stage type '\(type.typeName)'")
        }
    }

    @Test("An environment may change whatever a pipeline may hold, besides environments")
    func environments() throws {
        let schema = try Self.schema()
        let definitions = try #require(schema["definitions"] as? [String: Any])
        #expect(Self.keys(of: definitions["environment"]) == Self.keys(of: schema).subtracting(["environments"]))
    }

    @Test("Every committed pipeline is read without a problem, in each of its environments", .tags(.duckDB))
    func committedPipelines() throws {
        let folder = Self.root.appending(path: "config")
        let files = try FileManager.default.contentsOfDirectory(atPath: folder.path).filter { $0.hasSuffix(".yaml") }
        #expect(!files.isEmpty)
        let loader = PipelineLoader(variables: [:], processorCount: 2)
        for file in files.sorted() {
            let path = folder.appending(path: file).path
            let loaded = try loader.load(path)
            #expect(loaded.warnings.map(\.oneLine) == [])
            for name in PipelineLoader.environments(of: loaded.resolved) {
                _ = try loader.load(path, environment: name)
            }
        }
    }

    /// Every kind of mapping, in every form that asks for other keys.
    static let everything = """
        version: 1
        name: everything
        description: every key
        params:
          mode: {type: enum, values: [full, part], default: full, description: how much}
        env: {TZ: UTC}
        max_parallel: 2
        reuse: never
        log: {max: 2GB}
        retention: {keep: 20, older_than: 90d, max_size: 20GB, compress_after: 7d}
        pools: {gate: 1}
        spark: {master: "spark://head:7077", start: 90s, conf: {spark.executor.memory: 2g}}
        spark_above: 200GB
        run_on: boxes
        targets:
          boxes:
            type: ssh
            hosts: [one, {host: two, slots: 4}]
            slots: 2
            user: etl
            port: 2222
            identity: keys/id
            options: [LogLevel=ERROR]
            duckdb: /usr/bin/duckdb
            env: [LANG]
          cluster:
            {type: slurm, partition: main, account: data, qos: low, time: 2h, memory: 4GB, cpus: 2, poll: 5s,
            options: [--nice], duckdb: /usr/bin/duckdb, env: [LANG]}
          pods:
            {type: kubernetes, context: work, namespace: etl, image: "tools:3", claim: shared, mount: /srv/project,
            service_account: loader, pull: always, memory: 4GB, cpu: 0.5, node_selector: {example.com/pool: big},
            start: 20m, keep: 2d, poll: 5s, duckdb: /usr/bin/duckdb, env: [LANG]}
        connections:
          warehouse:
            {type: postgres, host: db, port: 5432, database: sales, user: etl, password: "${env.PGPASSWORD}"}
          local: {type: sqlite, path: data/local.db}
        datasets:
          sheet: {path: data/sheet.xlsx, excel: {sheet: a, range: B3, header: false, null: "#N/A", columns: [id]}}
          raw:
            path: data/raw.csv
            format: csv
            schema: data/raw.schema.json
            csv:
              {delimiter: ";", quote: '"', escape: '"', header: false, null: NA, encoding: utf-8, columns: [id, day]}
          names: {path: data/names.csv}
          valid: {path: data/valid.parquet}
          clean: {path: "data/clean/id=${item.id}/day=${item.day}/file=${item.file}/kind=${item.kind}.parquet"}
          rich: {path: data/rich.parquet}
          stored: {connection: warehouse, table: rich}
          counts: {path: data/counts.csv}
          made: {path: data/made.csv}
          table: {connection: warehouse, table: sales}
        stages:
          validate:
            type: validate
            description: rows that keep the rules
            group: intake
            input: raw
            output: valid
            on_invalid: quarantine
            max_invalid: 5%
            quarantine: data/bad.csv
            strict_formats: true
          process:
            type: process
            container:
              {image: tools, mounts: ["/srv:ro"], network: none, user: "1000", env: [LANG], pull: never, duckdb: /bin/duckdb}
            input: valid
            output: clean
            foreach:
              id: {sql: select distinct id from valid}
              day: {days: {from: 2026-11-01, to: today}}
              file: {files: "data/*.csv"}
              kind: [a, b]
              max_parallel: 2
              on_failure: stop
              partition: true
            steps:
              - deduplicate: {by: [id], keep: last, order_by: day}
              - fill_missing: {quantity: 0}
              - derive: {total: quantity * price}
              - filter: quantity > 0
              - select: [id, day, quantity, price, total, name]
              - drop: price
              - rename: {total: amount}
              - cast: {amount: "decimal(12,2)"}
              - trim: all
              - map_values: {column: name, values: {a: b}, otherwise: c}
              - split: {column: name, separator: " ", into: [first, last]}
              - sql: select * from input
          enrich:
            type: enrich
            input: clean
            output: rich
            lookups:
              - dataset: names
                on: {id: id}
                add: [name, {kind: category}]
                default: unknown
                duplicates: first
                valid: {from: since, to: until, at: day}
          quality:
            type: check
            input: rich
            checks:
              - {not_null: id, id: filled, warn: {max_failing: 0}}
              - completeness: amount
                id: complete
                severity: warn
                where: quantity > 0
                partition_by: day
                min: 95%
                max: 100%
                warn: {min: 99%, max: 100%}
                waive: {until: 2026-12-31, reason: the source is late}
              - {unique: [id, day], max_failing: 1%, warn: {max_failing: 0}}
              - {accepted_values: kind, in: [a, b], max_failing: 3, warn: {max_failing: 0}}
              - {range: amount, min: 0, max: 100, max_failing: 0, warn: {max_failing: 0}}
              - {matches: id, pattern: "[0-9]+", max_failing: 0, warn: {max_failing: 0}}
              - {row_count: {min: 1, max: 100}, id: rows, warn: {min: 2, max: 50}}
              - {row_count: 100, id: exact, warn: {row_count: 100}}
              - {row_count: , min: 1, max: 2, id: beside, warn: {row_count: {min: 1}}}
              - {row_count_variation: 10%, over: 7 runs, warn: {max: 5%}}
              - {row_count_variation: , max: 10%, id: varied}
              - {freshness: day, max_age: 24h, warn: {max_age: 12h}}
              - {schema: {id: text, day: any}, warn: {}}
              - {foreign_key: id, dataset: names, column: id, max_failing: 0, warn: {max_failing: 0}}
              - {distinct_count: id, min: 1, max: 9, warn: {min: 2, max: 8}}
              - {sum: amount, min: 1, max: 9, warn: {min: 2, max: 8}}
              - {mean: amount, min: 1, max: 9, warn: {min: 2, max: 8}}
              - {anomaly: {sum: amount}, over: 30 runs, max: 3.5, warn: {max: 2.5}}
              - {sql: select * from input where amount < 0, max_failing: 0, warn: {max_failing: 0}}
          store: {type: load, input: rich, output: stored, mode: upsert, key: id}
          count:
            type: sql
            inputs: rich
            output: counts
            query: select count(*) as n from rich
            reuse: unchanged
          make:
            type: command
            needs: [quality, count]
            when: all_done
            if: ${params.mode} == full
            run: ./make.sh
            sandbox: {mounts: [/srv, "/data:ro"], network: host, env: [LANG]}
            env: {MODE: "${params.mode}"}
            inputs: rich
            output: made
            progress: "([0-9]+)%"
            retry: {limit: 3, delay: 10s, backoff: 2, max_delay: 5m, jitter: 10%, on_exit: [75, 111]}
            timeout: 10m
            pool: gate
            resources: {cpu: 1, memory: 1GB}
            allow_failure: true
            idempotent: false
            checks: {row_count: {min: 1}}
          report:
            type: report
            needs: make
            formats: [html, markdown, json]
            output_dir: data/reports
        schedule:
          - name: nightly
            cron: "0 0 6 * * *"
            seconds: true
            timezone: America/Bogota
            params: {mode: part}
            environment: dev
            calendar: {business_days: true, skip: [2026-12-24, 12-25], include: 2026-12-27..2026-12-28}
            jitter: 5m
            catch_up: latest
            catch_up_window: 2d
            overlap: skip
            deadline: 1h
            enabled: true
          - {name: often, every: 15m, anchor: 00:05}
          - {name: behind, after: {datasets: other/table, files: inbox/*.csv, settle: 30s}}
        notify:
          - {on: [failed, recovered], webhook: "${env.OPS_WEBHOOK}", command: ./tell.sh, file: notices.jsonl}
          - {on: failed, webhook: {url: https://example.org, secret: "${env.OPS_KEY}"}, renotify: 1h}
          - {slack: {url: "${env.A_URL}"}, teams: {url: "${env.B_URL}"}, healthchecks: {url: "${env.C_URL}"}}
          - {on: failed, pagerduty: {routing_key: "${env.A_KEY}", url: https://events.eu.pagerduty.com/v2/enqueue}}
          - {command: {run: ./tell.sh}, file: {path: notices.jsonl}, terminal: bell}
          - email:
              {to: [a@example.org], from: b@example.org, server: smtps://mail, user: u, password: "${env.C_KEY}", tls: required}
        environments:
          dev: {max_parallel: 1}
        """
}
