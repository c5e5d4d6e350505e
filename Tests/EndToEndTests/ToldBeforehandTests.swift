import TestSupport
import Testing

@Suite("What cannot work is told before work is done", .timeLimit(.minutes(15)), .enabled(if: Checkout.runsDuckDBTests))
struct ToldBeforehandTests {
    private func project(_ yaml: String) throws -> CaudalProject {
        let project = try CaudalProject(copying: [])
        try project.write("in.csv", "id,day\n1,monday\n")
        try project.write("p.yaml", "version: 1\nname: p\n" + yaml)
        return project
    }

    /// What both verbs say, and that nothing was done.
    private func refusal(
        _ project: CaudalProject, of verbs: [String] = ["validate", "run"], _ words: String...
    ) async throws {
        for verb in verbs {
            let answer = try await project.caudal(verb, "p.yaml")
            #expect(answer.status == 2, "\(verb): \(answer)")
            for text in words { #expect(answer.errors.contains(text), "\(verb): \(answer)") }
        }
        #expect(!project.exists("first.csv"))
    }

    @Test(
        "A source without a byte is told with its place and its stage",
        arguments: ["late.csv", "late.json", "late.jsonl", "late.parquet", "late.csv.gz", "la*.parquet"])
    func emptySource(_ path: String) async throws {
        let project = try project(
            """
            datasets: {in: {path: in.csv}, first: {path: first.csv}, late: {path: "\(path)"}, out: {path: out.csv}}
            stages:
              first: {type: process, input: in, output: first}
              second: {type: process, input: late, output: out}
            """)
        let file = path.replacing("la*", with: "late")
        try project.write(file, "")
        try await refusal(
            project, "p.yaml:3:", "the input \(file) is empty: it has not even a header, and stage 'second' reads it")
    }

    @Test("A source without a byte of a command is told too; one that a command may write before is not")
    func emptySourceOfCommand() async throws {
        let project = try project(
            """
            datasets: {late: {path: late.csv}, out: {path: out.csv}}
            stages: {read: {type: command, run: 'cp ${input.late} ${stage.output}', inputs: [late], output: out}}
            """)
        try project.write("late.csv", "")
        try await refusal(project, "p.yaml:3:", "late.csv is empty", "stage 'read' reads it")
        try project.write(
            "p.yaml",
            """
            version: 1
            name: p
            datasets: {late: {path: late.csv}, out: {path: out.csv}}
            stages:
              fetch: {type: command, run: "cp in.csv late.csv"}
              read: {type: process, input: late, output: out, needs: fetch}
            """)
        let run = try await project.caudal("run", "p.yaml")
        #expect(run.status == 0, "\(run)")
    }

    private static let connection = """
        connections:
          far: {type: postgres, host: 127.0.0.1, port: 1, database: sales, user: nobody}
        datasets: {in: {path: in.csv}, first: {path: first.csv}, t: {connection: far, table: t}, out: {path: out.csv}}

        """

    @Test(
        "A server that does not answer is told when a run begins, whether it is read or loaded",
        arguments: [
            ("{type: load, input: first, output: t, mode: append}", "stage 'second' loads 't' there"),
            ("{type: process, input: t, output: out}", "stage 'second' reads 't' there"),
            (
                "{type: check, input: first, checks: [{foreign_key: id, dataset: t}]}",
                "stage 'second' reads 't' there"
            ),
        ])
    func silentServer(_ stage: String, _ words: String) async throws {
        let project = try project(
            Self.connection + "stages:\n  first: {type: process, input: in, output: first}\n  second: \(stage)\n")
        try await refusal(
            project, of: ["run"], "p.yaml:4:3: error: the database cannot be asked (connection 'far'", words,
            "look at the connection 'far' and whether the database is up")
        #expect(try await project.caudal("validate", "p.yaml").status == 0, "a file is right without its server")
    }

    @Test("Where the server may come later, its silence is a warning, and the run goes as far as it can")
    func patience() async throws {
        let project = try project(
            Self.connection
                + """
                stages:
                  first: {type: process, input: in, output: first}
                  second: {type: load, input: first, output: t, mode: append, retry: {limit: 1, delay: 10ms}}
                """)
        let run = try await project.caudal("run", "p.yaml", "--plain")
        #expect(run.status == 1 && project.exists("first.csv"), "\(run)")
        #expect(run.errors.contains("p.yaml:4:3: warning: the database cannot be asked"), "\(run)")
        let other = try await project.caudal("run", "p.yaml", "--select", "first", "--plain")
        #expect(other.status == 0 && other.errors.isEmpty, "\(other)")
    }

    @Test("An output in the kernel's own files is told, though the rights there seem to allow it")
    func kernelFolder() async throws {
        let project = try project(
            """
            datasets: {in: {path: in.csv}, first: {path: first.csv}, out: {path: /proc/caudal/out.csv}}
            stages:
              first: {type: process, input: in, output: first}
              second: {type: process, input: first, output: out}
            """)
        try await refusal(project, "stage 'second' cannot write 'out': ", "/proc ")
    }

    @Test("A folder that no run published is told beforehand where a stage would replace it")
    func folderOfOthers() async throws {
        let project = try project(
            """
            datasets: {in: {path: in.csv}, first: {path: first.csv}, out: {path: out, format: csv}}
            stages:
              first: {type: process, input: in, output: first}
              second: {type: command, run: 'mkdir ${stage.output}', output: out, needs: first}
            """)
        try project.write("out/precious.csv", "a\n")
        try await refusal(project, "p.yaml:6:", "the folder out is there, and no run published it")
    }
}
