import CaudalModel
@testable import App
import Engine
import Foundation
import Testing

@Suite("Text on the screen", .timeLimit(.minutes(15)))
struct TerminalTextTests {
    @Test("Flags become their letters, families their members, and no part of a cluster is lost")
    func clusters() {
        var buffer = CellBuffer(width: 20, height: 4)
        buffer.write("🇩🇪 flag", row: 0, column: 0)
        #expect(buffer.text(row: 0) == "DE flag")
        buffer.write("👨‍👩‍👧|", row: 1, column: 0)
        #expect(buffer.text(row: 1) == "👨👩👧|" && buffer.text(of: buffer[row: 1, column: 6]) == "|")
        buffer.write("क्ष|", row: 2, column: 0)
        #expect(buffer.text(row: 2) == "क्ष|", "both letters of a conjunct are there")
        #expect(buffer.text(of: buffer[row: 2, column: 2]) == "|", "each has a cell")
        buffer.write("e\u{301}|", row: 3, column: 0)
        #expect(buffer.text(of: buffer[row: 3, column: 1]) == "|", "a mark has none")
    }

    @Test("Nothing that steers a terminal comes through, whatever it is")
    func harmless() {
        var generator = SplitMix64(seed: 11)
        let nasty: [UInt32] = [0x1B, 0x5B, 0x07, 0x9B, 0x90, 0x0D, 0x08, 0x7F, 0x202E, 0x200F, 0x5D, 0x3B, 0x6D, 0x41]
        for _ in 0..<2000 {
            var text = String.UnicodeScalarView()
            for _ in 0..<20 {
                let value =
                    Bool.random(using: &generator)
                    ? nasty.randomElement(using: &generator) ?? 0x1B : UInt32.random(in: 1...0x1FFFF, using: &generator)
                if let scalar = Unicode.Scalar(value) { text.append(scalar) }
            }
            for scalar in PlainText.sanitized(String(text)).unicodeScalars {
                let value = scalar.value
                let steers = value < 0x20 || (0x7F..<0xA0).contains(value)
                let turns = (0x202A...0x202E).contains(value) || (0x2066...0x2069).contains(value)
                if steers || turns { Issue.record("U+\(String(value, radix: 16)) came through") }
            }
        }
    }

    @Test(
        "A title sequence, a colour and a cursor move leave their text behind",
        arguments: [
            ("\u{1b}]0;owned\u{07}hello", "hello"), ("\u{1b}[31mred\u{1b}[0m", "red"), ("a\u{1b}[2J\u{1b}[Hb", "ab"),
            ("tab\there", "tab     here"),
        ])
    func sequences(text: String, shown: String) {
        #expect(PlainText.sanitized(text) == shown)
    }

    @Test("Text is broken at blanks, and within a word only where that is longer than a line")
    func wrapping() {
        #expect("one two three".wrapped(7) == ["one two", "three"])
        #expect("one two three".wrapped(3, further: 9) == ["one", "two three"])
        #expect("data/out/clean.csv".wrapped(8) == ["data/out", "/clean.c", "sv"])
        #expect("日本語".wrapped(4) == ["日本", "語"])
        #expect("ab".wrapped(0) == ["a", "b"])
        #expect("".wrapped(5) == [""])
    }

    @Test("Wide characters take two cells and are never cut in half")
    func wide() {
        var buffer = CellBuffer(width: 6, height: 1)
        buffer.write("日本語テ", row: 0, column: 0, limit: 6)
        #expect(buffer.text == "日本…")
        buffer.write("x", row: 0, column: 1)
        #expect(buffer.text.hasPrefix(" x本"), "the half that was written over is blank")
    }

    @Test("Times are shown in the zone that is asked for")
    func zone() {
        #expect(LocalTime.full(1_795_439_040_000, in: .gmt) == "2026-11-23 13:04:00")
    }

    @Test("Drawn with ASCII alone, a screen holds nothing else")
    func ascii() throws {
        let state = SampleRun.failed.dashboard(rows: 40, columns: 120, ascii: true)
        let text = ASCIIDrawing.text(of: DashboardScreen.draw(state, SampleRun.failed.lines).text)
        #expect(text.unicodeScalars.allSatisfy { $0.isASCII })
        #expect(text.contains("publish"))
        #expect(!text.replacing("? help", with: "").contains("?"), "every character has one that stands for it")
        // On no screen that is recorded is there a character without one.
        for name in try FileManager.default.contentsOfDirectory(atPath: Golden.folder.path) {
            let screen = try String(contentsOf: Golden.folder.appending(path: name), encoding: .utf8)
            let unknown = Set(
                screen.unicodeScalars.filter { !$0.isASCII && ASCIIDrawing.replacement(for: $0.value) == "?" })
            #expect(unknown.isEmpty, "\(name): \(unknown.map { String($0) })")
        }
    }
}
