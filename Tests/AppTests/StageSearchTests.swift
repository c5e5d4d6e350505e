import CaudalModel
import Engine
import TestSupport
import Testing

@testable import App

/// Stages and failures are found with few keys, whatever the size of the run.
@Suite("Finding stages", .timeLimit(.minutes(15)))
struct StageSearchTests {
    private func keys(_ text: String) -> [Key] { text.map { .character($0) } }

    /// Fifty items, two of which have failed, and a stage behind them that has failed by itself.
    private func fanOut(rows: Int = 40, columns: Int = 120) -> DashboardState {
        var run = SampleRun(stages: [
            SampleRun.stage("clean", fanOut: true), SampleRun.stage("load"), SampleRun.stage("mail", needs: ["clean"]),
        ])
        run.happen(.unitQueued("clean"))
        run.happen(.attemptStarted("clean", attempt: 1))
        let items = (1...50).map { Item(key: ItemKey("p\($0)"), values: [:]) }
        var found = AttemptResult.succeeded
        found.items = items
        run.happen(.attemptEnded("clean", attempt: 1, found))
        run.happen(.itemsFound("clean", items))
        for item in items {
            let id = UnitID("clean", item.key)
            if ["p17", "p38"].contains(item.key.rawValue) {
                run.fail(id, after: 20, Failure("row \(item.key) is short"), lines: [])
            } else {
                run.succeed(id, after: 10)
            }
        }
        run.happen(.unitEnded("clean", .failed, reason: "2 of 50 items failed"))
        run.fail("load", after: 100, Failure("no room on the disk"), lines: [])
        run.happen(.unitEnded("mail", .blocked, reason: "clean failed"))
        run.happen(.runEnded(.failed))
        return run.dashboard(rows: rows, columns: columns)
    }

    @Test(
        "A stage is found by its name, its group, its state, the words of its failure and its initials",
        arguments: [
            ("lo", "load"), ("fail", "clean"), ("disk", "load"), ("bl", "mail"), ("p38", "clean/p38"), ("ml", "mail"),
        ])
    func found(text: String, stage: String) {
        var state = fanOut()
        state.press(["/"] + keys(text))
        #expect(state.selection.description == stage, "while it is typed")
        state.press([.enter])
        #expect(state.selection.description == stage && state.overlay == nil)
    }

    @Test("Any of 500 stages is found by three letters and enter")
    func fiveHundred() {
        let letters = Array("abcdefghijklmnopqrstuvwxyz")
        // Names of three parts, as warehouses have them; the initials tell them apart.
        let names = (0..<500).map { number -> String in
            let (a, b, c) = (number % 8, number / 8 % 8, number / 64)
            return "\(letters[a])tg_\(letters[8 + b])rders_\(letters[16 + c])aily"
        }
        var state = SampleRun(stages: names.map { SampleRun.stage(StageID($0)) }).dashboard(rows: 24, columns: 80)
        for name in names {
            let initials = String(name.split(separator: "_").compactMap(\.first))
            state.press(["/"] + keys(initials) + [.enter])
            #expect(state.selection.stage.rawValue == name, "\(initials)")
        }
    }

    @Test("Going back from a search selects what was selected before, and n goes through what was found")
    func backAndNext() {
        var state = SampleRun.failed.dashboard(rows: 40, columns: 120)
        let before = state.selection
        state.press(["/"] + keys("pub"))
        #expect(state.selection == "publish")
        state.press([.escape])
        #expect(state.selection == before && state.search == nil)
        state.press(["/", "p", .enter])
        var found = [state.selection]
        while found.count < 20 {
            state.press(["n"])
            if state.selection == found[0] { break }
            found.append(state.selection)
        }
        #expect(found.prefix(2) == ["process", "publish"] && Set(found).count == found.count && found.count > 2)
        state.press(["N"])
        #expect(state.selection == found.last)
    }

    @Test("What no stage has is searched for in the log")
    func logInstead() {
        var state = SampleRun.failed.dashboard(rows: 40, columns: 120)
        state.press(["/"] + keys("succeeded in"))
        #expect(DashboardScreen.draw(state, SampleRun.failed.lines).text.contains("no stage; enter searches the log"))
        state.press([.enter])
        #expect(DashboardLayout(state).focus == .log && state.log.search == "succeeded in")
        let last = state.log.cursor
        state.press(["n"])
        #expect(state.log.cursor != last)
    }

    @Test("e and E go to every failure, those of items included, and an item is listed")
    func failures() {
        var state = fanOut()
        state.selection = "clean"
        var seen: [String] = []
        for _ in 0..<4 {
            state.press(["e"])
            seen.append(state.selection.description)
        }
        #expect(seen == ["clean/p17", "clean/p38", "load", "clean/p17"])
        #expect(state.listed.contains(UnitID("clean", "p17")))
        state.press(["E"])
        #expect(state.selection == "load")
    }

    @Test("One failed item of fifty is retried in four keys")
    func oneItem() {
        var state = fanOut()
        state.isLive = false
        let effects = state.press(["e", "r", .tab, .enter])
        guard case .reopen(.retryItems("clean", ["p17"], downstream: false), _)? = effects.first else {
            Issue.record("\(effects) is no retry of the item")
            return
        }
    }

    @Test("The card of a fan-out that failed says which items")
    func cardOfItems() {
        var state = fanOut(rows: 60, columns: 200)
        (state.view, state.zoomed) = (.graph, .graph)
        let text = DashboardScreen.draw(state, LogLineList()).text
        #expect(text.contains("s  2 of 50 items failed"), "\(text)")
    }

    @Test("A fan-out tells how its items stand, and not how often they were looked for")
    func counts() {
        var state = fanOut(rows: 24, columns: 80)
        state.press(["1"])
        state.selection = "clean"
        state.press([.enter])
        let text = DashboardScreen.draw(state, LogLineList()).text
        #expect(text.contains("✗ FAILED") && text.contains("2 failed  48 succeeded"), "\(text)")
        #expect(!text.contains("attempt 1"))
    }

    @Test("The footer says what a retry of the selection would do")
    func retryWords() {
        var state = fanOut()
        state.selection = "clean"
        #expect(
            DashboardScreen.draw(state, LogLineList()).text.contains("r retries it, then the stage blocked by it"))
        state.press(["e"])
        state.toast = nil
        #expect(DashboardScreen.draw(state, LogLineList()).text.contains("r retries clean/p17"))
    }

    /// Two stages that one behind them needs have failed; what may fail has failed before them.
    private func severalFailures(rows: Int = 40, columns: Int = 120) -> (state: DashboardState, run: SampleRun) {
        var soft = SampleRun.stage("soft")
        soft.allowsFailure = true
        var run = SampleRun(stages: [
            SampleRun.stage("busy", expected: .seconds(1)), soft, SampleRun.stage("a"), SampleRun.stage("b"),
            SampleRun.stage("down", needs: ["a", "b"], expected: .seconds(1)), SampleRun.stage("last", needs: ["down"]),
        ])
        run.start("busy")
        for name: StageID in ["soft", "a", "b"] { run.fail(UnitID(name), after: 10, Failure("it is full"), lines: []) }
        for name: StageID in ["down", "last"] { run.happen(.unitEnded(UnitID(name), .blocked, reason: "a failed")) }
        return (run.dashboard(rows: rows, columns: columns), run)
    }

    @Test("The footer names no stage that stays blocked, and says how to go to what failed")
    func standingFailures() {
        var (state, _) = severalFailures()
        state.selection = "a"
        #expect(DashboardScreen.draw(state, LogLineList()).text.contains("r retries it "))
        for other: UnitID in ["down", "busy"] {
            state.selection = other
            #expect(
                DashboardScreen.draw(state, LogLineList()).text.contains("a and 1 more failed — e goes to it"),
                "\(other)")
        }
    }

    @Test("The first failure that counts is selected by itself, and of later ones the key that goes there is told")
    func firstThatCounts() {
        let (_, run) = severalFailures()
        var state = DashboardState(
            RunState(id: run.state.id, plan: run.state.plan), now: run.now, rows: 40, columns: 120)
        let reducer = DashboardReducer(lines: LogLineList())
        for event in run.events {
            _ = reducer.reduce(&state, .update(.events([event])))
            guard case .unitEnded(let id, .failed, _) = event.change else { continue }
            let toast = state.standingToast?.text ?? ""
            switch id {
            case "soft": #expect(state.selection != "soft" && toast.contains("allowed"))
            case "a": #expect(state.selection == "a" && toast.contains("r to retry, enter to see why"), "\(toast)")
            default: #expect(state.selection == "a" && toast.contains("b failed — e goes to it"), "\(toast)")
            }
        }
    }

    @Test("Of an interrupted run, the keys to failures go to what its process left")
    func interrupted() {
        var (state, _) = severalFailures()
        state.run.markInterrupted()
        #expect(state.failures == ["busy", "soft", "a", "b"])
    }

    @Test("A stage that runs far beyond its usual time is told in place of an estimate")
    func late() {
        var (_, run) = severalFailures()
        run.pass(14_000)
        let text = DashboardScreen.draw(run.dashboard(rows: 40, columns: 160), LogLineList()).text(row: 0)
        #expect(text.contains("busy 13s over its usual 1.0s") && !text.contains("ETA"), "\(text)")
    }

    @Test("The command that retries an item is one that the program takes")
    func retriedItem() {
        var state = fanOut()
        state.selection = UnitID("clean", "it's")
        #expect(state.retryLine == #"caudal retry 20261123-130400-k3f9 'clean/it'\''s'"#)
    }

    @Test("The header cuts no number: states that find no room are summed up", arguments: [40, 60, 80, 120])
    func headerCounts(columns: Int) {
        let (state, _) = severalFailures(rows: 24, columns: columns)
        let text = DashboardScreen.draw(state, LogLineList()).text(row: 1)
        #expect((text.contains("✗ 2") || text.contains("✗2")) && !text.contains("…"), "\(text)")
    }

    @Test("Worse states stand before better ones in the header")
    func worstFirst() {
        let text = DashboardScreen.draw(fanOut(), LogLineList()).text(row: 1)
        #expect(text.contains("✗ 2   ⊖ 1"), "\(text)")
    }
}
