import Engine
import Foundation
import TestSupport
import Testing

/// With `samples: none` and `keys`, values of rows reach nothing that is kept or told of a run besides the data itself.
@Suite("Values that are not shown", .timeLimit(.minutes(15)), .enabled(if: Checkout.runsDuckDBTests))
struct HiddenValuesTests {
    private static let canary = "c4n4ry"

    private func project(_ samples: String) throws -> CaudalProject {
        let project = try CaudalProject(copying: [])
        let value = Self.canary
        try project.write("in.csv", "id,who,n\nk1,\(value),1\nk2,\(value)2 \"x\" 'y',zz\(value)\n")
        try project.write("torn.csv", "id,who\nk1,\(value)\nk2,\"\(value)\n\(value)\",\(value)\n")
        try project.write("twice.csv", "who,v\n\(value),1\n\(value),2\n")
        try project.write("odd.jsonl", "{\"id\": 1, \"who\": \"\(value)\"}\n{\"id\": \(value)}\n")
        try project.write("broken.json", "[{\"id\": 1}, {\"id\": \"\(value)\" \(value)]")
        try project.write(
            "s.json", #"{"properties": {"who": {"type": "string", "maxLength": 3}, "n": {"type": "integer"}}}"#)
        var stages = ""
        let kinds = [
            "cast": "type: process, input: raw, steps: [{cast: {n: integer}}]",
            "derive": "type: process, input: raw, steps: [{derive: {m: cast(who as date)}}]",
            "step": "type: process, input: raw, steps: [{sql: select cast(who as integer) as w from input}]",
            "query": "type: sql, query: select cast(who as timestamp) as w from raw",
            "reason":
                "type: sql, query: \"select case when who is not null then error('bad ' || who) end as w from raw\"",
            "json": "type: sql, query: select json(who) as w from raw",
            "lookup": "type: enrich, input: raw, lookups: [{dataset: twice, on: who, add: v}]",
            "validate": "type: validate, input: raw, max_invalid: 0, checks: [{not_null: id}]",
            "lines": "type: validate, input: torn, max_invalid: 0",
            "columns": "type: process, input: torn",
            "odd": "type: validate, input: odd, max_invalid: 0",
            "broken": "type: process, input: broken",
            "parts": "type: process, input: raw, checks: [{unique: id}, {row_count: {min: 5}, partition_by: who}]",
            "checks":
                "type: process, input: raw, checks: [{unique: id}, {accepted_values: who, in: [a]}, {matches: who, pattern: ^a}, "
                + "{sql: select who from input}, {sql: select cast(who as integer) as x from input, id: cast}, {foreign_key: who, dataset: other}]",
        ]
        var datasets = ""
        for (name, definition) in kinds {
            stages += "  \(name): {\(definition), output: o_\(name), allow_failure: true}\n"
            datasets += "  o_\(name): {path: o/\(name).csv}\n"
        }
        try project.write("other.csv", "who\nnobody\n")
        try project.write(
            "p.yaml",
            """
            version: 1
            name: p
            samples: \(samples)
            datasets:
              raw: {path: in.csv, schema: s.json}
              torn: {path: torn.csv, schema: s.json}
              twice: {path: twice.csv}
              odd: {path: odd.jsonl, schema: s.json}
              broken: {path: "bro*.json"}
              other: {path: other.csv}
            \(datasets)stages:
            \(stages)  tell: {type: report, formats: [html, markdown, json], when: all_done, needs: [\(kinds.keys.joined(separator: ", "))]}
            """)
        return project
    }

    @Test("No road leads a value into what is kept and told", arguments: ["none", "keys"])
    func roads(_ samples: String) async throws {
        let project = try project(samples)
        var told = [try await project.caudal("run", "p.yaml", "--plain").description]
        #expect(told[0].contains("check 'unique") == false)
        for arguments in [
            ["show", "last"], ["show", "last", "--json"], ["logs"], ["logs", "--json"], ["checks", "last"],
            ["checks", "last", "--json"], ["runs", "--json"], ["report", "last", "--format", "json"],
            ["report", "last", "--format", "markdown"], ["report", "last", "--format", "html"],
        ] {
            told.append(try await project.caudal(arguments).description)
        }
        for text in told {
            let line = text.split(separator: "\n").first { $0.contains(Self.canary) }
            #expect(line == nil)
        }
        // What is recorded, but for the data itself.
        let kept = project.files(in: ".caudal").filter { !$0.contains("/versions/") && !$0.contains("/staging/") }
        #expect(kept.contains { $0.hasSuffix("caudal.db") } && kept.contains { $0.hasSuffix(".jsonl") })
        for file in kept {
            let bytes = try Data(contentsOf: URL(filePath: project.folder.path(".caudal/\(file)")))
            #expect(bytes.range(of: Data(Self.canary.utf8)) == nil, "\(file)")
        }
        let log = told[3]
        #expect(
            log.contains("column 'n' has the value 'a value that is not shown', which does not fit integer"), "\(log)")
        #expect(told[0].contains("line 3 of torn.csv cannot be read: it has too many columns"), "\(told[0])")
        let hasKeys = told[1].contains("k1") || told[5].contains("k1")
        #expect(hasKeys == (samples == "keys"), "\(told[5])")
    }

    @Test("Where values may be shown they are, without marks of ours")
    func shown() async throws {
        let project = try project("all")
        let run = try await project.caudal("run", "p.yaml", "--plain")
        #expect(
            run.output.contains("column 'n' has the value 'zz\(Self.canary)', which does not fit integer"), "\(run)")
        #expect(run.output.contains("more than one row for some who, such as \(Self.canary); remove them"), "\(run)")
        #expect(!run.output.contains { "\u{1}\u{2}\u{3}␁␂␃".contains($0) })
    }
}
