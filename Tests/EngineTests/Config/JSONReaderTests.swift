import CaudalModel
import Engine
import TestSupport
import Testing

/// Files in JSON, which readers of YAML take in other ways.
@Suite("Files in JSON are read as JSON", .timeLimit(.minutes(15)))
struct JSONReaderTests {
    private func read(_ text: String, file: String = "s.json") -> (node: ConfigNode?, faults: [String]) {
        let problems = ConfigProblems()
        let node = ConfigSource(file: file, text: text).read(problems)
        return (node, problems.errors.map(\.oneLine))
    }

    /// The text of a value.
    private func value(_ text: String) -> String? {
        let (node, faults) = read("{\"a\": \(text)}")
        guard faults.isEmpty, case .scalar(let text, _)? = node?[key: "a"]?.content else { return nil }
        return text
    }

    @Test(
        "A text is what JSON says",
        arguments: [
            (#""\ud83d\ude00 \u00e9""#, "😀 é"), (#""a\/b\\c\"d\te""#, "a/b\\c\"d\te"),
            ("\"a\u{2028}b\u{85}c\"", "a\u{2028}b\u{85}c"),
            ("\"a\u{7f}b\u{9b}c\"", "a\u{7f}b\u{9b}c"), (#""\u0000""#, "\0"), (#""${x} # y: {z""#, "${x} # y: {z"),
            ("-0.5e+3", "-0.5e+3"), ("12345678901234567890", "12345678901234567890"), ("null", "null"),
        ])
    func texts(written: String, meant: String) { #expect(value(written).map { Array($0.utf8) } == Array(meant.utf8)) }

    @Test("Any key is a key: a long one, that of YAML's merging, one with the colon on another line")
    func keys() throws {
        let long = String(repeating: "k", count: 3000)
        let (node, faults) = read("{\"<<\": 1, \"\(long)\"\n\t:\n 2, \"\": [], \"e\u{301}\": 3, \"\u{e9}\": 4}")
        #expect(faults == [] && node?.entries?.map(\.key.value) == ["<<", long, "", "e\u{301}", "\u{e9}"])
    }

    @Test("Places are those that an editor shows, whatever stands before")
    func places() throws {
        let node = try #require(
            read("\u{feff}{\r\n\t\"é😀\": [\"👩‍👩‍👧\", {\"b\": 1}],\r\n  \"c\": \"\\ud83d\\ude00\"}").node)
        let list = try #require(node.entries?[0].value)
        #expect(node.entries?[0].key.location == SourceLocation(file: "s.json", line: 2, column: 2))
        #expect(list.location.column == 8 && list.elements[0].location.column == 10)
        #expect(list.elements[1][key: "b"]?.location == SourceLocation(file: "s.json", line: 2, column: 20))
        #expect(node[key: "c"]?.location == SourceLocation(file: "s.json", line: 3, column: 9))
    }

    @Test(
        "What is no JSON is refused where it stands",
        arguments: [
            (
                "{\"a\": 1,}",
                "1:9: error: this is not well formed JSON: a key in double quotes was expected here; remove the ',' behind the last value"
            ),
            (
                "{\n\"a\": 1\n\"b\": 2}",
                "3:1: error: this is not well formed JSON: a ',' or '}' was expected here, in an object that begins on line 1; close the '{'"
            ),
            ("[1, 2", "1:6: error: this is not well formed JSON: a ',' or ']' was expected here; close the '['"),
            ("{a: 1}", "1:2: error: this is not well formed JSON: a key in double quotes was expected here"),
            ("{\"a\" 1}", "1:6: error: this is not well formed JSON: a ':' was expected behind the key"),
            (
                "{\"a\": 'x'}",
                "1:7: error: this is not well formed JSON: a text is in double quotes; write \" in place of '"
            ),
            ("{} # c", "1:4: error: this is not well formed JSON: something stands behind its end; remove it"),
            (
                "// c\n{}",
                "1:1: error: this is not well formed JSON: JSON has no comments; put it into a text, such as that of \"$comment\""
            ),
            (
                "{\"a\": 01}",
                "1:7: error: this is not well formed JSON: '01' is neither a number nor true, false or null; put a text in double quotes"
            ),
            (
                "{\"a\": yes}",
                "1:7: error: this is not well formed JSON: 'yes' is neither a number nor true, false or null; put a text in double quotes"
            ),
            (
                "{\"a\": \"x\n\"}",
                "1:9: error: this is not well formed JSON: a text ends on its line; close it, and write \\n for a line break in it"
            ),
            (
                "{\"a\": \"x\ty\"}",
                "1:9: error: this is not well formed JSON: a control character is not allowed; write it as \\u0009"
            ),
            (
                "{\"a\": \"x",
                "1:9: error: this is not well formed JSON: the file ends inside quotation marks; add the closing one"
            ),
            (
                "{\"a\": \"\\x\"}",
                "1:8: error: this is not well formed JSON: no escape begins so; a backslash in a text is written twice: \\\\"
            ),
            (
                #"{"é": "\ud83d x"}"#,
                "1:8: error: this is not well formed JSON: this is half of a character; write both halves, such as \\ud83d\\ude00, or the character itself"
            ),
            ("{\"a\":", "1:6: error: this is not well formed JSON: the file ends where a value was expected"),
            (String(repeating: "[", count: 65), "1:65: error: this is nested deeper than 64 levels"),
        ])
    func faults(text: String, fault: String) { #expect(read(text).faults == ["s.json:" + fault]) }

    @Test("A key that is given twice is told, and the first one counts")
    func twice() {
        let (node, faults) = read("{\"a\": 1,\n \"a\": 2, \"b\": 3}")
        #expect(faults == ["s.json:2:2: error: 'a' is given twice; the first is on line 1; remove one of them"])
        #expect(node?.entries?.count == 2)
    }

    @Test("A schema's pattern with a pair of surrogates accepts the character")
    func schema() throws {
        let problems = ConfigProblems()
        let text = #"{"properties": {"mood": {"enum": ["\ud83d\ude00"]}}}"#
        let schema = try #require(RowSchemaReader.read(text, file: "s.json", problems))
        #expect(problems.errors.isEmpty && schema.definitionText.contains("😀"), "\(problems.errors)")
    }
}
