import CaudalModel
import Engine
import Foundation
import GRDB
import TestSupport
import Testing

/// What is replaced while a stage, or its items, read it: no output has rows of two versions.
@Suite("Replaced while it is read", .timeLimit(.minutes(10)), .enabled(if: Checkout.runsDuckDBTests))
struct ReplacedObjectTests {
    /// Two versions of as many rows and bytes, each with its number in both columns.
    private static func versions(_ way: String, in folder: ScratchFolder, as name: String) async throws {
        let made = try CaudalProject(copying: [])
        for (number, file) in [(1, name), (2, name + ".next")] {
            let options =
                name.hasSuffix(".parquet")
                ? "(format parquet, row_group_size 2048, compression uncompressed)" : "(format csv)"
            try folder.write(file, "")
            _ = try await made.query(
                "copy (select i as id, \(number) + i * 0 as a, i % 6 as g, \(number) + i * 0 as b from range(20000) t(i)) "
                    + "to '\(folder.path(file))' \(options)")
        }
    }

    private func project(
        _ server: FileServer, _ bucket: String, table: String, to output: String = "got.csv", _ stages: String
    ) throws -> CaudalProject {
        let project = try CaudalProject(copying: [], variables: ["PASSWORD": "pw-1234567"])
        try project.write(
            "p.yaml",
            """
            version: 1
            name: p
            connections: {s: {type: s3, bucket: \(bucket), endpoint: "\(server.address)", user: u, password: "${env.PASSWORD}"}}
            datasets:
              rows: {connection: s, table: "\(table)"}
              got: {path: "\(output)"}
            stages:
              \(stages)
            """)
        return project
    }

    @Test(
        "An object is read as one version of it, or not at all, whatever its store tells of it",
        .enabled(if: ObjectServer.absence == nil, "\(ObjectServer.absence ?? "")"),
        arguments: ["marked", "dated", "bare"],
        ["rows.parquet", "*.parquet", "rows.csv", "*.csv"])
    func oneVersion(bucket: String, table: String) async throws {
        let server = try await FileServer("swapping.py")
        try await Self.versions(bucket, in: server.folder, as: "rows." + (table.split(separator: ".").last ?? ""))
        var published = 0
        // It is replaced behind each of the answers that one reading takes.
        for answers in 1...8 {
            try server.folder.write("swap", "1000000")
            let project = try project(
                server, bucket, table: table,
                "read: {type: sql, output: got, query: 'select count(*) n, count(distinct a) a, count(distinct b) b, count(*) filter (a <> b) mixed from rows'}"
            )
            let asked = try await Self.answers(of: server)
            try server.folder.write("swap", "\(asked + answers)")
            let ran = try await project.caudal("run", "p.yaml", "--plain")
            if ran.status == 0 {
                published += 1
                #expect(try project.read("got.csv") == "n,a,b,mixed\n20000,1,1,0\n", "behind \(answers): \(ran)")
            } else {
                #expect(project.text("got.csv") == nil)
                #expect(!"\(ran)".contains("answered with no whole list"), "\(ran)")
            }
        }
        // Where it is fetched in one piece, it is had each time.
        if bucket == "bare" || table.hasSuffix(".csv") { #expect(published == 8) }
    }

    private static func answers(of server: FileServer) async throws -> Int {
        let answer = try await ToolRun.output(
            of: "/usr/bin/curl", ["-s", server.address + "/count"], reactor: ProcessReactor())
        return Int(answer.text) ?? 0
    }

    @Test(
        "Items divide one version of an object, also of one that was replaced meanwhile",
        .enabled(if: ObjectServer.absence == nil, "\(ObjectServer.absence ?? "")"), arguments: ["marked", "bare"])
    func items(bucket: String) async throws {
        let server = try await FileServer("swapping.py")
        try server.folder.write("swap", "0")
        try await Self.versions(bucket, in: server.folder, as: "rows.parquet")
        try FileManager.default.moveItem(
            atPath: server.folder.path("rows.parquet.next"), toPath: server.folder.path("later"))
        let project = try project(
            server, bucket, table: "rows.parquet", to: "items/${item.g}.csv",
            "s: {type: process, input: rows, output: got, foreach: {g: ['0', '1', '2', '3', '4', '5'], max_parallel: 1}}"
        )
        let started = try await project.start("run", "p.yaml", "--plain")
        var lines: [String] = []
        for await line in started.lines {
            lines.append(line)
            if line.contains("s[2]  succeeded") {
                rename(server.folder.path("later"), server.folder.path("rows.parquet"))
            }
        }
        #expect(lines.contains { $0.contains("s  succeeded") }, "\(lines.joined(separator: "\n"))")
        #expect(
            try await project.query("select count(*), min(a), max(a), max(b) from 'items/*.csv'") == ["20000|1|1|1"])
    }
}

/// Items over a table of a database that changes while they run.
@Suite("Items over a table", .timeLimit(.minutes(10)), .enabled(if: Checkout.runsDuckDBTests))
struct TableItemsTests {
    /// A project whose six items divide the table `t`, and a change that moves every row to another item.
    private static func project(_ connection: String, variables: [String: String] = [:]) throws -> CaudalProject {
        let project = try CaudalProject(copying: [], variables: variables)
        try project.write(
            "p.yaml",
            """
            version: 1
            name: p
            connections: {db: \(connection)}
            datasets: {t: {connection: db, table: t}, dst: {path: "o/${item.g}.csv"}}
            stages:
              s: {type: process, input: t, output: dst, steps: [{filter: "v <> 9 or id < 0"}], foreach: {g: [0, 1, 2, 3, 4, 5], max_parallel: 1}, checks: [{row_count: {min: 1}}]}
            """)
        return project
    }

    private static let change = "update t set g = (g + 1) % 6"

    /// Runs it, and has the table changed when the third item is done.
    private func run(_ project: CaudalProject, _ change: () async throws -> Void) async throws -> String {
        let started = try await project.start("run", "p.yaml", "--plain")
        var lines: [String] = []
        for await line in started.lines {
            lines.append(line)
            if line.contains("s[2]  succeeded") { try await change() }
        }
        return lines.joined(separator: "\n")
    }

    @Test("All items see the table as it was when they were found")
    func oneVersion() async throws {
        let project = try Self.project("{type: sqlite, path: t.db}")
        let database = try DatabaseQueue(path: project.folder.path("t.db"))
        func query(_ sql: String) async throws { try await database.write { try $0.execute(sql: sql) } }
        try await query("create table t (id integer, g integer, v integer)")
        for id in 0..<60 { try await query("insert into t values (\(id), \(id % 6), 1)") }
        let told = try await run(project) { try await query(Self.change) }
        #expect(told.contains("s  succeeded"), "\(told)")
        #expect(try await project.query("select count(*), count(distinct id) from 'o/*.csv'") == ["60|60"])
        #expect(project.files(in: ".caudal").allSatisfy { !$0.contains("/tables/") })
    }

    @Test(
        "A table of PostgreSQL that changes between two items is read once, and an item that is retried later refuses another version",
        .enabled(if: PostgresServer.absence == nil, "\(PostgresServer.absence ?? "")"))
    func postgres() async throws {
        let server = try await PostgresServer.shared()
        let database = try await server.database()
        let project = try Self.project(
            "{type: postgres, port: \(server.port), database: \(database), user: \(server.user), password: \"${env.WAREHOUSE_PASSWORD}\"}",
            variables: ["WAREHOUSE_PASSWORD": server.password, "PGHOST": "127.0.0.1"])
        func query(_ sql: String) async throws { _ = try await server.query(sql, in: database) }
        try await query("create table t as select i as id, i % 6 as g, 1 as v from generate_series(0, 59) r(i)")
        let told = try await run(project) { try await query(Self.change) }
        #expect(told.contains("s  succeeded"), "\(told)")
        #expect(try await project.query("select count(*), count(distinct id) from 'o/*.csv'") == ["60|60"])
        // The fifth item has no rows that it keeps, and fails; the others do not.
        try await query("update t set v = 9 where g = 4")
        let failed = try await project.caudal("run", "p.yaml", "--plain")
        #expect(failed.status == 1, "\(failed)")
        try await query("update t set v = 1, id = id where g = 4")
        let retried = try await project.caudal("retry", "last", "--plain", "--yes")
        #expect(
            retried.status == 1 && "\(retried)".contains("db.t was changed since the items were found"), "\(retried)")
        try await query("update t set v = 9 where g = 4")
        let same = try await project.caudal("retry", "last", "--plain", "--yes")
        #expect(same.status == 1 && !"\(same)".contains("was changed since"), "\(same)")
    }

    @Test("An item refuses to go on where the version that items were found in cannot be read")
    func damagedNote() async throws {
        let project = try CaudalProject(copying: [])
        try project.write("src.csv", "id,g\n1,a\n2,b\n")
        try project.write(
            "p.yaml",
            """
            version: 1
            name: p
            datasets: {src: {path: src.csv}, dst: {path: "o/${item.g}.csv"}}
            stages:
              s: {type: process, input: src, output: dst, foreach: {g: [a, b], max_parallel: 1}, checks: [{not_null: id}]}
            """)
        try project.write("src.csv", "id,g\n1,a\n,b\n")
        #expect(try await project.caudal("run", "p.yaml", "--plain").status == 1)
        let note = try #require(project.files(in: ".caudal").first { $0.hasSuffix("shared/input.json") })
        for damage in ["", "{\"versions\": {"] {
            try project.write(".caudal/" + note, damage)
            let retried = try await project.caudal("retry", "last", "--plain", "--yes")
            #expect(
                retried.status == 1
                    && "\(retried)".contains("in which version of 'src' the items were found cannot be read"),
                "\(retried)")
        }
        unlink(project.folder.path(".caudal/" + note))
        let gone = try await project.caudal("retry", "last", "--plain", "--yes")
        #expect(gone.status == 1 && "\(gone)".contains("cannot be read any more"), "\(gone)")
    }
}
