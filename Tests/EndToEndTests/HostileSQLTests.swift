import CaudalModel
import Engine
import Foundation
import TestSupport
import Testing

@Suite("Nothing that a pipeline or its data says leaves the sandbox", .timeLimit(.minutes(15)))
struct HostileSQLTests {
    /// A project beside a folder that nothing of it may touch.
    struct Scene {
        let project: CaudalProject
        let outside: ScratchFolder

        init() throws {
            project = try CaudalProject(copying: [])
            outside = try ScratchFolder()
            try outside.write("secret.csv", "word\nhunter2\n")
            try project.write("in.csv", "x\n1\n")
        }

        /// Writes a pipeline and runs it; the outside must be as it was, and its secret unread.
        func run(_ yaml: String, _ options: [String] = [], _ about: String) async throws -> CaudalProject.Answer {
            try project.write("p.yaml", "version: 1\nname: p\n" + yaml)
            let answer = try await project.run(CaudalProject.program, ["run", "p.yaml", "--plain"] + options)
            #expect(try FileManager.default.contentsOfDirectory(atPath: outside.path) == ["secret.csv"], "\(about)")
            let output = (try? project.read("out.csv")) ?? ""
            for word in ["hunter2", "root:"] {
                #expect(!output.contains(word) && !answer.output.contains(word), "\(about): \(answer) \(output)")
            }
            return answer
        }
    }

    /// Queries that try to get out of `folder`'s project.
    private static func queries(_ folder: String) -> [String] {
        [
            "select 1 as a\n.shell touch \(folder)/out", "select 1 as a;\n.system touch \(folder)/out",
            "select 1 as a\n.read \(folder)/secret.csv", "select 1 as a\n.output \(folder)/out\n",
            "select 1 as a\n\u{b}.shell touch \(folder)/out", "select 1 as a\r.shell touch \(folder)/out",
            "select 'a\n.shell touch \(folder)/out\n' as a", "select * from read_text('/etc/passwd')",
            "select * from '\(folder)/secret.csv'", "select * from read_csv('\(folder)/secret.csv')",
            "select * from glob('\(folder)/*')", "select 1 as a; ATTACH '\(folder)/x.db' AS y",
            "select 1 as a) TO '\(folder)/x.csv' (FORMAT csv); COPY (select 2 as a",
            "select 1 as a; COPY (select 1) TO '\(folder)/x.csv'", "select 1 as a; EXPORT DATABASE '\(folder)/e'",
            "select 1 as a; INSTALL httpfs; LOAD httpfs", "select 1 as a; SET enable_external_access = true",
            "select 1 as a; RESET allowed_directories", "select getenv('HOME') as a",
            "select * from read_csv('http://127.0.0.1:1/x.csv')",
            "select 1 as a) x; COPY (select 1) TO '\(folder)/x' --",
            "select 1 as a /*", "select 'a", "select $$a as a",
        ]
    }

    @Test("A query reaches the datasets that its stage names and nothing else")
    func queries() async throws {
        let scene = try Scene()
        // Harmless where it stands: a text, whatever it looks like.
        let harmless = ["select 'a\n.shell"]
        for query in Self.queries(scene.outside.path) {
            let answer = try await scene.run(
                """
                datasets: {raw: {path: in.csv}, out: {path: out.csv}}
                stages:
                  a: {type: sql, inputs: raw, output: out, query: \(JSONText.quoted(query))}
                """, query)
            let isHarmless = harmless.contains { query.hasPrefix($0) }
            #expect((answer.exit == .exited(0)) == isHarmless, "\(query): \(answer)")
        }
    }

    @Test("A text is what it says, whatever the program that runs it takes for an end or for one of its commands")
    func texts() async throws {
        let scene = try Scene()
        let texts: [(query: String, value: String)] = [
            (#"e'\''"#, "'"), (#"e'it\'s; select 1'"#, "it's; select 1"), (#"E'\\' || '\'"#, #"\\"#),
            (#"e'\' ;\n'"#, "' ;\n"), ("e'\\' ;\n.exit\n--'", "' ;\n.exit\n--"),
            (
                "e'\\' ;\n.print @@9\n' || e'\\' ;\n.shell touch \(scene.outside.path)/out\n'",
                "' ;\n.print @@9\n' ;\n.shell touch \(scene.outside.path)/out\n"
            ),
            ("$$ ; $$", " ; "), ("$q$ $$ ;\n.exit\n'$q$", " $$ ;\n.exit\n'"), ("$$\n.exit\n$$", "\n.exit\n"),
            ("'\n.shell touch \(scene.outside.path)/out\n'", "\n.shell touch \(scene.outside.path)/out\n"),
            ("/* ; /* ' */ ;\n.exit\n*/ 'x' -- ;'", "x"), ("'a' --", "a"), ("'a' /* ' */ || 'b'", "ab"),
        ]
        for (index, text) in texts.enumerated() {
            let expected = text.value.utf8.map { String($0, radix: 16).leftPadded }.joined().uppercased()
            let query = JSONText.quoted("select hex(v) as a from (select \(text.query)\n as v from raw)")
            let steps = JSONText.quoted("select hex(v) as a from (select \(text.query)\n as v from input)")
            for stage in [
                "{type: sql, inputs: raw, output: out, query: \(query)}",
                "{type: process, input: raw, output: out, steps: [{sql: \(steps)}]}",
                "{type: process, input: raw, output: out, steps: [{filter: 'true'}, {sql: \(steps)}, {rename: {a: a2}}, {rename: {a2: a}}]}",
            ] {
                let answer = try await scene.run(
                    "datasets: {raw: {path: in.csv}, out: {path: out.csv}}\nstages:\n  a: \(stage)\n", text.query)
                #expect(answer.exit == .exited(0), "\(index) \(text.query): \(answer)")
                #expect(scene.project.text("out.csv") == "a\n\(expected)\n", "\(index) \(text.query) in \(stage)")
            }
        }
    }

    @Test("Nor does SQL in a step, a check or a fan-out", arguments: [8, 0, 13])
    func otherPlaces(index: Int) async throws {
        let scene = try Scene()
        let query = JSONText.quoted(Self.queries(scene.outside.path)[index])
        let stages = [
            "{type: process, input: raw, output: out, steps: [{sql: \(query)}]}",
            "{type: check, input: raw, checks: [{sql: \(query)}]}",
            "{type: process, input: raw, output: out, foreach: {x: {sql: \(query)}}}",
        ]
        for stage in stages {
            let path = stage.contains("foreach") ? "out-${item.x}.csv" : "out.csv"
            let answer = try await scene.run(
                "datasets: {raw: {path: in.csv}, out: {path: \"\(path)\"}}\nstages:\n  a: \(stage)\n", stage)
            #expect(answer.exit != .exited(0), "\(stage): \(answer)")
        }
    }

    @Test("The values of parameters and items are values, whatever they look like")
    func values() async throws {
        let scene = try Scene()
        let folder = scene.outside.path
        let values = [
            "'; COPY (select 1) TO '\(folder)/x.csv'; --", "x\n.shell touch \(folder)/out\n", "${params.day}",
            "\\'; --",
            "$$ || getenv('HOME') || $$", "🙂", "a\"b", "",
        ]
        for value in values {
            let answer = try await scene.run(
                """
                params: {p: {type: string, default: none}}
                datasets: {raw: {path: in.csv}, mid: {path: mid.csv}, out: {path: out.csv}}
                stages:
                  a: {type: process, input: raw, output: mid, steps: [{derive: {p: "${params.p}"}}]}
                  b: {type: sql, inputs: mid, output: out, query: "select p = ${params.p} as same, p from mid"}
                """, ["--param", "p=\(value)"], value)
            #expect(answer.exit == .exited(0), "\(value): \(answer)")
            #expect(try scene.project.read("out.csv").contains("\ntrue,"), "\(value)")
        }
        let list = values.filter { !$0.isEmpty && !$0.contains("${") }.map(JSONText.quoted).joined(separator: ", ")
        let answer = try await scene.run(
            """
            datasets: {raw: {path: in.csv}, out: {path: "items/${item.v}.csv"}}
            stages:
              a:
                type: sql
                inputs: raw
                output: out
                query: "select ${item.v} as v from raw"
                foreach: {v: [\(list)]}
            """, "items")
        #expect(answer.exit == .exited(0), "\(answer)")
        let written = scene.project.files(in: "items")
        #expect(written.count == values.count - 2 && written.allSatisfy { !$0.contains("..") }, "\(written)")
    }

    @Test("Columns may have any name")
    func names() async throws {
        let scene = try Scene()
        let names = [
            "\"; DROP TABLE x; --", "'; .shell id", "a\nb", "\n.shell id", "${params.x}", "🙂",
            String(repeating: "n", count: 1_000),
            "a\"b", "a,b", "select", " lead", "*", "COLUMNS(*)", "input", "rows", "row", "file", "#row", "x_", "rowid",
            "filename", "..", "$1", "?", "caudal", "line",
        ]
        func csv(_ values: [String]) -> String {
            values.map { "\"" + $0.replacing("\"", with: "\"\"") + "\"" }.joined(separator: ",") + "\n"
        }
        try scene.project.write(
            "in.csv", csv(names) + csv(names.indices.map { "v\($0)" }) + csv(names.indices.map { "w\($0)" }))
        let properties = names.map { "\(JSONText.quoted($0)): {\"type\": \"string\", \"pattern\": \"^v\"}" }
        try scene.project.write("s.json", "{\"properties\": {\(properties.joined(separator: ", "))}}")
        let list = names.map(JSONText.quoted).joined(separator: ", ")
        let answer = try await scene.run(
            """
            datasets:
              raw: {path: in.csv, schema: s.json}
              valid: {path: valid.parquet}
              other: {path: valid.parquet}
              clean: {path: clean.csv}
              out: {path: out.csv}
            stages:
              a: {type: validate, input: raw, output: valid}
              b:
                type: process
                input: valid
                output: clean
                steps:
                  - trim: [\(list)]
                  - deduplicate: {by: [\(list)], keep: last}
                  - fill_missing: {\(names.map { "\(JSONText.quoted($0)): x" }.joined(separator: ", "))}
                  - select: [\(list)]
              c:
                type: enrich
                input: clean
                output: out
                lookups: [{dataset: valid, on: [\(list)], add: {x_: "looked up"}}]
                checks: [{not_null: [\(list)]}, {unique: [\(list)]}]
            """.replacing("  other: {path: valid.parquet}\n", with: ""), "names")
        #expect(answer.exit == .exited(0), "\(answer)")
        let rows = try await DuckDB(in: scene.project.folder).rows(
            "SELECT * FROM read_csv('\(scene.project.folder.path("out.csv"))', all_varchar = true, header = false, delim = ',', quote = '\"')"
        )
        #expect(
            rows == [names + ["looked up"], names.indices.map { "v\($0)" } + ["v\(names.firstIndex(of: "x_") ?? 0)"]])
    }
}

extension HostileSQLTests.Scene {
    func run(_ yaml: String, _ about: String) async throws -> CaudalProject.Answer { try await run(yaml, [], about) }
}

extension String {
    /// Two digits at least.
    fileprivate var leftPadded: String { count == 1 ? "0" + self : self }
}
