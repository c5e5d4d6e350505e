import Foundation
import TestSupport
import Testing

/// What a file is called says nothing about the rows in it, and nothing about other files.
@Suite("Names of files are only names", .timeLimit(.minutes(10)), .enabled(if: Checkout.runsDuckDBTests))
struct FileNameTests {
    /// Reads the column `x` of all files in a folder.
    private static let everything = """
        version: 1
        name: p
        datasets: {raw: {path: "in/*.csv"}, out: {path: out.csv}}
        stages: {all: {type: sql, output: out, query: select x from raw order by x}}
        """

    @Test(
        "A folder called 'column=value' gives no column its value",
        arguments: [("in.csv", "id,v\n1,10\n2,20\n"), ("in.jsonl", "{\"id\":1,\"v\":10}\n{\"id\":2,\"v\":20}\n")])
    func partitions(file: String, text: String) async throws {
        let project = try CaudalProject(copying: [])
        try project.write("v=7/id=9/\(file)", text)
        try project.write(
            "p.yaml",
            """
            version: 1
            name: p
            datasets:
              raw: {path: "v=7/id=9/\(file)"}
              mid: {path: "out/v=8/mid.csv"}
              pq: {path: "out/v=8/mid.parquet"}
              out: {path: "out/v=8/out.jsonl"}
              end: {path: end.csv}
            stages:
              mid: {type: process, input: raw, output: mid, steps: [{cast: {v: integer}}], checks: [{accepted_values: v, in: [10, 20]}]}
              pq: {type: sql, output: pq, query: select * from mid}
              out: {type: sql, output: out, query: select * from pq}
              end: {type: sql, output: end, query: "select id, v from out order by id"}
            """)
        let ran = try await project.caudal("run", "p.yaml", "--plain")
        #expect(ran.status == 0, "\(ran)")
        #expect(project.text("end.csv") == "id,v\n1,10\n2,20\n")
    }

    @Test("Folders of Parquet files that others wrote are columns, where the files have none of that name")
    func partitionsOfOthers() async throws {
        let project = try CaudalProject(copying: [])
        for day in ["2026-01-01", "2026-01-02"] {
            try project.write("in/day=\(day)/.keep", "")
            _ = try await project.query("COPY (SELECT 1 AS n) TO 'in/day=\(day)/a.parquet'")
            _ = try await project.query("COPY (SELECT 1 AS n, 'own' AS day) TO 'in/day=\(day)/b.parquet'")
        }
        try project.write(
            "p.yaml",
            """
            version: 1
            name: p
            datasets: {a: {path: "in/*/a.parquet"}, b: {path: "in/*/b.parquet"}, x: {path: x.csv}, y: {path: y.csv}}
            stages:
              x: {type: sql, output: x, query: "select n, day from a order by day"}
              y: {type: sql, output: y, query: "select n, day from b"}
            """)
        let ran = try await project.caudal("run", "p.yaml", "--plain")
        #expect(ran.status == 0, "\(ran)")
        #expect(project.text("x.csv") == "n,day\n1,2026-01-01\n1,2026-01-02\n")
        #expect(project.text("y.csv") == "n,day\n1,own\n1,own\n")
    }

    @Test("A name that looks like a pattern is not one", arguments: ["a[1].csv", "b*.csv", "c?.csv"])
    func patterns(name: String) async throws {
        let project = try CaudalProject(copying: [])
        try project.write("in/\(name)", "x\nodd\n")
        // What the name would match as a pattern.
        for other in ["a1.csv", "b2.csv", "c3.csv"] { try project.write("in/\(other)", "x\n\(other)\n") }
        try project.write("p.yaml", Self.everything)
        let ran = try await project.caudal("run", "p.yaml", "--plain")
        #expect(ran.status == 0, "\(ran)")
        #expect(project.text("out.csv") == "x\na1.csv\nb2.csv\nc3.csv\nodd\n")
    }

    @Test("A project whose folder looks like a pattern is refused before it reads other projects")
    func folder() async throws {
        let project = try CaudalProject(copying: [])
        for folder in ["p[12]", "p1"] {
            try project.write("\(folder)/in.csv", "x\n\(folder)\n")
            try project.write(
                "\(folder)/p.yaml",
                """
                version: 1
                name: p
                datasets: {raw: {path: in.csv}, out: {path: out.csv}}
                stages: {all: {type: sql, output: out, query: select x from raw}}
                """)
        }
        let refused = try await project.caudal("run", "p[12]/p.yaml", "--plain")
        #expect(refused.status == 2 && refused.errors.contains("has '[' in its name"), "\(refused)")
        #expect(try await project.caudal("run", "p1/p.yaml", "--plain").status == 0)
    }

    @Test("Names that differ in how their characters are written are different files")
    func forms() async throws {
        let project = try CaudalProject(copying: [])
        for (name, value) in [("e\u{301}.csv", 1), ("\u{e9}.csv", 2), ("K.csv", 3), ("\u{212a}.csv", 4)] {
            try project.write("in/\(name)", "x\n\(value)\n")
        }
        try project.write("p.yaml", Self.everything)
        let ran = try await project.caudal("run", "p.yaml", "--plain")
        #expect(ran.status == 0, "\(ran)")
        #expect(project.text("out.csv") == "x\n1\n2\n3\n4\n")
    }
}
