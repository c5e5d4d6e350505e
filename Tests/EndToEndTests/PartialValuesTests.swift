import CaudalModel
import Engine
import Foundation
import TestSupport
import Testing

/// Values that a stage which reads what is new would compute of a part of the rows.
@Suite("Partial values", .timeLimit(.minutes(5)), .enabled(if: Checkout.runsDuckDBTests))
struct PartialValuesTests: StageThatAdds {
    private static let before = "(1, 10, 5), (2, 20, 6)"

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
        (
            "type: sql, query: 'with recursive x as (select 1 as id, 0 as seen union all select t.id, t.seen from t join x on t.v = x.id) select * from x', key: id",
            "reads 't' more than once"
        ),
        (
            "type: sql, query: 'with recursive x as (select id, seen, v from t where v = 0 union all select t.id, t.seen, t.v from t join x on t.v = x.id) select * from x', key: id",
            "reads 't' more than once"
        ),
        (
            "type: sql, query: 'with recursive y as (from t), x as (select id, 0 as seen from c union all select y.id, y.seen from y join x on y.v = x.id) select * from x', watermark_of: t, key: id",
            "reads 't' more than once"
        ),
        (
            "type: sql, query: 'with recursive x as (from t union all select a.id, b.seen, a.v + b.v from x a join x b on a.v = b.id where a.v < 9) select * from x', key: [id, v]",
            "reads 't' more than once"
        ),
        (
            "type: sql, query: 'with recursive x as (from t union all select id, max(seen), v from x group by all) select * from x', key: [id, v]",
            "computes max"
        ),
        (
            "type: sql, query: 'with recursive x using key (id) as (from t union select id, seen, v - 1 from x where v > 1) select * from x', key: id",
            "computes USING KEY"
        ),
        (
            "type: sql, query: 'with recursive x as (select id, seen, v from t union all select id, seen, v - 1 from x where v > 0) select * from x', key: [id, v]",
            nil
        ),
        (
            "type: sql, query: 'with recursive x as (select id, id as root from c union all select c.id, x.root from c join x on c.id = x.id + 1) select t.* from t join x on t.v = x.id', watermark_of: t, key: id",
            nil
        ),
        (
            "type: sql, query: 'select id, seen, 1 as kind from t union all select id, seen, 2 as kind from t where v > 1', key: [id, kind]",
            nil
        ),
        (
            "type: sql, query: 'with x as (from t where v > 1) select id, seen, 1 as kind from x union all by name select 2 as kind, id, seen from x', key: [id, kind]",
            nil
        ),
        (
            "type: sql, query: 'select a.id, b.seen from (select id, seen from t union all select v, seen from t) a join t b using (id)', key: id",
            "reads 't' more than once"
        ),
        (
            "type: sql, query: 'select id, seen from t intersect select v, seen from t', key: id",
            "reads 't' more than once"
        ),
        (
            "type: sql, query: 'select v, s as seen, sum(id) n from (select v, seen as s, id from t) group by v, s', key: [v, seen]",
            nil
        ),
        (
            "type: sql, query: 'with x as (select seen as s, v, id from t) select v, s as seen, count(*) n from x group by all', key: [v, seen]",
            nil
        ),
        (
            "type: sql, query: 'select v, s as seen, sum(id) n from (select * rename (seen as s) from t) group by v, s', key: [v, seen]",
            nil
        ),
        (
            "type: sql, query: 'select v, seen, sum(id) n from (select v, id as seen, seen as id from t) group by v, seen', key: [v, seen]",
            "computes sum"
        ),
        (
            "type: sql, query: 'select v, seen, sum(id) n from (select * replace (seen // 100 as seen) from t) group by v, seen', key: [v, seen]",
            "computes sum"
        ),
        (
            "type: sql, query: 'with x(v, seen, id) as (select v, id, seen from t) select v, seen, sum(id) n from x group by v, seen', key: [v, seen]",
            "computes sum"
        ),
        (
            "type: sql, query: 'select x.v, x.seen, count(*) n from (select * from c join t on c.id = t.v) as x group by x.seen, x.v', watermark_of: t, key: [v, seen]",
            "computes count_star"
        ),
        (
            "type: sql, query: 'select x.v, x.seen, count(*) n from (select * from t join c on c.id = t.v) as x group by x.seen, x.v', watermark_of: t, key: [v, seen]",
            nil
        ),
        (
            "type: sql, query: 'select c.id, t.seen, t.v from t join c on c.id = t.v qualify row_number() over (partition by t.id order by t.seen desc) = 1', watermark_of: t, key: id, order_by: seen",
            "computes row_number"
        ),
        (
            "type: sql, query: 'select t.id, t.seen, t.v from t join c on c.id = t.v qualify row_number() over (partition by t.id order by t.seen desc) = 1', watermark_of: t, key: id, order_by: seen",
            nil
        ),
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
