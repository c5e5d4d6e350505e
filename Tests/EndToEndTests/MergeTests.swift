import CaudalModel
import Engine
import Foundation
import TestSupport
import Testing

@Suite("Stages that add to their output", .timeLimit(.minutes(5)))
struct MergeTests {
    /// A project whose pipeline merges the rows of one day into `latest.parquet`.
    private func project(rows: [String] = []) throws -> CaudalProject {
        let project = try CaudalProject(copying: [])
        try project.write("rows.csv", (["id,seen,day,amount"] + rows).joined(separator: "\n") + "\n")
        func pipeline(_ name: String, where condition: String, output: String, rest: String) -> String {
            """
            version: 1
            name: \(name)
            params: {day: {type: date, default: 2026-11-01}}
            datasets:
              rows: {path: rows.csv}
              typed: {path: \(name)-typed.parquet}
              latest: {path: \(output)}
            stages:
              typed:
                type: process
                input: rows
                output: typed
                steps: [{cast: {id: integer, seen: timestamp, day: date, amount: "decimal(10,2)"}}]
              latest:
                type: sql
                inputs: typed
                output: latest
                query: |
                  select id, seen, amount from typed where \(condition)
                  qualify row_number() over (partition by id order by seen desc) = 1
                \(rest)
            """
        }
        try project.write(
            "day.yaml",
            pipeline(
                "day", where: "day = ${params.day}", output: "latest.parquet",
                rest: "mode: merge\n    key: id\n    order_by: seen"))
        try project.write("full.yaml", pipeline("full", where: "true", output: "full.parquet", rest: ""))
        return project
    }

    private func table(_ project: CaudalProject, _ file: String = "latest.parquet") async throws -> [String] {
        try await project.query("select * from '\(file)' order by all")
    }

    private func run(_ project: CaudalProject, day: Int) async throws {
        let ran = try await project.caudal("run", "day.yaml", "--plain", "--param", "day=2026-11-0\(day)")
        #expect(ran.status == 0, "\(ran)")
    }

    @Test("Rows with a new key are added, those with a known one take its place, and a second run changes nothing")
    func merged() async throws {
        let project = try project(rows: [
            "1,2026-11-01 10:00:00,2026-11-01,1.50", "2,2026-11-01 11:00:00,2026-11-01,2.50",
            "2,2026-11-02 09:00:00,2026-11-02,20.00", "3,2026-11-02 09:30:00,2026-11-02,3.00",
        ])
        try await run(project, day: 1)
        #expect(try await table(project).count == 2)
        try await run(project, day: 2)
        let both = try await table(project)
        #expect(both.count == 3 && both[1].contains("20.0"), "\(both)")
        try await run(project, day: 2)
        #expect(try await table(project) == both)
        // What is older than what is there does not take its place.
        try await run(project, day: 1)
        #expect(try await table(project) == both)
        let lineage = try await project.caudal("lineage", "latest.parquet")
        #expect(lineage.status == 0 && lineage.output.contains("day-typed.parquet"), "\(lineage)")
        #expect(lineage.output.contains("by run ") && !lineage.output.contains("from outside"), "\(lineage)")
        // Run by hand, what 'explain' prints does the same.
        let explained = try await project.caudal("explain", "day.yaml", "latest", "--param", "day=2026-11-02")
        try project.write("explained.sql", explained.output)
        _ = try await project.run(Repository.path(".tools/duckdb/duckdb_cli/duckdb"), ["-f", "explained.sql"])
        #expect(try await table(project) == both, "\(explained)")
    }

    @Test(
        "Any order of days, with kills and runs again, gives the table of one run over all of them",
        arguments: [UInt64(1), 2, 3])
    func anyOrder(seed: UInt64) async throws {
        var random = SplitMix64(seed: seed)
        // Times differ, so that which row is the latest of its key does not depend on an order.
        let rows = (0..<200).map { number in
            let day = Int(random.next() % 5) + 1
            let id = random.next() % 20 == 0 ? 1000 + number : Int(random.next() % 60)
            return "\(id),2026-11-0\(random.next() % 9 + 1) 10:\(10 + number / 60):\(10 + number % 60 % 50).\(number),"
                + "2026-11-0\(day),\(random.next() % 1000).25"
        }
        let project = try project(rows: rows)
        let full = try await project.caudal("run", "full.yaml", "--plain")
        #expect(full.status == 0, "\(full)")
        var days = (1...5).flatMap { [$0] + (random.next() % 2 == 0 ? [$0] : []) }
        days = days.shuffled(using: &random)
        for day in days {
            let started = try await project.start("run", "day.yaml", "--plain", "--param", "day=2026-11-0\(day)")
            await started.passes(events: Int(random.next() % 7) + 1)
            guard await started.killHard() == .signaled(SIGKILL) else { continue }
            let resumed = try await project.caudal("resume", "last", "--plain", "--yes")
            // A run that was killed before it was recorded, or after it had ended, is none to resume.
            if resumed.status != 0 { try await run(project, day: day) }
        }
        #expect(try await table(project) == table(project, "full.parquet"), "seed \(seed), days \(days)")
    }

    @Test("Two runs never add to one output at the same time, not even where runs may overlap")
    func overlapping() async throws {
        let project = try project(rows: ["1,2026-11-01 10:00:00,2026-11-01,1.50"])
        try project.write(
            "day.yaml",
            project.read("day.yaml").replacing("name: day", with: "name: day\noverlap: allow").replacing(
                "stages:",
                with:
                    "stages:\n  wait: {type: command, run: 'echo begun > begun; until test -e open; do sleep 0.05; done'}"
            ).replacing("inputs: typed", with: "inputs: typed\n    needs: wait"))
        let first = try await project.start("run", "day.yaml", "--plain")
        try await wait(forFile: project.folder.path("begun"), holding: "begun")
        let second = try await project.caudal("run", "day.yaml", "--plain", "--param", "day=2026-11-02")
        #expect(second.status != 0 && "\(second)".contains("latest.parquet"), "\(second)")
        try project.write("open", "")
        #expect(await first.child.exit().exit == .exited(0))
    }

    @Test("Rows whose key is missing, or is there twice, are not merged, and the output stays")
    func faults() async throws {
        let project = try project(rows: ["1,2026-11-01 10:00:00,2026-11-01,1.50", ",2026-11-02 09:00:00,2026-11-02,2"])
        try await run(project, day: 1)
        let before = try await table(project)
        let keyless = try await project.caudal("run", "day.yaml", "--plain", "--param", "day=2026-11-02")
        #expect(keyless.status == 1, "\(keyless)")
        #expect(
            keyless.output.contains("day.yaml:22:10: 1 row of the query without a value in the key (id)"), "\(keyless)")
        try project.write(
            "day.yaml",
            project.read("day.yaml").replacing(
                "qualify row_number() over (partition by id order by seen desc) = 1", with: ""))
        try project.write("rows.csv", "id,seen,day,amount\n4,,2026-11-02,1\n4,,2026-11-02,2\n")
        let double = try await project.caudal("run", "day.yaml", "--plain", "--param", "day=2026-11-02")
        #expect(
            double.status == 1 && double.output.contains("1 value of the key (id) in more than one row"), "\(double)")
        #expect(try await table(project) == before)
    }

    @Test("An output with other columns is not merged into, and what cannot be merged is refused at its place")
    func shapes() async throws {
        let project = try project(rows: ["1,2026-11-01 10:00:00,2026-11-01,1.50"])
        try await run(project, day: 1)
        try project.write(
            "day.yaml",
            project.read("day.yaml").replacing("select id, seen, amount", with: "select id, seen, amount, day"))
        let other = try await project.caudal("run", "day.yaml", "--plain")
        #expect(other.status == 1 && other.output.contains("latest.parquet has the columns id (integer)"), "\(other)")
        try project.write(
            "p.yaml",
            """
            version: 1
            name: p
            datasets:
              rows: {path: rows.csv}
              one: {path: one.csv}
              two: {path: two.parquet}
              three: {path: three.parquet}
            stages:
              one: {type: sql, inputs: rows, output: one, query: select * from rows, mode: merge, key: id}
              two: {type: sql, inputs: rows, output: two, query: select * from rows, mode: merge}
              three: {type: sql, inputs: rows, output: three, query: select * from rows, key: id}
            """)
        let told = try await "\(project.caudal("validate", "p.yaml"))"
        #expect(
            told.contains("p.yaml:5:15: error: stage 'one' merges rows into 'one', which is no Parquet file"), "\(told)"
        )
        #expect(told.contains("p.yaml:10:74: error: 'mode: merge' needs 'key'"), "\(told)")
        #expect(told.contains("p.yaml:11:78: error: 'key' belongs to 'mode: merge'"), "\(told)")
    }
}
