import Testing

@testable import App

@Suite("Keys and pasted text", .timeLimit(.minutes(15)))
struct KeyIntakeTests {
    private let start = ContinuousClock.now

    private func signals(_ text: String) -> [KeyIntake.Signal] {
        text.map { character in
            switch character {
            case "\n": .key(.enter)
            case "\t": .key(.tab)
            default: .key(.character(character))
            }
        }
    }

    @Test("Text between the marks is one paste, with line ends and tabs as blanks, however it was cut up")
    func marked() {
        var intake = KeyIntake()
        #expect(intake.process([.key(.down), .pasteBegins] + signals("X\t12\n"), at: start) == [.down])
        #expect(intake.process(signals("X\n") + [.pasteEnds, .key(.up)], at: start) == [.paste("X 12 X"), .up])
    }

    @Test("What a paste holds beside text, such as ctrl-C and arrows, is dropped")
    func controls() {
        var intake = KeyIntake()
        let keys = intake.process(
            [.pasteBegins, .key(.control("c")), .key(.character("a")), .key(.escape), .pasteEnds], at: start)
        #expect(keys == [.paste("a")])
    }

    @Test("A paste whose end never comes ends by itself, and keys act again")
    func cutOff() {
        var intake = KeyIntake()
        #expect(intake.process([.pasteBegins] + signals("abc"), at: start).isEmpty)
        #expect(intake.process(signals("d"), at: start + .milliseconds(300)).isEmpty)
        let keys = intake.process([.key(.character("q"))], at: start + .seconds(2))
        #expect(keys == [.paste("abcd"), .character("q")])
    }

    @Test(
        "Sequences of terminals that are no keys are none, also not the characters that they are made of",
        arguments: [
            "\u{1b}P1$r0m\u{1b}\\", "\u{1b}[12;40R", "\u{1b}[?2026;2$y", "\u{1b}[M !!", "\u{1b}[114;5u", "\u{1b}OZ",
            "\u{1b}]11;rgb:0000/0000/0000\u{7}", "\u{1b}_Gi=1;OK\u{1b}\\", "\u{1b}P>|xterm(370)\u{1b}\\\u{1b}[?64;1c",
        ])
    func sequences(text: String) {
        var intake = KeyIntake()
        let signals = text.map { character -> KeyIntake.Signal in
            switch character {
            case "\u{1b}": .key(.escape)
            case "\u{7}": .key(.control("g"))
            default: .key(.character(character))
            }
        }
        #expect(intake.process(signals + [.key(.character("j"))], at: start) == [.character("j")])
    }

    @Test("An escape key with another key right behind it are two keys")
    func escape() {
        var intake = KeyIntake()
        for key in ["q", "[", "P", "O"] as [Character] {
            #expect(intake.process([.key(.escape), .key(.character(key))], at: start) == [.escape, .character(key)])
        }
    }

    @Test("A paste of a megabyte is kept short")
    func large() {
        var intake = KeyIntake()
        _ = intake.process([.pasteBegins], at: start)
        for _ in 0..<1000 { _ = intake.process(signals(String(repeating: "X", count: 1000)), at: start) }
        guard case .paste(let text)? = intake.process([.pasteEnds], at: start).first else {
            Issue.record("no paste came of it")
            return
        }
        #expect(text.count <= 4096)
    }

    @Test(
        "Without marks, text that comes faster than anybody types is a paste",
        arguments: ["SKU\tMAX QTY\tX\n1001\t5\tX\n", "1001\tX\n", "Xjkr and so on"])
    func unmarked(text: String) {
        var intake = KeyIntake()
        let keys = intake.process(signals(text), at: start)
        #expect(keys.count == 1)
        if case .paste = keys.first {} else { Issue.record("\(keys)") }
        // What is left of it comes a moment later.
        let rest = intake.process(signals("X\t\n"), at: start + .milliseconds(5))
        #expect(rest == [.paste("X")])
        #expect(intake.process(signals("q"), at: start + .milliseconds(500)) == [.character("q")])
    }

    @Test(
        "A text for a field, with what opens it and the enter behind it, is typed however fast it comes",
        arguments: ["/mer\nn", "/publish_report\n", "Lftorn part\n", "3/a word of the log\nn"])
    func fieldAtOnce(text: String) {
        var intake = KeyIntake()
        #expect(intake.process(signals(text), at: start).count == text.count)
    }

    @Test(
        "What begins like that and could do more than find or filter counts as pasted",
        arguments: [":pause the run\n", "/orders of today\nP", "/a\tb and so on\nn", "xf and so on\nn"])
    func noFieldAtOnce(text: String) {
        var intake = KeyIntake()
        #expect(intake.process(signals(text), at: start).count == 1)
    }

    @Test("A line that comes at once ends with its enter")
    func line() {
        var intake = KeyIntake()
        #expect(intake.process(signals("why it is skipped\n"), at: start) == [.line("why it is skipped")])
        #expect(intake.process(signals("rest\n"), at: start + .milliseconds(5)) == [.paste("rest")])
    }

    @Test("An enter of its own right behind fast text accepts that text")
    func enterBehindFastText() {
        var intake = KeyIntake()
        #expect(intake.process(signals("extract_customers"), at: start) == [.paste("extract_customers")])
        #expect(intake.process(signals("\n"), at: start + .milliseconds(2)) == [.enter])
    }

    @Test("Keys that a person pressed stay keys, also a few at once and one that is held down")
    func pressed() {
        var intake = KeyIntake()
        for keys in ["jjjjjjjjjjjjjjjjjj", "r\t\n", "publish\n", "e\n"] {
            #expect(intake.process(signals(keys), at: start).count == keys.count, "\(keys)")
        }
    }
}
