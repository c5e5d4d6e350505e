import CaudalModel
import Engine
import TestSupport
import Testing

@testable import App

/// What is cut on a screen: the names of stages, the keys of items, and numbers.
@Suite("Short names on a screen", .timeLimit(.minutes(15)))
struct ScreenNamesTests {
    /// A warehouse of which every stage has printed a line.
    private func run(_ count: Int) -> SampleRun {
        var generator = SplitMix64(seed: 17)
        let graph = GraphRetraceTests.Graph.random(count, edgesPerNode: 1.3, &generator)
        let (kinds, sources, subjects) = (
            ["stg", "int", "mart"], ["salesforce", "stripe", "zendesk"],
            ["accounts", "payments_daily", "sessions_joined", "refunds"]
        )
        func name(_ index: Int) -> StageID {
            StageID("\(kinds[index % 3])_\(sources[index % 3])_\(subjects[index % 4])_of_the_warehouse_\(index)")
        }
        let places = Dictionary(uniqueKeysWithValues: graph.stages.enumerated().map { ($1.id, $0) })
        let stages = graph.stages.enumerated().map { index, stage in
            SampleRun.stage(name(index), needs: stage.upstream.map { name(places[$0] ?? 0) })
        }
        var run = SampleRun(stages: stages)
        for stage in stages { run.succeed(UnitID(stage.id), after: 20) }
        return run
    }

    @Test(
        "A stage has one short name on a screen: in the graph, the list, the rail and the log",
        arguments: [(60, 20), (80, 24), (120, 40), (200, 60)])
    func one(columns: Int, rows: Int) {
        var known = 0
        for count in [8, 20, 60] {
            let run = run(count)
            for view in [DashboardState.GraphView.automatic, .graph, .rail, .focus] {
                var state = run.dashboard(rows: rows, columns: columns)
                state.view = view
                let screen = DashboardScreen.draw(state, run.lines)
                let separators = Set(" │┃▸◂[]#─━╮╯╰╭┤├┴┬┼◆")
                let texts = Set(screen.text.split { separators.contains($0) || $0.isNewline }.map(String.init))
                for stage in state.run.plan.stages {
                    let labels = Set((9...60).compactMap { state.graph.label(of: stage.id, width: $0) })
                    let shown = labels.filter { $0.contains("…") && texts.contains($0) && !NameLabels.isNumbered($0) }
                    known += shown.count
                    #expect(shown.count <= 1, "\(count) stages, \(view): \(shown)\n\(screen.text)")
                }
            }
        }
        #expect(known > 10, "names are cut somewhere")
    }

    @Test("A fan-out has the same short name in the list, where the number of its items follows, and in the log")
    func fanOutName() throws {
        let name: StageID = "load_all_regions_into_the_warehouse_daily"
        var run = SampleRun(stages: [SampleRun.stage(name, fanOut: true), SampleRun.stage("join", needs: [name])])
        run.happen(.attemptStarted(UnitID(name), attempt: 1))
        var found = AttemptResult.succeeded
        found.items = (0..<40).map { Item(key: ItemKey("r\($0)"), values: [:]) }
        run.happen(.attemptEnded(UnitID(name), attempt: 1, found))
        run.happen(.itemsFound(name, found.items ?? []))
        let message = "exit status 3: the column amount_in_cents of orders.csv has no value in 17 rows"
        for item in found.items ?? [] { run.fail(UnitID(name, item.key), after: 3, Failure(message), lines: []) }
        run.happen(.unitEnded(UnitID(name), .failed, reason: message))
        var state = run.dashboard(rows: 40, columns: 120)
        (state.view, state.selection) = (.rail, UnitID(name, "r39"))
        let screen = DashboardScreen.draw(state, run.lines).text
        let listed = try #require(screen.firstMatch(of: /✗ +(\S+…\S+) ×40/)?.1)
        let logged = try #require(screen.firstMatch(of: /INFO  (\S+…\S+)\[r39\]/)?.1)
        #expect(listed == logged, "\(screen)")
        #expect(screen.contains(/INSPECT .*\/r39/), "\(screen)")
    }

    @Test("A text that is cut in its middle is as wide as it may be, whatever is in it")
    func middle() {
        let texts = ["abcdefghijkl", "日本語テキスト区分", "🙂🙂🙂🙂🙂🙂", "east日本west語", "e\u{301}te\u{301} a\u{300} Gene\u{300}ve"]
        for text in texts {
            for width in 0...24 {
                let cut = text.cutInMiddle(width)
                let own = TextWidth.of(text)
                #expect(TextWidth.of(cut) <= width && (own > width || cut == text), "\(cut) in \(width)")
                // A character that is two cells wide may leave one free at each side.
                if width > 4, own > width { #expect(TextWidth.of(cut) >= width - 2, "\(cut) in \(width)") }
            }
        }
        #expect("日本語テキスト".cutInMiddle(9) == "日本…スト")
    }

    /// A fan-out with a short name and long keys, unfolded.
    private func fanOut(_ keys: [ItemKey], rows: Int, columns: Int) -> (state: DashboardState, run: SampleRun) {
        var run = SampleRun(stages: [SampleRun.stage("load", fanOut: true), SampleRun.stage("join", needs: ["load"])])
        run.happen(.attemptStarted("load", attempt: 1))
        var found = AttemptResult.succeeded
        found.items = keys.map { Item(key: $0, values: ["region": $0.rawValue]) }
        run.happen(.attemptEnded("load", attempt: 1, found))
        run.happen(.itemsFound("load", found.items ?? []))
        for key in keys { run.succeed(UnitID("load", key), after: 30) }
        var state = run.dashboard(rows: rows, columns: columns)
        state.unfolded = ["load"]
        return (state, run)
    }

    @Test("Keys of items are as long as there is room, however short the names of stages are")
    func keys() {
        let keys: [ItemKey] = ["region=emea/day=2026-11-23", "region=apac/day=2026-11-23"]
        for (columns, rows) in [(80, 24), (120, 40), (200, 60)] {
            for view in [DashboardState.GraphView.automatic, .rail] {
                var (state, run) = fanOut(keys, rows: rows, columns: columns)
                state.view = view
                let screen = DashboardScreen.draw(state, run.lines).text
                #expect(screen.contains("  region=emea/day=2026-11-23 succeeded"), "\(screen)")
                if columns > 160 { #expect(screen.contains("load[region=emea/day=2026-11-23]"), "\(screen)") }
            }
        }
    }

    @Test("Wide characters leave what follows them in its column", arguments: [(60, 20), (80, 24), (120, 40)])
    func wide(columns: Int, rows: Int) {
        let keys: [ItemKey] = [
            "東京都千代田区丸の内一丁目九番一号", "大阪府大阪市北区梅田三丁目一番三号", "🙂🙂🙂🙂🙂🙂🙂🙂🙂🙂🙂🙂🙂🙂", "plain",
        ]
        for view in [DashboardState.GraphView.automatic, .rail] {
            var (state, run) = fanOut(keys, rows: rows, columns: columns)
            state.view = view
            let screen = DashboardScreen.draw(state, run.lines)
            var places: [Int] = []
            for row in 0..<rows {
                let cells = (0..<columns).map { screen.text(of: screen[row: row, column: $0]) }
                guard cells.prefix(4).contains("✓"), !screen.text(row: row).contains("▸") else { continue }
                for start in 0..<(columns - 9) where cells[start..<(start + 9)].joined() == "succeeded" {
                    places.append(start)
                    break
                }
            }
            #expect(places.count >= 4 && Set(places).count == 1, "\(places)\n\(screen.text)")
        }
    }
}
