import CaudalModel
import Engine
import Foundation
import TestSupport
import Testing

/// A cluster of Spark that a test starts and ends.
private final class SparkCluster: Sendable {
    let address: String
    let folder: ScratchFolder
    private let child: ChildProcess
    private let reactor: ProcessReactor

    /// Starts a master with two workers, or a Connect server.
    init(connect: Bool = false) async throws {
        let (folder, reactor) = (try ScratchFolder(), ProcessReactor())
        let (lines, arrival) = AsyncStream<String>.makeStream()
        var variables = ProcessInfo.processInfo.environment
        if connect { variables["CONNECT"] = "1" }
        // It ends with this process, however that ends.
        child = try await reactor.start(
            ProcessLaunch(
                program: "/usr/bin/setpriv",
                arguments: ["--pdeathsig=TERM", Repository.path("scripts/test-spark-cluster"), folder.path],
                variables: variables, folder: "/", marker: "test/spark/\(folder.path)")
        ) { stream, bytes in
            guard stream == .stdout else { return }
            if bytes.isEmpty { arrival.finish() } else { arrival.yield(String(decoding: bytes, as: UTF8.self)) }
        }
        for await text in lines where text.hasPrefix("ready ") {
            address = String(text.trimmed.dropFirst("ready ".count))
            (self.folder, self.reactor) = (folder, reactor)
            return
        }
        throw Failure("the cluster did not start")
    }

    /// Ends it, and waits for that.
    func stop() async {
        child.stop()
        _ = await child.exit()
    }

    /// The applications that the master has, of which there are none once a session has ended.
    func applications() async throws -> String {
        let port = try FileText.read(folder.path("ui")).trimmed
        let page = try await ToolRun.output(
            of: "/usr/bin/curl", ["-sf", "http://127.0.0.1:\(port)/json/"], limit: ToolRun.patience, reactor: reactor)
        let facts = try JSONSerialization.jsonObject(with: Data(page.text.utf8)) as? [String: Any]
        let found = facts?["activeapps"] as? [[String: Any]] ?? [["name": "no answer"]]
        return found.map { "\($0["name"] ?? "")" }.joined(separator: ", ")
    }

    /// Kills a worker and the processes that it has started.
    func killWorker(_ number: Int) throws {
        let pid = try #require(
            Int32(try String(contentsOfFile: folder.path("worker\(number).pid"), encoding: .utf8).trimmed))
        let children = try FileManager.default.contentsOfDirectory(atPath: "/proc").compactMap { Int32($0) }.filter {
            other in
            let status = (try? String(contentsOfFile: "/proc/\(other)/status", encoding: .utf8)) ?? ""
            return status.contains("PPid:\t\(pid)\n")
        }
        for one in [pid] + children { kill(one, SIGKILL) }
    }
}

/// Real clusters: results are those of DuckDB, also where workers are lost while they write.
@Suite(
    "Spark: clusters", .serialized, .timeLimit(.minutes(25)),
    .enabled(if: Spark.isInstalled, Comment(rawValue: Spark.advice)))
struct SparkClusterTests {
    private func pipeline(_ engine: String) -> String {
        """
        version: 1
        name: sales
        \(engine)
        datasets:
          raw: {path: raw.csv, schema: rows.json}
          catalog: {path: catalog.csv}
          valid: {path: out/valid.parquet}
          clean: {path: out/clean.parquet}
          rich: {path: out/rich.parquet}
          sums: {path: out/sums.csv}
        stages:
          validate: {type: validate, input: raw, output: valid, quarantine: out/aside.csv}
          process:
            type: process
            input: valid
            output: clean
            steps:
              - deduplicate: {by: [order_id], keep: first}
              - fill_missing: {quantity: 0, price: 0}
              - derive: {total: quantity * price}
          enrich:
            type: enrich
            input: clean
            output: rich
            lookups: [{dataset: catalog, on: product, add: [name], default: unknown}]
            checks: [{unique: order_id}]
          sums:
            type: sql
            inputs: [rich]
            output: sums
            query: SELECT name, count(*) AS "rows", sum(quantity) AS pieces FROM rich GROUP BY name ORDER BY name
        """
    }

    /// A project with `rows` orders: some repeated, some that break a rule, some that are no rows.
    private func project(_ rows: Int, _ engine: String) async throws -> CaudalProject {
        let project = try CaudalProject(copying: [])
        _ = try await project.query(
            """
            COPY (SELECT 'O' || (i * 7919 % (\(rows) - \(rows / 100))) AS order_id, 'P' || (i % 61) AS product,
                    CASE WHEN i % 401 = 0 THEN 'two' ELSE (i % 9)::VARCHAR END AS quantity,
                    CASE WHEN i % 307 = 0 THEN '' WHEN i % 503 = 0 THEN '-1' ELSE ((i % 1000) / 4.0)::VARCHAR END AS price,
                    strftime(DATE '2026-01-01' + (i % 300)::INTEGER, '%Y-%m-%d') || CASE WHEN i % 2003 = 0 THEN ',more' ELSE '' END AS day
                  FROM range(\(rows)) r(i)) TO 'raw.csv' (FORMAT csv, HEADER true, QUOTE '');
            COPY (SELECT 'P' || i AS product, 'Product ' || i AS name FROM range(60) r(i)) TO 'catalog.csv' (FORMAT csv, HEADER true)
            """)
        try project.write(
            "rows.json",
            #"""
            {"properties": {"order_id": {"type": "string", "minLength": 2}, "product": {"type": "string"},
              "quantity": {"type": "integer", "minimum": 0}, "price": {"type": "number", "minimum": 0},
              "day": {"type": "string", "format": "date"}}, "required": ["order_id", "quantity"]}
            """#)
        try project.write("p.yaml", pipeline(engine))
        return project
    }

    private func differences(_ one: CaudalProject, _ other: CaudalProject) async throws -> [String] {
        var found: [String] = []
        for name in ["valid", "clean", "rich"] {
            let (first, second) = (one.folder.path("out/\(name).parquet"), other.folder.path("out/\(name).parquet"))
            let counts = try await one.query(
                """
                SELECT (SELECT count(*) FROM (FROM '\(first)' EXCEPT ALL FROM '\(second)')),
                       (SELECT count(*) FROM (FROM '\(second)' EXCEPT ALL FROM '\(first)'))
                """)
            if counts != ["0|0"] { found.append("\(name): \(counts)") }
        }
        for name in ["aside.csv", "sums.csv"] where one.text("out/" + name) != other.text("out/" + name) {
            found.append("\(name) has other text")
        }
        return found
    }

    /// Waits until Spark writes a file of a stage's output, which no line of output tells.
    private func waitForWriting(_ name: String, _ project: CaudalProject) async throws {
        for _ in 0..<6000 {
            let names = FileManager.default.subpaths(atPath: project.folder.path(".caudal/runs")) ?? []
            let parts = names.filter { $0.contains("\(name).parquet/_temporary") && $0.hasSuffix(".parquet") }
            if !parts.isEmpty { return }
            try await Task.sleep(for: .milliseconds(50))
        }
        throw Failure("Spark did not begin to write \(name)")
    }

    /// How many rows the test with a lost worker has.
    private static let rows =
        ProcessInfo.processInfo.environment["CAUDAL_SPARK_ROWS"].flatMap { Int($0) } ?? 1_000_000

    @Test(
        "A million rows on two workers are those of DuckDB, and a worker that is killed in the middle costs only time")
    func lostWorker() async throws {
        let duckDB = try await project(Self.rows, "")
        let expected = try await duckDB.caudal("run", "p.yaml", "--plain")
        try #require(expected.status == 0, "\(expected)")
        let cluster = try await SparkCluster()
        let engine =
            "engine: spark\nspark: {master: '\(cluster.address)', conf: {spark.executor.memory: 1g}}"
        let spark = try await project(Self.rows, engine)
        let run = try await spark.start("run", "p.yaml", "--plain")
        try await waitForWriting("valid", spark)
        try cluster.killWorker(2)
        var last = ""
        for await line in run.lines { last += line + "\n" }
        let end = await run.child.exit()
        await cluster.stop()
        try #require(end.exit == .exited(0), "\(last)")
        #expect(try await differences(duckDB, spark) == [])
    }

    @Test("A driver that is killed while workers write is replaced by a retry, and a cancelled one leaves the cluster")
    func lostDriver() async throws {
        let duckDB = try await project(100_000, "")
        _ = try await duckDB.caudal("run", "p.yaml", "--plain")
        let cluster = try await SparkCluster()
        let spark = try await project(
            100_000, "engine: spark\nspark: {master: '\(cluster.address)', conf: {spark.executor.memory: 1g}}")
        try spark.write(
            "p.yaml",
            spark.read("p.yaml").replacing("type: process\n", with: "type: process\n    retry: {limit: 1, delay: 0s}\n")
        )
        let run = try await spark.start("run", "p.yaml", "--plain")
        try await waitForWriting("clean", spark)
        for process in ProcessTable.marked("CAUDAL_ATTEMPT_ID", beginning: "") where process.name.hasPrefix("python3") {
            let place = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(process.pid)/cwd")
            if place == spark.folder.path { kill(process.pid, SIGKILL) }
        }
        let told = await run.says("Spark's driver ended")
        #expect(told != nil)
        #expect(await run.child.exit().exit == .exited(0))
        #expect(try await differences(duckDB, spark) == [])
        // What is cancelled in the middle of its writing publishes nothing, and gives the cores of the cluster back.
        let before = try spark.read("out/sums.csv")
        let second = try await spark.start("run", "p.yaml", "--plain")
        try await waitForWriting("clean", spark)
        #expect(try await spark.caudal("cancel", "last").status == 0)
        #expect(await second.child.exit().exit == .exited(3))
        #expect(try spark.read("out/sums.csv") == before)
        for _ in 0..<200 {
            if try await cluster.applications() == "" { break }
            try await Task.sleep(for: .milliseconds(100))
        }
        #expect(try await cluster.applications() == "")
        await cluster.stop()
    }

    @Test(
        "By Spark Connect the same rows come out, and the server goes on for the next run",
        .enabled(if: Spark.hasConnect, Comment(rawValue: Spark.advice)))
    func connect() async throws {
        let duckDB = try await project(20_000, "")
        _ = try await duckDB.caudal("run", "p.yaml", "--plain")
        let server = try await SparkCluster(connect: true)
        let spark = try await project(20_000, "engine: spark\nspark: {remote: '\(server.address)'}")
        let ran = try await spark.caudal("run", "p.yaml", "--plain")
        try #require(ran.status == 0, "\(ran)")
        #expect(try await differences(duckDB, spark) == [])
        // The server goes on for the next run.
        let again = try await spark.caudal("run", "p.yaml", "--plain")
        await server.stop()
        #expect(again.status == 0, "\(again)")
    }
}
