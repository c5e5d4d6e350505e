import CaudalModel
import Testing

@testable import App

@Suite("Pasted text on the screens", .timeLimit(.minutes(15)))
struct PastedTextTests {
    private func dashboard() -> DashboardState { SampleRun.failed.dashboard(rows: 40, columns: 120) }

    @Test("In the dashboard it does nothing, and that is said")
    func dashboardIgnoresIt() {
        var state = dashboard()
        #expect(state.press([.paste("X q R")]).isEmpty)
        #expect(state.overlay == nil)
        #expect(state.standingToast?.text == KeyIntake.ignoredPaste)
    }

    @Test("It goes into the search, and into the name that a question asks for; enter is still to be pressed")
    func prompts() {
        var state = dashboard()
        state.press([.character("/"), .paste("order 17")])
        guard case .prompt(let prompt)? = state.overlay else {
            Issue.record("the search is closed")
            return
        }
        #expect(prompt.text == "order 17")
        state.press([.escape, .character("e"), .character("r"), .tab])
        #expect(state.press([.paste("publish")]).isEmpty)
        #expect(state.press([.enter]).count == 1)
    }

    @Test("A line that a program types into a field is accepted with its enter; a question takes none")
    func lines() {
        var state = dashboard()
        state.press([.character("/"), .line("publish")])
        #expect(state.overlay == nil && state.selection.stage == "publish")
        state.press([.character("r"), .tab])
        #expect(state.press([.line("publish")]).isEmpty)
        #expect(state.isAsking)
        state.press([.escape, .character(":")])
        #expect(state.press([.line("pause")]).isEmpty)
        guard case .palette(let palette)? = state.overlay else {
            Issue.record("the palette acted on a line that nobody accepted")
            return
        }
        #expect(palette.text == "pause")
    }

    @Test("A question that asks for no name takes none of it")
    func question() {
        var state = dashboard()
        state.press([.character("X")])
        #expect(state.press([.paste("\t\n")]).isEmpty)
        #expect(state.standingToast?.text == KeyIntake.ignoredPaste)
    }

    @Test("The mouse is given away and taken back by the same key, which says what it does now")
    func mouse() {
        var state = dashboard()
        var given: [Bool] = []
        for _ in 0..<4 {
            for case .mouse(let isOn) in state.press([.character("M")]) { given.append(isOn) }
            #expect(state.standingToast?.text.contains(state.hasMouse ? "here again" : "M switches back") == true)
            let help = KeyHelp(DashboardKeys.all, state).entries.first { $0.keys == ["M"] }?.text
            #expect(help?.hasPrefix(state.hasMouse ? "let the mouse select" : "let the mouse click") == true)
        }
        #expect(given == [false, true, false, true])
    }
}
