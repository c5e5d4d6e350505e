import CaudalModel
import Engine
import Foundation
import TestSupport
import Testing

@testable import App

/// Reducer, footer, help and manual are made from the same lists; here is held that nothing in them is for nothing.
@Suite("Keys, the help and the manual", .timeLimit(.minutes(15)))
struct KeyBindingTests {
    private static let lines = SampleRun.failed.lines

    // MARK: - The dashboard

    /// States in which something can be pressed, by the place of the bindings that act in them.
    private static let situations: [String: [DashboardState]] = {
        var found: [String: [DashboardState]] = [:]
        for (rows, columns) in [(24, 80), (40, 120), (14, 80)] {
            for run in [SampleRun.inTheMiddle, .failed] {
                for view in [DashboardState.GraphView.graph, .focus, .rail] {
                    for pane in DashboardState.Pane.allCases {
                        var state = run.dashboard(rows: rows, columns: columns)
                        (state.view, state.isLive) = (view, run.state.status == .running)
                        state.press([.character(Character("\(pane.rawValue)"))], on: lines)
                        let layout = DashboardLayout(state)
                        found[layout.kind(of: layout.focus).title, default: []] += variants(state)
                    }
                }
            }
        }
        found["every pane"] = found.values.flatMap(\.self)
        found["everywhere"] = found["every pane"]
        var paused = ReplayScreenTests.dashboard(rows: 40, columns: 120)
        paused.press(["}", "}"])
        found["a replay"] = [paused]
        var asking = SampleRun.failed.dashboard(rows: 15, columns: 60)
        asking.isLive = false
        asking.press(["e", "r"], previewReopening: SampleRun.withChangedFile)
        var typing = asking
        typing.press([.tab, "p", "u"])
        var further = asking
        further.press([.pageDown])
        found["questions"] = [asking, typing, further]
        var searching = SampleRun.failed.dashboard(rows: 24, columns: 80)
        searching.press(["/", "a"])
        var second = searching
        second.press([.down])
        found["the search"] = [searching, second]
        var helping = SampleRun.failed.dashboard(rows: 24, columns: 80)
        helping.press(["?", .down])
        var asked = helping
        asked.press(["/", "x"])
        found["the help"] = [helping, asked]
        var palette = SampleRun.failed.dashboard(rows: 24, columns: 80)
        palette.press([":"] + "re".map { .character($0) })
        var chosen = palette
        chosen.press([.down, .down])
        found["the palette"] = [palette, chosen]
        var copying = SampleRun.failed.dashboard(rows: 24, columns: 80)
        copying.press(["e", "Y"])
        found["copying"] = [copying]
        var listing = RunHistoryTests.listing()
        listing.press([.down, .down])
        found["the history"] = [listing]
        var limiting = SampleRun.inTheMiddle.dashboard(rows: 24, columns: 80)
        limiting.press(["p", "+"])
        found["the limits"] = [limiting, RunLimitsTests.dashboard(pressing: ["p", .down])]
        let comparing = RunHistoryTests.comparing(rows: 10, columns: 40)
        var scrolled = comparing
        scrolled.press([.down, .down])
        found["the comparison"] = [comparing, scrolled]
        return found
    }()

    /// A state as it is, and with something else selected, scrolled, searched for and left out.
    private static func variants(_ state: DashboardState) -> [DashboardState] {
        var states = [state]
        for stage: StageID in ["process", "publish", "validate"] {
            var other = state
            other.select(UnitID(stage))
            (other.inspectorScroll, other.inspectorShift) = (1, 1)
            other.log.shown.search = "e"
            (other.log.cursor, other.log.bottom, other.log.shift) = (6, 9, 1)
            other.log.picked = [4, 7]
            states.append(other)
            other.tab = .attempts
            other.log.shown.level = .warn
            other.log.shown.search = ""
            states.append(other)
        }
        return states
    }

    private func screen(_ state: DashboardState) -> String {
        var state = state
        // What is only said is nothing done.
        state.toast = nil
        return DashboardScreen.draw(state, Self.lines.shown(state)).styledText
    }

    @Test(
        "Every key in the dashboard's help does something where the help says",
        arguments: DashboardKeys.all.map(\.place))
    func dashboardKeysAct(place: String) throws {
        let states = try #require(Self.situations[place], "the test knows no state for \(place)")
        let bindings = try #require(DashboardKeys.all.first { $0.place == place }).bindings
        for key in bindings.flatMap(\.keys) {
            let acts = states.contains { state in
                var pressed = state
                return !pressed.press([key], on: Self.lines).isEmpty || screen(pressed) != screen(state)
            }
            #expect(acts, "\(Key.names([key])) changes nothing in: \(place)")
        }
    }

    @Test("In no pane has a key two meanings")
    func dashboardKeysAreOne() {
        for (place, states) in Self.situations {
            for state in states.prefix(1) {
                let keys = DashboardKeys.bindings(state).flatMap(\.keys)
                let twice = Dictionary(grouping: keys, by: \.self).filter { $0.value.count > 1 }.keys
                #expect(twice.isEmpty, "\(twice.map { Key.names([$0]) }) in: \(place)")
            }
        }
    }

    @Test("Every binding of the dashboard is in its help, on the screen")
    func dashboardHelp() {
        var state = SampleRun.failed.dashboard(rows: 130, columns: 170)
        state.press(["?"])
        let shown = DashboardScreen.draw(state, Self.lines).text
        expect(DashboardKeys.all.flatMap(\.bindings), in: KeyHelp(DashboardKeys.all, state), shown, state)
    }

    @Test("The footer names no key that would be refused")
    func footer() {
        var state = SampleRun.failed.dashboard(rows: 40, columns: 200)
        #expect(DashboardScreen.draw(state, Self.lines).text.contains("r retry"))
        state.run.markInterrupted()
        #expect(state.steeringRefusal != nil)
        #expect(!DashboardScreen.draw(state, Self.lines).text.contains("r retry"))
    }

    // MARK: - The list

    @Test("Every key in the help of the list does something where the help says", arguments: HomeKeys.all.map(\.place))
    func homeKeysAct(place: String) throws {
        let tests = HomeTests()
        func state(_ keys: [Key]) -> HomeState {
            var state = tests.state()
            _ = tests.press(keys, &state)
            return state
        }
        let schedules = try tests.scheduled()
        let situations: [String: [[Key]]] = [
            "everywhere": [[]], "the list": [[], ["G"], [.tab, "j"], [.tab], ["/", "s", .enter]],
            "the filter": [["/", "s"], ["/", "s", .down]], "questions": [["j", .enter], ["j", .enter, .tab]],
            "the help": [["?"], ["?", "j", "j"]], "the form": [],
        ]
        var states = try #require(situations[place], "the test knows no state for \(place)").map(state)
        if place == "the list" { states.append(schedules) }
        if place == "the form" {
            for keys in [[], ["x", .enter]] as [[Key]] {
                var state = try tests.withParameters()
                _ = tests.press([.enter] + keys, &state)
                states.append(state)
            }
        }
        for key in try #require(HomeKeys.all.first { $0.place == place }).bindings.flatMap(\.keys) {
            let acts = states.contains { state in
                var pressed = state
                let effects = HomeReducer().press(key, &pressed)
                (pressed.toast, pressed.now) = (state.toast, state.now)
                return !effects.isEmpty || HomeScreen.draw(pressed).styledText != HomeScreen.draw(state).styledText
            }
            #expect(acts, "\(Key.names([key])) changes nothing in: \(place)")
        }
    }

    @Test("Every binding of the list is in its help, on the screen")
    func homeHelp() {
        var state = HomeTests().state(rows: 50, columns: 100)
        _ = HomeReducer().press("?", &state)
        let help = KeyHelp(HomeKeys.all, state)
        expect(HomeKeys.all.flatMap(\.bindings), in: help, HomeScreen.draw(state).text, state)
    }

    /// Holds that a help tells of bindings, and that a screen shows it.
    private func expect<Reducer>(
        _ bindings: [KeyBinding<Reducer>], in help: KeyHelp, _ shown: String, _ state: Reducer.State
    ) {
        let rows = shown.split(separator: "\n")
        for binding in bindings {
            let entry = help.entries.first { $0.label == binding.label && $0.section == binding.section }
            #expect(
                entry.map { Set(binding.keys).isSubset(of: $0.keys) } == true, "\(binding.label) is not in the help")
            let text = binding.labelNow?(state) ?? binding.label
            let keys = Key.names(entry?.keys ?? [])
            #expect(
                rows.contains { $0.contains(keys) && $0.contains(text) }, "'\(keys)' '\(text)' is not on the screen")
        }
    }

    // MARK: - The manual

    @Test("The manual has the tables of both screens' keys")
    func manual() throws {
        let file = URL(filePath: Repository.path("docs/steering.md"))
        var text = try String(contentsOf: file, encoding: .utf8)
        for (screen, help) in [("list", KeyHelp(HomeKeys.all)), ("dashboard", KeyHelp(DashboardKeys.all))] {
            let start = "<!-- keys of the \(screen), printed by CAUDAL_RECORD_GOLDEN=1 -->\n"
            let from = try #require(text.range(of: start)).upperBound
            let rest = from..<text.endIndex
            let to = try #require(text.range(of: "\n<!-- end of keys -->", range: rest)).lowerBound
            guard text[from..<to] != help.table else { continue }
            text.replaceSubrange(from..<to, with: help.table)
            Issue.record("docs/steering.md had other keys of the \(screen) than these:\n\(help.table)")
        }
        if ProcessInfo.processInfo.environment["CAUDAL_RECORD_GOLDEN"] != nil {
            try text.write(to: file, atomically: true, encoding: .utf8)
        }
    }
}
