import Foundation
import TestSupport
import Testing

/// A CSV file that a stage wrote is read as it was written.
@Suite("Written CSV files are read back", .timeLimit(.minutes(10)), .enabled(if: Checkout.runsDuckDBTests))
struct WrittenCSVTests {
    private static let rows =
        #"(values ('a'), (''), (null), ('it''s "so"'), ('back\slash'), ('x,y;z'), ('NA'), (' ')) as t(v)"#

    @Test(
        "Whatever the file's settings are",
        arguments: [
            "", "null: NA", "null: [NA, n/a]", #"null: "\\N""#, #"quote: "'""#, #"escape: "\\""#, #"delimiter: ";""#,
            #"quote: "'", escape: "\\", null: NA"#, "header: true, null: [\"-\"]",
        ], [1, 2])
    func settings(settings: String, columns: Int) async throws {
        let project = try CaudalProject(copying: [])
        let list = columns == 1 ? "v" : "v, length(v) as n"
        try project.write(
            "p.yaml",
            """
            version: 1
            name: p
            datasets: {mid: {path: mid.csv, csv: {\(settings)}}, out: {path: out.jsonl}, want: {path: want.jsonl}}
            stages:
              mid: {type: sql, output: mid, query: 'select \(list) from \(Self.rows.replacing("'", with: "''"))'}
              out: {type: sql, output: out, query: "select * from mid order by v"}
              want: {type: sql, output: want, query: 'select \(list) from \(Self.rows.replacing("'", with: "''")) order by v'}
            """)
        let ran = try await project.caudal("run", "p.yaml", "--plain")
        #expect(ran.status == 0, "\(ran)")
        #expect(project.text("out.jsonl") == project.text("want.jsonl"))
        #expect(project.text("want.jsonl")?.split(separator: "\n").count == 8)
    }

    @Test(
        "A list or an object is read back as it was, or its stage fails",
        arguments: [
            (#"[["a","b c"],[""]]"#, true), (#"[{"b":"x y"}]"#, true), (#"{"o":{"b":[1,2]}}"#, true),
            (#"["]","it's"]"#, true),
            (#"[["]","it's"]]"#, false), (#"[{"b":"}"}]"#, false), (#"{"o":{"b":"}"}}"#, false), (#"[["]"]]"#, false),
        ])
    func nested(value: String, isHeld: Bool) async throws {
        let project = try CaudalProject(copying: [])
        try project.write("in.jsonl", #"{"id":1,"v":\#(value)}\#n"#)
        try project.write(
            "p.yaml",
            """
            version: 1
            name: p
            datasets: {i: {path: in.jsonl}, c: {path: c.csv}, o: {path: o.jsonl}}
            stages: {c: {type: process, input: i, output: c}, o: {type: process, input: c, output: o}}
            """)
        let ran = try await project.caudal("run", "p.yaml", "--plain")
        #expect(ran.status == (isHeld ? 0 : 1), "\(ran)")
        if isHeld {
            #expect(try project.read("o.jsonl") == #"{"id":1,"v":\#(value)}\#n"#)
        } else {
            #expect(
                ran.output.contains("column 'v' has a list or an object with a text that CSV does not give back"),
                "\(ran)")
        }
    }

    @Test(
        "Settings for files of others are refused where a stage writes the file",
        arguments: ["encoding: utf-16", "encoding: latin-1", "skip: 1", "comment: '#'"])
    func refused(settings: String) async throws {
        let project = try CaudalProject(copying: [])
        try project.write(
            "p.yaml",
            """
            version: 1
            name: p
            datasets: {mid: {path: mid.csv, csv: {\(settings)}}}
            stages: {mid: {type: sql, output: mid, query: "select 1 as x"}}
            """)
        let told = try await project.caudal("validate", "p.yaml")
        #expect(told.status == 2 && told.errors.contains("is only for files that others write"), "\(told)")
    }
}
