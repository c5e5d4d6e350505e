import CaudalModel
import Engine
import Foundation
import TestSupport
import Testing

@Suite("Stages that read what is new", .timeLimit(.minutes(5)))
struct WatermarkTests {
    /// How the two stages that add to their outputs do so.
    private static let adding = [
        "mode: append, watermark: seen", "mode: merge, key: id, order_by: version, watermark: seen, lookback: 30m",
    ]

    /// A project that reads `rows.csv`, which grows, and adds what is new to `appended.parquet` and `merged.parquet`.
    private func project(full: Bool = false) throws -> CaudalProject {
        let project = try CaudalProject(copying: [])
        try write(to: project, "new", Self.adding)
        try write(to: project, "full", ["mode: replace", "mode: replace"])
        return project
    }

    private func write(to project: CaudalProject, _ name: String, _ adding: [String], query: String = "") throws {
        try project.write(
            name + ".yaml",
            """
            version: 1
            name: \(name)
            datasets:
              rows: {path: rows.csv}
              typed: {path: \(name)-typed.parquet}
              appended: {path: \(name)-appended.parquet}
              merged: {path: \(name)-merged.parquet}
            stages:
              typed:
                type: process
                input: rows
                output: typed
                steps: [{cast: {id: integer, seen: timestamp, version: integer, n: integer}}]
              appended: {type: process, input: typed, output: appended, steps: [{filter: "n <> 3"}], \(adding[0])}
              merged:
                type: sql
                inputs: typed
                output: merged
                query: |
                  select id, seen\(query), version, n from typed
                  qualify row_number() over (partition by id order by version desc) = 1
                \(adding[1].replacing(", ", with: "\n    "))
            """)
    }

    private func write(_ rows: [String], to project: CaudalProject) throws {
        try project.write("rows.csv", (["id,seen,version,n"] + rows).joined(separator: "\n") + "\n")
    }

    private func table(_ project: CaudalProject, _ file: String) async throws -> [String] {
        try await project.query("select * from '\(file).parquet' order by all")
    }

    private func run(_ project: CaudalProject, _ more: String...) async throws {
        let ran = try await project.caudal(["run", "new.yaml", "--plain"] + more)
        #expect(ran.status == 0, "\(ran)")
    }

    @Test(
        "However rows arrive and whatever is killed and run again, the tables are those of one run over all rows",
        arguments: [UInt64(1), 2, 3])
    func anyArrival(seed: UInt64) async throws {
        var random = SplitMix64(seed: seed)
        let project = try project()
        var (rows, late): ([String], [String]) = ([], [])
        var minute = 0
        for batch in 0..<6 {
            for _ in 0..<Int(random.next() % 40) {
                let number = rows.count
                // Times do not go back, and many are the same, also from one arrival to the next.
                minute += random.next() % 3 == 0 ? 1 : 0
                func row(_ minute: Int) -> String {
                    "\(random.next() % 30),2026-11-01 \(10 + minute / 50):\(10 + minute % 50):00,\(number),\(random.next() % 5)"
                }
                rows.append(row(minute))
                // Those of the other table come up to half an hour late.
                late.append(row(max(0, minute - Int(random.next() % 20))))
            }
            // Each stage has its own rows: what may come late is no append.
            for (given, stage) in [(rows, "+appended"), (late, "+merged")] {
                try write(given, to: project)
                let started = try await project.start("run", "new.yaml", "--plain", "--select", stage)
                await started.passes(events: Int(random.next() % 9) + 1)
                let end = await started.killHard()
                if end == .signaled(SIGKILL), random.next() % 2 == 0 {
                    _ = try await project.caudal("resume", "last", "--plain", "--yes")
                }
                // An arrival that no run has ended for is read by the next one.
                if batch == 5 || random.next() % 2 == 0 { try await run(project, "--select", stage) }
            }
        }
        for (given, stage) in [(rows, "appended"), (late, "merged")] {
            try write(given, to: project)
            let full = try await project.caudal("run", "full.yaml", "--plain", "--select", "+\(stage)")
            #expect(full.status == 0, "\(full)")
            #expect(
                try await table(project, "new-\(stage)") == table(project, "full-\(stage)"), "seed \(seed), \(stage)")
        }
    }

    @Test("Only new rows are read, a second run adds nothing, and a full refresh makes the output anew")
    func refreshed() async throws {
        let project = try project()
        try write(["1,2026-11-01 10:00:00,1,1", "2,2026-11-01 11:00:00,2,1"], to: project)
        try await run(project)
        try write(
            [
                "1,2026-11-01 10:00:00,1,7", "2,2026-11-01 11:00:00,2,1", "3,2026-11-01 11:00:00,3,1",
                "4,2026-11-01 12:00:00,4,1",
            ], to: project)
        try await run(project)
        let logs = try await project.caudal("logs").output
        #expect(
            logs.contains("reads the rows of 'typed', and adds those with a 'seen' from 2026-11-01 11:00:00"), "\(logs)"
        )
        #expect(logs.contains("reads the rows of 'typed' with a 'seen' from 2026-11-01 10:30:00"), "\(logs)")
        let both = try await table(project, "new-appended")
        #expect(both.count == 4 && both[0].hasSuffix("|1|1"), "\(both)")
        // Run by hand, what 'explain' prints does the same.
        for stage in ["appended", "merged"] {
            let explained = try await project.caudal("explain", "new.yaml", stage)
            try project.write("explained.sql", explained.output)
            let before = try await table(project, "new-\(stage)")
            _ = try await project.run(Repository.path(".tools/duckdb/duckdb_cli/duckdb"), ["-f", "explained.sql"])
            #expect(try await table(project, "new-\(stage)") == before, "\(explained)")
        }
        try await run(project)
        #expect(try await table(project, "new-appended") == both)
        try await run(project, "--full-refresh")
        let anew = try await table(project, "new-appended")
        #expect(anew.count == 4 && anew[0].hasSuffix("|1|7"), "\(anew)")
    }

    @Test("Rows of which nobody knows whether they are new fail the stage, and the output stays")
    func faults() async throws {
        let project = try project()
        try write(["1,2026-11-01 10:00:00,1,1"], to: project)
        try await run(project)
        let before = try await table(project, "new-appended")
        try write(["1,2026-11-01 10:00:00,1,1", "2,,2,1"], to: project)
        let unmarked = try await project.caudal("run", "new.yaml", "--plain", "--select", "+appended")
        #expect(
            unmarked.status == 1 && unmarked.output.contains("1 row without a value in 'seen', of which nobody knows"),
            "\(unmarked)")
        #expect(try await table(project, "new-appended") == before)
        // A query that makes times greater would let rows be passed over.
        try write(to: project, "new", Self.adding, query: " + interval 1 hour as seen")
        let ahead = try await project.caudal("run", "new.yaml", "--plain", "--select", "+merged")
        #expect(
            ahead.status == 1
                && ahead.output.contains("the rows have a greater value of 'seen' than any row that was read"),
            "\(ahead)")
    }

    @Test("What a watermark cannot tell is refused at its place")
    func rules() async throws {
        let project = try CaudalProject(copying: [])
        try project.write("rows.csv", "id,seen\n1,2026-11-01\n")
        _ = try await project.query("copy (select 1 as id, true as seen) to '\(project.folder.path("yes.parquet"))'")
        func told(_ stage: String, _ top: String = "") async throws -> String {
            try project.write(
                "p.yaml",
                """
                version: 1
                name: p
                \(top)
                datasets:
                  rows: {path: rows.csv}
                  yes: {path: yes.parquet}
                  day: {path: "${params.day}.csv"}
                  out: {path: out.parquet}
                stages:
                  a: {\(stage), output: out}
                """.replacing(top.isEmpty ? "  day: {path: \"${params.day}.csv\"}\n" : "\u{0}", with: ""))
            return try await "\(project.caudal("validate", "p.yaml"))"
        }
        let (rows, days) = ("type: sql, query: select * from rows", "params: {day: {type: date, default: 2026-11-01}}")
        #expect(try await told("\(rows), mode: append").contains("'mode: append' needs 'watermark'"))
        #expect(
            try await told("\(rows), mode: append, watermark: seen, lookback: 2d")
                .contains("'lookback' belongs to 'mode: merge': with 'mode: append', 'late' says what becomes"))
        #expect(
            try await told("\(rows), mode: merge, key: id, watermark: seen, late: add")
                .contains("'late' belongs to 'mode: append': with 'mode: merge', 'lookback' says"))
        #expect(
            try await told("\(rows), mode: append, watermark: seen, partial: true")
                .contains("'partial' belongs to 'late: ignore': without it, all rows are read"))
        #expect(
            try await told("\(rows), watermark: seen").contains(
                "'watermark' belongs to 'mode: merge' or 'mode: append'"))
        #expect(try await told("\(rows), mode: append, watermark: at").contains("'rows' has no column 'at'"))
        #expect(
            try await told("type: sql, query: select id from rows, mode: append, watermark: seen")
                .contains("the output has no column 'seen'"))
        #expect(
            try await told("type: process, input: rows, steps: [{cast: {seen: date}}], mode: append, watermark: seen")
                .contains("'seen' is text in 'rows' and date in the output"))
        #expect(
            try await told("type: process, input: yes, mode: append, watermark: seen").contains("which does not grow"))
        #expect(
            try await told("\(rows), inputs: yes, mode: append, watermark: seen").contains("add 'watermark_of'"))
        #expect(
            try await told("\(rows), mode: merge, key: id, watermark: seen, lookback: 2d")
                .contains("a duration goes back in times only"))
        let reads = "type: sql, query: \"select * from rows where seen <= ${params.day}\""
        #expect(
            try await told("\(reads), mode: append, watermark: seen", days)
                .contains("'a' reads what is newer than its output, and that depends on ${params.day}"))
        #expect(
            try await told("type: process, input: day, mode: append, watermark: seen", days)
                .contains("'a' reads what is newer than its output, and that depends on ${params.day} (line 7)"))
    }
}
