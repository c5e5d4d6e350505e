import Engine
import TestSupport
import Testing

@testable import App

@Suite("Signals of the terminal")
struct TerminalSignalsTests {
    private static func rule(
        _ occasions: [NotificationRule.Occasion], _ form: String, stage: StageID? = nil
    ) -> NotificationRule {
        NotificationRule(
            occasions: occasions, channel: NotificationChannel(kind: "terminal", settings: ["form": form]), stage: stage
        )
    }

    private static func bytes(
        _ change: RunChange, _ rules: [NotificationRule], pipeline: String = "sales", isTmux: Bool = false
    ) -> String {
        let plan = RunPlan(
            pipeline: pipeline, maxParallel: 1, stages: [PlannedStage(id: "load"), PlannedStage(id: "mail")],
            notifications: rules)
        let event = RunEvent(sequence: 1, time: Moment(wall: 0, steady: 0), change: change)
        return TerminalSignals(isTmux: isTmux).bytes(for: [event], of: RunState(id: "r1", plan: plan, events: [event]))
    }

    @Test(
        "Each form is its own sequence, wrapped in tmux besides the bell",
        arguments: [
            ("bell", false, "\u{07}"), ("bell", true, "\u{07}"),
            ("osc9", false, "\u{1b}]9;sales failed\u{07}"),
            ("osc777", false, "\u{1b}]777;notify;sales;failed\u{07}"),
            ("osc9", true, "\u{1b}Ptmux;\u{1b}\u{1b}]9;sales failed\u{07}\u{1b}\\"),
        ])
    func forms(form: String, isTmux: Bool, expected: String) {
        #expect(Self.bytes(.runEnded(.failed), [Self.rule([.failed], form)], isTmux: isTmux) == expected)
    }

    @Test("Nothing is sent without a rule, for other occasions, or for other channels")
    func silence() {
        let webhook = NotificationRule(
            occasions: [.failed], channel: NotificationChannel(kind: "webhook", settings: ["url": "https://x"]))
        #expect(Self.bytes(.runEnded(.failed), []) == "")
        #expect(Self.bytes(.runEnded(.succeeded), [Self.rule([.failed], "bell")]) == "")
        #expect(Self.bytes(.runEnded(.failed), [webhook]) == "")
        #expect(
            Self.bytes(.unitEnded(UnitID("mail"), .failed, reason: nil), [Self.rule([.failed], "bell", stage: "load")])
                == "")
    }

    @Test("A stage's rule tells of the stage; items of a fan-out are not told")
    func stages() {
        let rules = [Self.rule([.failed, .succeeded], "osc9", stage: "load")]
        #expect(
            Self.bytes(.unitEnded(UnitID("load"), .failed, reason: nil), rules) == "\u{1b}]9;sales load failed\u{07}")
        #expect(Self.bytes(.unitEnded(UnitID("load", "x"), .failed, reason: nil), rules) == "")
        #expect(Self.bytes(.runEnded(.failed), rules) == "")
    }

    @Test("What is from outside cannot leave its sequence")
    func hostile() {
        let told = Self.bytes(
            .runEnded(.failed), [Self.rule([.failed], "osc777")], pipeline: "a;b\u{07}\u{1b}]0;c\u{9c}\nd")
        #expect(told.hasPrefix("\u{1b}]777;notify;a,b") && told.hasSuffix(";failed\u{07}"))
        let inner = told.dropFirst(2).dropLast(1)
        #expect(
            inner.unicodeScalars.allSatisfy { $0.value >= 0x20 && !(0x7F...0x9F).contains($0.value) },
            "\(inner.debugDescription)")
    }
}
