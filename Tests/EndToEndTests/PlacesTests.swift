import Foundation
import GRDB
import TestSupport
import Testing

/// What a run would harm, or cannot do, is told before it does anything.
@Suite("Places of a run", .timeLimit(.minutes(15)))
struct PlacesTests {
    private func project(_ yaml: String, _ files: [String: String] = [:]) throws -> CaudalProject {
        let project = try CaudalProject(copying: [])
        try project.write("p.yaml", "version: 1\nname: p\n" + yaml)
        for (name, text) in files { try project.write(name, text) }
        return project
    }

    @Test("A folder that no run published is not replaced; one that a run published is")
    func folders() async throws {
        let project = try project(
            """
            datasets: {o: {path: out, format: csv}}
            stages: {a: {type: command, output: o, run: "mkdir ${stage.output} && echo x > ${stage.output}/part.csv"}}
            """, ["out/precious.csv": "a\n"])
        let refused = try await project.caudal("run", "p.yaml", "--plain")
        #expect(refused.status == 2 && refused.errors.contains("no run published it"), "\(refused)")
        #expect(project.exists("out/precious.csv"))
        let moved = try await project.run("/bin/mv", ["out", "kept"])
        #expect(moved.status == 0)
        for _ in 0..<2 {
            let answer = try await project.caudal("run", "p.yaml", "--plain")
            #expect(answer.status == 0, "\(answer)")
        }
        #expect(project.files(in: "out") == ["part.csv"])
    }

    @Test("An item does not write over the file that its stage reads")
    func items() async throws {
        for (list, status, words) in [
            ("[south, north]", Int32(2), "'o' is 'i', which 'a' reads"),
            ("{sql: \"select unnest(['south', 'north'])\"}", 1, "data/north.csv, which this stage reads"),
        ] {
            let project = try project(
                """
                datasets: {i: {path: data/north.csv}, o: {path: "data/${item.r}.csv"}}
                stages:
                  a: {type: process, input: i, output: o, foreach: {r: \(list), partition: false}}
                """, ["data/north.csv": "a\n1\n"])
            let answer = try await project.caudal("run", "p.yaml", "--plain")
            #expect(answer.status == status && answer.description.contains(words), "\(answer)")
            #expect(try project.read("data/north.csv") == "a\n1\n")
        }
    }

    @Test("An output below a link to nothing is told before the first stage, with what the link points to")
    func danglingLinks() async throws {
        for output in [
            "b: {type: command, output: o, run: 'true'}", "b: {type: report, output_dir: dang/reports}",
            "b: {type: process, input: i, output: p, needs: a}",
        ] {
            let project = try project(
                """
                datasets: {o: {path: dang/a.csv}, i: {path: in.csv}, p: {path: dang/deep/p.csv}}
                stages:
                  a: {type: command, run: "true"}
                  \(output)
                """, ["in.csv": "a\n1\n"])
            try FileManager.default.createSymbolicLink(
                atPath: project.folder.path("dang"), withDestinationPath: "/nonexist/dang")
            for verb in ["validate", "run"] {
                let answer = try await project.caudal(verb, "p.yaml")
                #expect(answer.status == 2, "\(answer)")
                #expect(answer.errors.contains("dang is a link to /nonexist/dang, which is not there"), "\(answer)")
            }
        }
    }

    @Test("A program that is not there is named as the file writes it")
    func missingProgram() async throws {
        let project = try project("stages: {a: {type: command, run: scripts/x.sh}}\n")
        let answer = try await project.caudal("run", "p.yaml", "--plain")
        #expect(answer.status == 1 && answer.output.contains(": scripts/x.sh is not there"), "\(answer)")
    }

    @Test("A source that nobody writes is missed before the first stage; one that a command may fetch is not")
    func sources() async throws {
        let text = """
            datasets: {i: {path: in.csv}, m: {path: m.csv}, o: {path: o.csv}}
            stages:
              first: {type: command, output: m, run: "echo a > ${stage.output}"}
              use: {type: process, input: i, output: o}
            """
        let project = try project(text)
        let answer = try await project.caudal("run", "p.yaml", "--plain")
        #expect(answer.status == 2 && answer.errors.contains("the input in.csv is not there"), "\(answer)")
        #expect(answer.errors.contains("stage 'use' reads it") && !project.exists("m.csv"), "\(answer)")
        #expect(try await project.caudal("validate", "p.yaml").status == 2)
        try project.write(
            "p.yaml", "version: 1\nname: p\n" + text.replacing("output: o}", with: "output: o, needs: first}"))
        #expect(try await project.caudal("validate", "p.yaml").status == 0)
    }

    @Test(
        "A database, a table or a place for a file that is not there is missed before the first stage",
        arguments: [
            (
                "connections: {db: {type: sqlite, path: none.db}}\ndatasets: {i: {connection: db, table: t}, o: {path: o.csv}}",
                "none.db is not there"
            ),
            (
                "connections: {db: {type: sqlite, path: x.db}}\ndatasets: {i: {connection: db, table: u}, o: {path: o.csv}}",
                "no table 'u'"
            ),
            ("datasets: {i: {path: i.csv}, o: {path: taken}}", "taken is a folder"),
        ])
    func missing(datasets: String, told: String) async throws {
        let stages = """
            stages:
              long: {type: sql, output: l, query: "select 1 as a"}
              p: {type: process, input: i, output: o}
            """
        let project = try project(
            datasets.replacing("datasets: {", with: "datasets: {l: {path: l.csv}, ")
                .replacing("path: taken", with: "path: taken, format: csv") + "\n" + stages,
            ["i.csv": "a\n1\n", "taken/x": ""])
        let database = try DatabaseQueue(path: project.folder.path("x.db"))
        try await database.write { try $0.execute(sql: "CREATE TABLE t (a)") }
        for verb in [["validate", "p.yaml"], ["run", "p.yaml", "--plain"]] {
            let answer = try await project.caudal(verb)
            #expect(answer.status == 2 && answer.description.contains(told), "\(answer)")
        }
        #expect(!project.exists("l.csv"))
    }
}
