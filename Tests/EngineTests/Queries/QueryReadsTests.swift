import CaudalModel
import Engine
import TestSupport
import Testing

/// What a query reads is what its parser says, and no word of it.
@Suite("What queries read", .tags(.duckDB), .timeLimit(.minutes(15)))
struct QueryReadsTests {
    private static let datasets = """
        datasets: {sales: {path: s.csv}, orders: {path: o.csv}, region: {path: r.csv}, eu.sales: {path: e.csv}, out: {path: out.csv}}

        """

    /// The datasets that a query of an sql stage reads, by their names.
    private func reads(_ query: String) throws -> [String] {
        let indented = query.split(separator: "\n", omittingEmptySubsequences: false).joined(separator: "\n      ")
        let pipeline = try Pipeline(
            yaml: Self.datasets + "stages:\n  q:\n    type: sql\n    output: out\n    query: |\n      \(indented)\n")
        return pipeline.stages[0].reads.map(\.value.rawValue)
    }

    @Test(
        "A dataset that is read anywhere in a query is read",
        arguments: [
            "select * from sales",
            "from sales",
            "select 1 where exists (select 1 from sales)",
            "select (select max(a) from sales)",
            "select * from (values (1)) v(a), sales",
            "select * from \"sales\"",
            "select * from SALES",
            "select * from main.sales",
            "select * from temp.main.sales",
            "with sales as (select * from sales) select * from sales",
            "with recursive r as (select 1 as n union all select n + 1 from r, sales where n < 3) select * from r",
            "with a as (select * from sales), sales as (select 1) select * from a",
            "with sales as (select 1 as a) select * from main.sales",
            "select * from (with sales as (select 1) from sales), sales",
            "select sum(a) over (partition by (select max(b) from sales)) from (values (1)) v(a)",
            "select case when 1 in (from sales) then 2 end",
            "pivot sales on month in ('jan', 'feb') using sum(amount)",
            "unpivot sales on a, b into name n value v",
            "describe sales",
            "select * from sales where a = '; -- '",
            "select * from sales; -- the end",
        ])
    func read(query: String) throws {
        #expect(try reads(query) == ["sales"])
    }

    @Test(
        "A word that is called like a dataset is none",
        arguments: [
            "select count(*) as orders from sales",
            "select orders from sales",
            "select sales.orders, t.region from sales join (values (1)) t(region) on true",
            "select \"region\", 'orders' as x from sales group by region order by region",
            "select * from sales -- as orders are\n/* in a region */",
            "with orders as (select * from sales) select * from orders",
            "with Orders as (select * from sales) select * from orders",
            "select * from sales orders",
            "select {'region': 1}.region from sales",
            "select * from sales where region like 'orders'",
        ])
    func words(query: String) throws {
        #expect(try reads(query) == ["sales"])
    }

    @Test("A name with a dot is read in quotation marks")
    func dotted() throws {
        #expect(try reads("select * from \"eu.sales\"") == ["eu.sales"])
        let fault = "there is no dataset of this name; write it in quotation marks"
        #expect(try faults("select * from eu.sales").contains(fault))
    }

    @Test("Steps, checks and the items of a fan-out make a stage wait for what they read; `input` is no dataset there")
    func everywhere() throws {
        let pipeline = try Pipeline(
            yaml: """
                datasets: {src: {path: s.csv}, a: {path: a.csv}, b: {path: b.csv}, c: {path: c.csv}, d: {path: d.csv},
                  out: {path: "out/${item.x}.csv"}}
                stages:
                  a: {type: sql, output: a, query: select * from src}
                  b: {type: sql, output: b, query: select * from src}
                  c: {type: sql, output: c, query: select * from src}
                  d: {type: sql, output: d, query: select * from src}
                  p:
                    type: process
                    input: src
                    output: out
                    foreach: {x: {sql: select distinct x from a}}
                    steps: [{sql: select * from input join b using (k)}]
                    checks: [{foreign_key: k, dataset: c}, {sql: select * from input where k in (select k from d)}]
                """)
        #expect(pipeline.upstream["p"] == ["a", "b", "c", "d"])
        #expect(pipeline.stage("p")?.reads.map(\.value) == ["src", "b", "a", "c", "d"])
    }

    @Test("A check that looks at what its stage made waits for nothing")
    func ownOutput() throws {
        let pipeline = try Pipeline(
            yaml: """
                datasets: {src: {path: s.csv}, out: {path: out.csv}}
                stages:
                  p:
                    type: process
                    input: src
                    output: out
                    checks: [{foreign_key: boss, dataset: out, column: id}, {sql: select * from out where boss = id}]
                """)
        #expect(pipeline.upstream["p"] == [])
        #expect(pipeline.stage("p")?.reads.map(\.value) == ["src"])
    }

    @Test("A cycle through a check is a cycle")
    func cycle() throws {
        let error = try #require(throws: InvalidPipeline.self) {
            _ = try Pipeline(
                yaml: """
                    datasets: {a: {path: a.csv}, b: {path: b.csv}, src: {path: s.csv}}
                    stages:
                      a: {type: sql, output: a, query: from src, checks: [{foreign_key: k, dataset: b}]}
                      b: {type: sql, output: b, query: from a}
                    """)
        }
        #expect(error.description.contains("the stages wait for each other"))
    }

    @Test("The place of an error is found through escapes, folded lines, references and letters of several bytes")
    func places() throws {
        let folder = try ScratchFolder()
        let error = try #require(throws: InvalidPipeline.self) {
            _ = try LoadedPipeline(
                yaml: """
                    datasets: {sales: {path: s.csv}, out: {path: out.csv}, o2: {path: o2.csv}, o3: {path: o3.csv}}
                    params: {p: {type: string, default: x}}
                    stages:
                      a: {type: sql, output: out, query: "select 'a\\tb', \\"ü\\", ${params.p},
                          '$${x}' from one"}
                      b: {type: sql, output: o2, query: 'select ''it'' as x,

                          ''ü'' as y from two'}
                      c:
                        type: sql
                        output: o3
                        query: >
                          select 'it''s',
                          ${params.p} from
                          three
                    """, in: folder)
        }
        #expect(error.errors.map { "\($0.location.line):\($0.location.column)" } == ["7:20", "10:23", "17:7"])
    }

    /// The faults of a pipeline with one query, as a user reads them.
    private func faults(_ query: String) throws -> String {
        let error = try #require(throws: InvalidPipeline.self) { _ = try reads(query) }
        return error.errors.map(\.oneLine).joined(separator: "\n")
    }

    @Test(
        "What cannot be examined is refused with a reason, where it stands",
        arguments: [
            (
                "select *\nfrom ordrs",
                ":10:12: error: the query reads 'ordrs', and there is no dataset of this name; did you mean 'orders'?"
            ),
            ("select *,\n  from sales where", ":10:25: error: syntax error at end of input"),
            ("select 'ü',\n  ü x y from sales", ":10:13: error: syntax error at or near \"y\""),
            ("pivot sales on month using sum(a)", "the columns of this PIVOT come from the data"),
            ("with p as (pivot sales on month using sum(a)) from p", "the columns of this PIVOT come from the data"),
            ("select 1; select 2", "these are 2 statements, and a query is one"),
            ("drop table sales", "this is not a query: DROP returns no rows"),
            (
                "from query_table('sales')",
                "query_table() reads a table that a text names, which is not known in advance"
            ),
            ("from 'data/sales.csv'", "a query reads datasets: add the file as one"),
            ("show tables", "SHOW names no dataset"),
            ("-- nothing", "the query is empty"),
            ("select a < 1e400 from sales", "the query has a number that is too large: floating point ends at 1.8e308"),
        ])
    func refusals(query: String, message: String) throws {
        #expect(try faults(query).contains(message))
    }

    @Test("Where duckdb is not found, nothing is guessed; a file without SQL does not need it")
    func withoutDuckDB() throws {
        let folder = try ScratchFolder()
        let missing = ["CAUDAL_DUCKDB": folder.path("duckdb")]
        let head = "datasets: {sales: {path: s.csv}, out: {path: out.csv}}\nstages:\n"
        let error = try #require(throws: InvalidPipeline.self) {
            _ = try LoadedPipeline(
                yaml: head + "  q: {type: sql, output: out, query: from sales}", in: folder, variables: missing)
        }
        #expect(error.description.contains("the datasets that the queries of this file read are not known"))
        _ = try LoadedPipeline(
            yaml: head + "  q: {type: command, output: out, run: 'true'}", in: folder, variables: missing)
    }

    @Test("Names that differ in case only are told apart where the engine does so, and refused where it does not")
    func cases() throws {
        let head = "datasets: {Sales: {path: s.csv}, sales: {path: t.csv}, out: {path: out.csv}}\nstages:\n"
        let pipeline = try Pipeline(yaml: head + "  q: {type: sql, output: out, query: from Sales}")
        #expect(pipeline.stages[0].reads.map(\.value) == ["Sales"])
        #expect(throws: InvalidPipeline.self) {
            _ = try Pipeline(yaml: head + "  q: {type: sql, output: out, query: 'from Sales, sales'}")
        }
    }

    @Test("A dataset called input is an error of the file")
    func input() throws {
        let error = try #require(throws: InvalidPipeline.self) {
            _ = try Pipeline(
                yaml:
                    "datasets: {input: {path: i.csv}, o: {path: o.csv}}\nstages: {p: {type: process, input: input, output: o}}"
            )
        }
        #expect(error.description.contains("in queries it is the name of the rows so far"))
    }

    @Test(
        "What gives something else each time is known, and what only mentions it is not",
        arguments: [
            ("select now() from sales", ["now"]),
            ("select current_date, localtimestamp from sales", ["current_date", "localtimestamp"]),
            ("select transaction_timestamp(), uuidv7() from sales", ["transaction_timestamp", "uuidv7"]),
            ("select current_localtimestamp() from sales", ["current_localtimestamp"]),
            ("select age(a) from sales", ["age"]), ("select age(a, b) from sales", []),
            ("from sales using sample 1 rows", ["a sample"]), ("from sales tablesample 10%", ["a sample"]),
            ("select ago(interval 1 day) from sales", ["ago"]),
            ("select date 'today' from sales", ["'today'"]),
            ("select 'now()' as random -- uuid()\nfrom sales", []),
            ("select md5(a), hash(a), pi(), list_transform(b, lambda x: x + 1) from sales", []),
            ("select list_transform(b, lambda x: x + random()) from sales", ["random"]),
            ("select ${params.p} from sales", []),
            ("select * from duckdb_settings(), sales", ["duckdb_settings"]),
        ])
    func unsteady(query: String, words: [String]) throws {
        let indented = query.replacing("\n", with: "\n      ")
        let pipeline = try Pipeline(
            yaml: Self.datasets + "params: {p: {type: string, default: x}}\n"
                + "stages:\n  q:\n    type: sql\n    output: out\n    query: |\n      \(indented)\n")
        #expect(pipeline.stages[0].unsteady == words)
    }
}
