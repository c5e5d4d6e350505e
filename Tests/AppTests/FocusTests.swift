import CaudalModel
import Engine
import Foundation
import TestSupport
import Testing

@testable import App

/// How the dashboard shows and walks through graphs, small and large.
@Suite("Large graphs in the dashboard", .timeLimit(.minutes(15)))
struct FocusTests {
    private func dashboard(_ name: String, rows: Int, columns: Int, ended: Bool = false) throws
        -> DashboardState
    {
        let graph = try #require(try GraphRetraceTests.Graph.corpus().first { $0.name == name }?.graph)
        var run = SampleRun(stages: graph.stages)
        if ended { for stage in graph.names { run.succeed(UnitID(StageID(stage)), after: 10) } }
        return run.dashboard(rows: rows, columns: columns)
    }

    /// Stages in a diamond: a, then b and c, then d.
    private func diamond(rows: Int = 40, columns: Int = 120) -> DashboardState {
        SampleRun(stages: [
            SampleRun.stage("a"), SampleRun.stage("b", needs: ["a"]), SampleRun.stage("c", needs: ["a"]),
            SampleRun.stage("d", needs: ["b", "c"]),
        ]).dashboard(rows: rows, columns: columns)
    }

    @Test("A graph of 30 stages is drawn with cards on a screen of 200×60")
    func cards() throws {
        let state = try dashboard("g30", rows: 60, columns: 200)
        let layout = DashboardLayout(state)
        let drawing = try #require(layout.drawing)
        #expect(drawing.picture.density == .card)
        #expect(drawing.fits && Set(drawing.labels).count == 30)
        #expect(Set(layout.panes.map(\.pane)) == Set(DashboardState.Pane.allCases), "no pane gives way to the picture")
    }

    @Test("No name is cut as long as there are columns for it")
    func measured() throws {
        for columns in [120, 160, 200, 250, 400] {
            let state = try dashboard("g30", rows: 60, columns: columns)
            let graph = state.graph
            guard
                let drawing = graph.drawing(
                    .whole(chains: []), rows: 60, columns: columns, fallsBack: false)
            else {
                continue
            }
            guard zip(drawing.labels, graph.names).contains(where: { $0 != $1 }) else { continue }
            let least: [NodeDensity: Int] = [.card: 12, .detailed: 11, .short: 1]
            let density = drawing.picture.density
            let whole = GraphPicture(
                nodeCount: graph.names.count, edges: drawing.scene.edges, names: graph.names.map { TextWidth.of($0) },
                least: least[density] ?? 1, density: density)
            #expect(whole.width > columns, "\(columns)")
        }
    }

    @Test(
        "Above 40 stages there is the list at the left and the focus at the right; narrow screens have the list"
    )
    func large() throws {
        let wide = DashboardLayout(try dashboard("g60", rows: 40, columns: 120))
        let (list, graph) = (
            try #require(wide.frame(of: .stages)), try #require(wide.frame(of: .graph))
        )
        #expect(list.columns.upperBound <= graph.columns.lowerBound && list.rows == graph.rows)
        guard case .focus = wide.drawing?.kind else {
            return #expect(Bool(false), "\(String(describing: wide.drawing))")
        }
        #expect(DashboardLayout(try dashboard("g60", rows: 24, columns: 80)).drawsRail)
    }

    @Test("+ and - show more and less around the selected stage; elsewhere they say why not")
    func hops() throws {
        var state = try dashboard("g60", rows: 40, columns: 120)
        guard case .focus(_, let shown) = DashboardLayout(state).drawing?.kind else {
            return #expect(Bool(false), "no focus is shown")
        }
        state.press(["+"])
        #expect(state.hops == shown + 1)
        state.press(["-", "-", "-"])
        #expect(state.hops == 1)
        #expect(DashboardScreen.draw(state, LogLineList()).text.contains("focus, 1 hop"))
        var small = diamond()
        small.press(["+"])
        #expect(small.hops == 2 && small.toast?.text.contains("no focus") == true)
    }

    @Test("Going back along an edge leads to where one came from")
    func trail() {
        var state = diamond()
        state.select(UnitID("c"))
        state.press(["l"])
        #expect(state.selection == UnitID("d"))
        state.press(["h"])
        #expect(state.selection == UnitID("c"))
        state.press(["h", "l"])
        #expect(state.selection == UnitID("c"), "and forward again")
    }

    @Test("u and d highlight what a stage needs and what needs it, c the critical path; esc ends it")
    func highlights() {
        var state = diamond()
        state.select(UnitID("b"))
        state.press(["u"])
        #expect(state.highlightedStages == [0, 1])
        #expect(state.toast?.text == "1 stage upstream of b")
        #expect(state.isDimmed("c") && !state.isDimmed("a"))
        state.press(["d"])
        #expect(state.highlightedStages == [1, 3])
        state.press(["d"])
        #expect(state.highlight == nil)
        state.press(["c"])
        #expect(state.highlightedStages?.count == 3)
        state.press([.escape])
        #expect(state.highlight == nil)
    }

    @Test("A filter is applied while it is typed, keeps a listed stage selected, and esc clears it")
    func filter() throws {
        var state = try dashboard("g60", rows: 40, columns: 120)
        state.press(["2", "f", "p", "u", "b"])
        #expect(!state.listed.isEmpty && state.listed.allSatisfy { $0.stage.rawValue.contains("pub") })
        #expect(state.listed.contains(state.selection))
        state.press([.enter])
        #expect(state.filter.text == "pub")
        state.press([.escape])
        #expect(state.filter.isEmpty && state.listed.count == 60)
    }

    @Test(
        "Filters: text, its opposite, states, groups, what is slow",
        arguments: [
            ("qual", ["quality"]), ("!a", ["process"]), ("state:failed", ["publish"]),
            ("state:succeeded !e", []),
            ("group:nothing", []), ("upload refused", ["publish"]),
        ])
    func words(text: String, names: [StageID]) {
        let state = SampleRun.failed.dashboard(rows: 40, columns: 120)
        let filter = StageFilter(text)
        let found = state.run.stages.indices.filter { filter.matches($0, state) }.map {
            state.run.stages[$0].id
        }
        if text == "state:succeeded !e" { return #expect(!found.contains("publish")) }
        if text == "!a" { return #expect(found.contains("process") && !found.contains("catalog")) }
        #expect(found == names)
    }

    @Test("Finished chains fold to one place, and space opens them")
    func chains() {
        let names: [StageID] = ["a", "b", "c", "d", "e"]
        let stages = names.indices.map {
            SampleRun.stage(names[$0], needs: $0 == 0 ? [] : [names[$0 - 1]])
        }
        var run = SampleRun(stages: stages)
        for name in names.prefix(4) { run.succeed(UnitID(name), after: 10) }
        var state = run.dashboard(rows: 40, columns: 120)
        #expect(DashboardScreen.draw(state, LogLineList()).text.contains("✓ a … d (4)"))
        state.press(["l"])
        #expect(state.selection == UnitID("e"))
        state.press(["h", " "])
        #expect(!DashboardScreen.draw(state, LogLineList()).text.contains("(4)"))
        state.press([" ", "v"])
        #expect(!DashboardScreen.draw(state, LogLineList()).text.contains("(4)"), "the view of all stages folds none")
    }

    @Test("Outside of the view, stages are counted at each edge, failed ones by themselves")
    func outside() {
        var run = SampleRun(
            stages: (0..<40).map { SampleRun.stage(StageID("s\($0)")) }
                + (0..<40).map { SampleRun.stage(StageID("t\($0)"), needs: [StageID("s\($0)")]) })
        run.fail(UnitID("s39"), after: 10, Failure("no"), lines: [])
        var state = run.dashboard(rows: 24, columns: 80)
        (state.view, state.zoomed) = (.graph, .graph)
        let text = DashboardScreen.draw(state, LogLineList()).text
        #expect(text.contains("✗1 ▾"), "\(text)")
    }

    @Test("The numbers of what lies outside never touch a name", arguments: [1.0, 1.5, 2.5])
    func numbersApart(edges: Double) {
        var generator = SplitMix64(seed: 31)
        let graph = GraphRetraceTests.Graph.random(90, edgesPerNode: edges, &generator)
        let arrow = #/[◂▴] \d+( ✗\d+)? |\d+( ✗\d+)? [▸▾] /#
        for (columns, rows) in [(80, 24), (120, 40), (200, 60)] {
            var state = SampleRun(stages: graph.stages).dashboard(rows: rows, columns: columns)
            (state.view, state.zoomed) = (.graph, .graph)
            for key in ["G", "h", "k", "k", "h", "j", "g"] as [Key] {
                state.press([key], on: LogLineList())
                let screen = DashboardScreen.draw(state, LogLineList())
                guard let frame = DashboardLayout(state).frame(of: .graph) else { continue }
                for row in frame.rows.dropFirst() {
                    let cells = (0..<columns).map { screen.text(of: screen[row: row, column: $0]).first ?? " " }
                    for found in String(cells).ranges(of: arrow) {
                        let line = String(cells)
                        let before =
                            found.lowerBound > line.startIndex ? line[line.index(before: found.lowerBound)] : " "
                        // The numbers have a blank at each side of their own, in reverse; beside it none of a name.
                        let behind = line[found.upperBound...].first ?? " "
                        #expect(!before.isLetter && !behind.isLetter, "\(columns) \(key): \(line)")
                    }
                }
            }
        }
    }

    @Test("Of a fan-out that failed, its place in the picture says in how many items, without a cut")
    func failedItems() {
        for (columns, rows) in [(80, 24), (120, 40), (200, 60)] {
            var state = SampleRun.failing(in: ["west"]).dashboard(rows: rows, columns: columns)
            (state.view, state.zoomed) = (.graph, .graph)
            let text = DashboardScreen.draw(state, LogLineList()).text
            guard text.contains("◂ clean") else { continue }
            #expect(text.contains(/1 of 6 (items failed|failed|✗)/), "\(text)")
        }
    }

    @Test("A label in the focus stands for one stage of all, whether that one is drawn or not")
    func labelsOfAll() {
        var generator = SplitMix64(seed: 3)
        let graph = GraphRetraceTests.Graph.random(200, edgesPerNode: 1.5, &generator)
        let (kinds, subjects) = (
            ["src", "stg", "int", "mart"], ["orders", "payments", "sessions", "refunds", "emails"]
        )
        func name(_ index: Int) -> String {
            "\(kinds[index % 4])_\(subjects[index % 5])_\(["daily", "joined", "v2"][index % 3])_\(index)"
        }
        let places = Dictionary(uniqueKeysWithValues: graph.stages.enumerated().map { ($1.id, $0) })
        let stages = graph.stages.enumerated().map { index, stage in
            SampleRun.stage(StageID(name(index)), needs: stage.upstream.map { StageID(name(places[$0] ?? 0)) })
        }
        let state = SampleRun(stages: stages).dashboard(rows: 40, columns: 120)
        for (focus, columns) in [(17, 60), (90, 60), (140, 90), (199, 110)] {
            guard
                let drawing = state.graph.drawing(
                    .focus(stage: focus, hops: 1), rows: 20, columns: columns, fallsBack: true)
            else { continue }
            for (item, label) in zip(drawing.scene.items, drawing.labels) {
                guard case .stage(let stage) = item, !NameLabels.isNumbered(label) else { continue }
                #expect(NameLabelsTests.read(label, among: stages.map(\.id.rawValue)) == [name(stage)], "\(label)")
            }
        }
    }

    @Test(
        "With 5,000 stages a key moves on and everything is drawn, in every view",
        arguments: DashboardState.GraphView.allCases)
    func thousands(view: DashboardState.GraphView) {
        var generator = SplitMix64(seed: 9)
        let graph = GraphRetraceTests.Graph.random(5000, edgesPerNode: 1.4, &generator)
        // A picture of them all is nothing that anybody waits for.
        guard view != .graph else { return }
        var stages = graph.stages
        for index in stages.indices { stages[index].group = "group\(index / 250)" }
        var state = SampleRun(stages: stages).dashboard(rows: 60, columns: 200)
        state.view = view
        _ = DashboardScreen.draw(state, LogLineList())
        for _ in 0..<3 {
            state.press(["j"], on: LogLineList())
            let shown = DashboardScreen.draw(state, LogLineList()).text
            #expect(shown.contains(state.selection.stage.rawValue), "\(view): \(shown)")
        }
    }

    @Test("The focus shows as many hops as fit with names that can be read, and no name is cut without a sign")
    func readableFocus() {
        var generator = SplitMix64(seed: 437)
        let graph = GraphRetraceTests.Graph.random(500, edgesPerNode: 1.5, &generator)
        var stages = graph.stages
        let names = stages.map { "mart_warehouse_model_\($0.id)_payments" }
        for (index, stage) in graph.stages.enumerated() {
            stages[index] = SampleRun.stage(
                StageID(names[index]), needs: stage.upstream.map { StageID("mart_warehouse_model_\($0)_payments") })
        }
        var state = SampleRun(stages: stages).dashboard(rows: 40, columns: 120)
        for index in [437, 250, 100] {
            state.select(UnitID(StageID(names[index])))
            let layout = DashboardLayout(state)
            guard let drawing = layout.drawing, let frame = layout.frame(of: .graph) else {
                Issue.record("nothing is drawn")
                continue
            }
            #expect(drawing.picture.width <= frame.columns.count, "\(index) is scrolled sideways")
            for (item, label) in zip(drawing.scene.items, drawing.labels) {
                guard case .stage(let stage) = item else { continue }
                let parts = label.split(separator: "…")
                #expect(parts.allSatisfy { names[stage].contains($0) }, "\(label) is \(names[stage])")
            }
        }
    }

    @Test("The focus tells how many of all stages it shows, and the groups how many there are")
    func counted() {
        var generator = SplitMix64(seed: 12)
        let graph = GraphRetraceTests.Graph.random(200, edgesPerNode: 1.4, &generator)
        var stages = graph.stages
        for index in stages.indices { stages[index].group = "group\(index / 20)" }
        var state = SampleRun(stages: stages).dashboard(rows: 40, columns: 120)
        state.view = .focus
        let text = DashboardScreen.draw(state, LogLineList()).text
        let shown = DashboardLayout(state).drawing?.scene.itemOf.count ?? 0
        #expect(shown < 200 && text.contains(" \(shown) of 200 stages"), "\(text)")
        state.view = .groups
        let groups = DashboardScreen.draw(state, LogLineList()).text
        #expect(groups.contains(#/ 200 stages in \d+ groups/#), "\(groups)")
    }

    @Test("The numbers of a group are whole, and add up to its stages", arguments: [(80, 24), (120, 40), (200, 60)])
    func groupCounts(columns: Int, rows: Int) {
        let kinds: [StageID] = ["src", "stg", "mart"]
        let count = 130
        let stages = kinds.enumerated().flatMap { place, kind in
            (0..<count).map { number -> PlannedStage in
                var stage = SampleRun.stage(
                    StageID("\(kind)_\(number)"), needs: place == 0 ? [] : [StageID("\(kinds[place - 1])_\(number)")])
                stage.group = kind.rawValue
                return stage
            }
        }
        var run = SampleRun(stages: stages)
        for number in 0..<count {
            let id = UnitID(StageID("src_\(number)"))
            switch number % 5 {
            case 0: run.fail(id, after: 5, Failure("no"), lines: [])
            case 1: run.happen(.unitEnded(id, .skipped, reason: "by hand"))
            case 2: run.happen(.unitEnded(id, .cancelled, reason: "by hand"))
            case 3: run.succeed(id, after: 5)
            default: run.start(id)
            }
        }
        var state = run.dashboard(rows: rows, columns: columns)
        (state.view, state.zoomed) = (.groups, .graph)
        let text = DashboardScreen.draw(state, LogLineList()).text
        guard DashboardLayout(state).drawing?.picture.density == .card else { return }
        let line = text.split(separator: "\n").first { $0.contains("┃ ✗26") } ?? ""
        // Those of the other groups may stand behind them.
        let numbers = line.split { " ┃│".contains($0) }.compactMap { Int($0.dropFirst()) }
        #expect(!line.contains("…"), "\(text)")
        #expect((0...numbers.count).contains { numbers.prefix($0).reduce(0, +) == count }, "\(text)")
    }

    @Test("h and l lead along the edges in the rail and in the list too, and say where there are none")
    func edgesOfLists() {
        for (view, pane) in [(DashboardState.GraphView.rail, Key.character("1")), (.graph, "2")] {
            var state = diamond()
            state.view = view
            state.select(UnitID("a"))
            state.press([pane, "l"])
            #expect(state.selection == UnitID("b"))
            state.select(UnitID("c"))
            state.press(["l"])
            #expect(state.selection == UnitID("d"))
            state.press(["h"])
            #expect(state.selection == UnitID("c"), "back to where one came from")
            state.press([.left])
            #expect(state.selection == UnitID("a"))
            state.press(["h"])
            #expect(state.selection == UnitID("a") && state.toast?.text == "a needs nothing")
        }
    }
}
