import CaudalModel
import Engine
import Foundation
import TestSupport
import Testing

/// Rows that a stage which reads what is new would pass over, and values that it would compute of a part.
@Suite("Late rows and partial values", .timeLimit(.minutes(5)), .enabled(if: Checkout.runsDuckDBTests))
struct LateRowsTests {
    /// A project with a stage `add` that reads `t.parquet`, whose rows have `id`, `seen` and `v`.
    private func project(_ stage: String, rows: String) async throws -> CaudalProject {
        let project = try CaudalProject(copying: [])
        try await put(rows, into: project)
        try write(stage, to: project)
        return project
    }

    private func write(_ stage: String, to project: CaudalProject) throws {
        try project.write(
            "p.yaml",
            """
            version: 1
            name: p
            datasets: {t: {path: t.parquet}, c: {path: c.parquet}, dst: {path: dst.parquet}}
            stages:
              add: {output: dst, \(stage)}
            """)
    }

    /// `rows`: such as `(1, 10, 5), (2, 20, 6)`.
    private func put(_ rows: String, into project: CaudalProject) async throws {
        _ = try await project.query("copy (from (values \(rows)) as t(id, seen, v)) to 't.parquet'")
    }

    private func run(_ project: CaudalProject, status: Int32 = 0, _ more: String...) async throws
        -> CaudalProject.Answer
    {
        let ran = try await project.caudal(["run", "p.yaml", "--plain"] + more)
        #expect(ran.status == status, "\(ran)")
        return ran
    }

    private func table(_ project: CaudalProject) async throws -> [String] {
        try await project.query("select * from 'dst.parquet' order by all")
    }

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

    /// What reads the new rows alone, and what is said of it; nothing where it is right.
    private static let parts: [(stage: String, words: String?)] = [
        ("type: sql, query: 'select v, max(seen) seen, sum(id) s from t group by v', key: v", "computes max"),
        ("type: sql, query: 'select v, seen, sum(id) s from t group by v, seen', key: [v, seen]", nil),
        ("type: sql, query: 'select v, seen, sum(id) s from t group by all', key: [v, seen]", nil),
        ("type: sql, query: 'select id, seen, sum(v) over (partition by v) s from t', key: id", "computes sum"),
        (
            "type: sql, query: 'select id, seen, v from t qualify row_number() over (partition by id order by seen desc) = 1', key: id, order_by: seen",
            nil
        ),
        (
            "type: sql, query: 'select a.id, a.seen, b.v from t a join t b on b.id = a.v', key: id",
            "reads 't' more than once"
        ),
        (
            "type: sql, query: 'with x as (from t) select a.id, a.seen, b.v from x a join x b on b.id = a.v', key: id",
            "reads 't' more than once"
        ),
        ("type: sql, query: 'with x as (select * from t) select id, seen, v from x', key: id", nil),
        (
            "type: sql, query: 'select id, seen, row_number() over (order by seen) n from t', key: id",
            "computes row_number"
        ),
        (
            "type: sql, query: 'select id, seen, v from t qualify row_number() over (partition by v order by seen) = 1', key: id",
            "computes row_number"
        ),
        (
            "type: sql, query: 'select id, seen, v from t qualify row_number() over (partition by v order by seen desc) = 1', key: id, order_by: seen",
            "computes row_number"
        ),
        (
            "type: sql, query: 'select id, seen, v from t qualify row_number() over (partition by id order by v desc) = 1', key: id",
            "computes row_number"
        ),
        (
            "type: sql, query: 'select id, seen, v from t qualify row_number() over (partition by id order by v desc) = 1', key: id, order_by: v",
            nil
        ),
        (
            "type: sql, query: 'select id, seen, v from t qualify row_number() over (partition by ID order by t.seen desc) = 1', key: id, order_by: seen",
            nil
        ),
        (
            "type: sql, query: 'select id, seen, v from t qualify row_number() over (partition by id, v order by seen desc) = 1', key: id, order_by: seen",
            "computes row_number"
        ),
        (
            "type: sql, query: 'select distinct on (v) id, seen, v from t order by v, id', key: id",
            "computes DISTINCT ON"
        ),
        ("type: sql, query: 'select distinct id, seen, v from t', key: id", nil),
        (
            "type: sql, query: 'select coalesce(t.id, c.id) as k, t.id, t.seen from t full join c on c.id = t.v', key: id, watermark_of: t",
            "computes a FULL JOIN"
        ),
        (
            "type: sql, query: 'select id, seen, v from t qualify row_number() over (partition by id order by seen desc) = 1 and v > 1', key: id, order_by: seen",
            "computes row_number"
        ),
        (
            "type: sql, query: 'select id, seen, v from t qualify row_number() over (partition by id order by seen desc) = 2', key: id, order_by: seen",
            "computes row_number"
        ),
        (
            "type: sql, query: 'select id, seen, v from t qualify 1 = row_number() over (partition by id order by seen desc)', key: id, order_by: seen",
            nil
        ),
        (
            "type: sql, query: 'select id, seen, unnest(case when v > 1 then [1] else [] end) u from t qualify row_number() over (partition by id order by seen desc) = 1', key: id, order_by: seen",
            "computes row_number"
        ),
        (
            "type: sql, query: 'with a as (select * from t where v > 0), b as (select id, seen, v from a qualify row_number() over (partition by id order by seen desc) = 1) select * from b', key: id, order_by: seen",
            nil
        ),
        (
            "type: sql, query: 'with b as (select id, seen, v from t qualify row_number() over (partition by id order by seen desc) = 1), d as (select id from c where id > 0) select b.* from b left join d on d.id = b.v', key: id, order_by: seen, watermark_of: t",
            nil
        ),
        (
            "type: sql, query: 'with b as (select id, seen, v from t qualify row_number() over (partition by id order by seen desc) = 1), e as (select * from b where v > 5) select * from e', key: id, order_by: seen",
            "computes row_number"
        ),
        (
            "type: sql, query: 'select c.id, t.seen from c left join t on c.id = t.v', watermark_of: t, key: id",
            "a LEFT JOIN"
        ),
        ("type: sql, query: 'select t.id, t.seen from t left join c on c.id = t.v', watermark_of: t, key: id", nil),
        (
            "type: sql, query: 'select v, seen, sum(id) s from t group by rollup(seen, v)', key: [v, seen]",
            "computes sum"
        ),
        (
            "type: sql, query: 'select v, seen, sum(id) s from t group by grouping sets ((seen, v), (v))', key: [v, seen]",
            "computes sum"
        ),
        (
            "type: sql, query: 'select v, seen, sum(id) s from t group by grouping sets ((seen, v), (seen))', key: [v, seen]",
            nil
        ),
        (
            "type: sql, query: 'select t.v, c.seen, sum(t.id) s from t join c on c.id = t.v group by c.seen, t.v', key: [v, seen], watermark_of: t",
            "computes sum"
        ),
        (
            "type: sql, query: 'select x.v, x.seen, sum(x.id) s from t as x join c on c.id = x.v group by x.seen, x.v', key: [v, seen], watermark_of: t",
            nil
        ),
        (
            "type: sql, query: 'select v, seen, sum(id) s from (select id as seen, v, id from t) group by all', key: [v, seen]",
            "computes sum"
        ),
        (
            "type: sql, query: 'with x as (select * from t) select v, seen, sum(id) s from x group by v, seen', key: [v, seen]",
            nil
        ),
        (
            "type: sql, query: 'select c.id, c.seen from c where not exists (select 1 from t where t.v = c.id)', key: id, watermark_of: t",
            "a query inside of an expression"
        ),
        (
            "type: sql, query: 'select c.id, c.seen from c anti join t on t.v = c.id', key: id, watermark_of: t",
            "computes an ANTI JOIN"
        ),
        (
            "type: sql, query: 'select t.id, t.seen from t anti join c on t.v = c.id', key: id, watermark_of: t",
            nil
        ),
        (
            "type: sql, query: 'select c.id, c.seen from c where c.id not in (select v from t)', key: id, watermark_of: t",
            "a query inside of an expression"
        ),
        (
            "type: sql, query: 'select id, seen from c except select id, seen from t', key: id, watermark_of: t",
            "computes EXCEPT"
        ),
        (
            "type: sql, query: 'pivot t on v in (1, 2) using count(*) group by id, seen', key: id",
            "computes PIVOT"
        ),
        (
            "type: sql, query: 'select v, max(seen) seen, weighted_avg(id, v) w from t group by v', key: v",
            "computes"
        ),
        (
            "type: sql, query: 'select v, arbitrary(seen) seen from t group by v', key: v",
            "computes arbitrary"
        ),
        (
            "type: sql, query: 'select v, arbitrary(seen) seen, json_group_array(id) j from t group by v', key: v",
            "computes"
        ),
        (
            "type: sql, query: 'select id, seen, list_sum([v]) s, (select max(id) from c) m from t', key: id, watermark_of: t",
            nil
        ),
        (
            "type: sql, query: 'select c.id, t.seen from c asof join t on c.id >= t.id', key: id, watermark_of: t",
            "computes an ASOF JOIN"
        ),
        (
            "type: sql, query: 'select upper(id::text) as id, seen from t qualify row_number() over (partition by id order by seen desc) = 1', key: id, order_by: seen",
            "computes row_number"
        ),
        ("type: sql, query: 'select id, seen, v from t order by seen limit 4', key: id", "computes LIMIT"),
        (
            "type: sql, query: 'select id, seen, v from t where v < (select avg(v) from t)', key: id",
            "a query inside of an expression"
        ),
        (
            "type: process, input: t, steps: [{sql: 'select max(id) id, max(seen) seen from input group by v'}], key: id",
            "computes max"
        ),
        (
            "type: process, input: t, steps: [{deduplicate: {by: v}}], key: id",
            "duplicates are looked for among the rows that are new"
        ),
        (
            "type: process, input: t, steps: [{deduplicate: {by: id, keep: first}}], key: id",
            "duplicates are looked for among"
        ),
        (
            "type: process, input: t, steps: [{deduplicate: {by: id, keep: last}}], key: id",
            "duplicates are looked for among"
        ),
        (
            "type: process, input: t, steps: [{deduplicate: {by: id, keep: last, order_by: v}}], key: id",
            "duplicates are looked for among"
        ),
        (
            "type: process, input: t, steps: [{deduplicate: {by: id, keep: last, order_by: seen}}], key: id, order_by: seen",
            nil
        ),
        (
            "type: process, input: t, steps: [{deduplicate: {by: id, keep: last, order_by: seen}}], key: id, order_by: v",
            "duplicates are looked for among"
        ),
        (
            "type: process, input: t, steps: [{deduplicate: {by: id, keep: last, order_by: v}}], key: id, order_by: v",
            nil
        ),
        (
            "type: process, input: t, steps: [{filter: v > 1}, {deduplicate: {by: id, keep: last, order_by: seen}}], key: id, order_by: seen",
            nil
        ),
        (
            "type: process, input: t, steps: [{deduplicate: {by: id, keep: last, order_by: seen}}, {filter: v > 1}], key: id, order_by: seen",
            "the newest row of a key is left out"
        ),
        (
            "type: sql, query: 'from (select id, seen, v from t qualify row_number() over (partition by id order by seen desc) = 1) where v > 1', key: id, order_by: seen",
            "computes row_number"
        ),
        (
            "type: sql, query: 'with x as (select id, seen, v from t qualify row_number() over (partition by id order by seen desc) = 1) select x.* from x join c on c.id = x.v', watermark_of: t, key: id, order_by: seen",
            "computes row_number"
        ),
        (
            "type: sql, query: 'with x as (select id, seen, v from t qualify row_number() over (partition by id order by seen desc) = 1) select x.* from x left join c on c.id = x.v', watermark_of: t, key: id, order_by: seen",
            nil
        ),
        (
            "type: sql, query: 'select id, seen, v from t where v > 1 qualify row_number() over (partition by id order by seen desc) = 1', key: id, order_by: seen",
            nil
        ),
        ("type: process, input: t, steps: [{deduplicate: {by: [v, seen]}}], key: id", nil),
    ]

    @Test("What a stage computes of new rows alone is refused, unless the file says that it is meant", arguments: parts)
    func partial(stage: String, words: String?) async throws {
        let merge = stage + ", mode: merge, watermark: seen"
        let project = try await project(merge, rows: Self.before)
        _ = try await project.query("copy (select 1 as id, 10 as seen) to 'c.parquet'")
        let told = try await project.caudal("validate", "p.yaml")
        #expect((told.status == 0) == (words == nil), "\(told)")
        if let words { #expect("\(told)".contains(words) && "\(told)".contains("partial: true"), "\(told)") }
        try write(merge + ", partial: true", to: project)
        let meant = try await project.caudal("validate", "p.yaml")
        #expect(meant.status == 0, "\(meant)")
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
            (["1/2/2026"], "1/3/2026", false),
            (["12-Jan-2026"], "01-Feb-2026", false),
            (["+9"], "+10", false),
            (["2026-01-02T23:00:00-08:00"], "2026-01-03T06:00:00+00:00", false),
            (["2026-01-02T10:00:00Z"], "2026-01-02T11:00:00.5Z", false),
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

    @Test("Appending reads all rows, so that what it computes of them is whole, unless it leaves late ones out")
    func whole() async throws {
        let stage =
            "type: sql, query: 'select id, seen, sum(v) over (order by id) as total from t', mode: append, watermark: seen"
        let project = try await project(stage, rows: Self.before)
        _ = try await run(project)
        try await put(Self.before + ", (3, 30, 7)", into: project)
        _ = try await run(project)
        #expect(try await table(project) == ["1|10|5", "2|20|11", "3|30|18"])
        try write(stage + ", late: ignore", to: project)
        let told = try await project.caudal("validate", "p.yaml")
        #expect(told.status != 0 && "\(told)".contains("computes sum"), "\(told)")
        // Rows of a key that were appended before stay, whatever is the newest one now.
        let newest = "select id, seen, v from t qualify row_number() over (partition by id order by seen desc) = 1"
        try write("type: sql, query: '\(newest)', mode: append, watermark: seen, late: ignore", to: project)
        let rows = try await project.caudal("validate", "p.yaml")
        #expect(rows.status != 0 && "\(rows)".contains("computes row_number"), "\(rows)")
    }
}
