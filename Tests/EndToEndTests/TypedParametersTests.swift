import CaudalModel
import Engine
import TestSupport
import Testing

/// Parameters in SQL of the user have the types that the file declares.
@Suite("Types of parameters in SQL", .timeLimit(.minutes(15)), .enabled(if: Checkout.runsDuckDBTests))
struct TypedParametersTests {
    private func project() throws -> CaudalProject {
        let project = try CaudalProject(copying: [])
        try project.write("n.csv", "n,d\n9,2026-01-01\n10,2026-01-02\n100,2026-01-03\n")
        try project.write(
            "p.yaml",
            """
            version: 1
            name: p
            params:
              limit: {type: integer, default: "9"}
              share: {type: number, default: "0.5"}
              isFull: {type: boolean, default: "false"}
              day: {type: date, default: "2026-01-02"}
              mode: {type: enum, values: [a, b], default: a}
              text: {type: string, default: "007"}
            datasets:
              raw: {path: n.csv}
              types: {path: types.csv}
              large: {path: large.csv}
              mid: {path: mid.csv}
              part: {path: "part-${item.n}.csv"}
            stages:
              types:
                type: sql
                output: types
                query: >-
                  select typeof(${params.limit}) as l, typeof(${params.share}) as s, typeof(${params.isFull}) as f,
                  typeof(${params.day}) as d, typeof(${params.mode}) as m, typeof(${params.text}) as t,
                  typeof(${run.id}) as r, ${params.day} + 1 as next, not ${params.isFull} as other
              large:
                type: sql
                output: large
                query: select n from raw where cast(n as integer) > ${params.limit}
                checks: [{sql: "select * from input where cast(n as integer) <= ${params.limit}"}]
              mid:
                type: process
                input: raw
                output: mid
                steps: [{cast: {n: integer}}, {sql: "select * from input where n > ${params.limit} and cast(d as date) >= ${params.day}"}]
              part:
                type: sql
                foreach: {n: {sql: "select n from raw where cast(n as integer) > ${params.limit}"}}
                output: part
                query: select typeof(${item.n}) as t, ${item.n} as n
            environments:
              large: {params: {limit: {default: "50"}}}
            """)
        return project
    }

    @Test("A value is compared as what it is declared to be")
    func types() async throws {
        let project = try project()
        let run = try await project.caudal("run", "p.yaml", "--plain")
        #expect(run.exit == .exited(0), "\(run)")
        #expect(
            try project.read("types.csv")
                == "l,s,f,d,m,t,r,next,other\nBIGINT,DOUBLE,BOOLEAN,DATE,VARCHAR,VARCHAR,VARCHAR,2026-01-03,true\n")
        #expect(try project.read("large.csv") == "n\n10\n100\n")
        #expect(try project.read("mid.csv") == "n,d\n10,2026-01-02\n100,2026-01-03\n")
        #expect(try project.read("part-10.csv") == "t,n\nVARCHAR,10\n")
        #expect(!project.exists("part-9.csv"))
    }

    @Test("So it is for values of the command line, of an environment and of a day that is made up for")
    func otherWays() async throws {
        let project = try project()
        #expect(try await project.caudal("run", "p.yaml", "--param", "limit=10").exit == .exited(0))
        #expect(try project.read("large.csv") == "n\n100\n")
        #expect(try await project.caudal("run", "p.yaml", "--env", "large").exit == .exited(0))
        #expect(try project.read("large.csv") == "n\n100\n")
        let days = try await project.caudal("backfill", "p.yaml", "--days", "2026-01-03..2026-01-03")
        #expect(days.exit == .exited(0), "\(days)")
        #expect(try project.read("mid.csv") == "n,d\n100,2026-01-03\n")
    }

    @Test("What explain prints has them too, and runs in plain duckdb")
    func explained() async throws {
        let project = try project()
        let text = try await project.caudal("explain", "p.yaml", "large").output
        #expect(text.contains("CAST('9' AS BIGINT)"), "\(text)")
        try project.write("large.sql", text)
        let plain = try await project.run(
            Repository.path(".tools/duckdb/duckdb_cli/duckdb"), ["-bail", "-f", "large.sql"])
        #expect(plain.exit == .exited(0), "\(plain)")
        #expect(try project.read("large.csv") == "n\n10\n100\n")
    }
}
