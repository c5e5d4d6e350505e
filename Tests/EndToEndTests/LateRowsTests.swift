import CaudalModel
import Engine
import Foundation
import TestSupport
import Testing

/// Rows that a stage which reads what is new would pass over.
@Suite("Late rows", .timeLimit(.minutes(5)), .enabled(if: Checkout.runsDuckDBTests))
struct LateRowsTests: StageThatAdds {
    private static let (before, after) = (
        "(1, 10, 5), (2, 20, 6)", "(1, 10, 5), (3, 10, 5), (4, 15, 7), (2, 20, 6), (5, 20, 8)"
    )
    private static let stages = [
        "type: process, input: t, mode: append, watermark: seen",
        "type: sql, query: 'select * from t', mode: append, watermark: seen",
    ]

    @Test("A row that comes late fails the stage that appends, and nothing is published", arguments: stages)
    func failing(stage: String) async throws {
        let project = try await project(stage, rows: Self.before)
        _ = try await run(project)
        try await put(Self.after, into: project)
        let failed = try await run(project, status: 1)
        #expect(failed.output.contains("2 rows with a 'seen' below 20 came late"), "\(failed)")
        for word in ["late: add", "late: ignore", "mode: merge", "--full-refresh", "p.yaml:5:"] {
            #expect("\(failed)".contains(word), "\(word): \(failed)")
        }
        #expect(try await table(project) == ["1|10|5", "2|20|6"])
        _ = try await run(project, "--full-refresh")
        #expect(try await table(project).count == 5)
    }

    @Test("Late rows are added where the file says so, each once, and left out where it says that", arguments: stages)
    func chosen(stage: String) async throws {
        let project = try await project(stage + ", late: add", rows: Self.before)
        _ = try await run(project)
        try await put(Self.after, into: project)
        let added = try await run(project)
        #expect(added.output.contains("added 2 rows with a 'seen' below 20, which came late"), "\(added)")
        for _ in 1...2 {
            #expect(try await table(project) == ["1|10|5", "2|20|6", "3|10|5", "4|15|7", "5|20|8"])
            _ = try await run(project)
        }
        try write(stage + ", late: ignore", to: project)
        try await put(Self.after + ", (9, 5, 1), (6, 30, 9)", into: project)
        _ = try await run(project)
        #expect(try await table(project) == ["1|10|5", "2|20|6", "3|10|5", "4|15|7", "5|20|8", "6|30|9"])
    }

    @Test("Rows that are other ones now than those with their value fail the stage: appended, both would be there")
    func altered() async throws {
        let project = try await project(
            "type: sql, query: 'select *, current_timestamp as at from t', mode: append, watermark: seen",
            rows: Self.before)
        _ = try await run(project)
        let failed = try await run(project, status: 1)
        #expect(
            failed.output.contains("1 row with a 'seen' that the output has already is another one now"), "\(failed)")
        #expect(try await table(project).count == 2)
        // A value that was looked up and is another one now doubles nothing either.
        _ = try await project.query("copy (select 6 as v, 'six' as word) to 'c.parquet'")
        try write(
            "type: sql, query: 'select t.*, word from t left join c using (v)', mode: append, watermark: seen, watermark_of: t",
            to: project)
        _ = try await run(project, "--full-refresh")
        _ = try await project.query("copy (select 6 as v, 'sechs' as word) to 'c.parquet'")
        _ = try await run(project, status: 1)
        #expect(try await table(project) == ["1|10|5|NULL", "2|20|6|six"])
    }

    @Test("Rows that went, and values of older rows that are others now, are no late rows")
    func older() async throws {
        let project = try await project(Self.stages[0], rows: Self.before)
        _ = try await run(project)
        try await put("(2, 20, 6), (7, 30, 1)", into: project)
        _ = try await run(project)
        try await put("(1, 10, 99), (2, 20, 6), (7, 30, 1)", into: project)
        _ = try await run(project)
        #expect(try await table(project) == ["1|10|5", "2|20|6", "7|30|1"])
    }

    @Test(
        "A corrected row reaches an output that takes what is new, however old it is",
        arguments: [
            "mode: merge, key: id, watermark: seen", "mode: append, watermark: seen",
            "mode: append, watermark: seen, late: ignore",
        ])
    func corrected(mode: String) async throws {
        let project = try CaudalProject(copying: [])
        try project.write(
            "s.json",
            #"{"type":"object","properties":{"id":{"type":"integer"},"seen":{"type":"integer"},"v":{"type":"integer"}}}"#
        )
        try project.write("src.csv", "id,seen,v\n1,1,10\n2,2,zwei\n3,3,30\n")
        try project.write(
            "p.yaml",
            """
            version: 1
            name: p
            datasets: {src: {path: src.csv, schema: s.json}, ok: {path: ok.parquet}, dst: {path: dst.parquet}}
            stages:
              v: {type: validate, input: src, output: ok}
              add: {type: process, input: ok, output: dst, \(mode)}
            """)
        _ = try await run(project)
        _ = try await project.caudal("quarantine", "show", "last", "v", "--to", "fix.csv")
        try project.write("fix.csv", try project.read("fix.csv").replacing("zwei", with: "20"))
        let replayed = try await project.caudal(
            "quarantine", "replay", "last", "v", "--fixed", "fix.csv", "--yes", "--plain")
        #expect(replayed.status == 0, "\(replayed)")
        #expect(try await table(project) == ["1|1|10", "2|2|20", "3|3|30"])
    }

    @Test(
        "A watermark of numbers that are text is refused: 10 would not be newer than 9",
        arguments: ["9", "20260109", "009"])
    func textOfNumbers(greatest: String) async throws {
        let project = try CaudalProject(copying: [])
        try project.write(
            "p.yaml",
            """
            version: 1
            name: p
            datasets: {src: {path: src.csv}, dst: {path: dst.parquet}}
            stages:
              add: {type: process, input: src, output: dst, mode: merge, key: id, watermark: id}
            """)
        try project.write("src.csv", "id,v\n\(greatest),1\n")
        _ = try await run(project)
        let told = try await run(project, status: greatest == "9" ? 1 : 0)
        #expect("\(told)".contains("10 is not newer than 9") == (greatest == "9"), "\(told)")
    }

    @Test(
        "A number goes back behind the smallest value of a type", arguments: ["utinyint", "tinyint", "usmallint"])
    func lookback(type: String) async throws {
        let rows = "(1, 3::\(type), 5)"
        let project = try await project(
            "type: process, input: t, mode: merge, key: id, watermark: seen, lookback: 200", rows: rows)
        _ = try await run(project)
        try await put("\(rows), (2, 1, 7)", into: project)
        _ = try await run(project)
        #expect(try await table(project).map { $0.prefix(1) } == ["1", "2"])
    }

    @Test(
        "A watermark of text is read where its texts are in the order of what they mean, and refused where they are not",
        arguments: [
            (["2026-01-02", "2026-01-03"], "2026-02-01", true),
            (["2026-01-02T10:00:00", "2026-01-03"], "2026-02-01T09:00:00.5", true),
            (["2026-01-02T10:00:00Z"], "2026-01-02T11:00:00Z", true), (["007"], "012", true),
            (["01J2Z3NDEKTSV4RRFFQ69G5FAV"], "01J3Z3NDEKTSV4RRFFQ69G5FAV", true),
            (["30.01.2026"], "01.02.2026", false), (["2026-9-30"], "2026-10-01", false), (["v9"], "v10", false),
            (["2026-01-02T10:00:00+00:00"], "2026-01-03T09:00:00+00:00", true),
            (["20260102T100000Z"], "20260103T090000Z", true), (["2026-W05"], "2026-W06", true),
            (["2025"], "2026", true),
            (["ORD-000009"], "ORD-000010", true), (["sales_2026-01-30.csv"], "sales_2026-02-01.csv", true),
            (["1/2/2026"], "1/3/2026", false), (["12/2025"], "01/2026", false), (["Q4-2025"], "Q1-2026", false),
            (["W9 2026"], "W1 2027", false), (["file_31012026.csv"], "file_01022026.csv", false),
            (["2026-31-01"], "2026-01-02", false), (["12/25"], "01/26", false), (["a1_20260105"], "a1_20260204", true),
            (["2026/12"], "2027/01", true), (["run 7 of 20260105"], "run 7 of 20260204", true),
            (["12-Jan-2026"], "01-Feb-2026", false),
            (["+9"], "+10", false),
            (["2026-01-02T23:00:00-08:00"], "2026-01-03T06:00:00+00:00", false),
            (["2026-01-02T10:00:00Z"], "2026-01-02T11:00:00.5Z", false),
            (["2026-01-05T09:00:00"], "2026-01-05 10:00:00", false),
            (["2026-01-05T09:00:00.5"], "2026-01-05T09:00:00,7", false),
            (["20260105T090000-0500"], "20260105T085900-0900", false), (["05012026"], "04022026", false),
            (["f47ac10b-58cc-4372-a567-0e02b2c3d479"], "f57ac10b-58cc-4372-a567-0e02b2c3d479", false),
            (["01890a5d-ac96-774b-bcce-b302099a8057"], "01890a5d-bd96-774b-bcce-b302099a8057", true),
            (["007"], "0012", false), (["2026-01-02"], "03.02.2026", false), (["9e5"], "1e6", false),
        ])
    func texts(before: [String], after: String, isRead: Bool) async throws {
        let stage = "type: process, input: t, mode: merge, key: id, watermark: seen"
        let rows = before.enumerated().map { "(\($0.offset), '\($0.element)', 1)" }.joined(separator: ", ")
        let project = try await project(stage, rows: rows)
        _ = try await run(project)
        try await put(rows + ", (9, '\(after)', 1)", into: project)
        let ran = try await run(project, status: isRead ? 0 : 1)
        #expect(isRead || ran.output.contains("texts are compared sign by sign"), "\(ran)")
        #expect(try await table(project).count == before.count + (isRead ? 1 : 0))
    }

    @Test("A stage that adds to rows which another definition made says so, until all are made anew")
    func changedDefinition() async throws {
        let stage = "type: sql, query: 'select id, seen, v from t', mode: merge, key: id, watermark: seen"
        let project = try await project(stage, rows: Self.before)
        _ = try await run(project)
        #expect(try await run(project).output.contains("has changed since") == false)
        try write(stage.replacing("seen, v from", with: "seen, v + 1 as v from"), to: project)
        try await put(Self.before + ", (3, 30, 7)", into: project)
        let ran = try await run(project)
        #expect(
            ran.output.contains("the stage has changed since run ") && ran.output.contains("--full-refresh"), "\(ran)")
        #expect(try await run(project, "--full-refresh").output.contains("has changed since") == false)
        #expect(try await run(project).output.contains("has changed since") == false)
    }

    @Test("Made anew, an output of items has none of those that are no more, in this run and in later ones")
    func refreshedItems() async throws {
        let project = try CaudalProject(copying: [])
        try project.write(
            "p.yaml",
            """
            version: 1
            name: p
            datasets: {t: {path: t.parquet}, parts: {path: "parts/${item.v}.parquet"}, dst: {path: dst.parquet}}
            stages:
              p: {type: process, input: t, output: parts, mode: merge, key: [id, v], foreach: {v: {sql: select distinct v from t}}}
              a: {type: process, input: parts, output: dst}
            """)
        try await put("(1, 10, 'north'), (2, 10, 'sotuh')", into: project)
        _ = try await run(project)
        try await put("(1, 10, 'north'), (2, 10, 'south')", into: project)
        _ = try await run(project)
        #expect(try await table(project) == ["1|10|north", "2|10|sotuh", "2|10|south"])
        for more in [["--full-refresh"], [], ["--select", "a"]] {
            let ran = try await project.caudal(["run", "p.yaml", "--plain"] + more)
            #expect(ran.status == 0, "\(ran)")
            #expect(try await table(project) == ["1|10|north", "2|10|south"], "\(more)")
        }
        // What only a later run has no rows of stays.
        try await put("(1, 10, 'north')", into: project)
        _ = try await run(project)
        #expect(try await table(project) == ["1|10|north", "2|10|south"])
        // An item that comes back begins anew.
        try await put("(1, 10, 'north'), (2, 10, 'south'), (9, 5, 'sotuh')", into: project)
        _ = try await run(project)
        #expect(try await table(project) == ["1|10|north", "2|10|south", "9|5|sotuh"])
    }

    @Test("What one value of a parameter made anew leaves the outputs of another value as they are")
    func refreshedValue() async throws {
        let project = try CaudalProject(copying: [])
        try project.write(
            "p.yaml",
            """
            version: 1
            name: p
            params: {r: {type: string, default: a}}
            datasets: {t: {path: "${params.r}.parquet"}, parts: {path: "parts/${params.r}-${item.v}.parquet"}, dst: {path: dst.parquet}}
            stages:
              p: {type: process, input: t, output: parts, mode: merge, key: [id, v], foreach: {v: {sql: select distinct v from t}}}
              a: {type: process, input: parts, output: dst}
            """)
        func put(_ name: String, _ rows: String) async throws {
            _ = try await project.query("copy (from (values \(rows)) as t(id, seen, v)) to '\(name).parquet'")
        }
        try await put("a", "(1, 10, 'x'), (2, 10, 'y')")
        try await put("b", "(3, 10, 'x')")
        _ = try await run(project)
        _ = try await run(project, "--param", "r=b", "--full-refresh")
        // An item of the other value that has no rows this time is still there.
        try await put("a", "(1, 10, 'x')")
        _ = try await run(project)
        #expect(try await table(project) == ["1|10|x", "2|10|y"])
    }

    /// A project whose items add to outputs of their own, which another stage reads; `rows` of a day reach them.
    private func itemsOfDays() throws -> CaudalProject {
        let project = try CaudalProject(copying: [])
        try project.write(
            "p.yaml",
            """
            version: 1
            name: p
            keep_versions: 9
            params: {day: {type: date, default: 2026-01-01}}
            datasets:
              src: {path: src.csv}
              today: {path: "day/${params.day}.csv"}
              parts: {path: "parts/${item.v}.parquet"}
              dst: {path: dst.parquet}
            stages:
              t: {type: process, input: src, output: today, steps: [{filter: "day = cast(${params.day} as text)"}, {select: [id, v]}]}
              p: {type: process, input: today, output: parts, mode: merge, key: [id, v], foreach: {v: {sql: select distinct v from today}}}
              a: {type: process, input: parts, output: dst}
            """)
        return project
    }

    private func put(_ rows: [String], into project: CaudalProject) throws {
        try project.write("src.csv", "day,id,v\n" + rows.map { $0 + "\n" }.joined())
    }

    @Test("Items that a day has no rows of stay from other days, whichever day runs, and again")
    func itemsOfOtherDays() async throws {
        let project = try itemsOfDays()
        try put(["2026-01-01,1,north", "2026-01-01,2,south", "2026-01-02,3,north"], into: project)
        _ = try await run(project)
        for day in ["02", "02", "01", "02"] {
            let ran = try await project.caudal("run", "p.yaml", "--plain", "--param", "day=2026-01-\(day)")
            #expect(ran.status == 0, "\(ran)")
            #expect(try await table(project) == ["1|north", "2|south", "3|north"], "\(day)")
        }
    }

    @Test(
        "What an older run publishes after all was made anew was not there before, nor was what is restored")
    func publishedAfterRefresh() async throws {
        let project = try itemsOfDays()
        try put(["2026-01-01,1,north", "2026-01-01,1,south"], into: project)
        _ = try await run(project)
        let id = try await project.lastRun()
        try put(["2026-01-01,2,north"], into: project)
        _ = try await run(project, "--full-refresh")
        #expect(try await table(project) == ["2|north"])
        // A retry of the older run, whose identifier is before that of the run that made all anew.
        try put(["2026-01-01,3,south"], into: project)
        let retried = try await project.caudal("retry", id, "t", "--downstream", "--plain", "--yes")
        #expect(retried.status == 0, "\(retried)")
        #expect(try await table(project) == ["2|north", "3|south"])
        try put(["2026-01-01,4,south"], into: project)
        _ = try await run(project)
        #expect(try await table(project) == ["2|north", "3|south", "4|south"])

        _ = try await run(project, "--full-refresh")
        #expect(try await table(project) == ["4|south"])
        let restored = try await project.caudal("restore", id, "parts", "--yes")
        #expect(restored.status == 0, "\(restored)")
        _ = try await run(project, "--select", "a")
        let there = try await table(project)
        try put(["2026-01-01,5,south"], into: project)
        _ = try await run(project)
        #expect(there.contains("3|south") && !there.contains("4|south"), "\(there)")
        #expect(try await table(project) == (there + ["5|south"]).sorted())
    }
}
