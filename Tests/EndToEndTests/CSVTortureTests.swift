import CaudalModel
import Engine
import Foundation
import TestSupport
import Testing

@Suite("CSV of every kind gives the right rows or a clear error, and nothing is lost", .timeLimit(.minutes(15)))
struct CSVTortureTests {
    /// Validates a file against a schema that allows everything, or fails.
    private func validate(
        _ project: CaudalProject, file: String = "in.csv", csv: String = "{}", schema: String = "{}"
    ) async throws -> CaudalProject.Answer {
        try project.write("s.json", schema)
        try project.write(
            "p.yaml",
            """
            version: 1
            name: p
            datasets:
              raw: {path: "\(file)", schema: s.json, csv: \(csv)}
              good: {path: good.csv}
            stages:
              take: {type: validate, input: raw, output: good}
            """)
        return try await project.caudal("run", "p.yaml", "--plain")
    }

    private func project(_ bytes: Data, as file: String = "in.csv") throws -> CaudalProject {
        let project = try CaudalProject(copying: [])
        try bytes.write(to: URL(filePath: project.folder.path(file)))
        return project
    }

    private static func bytes(_ text: String, _ encoding: String.Encoding = .utf8) -> Data {
        text.data(using: encoding) ?? Data()
    }

    @Test(
        "What can be read is read as it is",
        arguments: [
            ("quotes", bytes("a,b\n\"x, y\",\"say \"\"hi\"\"\"\n"), "{}", "a,b\n\"x, y\",\"say \"\"hi\"\"\"\n"),
            ("line breaks in values", bytes("a,b\n1,\"x\ny\"\n"), "{}", "a,b\n1,\"x\ny\"\n"),
            ("CRLF", bytes("a,b\r\n1,2\r\n3,\"x\r\ny\"\r\n"), "{}", "a,b\n1,2\n3,\"x\r\ny\"\n"),
            ("CR alone", bytes("a,b\r1,2\r3,4\r"), "{}", "a,b\n1,2\n3,4\n"),
            ("a byte order mark", Data([0xEF, 0xBB, 0xBF]) + bytes("\"a\",b\n1,2\n"), "{}", "a,b\n1,2\n"),
            (
                "UTF-16 with its mark", Data([0xFF, 0xFE]) + bytes("a,b\n1,é\n", .utf16LittleEndian), "{}",
                "a,b\n1,é\n"
            ),
            ("UTF-16 as stated", bytes("a,b\n1,é\n", .utf16LittleEndian), "{encoding: utf-16}", "a,b\n1,é\n"),
            ("Latin-1 as stated", bytes("a,b\n1,é\n", .isoLatin1), "{encoding: latin-1}", "a,b\n1,é\n"),
            ("no line end at the end", bytes("a,b\n1,2\n3,4"), "{}", "a,b\n1,2\n3,4\n"),
            ("a header only", bytes("a,b\n"), "{}", "a,b\n"), ("half a header only", bytes("a,b"), "{}", "a,b\n"),
            ("a NUL byte", bytes("a,b\n1,x\0y\n"), "{}", "a,b\n1,x\0y\n"),
            ("a line break in a name", bytes("\"a\nx\",b\n1,2\n"), "{}", "\"a\nx\",b\n1,2\n"),
            (
                "names of the quarantine's own", bytes("row,file,raw,bad\n1,2,3,4\n"), "{}",
                "row,file,raw,bad\n1,2,3,4\n"
            ),
            ("an empty row of one column", bytes("a\n1\n\n\"\"\n2\n"), "{}", "a\n1\n\n2\n"),
        ] as [(String, Data, String, String)])
    func reads(what: String, bytes: Data, csv: String, expected: String) async throws {
        let project = try project(bytes)
        let answer = try await validate(project, csv: csv)
        #expect(answer.exit == .exited(0), "\(what): \(answer)")
        #expect(try project.read("good.csv") == expected, "\(what)")
    }

    @Test(
        "What cannot be read is said, with where and what to do",
        arguments: [
            ("an empty file", bytes(""), "{}", ["in.csv is empty"]),
            ("a blank first line", bytes("\na,b\n1,2\n"), "{}", ["the first line of in.csv is blank"]),
            ("a NUL in a name", bytes("a\0,b\n1,2\n"), "{}", ["column 1 holds a NUL"]),
            ("UTF-16 without a mark", bytes("a,b\n1,é\n", .utf16LittleEndian), "{}", ["is not UTF-8", "utf-16"]),
            (
                "Windows-1252", bytes("a,b\n1,“x”\n", .windowsCP1252), "{encoding: latin-1}",
                ["not latin-1 encoded", "iconv"]
            ),
            (
                "an unterminated quote", bytes("a,b\n1,2\n3,\"4\n5,6\n7,8\n"), "{}",
                ["a quotation mark opened in line 3 of in.csv is never closed", "p.yaml:4:"]
            ),
            (
                "an unterminated quote in a large file",
                bytes("a,b\n1,2\n3,\"4\n" + String(repeating: "5,6\n", count: 3_000_000)), "{}",
                ["a quotation mark opened in line 3 of in.csv is never closed"]
            ),
        ] as [(String, Data, String, [String])])
    func refuses(what: String, bytes: Data, csv: String, words: [String]) async throws {
        let project = try project(bytes)
        let answer = try await validate(project, csv: csv)
        // What needs no look into the file is told before the run.
        #expect(answer.exit == .exited(bytes.isEmpty ? 2 : 1), "\(what): \(answer)")
        for word in words { #expect((answer.output + answer.errors).contains(word), "\(what): \(answer)") }
        #expect(project.files(in: ".").filter { $0 == "good.csv" }.isEmpty, "\(what)")
    }

    @Test("A line that is not UTF-8 is put aside wherever it stands, and the remedy is named")
    func latin() async throws {
        let project = try project(
            Self.bytes("a,b\n" + String(repeating: "1,xxxxxxxx\n", count: 500_000)) + Self.bytes("2,é\n", .isoLatin1))
        let answer = try await validate(project)
        #expect(answer.output.contains("500,001 in, 500,000 out, 1 quarantined"), "\(answer)")
        #expect(
            try project.read("data/quarantine/raw.csv").contains(
                "in.csv,500001,500002,,malformed line: invalid encoding"))
        let log = try await project.caudal("logs").output
        #expect(
            log.contains("1 line quarantined for not being UTF-8") && log.contains("csv: {encoding: latin-1}"), "\(log)"
        )
    }

    @Test("Lines that are no rows are put aside as they stand, and rows read are rows written and put aside")
    func ragged() async throws {
        let project = try project(Self.bytes("a,b\n1\n1,2,3\n1,2\n7,\"8\"9\n,\n3,\"4"))
        let answer = try await validate(project)
        #expect(answer.output.contains("6 in, 2 out, 4 quarantined"), "\(answer)")
        #expect(try project.read("good.csv") == "a,b\n1,2\n,\n")
        let bad = try project.read("data/quarantine/raw.csv").split(separator: "\n").dropFirst()
        #expect(
            bad == [
                "in.csv,1,2,,malformed line: missing columns,,1",
                "in.csv,2,3,,malformed line: too many columns,,\"1,2,3\"",
                "in.csv,4,5,,malformed line: unquoted value,,\"7,\"\"8\"\"9\"",
                "in.csv,6,7,,malformed line: unquoted value,,\"3,\"\"4\"",
            ])
    }

    @Test("One file under two names is read as each of them says")
    func twoNames() async throws {
        let project = try project(Self.bytes("a;b,c\n1;2,3\n"))
        try project.write(
            "p.yaml",
            """
            version: 1
            name: p
            datasets:
              commas: {path: in.csv, csv: {delimiter: ","}}
              semicolons: {path: in.csv, csv: {delimiter: ";"}}
            stages:
              one: {type: check, input: commas, checks: [{schema: {"a;b": text, c: text}}]}
              other: {type: check, input: semicolons, checks: [{schema: {a: text, "b,c": text}}]}
            """)
        let answer = try await project.caudal("run", "p.yaml", "--plain")
        #expect(answer.exit == .exited(0), "\(answer)")
    }

    @Test("A value of 50 MB is read")
    func largeValue() async throws {
        let project = try project(
            Self.bytes("a,b\n1,\"") + Data(repeating: 0x78, count: 50_000_000) + Self.bytes("\"\n2,3\n"))
        let answer = try await validate(project)
        #expect(answer.output.contains("2 in, 2 out"), "\(answer)")
        #expect(FileText.size(project.folder.path("good.csv")) == 50_000_011)
    }

    @Test("Ten thousand columns are read")
    func wide() async throws {
        let header = (0..<10_000).map { "c\($0)" }.joined(separator: ",")
        let row = (0..<10_000).map(String.init).joined(separator: ",")
        let project = try project(Self.bytes(header + "\n" + row + "\n"))
        let answer = try await validate(project)
        #expect(answer.output.contains("1 in, 1 out"), "\(answer)")
        #expect(try project.read("good.csv") == header + "\n" + row + "\n")
    }

    @Test("What is no file is called what it is")
    func places() async throws {
        let project = try CaudalProject(copying: [])
        let files = FileManager.default
        try files.createDirectory(atPath: project.folder.path("folder.csv"), withIntermediateDirectories: true)
        try files.createSymbolicLink(atPath: project.folder.path("loop.csv"), withDestinationPath: "loop.csv")
        try project.write("secret.csv", "a\n1\n")
        try files.setAttributes([.posixPermissions: 0], ofItemAtPath: project.folder.path("secret.csv"))
        var expected = [
            "folder.csv": "is a folder", "loop.csv": "Too many levels of symbolic links", "none.csv": "is not there",
        ]
        // Root may read everything.
        if getuid() != 0 { expected["secret.csv"] = "may not be read" }
        for (file, words) in expected {
            let answer = try await validate(project, file: file)
            // What is seen before the run is refused with 2, what only its stage meets fails it.
            #expect([1, 2].contains(answer.status) && answer.description.contains(words), "\(answer)")
        }
    }

    @Test("A compressed file is read whole or not at all")
    func compressed() async throws {
        let project = try CaudalProject(copying: [])
        let text = (0..<5_000).map { "\($0),\($0 * 7919 % 5003)\n" }.joined()
        try project.write("plain.csv", "a,b\n" + text)
        let zip = try await project.run(
            "/bin/sh",
            [
                "-c",
                "gzip -c plain.csv > whole.csv.gz; head -c 9000 whole.csv.gz > cut.csv.gz; cp plain.csv none.csv.gz",
            ])
        #expect(zip.exit == .exited(0))
        let duckdb = try await project.run(
            Repository.path(".tools/duckdb/duckdb_cli/duckdb"),
            ["-c", "COPY (FROM read_csv('plain.csv')) TO 'whole.csv.zst' (FORMAT csv)"])
        #expect(duckdb.exit == .exited(0), "\(duckdb)")
        // DuckDB reads neither a window of 1 GB nor endings in capitals.
        let odd = try await project.run(
            "/bin/sh",
            [
                "-c",
                "zstd --long=30 -q -c < plain.csv > wide.csv.zst; cp whole.csv.zst CAPITALS.CSV.ZST; cp whole.csv.gz CAPITALS.CSV.GZ",
            ])
        #expect(odd.exit == .exited(0), "\(odd)")
        for file in ["wide.csv.zst", "CAPITALS.CSV.ZST", "CAPITALS.CSV.GZ"] {
            let whole = try await validate(project, file: file)
            #expect(whole.output.contains("5,000 in, 5,000 out"), "\(file): \(whole)")
        }
        let frames = try Data(contentsOf: URL(filePath: project.folder.path("whole.csv.zst")))
        try frames.dropLast(700).write(to: URL(filePath: project.folder.path("cut.csv.zst")))
        for ending in ["gz", "zst"] {
            let whole = try await validate(project, file: "whole.csv.\(ending)")
            #expect(whole.output.contains("5,000 in, 5,000 out"), "\(whole)")
            let cut = try await validate(project, file: "cut.csv.\(ending)")
            #expect(cut.exit == .exited(1) && cut.output.contains("cut.csv.\(ending) is no whole"), "\(cut)")
        }
        let none = try await validate(project, file: "none.csv.gz")
        #expect(none.output.contains("none.csv.gz is no whole gzip file: not in gzip format"), "\(none)")
    }
}
