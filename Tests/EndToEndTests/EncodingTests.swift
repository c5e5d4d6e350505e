import Foundation
import TestSupport
import Testing

@Suite("Files in other encodings than UTF-8", .timeLimit(.minutes(5)))
struct EncodingTests {
    private static let text = "id;name\n1;Größe – 5 €\n2;\"a\nb\"\n3;„Zitat“\n"

    private func project(_ encoding: String, _ bytes: Data, strict: Bool = false) throws -> CaudalProject {
        let project = try CaudalProject(copying: [])
        try project.folder.write("rows.csv", bytes)
        try project.write("schema.json", #"{"type": "object", "properties": {"id": {"type": "integer"}}}"#)
        try project.write(
            "p.yaml",
            """
            version: 1
            name: p
            datasets:
              rows: {path: rows.csv, schema: schema.json, csv: {encoding: \(encoding)}}
              got: {path: got.csv}
            stages:
              read: {type: validate, input: rows, output: got, quarantine: bad.csv}
            """)
        return project
    }

    @Test(
        "Text is the same whatever it is written in",
        arguments: [
            ("windows-1252", String.Encoding.windowsCP1252), ("windows-1250", .windowsCP1250), ("utf-16", .utf16),
        ])
    func read(name: String, encoding: String.Encoding) async throws {
        let project = try project(name, try #require(Self.text.data(using: encoding)))
        let ran = try await project.caudal("run", "p.yaml", "--plain")
        #expect(ran.status == 0, "\(ran)")
        #expect(try project.read("got.csv") == "id,name\n1,Größe – 5 €\n2,\"a\nb\"\n3,„Zitat“\n")
    }

    @Test("Characters of several bytes are read, also where they hold those of marks")
    func several() async throws {
        // Of the second character of the name, the second byte is a backslash; a large file comes in several pieces.
        let rows = 60_000
        var bytes = Data("id,name\n".utf8)
        for id in 1...rows { bytes += Data("\(id),".utf8) + Data([0x83, 0x5C, 0x95, 0x5C, 0x0A]) }
        let project = try project("shift_jis", bytes)
        let ran = try await project.caudal("run", "p.yaml", "--plain")
        #expect(ran.status == 0, "\(ran)")
        #expect(
            try await project.query("select count(*), min(name), max(name) from 'got.csv'") == ["\(rows)|ソ表|ソ表"])
    }

    @Test("A line that is not of the encoding is quarantined with its number, and the others are read")
    func invalid() async throws {
        let project = try project("windows-1252", Data("id;name\n1;a\n2;".utf8) + [0x81] + Data("\n3;c\n".utf8))
        let ran = try await project.caudal("run", "p.yaml", "--plain")
        #expect(ran.status == 0, "\(ran)")
        #expect(try project.read("got.csv") == "id,name\n1,a\n3,c\n")
        #expect(try project.read("bad.csv").contains("rows.csv,2,3,"))
        let log = try await project.caudal("logs").output
        #expect(log.contains("1 line quarantined for not being windows-1252") && !log.contains("UTF-8"), "\(log)")
        // A stage that puts nothing aside fails by it, and so does a header.
        let stages = try project.read("p.yaml").replacing(
            "type: validate, input: rows, output: got, quarantine: bad.csv",
            with: "type: process, input: rows, output: got")
        try project.write("p.yaml", stages)
        let failed = try await project.caudal("run", "p.yaml", "--plain")
        #expect(failed.status == 1 && "\(failed)".contains("rows.csv is not windows-1252"), "\(failed)")
        #expect(!"\(failed)".contains("UTF-8"), "\(failed)")
        try project.folder.write("rows.csv", Data("id;na".utf8) + [0x81] + Data("me\n1;a\n".utf8))
        let header = try await project.caudal("run", "p.yaml", "--plain")
        #expect(header.status != 0 && "\(header)".contains("line 1 is not windows-1252"), "\(header)")
    }

    @Test("An encoding that does not exist, or of a file that caudal writes, is refused at its place")
    func rules() async throws {
        let project = try project("windows-1259", Data(Self.text.utf8))
        let told = try await "\(project.caudal("validate", "p.yaml"))"
        #expect(told.contains("there is no encoding 'windows-1259'; did you mean 'windows-125"), "\(told)")
        try project.write(
            "p.yaml",
            project.read("p.yaml").replacing(", csv: {encoding: windows-1259}", with: "").replacing(
                "got.csv}", with: "got.csv, csv: {encoding: latin-1}}"))
        let written = try await "\(project.caudal("validate", "p.yaml"))"
        #expect(
            written.contains(
                "p.yaml:5:3: error: 'read' writes 'got', and 'encoding' is only for files that others write"),
            "\(written)")
    }
}
