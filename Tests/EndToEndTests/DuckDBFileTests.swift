import Engine
import Foundation
import TestSupport
import Testing

@Suite("Tables of DuckDB's files", .timeLimit(.minutes(5)))
struct DuckDBFileTests {
    private func project(_ table: String, stage: String = "type: process, input: rows, output: got") async throws
        -> CaudalProject
    {
        let project = try CaudalProject(copying: [])
        _ = try await project.query(
            """
            attach 'lake.duckdb' as lake; use lake; create schema sales;
            create table orders as select i::integer as id, (i * 1.25)::decimal(10,2) as amount, date '2026-11-01' as day,
                timestamptz '2026-11-01 10:00:00+02' as seen, i % 2 = 0 as even, case when i > 1 then 'text' || i end as text
                from range(1, 4) r(i);
            create view sales.even as select id from main.orders where even
            """)
        try project.write(
            "p.yaml",
            """
            version: 1
            name: p
            connections: {lake: {type: duckdb, path: lake.duckdb}}
            datasets:
              in: {path: in.csv}
              rows: {connection: lake, table: \(table)}
              got: {path: got.csv}
            stages:
              read: {\(stage)}
            """)
        return project
    }

    @Test("Tables and views are read with their types, and the file stays as it is")
    func read() async throws {
        let project = try await project("orders")
        let before = FileManager.default.contents(atPath: project.folder.path("lake.duckdb"))
        let ran = try await project.caudal("run", "p.yaml", "--plain")
        #expect(ran.status == 0, "\(ran)")
        #expect(
            try project.read("got.csv") == """
                id,amount,day,seen,even,text
                1,1.25,2026-11-01,2026-11-01T08:00:00Z,false,
                2,2.50,2026-11-01,2026-11-01T08:00:00Z,true,text2
                3,3.75,2026-11-01,2026-11-01T08:00:00Z,false,text3

                """)
        #expect(FileManager.default.contents(atPath: project.folder.path("lake.duckdb")) == before)
        let explained = try await project.caudal("explain", "p.yaml", "read")
        try project.write("explained.sql", explained.output)
        try FileManager.default.removeItem(atPath: project.folder.path("got.csv"))
        _ = try await project.run(Repository.path(".tools/duckdb/duckdb_cli/duckdb"), ["-f", "explained.sql"])
        #expect(project.text("got.csv")?.hasPrefix("id,amount") == true, "\(explained)")
        let view = try await self.project("sales.even")
        let second = try await view.caudal("run", "p.yaml", "--plain")
        #expect(second.status == 0, "\(second)")
        #expect(try view.read("got.csv") == "id\n2\n")
    }

    @Test("What is not there, is no such file or is to be written is told with its place")
    func faults() async throws {
        let missing = try await project("nothing").caudal("run", "p.yaml", "--plain")
        #expect(
            missing.status == 2 && "\(missing)".contains("p.yaml:6:35: error: there is no table 'nothing'"),
            "\(missing)")
        let project = try await project("orders")
        try project.write("lake.duckdb", "no database at all, but a text that is long enough to be looked at by DuckDB")
        let damaged = try await project.caudal("run", "p.yaml", "--plain")
        #expect(damaged.status == 1 && "\(damaged)".contains("the database cannot be asked"), "\(damaged)")
        let load = try await self.project("orders", stage: "type: load, input: in, output: rows, mode: append")
        let told = try await load.caudal("validate", "p.yaml")
        #expect("\(told)".contains("'rows' is a table of a DuckDB file, and those are only read"), "\(told)")
    }
}
