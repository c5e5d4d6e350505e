import Foundation
import TestSupport
import Testing

/// Queries and checks read what they read, whatever it is called, and wait for whoever writes it.
@Suite("Names in queries", .timeLimit(.minutes(15)))
struct QueryNamesTests {
    private func project(_ yaml: String, _ files: [String: String] = [:]) throws -> CaudalProject {
        let project = try CaudalProject(copying: [])
        try project.write("p.yaml", "version: 1\nname: p\n" + yaml)
        for (name, text) in files { try project.write(name, text) }
        return project
    }

    @Test("A common table expression that is called like a dataset is not blocked with it")
    func hidden() async throws {
        let project = try project(
            """
            datasets: {raw: {path: raw.csv}, orders: {path: orders.csv}, customers: {path: customers.csv}}
            stages:
              orders: {type: sql, output: orders, query: "select error('the source is down') as x from raw"}
              customers:
                type: sql
                output: customers
                query: with orders as (select id, count(*) as orders from raw group by id) select * from orders
            """, ["raw.csv": "id\n1\n1\n"])
        let answer = try await project.caudal("run", "p.yaml", "--plain")
        #expect(answer.status == 1)
        #expect(try project.read("customers.csv") == "id,orders\n1,2\n", "\(answer)")
    }

    @Test("A foreign key waits for the stage that writes the dataset, and looks at what that wrote")
    func foreignKey() async throws {
        let project = try project(
            """
            datasets: {raw: {path: raw.csv}, known: {path: out/known.csv}, orders: {path: out/orders.csv}}
            stages:
              orders: {type: sql, output: orders, query: from raw, checks: [{foreign_key: id, dataset: known}]}
              known: {type: command, output: known, run: "cp now.csv ${stage.output}"}
            """, ["raw.csv": "id\n1\n2\n", "now.csv": "id\n1\n2\n"])
        let first = try await project.caudal("run", "p.yaml", "--plain")
        #expect(first.status == 0, "\(first)")
        try project.write("now.csv", "id\n1\n")
        let second = try await project.caudal("run", "p.yaml", "--plain", "--reuse")
        #expect(second.status == 1 && second.output.contains("foreign_key_id"), "\(second)")
        let graph = try await project.caudal("graph", "p.yaml", "--select", "+orders")
        #expect(graph.output.contains("known"), "\(graph)")
    }

    @Test("A mistake in the query of a check or of a fan-out is told before the run, at its place")
    func mistakes() async throws {
        let project = try project(
            """
            datasets: {raw: {path: raw.csv}, out: {path: "out/${item.x}.csv"}}
            stages:
              p:
                type: process
                input: raw
                output: out
                foreach:
                  x: {sql: select distinct idd from raw}
                checks:
                  - sql: >
                      select * from input
                      where nam is null
                  - {foreign_key: id, dataset: raw, column: ident}
            """, ["raw.csv": "id,name\n1,a\n"])
        let answer = try await project.caudal("validate", "p.yaml")
        #expect(answer.status == 2)
        #expect(answer.errors.contains("p.yaml:10:32: error: Binder error: Referenced column \"idd\""), "\(answer)")
        #expect(answer.errors.contains("p.yaml:14:17: error: Binder error: Referenced column \"nam\""), "\(answer)")
        #expect(answer.errors.contains("'raw' has no column 'ident'"), "\(answer)")
    }

    @Test(
        "A file that a query names by a path is refused before the run, be it there or not, in whatever function",
        arguments: [
            ("read_csv('raw.csv')", "raw.csv", 23), ("read_parquet(['a/*.parquet'])", "a/*.parquet", 28),
            ("read_text('raw.csv')", "raw.csv", 24), ("glob('*')", "*", 19),
            ("parquet_schema('a.parquet')", "a.parquet", 29),
        ])
    func files(_ reading: String, _ file: String, _ column: Int) async throws {
        let project = try project(
            """
            datasets: {raw: {path: raw.csv}, out: {path: out.csv}}
            stages:
              p:
                type: sql
                inputs: raw
                output: out
                query: |
                  select *
                  from   \(reading)
            """, ["raw.csv": "id\n1\n"])
        let answer = try await project.caudal("validate", "p.yaml")
        #expect(answer.status == 2)
        #expect(
            answer.errors.contains(
                "p.yaml:11:\(column): error: the query reads the file '\(file)', and a query can only read datasets"),
            "\(answer)")
    }

    @Test(
        "One wrong query does not make others of stages that read its output; a stage alone is typed as in the whole run"
    )
    func types() async throws {
        let text = """
            datasets: {src: {path: src.csv}, agg: {path: agg.csv}, big: {path: big.csv}}
            stages:
              agg: {type: sql, output: agg, query: "select k, sum(n::int)::int as n from src group by k order by k"}
              big: {type: process, input: agg, output: big, steps: [{filter: n > 9}]}
              sums: {type: check, input: agg, checks: [{sum: n, min: 14, max: 14}]}
            """
        let project = try project(text, ["src.csv": "k,n\na,9\nb,5\n", "agg.csv": "k,n\nz,1\n"])
        for stage in ["big", "sums", "agg"] {
            let dry = try await project.caudal("run", "p.yaml", "--select", stage, "--dry-run")
            #expect(dry.status == 0, "\(stage): \(dry)")
        }
        try project.write("p.yaml", "version: 1\nname: p\n" + text.replacing("n::int", with: "m::int"))
        let answer = try await project.caudal("validate", "p.yaml")
        #expect(answer.errors.components(separatedBy: ": error: ").count == 2, "\(answer)")
    }

    @Test("Nothing is reused that asks for the clock or for chance, in whatever words")
    func unsteady() async throws {
        let project = try project(
            """
            reuse: unchanged
            datasets: {src: {path: s.csv}, a: {path: a.csv}, b: {path: b.csv}, c: {path: c.csv}, d: {path: d.csv}}
            stages:
              stamp: {type: sql, output: a, query: select transaction_timestamp() as x from src}
              draw: {type: sql, output: b, query: select * from src using sample 1 rows}
              step: {type: process, input: src, output: c, steps: [{sql: "select *, current_localtimestamp() as x from input"}]}
              steady: {type: sql, output: d, query: "select md5(a) as x, 'now()' as y from src -- uuid()"}
            """, ["s.csv": "a\n1\n2\n"])
        #expect(try await project.caudal("run", "p.yaml", "--plain").status == 0)
        let again = try await project.caudal("run", "p.yaml", "--plain")
        #expect(again.output.contains("steady"), "\(again)")
        #expect(again.output.contains("1 reused") && again.output.contains("3 succeeded"), "\(again)")
    }
}
