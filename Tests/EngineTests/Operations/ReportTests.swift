import CaudalModel
@testable import Engine
import Foundation
import Testing

@Suite("Reports", .timeLimit(.minutes(15)))
struct ReportTests {
    @Test(
        "Every form tells what happened, to which rows, with which files, and where", arguments: ReportFormat.allCases)
    func facts(format: ReportFormat) {
        let text = ReportedRun().text(format).replacing("\\_", with: "_")
        let facts = [
            "publish failed in 6.0s, and 1 stage downstream could not run", "the warehouse is closed", "2026-11-23",
            "no_negative_totals", "3 rows returned of 951", "waived until 2026-12-31: refunds are booked twice",
            "data/clean.parquet", "xxh64:ef46db3751d8e999", "data/raw.csv", "xxh64:0011223344556677", "9.9.9", "etl-1",
            "ERROR 503",
        ]
        for fact in facts { #expect(text.contains(fact), "\(fact) is missing:\n\(text)") }
    }

    @Test("The page stands alone: nothing is fetched, no script runs, and every element that opens closes")
    func selfContained() {
        let page = ReportedRun().text(.html)
        for word in ["<script", "<link", "src=", "href=", "url(", "@import", "http:", "https:"] {
            #expect(!page.contains(word), "\(word)")
        }
        #expect(page.contains("default-src 'none'"))
        #expect(page.contains("prefers-color-scheme:dark"))
        #expect(page.contains("@page{size:A4"))
        for element in ["div", "section", "table", "tr", "td", "th", "svg", "g", "dl", "dd", "ul", "li", "details"] {
            let opened = page.matches(of: try! Regex("<\(element)[ >]")).count
            #expect(
                opened == page.split(separator: "</\(element)>", omittingEmptySubsequences: false).count - 1,
                "\(element)")
        }
    }

    @Test("The stage that writes the report is counted nowhere, because it has not ended by then")
    func reporter() throws {
        let run = ReportedRun()
        let page = RunReport(state: run.state, background: run.background, now: run.now, reporter: "tell")
            .text(in: .html)
        #expect(page.contains("<dt>Stages</dt><dd>2/3"))
    }

    @Test("What a dead process was running stands as interrupted where people read, and as recorded where programs do")
    func interrupted() {
        var run = RunState(id: "r1", plan: RunPlan(pipeline: "p", maxParallel: 1, stages: [PlannedStage(id: "join")]))
        let changes: [RunChange] = [
            .runStarted(ProcessIdentity(pid: 41, startTicks: 7, bootID: "boot")), .unitQueued(UnitID("join")),
            .attemptStarted(UnitID("join"), attempt: 1),
        ]
        for (index, change) in changes.enumerated() {
            run.apply(RunEvent(sequence: Int64(index + 1), time: Moment(wall: 0, steady: 0), change: change))
        }
        run.markInterrupted()
        let report = RunReport(state: run, now: Moment(wall: 9000, steady: 9000))
        for format in [ReportFormat.html, .markdown] {
            let text = report.text(in: format)
            #expect(text.contains("interrupted") && !text.contains("running"), "\(text)")
        }
        #expect(report.text(in: .json).replacing(" ", with: "").contains("\"state\":\"running\""))
    }

    @Test("Hostile names and values are text, and cannot look like something else")
    func hostile() {
        let evil = "<img src=x onerror=alert(1)>\"'&\u{202E}lmth\u{1B}[31m|`[x](y)"
        let run = ReportedRun(stage: StageID("a<script>\"|`*"), value: evil, parameters: ["<b>": evil])
        let page = run.text(.html)
        #expect(!page.contains("<img") && !page.contains("<script") && !page.contains("<b>\(evil)"))
        #expect(page.contains("&lt;img src=x onerror=alert(1)&gt;&quot;&#39;&amp;\u{FFFD}lmth\u{FFFD}[31m|`[x](y)"))
        let markdown = run.text(.markdown)
        #expect(markdown.contains("\\<img src=x") && markdown.contains("\\|\\`\\[x\\](y)"))
        #expect(!markdown.contains("\u{1B}"))
        let tables = markdown.split(separator: "\n").filter { $0.hasPrefix("| 17 |") }
        #expect(tables.first?.replacing("\\|", with: "").count { $0 == "|" } == 4, "a value ends no cell: \(tables)")
        #expect(throws: Never.self) { try JSONSerialization.jsonObject(with: Data(run.text(.json).utf8)) }
    }

    @Test("A parameter that is secret by its name is hidden in every form", arguments: ReportFormat.allCases)
    func secrets(format: ReportFormat) {
        let text = ReportedRun(parameters: ["api_token": "hunter2hunter2"]).text(format)
        #expect(text.contains("token") && !text.contains("hunter2"))
    }

    @Test("The timeline has a bar for each attempt, and the graph a card for each stage and a line for each edge")
    func pictures() {
        let page = ReportedRun().text(.html)
        #expect(page.contains("attempt 1 failed, from 3.0s, took 0.5s"))
        #expect(page.contains("attempt 2 failed, from 4.5s, took 0.5s"))
        #expect(page.split(separator: "<g class=\"node").count - 1 == 4)
        #expect(page.split(separator: "<path class=\"edge").count - 1 == 3)
        #expect(page.contains("<path class=\"edge blocked\""), "what could not run hangs on a broken line")
    }

    @Test("A check's history is a line with a dot for each breach and its limit as dashes")
    func sparkline() {
        let page = ReportedRun().text(.html)
        let spark =
            page.split(separator: "<svg class=\"spark\"").dropFirst().first.map { $0.prefix { $0 != "\n" } } ?? ""
        #expect(spark.contains("<polyline"))
        #expect(spark.split(separator: "<circle class=\"wait\"").count - 1 == 2, "\(spark)")
        #expect(spark.contains("class=\"limit bad\""), "\(spark)")
        let markdown = ReportedRun().text(.markdown)
        #expect(markdown.contains("▁▃█"), "\(markdown)")
    }

    @Test("A line of the same values lies in the middle, and what is no number is left out")
    func flatSparkline() {
        let flat = Sparkline([.init(5), .init(5), .init(.nan), .init(5)])
        #expect(flat.blocks() == "▄▄▄")
        #expect(Sparkline([]).blocks() == "")
        #expect(Sparkline([.init(0), .init(10)]).blocks() == "▁█")
    }

    @Test(
        "A small difference looks small: some percent are one height, and twice as much is the whole height",
        arguments: [
            ([100, 101, 99, 100], "▄▄▄▄"), ([-100, -101, -99], "▄▄▄"), ([1e9, 1.01e9], "▄▄"), ([0, 0], "▄▄"),
            ([50, 100], "▁█"), ([10, 10, 10, 30], "▁▁▁█"), ([100, 110], "▄▅"),
        ])
    func smallDifferences(values: [Double], blocks: String) {
        #expect(Sparkline(values.map { .init($0) }).blocks() == blocks)
        let heights = Sparkline(values.map { .init($0) }).svg(title: "t").matches(of: /,(\d+(?:\.\d+)?)/).compactMap {
            Double($0.1)
        }
        if Set(blocks).count == 1 { #expect((heights.max() ?? 0) - (heights.min() ?? 0) < 2, "\(heights)") }
    }

    @Test("A long time in which nothing ran is cut short, and what ran keeps its proportions")
    func pauses() {
        let scale = TimeScale([(0, 1), (0.5, 2), (100, 102)])
        #expect(scale.pauses.map(\.length) == [.seconds(98)])
        let (first, second) = (scale.place(2) - scale.place(0), scale.place(102) - scale.place(100))
        #expect(abs(first - second) < 1e-9 && first > 0.45)
        #expect(abs(scale.place(102) - 1) < 1e-9 && scale.place(500) == 1)
        #expect(!scale.marks.isEmpty && scale.marks.allSatisfy { $0 <= 2 || $0 >= 100 })
        #expect(TimeScale([]).marks == [0])
        #expect(TimeScale([(0, 1), (1.2, 2)]).pauses.isEmpty, "a short wait stays as long as it was")
    }
}
