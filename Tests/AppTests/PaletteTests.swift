import CaudalModel
import Engine
import TestSupport
import Testing

@testable import App

/// Every action is found by its name.
@Suite("The palette", .timeLimit(.minutes(15)))
struct PaletteTests {
    private func keys(_ text: String) -> [Key] { text.map { .character($0) } }
    private func dashboard() -> DashboardState { SampleRun.failed.dashboard(rows: 40, columns: 120) }

    private func titles(_ state: DashboardState) -> [String] {
        guard case .palette(let palette)? = state.overlay else { return [] }
        return PaletteEntry.list(state, palette.text).map(\.title)
    }

    @Test("It has every binding that acts on the panes, with its key")
    func everything() {
        var state = dashboard()
        state.press([":"])
        let titles = Set(titles(state))
        let bindings =
            DashboardKeys.inEveryPane
            + DashboardState.Pane.allCases.flatMap { DashboardLayout(state).kind(of: $0).bindings }
        // What the focused pane does too is not listed for the others.
        let near = Set(DashboardLayout(state).kind(of: DashboardLayout(state).focus).bindings.map(\.label))
        for binding in bindings { #expect(titles.contains(binding.title(state)) || near.contains(binding.label)) }
        state.press(keys("wrap long"))
        let shown = DashboardScreen.draw(state, LogLineList()).text.split(separator: "\n")
        #expect(shown.contains { $0.contains("❯ wrap long lines") && $0.contains(" w ") })
    }

    @Test(
        "No two entries look alike: what shares a line of the help says what it does itself", arguments: [1, 2, 3, 4])
    func titlesDiffer(pane: Int) {
        var state = dashboard()
        state.press([.character(Character("\(pane)")), ":"])
        let found = titles(state)
        let twice = Dictionary(grouping: found) { $0 }.filter { $0.value.count > 1 }.keys
        #expect(twice.isEmpty, "\(twice)")
        let some = [
            "next pane", "previous pane", "next failure", "previous failure", "highlight what the selected stage needs",
            "highlight what needs the selected stage",
        ]
        for title in some {
            #expect(found.contains { $0.hasPrefix(title) }, "\(title) is missing")
        }
    }

    @Test("An entry does what it says", arguments: [("previous pane", 4), ("next pane", 2), ("go to the log", 3)])
    func paneEntries(text: String, pane: Int) {
        var state = dashboard()
        state.press(["1", ":"] + keys(text) + [.enter])
        #expect(DashboardLayout(state).focus.rawValue == pane)
    }

    @Test("The list of actions uses the height there is", arguments: [(60, 200), (24, 80), (10, 40)])
    func height(rows: Int, columns: Int) {
        var state = SampleRun.failed.dashboard(rows: rows, columns: columns)
        state.press([":"])
        let lines = DashboardScreen.draw(state, LogLineList()).text.split(separator: "\n")
        let shown = lines.count { line in titles(state).contains { line.contains($0.prefix(12)) } }
        #expect(shown >= min(titles(state).count, max(4, rows - 10)), "\(lines.joined(separator: "\n"))")
    }

    @Test("An action of another pane goes there first")
    func otherPane() {
        var state = dashboard()
        state.press([":"] + keys("wrap long") + [.enter])
        #expect(state.log.wraps && DashboardLayout(state).focus == .log && state.overlay == nil)
    }

    @Test("An action with an argument is completed, and finds the argument as the search does")
    func arguments() {
        var state = dashboard()
        state.press([":"] + keys("retry st") + [.down])
        #expect(titles(state).contains("retry STAGE"))
        state.press([Key](repeating: .backspace, count: 2) + keys("pub"))
        #expect(titles(state).first == "retry publish")
        state.press([.enter])
        guard case .confirm(let question)? = state.overlay else {
            Issue.record("nothing was asked")
            return
        }
        #expect(question.title.hasPrefix("Retry publish?"))
    }

    @Test(
        "Actions with arguments do what they say",
        arguments: [
            "go to enr", "view rail", "sort time", "show data", "filter stages p", "filter log level:err", "log of enr",
        ])
    func verbs(text: String) {
        var state = dashboard()
        let before = DashboardScreen.draw(state, SampleRun.failed.lines.shown(state)).text
        state.press([":"] + keys(text) + [.enter])
        #expect(state.overlay == nil)
        #expect(DashboardScreen.draw(state, SampleRun.failed.lines.shown(state)).text != before)
    }

    @Test("What is not available says why, and what fits nothing says so")
    func refusals() {
        var state = SampleRun.failed.dashboard(rows: 40, columns: 120, readOnly: true)
        state.press([":"] + keys("retry the selected") + [.enter])
        #expect(state.standingToast?.text == "this dashboard is read-only")
        state.press([":"] + keys("qqqq") + [.enter])
        #expect(state.standingToast?.text == "no action fits 'qqqq'")
    }

    @Test("The help lists the focused pane first, can be searched, and is scrolled to its end and back")
    func help() {
        var state = SampleRun.failed.dashboard(rows: 24, columns: 80)
        state.press(["3", "?"])
        let first = DashboardScreen.draw(state, LogLineList()).text
        #expect(first.contains("IN THE LOG") && first.contains("more lines below"))
        state.press([Key](repeating: .pageDown, count: 40))
        let last = DashboardScreen.draw(state, LogLineList()).text
        #expect(last.contains("caudal run --plain") && !last.contains("below"))
        state.press([.up])
        #expect(
            !DashboardScreen.draw(state, LogLineList()).text.contains("caudal run --plain"),
            "one step back is seen at once")
        state.press(["/"] + keys("qqq"))
        #expect(DashboardScreen.draw(state, LogLineList()).text.contains("no key does that"))
        state.press([Key](repeating: .backspace, count: 3) + keys("redraw"))
        let found = DashboardScreen.draw(state, LogLineList()).text
        #expect(found.contains("ctrl-r") && found.contains("redraw the screen") && !found.contains("retry"))
        state.press([.escape])
        #expect(DashboardScreen.draw(state, LogLineList()).text.contains("IN THE LOG"))
        state.press([.escape])
        #expect(state.overlay == nil)
    }
}
