import Testing

@testable import App

@Suite("Lines with looks", .timeLimit(.minutes(15)))
struct StyledTextTests {
    @Test("Colours are added behind the filter: what a piece holds has none of its own")
    func rendered() {
        let foreign = "\u{1b}[31mred\u{1b}[0m\u{1b}]0;title\u{07}"
        let line: StyledText = "a \(StyledText(foreign, .good)) \(foreign) z"
        #expect(line.rendered() == "a \u{1b}[32mred\u{1b}[0m red z")
    }

    @Test("A sequence that is cut in two by pieces does no harm")
    func cut() {
        let line = StyledText("\u{1b}") + StyledText("[2J", .bad)
        #expect(line.rendered() == "\u{1b}[1;31m[2J\u{1b}[0m")
    }

    @Test("Columns are as wide as what is seen of their widest cell")
    func columns() {
        let lines = Columns.lines([["日本", "x"], ["\u{1b}[2Ja", "y"]])
        #expect(lines.map { $0.rendered() } == ["日本  x", "a     y"])
    }

    @Test("Text and looks put together keep both")
    func joined() {
        var text: StyledText = "1 "
        text += "\(StyledText("two", .dim))"
        let all = [text, StyledText("three")].joined(separator: ", ")
        #expect(all.rendered() == "1 \u{1b}[2mtwo\u{1b}[0m, three")
        #expect(all.width == 12)
    }

    @Test("Escapes stand for what would steer a terminal in JSON, and mean the same")
    func json() {
        #expect(
            PlainText.escaped(inJSON: "{\"a\":\"x\u{9b}\u{202e}\u{7f}é\"}\n") == #"{"a":"x\u009b\u202e\u007fé"}"# + "\n"
        )
    }
}
