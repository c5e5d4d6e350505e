import CaudalModel
import Engine
import Foundation
import Testing

/// Everything that is wrong with a file is reported at once, and nothing that only follows from something else.
@Suite("Faults of pipeline files", .timeLimit(.minutes(15)))
struct PipelineFaultsTests {
    /// What is wrong with a pipeline file, without its name in front.
    private func faults(_ text: String, _ variables: [String: String] = [:]) throws -> [String] {
        let folder = NSTemporaryDirectory() + "caudal-faults-\(UInt64.random(in: 0 ... .max))"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let file = folder + "/p.yaml"
        try ("version: 1\nname: p\n" + text).write(toFile: file, atomically: true, encoding: .utf8)
        let loader = PipelineLoader(variables: variables, processorCount: 2)
        do throws(InvalidPipeline) {
            _ = try loader.load(file)
            return []
        } catch {
            return error.errors.filter { $0.severity == .error }.map {
                "\($0.location.line):\($0.location.column): \($0.message)" + ($0.remedy.map { "; \($0)" } ?? "")
            }
        }
    }

    /// A pipeline whose one check is this.
    private func faults(ofCheck check: String) throws -> [String] {
        try faults(
            """
            datasets: {in: {path: in.csv}}
            stages:
              look:
                type: check
                input: in
                checks:
                  - \(check)
            """)
    }

    @Test(
        "A character of CSV means one thing, and is in no text that stands for no value",
        arguments: [
            ("{quote: \"'\", delimiter: \"'\"}", "'delimiter' and 'quote' are the same character"),
            ("{delimiter: ';', comment: ';'}", "'delimiter' and 'comment' are the same character"),
            (#"{escape: "\\", null: "\\N"}"#, "'null' has the text '\\N' with the character of 'escape'"),
            ("{null: 'N\"A'}", "'null' has the text 'N\"A' with the character of 'quote'"),
            (#"{null: "a\n"}"#, "'null' has a text with a line break"),
            ("{delimiter: ';', null: ['', ';']}", "'null' has the text ';' with the character of 'delimiter'"),
        ])
    func signsOfCSV(dialect: String, fault: String) throws {
        let found = try faults(
            "datasets: {i: {path: i.csv, csv: \(dialect)}}\nstages: {a: {type: check, input: i, checks: [{not_null: id}]}}\n"
        )
        #expect(found.count == 1 && found[0].contains(fault), "\(found)")
    }

    @Test("A need that is not defined is reported beside an unrelated fault")
    func namesBesideOtherFaults() throws {
        let found = try faults(
            """
            max_paralel: 3
            stages:
              clean: {type: command, run: 'true', timeout: 5}
              load: {type: command, run: 'true', needs: cleen}
              a: {type: command, run: 'true', needs: b}
              b: {type: command, run: 'true', needs: a}
            """)
        #expect(found.count == 4, "\(found)")
        #expect(found[0].contains("no key 'max_paralel'"))
        #expect(found[1].contains("'timeout' must be a duration"))
        #expect(
            found[2].contains("5:6") || found[2].contains("needs 'cleen', which is not defined; did you mean 'clean'?"))
        #expect(found[3].contains("wait for each other"))
    }

    @Test(
        "A fault brings no others along", .tags(.duckDB),
        arguments: [
            // A section whose key is misspelt.
            "dataset: {in: {path: in.csv}}\nstages:\n  s: {type: sql, inputs: in, output: in2, query: select 1}\n",
            // A name that is no name is a name all the same.
            "datasets: {'1in': {path: in.csv}}\nstages:\n  s: {type: check, input: 1in, checks: [{row_count: 1}]}\n",
            // A pool without a size, and a parameter without a type.
            "pools: {db: many}\nstages:\n  s: {type: command, run: 'true', pool: db}\n",
            "params: {day: {default: x}}\nstages:\n  s: {type: command, run: 'echo ${params.day}'}\n",
            // The key that would have brought the variable or the output.
            "stages:\n  s: {type: command, run: 'echo ${item.x}', forech: {x: [a]}}\n",
            "datasets: {o: {path: o.csv}}\nstages:\n  s: {type: command, run: 'echo ${stage.output}', ouput: o}\n",
            "datasets: {o: {path: 'o-${item.x}.csv'}}\nstages:\n"
                + "  s: {type: sql, ouput: o, query: select 1, foreach: {x: [a]}}\n",
        ])
    func noCascades(text: String) throws {
        let found = try faults(text)
        // A misspelt 'output' of a type that needs one is one fault more, and true.
        let count = text.contains("type: sql, ouput") ? 2 : 1
        #expect(found.count == count, "\(found)")
    }

    @Test("Checks that divide what they cannot are refused where it is said", .tags(.duckDB))
    func partitions() throws {
        #expect(
            try faults(ofCheck: "{sql: select 1, partition_by: region}") == [
                "9:25: 'partition_by' does not go with 'sql'; group by 'region' in the query"
            ])
        #expect(try faults(ofCheck: "{schema: {a: any}, partition_by: region}").count == 1)
        #expect(try faults(ofCheck: "{not_null: a, partition_by: region}") == [])
        #expect(
            try faults(ofCheck: "{schema: {a: any}, where: a > 1}") == [
                "9:28: 'where' does not go with 'schema', which looks at columns and not at rows; remove it"
            ])
        #expect(try faults(ofCheck: "{sql: select 1, where: a > 1}") == [])
    }

    @Test("A variation needs its percentage")
    func variation() throws {
        for check in ["{row_count_variation: , over: 7 runs}", "{row_count_variation: 10%, warn: {}}"] {
            let found = try faults(ofCheck: check)
            #expect(found.count == 1 && found[0].contains("needs a percentage"), "\(found)")
        }
        #expect(try faults(ofCheck: "{row_count_variation: 10%}") == [])
        #expect(try faults(ofCheck: "{row_count_variation: , max: 10%}") == [])
        #expect(try faults(ofCheck: "{row_count_variation: ten}").count == 1)
        for check in [
            "{row_count: 1.5}", "{row_count: {min: 0.5}}", "{row_count: , max: 2.5}",
            "{row_count: 1, warn: {row_count: 1.5}}",
            "{distinct_count: a, min: 1.5}",
        ] {
            let words = try faults(ofCheck: check)
            #expect(words.count == 1 && words.first?.contains("whole number") == true, "\(check): \(words)")
        }
        #expect(try faults(ofCheck: "{row_count: {min: 1, max: 1e3}}") == [])
    }

    @Test("Patterns that cannot work are refused where they are written")
    func patterns() throws {
        let found = try faults(ofCheck: "{matches: a, pattern: '[a-z'}")
        #expect(found.count == 1)
        #expect(found.first?.hasPrefix("9:32: the pattern '[a-z' cannot be used") == true, "\(found)")
        #expect(try faults(ofCheck: "{matches: a, pattern: '^[a-z]+$'}") == [])
        let command = try faults("stages:\n  s: {type: command, run: 'true', progress: '([0-9'}\n")
        #expect(command.count == 1)
        #expect(command.first?.contains("'([0-9' is not a regular expression") == true)
    }

    @Test("A list of columns gives each check an id of its own, also where the file names one")
    func ids() throws {
        #expect(try faults(ofCheck: "{not_null: [a, b], id: filled}") == [])
        let problems = ConfigProblems()
        let text = """
            version: 1
            name: p
            datasets: {in: {path: in.csv}}
            stages:
              look: {type: check, input: in, checks: [{not_null: [a, b], id: filled}, {not_null: c, id: c}]}
            """
        let node = try #require(ConfigSource(file: "p.yaml", text: text).read(problems))
        var reader = PipelineReader(
            problems: problems, stageTypes: StageTypes.readers, checks: CheckKinds.read,
            schedules: ScheduleEntryReader.reader(now: Moment(wall: 0, steady: 0)),
            notifications: NotificationRulesReader.read)
        let pipeline = reader.read(node, file: "p.yaml", folder: "/", defaultParallel: 1)
        #expect(pipeline.stages.first?.checks.map(\.id) == ["filled_a", "filled_b", "c"])
    }

    @Test("Commands read no tables, only loads write them, and a load writes nothing else", .tags(.duckDB))
    func tables() throws {
        let found = try faults(
            """
            connections: {db: {type: sqlite, path: x.db}}
            datasets: {t: {connection: db, table: sales}, out: {path: out.csv}, u: {connection: db, table: other}}
            stages:
              tell: {type: command, inputs: t, run: 'true'}
              write: {type: sql, inputs: t, output: u, query: select * from t}
              load: {type: load, input: t, output: out, mode: replace}
            """)
        #expect(found.count == 3, "\(found)")
        #expect(found[0].hasPrefix("6:33: a command reads files, and 't' is the table 'sales' of 'db'"))
        #expect(found[1].contains("only a stage of type load writes to tables"))
        #expect(found[2].contains("a load writes to a table, and 'out' is a file"))
    }

    @Test("A load says what becomes of the rows that are there, and an upsert which row is which")
    func loads() throws {
        let found = try faults(
            """
            connections: {db: {type: sqlite, path: x.db}}
            datasets: {out: {path: out.csv}, t: {connection: db, table: a}, u: {connection: db, table: a}, v: {connection: db, table: b}}
            stages:
              silent: {type: load, input: out, output: t}
              keyless: {type: load, input: out, output: u, mode: upsert}
              keyed: {type: load, input: out, output: v, mode: append, key: id, foreach: {x: [a, b]}}
            """)
        #expect(found.count == 5, "\(found)")
        for message in [
            "the datasets 't' and 'u' are the same table",
            "stage 'silent' needs 'mode'; write replace, append or upsert",
            "'mode: upsert' needs 'key'", "'key' belongs to 'mode: upsert'", "a load stage cannot have 'foreach'",
        ] {
            #expect(found.contains { $0.contains(message) }, "\(found)")
        }
    }

    @Test(
        "Names that are one variable to a program are refused where it would read them",
        arguments: [
            (
                "params: {a-b: {type: string}, a_b: {type: string}}", "run: 'true'",
                "'${params.a-b}' and '${params.a_b}'"
            ),
            (
                "params: {a: {type: string}, A: {type: string}}", "run: 'true'",
                "are one variable to programs: CAUDAL_PARAM_A"
            ),
            (
                "datasets: {s-eu: {path: a.csv}, s.EU: {path: b.csv}}", "inputs: [s-eu, s.EU], run: 'true'",
                "CAUDAL_INPUT_S_EU"
            ),
            ("datasets: {s-eu: {path: a.csv}, s.EU: {path: b.csv}}", "inputs: [s-eu], run: 'true'", nil),
            ("params: {}", "foreach: {x-y: [a], x_y: [b]}, run: 'true'", "CAUDAL_ITEM_X_Y"),
            ("params: {x: {type: string}}", "foreach: {x: [a]}, run: 'true'", nil),
        ])
    func variables(_ top: String, _ stage: String, _ words: String?) throws {
        let found = try faults("\(top)\nstages:\n  s: {type: command, \(stage)}\n")
        #expect(words.map { words in found.count == 1 && found[0].contains(words) } ?? found.isEmpty, "\(found)")
    }

    @Test(
        "A condition that a parameter can never meet is refused",
        arguments: [
            ("${params.d} == 2026-2-4", "'d' is never '2026-2-4'"), ("${params.d} == today", nil),
            ("${params.d} < 2026-02-04", nil),
            ("${params.b} == yes", "'b' is never 'yes'"), ("1 == ${params.b}", "'b' is never '1'"),
            ("${params.b} != true", nil),
            ("${params.n} < 1O", "'n' is never '1O'"), ("${params.n} < 9.5", nil),
            ("${params.e} == ful", "'e' is never 'ful'"),
            ("${params.e} == full", nil), ("${params.s} == ful", nil), ("${params.e} == ${params.s}", nil),
            ("x${params.e} == xful", nil), ("${params.s} > 9", "'s' is text, of which '10' comes before '9'"),
            ("9.5 <= ${params.s}", "'s' is text"), ("${params.s} == 9", nil), ("${params.s} < b", nil),
        ])
    func conditions(_ condition: String, _ words: String?) throws {
        let found = try faults(
            """
            params:
              d: {type: date, default: today}
              b: {type: boolean, default: true}
              n: {type: integer, default: 9}
              e: {type: enum, values: [full, part], default: full}
              s: {type: string, default: a}
            stages:
              s: {type: command, if: "\(condition)", run: 'true'}
            """)
        #expect(
            words.map { words in found.count == 1 && found[0].hasPrefix("10:27: " + words) } ?? found.isEmpty,
            "\(found)"
        )
    }

    @Test("Lines in which a shell would not keep a value whole are refused where they are written")
    func lines() throws {
        let found = try faults(
            """
            params: {x: {type: string, default: a}}
            stages:
              a: {type: command, run: 'bash -c "echo ${params.x}"'}
              b: {type: command, run: [bash, -c, "echo `cat ${params.x}`"]}
              c: {type: command, run: [nice, bash, -c, "echo ${params.x}"]}
              d: {type: command, run: [sudo, bash, -c, "echo ${params.x}"]}
            """)
        #expect(found.count == 3 && found[0].hasPrefix("5:28: a shell inside of the line"), "\(found)")
        #expect(found.dropFirst().first?.hasPrefix("6:27: params.x stands between backticks") == true, "\(found)")
        #expect(
            found.last?.hasPrefix("8:27: the shell behind 'sudo' would run what ${params.x} holds") == true, "\(found)")
    }

    @Test(
        "Items that add to outputs of their own have what they divide by in the key", .tags(.duckDB),
        arguments: [
            ("mode: merge, key: id", "'key' lacks 'region'"), ("mode: merge, key: [id, region]", nil),
            ("mode: append, watermark: seen", nil), ("mode: snapshot, key: id", "'key' lacks 'region'"),
            ("mode: snapshot, key: [id, region], missing: end", "'missing: end' cannot end"),
        ])
    func dividedMerge(_ mode: String, _ words: String?) throws {
        let found = try faults(
            """
            datasets: {src: {path: in.parquet}, out: {path: "out/${item.region}.parquet"}}
            stages:
              s: {type: process, input: src, output: out, foreach: {region: {sql: select distinct region from src}}, \(mode)}
            """)
        #expect(words.map { words in found.count == 1 && found[0].contains(words) } ?? found.isEmpty, "\(found)")
    }

    @Test(
        "What is new does not depend on values that share an output, whether they choose rows or make values",
        .tags(.duckDB),
        arguments: [
            ("params.r", "out", "filter: \"region == ${params.r}\"", "mode: merge, key: id", true),
            ("params.r", "${params.r}", "filter: \"region == ${params.r}\"", "mode: merge, key: id", false),
            ("params.r", "out", "filter: \"region == ${params.r}\"", "mode: merge, key: id, partial: true", false),
            ("params.r", "out", "filter: \"region == ${params.r}\"", "mode: append", false),
            ("params.r", "out", "filter: \"region == ${params.r}\"", "mode: append, late: ignore", true),
            ("params.r", "out", "derive: {area: \"${params.r}\"}", "mode: merge, key: id", true),
            ("env.R", "out", "filter: \"region == ${env.R}\"", "mode: merge, key: id", true),
            ("env.R", "${env.R}", "filter: \"region == ${env.R}\"", "mode: merge, key: id", false),
            ("env.R", "out", "filter: \"region == 'north'\"", "mode: merge, key: id", false),
        ])
    func sharedOutput(_ value: String, _ path: String, _ step: String, _ mode: String, _ isRefused: Bool) throws {
        let found = try faults(
            """
            params: {r: {type: string, default: north}}
            datasets: {in: {path: "${env.HERE}/in.parquet"}, out: {path: "\(path).parquet"}}
            stages:
              s: {type: process, input: in, output: out, steps: [{\(step)}], \(mode), watermark: seen}
            """, ["R": "north", "HERE": "here"])
        #expect(
            found.contains { $0.contains("depends on ${\(value)} (line 6)") && $0.contains("write the value itself") }
                == isRefused && found.count <= 1, "\(found)")
    }

    @Test(
        "Options of sbatch by which jobs are found are Caudal's own",
        arguments: [
            ("--job-name=x", "--job-name"), ("-Jx", "-J"), ("--array=1-3", "--array"), ("--exp=NONE", "--export"),
            ("--requeue", "--requeue"), ("--gres=gpu:1", nil), ("--exclusive", nil), ("--constraint=a", nil),
            ("-C", nil),
        ])
    func options(_ option: String, _ own: String?) throws {
        let found = try faults(
            """
            targets: {there: {type: slurm, options: ["\(option)"]}}
            stages:
              s: {type: command, run_on: there, run: 'true'}
            """)
        #expect(
            own.map {
                found == [
                    "3:43: the option '\($0)' of sbatch is Caudal's own: by it a job is found, followed or read; remove it"
                ]
            } ?? found.isEmpty, "\(found)")
    }

    @Test("An environment holds no environments")
    func environments() throws {
        let found = try faults(
            "stages: {s: {type: command, run: 'true'}}\nenvironments: {dev: {environments: {x: {}}}, prod: }\n")
        #expect(found == ["4:22: an environment cannot hold environments; put them beside 'dev'"])
    }
}
