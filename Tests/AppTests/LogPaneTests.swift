import CaudalModel
import Engine
import TestSupport
import Testing

@testable import App

/// What the keys of the log do.
@Suite("The log in the dashboard", .timeLimit(.minutes(15)))
struct LogPaneTests {
    private func keys(_ text: String) -> [Key] { text.map { .character($0) } }

    /// Lines `line 0`, `line 1`, … one a second; every tenth is an error.
    private func lines(_ count: Int = 100) -> LogLineList {
        var lines = LogLineList()
        for number in 0..<count {
            let time = 1_795_439_040_000 + Int64(number) * 1000
            lines.records.append(
                LogRecord(
                    time: time, level: number % 10 == 9 ? .error : .info, pipeline: "sales", run: "r",
                    stage: number % 2 == 0 ? "process" : "enrich", item: number % 4 == 0 ? "north" : nil,
                    attempt: number > 50 ? 2 : 1, stream: .stdout, message: "line \(number) of Many"))
        }
        return lines
    }

    private func dashboard(rows: Int = 24, columns: Int = 80) -> DashboardState {
        var state = SampleRun.failed.dashboard(rows: rows, columns: columns)
        state.press(["3"])
        return state
    }

    private func shown(_ state: DashboardState, _ lines: LogLineList) -> String {
        DashboardScreen.draw(state, lines.shown(state)).text
    }

    @Test("The current line moves, stays while lines come, and at the end follows them")
    func following() {
        var (state, lines) = (dashboard(), lines())
        state.press(["k"], on: lines)
        #expect(state.log.cursor == 98)
        let before = shown(state, lines)
        lines.records.append(lines.records[0])
        #expect(shown(state, lines).contains("line 98"))
        #expect(before.contains("1 below, G follows"))
        state.press(["g"], on: lines)
        #expect(state.log.cursor == 0 && shown(state, lines).contains("line 0 "))
        state.press(["G"], on: lines)
        #expect(state.log.cursor == nil && state.log.bottom == nil)
    }

    @Test("The log of a fan-out that failed is that of its failed item first, then the whole one, then that of all")
    func failedItemFirst() {
        let run = SampleRun.failing(in: ["north", "south"])
        var state = run.dashboard(rows: 24, columns: 80)
        state.select("clean")
        #expect(DashboardScreen.draw(state, run.lines.shown(state)).text.contains("L its log"))
        state.press(["L"], on: run.lines)
        #expect(state.log.filteredUnit == UnitID("clean", "north") && state.selection == "clean")
        let text = DashboardScreen.draw(state, run.lines.shown(state)).text
        #expect(text.contains("LOG  clean/north") && text.contains("L shows all lines of clean"), "\(text)")
        state.press(["L"], on: run.lines)
        #expect(state.log.filteredUnit == "clean")
        state.press(["L"], on: run.lines)
        #expect(state.log.filteredUnit == nil)
        state.press(["1", "e", "L"], on: run.lines)
        let item = state.selection
        #expect(item.item != nil && state.log.filteredUnit == item, "an item's own log is the first")
        state.press(["L"], on: run.lines)
        #expect(state.log.filteredUnit == nil)
    }

    @Test("The lines in which one types say that all of the words must fit", arguments: [80, 120, 200])
    func allWords(columns: Int) {
        var state = dashboard(rows: 24, columns: columns)
        state.press(["f"])
        let log = DashboardScreen.draw(state, LogLineList()).text
        #expect(log.contains("show lines with all of: ▏  word, !word, \"two words\", stage:"), "\(log)")
        state.press([.escape, "2", "f"])
        let stages = DashboardScreen.draw(state, LogLineList()).text
        #expect(stages.contains("show stages with all of: ▏  word, !word, state:failed"), "\(stages)")
    }

    @Test("A search marks the text, tells its place, and goes to the next one")
    func search() {
        var (state, lines) = (dashboard(rows: 60, columns: 120), lines())
        state.press(["/"] + keys("line \\d5 "), on: lines)
        #expect(lines.shown(state).hits == 9, "it is searched while it is typed")
        state.press([.enter], on: lines)
        #expect(state.log.cursor == 95)
        #expect(shown(state, lines).contains("/line \\d5  9/9"))
        state.press(["n"], on: lines)
        #expect(state.log.cursor == 15 && shown(state, lines).contains("1/9"))
        let buffer = DashboardScreen.draw(state, lines.shown(state))
        let row = (0..<buffer.height).first { buffer.text(row: $0).contains("line 25 of") } ?? 0
        let mark = Style(.wait, [.bold, .reverse])
        let marked = (0..<120).filter { buffer[row: row, column: $0].style == mark }
        #expect(marked.count == 8, "the eight letters of 'line 25 ' stand out")
        state.press([.escape], on: lines)
        #expect(state.log.search.isEmpty && state.log.cursor == 15)
    }

    @Test("Capitals count once there is one, and what is no regular expression is searched for as text")
    func smartCase() {
        var (state, lines) = (dashboard(), lines())
        state.press(["/"] + keys("many") + [.enter], on: lines)
        #expect(lines.shown(state).hits == 100)
        state.press(["/"] + keys("MANY") + [.enter], on: lines)
        #expect(state.standingToast?.text == "'MANY' is not in the log")
        state.press(["/"] + keys("Many(") + [.enter], on: lines)
        #expect(state.standingToast?.text.contains("not in the log") == true)
    }

    @Test(
        "Lines are filtered by what is typed",
        arguments: [
            ("15 !95", 1), ("stage:enrich", 50), ("item:north", 25), ("attempt:2", 49), ("level:err", 10),
            ("since:13:05:00", 40), ("until:13:04:09 stage:enrich", 5), ("\"9 of\"", 10), ("line \\d\\d", 90),
        ])
    func filters(text: String, count: Int) {
        var (state, lines) = (dashboard(), lines())
        state.press(["f"] + keys(text), on: lines)
        #expect(lines.shown(state).count == count, "while it is typed")
        state.press([.enter], on: lines)
        #expect(lines.shown(state).count == count)
        state.press([.escape], on: lines)
        #expect(lines.shown(state).count == 100)
    }

    @Test(
        "A filter that says something impossible says so",
        arguments: [
            ("stage:qqq", "there is no stage 'qqq'"), ("level:x", "the levels are debug, info, warn and error"),
            ("since:noon", "'noon' is no time: write 13:04, 13:04:29, or 5m for five minutes ago"),
            ("attempt:two", "'two' is no number of an attempt"), ("item:zz", "there is no item 'zz'"),
        ])
    func faults(text: String, words: String) {
        var state = dashboard()
        state.press(["f"] + keys(text) + [.enter], on: lines())
        #expect(state.standingToast?.text == words)
    }

    @Test("The line that was current is current again among other lines")
    func anchor() {
        var (state, lines) = (dashboard(), lines())
        state.press(["!"], on: lines)
        #expect(lines.shown(state).count == 10)
        state.press(["k", "k"], on: lines)
        #expect(state.log.cursor == 7)
        state.press(["!"], on: lines)
        #expect(state.log.cursor == 79, "the error is seen among the lines around it")
        #expect(shown(state, lines).contains("line 80"))
    }

    @Test("Errors are gone through with e and E, and levels with + and -")
    func errors() {
        var (state, lines) = (dashboard(), lines())
        state.press(["E"], on: lines)
        #expect(state.log.cursor == 99)
        state.press(["g", "e"], on: lines)
        #expect(state.log.cursor == 9)
        state.press(["e", "e", "E"], on: lines)
        #expect(state.log.cursor == 19)
        state.press(["-", "-", "-"], on: lines)
        #expect(state.log.level == .error && lines.shown(state).count == 10)
        state.press(["+"], on: lines)
        #expect(state.log.level == .warn)
    }

    @Test("Times are those of the clock, since the start of the run, and since the line before")
    func times() {
        var (state, lines) = (dashboard(), lines())
        #expect(shown(state, lines).contains("13:05:39"))
        state.press(["t"], on: lines)
        #expect(shown(state, lines).contains("+99.000"))
        state.press(["t"], on: lines)
        #expect(shown(state, lines).contains("+1.000") && !shown(state, lines).contains("+99.000"))
        state.press(["t"], on: lines)
        #expect(shown(state, lines).contains("13:05:39"))
    }

    @Test("A line of 10,000 characters is read to its end sideways, and wrapped row by row")
    func longLine() {
        var lines = lines(3)
        let long = (0..<2000).map { "w\($0)" }.joined(separator: " ")
        lines.records[1].message = long
        var state = dashboard()
        #expect(shown(state, lines).contains("w0 w1") && shown(state, lines).contains("…"))
        state.press(["$"], on: lines)
        #expect(shown(state, lines).contains("w1999") && !shown(state, lines).contains("w0 w1"))
        state.press(["0", "l"], on: lines)
        #expect(state.log.shift == (LogGeometry(state)?.width ?? 0) / 2 && shown(state, lines).contains("…"))
        state.press(["0", "h"], on: lines)
        #expect(state.log.shift == 0)
        state.press(["w", "g", "j"], on: lines)
        #expect(shown(state, lines).contains("w0 w1"))
        var seen = ""
        for _ in 0..<300 where !seen.contains("w1999") {
            state.press(["j"], on: lines)
            seen += shown(state, lines)
        }
        #expect(seen.contains("w1999"))
        state.press(["j", "j"], on: lines)
        #expect(state.log.cursor == nil, "behind it the log goes on")
    }

    @Test(
        "What is found far to the right in a long line is scrolled to, on one row and wrapped",
        arguments: [false, true])
    func farMatch(wraps: Bool) {
        var lines = lines(30)
        lines.records[10].message =
            String(repeating: "x ", count: 4000) + "needle" + String(repeating: " y", count: 900)
        var state = dashboard()
        if wraps { state.press(["w"], on: lines) }
        state.press(["/"] + keys("needle") + [.enter], on: lines)
        #expect(state.log.cursor == 10 && shown(state, lines).contains("needle"))
        state.press(["/"] + keys("line 3 ") + [.enter], on: lines)
        #expect(shown(state, lines).contains("line 3 of"), "and back to the left")
    }

    @Test("A line, or the lines from the first picked one on, are copied")
    func copying() {
        var (state, lines) = (dashboard(), lines())
        guard case .copy(.line(99))? = state.press(["y"], on: lines).first else {
            Issue.record("no line was copied")
            return
        }
        state.press(["m", "k", "k"], on: lines)
        guard case .copy(.lines(97...99))? = state.press(["y"], on: lines).first else {
            Issue.record("the picked lines were not copied")
            return
        }
        #expect(state.log.picked.isEmpty)
        state.press(["g", "m", "j", "m", "G"], on: lines)
        #expect(state.log.copied(current: 99) == 0...1)
        state.press(["'"], on: lines)
        #expect(state.log.cursor == 0)
        state.press(["'"], on: lines)
        #expect(state.log.cursor == 1)
        state.press([.escape], on: lines)
        #expect(state.log.picked.isEmpty)
    }

    @Test("From a line one goes to its stage")
    func stageOfLine() {
        var (state, lines) = (dashboard(), lines())
        state.press(["k", .enter], on: lines)
        #expect(state.selection == "process" && DashboardLayout(state).focus == .inspector)
    }

    @Test("Stack traces are folded into one line until F unfolds them")
    func traces() {
        var lines = lines(6)
        for place in 2...4 {
            lines.records[place].stage = "process"
            lines.records[place].continues = place > 2
        }
        var state = dashboard()
        #expect(lines.shown(state).count == 4 && shown(state, lines).contains("▸ 2 more lines"))
        state.press(["F"], on: lines)
        #expect(lines.shown(state).count == 6 && !shown(state, lines).contains("more lines"))
    }

    @Test("A click makes a line current")
    func click() {
        var (state, lines) = (dashboard(), lines())
        let frame = DashboardLayout(state).frame(of: .log)
        state.press([.click(row: (frame?.rows.lowerBound ?? 0) + 1, column: 30)], on: lines)
        #expect(state.log.cursor == 100 - (frame?.rows.count ?? 0) + 1)
    }

    @Test("The pane's text without borders can be printed and copied")
    func plain() {
        var (state, lines) = (dashboard(), lines())
        guard case .printPlainly(let text)? = state.press([.control("l")], on: lines).first else {
            Issue.record("nothing is printed")
            return
        }
        #expect(text.hasSuffix("ERROR  enrich#2  line 99 of Many") && text.contains("2026-11-23 13:05:39"))
    }

    @Test("Wide characters, colours and tabs do not shift the columns of a line that is scrolled sideways")
    func wide() {
        let text = "漢字ab"
        #expect(text.bytes(text.cells(from: 1, width: 3)) == "字")
        #expect(text.bytes(text.cells(from: 0, width: 3)) == "漢")
        #expect(text.rows(of: 3).map { text.bytes($0) } == ["漢", "字a", "b"])
        #expect([Span("漢字"), Span("ab", .bad)].droppingCells(4).map(\.text) == ["ab"])
        #expect([Span("abc"), Span("de", .bad)].droppingCells(2).map(\.text) == ["c", "de"])
    }

    @Test("Names of stages that begin alike are told apart, and whole where there is room")
    func sources() {
        let names = (0..<30).map { "mart_warehouse_model_\(1000 + $0)_payments" }
        var run = SampleRun(stages: names.map { SampleRun.stage(StageID($0)) })
        for name in names.prefix(8) { run.log(UnitID(StageID(name)), "hello") }
        for (rows, columns) in [(60, 200), (40, 120), (24, 80)] {
            let text = DashboardScreen.draw(run.dashboard(rows: rows, columns: columns), run.lines).text
            let sources = text.split(separator: "\n").filter { $0.contains("hello") }.map {
                $0.split(separator: " ").dropFirst(2).first.map(String.init) ?? ""
            }
            #expect(sources.count > 2 && Set(sources).count == sources.count, "\(sources)")
            if columns == 200 { #expect(sources.allSatisfy { names.contains($0) }, "\(sources)") }
        }
    }

    @Test("A wrapped line that is longer than the pane is drawn as far as there is room, and no row is jumped over")
    func partlyDrawn() {
        var lines = lines(6)
        lines.records[2].message = (0..<500).map { "w\($0)" }.joined(separator: " ")
        var state = dashboard()
        state.press(["w", "g"], on: lines)
        #expect(shown(state, lines).contains("line 0") && shown(state, lines).contains("w0 w1"))
        var seen: Set<Substring> = []
        func look() {
            for word in shown(state, lines).split(whereSeparator: { " \n…".contains($0) }) { seen.insert(word) }
        }
        for _ in 0..<60 where state.log.cursor != nil {
            look()
            state.press([.control("d")], on: lines)
        }
        look()
        #expect((0..<500).count { !seen.contains("w\($0)") } < 60, "only words at the ends of rows are divided")
        #expect(seen.contains("w250") && seen.contains("w499"))
        state.press([.control("u")], on: lines)
        let before = state.log
        #expect(before.cursor != nil && shown(state, lines).contains("w499") || shown(state, lines).contains("w48"))
    }

    @Test("What is no regular expression is told as such, by the search and by the filter")
    func unfitExpression() {
        var (state, lines) = (dashboard(), lines())
        state.press(["/"] + keys("[bad("), on: lines)
        #expect(shown(state, lines).contains("is not a regular expression"), "while it is typed")
        state.press([.enter], on: lines)
        let toast = state.standingToast?.text ?? ""
        #expect(toast.contains("'[bad(' is not in the log as text; it is not a regular expression: "), "\(toast)")
        #expect(toast.contains("at character"))
        state.press(["f"] + keys("(") + [.enter], on: lines)
        #expect(state.standingToast?.text.hasPrefix("'(' is taken as text: it is not a regular expression") == true)
    }

    /// Lines of which not all are searched yet.
    private struct Unsearched: LogLines {
        var lines: LogLineList
        var hits: Int
        var count: Int { lines.count }
        var isComplete: Bool { false }
        func record(at index: Int) -> LogRecord? { lines.record(at: index) }
        func isHit(at index: Int) -> Bool { true }
        func hit(from index: Int, forward: Bool) -> Int? { index }
        func hitNumber(at index: Int) -> Int { 0 }
        func error(from index: Int, forward: Bool) -> Int? { nil }
        func folded(at index: Int) -> Int { 0 }
    }

    @Test("While a search runs, it says so, and no place that is not known")
    func searching() {
        var state = dashboard()
        (state.log.shown.search, state.log.cursor) = ("x", 5)
        var lines = Unsearched(lines: lines(), hits: 0)
        #expect(DashboardScreen.draw(state, lines).text.contains("/x searching …"))
        lines.hits = 863_749
        #expect(DashboardScreen.draw(state, lines).text.contains("/x –/863,749 so far …"))
    }

    @Test("Of a long line no more is looked at than what is seen of it")
    func beginning() {
        let long = String(repeating: "字", count: 20_000)
        let (text, isCut) = LogGeometry.beginning(of: long, cells: 100)
        #expect(isCut && TextWidth.of(text) > 100 && text.utf8.count < 2000)
        let escapes = String(repeating: "\u{1b}[31m", count: 500) + "end"
        #expect(LogGeometry.beginning(of: escapes, cells: 10) == ("end", false))
        #expect(String(repeating: "a", count: 19).isPrintableASCII && !"aaaaaaaa\u{7f}".isPrintableASCII)
        for unfit in ["\u{1f}", "\u{7f}", "é", "\n"] {
            for place in 0..<17 {
                let text = String(repeating: "~", count: place) + unfit + String(repeating: " ", count: 16 - place)
                #expect(!text.isPrintableASCII, "\(place)")
            }
        }
    }
}
