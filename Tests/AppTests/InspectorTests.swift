import CaudalModel
import Engine
import Foundation
import TestSupport
import Testing

@testable import App

/// The pages of the inspector.
@Suite("The inspector", .timeLimit(.minutes(15)))
struct InspectorTests {
    private func text(_ state: DashboardState) -> String {
        InspectorText(state).lines.map { $0.map(\.text).joined() }.joined(separator: "\n")
    }

    /// A stage that was tried twice, and failed in different ways.
    private func twice() -> DashboardState {
        var run = SampleRun(stages: [
            SampleRun.stage("load", expected: .seconds(1)), SampleRun.stage("mail", needs: ["load"]),
        ])
        run.fail("load", after: 100, Failure("exit status 1"), lines: ["a"])
        run.happen(.unitQueued("load"))
        run.fail("load", after: 300, Failure("no room on the disk"), lines: ["b"])
        run.happen(.unitEnded("mail", .blocked, reason: "load failed"))
        run.happen(.runEnded(.failed))
        return run.dashboard(rows: 40, columns: 120)
    }

    @Test("A key goes to each page, and the brackets go through all of them")
    func pages() {
        var state = twice()
        for (key, tab) in [("A", .attempts), ("D", .data), ("S", .command), ("T", .history)] as [(Key, InspectorTab)] {
            state.press(["1", key])
            #expect(state.tab == tab && DashboardLayout(state).focus == .inspector)
        }
        state.press([.escape, .enter])
        #expect(state.tab == .facts)
        var seen = [state.tab]
        for _ in 1..<InspectorTab.allCases.count {
            state.press(["]"])
            seen.append(state.tab)
        }
        #expect(seen == InspectorTab.allCases)
        state.press(["]"])
        #expect(state.tab == .facts)
        state.press(["["])
        #expect(state.tab == .history)
    }

    @Test("Of a fan-out that was resumed, the attempt is told of the items that it is true of")
    func itemAttempts() throws {
        var run = SampleRun(stages: [SampleRun.stage("clean", fanOut: true)])
        run.happen(.unitQueued("clean"))
        run.happen(.attemptStarted("clean", attempt: 1))
        let items = ["a", "b", "c"].map { Item(key: ItemKey($0), values: [:]) }
        var found = AttemptResult.succeeded
        found.items = items
        run.happen(.attemptEnded("clean", attempt: 1, found))
        run.happen(.itemsFound("clean", items))
        run.start(UnitID("clean", "a"))
        run.happen(.runResumed(ProcessIdentity(pid: 42, startTicks: 7, bootID: "boot")))
        run.happen(.attemptEnded(UnitID("clean", "a"), attempt: 1, AttemptResult(ending: .interrupted)))
        run.start(UnitID("clean", "a"))
        run.start(UnitID("clean", "b"))
        var state = run.dashboard(rows: 40, columns: 160)
        state.press([.enter])
        func told() -> String { InspectorText(state).facts.map(\.text).joined() }
        #expect(told() == "1 of 3 items tried again")
        for (item, words) in [("a", "attempt 2"), ("b", ""), ("c", "")] {
            state.show(UnitID("clean", ItemKey(item)))
            #expect(told() == words, "\(item)")
        }
        let stage = try #require(run.state.stage("clean"))
        #expect(ConfirmationRequest.retry("clean", of: stage).title == "Retry clean?")
        let report = RunReport(state: run.state, now: run.now).text(in: .markdown)
        #expect(report.contains("1 of 3 items tried again") && !report.contains("attempt 2"), "\(report)")
    }

    @Test("Attempts stand side by side, and what differs is marked")
    func attempts() {
        var state = twice()
        state.press(["A"])
        let lines = text(state).split(separator: "\n")
        #expect(lines[0].contains("#2 failed") && lines[0].contains("#1 failed"))
        #expect(
            lines.contains {
                $0.hasPrefix("≠ why") && $0.contains("no room on the disk") && $0.contains("exit status 1")
            })
        #expect(lines.contains { $0.hasPrefix("≠ last line") } && lines.contains { $0.hasPrefix("  exit") })
    }

    @Test("The rows that fail a check are shown with all of their columns, below each other where a table is too wide")
    func samples() throws {
        var run = SampleRun(stages: [SampleRun.stage("check", type: "check")])
        run.start("check")
        run.pass(50)
        var passed = CheckResult(
            id: "unique_id", kind: "unique", severity: .error, outcome: .passed, expectation: "no duplicates",
            message: "none")
        passed.measured = 0
        var failed = CheckResult(
            id: "range_amount", kind: "range", severity: .error, outcome: .failed, measured: 2,
            expectation: "0 rows out of range",
            message: "2 rows out of range of 90", failingRows: 2, totalRows: 90)
        let columns = ["amount"] + (1...12).map { "column_\($0)" }
        failed.samples = [Int64(7), 4711].map { row in
            SampleRow(row: row, columns: columns, values: columns.map { Optional("\($0)@\(Int(row))") })
        }
        var result = AttemptResult.failed("1 check failed")
        result.checks = [passed, failed]
        run.happen(.attemptEnded("check", attempt: 1, result))
        run.happen(.unitEnded("check", .failed, reason: "1 check failed"))
        run.happen(.runEnded(.failed))
        var state = run.dashboard(rows: 24, columns: 80)
        state.press(["D"])
        let page = text(state)
        #expect(
            try #require(page.range(of: "range_amount")).lowerBound < #require(page.range(of: "unique_id")).lowerBound,
            "the worst is first")
        #expect(page.contains("expected 0 rows out of range"))
        #expect(page.contains("row 4,711  amount amount@4711") && page.contains("column_12 column_12@7"))
        state.press(["z"])
        let screen = DashboardScreen.draw(state, LogLineList()).text
        #expect(screen.contains("row 7  amount") && screen.contains("column_12@7") && screen.contains("column_12@4711"))
        (state.rows, state.columns) = (60, 400)
        #expect(text(state).contains("4,711  amount@4711"), "a wide pane has a table")
    }

    @Test(
        "Of long values that are alike, what differs is seen, and the rest is scrolled to", arguments: [80, 120, 200])
    func longValues(columns: Int) throws {
        var run = SampleRun(stages: [SampleRun.stage("check")])
        run.start("check")
        var failed = CheckResult(
            id: "note_is_short", kind: "length", severity: .error, outcome: .failed, expectation: "at most 100",
            message: "2 rows")
        let (head, tail) = (String(repeating: "abcdefghij", count: 20), String(repeating: "0123456789", count: 10))
        failed.samples = ["ONE", "TWO"].enumerated().map { row, word in
            SampleRow(
                row: Int64(row + 1), columns: ["note", "id", "day"],
                values: [head + word + tail, "17", "2026-11-2\(row)"])
        }
        var result = AttemptResult.failed("1 check failed")
        result.checks = [failed]
        run.happen(.attemptEnded("check", attempt: 1, result))
        run.happen(.unitEnded("check", .failed, reason: "1 check failed"))
        var state = run.dashboard(rows: 24, columns: columns)
        state.press(["D", "z"])
        let screen = DashboardScreen.draw(state, LogLineList()).text
        #expect(screen.contains(/1  17  2026-11-20  abcdefgh…efghijONE012345…23456789/), "\(screen)")
        #expect(screen.contains(/2  17  2026-11-21  abcdefgh…efghijTWO012345…23456789/), "\(screen)")
        let whole = try #require(text(state).split(separator: "\n").first { $0.contains("the same in all") })
        #expect(whole.contains(head) && whole.contains(tail), "what was cut out can be read")
        #expect(screen.contains("›"))
        for _ in 1...20 { state.press(["l"]) }
        let end = DashboardScreen.draw(state, LogLineList()).text
        #expect(end.contains("‹") && end.contains(String(tail.suffix(20))), "\(end)")
    }

    @Test("What was looked up is shown: earlier runs, the SQL as it ran, the place in the file, the log")
    func details() throws {
        var state = twice()
        state.press(["T"])
        let key = try #require(state.wantedDetails)
        #expect(key.unit == "load" && key.attempt == 2)
        var details = UnitDetails(key)
        details.endings = [(Outcome.succeeded, 1), (.failed, 9), (.succeeded, 2), (.succeeded, 3)].enumerated().map {
            StageEnding(
                run: RunID("r\($0.offset)"), started: 1_795_000_000_000, outcome: $0.element.0,
                duration: .seconds($0.element.1))
        }
        details.sql = ["-- load", "SELECT 1"]
        details.place = SourceLocation(file: "sales.yaml", line: 12, column: 3)
        _ = DashboardReducer(lines: LogLineList()).reduce(&state, .details(details))
        #expect(state.wantedDetails == nil, "it is looked up once")
        #expect(text(state).contains("✓✗✓✓✗  5, the last is this one") && text(state).contains("p50 2.0s  p95 3.0s"))
        state.press(["S"])
        #expect(text(state).hasPrefix("command  sales.yaml:12:3") && text(state).contains("  SELECT 1"))
        state.press(["[", "[", "["])
        #expect(state.tab == .log && text(state) == "reading …", "the log is searched for its lines only here")
        let withLog = try #require(state.wantedDetails)
        #expect(withLog.hasLog)
        details = UnitDetails(withLog)
        details.log = ["first", "last"]
        _ = DashboardReducer(lines: LogLineList()).reduce(&state, .details(details))
        #expect(text(state) == "last\nfirst", "the newest line is seen at once")
        state.selection = "mail"
        #expect(state.wantedDetails?.unit == "mail" && text(state) == "reading …")
    }

    @Test("The error, the command and other texts of a stage are copied with two keys")
    func copying() {
        var state = twice()
        guard case .copy(.text(let error, "the error of load"))? = state.press(["y"]).first else {
            Issue.record("the error was not copied")
            return
        }
        #expect(error == "no room on the disk\nb")
        for (key, wanted) in [
            ("e", "the error of load"), ("n", "the name of load"), ("r", "the command that retries load"),
            ("c", "the command of load"),
        ] as [(Key, String)] {
            guard case .copy(.text(_, let what))? = state.press(["Y", key]).first else {
                Issue.record("\(wanted) was not copied")
                continue
            }
            #expect(what == wanted && state.overlay == nil)
        }
        guard case .copy(.log("load"))? = state.press(["Y", "l"]).first else {
            Issue.record("the log was not copied")
            return
        }
        #expect(state.retryLine == "caudal retry 20261123-130400-k3f9 load")
        state.selection = UnitID("load", "region=north east")
        #expect(state.retryLine == "caudal retry 20261123-130400-k3f9 'load/region=north east'")
    }

    @Test("Programs of the user are effects, and a changed file offers a retry")
    func programs() {
        var state = twice()
        guard case .page("load")? = state.press(["o"]).first, case .edit("load")? = state.press(["O"]).first else {
            Issue.record("the keys start no programs")
            return
        }
        state.isLive = false
        let reducer = DashboardReducer(lines: LogLineList())
        guard case .prepare(let request)? = reducer.reduce(&state, .edited(isChanged: true)).first else {
            Issue.record("no retry is offered")
            return
        }
        #expect(request.title == "Retry load?  attempt 3")
        #expect(reducer.reduce(&state, .edited(isChanged: false)).isEmpty)
        state.isLive = true
        #expect(
            !reducer.reduce(&state, .edited(isChanged: true)).isEmpty, "this process can reopen what has ended in it")
        var watched = DashboardState(state.run, now: state.now, rows: 40, columns: 120, ownsRun: false)
        #expect(reducer.reduce(&watched, .edited(isChanged: true)).isEmpty)
        #expect(watched.standingToast?.text.contains("once the process that has the run open has ended") == true)
        var running = SampleRun.inTheMiddle.dashboard(rows: 40, columns: 120)
        #expect(reducer.reduce(&running, .edited(isChanged: true)).isEmpty)
        #expect(running.standingToast?.text.contains("once the run has ended") == true)
    }
}

@Suite("A stage that the edited file has no more", .timeLimit(.minutes(15)))
struct GoneStageTests {
    private func gone(_ before: String, _ after: String) -> GoneStage? {
        func stages(_ text: String) -> [StageID] { text.split(separator: " ").map { StageID(String($0)) } }
        return GoneStage("load", of: "p.yaml", before: stages(before), after: stages(after))
    }

    @Test(
        "The one new stage at its place is named, and none where there may be another one",
        arguments: [
            ("a load b", "a fetch b", "fetch"), ("load b", "fetch b", "fetch"), ("a load", "a fetch", "fetch"),
            ("load", "fetch", "fetch"), ("a load b", "a b", nil), ("a load b", "a one two b", nil),
            ("a load b", "a b fetch", nil), ("a load more b", "a fetch b", nil), ("a load b", "b fetch a", nil),
            ("a load b c", "new a fetch b c", "fetch"),
        ] as [(String, String, String?)])
    func successor(before: String, after: String, name: String?) throws {
        let gone = try #require(self.gone(before, after))
        #expect(gone.successor == name.map { StageID($0) })
        let place = name.map { ": \($0) stands in its place" } ?? ""
        #expect(gone.words == "load is no longer in p.yaml\(place)")
    }

    @Test("A stage that is there, one that was not, and a file that cannot be read are no such stages")
    func others() {
        for (before, after) in [("a load", "load b"), ("a b", "a"), ("a load", "")] {
            #expect(gone(before, after) == nil)
        }
    }

    @Test("It is told with the question, with why there is none, and where the run goes on elsewhere")
    func told() throws {
        let run = SampleRun.twiceHarmful
        let reducer = DashboardReducer(lines: LogLineList())
        let gone = try #require(GoneStage("load", of: "p.yaml", before: ["make", "load"], after: ["make", "fetch"]))
        var state = run.dashboard(rows: 40, columns: 120)
        state.select("load")
        guard case .prepare(let request)? = reducer.reduce(&state, .edited(isChanged: true, gone: gone)).first else {
            Issue.record("nothing is asked")
            return
        }
        #expect(request.title == "Go on with the changed file?")
        func answer(_ run: RunState) -> ConfirmationBuilder.Outcome {
            ConfirmationBuilder(
                run: run, isLive: false, now: state.now, files: { _ in [] }, previewReopening: SampleRun.withChangedFile
            ).build(request)
        }
        guard case .question(let question) = answer(run.state) else {
            Issue.record("no question")
            return
        }
        #expect(question.choices.allSatisfy { $0.lines.first?.text == gone.words }, "\(question)")
        var watched = DashboardState(run.state, now: run.now, rows: 40, columns: 120, ownsRun: false)
        #expect(reducer.reduce(&watched, .edited(isChanged: true, gone: gone)).isEmpty)
        #expect(watched.standingToast?.text.hasPrefix(gone.words + "; a retry uses it once") == true)
    }
}

@Suite("Text for the clipboard", .timeLimit(.minutes(15)))
struct ClipboardTextTests {
    @Test("A text goes to the clipboard by OSC 52, under tmux also past it")
    func sequences() {
        let clip = ClipboardText("é")
        #expect(clip.sequence(isTmux: false) == "\u{1b}]52;c;w6k=\u{07}")
        #expect(
            clip.sequence(isTmux: true)
                == "\u{1b}]52;c;w6k=\u{07}\u{1b}Ptmux;\u{1b}\u{1b}]52;c;w6k=\u{07}\u{1b}\\")
        #expect(clip.words("the line") == "copied the line: 1 line")
    }

    @Test("Of a text that is too long, the last lines are copied, and this is told")
    func cap() {
        let clip = ClipboardText((0..<20_000).map { "line \($0)\n" }.joined())
        #expect(clip.isCut && clip.text.utf8.count <= ClipboardText.limit)
        #expect(clip.text.hasPrefix("line ") && clip.text.hasSuffix("line 19999\n"))
        #expect(
            clip.words("the log").hasPrefix("copied the last 5,1")
                && clip.words("the log").contains("a terminal takes 56.2 kB"))
        let one = ClipboardText(String(repeating: "é", count: 50_000))
        #expect(one.isCut && one.text.allSatisfy { $0 == "é" })
    }

    @Test("Of a fan-out that failed, the attempts of the items that failed are told")
    func failedItems() {
        var run = SampleRun(stages: [SampleRun.stage("load", fanOut: true)])
        run.happen(.unitQueued("load"))
        run.happen(.attemptStarted("load", attempt: 1))
        let items = ["north", "south"].map { Item(key: ItemKey($0), values: ["region": $0]) }
        var found = AttemptResult.succeeded
        found.items = items
        run.happen(.attemptEnded("load", attempt: 1, found))
        run.happen(.itemsFound("load", items))
        run.succeed(UnitID("load", "north"), after: 100)
        run.fail(UnitID("load", "south"), after: 300, Failure("no room"), lines: [])
        run.happen(.unitEnded("load", .failed, reason: "1 of 2 items failed"))
        let lines = InspectorText(run.dashboard(rows: 40, columns: 120)).lines.map { $0.map(\.text).joined() }
        let first = lines.first { $0.hasPrefix("attempts") } ?? ""
        #expect(first.contains("south  #1") && first.contains("failed"), "\(lines)")
        #expect(lines.contains { $0.contains("found its items") })
    }

    @Test("The page of the command begins with what ran")
    func workFirst() {
        let sql = ["SET threads = 2;", ".bail on", ".safe_mode", ".print @@1", "SELECT 1;", ".print @@2"]
        #expect(
            InspectorText.workFirst(sql) == [
                "SELECT 1;", "", "-- before it:", "SET threads = 2;", ".bail on", ".safe_mode",
            ])
        let command = ["foreach:", "  items: [a, b]", "run: |", "  echo a", "  echo b", "type: command"]
        #expect(
            InspectorText.workFirst(command) == [
                "run: |", "  echo a", "  echo b", "foreach:", "  items: [a, b]", "type: command",
            ])
    }

    @Test("The inspector has the rows that an empty log does not need, and a log with lines keeps its own")
    func roomOfTheLog() throws {
        for (columns, rows) in [(120, 40), (200, 60)] {
            var state = SampleRun.failed.dashboard(rows: rows, columns: columns)
            state.select(UnitID("validate"))
            state.press(["e"])
            var failed = state
            let before = try #require(DashboardLayout(state).frame(of: .inspector)).rows.count
            let lines = InspectorText(state).lines.count
            failed.log.count = 0
            let frame = try #require(DashboardLayout(failed).frame(of: .inspector))
            #expect(frame.rows.count > min(before, lines), "\(columns): \(frame.rows) for \(lines) lines")
            #expect(frame.rows.count >= before)
            let log = try #require(DashboardLayout(failed).frame(of: .log))
            #expect(log.rows.count >= 4, "an empty log says that it is")
            failed.log.count = 5000
            #expect(DashboardLayout(failed).frame(of: .inspector)?.rows.count == before)
            (failed.log.count, failed.focus) = (0, .log)
            #expect(DashboardLayout(failed).frame(of: .log)?.rows.count ?? 0 >= log.rows.count, "it is what is read")
        }
    }
}
