import CaudalModel
import Engine
import Foundation
import TestSupport
import Testing

/// A cluster of Spark that a test starts, and that ends with it.
private final class SparkCluster {
    let address: String
    let folder: ScratchFolder
    private let process = Process()
    private let input = Pipe()

    /// Starts a master with two workers, or a Connect server.
    init(connect: Bool = false) throws {
        folder = try ScratchFolder()
        process.executableURL = URL(filePath: Repository.path("scripts/test-spark-cluster"))
        process.arguments = [folder.path]
        process.environment = ProcessInfo.processInfo.environment.merging(connect ? ["CONNECT": "1"] : [:]) { $1 }
        let output = Pipe()
        process.standardInput = input
        process.standardOutput = output
        try process.run()
        var line = ""
        while !line.hasSuffix("\n") {
            let bytes = output.fileHandleForReading.availableData
            if bytes.isEmpty { throw Failure("the cluster did not start") }
            line += String(decoding: bytes, as: UTF8.self)
        }
        address = String(line.trimmed.dropFirst("ready ".count))
    }

    deinit {
        try? input.fileHandleForWriting.close()
        process.waitUntilExit()
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

    @Test(
        "A million rows on two workers are those of DuckDB, and a worker that is killed in the middle costs only time")
    func lostWorker() async throws {
        let duckDB = try await project(1_000_000, "")
        let expected = try await duckDB.caudal("run", "p.yaml", "--plain")
        try #require(expected.status == 0, "\(expected)")
        let cluster = try SparkCluster()
        let engine =
            "engine: spark\nspark: {master: '\(cluster.address)', conf: {spark.executor.memory: 1g}}"
        let spark = try await project(1_000_000, engine)
        let run = try await spark.start("run", "p.yaml", "--plain")
        let line = await run.says("read and judge the rows")
        try #require(line != nil)
        try cluster.killWorker(2)
        var last = ""
        for await line in run.lines { last += line + "\n" }
        let end = await run.child.exit()
        try #require(end.exit == .exited(0), "\(last)")
        #expect(try await differences(duckDB, spark) == [])
    }

    @Test(
        "By Spark Connect the same rows come out, and a run that is cancelled leaves the server free",
        .enabled(if: Spark.hasConnect, Comment(rawValue: Spark.advice)))
    func connect() async throws {
        let duckDB = try await project(20_000, "")
        _ = try await duckDB.caudal("run", "p.yaml", "--plain")
        let server = try SparkCluster(connect: true)
        let spark = try await project(20_000, "engine: spark\nspark: {remote: '\(server.address)'}")
        let ran = try await spark.caudal("run", "p.yaml", "--plain")
        try #require(ran.status == 0, "\(ran)")
        #expect(try await differences(duckDB, spark) == [])
        // The server goes on for the next run.
        let again = try await spark.caudal("run", "p.yaml", "--plain")
        #expect(again.status == 0, "\(again)")
    }
}
