import CaudalModel
@testable import App
import Engine
import Foundation
import Testing

@Suite("What keys mean", .timeLimit(.minutes(15)))
struct DashboardReducerTests {
    private func failed(readOnly: Bool = false) -> DashboardState {
        SampleRun.failed.dashboard(rows: 40, columns: 120, readOnly: readOnly)
    }

    @Test("The first failure is selected by itself, so that enter shows why")
    func failureIsSelected() {
        var state = SampleRun.inTheMiddle.dashboard(rows: 40, columns: 120)
        let event = RunEvent(
            sequence: state.run.lastSequence + 1, time: state.now, change: .unitEnded("enrich", .failed, reason: "no"))
        _ = DashboardReducer(lines: LogLineList()).reduce(&state, .events([event]))
        #expect(state.selection == "enrich")
        state.press([.enter])
        #expect(state.focus == .inspector)
    }

    @Test("A retry is asked about, and the first choice changes nothing")
    func retryAsks() {
        var state = failed()
        state.press([.character("e"), .character("r")])
        guard case .confirm(let question)? = state.overlay else {
            Issue.record("nothing was asked")
            return
        }
        #expect(question.title == "Retry publish?  attempt 2")
        #expect(question.chosen.effect == nil)
        #expect(state.press([.enter]).isEmpty)
        #expect(state.overlay == nil)
    }

    @Test("What does harm when it runs twice is retried only after its name was typed")
    func harmfulRetry() {
        var state = failed()
        let early = state.press([.character("e"), .character("r"), .tab, .enter])
        #expect(early.isEmpty, "the name was not typed")
        let effects = state.press("publish".map { .character($0) } + [.enter])
        guard case .send(.retry("publish", downstream: false))? = effects.first else {
            Issue.record("\(effects) is no retry of publish")
            return
        }
    }

    @Test("Several stages that do harm when they run twice are retried once a word was typed")
    func severalHarmful() {
        var state = SampleRun.twiceHarmful.dashboard(rows: 40, columns: 120)
        state.press([.character("R"), .tab] + "load".map { .character($0) } + [.enter])
        #expect(state.standingToast?.text == "type again to confirm")
        let shown = DashboardScreen.draw(state, LogLineList()).text
        #expect(shown.contains("load, publish"), "both are named: \(shown)")
        state.press([Key](repeating: .backspace, count: 4))
        let effects = state.press("again".map { .character($0) } + [.enter])
        guard case .send(.retryFailed)? = effects.first else {
            Issue.record("\(effects) retries nothing")
            return
        }
    }

    @Test("What was typed for one choice does not count for another")
    func typedForAnother() {
        var state = failed()
        state.press(
            [.character("e"), .character("r"), .tab] + "publish".map { .character($0) } + [.tab, .tab, .enter])
        #expect(state.standingToast?.text == "type publish to confirm")
    }

    /// An ended run that no process runs, with something failed selected.
    private func ended() -> DashboardState {
        var state = failed()
        state.isLive = false
        state.press([.character("e")])
        return state
    }

    @Test("What a changed file changes is told before a run is taken up again, and agreed to with it")
    func changedFile() {
        var state = ended()
        state.press([.character("r"), .tab], previewReopening: SampleRun.withChangedFile)
        let shown = DashboardScreen.draw(state, LogLineList()).text
        #expect(shown.contains("config/demo.yaml has changed since the run began:"), "\(shown)")
        #expect(shown.contains("- run: upload") && shown.contains("+ run: upload --again"), "\(shown)")
        #expect(shown.contains("not rerun, because it had succeeded: enrich"), "\(shown)")
        let effects = state.press("publish".map { .character($0) } + [.enter])
        guard case .reopen(.retry("publish", downstream: false), let agreement)? = effects.first else {
            Issue.record("\(effects) does not take the run up")
            return
        }
        let change = SampleRun.withChangedFile(state.run).change
        #expect(agreement.covers(change, harmful: ["publish"]))
        #expect(!agreement.covers(nil, harmful: ["publish"]), "the file was changed back meanwhile")
        #expect(!agreement.covers(change, harmful: ["publish", "load"]))
    }

    @Test("Changed stages that had succeeded can be run again from the question")
    func changedStages() {
        var state = ended()
        state.press([.character("r"), .backTab], previewReopening: SampleRun.withChangedFile)
        let effects = state.press("publish".map { .character($0) } + [.enter])
        guard case .reopen(.retryStages(let stages), _)? = effects.first else {
            Issue.record("\(effects) runs no changed stages")
            return
        }
        #expect(stages == ["enrich", "quality", "report", "publish"])
    }

    @Test("A file with faults is told of, and nothing is asked of the run")
    func brokenFile() {
        var state = ended()
        let effects = state.press([.character("R"), .tab, .enter]) { _ in
            throw Failure("config/demo.yaml:3: this is no stage")
        }
        #expect(effects.isEmpty)
        var shown = ended()
        shown.press([.character("R")]) { _ in throw Failure("config/demo.yaml:3: this is no stage") }
        let text = DashboardScreen.draw(shown, LogLineList()).text
        #expect(text.contains("demo.yaml:3: this is no stage") && text.contains("--as-started"), "\(text)")
    }

    @Test("A harmless stage is retried with two keys after the question")
    func harmlessRetry() {
        var state = failed()
        state.selection = "enrich"
        let effects = state.press([.character("r"), .tab, .enter])
        guard case .send(.retry("enrich", downstream: false))? = effects.first else {
            Issue.record("\(effects) is no retry of enrich")
            return
        }
    }

    @Test("A read-only dashboard sends nothing", arguments: ["r", "R", "x", "X", "P", "O"] as [Character])
    func readOnly(key: Character) {
        var state = failed(readOnly: true)
        #expect(state.press([.character("e"), .character(key), .tab, .enter]).isEmpty)
        #expect(state.standingToast?.text == "this dashboard is read-only")
    }

    @Test("Leaving an ended run just leaves; leaving a live one asks first")
    func quitting() {
        var ended = failed()
        guard case .quit? = ended.press([.character("q")]).first else {
            Issue.record("an ended run keeps its operator")
            return
        }
        var live = SampleRun.inTheMiddle.dashboard(rows: 40, columns: 120)
        #expect(live.press([.character("q")]).isEmpty)
        guard case .detach? = live.press([.tab, .enter]).first else {
            Issue.record("leaving is not offered")
            return
        }
    }

    @Test("The log can be narrowed to the selected stage and to errors, and goes back")
    func logFilter() {
        let lines = SampleRun.failed.lines
        var state = failed()
        state.press([.character("e"), .character("L")], on: lines)
        #expect(lines.shown(state).count == 4, "publish wrote four lines")
        state.press([.character("L"), .character("!")], on: lines)
        #expect(lines.shown(state).count == 1, "there is one line of error")
        state.press([.escape], on: lines)
        #expect(lines.shown(state).count == lines.count)
    }

    @Test("A search finds lines and says so when there are none")
    func search() {
        let lines = SampleRun.failed.lines
        var state = failed()
        state.press([.character("3"), .character("/")] + "warehouse".map { .character($0) } + [.enter], on: lines)
        #expect(lines.shown(state).hits == 1)
        state.press([.character("/")] + "x".map { .character($0) } + [.character("§"), .enter], on: lines)
        #expect(state.standingToast?.text == "'x§' is not in the log")
    }

    @Test("Any keys in any order leave a state that can be drawn at any size")
    func anyKeys() {
        var generator = SplitMix64(seed: 20)
        let keys: [Key] =
            "qjkhlrRxXPeEzvLf/nNyYM?12345gG 0$!:wtm'F[]ADST+-oO".map { .character($0) } + [
                .up, .down, .left, .right, .enter, .escape, .tab, .backTab, .backspace, .home, .end, .pageUp, .pageDown,
                .click(row: 5, column: 9), .wheelUp(row: 20, column: 3), .wheelDown(row: 30, column: 40),
            ]
        let lines = SampleRun.failed.lines
        for _ in 0..<20 {
            var state =
                Bool.random(using: &generator) ? failed() : SampleRun.inTheMiddle.dashboard(rows: 24, columns: 80)
            for _ in 0..<25 {
                state.press([keys.randomElement(using: &generator) ?? .enter], on: lines)
                (state.rows, state.columns) = (
                    Int.random(in: 1...70, using: &generator), Int.random(in: 1...220, using: &generator)
                )
                let drawn = DashboardScreen.draw(state, lines.shown(state))
                if drawn.width != state.columns || drawn.height != state.rows { Issue.record("another size") }
            }
        }
    }

    @Test("What a dead process was running has one sign and no bar, and the run no progress but what succeeded")
    func interrupted() {
        var run = SampleRun(stages: [
            SampleRun.stage("join", expected: .seconds(1)), SampleRun.stage("load", needs: ["join"]),
        ])
        run.start("join")
        run.pass(700)
        run.happen(.progressed("join", attempt: 1, Progress(fraction: 0.9)))
        for (rows, columns) in [(24, 80), (40, 120), (60, 200)] {
            let state = DashboardState(
                run.state, now: run.now, rows: rows, columns: columns, isLive: false, zone: .gmt)
            let text = DashboardScreen.draw(state, LogLineList()).text
            #expect(text.contains(/!\s+join/) && text.contains(/join.* interrupted/), "\(text)")
            #expect(text.contains(/join.* 0.7s/), "it took as long as it is known to have run: \(text)")
            #expect(text.contains(" 0/2") && !text.contains("%") && !text.contains("⠋"), "\(text)")
        }
    }

    @Test("What is interrupted has one word wherever it is told, searched for and filtered")
    func interruptedWord() throws {
        var run = SampleRun(stages: [SampleRun.stage("join"), SampleRun.stage("load", needs: ["join"])])
        run.start("join")
        var state = DashboardState(run.state, now: run.now, rows: 40, columns: 120, isLive: false, zone: .gmt)
        let words = RunWords.summary(state.run, now: run.now, paint: Paint(.never), nil)
        #expect(words[0].rendered().contains(/interrupted in .*: .*1 interrupted/), "\(words)")
        state.press(["/"] + "interru".map { .character($0) })
        #expect(state.selection == "join" && state.search?.found == ["join"])
        state.press([.enter, .escape, "f"] + "state:interrupted".map { .character($0) } + [.enter])
        #expect(StagePane.listed(state) == ["join"])
        state.press([.escape, "f"] + "state:running".map { .character($0) } + [.enter])
        #expect(StagePane.listed(state).isEmpty, "nothing runs")
        var other = run
        other.happen(.attemptEnded("join", attempt: 1, .succeeded))
        other.happen(.unitEnded("join", .succeeded, reason: nil))
        let difference = try #require(
            RunComparison(state.run, other.state).differences.first { $0.aspect == "state" })
        #expect(difference.here == "interrupted" && difference.there == "succeeded")
    }

    @Test(
        "A run that is cancelled does not look as if it went on: no percentage, no estimate", arguments: [false, true])
    func cancelled(hasEnded: Bool) {
        var run = SampleRun.inTheMiddle
        let going = DashboardScreen.draw(run.dashboard(rows: 40, columns: 160), LogLineList()).text
        #expect(going.contains("ETA") && going.contains("%"), "\(going)")
        run.happen(.commandReceived(.cancelRun, by: "ann"))
        for id in ["enrich", "quality", "report", "publish"] {
            run.happen(.unitEnded(UnitID(StageID(id)), .cancelled, reason: "cancelled by ann"))
        }
        if hasEnded {
            for key: ItemKey in ["north", "south", "west"] {
                run.happen(.unitEnded(UnitID("process", key), .cancelled, reason: "cancelled by ann"))
            }
            run.happen(.unitEnded("process", .cancelled, reason: "cancelled by ann"))
            run.happen(.runEnded(.cancelled))
        }
        for (rows, columns) in [(24, 80), (40, 120), (60, 200)] {
            let state = run.dashboard(rows: rows, columns: columns)
            let lines = DashboardScreen.draw(state, LogLineList()).text.split(separator: "\n")
            #expect(lines[0].contains(hasEnded ? "CANCELLED ⊗" : "CANCELLING"), "\(lines[0])")
            #expect(!lines[0].contains("ETA"), "\(lines[0])")
            #expect(lines[1].contains(" 3/8 ") && !lines[1].contains("%"), "\(lines[1])")
        }
        guard hasEnded else { return }
        let state = run.dashboard(rows: 40, columns: 120)
        let row = state.information("process", width: 40).map(\.text).joined()
        #expect(row == "3 cancelled  2 succeeded", "\(row)")
    }

    @Test("The bar of a run that has ended has a cell of each state, and what succeeded no more than its share")
    func barOfStates() {
        let parts = ProgressBar.states(
            [(.succeeded, 497, .good), (.failed, 1, .bad), (.cancelled, 2, .dim)], width: 20)
        #expect(parts.reduce(0) { $0 + $1.text.count } == 20)
        #expect(parts.contains { $0.style == .bad && $0.text.count == 1 })
        #expect(ProgressBar.states([(.pending, 3, .dim)], width: 10).map(\.text).joined() == "░░░░░░░░░░")
        #expect(ProgressBar.states([(.succeeded, 3, .good)], width: 10).map(\.text).joined() == "██████████")
    }

    @Test("On the screen of an interrupted run nothing goes on with the time", arguments: InspectorTab.allCases)
    func deadTime(tab: InspectorTab) {
        var run = SampleRun.inTheMiddle
        run.pass(500)
        run.start("enrich")
        run.pass(2000)
        run.happen(.progressed("enrich", attempt: 1, Progress(fraction: 0.5)))
        func screen(after milliseconds: Int64, _ stage: UnitID) -> [Substring] {
            let now = Moment(wall: run.now.wall + milliseconds, steady: run.now.steady + milliseconds)
            var state = DashboardState(run.state, now: now, rows: 60, columns: 200, isLive: false, zone: .gmt)
            (state.selection, state.tab, state.focus, state.showsInspector) = (stage, tab, .inspector, true)
            return DashboardScreen.draw(state, LogLineList()).text.split(separator: "\n")
        }
        for stage in ["enrich", UnitID("process", "north")] as [UnitID] {
            // The clock at the top goes on.
            #expect(screen(after: 0, stage).dropFirst() == screen(after: 3_600_000, stage).dropFirst())
        }
    }

    @Test("A question is not asked under what was said before it")
    func staleToast() {
        var state = SampleRun.failed.dashboard(rows: 24, columns: 80)
        state.say("reading …")
        state.overlay = .confirm(Confirmation(title: "Quit?", choices: []))
        #expect(state.toast == nil)
    }

    @Test("The signs of states in ASCII are none of those that lines are drawn with")
    func asciiSigns() {
        let signs = UnitStatus.allCases.map { StatusMark.glyph($0, frame: 0, ascii: true) }
        #expect(Set(signs).count == signs.count && Set(signs).isDisjoint(with: ["+", "-", "|", ">", "<", "~"]))
    }

    @Test("The help of a screen of 40 columns says all of it")
    func narrowHelp() {
        let state = SampleRun.failed.dashboard(rows: 10, columns: 40)
        let lines = OverlayPane.helpLines(state, HelpPage())
        let words = lines.filter { !$0.isHeading }.map(\.text).joined(separator: " ")
        #expect(words.contains("unfold or fold items of a fan-out, a group, a finished chain"), "\(words)")
        #expect(lines.allSatisfy { $0.isHeading || TextWidth.of($0.text) + 13 <= 36 })
    }

    @Test(
        "A run that is paused names the key that continues it, whatever has failed",
        arguments: [(80, 24), (120, 40), (200, 60)])
    func pausedAndFailed(columns: Int, rows: Int) {
        var run = SampleRun.inTheMiddle
        run.fail("enrich", after: 30, Failure("no"), lines: [])
        run.happen(.paused)
        var state = run.dashboard(rows: rows, columns: columns)
        let text = DashboardScreen.draw(state, LogLineList()).text
        #expect(text.contains("P continues") && text.contains("P continue "), "\(text)")
        #expect(text.contains("✗ enrich failed"), "\(text)")
        state = run.dashboard(rows: rows, columns: columns, readOnly: true)
        #expect(!DashboardScreen.draw(state, LogLineList()).text.contains("P continue"))
    }

    @Test("After a retry hours later the timeline shows both, and says how much it leaves out")
    func laterRetry() throws {
        var run = SampleRun(stages: [SampleRun.stage("a"), SampleRun.stage("b", needs: ["a"])])
        run.succeed("a", after: 60_000)
        run.fail("b", after: 60_000, Failure("no"), lines: [])
        run.happen(.runEnded(.failed))
        run.pass(18_000_000)
        run.happen(.runResumed(ProcessIdentity(pid: 42, startTicks: 8, bootID: "boot")))
        run.happen(.unitReset("b"))
        run.succeed("b", after: 60_000)
        run.happen(.runEnded(.succeeded))
        let state = run.dashboard(rows: 60, columns: 200)
        let text = DashboardScreen.draw(state, run.lines).text
        #expect(text.contains(/timeline, 5h00 left out at ┆/), "\(text)")
        let row = try #require(text.split(separator: "\n").last { $0.contains("✓ b ") && $0.contains("█") })
        #expect(row.contains(/▚{8,}.*┆.*█{8,}/), "\(row)")
    }

    @Test("Why a stage has failed has room before the timeline does", arguments: [(120, 40), (160, 50), (200, 60)])
    func reasonBeforeTimeline(columns: Int, rows: Int) throws {
        let reason = "exit status 3: the column amount_in_cents of orders.csv has no value in 17 rows"
        var run = SampleRun(stages: [SampleRun.stage("a"), SampleRun.stage("b", needs: ["a"])])
        run.fail("a", after: 60_000, Failure(reason), lines: [])
        run.happen(.unitEnded("b", .blocked, reason: "a failed"))
        run.happen(.runEnded(.failed))
        var state = run.dashboard(rows: rows, columns: columns)
        (state.focus, state.zoomed) = (.stages, .stages)
        let text = DashboardScreen.draw(state, run.lines).text
        let row = try #require(text.split(separator: "\n").first { $0.contains("✗ a ") })
        let isWhole = row.contains(reason)
        #expect(isWhole || !text.contains("timeline"), "\(text)")
        #expect(isWhole || columns < 160, "\(text)")
    }

    @Test("Without colours the parts of a bar differ, also in ASCII")
    func barsWithoutColours() {
        let classes: [[UnitStatus]] = [
            [.succeeded, .reused], [.failed], [.running, .retrying], [.blocked], [.pending, .queued],
            [.skipped, .cancelled],
        ]
        #expect(Set(classes.joined()) == Set(UnitStatus.allCases))
        for same in classes { #expect(Set(same.map(\.block)).count == 1) }
        let blocks = classes.map { $0[0].block }
        #expect(Set(blocks).count == classes.count)
        #expect(Set(blocks.map(ASCIIDrawing.text)).count == classes.count)
        let bar = ProgressBar.states([(.succeeded, 3, .good), (.failed, 1, .bad), (.blocked, 2, .blocked)], width: 6)
        #expect(bar.map(\.text).joined() == "███▚▒▒")
    }

    @Test("A state has one word everywhere")
    func words() {
        for status in UnitStatus.allCases { #expect(StatusMark.word(status).lowercased() == status.rawValue) }
    }

    @Test("A message that is too long for the rule stands in two rows for its moment, and the keys come back")
    func longMessage() {
        var state = SampleRun.failed.dashboard(rows: 24, columns: 80)
        let keys = DashboardScreen.draw(state, LogLineList()).text.split(separator: "\n").last
        state.say(String(repeating: "what cannot be done ", count: 5) + "— press R to retry everything")
        let rows = DashboardScreen.draw(state, LogLineList()).text.split(separator: "\n").suffix(2)
        #expect(rows.first?.contains("what cannot be done") == true)
        #expect(rows.last?.contains("press R to retry everything") == true, "\(rows)")
        state.now = Moment(wall: 0, steady: state.now.steady + 6000)
        #expect(DashboardScreen.draw(state, LogLineList()).text.split(separator: "\n").last == keys)
    }
}
