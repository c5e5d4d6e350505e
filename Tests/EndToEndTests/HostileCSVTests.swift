import Engine
import Foundation
import TestSupport
import Testing

/// Small CSV files of hostile characters, compared with a reading model: rows read and put aside are the rows of the file,
/// each with its number and its line, and values are the ones that the model reads.
@Suite("Hostile CSV", .timeLimit(.minutes(15)), .enabled(if: Checkout.runsDuckDBTests))
struct HostileCSVTests {
    @Test("Of files of any characters every row is read as it is or put aside", arguments: 1...6)
    func anyCharacters(seed: Int) async throws {
        var random = SplitMix64(seed: UInt64(seed))
        try await compare((0..<40).map { _ in HostileFile(using: &random) })
    }

    @Test("Quotation marks behind blanks, torn rows and blank lines are what they are")
    func knownOnes() async throws {
        try await compare([
            HostileFile(rows: "1, \"x\n3,4\n5,\"y\"\n"), HostileFile(rows: "1, \"x, y\"\n \"2\",3\n"),
            HostileFile(rows: "\"\"x,\"\n3,4\n\",5\n6,7\n"), HostileFile(rows: "|q|\"\"x|\"\n3|4\n", delimiter: "|"),
            HostileFile(rows: "\"a\"\"b\" ,c\n\"a\" x,c\n1,2\n"),
            HostileFile(rows: "\"a\r\nb\",7\n\n1,2\n7,\"\r\"\n3\n"),
            HostileFile(rows: "1,\"open\n2,3\n"), HostileFile(rows: "1\n\n\"\"\n\n7\n,\n \n", width: 1),
            HostileFile(rows: "\n\n1\n\n\"\"\nNA\n\"NA\"\n7\n", width: 1, null: "NA"),
            HostileFile(rows: "\n1\n\"\"\nNA\n", width: 1, null: "[NA]"),
            HostileFile(rows: "1,\"a\\\"b\"\n\"7\\\\\",2\n\"x\" ,\\\n", escape: "\\"),
        ])
    }

    // MARK: - The comparison

    private func compare(_ files: [HostileFile]) async throws {
        let project = try CaudalProject(copying: [])
        try project.write("s.json", #"{"properties": {"a": {"type": "string", "pattern": "^[^7]*$"}}}"#)
        var (datasets, stages) = ("", "")
        for (index, file) in files.enumerated() {
            try file.bytes.write(to: URL(filePath: project.folder.path("in\(index).csv")))
            datasets += "  r\(index): {path: in\(index).csv, schema: s.json, csv: \(file.dialect)}\n"
            datasets += "  g\(index): {path: g\(index).jsonl}\n  h\(index): {path: h\(index).jsonl}\n"
            stages += "  v\(index): {type: validate, input: r\(index), output: g\(index), quarantine: q\(index).csv, "
            stages += "max_invalid: 100%, allow_failure: true}\n"
            stages += "  p\(index): {type: process, input: r\(index), output: h\(index), allow_failure: true}\n"
        }
        try project.write("p.yaml", "version: 1\nname: p\ndatasets:\n\(datasets)stages:\n\(stages)")
        let run = try await project.caudal("run", "p.yaml", "--plain")
        for (index, file) in files.enumerated() {
            let rows = file.rows
            let told = Comment(
                rawValue: "\(String(decoding: file.bytes, as: UTF8.self).debugDescription) \(file.dialect)")
            // An empty value in quotation marks behind the last column may be taken either way.
            if rows.contains(where: { $0.fields.dropFirst(file.width).contains { $0.isQuoted && $0.text.isEmpty } }) {
                continue
            }
            if file.swallowsRows {
                #expect(!project.exists("g\(index).jsonl") && !project.exists("h\(index).jsonl"), told)
                #expect(run.output.contains("v\(index) failed (allowed)"), told)
                continue
            }
            try #require(project.exists("g\(index).jsonl"), told)
            let isKept = rows.map { $0.isWhole(file) && $0.values(file)[0]?.contains("7") != true }
            #expect(
                try Self.objects(project.read("g\(index).jsonl"))
                    == zip(rows, isKept).filter(\.1).map { $0.0.values(file) },
                told)
            let aside = project.exists("q\(index).csv") ? try Self.aside(project.read("q\(index).csv")) : []
            let expected = zip(rows.indices, isKept).filter { !$0.1 }.map(\.0)
            #expect(aside.map { "\($0[1]) \($0[2])" } == expected.map { "\($0 + 1) \(rows[$0].line)" }, told)
            for (line, row) in zip(aside, expected) where line[4].hasPrefix("malformed") && rows[row].isText {
                #expect(line[6] == rows[row].text, told)
            }
            let isSound = rows.allSatisfy { $0.isWhole(file) }
            #expect(project.exists("h\(index).jsonl") == isSound, told)
            if isSound {
                #expect(try Self.objects(project.read("h\(index).jsonl")) == rows.map { $0.values(file) }, told)
            }
        }
    }

    /// The values of each line of JSON, in the order of their names.
    private static func objects(_ text: String) throws -> [[String?]] {
        try text.split(separator: "\n").map { line in
            let object = try JSONDecoder().decode([String: String?].self, from: Data(line.utf8))
            return object.sorted { $0.key < $1.key }.map(\.value)
        }
    }

    /// The rows of a quarantine, which Caudal wrote as every reader reads it.
    private static func aside(_ text: String) -> [[String]] {
        HostileFile(rows: text, width: 7, hasHeader: false).rows.dropFirst().map { $0.fields.map(\.text) }
    }
}

/// A CSV file of chance, and what a reader must find in it.
struct HostileFile {
    var width = 2
    var delimiter: Character = ","
    var quote: Character = "\""
    var escape: Character?
    var null: String?
    var bytes = Data()
    private var hasHeader = true

    /// A field, and whether it stood in quotation marks.
    struct Field {
        var text = ""
        var isQuoted = false
    }

    struct Row {
        var fields: [Field] = []
        /// The line it begins in, from 1.
        var line: Int
        var text = ""
        var isTorn = false
        var isText = true

        /// Whether it is a row of the file.
        func isWhole(_ file: HostileFile) -> Bool { !isTorn && isText && cut(file).count == file.width }

        /// Empty fields behind the last column are passed over.
        private func cut(_ file: HostileFile) -> ArraySlice<Field> {
            let surplus = fields.dropFirst(file.width)
            return surplus.allSatisfy(\.text.isEmpty) ? fields.prefix(file.width) : fields[...]
        }

        func values(_ file: HostileFile) -> [String?] {
            let nulls = file.null.map { $0.hasPrefix("[") ? ["NA"] : ["", "NA"] } ?? [""]
            return cut(file).map { field in
                nulls.contains(field.text) && (field.text.isEmpty || !field.isQuoted) ? nil : field.text
            }
        }
    }

    init(
        rows: String, width: Int = 2, delimiter: Character = ",", escape: Character? = nil, null: String? = nil,
        hasHeader: Bool = true
    ) {
        (self.width, self.delimiter, self.escape, self.null) = (width, delimiter, escape, null)
        self.hasHeader = hasHeader
        bytes = Data(((hasHeader ? header + "\n" : "") + rows).utf8)
    }

    init(using random: inout SplitMix64) {
        func one<T>(_ values: [T]) -> T { values[Int.random(in: 0..<values.count, using: &random)] }
        width = one([1, 1, 2, 2, 2, 3])
        delimiter = one([",", ",", ",", ";", "|", "\t"])
        quote = one(["\"", "\"", "\"", "'"])
        escape = one([nil, nil, nil, nil, "\\"])
        null = one([nil, nil, nil, "NA", "[NA]"])
        let (mark, between) = (String(quote), String(delimiter))
        let end = one(["\n", "\n", "\r\n", "\r", ""])
        let ends = end.isEmpty ? ["\n", "\r", "\r\n"] : [end]
        var text = ""
        for _ in 0..<Int.random(in: 0...6, using: &random) {
            if Bool.random(using: &random) {
                let pieces = ["x", "7", " ", between, mark, "é", "NA", "", one(ends)]
                let fields = (0..<width).map { _ in
                    let value = (0..<Int.random(in: 0...3, using: &random)).map { _ in one(pieces) }.joined()
                    guard value.contains(where: { $0 == quote || $0 == delimiter || $0.isNewline }) else {
                        return value
                    }
                    return mark + value.replacing(mark, with: String(escape ?? quote) + mark) + mark
                }
                text += fields.joined(separator: between) + one(ends)
            } else {
                let pieces =
                    [mark, mark, between, between, " ", "x", "7", "é", mark + mark, "\\", ",", ";", "|", "NA"] + ends
                    + ends
                text += (0..<Int.random(in: 1...8, using: &random)).map { _ in one(pieces) }.joined() + one(ends + [""])
            }
        }
        if Int.random(in: 0..<4, using: &random) == 0 {
            text = String(text.reversed().drop { $0.isNewline }.reversed())
        }
        bytes = Data((one(["", "", "", "\u{FEFF}"]) + header + (end.isEmpty ? "\n" : end) + text).utf8)
        if Int.random(in: 0..<8, using: &random) == 0, !text.isEmpty {
            bytes.insert(0xFF, at: bytes.count - Int.random(in: 0..<text.utf8.count, using: &random))
        }
    }

    private var header: String { ["a", "b", "c"].prefix(width).joined(separator: String(delimiter)) }

    var dialect: String {
        "{delimiter: \(delimiter == "\t" ? "tab" : "\"\(delimiter)\""), quote: '\(quote == "'" ? "''" : "\"")'"
            + (escape == nil ? "" : ", escape: '\\'") + (null.map { ", null: \($0)" } ?? "") + "}"
    }

    // MARK: - The reading model

    /// The rows as Python's `csv` reads them; blank lines are none.
    var rows: [Row] { read().rows }

    /// Whether a quotation mark is never closed and further lines are behind it.
    var swallowsRows: Bool { read().opened?.contains { "\r\n".utf8.contains($0) } ?? false }

    private func read() -> (rows: [Row], opened: [UInt8]?) {
        var text = Array(bytes)
        if text.starts(with: [0xEF, 0xBB, 0xBF]) { text.removeFirst(3) }
        let (feed, back) = (UInt8(ascii: "\n"), UInt8(ascii: "\r"))
        let (between, mark, escape) = (delimiter.asciiValue, quote.asciiValue, escape?.asciiValue)
        var (rows, line, place): ([Row], Int, Int) = ([], 1, 0)
        var opened: [UInt8]?
        while place < text.count {
            let start = place
            var row = Row(line: line)
            var (value, isQuoted, isOpen, isBehind, openedAt): ([UInt8], Bool, Bool, Bool, Int) = (
                [], false, false, false, 0
            )
            func add() {
                row.fields.append(Field(text: String(decoding: value, as: UTF8.self), isQuoted: isQuoted))
                (value, isQuoted, isBehind) = ([], false, false)
            }
            var end: Int?
            while place < text.count, end == nil {
                let byte = text[place]
                let isPair = byte == back && place + 1 < text.count && text[place + 1] == feed
                let isFirst = value.isEmpty && !isQuoted
                place += 1
                if isOpen {
                    if byte == feed || byte == back && !isPair { line += 1 }
                    if byte == escape, place < text.count {
                        let isPair = text[place] == back && place + 1 < text.count && text[place + 1] == feed
                        if text[place] == feed || text[place] == back && !isPair { line += 1 }
                        value.append(text[place])
                        place += 1
                    } else if byte == mark, escape == nil, place < text.count, text[place] == mark {
                        value.append(byte)
                        place += 1
                    } else if byte == mark {
                        (isOpen, isBehind) = (false, true)
                    } else {
                        value.append(byte)
                    }
                } else if byte == feed || byte == back {
                    end = place - 1
                    if isPair { place += 1 }
                    line += 1
                } else if byte == between {
                    add()
                } else if byte == mark, isFirst {
                    (isOpen, isQuoted, openedAt) = (true, true, place)
                } else {
                    if isBehind, byte != UInt8(ascii: " ") { row.isTorn = true }
                    value.append(byte)
                }
            }
            let record = text[start..<(end ?? place)]
            if record.isEmpty { continue }
            add()
            if isOpen {
                row.isTorn = true
                opened = Array(text[openedAt...].reversed().drop { $0 == feed || $0 == back })
            }
            row.text = String(decoding: record, as: UTF8.self)
            row.isText = String(validating: record, as: UTF8.self) != nil
            rows.append(row)
        }
        return (hasHeader ? Array(rows.dropFirst()) : rows, opened)
    }
}
