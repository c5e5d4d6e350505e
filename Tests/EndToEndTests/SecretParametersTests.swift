import Testing

/// A value that is hidden in one place is hidden in all.
@Suite("Secrets that are parameters", .timeLimit(.minutes(15)))
struct SecretParametersTests {
    private static let secret = "s3cr3t/value 77"
    private static let pipeline = """
        version: 1
        name: params
        secrets: [BADGE, licence]
        params:
          api_key: {type: string}
          region: {type: string, default: north}
          licence: {type: string, default: licence-in-the-file}
          source: {type: string, default: "postgres://ann:word-in-url@db/x"}
        env: {SENT_ON: "Bearer ${params.api_key}"}
        datasets: {out: {path: out.csv}}
        stages:
          call:
            type: command
            run: 'echo "calling ${params.region} with $CAUDAL_PARAM_API_KEY, $SENT_ON, $BADGE"'
            env: {COPY_PASS: "${params.licence}"}
          ask: {type: sql, output: out, query: "select ${params.api_key} as a, ${env.BADGE} as b, ${params.source} as c"}
          each: {type: command, foreach: {k: [other, plain]}, run: 'echo ${item.k}', allow_failure: true}
          keys: {type: command, foreach: {k: {sql: "select ${params.api_key}"}}, run: 'echo ${item.k}; exit 1', allow_failure: true}
          wrong: {type: command, run: ["no-such-${params.licence}"], allow_failure: true}
          refused: {type: command, needs: call, run: 'echo "refused $CAUDAL_PARAM_API_KEY $CAUDAL_PARAM_LICENCE" >&2; exit 3'}
        """
    private static let hidden = ["s3cr3t", "licence-in-the-file", "word-in-url", "badge-of-env"]
    private static let variables = ["BADGE": "badge-of-env"]

    @Test("No verb shows them, and what is kept for people to read does not hold them")
    func everywhere() async throws {
        let project = try CaudalProject(copying: [], variables: Self.variables)
        try project.write("p.yaml", Self.pipeline)
        let run = try await project.caudal("run", "p.yaml", "--plain", "--param", "api_key=\(Self.secret)")
        #expect(run.status == 1)
        #expect(run.output.contains("refused ••••"))
        let commands: [[String]] = [
            ["show"], ["show", "--json"], ["show", "--follow"], ["show", "--follow", "--json"], ["logs"],
            ["logs", "--json"],
            ["report", "last", "--format", "markdown"], ["report", "last", "--format", "html"],
            ["report", "last", "--format", "json"], ["sql", "select * from runs"], ["sql", "select * from stages"],
            ["sql", "select * from attempts"], ["sql", "select * from logs"], ["runs", "--json"],
            ["retry", "last", "--dry-run"], ["lineage", "last"], ["validate", "p.yaml", "--resolved"],
            ["explain", "p.yaml", "call", "--param", "api_key=\(Self.secret)"],
            ["explain", "p.yaml", "ask", "--param", "api_key=\(Self.secret)"],
            ["mark", "last", "refused", "succeeded", "--reason", "because \(Self.secret)", "--plain"],
            ["run", "p.yaml", "--json", "--param", "api_key=\(Self.secret)"], ["retry", "last", "--json", "--yes"],
            ["show"],
        ]
        for command in commands {
            let answer = try await project.caudal(command)
            for word in Self.hidden {
                #expect(!answer.description.contains(word), "\(command) shows \(word): \(answer)")
            }
        }
        #expect(try await project.caudal("show").output.contains("region=north"))
        for file in project.files(in: ".caudal/runs") where file.contains("/logs/") || file.contains("/sql/") {
            let text = project.text(".caudal/runs/" + file) ?? ""
            for word in Self.hidden { #expect(!text.contains(word), "\(file) holds \(word)") }
        }
    }

    @Test("A retry and a resumption know them all the same")
    func retried() async throws {
        let project = try CaudalProject(copying: [], variables: Self.variables)
        try project.write(
            "p.yaml",
            """
            version: 1
            name: again
            params: {api_key: {type: string}, other: {type: string, default: x}}
            datasets: {out: {path: out.csv}}
            stages:
              hold: {type: command, run: 'test -e open'}
              ask: {type: sql, needs: hold, output: out, query: "select ${params.api_key} as key"}
            """)
        _ = try await project.caudal("run", "p.yaml", "--param", "api_key=\(Self.secret)")
        try project.write("open", "")
        let retry = try await project.caudal("retry", "last")
        #expect(retry.status == 0, "\(retry)")
        #expect(try project.read("out.csv") == "key\n\(Self.secret)\n")
    }

    @Test("A parameter that does not fit is named without its value")
    func doesNotFit() async throws {
        let project = try CaudalProject(copying: [])
        try project.write(
            "p.yaml",
            "version: 1\nname: fit\nparams: {pin_token: {type: integer}}\nstages: {a: {type: command, run: 'true'}}\n")
        let run = try await project.caudal("run", "p.yaml", "--param", "pin_token=s3cr3t-value")
        #expect(run.status == 2)
        #expect(run.errors.contains("pin_token") && !run.errors.contains("s3cr3t"), "\(run)")
    }

    @Test("A day that succeeded with a secret parameter is not filled again")
    func backfill() async throws {
        let project = try CaudalProject(copying: [])
        try project.write(
            "p.yaml",
            "version: 1\nname: days\nparams: {day: {type: date}, api_key: {type: string}}\n"
                + "stages: {a: {type: command, run: 'echo x >> ran.txt'}}\n")
        let words = ["backfill", "p.yaml", "--days", "2026-01-01..2026-01-01", "--param", "api_key=\(Self.secret)"]
        for _ in 0..<2 { #expect(try await project.caudal(words).status == 0) }
        #expect(try project.read("ran.txt") == "x\n")
    }

    @Test("A very long line that is cut within a secret keeps no part of it")
    func longLine() async throws {
        let project = try CaudalProject(copying: [])
        try project.write(
            "p.yaml",
            """
            version: 1
            name: long
            stages:
              tell: {type: command, run: "head -c 65530 /dev/zero | tr '\\\\0' x; echo \\"$OPS_TOKEN\\"; exit 3"}
            """)
        _ = try await project.caudal("run", "p.yaml", variables: ["OPS_TOKEN": "hunter2-hunter2"])
        let logs = try await project.caudal("logs")
        #expect(logs.output.contains("[cut, "))
        #expect(!logs.output.contains("hunte"))
    }
}
