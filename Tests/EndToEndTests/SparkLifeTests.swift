import CaudalModel
import Engine
import Foundation
import TestSupport
import Testing

/// What becomes of a run when its driver, its stage or Caudal itself is ended.
@Suite(
    "Spark: ends of runs", .serialized, .timeLimit(.minutes(15)),
    .enabled(if: Spark.isInstalled, Comment(rawValue: Spark.advice)))
struct SparkLifeTests {
    /// A query that takes Spark minutes, and a stage after it.
    private static let slow = """
        version: 1
        name: slow
        engine: spark
        spark: {master: "local[2]"}
        datasets:
          rows: {path: rows.parquet}
          out: {path: out/result.parquet}
          told: {path: out/told.parquet}
        stages:
          ask:
            type: sql
            inputs: [rows]
            output: out
            TIMEOUT
            query: SELECT a.id, sha2(repeat(concat(a.s, b.s), 200), 512) AS s FROM rows a CROSS JOIN rows b CROSS JOIN rows c
          tell: {type: process, input: rows, output: told, steps: [{derive: {n: id + 1}}], NEEDS}
        """

    private func project(_ timeout: String = "", needs: String = "needs: ask") async throws -> CaudalProject {
        let project = try CaudalProject(copying: [])
        try project.write("p.yaml", Self.slow.replacing("TIMEOUT", with: timeout).replacing("NEEDS", with: needs))
        _ = try await project.query("COPY (SELECT i AS id, 'text ' || i AS s FROM range(2000) r(i)) TO 'rows.parquet'")
        return project
    }

    /// The processes of the project's runs: Python, and Java below it.
    private func drivers(_ project: CaudalProject) -> [String] {
        ProcessTable.marked("CAUDAL_ATTEMPT_ID", beginning: "").filter { process in
            (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(process.pid)/cwd"))
                == project.folder.path
                && ["python3", "java"].contains { process.name.hasPrefix($0) }
        }.map { "\($0.name) (\($0.pid))" }
    }

    /// Waits until Spark writes the result of the slow stage, which no line of output tells.
    private func waitForWriting(_ project: CaudalProject) async throws {
        for _ in 0..<900 {
            let names = FileManager.default.subpaths(atPath: project.folder.path(".caudal/runs")) ?? []
            if names.contains(where: { $0.contains("result.parquet/_temporary") }) { return }
            try await Task.sleep(for: .milliseconds(100))
        }
        throw Failure("Spark did not begin to write")
    }

    private func waitForNone(_ project: CaudalProject) async throws -> [String] {
        for _ in 0..<200 {
            if drivers(project).isEmpty { return [] }
            try await Task.sleep(for: .milliseconds(100))
        }
        return drivers(project)
    }

    @Test(
        "A stage that takes longer than its limit is stopped, nothing of it is published, and others of the run go on")
    func timeout() async throws {
        let project = try await project("timeout: 40s", needs: "when: all_done, needs: ask")
        let ran = try await project.caudal("run", "p.yaml", "--plain")
        #expect(ran.status == 1, "\(ran)")
        #expect(ran.output.contains("it took longer than 40s and was stopped"), "\(ran)")
        // The session lived on.
        #expect(ran.lines.contains { $0.contains("tell") && $0.contains("succeeded") }, "\(ran)")
        #expect(!project.exists("out/result.parquet"))
        #expect(try await waitForNone(project) == [])
    }

    @Test("A driver that is killed fails its stage, and a retry opens another session")
    func killedDriver() async throws {
        let project = try await project(needs: "")
        try project.write(
            "p.yaml", try project.read("p.yaml").replacing("timeout:", with: "").replacing("max_parallel", with: ""))
        let run = try await project.start("run", "p.yaml", "--plain")
        try await waitForWriting(project)
        for process in ProcessTable.marked("CAUDAL_ATTEMPT_ID", beginning: "") where process.name.hasPrefix("python3") {
            let place = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(process.pid)/cwd")
            if place == project.folder.path { kill(process.pid, SIGKILL) }
        }
        let line = await run.says("FAILED in")
        #expect(line?.contains("Spark's driver ended") == true, "\(line ?? "no line")")
        _ = await run.child.exit()
        #expect(!project.exists("out/result.parquet"))
        #expect(try await waitForNone(project) == [])
        // What can be done is done when it is tried again.
        try project.write(
            "p.yaml",
            try project.read("p.yaml").replacing(" CROSS JOIN rows b CROSS JOIN rows c", with: "").replacing(
                "b.s", with: "a.s"))
        let again = try await project.caudal("retry", "last", "--yes", "--plain")
        #expect(again.status == 0, "\(again)")
        #expect(try await project.query("SELECT count(*) FROM 'out/result.parquet'") == ["2000"])
    }

    @Test("A cancelled run leaves no process and no output")
    func cancelled() async throws {
        let project = try await project()
        let run = try await project.start("run", "p.yaml", "--plain")
        try await waitForWriting(project)
        let cancelled = try await project.caudal("cancel", "last")
        #expect(cancelled.status == 0, "\(cancelled)")
        _ = await run.child.exit()
        #expect(!project.exists("out/result.parquet"))
        #expect(try await waitForNone(project) == [])
        let shown = try await project.caudal("show", "last")
        #expect(shown.output.contains("cancelled"), "\(shown)")
    }

    @Test("When Caudal is killed, its driver ends by itself, and the run can be resumed")
    func killedCaudal() async throws {
        let project = try await project()
        let run = try await project.start("run", "p.yaml", "--plain")
        try await waitForWriting(project)
        #expect(!drivers(project).isEmpty)
        await run.killHard()
        #expect(try await waitForNone(project) == [])
        #expect(!project.exists("out/result.parquet"))
        try project.write(
            "p.yaml",
            try project.read("p.yaml").replacing(" CROSS JOIN rows b CROSS JOIN rows c", with: "").replacing(
                "b.s", with: "a.s"))
        let resumed = try await project.caudal("resume", "last", "--yes", "--plain")
        #expect(resumed.status == 0, "\(resumed)")
        #expect(try await project.query("SELECT count(*) FROM 'out/result.parquet'") == ["2000"])
    }

    @Test("A fault in a query is told with its place in the file and Spark's class of it")
    func faults() async throws {
        let project = try await project()
        try project.write(
            "p.yaml",
            """
            version: 1
            name: faulty
            engine: spark
            spark: {master: "local[1]"}
            datasets: {rows: {path: rows.parquet}, out: {path: out.parquet}, other: {path: other.parquet}}
            stages:
              unknown:
                type: sql
                inputs: [rows]
                output: out
                query: |
                  SELECT id,
                         nothing_such
                  FROM rows
              overflow: {type: process, input: rows, output: other, steps: [{derive: {n: id + 9223372036854775807}}]}
            """)
        let ran = try await project.caudal("run", "p.yaml", "--plain")
        #expect(ran.status == 1)
        #expect(ran.output.contains("p.yaml:13:"), "\(ran)")
        #expect(ran.output.contains("UNRESOLVED_COLUMN") && ran.output.contains("ARITHMETIC_OVERFLOW"), "\(ran)")
        #expect(!project.exists("out.parquet") && !project.exists("other.parquet"))
    }

    @Test("Without a cluster that answers, the stage fails within the time that a session has")
    func noCluster() async throws {
        let project = try await project()
        try project.write(
            "p.yaml",
            try project.read("p.yaml").replacing(
                "master: \"local[2]\"", with: "master: \"spark://127.0.0.1:9\", start: 20s"))
        let ran = try await project.caudal("run", "p.yaml", "--plain")
        #expect(ran.status == 1, "\(ran)")
        #expect(ran.output.contains("Spark opened no session") || ran.output.contains("Spark's driver ended"), "\(ran)")
        #expect(try await waitForNone(project) == [])
    }
}

/// What is told where there is no Spark.
@Suite("Spark: what is missing", .timeLimit(.minutes(5)))
struct SparkMissingTests {
    @Test("A pipeline on Spark is not begun where Python or PySpark is missing, and says what to install")
    func missing() async throws {
        let project = try CaudalProject(copying: [], variables: ["CAUDAL_PYTHON": "/bin/false"])
        try project.write("rows.csv", "a\n1\n")
        try project.write(
            "p.yaml",
            """
            version: 1
            name: p
            engine: spark
            datasets: {rows: {path: rows.csv}, out: {path: out.parquet}}
            stages: {copy: {type: process, input: rows, output: out, steps: [{filter: a > 0}]}}
            """)
        let validated = try await project.caudal("validate", "p.yaml")
        #expect(validated.status != 0)
        #expect((validated.output + validated.errors).contains("make setup-spark"), "\(validated)")
        let ran = try await project.caudal("run", "p.yaml", "--plain")
        #expect(ran.status != 0 && !project.exists("out.parquet"))
    }
}
