import Foundation
import TestSupport
import Testing

@Suite("Secrets", .timeLimit(.minutes(15)))
struct SecretsTests {
    private static let pipeline = """
        version: 1
        name: leaky
        env: {APP_PASSWORD: "word-${env.OPS_USER}"}
        stages:
          tell:
            type: command
            run: 'echo "token is $OPS_TOKEN and $APP_PASSWORD"; echo "ERROR refused $OPS_TOKEN" >&2; exit 3'
            env: {COPY_OF_TOKEN: "${env.OPS_TOKEN}"}
        """
    private static let variables = ["OPS_TOKEN": "hunter2-hunter2", "OPS_USER": "anna-lena"]

    @Test("What a failing command prints of a secret is masked on the screen, in the journal, the log and the report")
    func failingCommand() async throws {
        let project = try CaudalProject(copying: [])
        try project.write("leaky.yaml", Self.pipeline)
        let run = try await project.caudal("run", "leaky.yaml", variables: Self.variables)
        #expect(run.status == 1)
        #expect(run.output.contains("refused ••••"))
        let show = try await project.caudal("show", "--json", variables: Self.variables)
        #expect(show.output.contains("refused ••••"))
        let kept = try project.everythingKept()
        #expect(kept.contains("token is •••• and ••••"))
        for text in [run.description, show.description, kept] {
            #expect(!text.contains("hunter2-hunter2"))
            #expect(!text.contains("word-anna-lena"))
        }
    }

    @Test("Items that a query makes of a secret are refused: they are recorded with their values")
    func secretItems() async throws {
        let project = try CaudalProject(copying: [])
        try project.write(
            "p.yaml",
            """
            version: 1
            name: p
            datasets: {o: {path: 'o/${item.k}.csv'}}
            stages:
              o: {type: command, output: o, run: "echo x > $CAUDAL_OUTPUT", foreach: {k: {sql: "select 'it' || ${env.OPS_TOKEN}"}}}
            """)
        let run = try await project.caudal("run", "p.yaml", "--plain", variables: Self.variables)
        #expect(run.status == 1 && run.output.contains("the values of 'foreach' have a secret"), "\(run)")
        #expect(try !project.everythingKept().contains("hunter2-hunter2"))
    }

    @Test("A secret longer than what is kept of a line leaves no part behind")
    func longSecret() async throws {
        let project = try CaudalProject(copying: [])
        try project.write(
            "p.yaml",
            "version: 1\nname: long\nstages:\n  tell: {type: command, run: 'echo \"$OPS_TOKEN\"; exit 3'}\n")
        let secret = String(repeating: "s3cret", count: 200)
        let run = try await project.caudal("run", "p.yaml", variables: ["OPS_TOKEN": secret])
        #expect(run.output.contains("exit status 3: ••••"))
        #expect(try !project.everythingKept().contains("s3cret"))
    }

    @Test("A bundle of a run whose pipeline cannot be read any more is without what may hold its secrets")
    func bundle() async throws {
        let project = try CaudalProject(copying: [])
        try project.write(
            "p.yaml",
            "version: 1\nname: p\nenv: {API_TOKEN: tok-of-the-file}\nstages: {a: {type: command, run: 'true'}}\n")
        #expect(try await project.caudal("run", "p.yaml").status == 0)
        let id = try #require(try await project.caudal("sql", "--format", "csv", "select id from runs").lines.last)
        try project.write(".caudal/runs/\(id)/pipeline.yaml", "version: 1 # tok-of-the-file")
        let export = try await project.caudal("export", "last", "--bundle", "--output", "b.caudal")
        #expect(export.status == 0 && export.errors.contains("secrets in it cannot be masked"), "\(export)")
        let bytes = try #require(FileManager.default.contents(atPath: project.folder.path("b.caudal")))
        #expect(!String(decoding: bytes, as: UTF8.self).contains("tok-of-the-file"))
    }

    @Test("Explaining a command shows no secret of its variables")
    func explain() async throws {
        let project = try CaudalProject(copying: [])
        try project.write("leaky.yaml", Self.pipeline)
        let answer = try await project.caudal("explain", "leaky.yaml", "tell", variables: Self.variables)
        #expect(answer.status == 0)
        #expect(answer.output.contains("COPY_OF_TOKEN=••••"))
        #expect(answer.output.contains("APP_PASSWORD=••••"))
        #expect(!answer.output.contains("hunter2-hunter2"))
        #expect(!answer.output.contains("word-anna-lena"))
    }

    @Test("What DuckDB says of a failing statement is masked, and logged as an error")
    func failingQuery() async throws {
        let project = try CaudalProject(copying: [])
        try project.write(
            "p.yaml",
            """
            version: 1
            name: query
            datasets: {out: {path: out.csv}}
            stages:
              ask: {type: sql, output: out, query: "select cast(${env.OPS_TOKEN} as integer) as n"}
            """)
        let run = try await project.caudal("run", "p.yaml", variables: Self.variables)
        #expect(run.status == 1)
        #expect(run.output.contains("••••"))
        #expect(!run.description.contains("hunter2-hunter2"))
        let logs = try await project.caudal("logs", "--level", "error", "--json")
        #expect(logs.output.contains(#""stream":"stderr""#))
        #expect(!logs.output.contains("hunter2-hunter2"))
    }

    @Test("What a check samples of a secret is masked in every event, that of the publication too")
    func samples() async throws {
        let project = try CaudalProject(copying: [])
        try project.write(
            "p.yaml",
            """
            version: 1
            name: sampled
            datasets: {out: {path: out.csv}}
            stages:
              ask:
                type: sql
                output: out
                query: "select ${env.OPS_TOKEN} as token"
                checks: [{accepted_values: token, in: [none], severity: warn}]
            """)
        let run = try await project.caudal("run", "p.yaml", variables: Self.variables)
        #expect(run.status == 0, "\(run)")
        let events = try await project.caudal(
            "sql", "select kind, detail from events where detail like '%••••%' order by kind", "--format", "json")
        for kind in ["attempt_ended", "publishing"] { #expect(events.output.contains(kind), "\(events)") }
        // The data is the stage's own business, and so is the version that is kept of it.
        #expect(try !project.everythingKept().contains("hunter2-hunter2"))
    }
}
