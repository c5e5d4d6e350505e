import Foundation
import TestSupport
import Testing

@Suite("Lineage", .timeLimit(.minutes(15)))
struct LineageTests {
    private func project() throws -> CaudalProject {
        let project = try CaudalProject(copying: [])
        try project.write("in.csv", "id,price,quantity,note\n1,2,3,a\n2,5,1,b\n")
        try project.write("names.csv", "id,name\n1,Lamp\n2,Chair\n")
        try project.write(
            "p.yaml",
            """
            version: 1
            name: p
            datasets:
              in: {path: in.csv}
              names: {path: names.csv}
              clean: {path: out/clean.parquet}
              named: {path: out/named.csv}
              sums: {path: out/sums.csv}
              copy: {path: out/copy.csv}
            stages:
              clean:
                type: process
                input: in
                output: clean
                steps:
                  - cast: {price: integer, quantity: integer}
                  - derive: {total: price * quantity, twice: total * 2}
                  - rename: {id: key}
                  - drop: [price, note]
              name:
                type: enrich
                input: clean
                output: named
                lookups: [{dataset: names, on: {key: id}, add: [name]}]
              sums: {type: sql, output: sums, query: select sum(total) as total from named}
              copy: {type: command, inputs: named, output: copy, run: cp out/named.csv $CAUDAL_OUTPUT}
            """)
        return project
    }

    @Test("Each file of a run is shown with the versions of the files it was made from, and where these begin")
    func files() async throws {
        let project = try project()
        let run = try await project.caudal("run", "p.yaml")
        #expect(run.status == 0, "\(run)")
        let answer = try await project.caudal("lineage", "last", "--format", "json")
        struct Line: Decodable {
            struct File: Decodable {
                var path: String
                var hash: String?
                var writer: String?
            }
            var file: File
            var inputs: [File]
            var roots: [File]
        }
        let lines = try answer.output.split(separator: "\n").map {
            try JSONDecoder().decode(Line.self, from: Data($0.utf8))
        }
        let files = Dictionary(lines.map { ($0.file.path, $0) }, uniquingKeysWith: { first, _ in first })
        #expect(files.keys.sorted() == ["out/clean.parquet", "out/copy.csv", "out/named.csv", "out/sums.csv"])
        let named = try #require(files["out/named.csv"])
        #expect(Set(named.inputs.map(\.path)) == ["names.csv", "out/clean.parquet"])
        #expect(named.inputs.first { $0.path == "out/clean.parquet" }?.writer == "clean")
        #expect(named.inputs.first { $0.path == "out/clean.parquet" }?.hash == files["out/clean.parquet"]?.file.hash)
        #expect(files["out/copy.csv"]?.inputs.map(\.writer) == ["name"], "a command's inputs are kept too")
        #expect(files["out/sums.csv"]?.roots.map(\.path) == ["in.csv", "names.csv"])
        #expect(named.inputs.allSatisfy { $0.hash?.hasPrefix("xxh64:") == true })

        let text = try await project.caudal("lineage", "out/sums.csv")
        #expect(text.output.contains("out/sums.csv  by sums"), "\(text)")
        #expect(!text.output.contains("\nout/named.csv"), "only the file that was asked for")
        #expect(text.output.contains("original sources: in.csv, names.csv"), "\(text)")
        let unknown = try await project.caudal("lineage", "out/nothing.csv")
        #expect(unknown.status == 1 && unknown.errors.contains("no run published 'out/nothing.csv'"), "\(unknown)")
    }

    @Test("Columns are followed through steps and lookups; a query is not looked into", arguments: [false, true])
    func columns(ofRun: Bool) async throws {
        let project = try project()
        if ofRun { _ = try await project.caudal("run", "p.yaml") }
        let answer = try await project.caudal("lineage", ofRun ? "last" : "p.yaml", "--columns")
        let lines = answer.output.split(separator: "\n").map { line in
            line.split(separator: " ").joined(separator: " ")
        }
        for line in [
            "key ← in.id rename", "quantity ← in.quantity cast to integer",
            "total ← in.price, in.quantity cast to integer, derive",
            "twice ← in.price, in.quantity cast to integer, derive", "name ← names.name look up by key",
            "total ← named.* sql",
        ] {
            #expect(lines.contains(line), "\(line)\n\(answer)")
        }
        #expect(!answer.output.contains("note"), "a dropped column leads nowhere")
        let dot = try await project.caudal("lineage", ofRun ? "last" : "p.yaml", "--columns", "--format", "dot")
        #expect(dot.output.contains("\"names.name\" -> \"named.name\" [label=\"look up by key\"];"), "\(dot)")
        let json = try await project.caudal("lineage", ofRun ? "last" : "p.yaml", "--columns", "--format", "json")
        #expect(json.output.contains(#""roots":["in.price","in.quantity"]"#), "\(json)")
    }

    @Test("Columns are followed through files that other stages write where a pattern looks")
    func patterns() async throws {
        let project = try CaudalProject(copying: [])
        try project.write("in.csv", "id,name\n1,lamp\n")
        try project.write("parts/outside.csv", "id,word\n7,CHAIR\n")
        try project.write(
            "p.yaml",
            """
            version: 1
            name: p
            datasets:
              src: {path: in.csv}
              part: {path: "parts/own-${params.day}.csv"}
              every: {path: "parts/*.csv"}
              all: {path: all.csv}
            params: {day: {type: date, default: 2026-11-23}}
            stages:
              part: {type: process, input: src, output: part, steps: [{derive: {word: upper(name)}}, {drop: [name]}]}
              all: {type: process, input: every, output: all, steps: [{derive: {loud: "word || '!'"}}]}
            """)
        let run = try await project.caudal("run", "p.yaml", "--plain")
        #expect(run.status == 0, "\(run)")
        let mixed = try await project.caudal("lineage", "p.yaml", "--columns", "--format", "json")
        #expect(mixed.output.contains(#""name":"loud","roots":["every.word","src.name"]"#), "\(mixed)")
        try FileManager.default.removeItem(atPath: project.folder.path("parts/outside.csv"))
        let own = try await project.caudal("lineage", "last", "--columns", "--format", "json")
        #expect(own.output.contains(#""name":"loud","roots":["src.name"]"#), "\(own)")
        let dot = try await project.caudal("lineage", "p.yaml", "--format", "dot")
        #expect(dot.output.contains(#""part" -> "every""#), "\(dot)")
    }

    @Test("A path shows the run whose version lies there: an older one that was restored, and says when it is nobody's")
    func restored() async throws {
        let project = try CaudalProject(copying: [])
        try project.write(
            "p.yaml",
            """
            version: 1
            name: p
            keep_versions: 3
            datasets: {src: {path: in.csv}, out: {path: out.csv}}
            stages: {copy: {type: sql, output: out, query: select * from src}}
            """)
        var runs: [String] = []
        for number in 1...2 {
            try project.write("in.csv", "n\n\(number)\n")
            #expect(try await project.caudal("run", "p.yaml", "--plain").status == 0)
            let shown = try await project.caudal("runs").output.split(separator: "\n")
            runs.append(String(shown[1].prefix { $0 != " " }))
        }
        #expect(try await project.caudal("lineage", "out.csv").output.contains(runs[1]))
        let restored = try await project.caudal("restore", runs[0], "--json")
        #expect(restored.output.contains(#""path":"out.csv","published":true"#), "\(restored)")
        let old = try await project.caudal("lineage", "out.csv")
        #expect(old.output.contains(runs[0]) && old.errors.isEmpty, "\(old)")
        try project.write("out.csv", "n\n99\n")
        let foreign = try await project.caudal("lineage", "out.csv")
        #expect(
            foreign.output.contains(runs[1]) && foreign.errors.contains("is not the version of any run"), "\(foreign)")
    }
}
