import CaudalModel
import Testing

/// Characters that programs give a meaning to are replaced whatever stands beside them.
@Suite("Replaced characters", .timeLimit(.minutes(1)))
struct ReplacedCharactersTests {
    @Test(
        "A character is replaced beside marks that combine with it, and as a half of the end of a line",
        arguments: [
            ("a'b", "a''b"), ("'\u{301}", "''\u{301}"), ("e\u{301}'", "e\u{301}''"), ("\u{301}", "\u{301}"), ("", ""),
        ] as [(String, String)])
    func beside(text: String, expected: String) {
        let replaced = text.replacing(scalar: "'", with: "''")
        #expect(replaced.unicodeScalars.elementsEqual(expected.unicodeScalars))
    }

    @Test("Half of the end of a line is replaced, in a part of a text too")
    func ends() {
        #expect("a\r\nb".replacing(scalar: "\n", with: "|").unicodeScalars.elementsEqual("a\r|b".unicodeScalars))
        #expect(
            "xa\r\nb".dropFirst().replacing(scalar: "\r", with: "").unicodeScalars.elementsEqual("a\nb".unicodeScalars))
    }
}
