import CaudalModel
import Engine
import TestSupport
import Testing

/// DuckDB takes names for one that differ in case alone.
@Suite("Columns that differ in case", .timeLimit(.minutes(15)), .enabled(if: Checkout.runsDuckDBTests))
struct AlikeColumnsTests {
    @Test(
        "A new column that the engine would take for another one is refused at its place",
        arguments: [
            ("rename: {t: name}", "'Name', which differs from 'name'"),
            ("derive: {id: \"5\"}", "'ID', which differs from 'id'"),
            ("derive: {z: \"1\", Z: \"2\"}", "'z', which differs from 'Z'"),
            ("split: {column: t, separator: \"|\", into: [name]}", "'Name', which differs from 'name'"),
            ("split: {column: t, separator: \"|\", into: [a, A]}", "'a', which differs from 'A'"),
        ])
    func steps(_ step: String, _ message: String) async throws {
        let project = try CaudalProject(copying: [])
        try project.write("in.csv", "ID,Name,t\n1,a,x\n")
        try project.write(
            "p.yaml",
            """
            version: 1
            name: p
            datasets: {in: {path: in.csv}, o: {path: o.csv}}
            stages:
              p: {type: process, input: in, output: o, steps: [{\(step)}]}
            """)
        let run = try await project.caudal("run", "p.yaml", "--plain")
        #expect(run.exit == .exited(2) && "\(run)".contains("there is a column \(message) in case alone"), "\(run)")
    }

    @Test("So is one that a lookup adds")
    func lookups() async throws {
        let project = try CaudalProject(copying: [])
        try project.write("in.csv", "ID,Name\n1,a\n")
        try project.write("b.csv", "id,NAME\n1,b\n")
        try project.write(
            "p.yaml",
            """
            version: 1
            name: p
            datasets: {in: {path: in.csv}, b: {path: b.csv}, o: {path: o.csv}}
            stages:
              p: {type: enrich, input: in, output: o, lookups: [{dataset: b, on: {ID: id}, add: [NAME]}]}
            """)
        let run = try await project.caudal("run", "p.yaml", "--plain")
        #expect("\(run)".contains("there is a column 'Name', which differs from 'NAME' in case alone"), "\(run)")
    }

    @Test("A column can still be renamed to another spelling of itself, and derived anew")
    func itself() async throws {
        let project = try CaudalProject(copying: [])
        try project.write("in.csv", "ID,t\n1,x\n")
        try project.write(
            "p.yaml",
            """
            version: 1
            name: p
            datasets: {in: {path: in.csv}, o: {path: o.csv}}
            stages:
              p: {type: process, input: in, output: o, steps: [{rename: {ID: id}}, {derive: {t: upper(t)}}]}
            """)
        let run = try await project.caudal("run", "p.yaml", "--plain")
        #expect(run.exit == .exited(0), "\(run)")
        #expect(try project.read("o.csv") == "id,t\n1,X\n")
    }

    @Test("A stage is not reused whose input has the same bytes and another type")
    func reusedTypes() async throws {
        let project = try CaudalProject(copying: [])
        try project.write("in.csv", "id\n2\n10\n9\n")
        func write(_ steps: String) throws {
            try project.write(
                "p.yaml",
                """
                version: 1
                name: p
                datasets: {in: {path: in.csv}, o: {path: o.csv}, m: {path: m.csv}}
                stages:
                  o: {type: process, input: in, output: o\(steps)}
                  m: {type: sql, query: select max(id) m from o, output: m}
                """)
        }
        try write("")
        #expect(try await project.caudal("run", "p.yaml", "--reuse").exit == .exited(0))
        #expect(try project.read("m.csv") == "m\n9\n")
        try write(", steps: [{cast: {id: integer}}]")
        #expect(try await project.caudal("run", "p.yaml", "--reuse").exit == .exited(0))
        #expect(try project.read("m.csv") == "m\n10\n")
    }
}
