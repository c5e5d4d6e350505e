import CaudalModel
import Engine
import Foundation
import TestSupport
import Testing

/// One place is written by one stage, whatever it is called, and nothing that is read is written over.
@Suite("Places of a pipeline", .timeLimit(.minutes(10)))
struct PlaceRulesTests {
    private let folder: ScratchFolder

    init() throws { folder = try ScratchFolder() }

    /// What is wrong with a pipeline, once it is planned with these values.
    private func faults(
        _ yaml: String, _ parameters: [String: String] = [:], variables: [String: String] = [:]
    ) throws -> String {
        do {
            let loaded = try LoadedPipeline(yaml: yaml, in: folder, variables: variables)
            _ = try Planner(
                loaded, request: RunRequest(parameters: parameters), now: Moment(wall: 0, steady: 0),
                machine: Resources()
            ).plan()
            return ""
        } catch let error as InvalidPipeline {
            return error.errors.map(\.oneLine).joined(separator: "\n")
        }
    }

    /// A pipeline in which stage `a` writes one path and stage `b` another.
    private func two(_ first: String, _ second: String) -> String {
        """
        params: {x: {type: string, default: same}, y: {type: string, default: other}}
        datasets: {first: {path: "\(first)"}, second: {path: "\(second)"}}
        stages:
          a: {type: command, output: first, run: "true"}
          b: {type: command, output: second, needs: a, run: "true"}
        """
    }

    /// A pipeline in which `a` writes one path and `b` reads another.
    private func reading(_ read: String, written: String, needs: String = "") -> String {
        """
        params: {x: {type: string, default: mid}}
        datasets: {mid: {path: "\(written)", format: csv}, again: {path: "\(read)", format: csv}, src: {path: s.csv}}
        stages:
          a: {type: command, inputs: src, output: mid, run: "true"}
          b: {type: command, inputs: again, run: "true"\(needs)}
        """
    }

    @Test(
        "Two spellings of one file are written by one stage alone",
        arguments: [
            ("out/same.csv", "./out/same.csv"), ("out/same.csv", "out//same.csv"),
            ("out/same.csv", "out/sub/../same.csv"), ("out/same.csv", "link/same.csv"),
            ("${params.x}.csv", "./${params.x}.csv"), ("out/${params.x}.csv", "out/same.csv"),
        ])
    func twoWriters(first: String, second: String) throws {
        try FileManager.default.createDirectory(atPath: folder.path("out"), withIntermediateDirectories: true)
        try FileManager.default.createSymbolicLink(atPath: folder.path("link"), withDestinationPath: "out")
        #expect(try faults(two(first, second)).contains("'first' and 'second' are one file"))
        #expect(try faults(two("\(folder.path)/out/same.csv", "out/same.csv")).contains("are one file, out/same.csv"))
    }

    @Test("Names that differ in case only, and values that differ, are different files")
    func different() throws {
        #expect(try faults(two("out/A.csv", "out/a.csv")) == "")
        #expect(try faults(two("${params.x}.csv", "${params.y}.csv")) == "")
        #expect(try faults(two("${params.x}.csv", "${params.y}.csv"), ["y": "same"]).contains("are one file, same.csv"))
    }

    @Test("A file that a stage writes is not read under another name; the message names both places")
    func secondName() throws {
        for path in ["./mid.csv", "data/../mid.csv", "\(folder.path)/mid.csv", "${params.x}.csv"] {
            let words = try faults(reading(path, written: "mid.csv"))
            #expect(words.contains("'again' is the file that 'a' writes as 'mid'; read 'mid'"), "\(path): \(words)")
        }
    }

    @Test("Whoever reads files by a pattern, or out of a folder, waits for the stage that writes them")
    func patterns() throws {
        for (read, written) in [
            ("m*.csv", "mid.csv"), ("./out/*/x.csv", "out/a/x.csv"), ("out/*.csv", "out"), ("out/part.csv", "out"),
            ("out/*.csv", "out/${params.x}.csv"),
        ] {
            let pipeline = try Pipeline(yaml: reading(read, written: written))
            #expect(pipeline.upstream["b"] == ["a"], "\(read) of \(written)")
        }
        let apart = try Pipeline(yaml: reading("in/*.csv", written: "out/mid.csv"))
        #expect(apart.upstream["b"] == [])
    }

    @Test("Where a value may make a pattern cover what another stage writes, the reader waits for that stage")
    func patternsOfValues() throws {
        let text = reading("out/${params.x}*.csv", written: "out/mid.csv")
        #expect(try Pipeline(yaml: text).upstream["b"] == ["a"])
        #expect(try faults(text) == "")
        #expect(try faults(reading("out/${params.x}*.csv", written: "out/mid.csv", needs: ", needs: a")) == "")
        #expect(try faults(text, ["x": "else"]) == "")
    }

    @Test(
        "Nothing is written over what its stage, or one before it, reads",
        arguments: ["data", "data/prices.csv", "./data/../data/prices.csv", "data/p*/../prices.csv", "."])
    func overInput(output: String) throws {
        let direct = """
            datasets: {i: {path: data/prices.csv}, o: {path: "\(output)", format: csv}}
            stages: {a: {type: command, inputs: i, output: o, run: "true"}}
            """
        #expect(try faults(direct) != "", "\(output)")
        let later = """
            datasets: {i: {path: data/prices.csv}, m: {path: m.csv}, o: {path: "\(output)", format: csv}}
            stages:
              a: {type: command, inputs: i, output: m, run: "true"}
              b: {type: command, inputs: m, output: o, run: "true"}
            """
        #expect(try faults(later) != "", "\(output)")
    }

    @Test("Items of a list of the file are places as well, whatever the order of the stages")
    func items() throws {
        func text(_ list: String, _ writer: String = "", _ reader: String = "") -> String {
            """
            params: {x: {type: string, default: other}}
            datasets: {i: {path: data/prices.csv}, o: {path: "data/${item.f}.csv"}, p: {path: data/b.csv}}
            stages:
              w: {type: command, output: o, foreach: {f: \(list)}, run: "true"\(writer)}
              r: {type: command, inputs: i, output: p, run: "true"\(reader)}
            """
        }
        for (writer, reader) in [("", ""), (", needs: r", ""), ("", ", needs: w")] {
            #expect(try faults(text("[prices, x]", writer, reader)).contains("'w'"))
            #expect(try faults(text("[\"p${params.x}\", a]", writer, reader)) == "")
            #expect(try faults(text("[\"${params.x}\", a]", writer, reader), ["x": "prices"]).contains("'w'"))
            #expect(try faults(text("[b, a]", writer, reader)).contains("are one file, data/b.csv"))
        }
    }

    @Test("A pattern of inputs does not cover the output of its own stage")
    func patternOverOutput() throws {
        let words = try faults(
            """
            datasets: {i: {path: "out/*.csv"}, o: {path: out/all.csv}}
            stages: {a: {type: command, inputs: i, output: o, run: "true"}}
            """)
        #expect(words.contains("'o' is one of the files of 'i', which 'a' reads"), "\(words)")
        let items = try faults(
            """
            datasets: {o: {path: "out/${item.f}.csv"}}
            stages: {a: {type: command, output: o, foreach: {f: {files: "out/*.csv"}}, run: "true"}}
            """)
        #expect(items.contains("the files of 'f'"), "\(items)")
    }

    @Test(
        "Nothing is written over the pipeline file, a schema, the folder of runs, or into it",
        arguments: ["pipeline.yaml", "schemas", "schemas/s.json", ".caudal", ".caudal/x.csv", "shop.db"])
    func kept(output: String) throws {
        try folder.write("schemas/s.json", "{\"type\": \"object\", \"properties\": {\"a\": {\"type\": \"string\"}}}")
        let words = try faults(
            """
            connections: {c: {type: sqlite, path: shop.db}}
            datasets: {i: {path: in.csv, schema: schemas/s.json}, o: {path: "\(output)", format: csv}, t: {connection: c, table: t}}
            stages: {a: {type: command, output: o, run: "true"}}
            """)
        #expect(words.contains("would replace") || words.contains("lies in the folder of runs"), "\(words)")
    }

    @Test(
        "Notifications are not written into data, nor into what the project is made of",
        arguments: [
            ("o.csv", "'o', which 'a' writes"), ("./out/log.jsonl", "'d', which 'b' writes"),
            ("in.csv", "'i', which 'a' reads"), ("many/x.csv", "one of the files of 'm', which 'a' reads"),
            ("s.json", "the schema of 'i'"), ("pipeline.yaml", "the pipeline file"),
            (".caudal/told", "in the folder of runs"),
            ("${params.x}", "'o', which 'a' writes"), ("shop.db", "the database of 'c'"),
        ])
    func notifications(file: String, harmed: String) throws {
        try folder.write("s.json", "{\"type\": \"object\", \"properties\": {\"a\": {\"type\": \"string\"}}}")
        func text(_ file: String, ofStage: Bool = false) -> String {
            let rule = "notify: {file: {path: \"\(file)\"}}"
            return """
                params: {x: {type: string, default: o.csv}}
                connections: {c: {type: sqlite, path: shop.db}}
                datasets:
                  i: {path: in.csv, schema: s.json}
                  m: {path: "many/*.csv"}
                  o: {path: o.csv}
                  d: {path: out, format: csv}
                  t: {connection: c, table: t}
                \(ofStage ? "" : rule)
                stages:
                  a: {type: command, inputs: [i, m], output: o, run: "true"\(ofStage ? ", " + rule : "")}
                  b: {type: command, output: d, run: "true"}
                """
        }
        for ofStage in [false, true] {
            let words = try faults(text(file, ofStage: ofStage))
            #expect(words.contains("notifications would be written to"), "\(words)")
            #expect(words.contains("which is \(harmed)"), "\(words)")
            #expect(words.contains("pipeline.yaml:\(ofStage ? 13 : 11):"), "\(words)")
            #expect(try faults(text("told/${params.x}.jsonl", ofStage: ofStage)) == "")
        }
    }

    @Test("Quarantines, reports and outputs in the folder of another are places as well")
    func others() throws {
        try folder.write("s.json", "{\"type\": \"object\", \"properties\": {\"a\": {\"type\": \"string\"}}}")
        let head =
            "datasets: {i: {path: in.csv, schema: s.json}, o: {path: o.csv}, d: {path: out, format: csv}}\nstages:\n"
        let valid = "  v: {type: validate, input: i, output: o, quarantine: "
        #expect(try faults(head + valid + "./o.csv}").contains("are one file"))
        #expect(try faults(head + valid + "in.csv}").contains("would write over it"))
        let inFolder = head + valid + "out/bad.csv}\n  c: {type: command, output: d, run: 'true'}"
        #expect(try faults(inFolder).contains("lies in 'd', which 'c' replaces as a whole"))
        let report = head + "  c: {type: command, output: d, run: 'true'}\n  r: {type: report, output_dir: out}"
        #expect(try faults(report).contains("lies in 'd'"))
    }

    @Test("One table is loaded by one stage, whatever its connection and its case")
    func tables() throws {
        let words = try faults(
            """
            connections: {c: {type: sqlite, path: shop.db}, d: {type: sqlite, path: ./shop.db}}
            datasets: {i: {path: i.csv}, t: {connection: c, table: Sales}, u: {connection: d, table: sales}}
            stages:
              a: {type: load, input: i, output: t, mode: replace}
              b: {type: load, input: i, output: u, mode: replace}
            """)
        #expect(words.contains("the datasets 't' and 'u' are the same table"), "\(words)")
    }

    @Test("A table of SQLite is the same with its schema and without, and has no other schema than its own")
    func schemasOfSQLite() throws {
        func text(_ first: String, _ second: String, type: String = "sqlite, path: a.db") -> String {
            """
            connections: {db: {type: \(type)}}
            datasets: {i: {path: i.csv}, a: {connection: db, table: "\(first)"}, b: {connection: db, table: "\(second)"}}
            stages:
              x: {type: load, input: i, output: a, mode: replace}
              y: {type: load, input: i, output: b, mode: replace}
            """
        }
        for (first, second) in [("main.T", "t"), ("t", "MAIN.t"), ("T", "t"), ("main.t", "Main.T")] {
            let words = try faults(text(first, second))
            #expect(words.contains("'a' and 'b' are the same table"), "\(first) \(second): \(words)")
        }
        #expect(try faults(text("main.t", "u")) == "")
        for name in ["temp.t", "analytics.t", "main.a.b", ".t", "main.", "a.b"] {
            #expect(try faults(text(name, "u")).contains("'\(name)' cannot be a table of the sqlite connection"))
        }
        let postgres = "postgres, database: d"
        #expect(try faults(text("public.t", "t", type: postgres)).contains("are the same table"))
        #expect(try faults(text("T", "t", type: postgres)) == "")
        #expect(try faults(text("s.", "t", type: postgres)).contains("cannot be a table"))
    }

    @Test("No value leads out of the folder that a path names")
    func climbing() throws {
        func run(_ path: String, _ value: String) throws -> String {
            try faults(
                """
                params: {x: {type: string, default: north}, dot: {type: string, default: "."}}
                datasets: {o: {path: "\(path)"}}
                stages: {a: {type: command, output: o, run: "true"}}
                """, ["x": value], variables: ["BASE": "../else"])
        }
        for value in ["../precious", "..", "a/../../precious", "../../x"] {
            let words = try run("out/${params.x}/o.csv", value)
            #expect(words.contains("${params.x} is '\(value)', which leads out of the folder"), "\(value): \(words)")
        }
        #expect(try run("out/${params.dot}${params.x}/o.csv", ".").contains("leads out of the folder"))
        #expect(try run("${env.BASE}/o.csv", "").contains("${env.BASE} is '../else'"))
        #expect(try run("out/${params.x}.csv", "a/b..c") == "")
        #expect(try run("../shared/${params.x}.csv", "north") == "")
        #expect(try run("${params.x}/o.csv", folder.path("data")) == "")
    }

    @Test("Addresses that nothing reads are refused, and what to do instead is said")
    func schemes() throws {
        for path in ["ftp://example.org/a.csv", "az://bucket/a.csv", "gs://b/${params.x}.csv"] {
            let words = try faults(reading(path, written: "mid.csv"))
            #expect(words.contains("caudal does not read or write '") && words.contains("command stage"), "\(words)")
        }
        #expect(try faults(reading("s3://bucket/a.csv", written: "mid.csv")).contains("a connection of type s3"))
        #expect(try faults(reading("https://example.org/a.csv", written: "mid.csv")) == "")
        #expect(try faults(reading("file:///data/a.csv", written: "mid.csv")).contains("write the path alone"))
        #expect(try faults(reading("${params.x}://a.csv", written: "mid.csv"), ["x": "s3"]).contains("'s3://'"))
    }
}
