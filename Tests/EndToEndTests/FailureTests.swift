import CaudalModel
import Engine
import Foundation
import TestSupport
import Testing

@Suite("What goes wrong is said clearly", .timeLimit(.minutes(15)))
struct FailureTests {
    /// Runs the sales pipeline and expects a failure; its words.
    private func failure(_ project: CaudalProject, status: Int32 = 1) async throws -> String {
        let answer = try await project.caudal("run", "config/pipeline_config.yaml", "--plain")
        #expect(answer.exit == .exited(status), "\(answer)")
        for folder in ["data/processed", "data/outputs"] {
            let partial = project.files(in: folder).filter { $0.contains("caudal") || $0.hasSuffix(".tmp") }
            #expect(partial.isEmpty, "\(partial) is half-written")
        }
        return answer.output + answer.errors
    }

    @Test("A missing input is named, with the stage that wants it")
    func missingInput() async throws {
        let project = try CaudalProject()
        try FileManager.default.removeItem(atPath: project.folder.path("data/raw/sales_data.csv"))
        let words = try await failure(project, status: 2)
        #expect(words.contains("validate") && words.contains("data/raw/sales_data.csv"), "\(words)")
        #expect(project.files(in: "data/processed").isEmpty)
    }

    @Test("A file without a column that the schema requires is refused before anything runs")
    func missingColumn() async throws {
        let project = try CaudalProject()
        let text = try project.read("data/raw/sales_data.csv")
        try project.write("data/raw/sales_data.csv", text.replacing("order_id,product_id", with: "order,product_id"))
        let words = try await failure(project, status: 2)
        #expect(words.contains("has no column 'order_id'") && words.contains("data/raw/sales_data.csv"), "\(words)")
        #expect(words.contains("did you mean 'order'"), "\(words)")
    }

    @Test("An empty file is called empty")
    func emptyFile() async throws {
        let project = try CaudalProject()
        try project.write("data/raw/sales_data.csv", "")
        let words = try await failure(project, status: 2)
        #expect(words.contains("data/raw/sales_data.csv") && words.contains("empty"), "\(words)")
    }

    @Test("A command's exit status and its last words are told")
    func exitStatus() async throws {
        let project = try CaudalProject(copying: [])
        try project.write(
            "p.yaml",
            "version: 1\nname: p\nstages:\n  break: {type: command, run: \"echo the disk is on fire >&2; exit 3\"}\n")
        let answer = try await project.caudal("run", "p.yaml", "--plain")
        #expect(answer.exit == .exited(1))
        #expect(answer.output.contains("exit status 3") && answer.output.contains("the disk is on fire"), "\(answer)")
    }

    @Test("A stage killed by a signal says which, and what often sends it")
    func signal() async throws {
        let project = try CaudalProject(copying: [])
        try project.write("p.yaml", "version: 1\nname: p\nstages:\n  die: {type: command, run: \"kill -9 $$\"}\n")
        let answer = try await project.caudal("run", "p.yaml", "--plain")
        #expect(answer.exit == .exited(1))
        #expect(answer.output.contains("killed by signal 9") && answer.output.contains("memory"), "\(answer)")
    }

    @Test("Without duckdb the message says where it was looked for")
    func noDuckDB() async throws {
        let project = try CaudalProject(variables: ["CAUDAL_DUCKDB": "/nowhere/duckdb"])
        let words = try await failure(project, status: 2)
        #expect(words.contains("CAUDAL_DUCKDB names /nowhere/duckdb") && words.contains("unset it"), "\(words)")
        #expect(!words.contains("check that it is a csv file"), "\(words)")
    }

    @Test("A folder that cannot be written is named before any work is done")
    func readOnlyFolder() async throws {
        let project = try CaudalProject()
        // Root may write anywhere but below a file.
        try project.write("data/outputs", "a file stands where the folder should be")
        let answer = try await project.caudal("run", "config/pipeline_config.yaml", "--plain")
        #expect(answer.exit == .exited(2), "\(answer)")
        #expect(answer.errors.contains("data/outputs") && answer.errors.contains("enrich"), "\(answer)")
    }

    @Test("An unknown region fails its check, with the row, and is not handed over")
    func unknownRegion() async throws {
        let project = try CaudalProject()
        let text = try project.read("data/raw/sales_data.csv")
        try project.write("data/raw/sales_data.csv", text + "O-777,P-0001,1,10.0,atlantis,2026-11-20T10:00:00Z\n")
        let words = try await failure(project)
        #expect(words.contains("accepted_values_region") && words.contains("atlantis"), "\(words)")
        #expect(words.contains("publish") && words.contains("blocked"), "\(words)")
    }

    @Test("A wrong pipeline file ends with 2, wrong usage with 64")
    func statuses() async throws {
        let project = try CaudalProject(copying: [])
        try project.write("p.yaml", "version: 1\nname: p\nstages:\n  a: {type: comand, run: \"true\"}\n")
        let wrong = try await project.caudal("run", "p.yaml", "--plain")
        #expect(wrong.exit == .exited(2))
        #expect(wrong.errors.contains("p.yaml:4:13") && wrong.errors.contains("did you mean 'command'"), "\(wrong)")
        #expect(try await project.caudal("run").exit == .exited(64))
        #expect(try await project.caudal("frobnicate").exit == .exited(64))
    }
}

@Suite("A run that is killed", .timeLimit(.minutes(15)))
struct KilledRunTests {
    private static let pipeline = """
        version: 1
        name: killed
        datasets: {numbers: {path: out/numbers.parquet}, sums: {path: out/sums.csv}}
        stages:
          make: {type: sql, output: numbers, query: select range as n from range(1000)}
          wait: {type: command, needs: make, run: "echo ready; while [ ! -e go ]; do sleep 0.05; done"}
          add: {type: sql, needs: wait, output: sums, query: select sum(n) as total from numbers}
        """

    @Test("It is shown as interrupted at once, and resume ends what it left and finishes", .timeLimit(.minutes(15)))
    func killAndResume() async throws {
        let project = try CaudalProject(copying: [])
        try project.write("killed.yaml", Self.pipeline)
        let run = try await project.start("run", "killed.yaml", "--json")
        let spawned = try #require(await run.says("\"attempt_spawned\",\"stage\":\"wait\""))
        let pid = try #require(spawned.firstMatch(of: /"pid":(\d+)/).flatMap { Int32($0.1) })
        let before = try await project.query("select count(*) from 'out/numbers.parquet'")
        await run.killHard()
        let runs = try await project.caudal("runs")
        #expect(runs.output.contains("interrupted"), "\(runs)")
        #expect(try await project.query("select count(*) from 'out/numbers.parquet'") == before)

        try project.write("go", "")
        let resumed = try await project.caudal("resume", "last", "--plain")
        #expect(resumed.exit == .exited(0), "\(resumed)")
        #expect(try project.read("out/sums.csv") == "total\n499500\n")
        let show = try await project.caudal("show", "last", "--json")
        #expect(show.output.contains("\"succeeded\""))
        #expect(!ProcessWatch.isAlive(pid), "nothing of the dead run is left")
    }
}
