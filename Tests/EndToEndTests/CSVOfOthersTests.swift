import CaudalModel
import CSystem
@testable import Engine
import Foundation
import Synchronization
import TestSupport
import Testing

/// CSV files as other systems write them: every row is read or put aside, and what cannot be read is refused.
@Suite("CSV of others", .timeLimit(.minutes(15)), .enabled(if: Checkout.runsDuckDBTests))
struct CSVOfOthersTests {
    /// A run that validates a file into `good.csv` and counts its rows with SQL into `n.csv`.
    private func run(
        _ text: Data, csv: String = "{}", schema: String = "{}", file: String = "in.csv"
    ) async throws -> (project: CaudalProject, run: CaudalProject.Answer) {
        let project = try CaudalProject(copying: [])
        try text.write(to: URL(filePath: project.folder.path(file)))
        try project.write("s.json", schema)
        try project.write(
            "p.yaml",
            """
            version: 1
            name: p
            datasets:
              raw: {path: \(file), schema: s.json, csv: \(csv)}
              good: {path: good.csv}
              n: {path: n.csv}
            stages:
              take: {type: validate, input: raw, output: good, quarantine: q.csv}
              count: {type: sql, output: n, query: select count(*) as n from raw, allow_failure: true}
            """)
        return (project, try await project.caudal("run", "p.yaml", "--plain"))
    }

    private func run(
        _ text: String, csv: String = "{}", schema: String = "{}"
    ) async throws -> (project: CaudalProject, run: CaudalProject.Answer) {
        try await run(Data(text.utf8), csv: csv, schema: schema)
    }

    // MARK: - Headers

    @Test(
        "A header that breaks the rules of the rows is refused, and the file is never without rows",
        arguments: [
            ("id,\"name,qty\n1,a,2\n2,b,3\n", "a quotation mark in line 1 is never closed"),
            ("id,name,\"qty\n1,a,2\n", "a quotation mark in line 1 is never closed"),
            ("\"id\"x,name\n1,a\n", "text stands behind a closing quotation mark in line 1"),
            ("\"id\",\"na\\\"me\"\n1,a\n", "text stands behind a closing quotation mark in line 1"),
            ("id;\"na\"me\n1;a\n", "text stands behind a closing quotation mark in line 1"),
            ("{\"a\": 1, \"b\": 2}\n{\"a\": 3, \"b\": 4}\n", "text stands behind a closing quotation mark in line 1"),
            ("sep=;\nid;x\n1;a\n", "line 1 of in.csv is no header: it says 'sep=;', as Excel does"),
            ("\nid,x\n1,a\n", "the first line of in.csv is blank"),
        ])
    func brokenHeaders(_ text: String, _ message: String) async throws {
        let (project, run) = try await run(text)
        #expect(run.exit == .exited(1))
        #expect(run.output.contains(message), "\(run)")
        #expect(!project.exists("good.csv"))
        let profile = try await project.caudal("profile", "in.csv")
        #expect(profile.exit == .exited(1) && profile.errors.contains(message), "\(profile)")
    }

    @Test(
        "A header that is unusual is read with all of its rows",
        arguments: [
            ("\"id\" , \"name\"\n1,a\n2,b\n", "id,name\n1,a\n2,b\n"),
            // A quotation mark behind a blank encloses nothing, in the header as in the rows.
            ("id, \"na,me\"\n1, \"a,b\"\n2,c,d\n", "id,\" \"\"na\",\"me\"\"\"\n1,\" \"\"a\",\"b\"\"\"\n2,c,d\n"),
            ("id, \"na\"\"me\" \n1,a\n2,b\n", "id,\"na\"\"me\"\n1,a\n2,b\n"),
            ("id,height 5\"\n1,a\n2,b\n", "id,\"height 5\"\"\"\n1,a\n2,b\n"),
            // Of the line end within the name a reader could take all lines to end so.
            ("\"a\nz\",b\r\n1,2\r\n3,4\r\n", "\"a\nz\",b\n1,2\n3,4\n"),
            (",x\n0,a\n1,b\n", "column_1,x\n0,a\n1,b\n"),
            ("name,x,name,NAME\na,1,b,c\n", "name,x,name_2,NAME_3\na,1,b,c\n"),
            ("column_2,\n1,2\n", "column_2,column_2_2\n1,2\n"),
            ("id,x,\n1,a,\n2,b,\n", "id,x,column_3\n1,a,\n2,b,\n"),
        ])
    func unusualHeaders(_ text: String, _ expected: String) async throws {
        let (project, run) = try await run(text)
        #expect(run.exit == .exited(0), "\(run)")
        #expect(try project.read("good.csv") == expected)
        #expect(try project.read("n.csv") == "n\n\(text.filter(\.isNewline).count - (text.contains("\nz") ? 2 : 1))\n")
    }

    @Test("A column that is named for its place is told in the log")
    func namedColumns() async throws {
        let (project, _) = try await run(",x,x\n0,a,b\n")
        let log = try await project.caudal("logs", "--level", "warning").output
        #expect(log.contains("in.csv: column 1 has no name and is called 'column_1'"), "\(log)")
        #expect(log.contains("there is another column 'x': column 3 is called 'x_2'"), "\(log)")
    }

    @Test(
        "Lines before the header, comments and names of one's own are said in the pipeline file",
        arguments: [
            ("Report \"of\nNovember\n\nid,x\n1,a\n", "{skip: 3}", "id,x\n1,a\n"),
            ("sep=;\nid;x\n1;a\n", "{skip: 1}", "id,x\n1,a\n"),
            ("% by\nid,x\n%1,b\n1,a%\n\"2\n%\",c\n", "{comment: \"%\"}", "id,x\n1,a%\n\"2\n%\",c\n"),
            ("t\nid,x\n1,a\n", "{skip: 1, columns: [n, y]}", "n,y\n1,a\n"),
            ("t\n1,a\n", "{skip: 1, header: false, columns: [n, y]}", "n,y\n1,a\n"),
            ("\n\n1,a\n", "{header: false, columns: [n, y]}", "n,y\n1,a\n"),
            ("t\nu\n\n1,a\n", "{skip: 2, header: false, columns: [n, y]}", "n,y\n1,a\n"),
            ("0,\"l1\r\nl2\"\n1,b\n", "{header: false, columns: [n, y]}", "n,y\n0,\"l1\r\nl2\"\n1,b\n"),
            ("0,\"l1\nl2\"\r\n1,b\r\n", "{header: false, columns: [n, y]}", "n,y\n0,\"l1\nl2\"\n1,b\n"),
            ("0,\"l1\rl2\"\n1,b\n", "{header: false, columns: [n, y]}", "n,y\n0,\"l1\rl2\"\n1,b\n"),
            ("t\nx\n1\n# c\n2\n", "{skip: 1, comment: \"#\"}", "x\n1\n2\n"),
        ])
    func keys(_ text: String, _ csv: String, _ expected: String) async throws {
        let (project, run) = try await run(text, csv: csv)
        #expect(run.exit == .exited(0), "\(run)")
        #expect(try project.read("good.csv") == expected)
    }

    @Test("Rows keep their numbers behind lines that are left out")
    func numbers() async throws {
        let (project, run) = try await run(
            "title\n\nid,x\n# c\n1,a\n2\n\"3\n3\",c\n4,d,e\n", csv: "{skip: 2, comment: \"#\"}")
        #expect(run.output.contains("4 in, 2 out, 2 quarantined"), "\(run)")
        let aside = try project.read("q.csv").split(separator: "\n").dropFirst().map {
            $0.split(separator: ",").prefix(3)
        }
        #expect(aside.map { $0.joined(separator: " ") } == ["in.csv 2 6", "in.csv 4 9"])
    }

    @Test("As many names as the file has columns are needed")
    func tooFewNames() async throws {
        let run = try await run("a,b\n1,2\n", csv: "{columns: [n]}").run
        #expect(run.output.contains("in.csv has 2 columns, and 'columns' names 1"), "\(run)")
    }

    @Test(
        "Several texts can stand for no value",
        arguments: [
            ("NA", [nil, nil, "n/a", "7", "NA"]), ("[\"\", NA, n/a]", [nil, nil, nil, "7", "NA"]),
            ("[NA, n/a]", [nil, "", nil, "7", "NA"]), ("\"\"", ["NA", nil, "n/a", "7", "NA"]),
        ] as [(String, [String?])])
    func nulls(_ null: String, _ expected: [String?]) async throws {
        let (project, run) = try await run("id,x\n1,NA\n2,\n3,n/a\n4,7\n5,\"NA\"\n", csv: "{null: \(null)}")
        #expect(run.exit == .exited(0), "\(run)")
        let rows = try await project.query(
            "SELECT coalesce('[' || x || ']', 'nothing') FROM read_csv('good.csv', all_varchar = true, allow_quoted_nulls = false) ORDER BY id"
        )
        #expect(rows == expected.map { $0.map { "[\($0)]" } ?? "nothing" })
    }

    // MARK: - Line ends

    @Test(
        "Every usual line end ends a line, in any mixture",
        arguments: [
            "id,x\r\n1,a\r\n2,b\n3,c\r\n", "id,x\n1,a\n2,b\r\n3,c\n", "id,x\r\n1,\"a\"\n2,\"b\"\r\n3,\"c\"\r\n",
            "id,x\n1,a\r2,b\r\n3,c", "id,x\r1,a\n2,b\r3,c\r", "id,x\r\n1,a\n2,b\n3,c\n", "id,x\n1,a\n2,b\n3,\"c\"\r\n",
        ])
    func mixedLineEnds(_ text: String) async throws {
        let (project, run) = try await run(text)
        #expect(run.output.contains("3 in, 3 out"), "\(run)")
        #expect(try project.read("good.csv") == "id,x\n1,a\n2,b\n3,c\n")
        #expect(try project.read("n.csv") == "n\n3\n")
    }

    @Test("Line ends within values stay what they are")
    func lineEndsInValues() async throws {
        let (project, run) = try await run("id,x\r\n1,\"a\nb\"\r\n2,\"c\r\nd\"\n3,\"e\rf\"\r\n")
        #expect(run.output.contains("3 in, 3 out"), "\(run)")
        #expect(try project.read("good.csv") == "id,x\n1,\"a\nb\"\n2,\"c\r\nd\"\n3,\"e\rf\"\n")
    }

    @Test("In a file of mixed line ends, bad rows have their lines")
    func badRowsAmongMixedEnds() async throws {
        let (project, run) = try await run(
            "id,x\r\n1,a\n\"2\n2\",b\r\n-3,c\n4\r\n5,e\n",
            schema: #"{"properties": {"id": {"type": "string", "pattern": "^[^-]*$"}}}"#)
        #expect(run.output.contains("5 in, 3 out, 2 quarantined"), "\(run)")
        let aside = try project.read("q.csv").split(separator: "\n").dropFirst().map {
            $0.split(separator: ",").prefix(3)
        }
        #expect(aside.map { $0.joined(separator: " ") } == ["in.csv 3 5", "in.csv 4 6"])
    }

    @Test("A packed file is read as the file in it")
    func packed() async throws {
        let project = try CaudalProject(copying: [])
        try project.write("in.csv", "t\nid,x\r\n1,a\n2,b\r\n")
        #expect(try await project.run("/usr/bin/gzip", ["in.csv"]).exit == .exited(0))
        try project.write(
            "p.yaml",
            """
            version: 1
            name: p
            datasets: {raw: {path: in.csv.gz, csv: {skip: 1}}, o: {path: o.csv}}
            stages: {t: {type: process, input: raw, output: o}}
            """)
        let run = try await project.caudal("run", "p.yaml", "--plain")
        #expect(run.exit == .exited(0), "\(run)")
        #expect(try project.read("o.csv") == "id,x\n1,a\n2,b\n")
    }

    // MARK: - Bytes

    @Test("A line that is not UTF-8 is put aside with its number, and the others go on")
    func badByte() async throws {
        var text = Data("id,x\n1,a\n\n2,b\n3,caf".utf8)
        text.append(0xE9)
        text.append(Data("\n-4,d\n5,e\n".utf8))
        let (project, run) = try await run(text, schema: #"{"properties": {"id": {"type": "integer", "minimum": 0}}}"#)
        #expect(run.output.contains("5 in, 3 out, 2 quarantined"), "\(run)")
        #expect(try project.read("good.csv") == "id,x\n1,a\n2,b\n5,e\n")
        let aside = try project.read("q.csv").split(separator: "\n").dropFirst().map {
            $0.split(separator: ",").prefix(3)
        }
        #expect(aside.map { $0.joined(separator: " ") } == ["in.csv 3 5", "in.csv 4 6"])
        let profile = try await project.caudal("profile", "in.csv")
        #expect(profile.output.contains("1 malformed line skipped"), "\(profile)")
    }

    @Test("UTF-16 is read in both byte orders", arguments: [true, false])
    func utf16(isBigEndian: Bool) async throws {
        let mark: [UInt8] = isBigEndian ? [0xFE, 0xFF] : [0xFF, 0xFE]
        let text = "id,x\n1,é\n2,𝛑\n".data(using: isBigEndian ? .utf16BigEndian : .utf16LittleEndian) ?? Data()
        let (project, run) = try await run(Data(mark) + text)
        #expect(run.output.contains("2 in, 2 out"), "\(run)")
        #expect(try project.read("good.csv") == "id,x\n1,é\n2,𝛑\n")
    }

    @Test("A run whose rows are all put aside fails, unless the file says otherwise")
    func nothingLeft() async throws {
        let run = try await run("Report\nid,x\n1,a\n2,b\n").run
        #expect(run.exit == .exited(1))
        #expect(run.output.contains("3 of 3 rows are invalid (100%)"), "\(run)")
    }

    // MARK: - Copies

    @Test("Whatever the pieces it comes in, a plain copy is the same")
    func pieces() {
        let text = Array("T\r\na,\"b\r\nc\"\r\n1,\"x\n\"\"y\"\r2,z\n\r\n#c\n3,w".utf8)
        func copy(_ size: Int) -> [String] {
            let (bytes, lines) = (Copied(), Copied())
            var rules = PlainCSV.Rules(CSVDialect(), columns: 2)
            (rules.skip, rules.comment, rules.header) = (1, UInt8(ascii: "#"), Array("c1,c2".utf8))
            var plain = PlainCSV(rules) {
                bytes.add($0)
            } writeLines: {
                lines.add($0)
            }
            for start in stride(from: 0, to: text.count, by: size) {
                text[start..<min(start + size, text.count)].withUnsafeBytes { plain.take($0) }
            }
            plain.finish()
            return [bytes.text, lines.text]
        }
        let whole = copy(text.count)
        #expect(whole == ["c1,c2\n1,\"x\n\"\"y\"\n2,z\n3,w\n", "1,4\n2,6\n3,9\n"])
        for size in 1..<text.count { #expect(copy(size) == whole) }
    }

    /// Whether there is anything unusual in a text that comes in pieces of a size.
    private func isOdd(_ text: String, _ size: Int) -> Bool {
        var seen = cs_oddities()
        (seen.delimiter, seen.quote, seen.escape) = (0x2C, 0x22, 0x22)
        let bytes = Array(text.utf8)
        for start in stride(from: 0, to: bytes.count, by: size) {
            bytes[start..<min(start + size, bytes.count)].withUnsafeBytes {
                cs_find_oddities($0.baseAddress, $0.count, &seen)
            }
        }
        return seen.has_odd_quote + seen.has_other_lines + seen.is_open > 0
    }

    @Test("A blank line is found among many lines, wherever it stands", arguments: ["\n", "\r\n"])
    func farBlankLine(end: String) {
        for header in 1...3 {
            let before = String(repeating: "x", count: header) + end
            for count in [1, 1364, 1365, 1366, 2730] {
                let lines = String(repeating: "ab" + end, count: count)
                for size in [4096, 5000, 1 << 20] {
                    #expect(!isOdd(before + lines + lines, size))
                    #expect(isOdd(before + lines + end + lines, size), "\(header) \(count) \(size)")
                    #expect(isOdd(before + lines + "a,\"b\(end)\"\(end)" + lines, size), "\(header) \(count) \(size)")
                }
            }
        }
    }

    @Test("Whatever the pieces it comes in, what is unusual in a file is found")
    func oddPieces() {
        for text in ["a,b\r\n\"x\",\"\"\"y\"\"\"\r\n1,2\r\n\r\n", "\"a\",b\n\"\",\"1\"", "a\n1\n\n\n", ""] {
            for size in 1...16 { #expect(!isOdd(text, size), "\(text) \(size)") }
        }
        for text in [
            "a,b\n1, \"x\"\n", "a\n\n1\n", "a\r\n\r\n1\r\n", "a,b\n\"x\" ,1\n", "a\n\"x\ny\"\n", "a\n\"x",
            "a\n\"x\"y\n",
        ] {
            for size in 1...16 { #expect(isOdd(text, size), "\(text) \(size)") }
        }
    }

    private final class Copied: Sendable {
        private let bytes = Mutex<[UInt8]>([])
        func add(_ more: [UInt8]) { bytes.withLock { $0 += more } }
        var text: String { bytes.withLock { String(decoding: $0, as: UTF8.self) } }
    }
}
