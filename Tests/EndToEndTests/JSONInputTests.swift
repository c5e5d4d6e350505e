import CaudalModel
import Engine
import Foundation
import TestSupport
import Testing

@Suite("JSON comes in with its own types", .timeLimit(.minutes(15)))
struct JSONInputTests {
    private let schema =
        #"{"properties": {"id": {"type": "integer"}, "at": {"type": "string", "format": "date-time"}}}"#

    @Test("JSON lines and JSON go through validate as they are; every row is accounted for, and so is a broken line")
    func validate() async throws {
        let project = try CaudalProject(copying: [])
        try project.write("s.json", schema)
        let lines = #"{"id": 1, "at": "2026-11-23T06:00:00Z"}\#n\#n{"id": "2"}\#n[1]\#n{"id": 4, "more": {"a": 1}}\#n"#
        // Bytes that are no UTF-8, and a last line that was cut off.
        let bytes = Data(lines.utf8) + Data(#"{"id": ""#.utf8) + [0xFF, 0x22, 0x7D, 0x0A] + Data(#"{"id": 5"#.utf8)
        try bytes.write(to: URL(filePath: project.folder.path("a.jsonl")))
        try project.write("b.json", #"[{"id": 1}, {"id": 2, "x": 1}, 5]"#)
        try project.write(
            "p.yaml",
            """
            version: 1
            name: p
            datasets:
              a: {path: a.jsonl, schema: s.json}
              b: {path: b.json, schema: s.json}
              a_good: {path: a_good.jsonl}
              b_good: {path: b_good.csv}
            stages:
              a: {type: validate, input: a, output: a_good}
              b: {type: validate, input: b, output: b_good}
            """)
        let answer = try await project.caudal("run", "p.yaml", "--plain")
        #expect(answer.exit == .exited(0), "\(answer)")
        #expect(answer.output.contains("6 in, 2 out, 4 quarantined"), "\(answer)")
        #expect(
            try project.read("a_good.jsonl")
                == #"{"id":1,"at":"2026-11-23T06:00:00Z","more":null}\#n{"id":4,"at":null,"more":"{\"a\":1}"}\#n"#)
        let bad = try project.read("data/quarantine/a.csv").split(separator: "\n")
        #expect(bad.count == 5 && bad[3].hasPrefix("a.jsonl,5,,,malformed line: no json,,"), "\(bad)")
        #expect(bad[4] == #"a.jsonl,6,,,malformed line: no json,,"{""id"": 5""#, "\(bad)")
        #expect(answer.output.contains("3 in, 2 out, 1 quarantined"), "\(answer)")
        #expect(try project.read("b_good.csv") == "id,x,at\n1,,\n2,1,\n")
    }

    private func project(_ rows: String) throws -> CaudalProject {
        let project = try CaudalProject(copying: [])
        try project.write("s.json", #"{"properties": {"id": {}, "Name": {}}, "additionalProperties": false}"#)
        try project.write("in.jsonl", rows)
        try project.write(
            "p.yaml",
            """
            version: 1
            name: p
            datasets: {in: {path: in.jsonl, schema: s.json}, o: {path: o.csv}, good: {path: good.csv}}
            stages:
              t: {type: process, input: in, output: o}
              v: {type: validate, input: in, output: good}
            """)
        return project
    }

    @Test(
        "Keys that differ in case alone are refused with both names, and a schema may leave one out",
        arguments: [
            #"{"id":1,"Name":"a"}\#n{"id":2,"name":"b"}\#n"#,
            #"{"id":1,"Name":"a"}\#n{"id":2,"Name":"b","name":"c"}\#n"#,
        ])
    func alikeKeys(_ rows: String) async throws {
        let project = try project(rows)
        let run = try await project.caudal("run", "p.yaml", "--plain")
        #expect(
            run.output.contains("p.yaml:3:23: the keys 'Name' and 'name' of in.jsonl differ in case alone"), "\(run)")
        #expect(try project.read("good.csv") == "id,Name\n1,a\n")
    }

    @Test(
        "Objects whose keys differ in case alone keep all of their values, as texts",
        arguments: [
            (#"{"id":1,"o":{"A":1,"a":2}}\#n"#, #"id,o\#n1,"{""A"":1,""a"":2}"\#n"#),
            (#"{"id":1,"o":{"A":1}}\#n{"id":2,"o":{"a":2}}\#n"#, #"id,o\#n1,"{""A"":1}"\#n2,"{""a"":2}"\#n"#),
            (
                #"{"id":1,"l":[{"x":[{"K":1}]},{"x":[{"k":2}]}]}\#n"#,
                #"id,l\#n1,"[{""x"":[{""K"":1}]},{""x"":[{""k"":2}]}]"\#n"#
            ),
            (#"{"id":1,"É":{"B":1},"é":{"b":2}}\#n"#, "id,É,é\n1,{'B': 1},{'b': 2}\n"),
        ])
    func alikeKeysInside(_ rows: String, _ expected: String) async throws {
        let project = try project(rows)
        let run = try await project.caudal("run", "p.yaml", "--plain", "--select", "t")
        #expect(run.exit == .exited(0), "\(run)")
        #expect(try project.read("o.csv") == expected)
    }

    @Test(
        "A whole number that numbers of 64 bits do not hold keeps its digits, also inside of lists and objects",
        arguments: [
            #"{"o":{"b":2.5}}\#n{"o":{"b":9007199254740993}}\#n"#, #"{"o":[9007199254740993]}\#n{"o":[0.5]}\#n"#,
            #"{"o":[{"a b":{"c":[9007199254740993,0.5]}}]}\#n"#, #"{"o":{"e":18446744073709551616}}\#n"#,
            #"{"o":{"e":18446744073709551615}}\#n{"o":{"e":-1}}\#n"#, #"{"o":18446744073709551615}\#n{"o":-1}\#n"#,
            #"{"o":{"q\"r":9007199254740993,"s":0.5}}\#n{"o":{"q\"r":0.5,"s":0.5}}\#n"#,
        ])
    func exactNumbers(rows: String) async throws {
        let project = try project(rows)
        let run = try await project.caudal("run", "p.yaml", "--plain", "--select", "t")
        #expect(run.status == 0 && "\(run)".contains("numbers of 64 bits do not hold"), "\(run)")
        let wanted = rows.split(separator: "\n").map { $0.dropFirst(#"{"o":"#.count).dropLast() }
        #expect(
            try await project.query("select o from read_csv('o.csv', all_varchar = true)") == wanted.map(String.init))
    }

    @Test(
        "A line that is no object is put aside, and the types of the others are as without it",
        arguments: [("", 0), ("[1,2]\n", 1), ("5\n", 1), ("nope\n", 1), (#"{"id":3,"# + "\n" + #""n":"x"}"# + "\n", 2)])
    func linesThatAreNone(line: String, count: Int) async throws {
        let project = try project(
            #"{"id":1,"n":10,"ok":true,"x":1.5}"# + "\n" + line + #"{"id":2,"n":-9,"ok":false,"x":2}"# + "\n")
        try project.write("s.json", #"{"properties": {"id": {"type": "integer"}}}"#)
        try project.write(
            "p.yaml",
            """
            version: 1
            name: p
            datasets: {in: {path: in.jsonl, schema: s.json}, good: {path: good.jsonl}}
            stages: {v: {type: validate, input: in, output: good, quarantine: bad.csv, max_invalid: 100%}}
            """)
        let run = try await project.caudal("run", "p.yaml", "--plain")
        #expect(run.status == 0, "\(run)")
        #expect(
            try project.read("good.jsonl") == #"{"id":1,"n":10,"ok":true,"x":1.5}"# + "\n"
                + #"{"id":2,"n":-9,"ok":false,"x":2.0}"# + "\n")
        #expect(count == 0 || run.output.contains("\(count) quarantined"), "\(run)")
    }

    @Test(
        "Whole numbers below zero beside others are whole numbers, also inside of lists and objects",
        arguments: [
            ("-1", "10"), ("10", "-1"), ("0", "-9223372036854775808"), ("9223372036854775807", "-1"),
            ("9007199254740993", "-9007199254740993"),
        ])
    func signedNumbers(first: String, second: String) async throws {
        let project = try project(#"{"o":\#(first),"l":[\#(first),\#(second)]}\#n{"o":\#(second),"l":[0]}\#n"#)
        let run = try await project.caudal("run", "p.yaml", "--plain", "--select", "t")
        #expect(run.status == 0 && !"\(run)".contains("do not hold"), "\(run)")
        #expect(
            try await project.query("select o, l from read_csv('o.csv', all_varchar = true)") == [
                "\(first)|[\(first), \(second)]", "\(second)|[0]",
            ])
    }

    @Test("What looks like a UUID inside of lists and objects stays the text that it is")
    func identifiersInside() async throws {
        let project = try project(
            #"{"o":{"u":"A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11"},"h":["d41d8cd98f00b204e9800998ecf8427e"]}"# + "\n")
        try project.write(
            "p.yaml",
            """
            version: 1
            name: p
            datasets: {in: {path: in.jsonl}, o: {path: o.jsonl}}
            stages: {t: {type: process, input: in, output: o}}
            """)
        let run = try await project.caudal("run", "p.yaml", "--plain")
        #expect(run.status == 0, "\(run)")
        #expect(try project.read("o.jsonl") == project.read("in.jsonl"))
    }

    @Test("Objects whose whole numbers are held stay objects, also beside floating point")
    func heldNumbers() async throws {
        let project = try project(#"{"o":{"id":9007199254740993,"p":0.5,"l":[1.5,3]}}\#n"#)
        let run = try await project.caudal("run", "p.yaml", "--plain", "--select", "t")
        #expect(run.status == 0 && !"\(run)".contains("do not hold"), "\(run)")
        #expect(
            try await project.query("select o from read_csv('o.csv', all_varchar = true)") == [
                "{'id': 9007199254740993, 'p': 0.5, 'l': [1.5, 3.0]}"
            ])
    }

    @Test(
        "Rules for numbers go by their digits",
        arguments: [
            (
                #"{"type": "number", "multipleOf": 0.01}"#, ["1.14", "1.39", "7.81", "119000.19", "1e-2"],
                ["1.001", "1e-11"]
            ),
            (#"{"type": "integer", "multipleOf": 3}"#, ["9007199254740993"], ["9007199254740994"]),
            (#"{"type": "integer", "maximum": 9007199254740992}"#, ["9007199254740992", "1"], ["9007199254740993"]),
            (#"{"type": "integer", "const": 9007199254740992}"#, ["9007199254740992"], ["9007199254740993", "5"]),
            (#"{"type": ["integer", "string"]}"#, ["9007199254740993", "5", "\"a\""], ["1.5"]),
            (
                #"{"type": "number"}"#, ["1.5", "1180591620717411303424", "1e30"],
                [
                    "18446744073709551615", "123456789012345678901234567890", "-12353337739668188574",
                    String(repeating: "9", count: 60),
                ]
            ),
            (#"{"enum": ["x\r\ny", "'\u0301"]}"#, [#""x\r\ny""#, #""'\u0301""#], [#""x\ny""#, #""'""#]),
            (#"{"type": "number", "maximum": 1e16}"#, ["1e15", "-1e300"], ["1e300", "1e17"]),
        ])
    func rulesOfNumbers(rules: String, good: [String], bad: [String]) async throws {
        let project = try project("")
        try project.write("s.json", #"{"properties": {"v": \#(rules), "id": {"type": "integer"}}}"#)
        let lines = (good + bad).enumerated().map { #"{"id":\#($0.offset),"v":\#($0.element)}"# }
        try project.write("in.jsonl", lines.joined(separator: "\n") + "\n")
        let run = try await project.caudal("run", "p.yaml", "--plain", "--select", "v")
        #expect(run.status == 0, "\(run)")
        #expect(try await project.query("select id from 'good.csv'") == good.indices.map(String.init), "\(run)")
    }

    @Test("A whole number that floating point does not hold is put aside where the schema asks for numbers")
    func largeNumbers() async throws {
        let project = try CaudalProject(copying: [])
        try project.write("s.json", #"{"properties": {"n": {"type": "number"}}}"#)
        try project.write("a.jsonl", "{\"n\":9007199254740993}\n{\"n\":0.5}\n{\"n\":9007199254740994}\n")
        try project.write(
            "p.yaml",
            """
            version: 1
            name: p
            datasets: {a: {path: a.jsonl, schema: s.json}, o: {path: o.csv}}
            stages: {v: {type: validate, input: a, output: o, quarantine: q.csv}}
            """)
        let run = try await project.caudal("run", "p.yaml", "--plain")
        #expect(run.exit == .exited(0) && run.output.contains("3 in, 2 out, 1 quarantined"), "\(run)")
        #expect(try project.read("o.csv") == "n\n0.5\n9007199254740994.0\n")
        #expect(try project.read("q.csv").contains("9007199254740993"))
    }

    @Test(
        "A text that is much like a date or a time stays as it is",
        arguments: [
            ["1-2-3", "10-11-12"], ["2026-01-01", "epoch"], ["2026-01-01", "2026-1-2"], ["01-02-2026", "13-02-2026"],
            [" 2026-01-01"], ["2026-01-01T10:00:00", "epoch"], ["2026-01-01T10:00:00", "infinity"], ["12026-01-01"],
        ])
    func looseTimes(texts: [String]) async throws {
        let project = try project(texts.map { "{\"t\":\"\($0)\"}\n" }.joined())
        let run = try await project.caudal("run", "p.yaml", "--plain", "--select", "t")
        #expect(run.exit == .exited(0), "\(run)")
        #expect(try project.read("o.csv") == "t\n" + texts.map { $0 + "\n" }.joined())
    }

    @Test(
        "A value that is no object is no row, also where objects have one key",
        arguments: [
            (#"{"id":1}\#n{"id":2}\#n5\#n"#, "UBIGINT"), (#"{"id":1}\#n[{"id":2}]\#n{"id":2}\#n"#, "ARRAY"),
            (#"{"id":1}\#n"x"\#n{"id":2}\#n"#, "VARCHAR"),
        ])
    func noObjectOfOneKey(rows: String, type: String) async throws {
        let project = try project(rows)
        let run = try await project.caudal("run", "p.yaml", "--plain")
        #expect(run.exit == .exited(1) && run.output.contains("Expected OBJECT, but got \(type)"), "\(run)")
        #expect(run.output.contains("3 in, 2 out, 1 quarantined"), "\(run)")
        #expect(try project.read("good.csv") == "id,Name\n1,\n2,\n")
    }

    @Test(
        "A file without columns is refused in words",
        arguments: [
            ("{\"a\":1}\r{\"a\":2}\r", "has no JSON object with a key"),
            ("{\"a\":\"\\ud83c\"}\n", "has no JSON object with a key"),
            ("{}\n", "has no JSON object with a key"), ("{\"\":1}\n", "has a key without a name"),
        ])
    func noObjects(rows: String, words: String) async throws {
        let project = try project(rows)
        let run = try await project.caudal("run", "p.yaml", "--plain", "--select", "t")
        #expect(run.exit != .exited(0) && "\(run)".contains(words), "\(run)")
    }

    @Test(
        "A row that is null is no row without values: a validate stage puts it aside, and others refuse it",
        arguments: ["{\"id\": 1}\nnull\n", "null\n{\"id\": 1, \"Name\": \"x\"}\n"])
    func nulls(rows: String) async throws {
        let project = try project(rows)
        let run = try await project.caudal("run", "p.yaml", "--plain", "--select", "t")
        #expect(run.status != 0 && "\(run)".contains("has 1 row with null in place of an object"), "\(run)")
        let validated = try await project.caudal("run", "p.yaml", "--plain", "--select", "v")
        #expect(validated.status == 0 && validated.output.contains("2 in, 1 out, 1 quarantined"), "\(validated)")
    }

    @Test("JSON that is no lines is read whole or not at all, and the message says where it breaks")
    func malformed() async throws {
        let project = try CaudalProject(copying: [])
        try project.write("s.json", schema)
        try project.write("a.json", #"[{"id": 1}, {"id": 2]"#)
        try project.write(
            "p.yaml",
            """
            version: 1
            name: p
            datasets: {a: {path: a.json, schema: s.json}, good: {path: good.csv}}
            stages: {a: {type: validate, input: a, output: good}}
            """)
        let answer = try await project.caudal("run", "p.yaml", "--plain")
        #expect(answer.exit == .exited(1), "\(answer)")
        #expect(answer.output.contains("Malformed JSON in file") && answer.output.contains("a.json"), "\(answer)")
    }
}
