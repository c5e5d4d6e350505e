import CaudalModel
@testable import App
import Engine
import Foundation
import Testing

/// Whole screens against recorded ones: cells with a row of style marks below.
///
/// `CAUDAL_RECORD_GOLDEN=1 swift test --filter Snapshot` records them anew and fails, so that nobody records unseen.
@Suite("Screens", .timeLimit(.minutes(15)))
struct DashboardSnapshotTests {
    private static let sizes: [(columns: Int, rows: Int)] = [(40, 10), (80, 24), (120, 40), (200, 60)]

    @Test("A run in the middle of its work")
    func running() throws {
        try compare("running", SampleRun.inTheMiddle) { _ in }
    }

    @Test("A run whose last stage failed, selected")
    func failed() throws {
        try compare("failed", SampleRun.failed) { $0.press([.character("e")]) }
    }

    @Test("The inspector tells why a stage failed")
    func inspector() throws {
        try compare("inspector", SampleRun.failed) { $0.press([.character("e"), .enter]) }
    }

    @Test("Before a retry the operator sees what it would bring about")
    func question() throws {
        try compare("retry", SampleRun.failed) { $0.press([.character("e"), .character("r"), .tab]) }
    }

    @Test("Before an ended run is taken up again, the question tells what was changed in its file")
    func changedFile() throws {
        try compare("changed", .failed) { state in
            state.isLive = false
            state.press([.character("e"), .character("r"), .tab], previewReopening: SampleRun.withChangedFile)
        }
    }

    @Test("Where a question does not fit, it says how much is below and shows that a page down")
    func longQuestion() throws {
        try compare("changed-below", .failed) { state in
            state.isLive = false
            state.press(
                [.character("e"), .character("r"), .tab, .pageDown, .pageDown],
                previewReopening: SampleRun.withChangedFile)
        }
    }

    @Test("The help over a run")
    func help() throws {
        try compare("help", SampleRun.inTheMiddle) { $0.press([.character("?")]) }
    }

    @Test("Items of a fan-out are listed when it is unfolded")
    func unfolded() throws {
        try compare("items", SampleRun.inTheMiddle) { state in
            state.unfolded = ["process"]
            state.focus = .stages
            state.selection = UnitID("process", "north")
        }
    }

    @Test("What is searched for stands out in the log, with the number of its place")
    func logSearch() throws {
        try compare("log-search", SampleRun.failed) { state in
            state.press([.character("3"), .character("/")] + "succeeded in 1".map { .character($0) } + [.enter])
            state.press([.character("n"), .character("m"), .down])
        }
    }

    @Test("A stage is found while its name is typed")
    func stageSearch() throws {
        try compare("stage-search", SampleRun.failed) { $0.press([.character("/"), .character("q"), .character("u")]) }
    }

    @Test("Actions are found by their names")
    func palette() throws {
        try compare("palette", SampleRun.failed) { $0.press(":ret".map { .character($0) } + [.down]) }
    }

    @Test("What can be copied of a stage is listed with its keys")
    func copying() throws {
        try compare("copying", SampleRun.failed) { $0.press([.character("e"), .character("Y")]) }
    }

    @Test("Picked stages stand out wherever they are")
    func picks() throws {
        try compare("picks", SampleRun.twiceHarmful) { $0.press(["2", "g", "m", "j", "m"]) }
    }

    @Test("Numbers of limits are changed in a box")
    func limits() throws {
        try compare("limits", SampleRun.inTheMiddle) { $0.press(["p", "+"]) }
    }

    @Test("Failing rows stand in a table, and may be corrected")
    func data() throws {
        try compare("data", SampleRun.failed) { state in
            state.select("validate")
            state.press(["D"])
        }
    }

    @Test("Every pane is drawn with the focus and zoomed", arguments: DashboardState.Pane.allCases)
    func panes(pane: DashboardState.Pane) throws {
        try compare("zoomed-\(pane)", SampleRun.inTheMiddle) {
            $0.press([.character(Character("\(pane.rawValue)")), "z"])
        }
    }

    @Test("Every view of the graph is drawn", arguments: [DashboardState.GraphView.graph, .focus, .groups])
    func views(view: DashboardState.GraphView) throws {
        try compare("view-\(view.rawValue)", SampleRun.inTheMiddle) { $0.view = view }
    }

    @Test("A prompt says what may be typed", arguments: ["log-filter", "stage-filter", "reason"])
    func prompts(name: String) throws {
        try compare("prompt-\(name)", SampleRun.failed) { state in
            switch name {
            case "log-filter": state.press(["3", "f"] + "level:warn".map { .character($0) })
            case "stage-filter": state.press(["f"] + "state:failed".map { .character($0) })
            default: state.press(["e", "=", "s"])
            }
        }
    }

    @Test("Attempts of a stage stand side by side")
    func attempts() throws {
        try compare("attempts", SampleRun.failed) { $0.press([.character("e"), .character("A")]) }
    }

    /// Draws a screen at every size and holds it against what was recorded.
    private func compare(_ name: String, _ run: SampleRun, _ change: (inout DashboardState) -> Void) throws {
        for size in Self.sizes {
            var state = run.dashboard(rows: size.rows, columns: size.columns)
            change(&state)
            let drawn = DashboardScreen.draw(state, run.lines.shown(state)).styledText
            try Golden.compare(drawn, with: "\(name)-\(size.columns)x\(size.rows).txt")
        }
    }
}

/// Recorded texts beside the tests.
enum Golden {
    static let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Golden")

    static func compare(_ text: String, with name: String) throws {
        let file = folder.appending(path: name)
        if ProcessInfo.processInfo.environment["CAUDAL_RECORD_GOLDEN"] != nil {
            try text.write(to: file, atomically: true, encoding: .utf8)
            Issue.record("recorded \(name): look at it, then run without CAUDAL_RECORD_GOLDEN")
            return
        }
        let recorded = try String(contentsOf: file, encoding: .utf8)
        guard text != recorded else { return }
        let (old, new) = (
            recorded.split(separator: "\n", omittingEmptySubsequences: false),
            text.split(separator: "\n", omittingEmptySubsequences: false)
        )
        let first =
            zip(old, new).enumerated().first { $0.element.0 != $0.element.1 }?.offset ?? min(old.count, new.count)
        Issue.record("\(name) differs from line \(first + 1) on; it was\n\(recorded)\nand is now\n\(text)")
    }
}

extension DashboardState {
    /// Presses keys, one after the other; what has to be done outside for the last of them.
    @discardableResult
    mutating func press(
        _ keys: [Key], on lines: LogLineList = SampleRun.failed.lines,
        previewReopening: ((RunState) throws -> ReopenPreview)? = nil
    ) -> [DashboardEffect] {
        var reducer = DashboardReducer(lines: lines.shown(self))
        var effects: [DashboardEffect] = []
        for key in keys {
            effects = []
            for effect in reducer.reduce(&self, .key(key)) {
                if case .showLog = effect {
                    reducer = DashboardReducer(lines: lines.shown(self))
                    effects += reducer.reduce(&self, .log)
                    continue
                }
                guard case .prepare(let request) = effect else {
                    effects.append(effect)
                    continue
                }
                let reader = ConfirmationBuilder(
                    run: run, isLive: isLive, now: now, files: { _ in [] },
                    previewReopening: previewReopening ?? { ReopenPreview(state: $0, file: $0.plan.file, change: nil) })
                effects += reducer.reduce(&self, .confirmation(reader.build(request)))
            }
        }
        return effects
    }
}

extension LogLineList {
    /// The lines as a dashboard shows them.
    func shown(_ state: DashboardState) -> LogLineList {
        var lines = self
        lines.view = state.log.shown
        return lines
    }
}
