import CaudalModel
import Engine
import Foundation
import TestSupport
import Testing

@testable import App

/// What a user chooses for all screens: colours, keys, signals.
@Suite("Settings of screens", .timeLimit(.minutes(15)))
struct ScreenSettingsTests {
    private func settings(
        _ text: String, theme: Theme? = nil, _ variables: [String: String] = [:]
    ) throws -> ScreenSettings {
        let folder = try ScratchFolder()
        try folder.write("dashboard.yaml", text)
        var variables = variables
        variables["CAUDAL_SETTINGS"] = folder.path("dashboard.yaml")
        return try ScreenSettings(variables, theme: theme, for: NamedKeys.ofAllScreens)
    }

    private func faults(_ text: String) -> [String] {
        do {
            _ = try settings(text)
            return []
        } catch let error as InvalidPipeline {
            return error.errors.map { "\($0.location.line):\($0.location.column) \($0.message)" }
        } catch {
            return ["\(error)"]
        }
    }

    @Test("A flag counts more than a variable, and that more than the file")
    func precedence() throws {
        #expect(try settings("theme: light").theme == .light)
        #expect(try settings("theme: light", ["CAUDAL_THEME": "dark"]).theme == .dark)
        #expect(try settings("theme: light", theme: .contrast, ["CAUDAL_THEME": "dark"]).theme == .contrast)
        #expect(throws: Failure.self) { try settings("theme: light", ["CAUDAL_THEME": "drak"]) }
    }

    @Test("Without a file everything is as usual")
    func none() throws {
        let settings = try ScreenSettings(["HOME": "/nonexistent"], theme: nil, for: NamedKeys.ofAllScreens)
        #expect(settings.theme == .terminal && settings.signals.isEmpty && !settings.showsProgress)
        #expect(settings.keys == KeyMap())
    }

    @Test("Signals and progress are wanted by name")
    func signals() throws {
        let settings = try settings("signals: [bell, osc777]\nprogress: true")
        #expect(settings.signals == [.bell, .osc777] && settings.showsProgress)
    }

    @Test("Actions get other keys; footer, help and palette name these")
    func keys() throws {
        var state = SampleRun.failed.dashboard(rows: 40, columns: 120)
        state.keys = try settings("keys:\n  retry: ctrl-t\n  quit: [Q, q]\n").keys
        state.press(["e"])
        let shown = DashboardScreen.draw(state, LogLineList()).text
        #expect(shown.contains("ctrl-t retries it") && shown.contains("ctrl-t retry"), "\(shown)")
        state.press(["r"])
        #expect(state.overlay == nil, "the usual key does nothing any more")
        state.press([.control("t")])
        guard case .confirm? = state.overlay else {
            Issue.record("the new key does nothing")
            return
        }
        state.press([.escape, "?"])
        let help = OverlayPane.helpLines(state, HelpPage()).map { "\($0.keys) \($0.text)" }
        #expect(help.contains { $0.hasPrefix("ctrl-t retry") })
        state.press([.escape, ":"] + "retry the".map { .character($0) })
        #expect(DashboardScreen.draw(state, LogLineList()).text.contains("ctrl-t"))
    }

    @Test("The list of pipelines and runs has the same keys for the same names")
    func keysOfList() throws {
        var state = HomeState(root: "/p", now: Moment(wall: 0, steady: 0), rows: 24, columns: 80)
        state.keys = try settings("keys:\n  quit: Q\n  run-now: ctrl-n\n").keys
        #expect(HomeReducer().press("q", &state).isEmpty)
        #expect(HomeReducer().press("Q", &state) == [.quit])
        _ = HomeReducer().press("?", &state)
        #expect(HomeScreen.draw(state).text.contains("ctrl-n"))
    }

    @Test("What cannot be is refused with its place")
    func refused() {
        #expect(faults("keys:\n  retri: t\n") == ["2:3 no action is called 'retri'; did you mean 'retry'?"])
        #expect(faults("keys:\n  retry: q\n") == ["2:10 'q' is already the key of 'quit'"])
        #expect(faults("keys:\n  retry: j\n").first?.contains("what cannot be changed: ") == true)
        #expect(faults("keys:\n  retry: hyper-x\n") == ["2:10 'hyper-x' is no key"])
        #expect(faults("keys:\n  retry: q\n  quit: Q\n") == ["2:10 'q' is already the key of 'quit'"])
        #expect(faults("keys:\n  quit: Q\n  retry: q\n").isEmpty, "a key that was given away is free")
        #expect(faults("keys:\n  quit: []\n") == ["2:9 'quit' needs a key"])
        #expect(faults("keys:\n  retry: ctrl-m\n") == ["2:10 'ctrl-m' is no key"], "terminals send enter for it")
        #expect(faults("keys:\n  run-now: /\n") == ["2:12 '/' is already the key of 'find'"])
        #expect(faults("signals: bel\n") == ["1:10 there is no signal 'bel'; did you mean 'bell'?"])
        #expect(faults("teme: dark\n") == ["1:1 the file of settings has no key 'teme'; did you mean 'theme'?"])
    }

    @Test("No two actions have one name")
    func names() {
        for place in DashboardKeys.together {
            let names = place.compactMap(\.name)
            #expect(Set(names).count == names.count, "\(names)")
        }
    }

    @Test("States differ in every theme without their colours", arguments: Theme.allCases)
    func states(theme: Theme) {
        let colors = theme.colors(of: 256)
        for (a, b) in [(ColorRole.good, ColorRole.bad), (.good, .busy), (.bad, .wait), (.busy, .blocked)] {
            let (x, y) = (Style(a), Style(b))
            let differs = colors[a] != colors[b] || theme.attributes(of: x) != theme.attributes(of: y)
            #expect(differs, "\(a) and \(b) look alike in \(theme)")
        }
        let words = UnitStatus.allCases.map { StatusMark.word($0) }
        #expect(Set(words).count == words.count, "each state has a word of its own")
    }
}

/// A small screen shows one pane at a time, by tabs.
@Suite("Tabs of a small screen", .timeLimit(.minutes(15)))
struct TabsTests {
    @Test("Each pane has the whole of 40 columns and 10 rows")
    func panes() {
        for pane in DashboardState.Pane.allCases {
            var state = SampleRun.failed.dashboard(rows: 10, columns: 40)
            state.press([.character(Character("\(pane.rawValue)"))])
            let layout = DashboardLayout(state)
            #expect(layout.panes.map(\.pane) == [pane] && layout.focus == pane)
            #expect(DashboardScreen.draw(state, LogLineList()).text(row: 2).contains("\(pane)".uppercased()))
        }
    }

    @Test("Tab goes through all of them")
    func tab() {
        var state = SampleRun.failed.dashboard(rows: 10, columns: 40)
        let seen = (0..<4).map { _ -> DashboardState.Pane in
            state.press([.tab])
            return DashboardLayout(state).focus
        }
        #expect(seen == [.stages, .log, .inspector, .graph])
    }
}
