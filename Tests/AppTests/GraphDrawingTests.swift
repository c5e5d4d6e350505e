import CaudalModel
@testable import App
import Engine
import Testing

@Suite("Drawing graphs", .timeLimit(.minutes(15)))
struct GraphDrawingTests {
    /// A random graph without cycles: each node needs some of those before it.
    private func randomEdges(_ count: Int, _ generator: inout SplitMix64) -> [(from: Int, to: Int)] {
        var edges: [(from: Int, to: Int)] = []
        for to in 1..<max(1, count) {
            var needs = Set<Int>()
            for _ in 0..<Int.random(in: 0...3, using: &generator) {
                needs.insert(Int.random(in: 0..<to, using: &generator))
            }
            edges += needs.sorted().map { (from: $0, to: to) }
        }
        return edges
    }

    @Test("In 150 random graphs no nodes overlap, every edge is joined up and goes through no node")
    func layout() {
        var generator = SplitMix64(seed: 7)
        for round in 0..<150 {
            let count = Int.random(in: 1...24, using: &generator)
            let edges = randomEdges(count, &generator)
            let density = NodeDensity.allCases[round % 3]
            let names = (0..<count).map { _ in Int.random(in: 1...18, using: &generator) }
            let picture = GraphPicture(
                nodeCount: count, edges: edges, names: names, least: 4, density: density)
            var owner: [Int: Int] = [:]
            for (node, frame) in picture.frames.enumerated() {
                for row in frame.row..<(frame.row + frame.height) {
                    for column in frame.column..<(frame.column + frame.width) {
                        if row >= picture.height || column >= picture.width { Issue.record("round \(round): outside") }
                        let key = row * picture.width + column
                        if let other = owner[key] { Issue.record("round \(round): nodes \(node) and \(other) overlap") }
                        owner[key] = node
                    }
                }
            }
            for (index, edge) in edges.enumerated() {
                let cells = Self.cells(of: picture.strokes[index], width: picture.width)
                for cell in cells where owner[cell] != nil && owner[cell] != edge.from && owner[cell] != edge.to {
                    Issue.record("round \(round): the edge \(edge) goes through node \(owner[cell] ?? -1)")
                }
                #expect(Self.isConnected(cells, width: picture.width), "round \(round): the edge \(edge) has a gap")
            }
        }
    }

    private static func cells(of strokes: [GraphPicture.Stroke], width: Int) -> Set<Int> {
        var cells = Set<Int>()
        for stroke in strokes {
            switch stroke {
            case .horizontal(let row, let from, let to):
                for column in min(from, to)...max(from, to) { cells.insert(row * width + column) }
            case .vertical(let column, let from, let to):
                for row in min(from, to)...max(from, to) { cells.insert(row * width + column) }
            }
        }
        return cells
    }

    private static func isConnected(_ cells: Set<Int>, width: Int) -> Bool {
        guard let start = cells.first else { return false }
        var seen: Set<Int> = [start]
        var next = [start]
        while let cell = next.popLast() {
            for neighbour in [cell - 1, cell + 1, cell - width, cell + width]
            where cells.contains(neighbour) && seen.insert(neighbour).inserted { next.append(neighbour) }
        }
        return seen.count == cells.count
    }

    @Test("The layers of a chain stand in one row, from left to right")
    func chain() {
        let names: [StageID] = ["extract", "clean", "load"]
        let picture = GraphText.picture(names, ["clean": ["extract"], "load": ["clean"]], ascii: false)
        #expect(picture == ["● extract ──▸● clean ──▸● load"])
    }

    @Test("Two stages that each need two others: every edge has a row of the band for itself")
    func joins() {
        let picture = GraphText.picture(["a", "b", "c", "d"], ["c": ["a", "b"], "d": ["a", "b"]], ascii: false)
        #expect(
            picture == [
                "● a ─┬─┬──▸● c", "     ╰─┼╮", "     ╭─╯│", "● b ─┴──┴─▸● d",
            ], "\(picture.joined(separator: "\n"))")
    }

    @Test("A branch stands behind its source, a merge before its target, with a band between")
    func branchAndMerge() {
        let picture = GraphText.picture(["c", "d", "w", "y"], ["w": ["c", "d"], "y": ["d"]], ascii: false)
        #expect(picture == ["● c ───┬─▸● w", "     ╭─╯", "● d ─┴───▸● y"])
    }

    @Test("A graph of 300 stages is laid out and drawn as a rail")
    func large() {
        var generator = SplitMix64(seed: 3)
        let edges = randomEdges(300, &generator)
        var stages = (0..<300).map { PlannedStage(id: StageID("s\($0)")) }
        for edge in edges { stages[edge.to].upstream.append(StageID("s\(edge.from)")) }
        let state = RunState(id: "large", plan: RunPlan(pipeline: "large", maxParallel: 4, stages: stages))
        let dashboard = DashboardState(state, now: Moment(wall: 0, steady: 0), rows: 40, columns: 120)
        #expect(DashboardScreen.draw(dashboard, LogLineList()).text.contains("300 stages"))
    }
}

@Suite("Large pictures are laid out while keys are answered", .timeLimit(.minutes(5)))
struct AwaitedLayoutTests {
    @Test("Until the picture of many stages is there, the list is shown; then the picture is")
    func awaited() throws {
        let stages = (0..<120).map {
            PlannedStage(id: StageID("s\($0)"), upstream: $0 == 0 ? [] : [StageID("s\(($0 - 1) / 3)")])
        }
        var state = DashboardState(
            RunState(id: "r", plan: RunPlan(pipeline: "p", maxParallel: 1, stages: stages)),
            now: Moment(wall: 0, steady: 0),
            rows: 40, columns: 120)
        (state.view, state.laysOutAside) = (.graph, true)
        let before = DashboardLayout(state)
        let request = try #require(before.awaited)
        #expect(before.drawsRail && DashboardScreen.draw(state, LogLineList()).text.contains("laying out the picture"))
        _ = state.graph.drawing(request)
        #expect(DashboardLayout(state).awaited == nil && !DashboardLayout(state).drawsRail)
    }

    @Test("Pictures of few stages, and of the surroundings of one, never wait")
    func quick() {
        var state = SampleRun.failed.dashboard(rows: 60, columns: 200)
        state.laysOutAside = true
        #expect(DashboardLayout(state).awaited == nil && DashboardLayout(state).drawing != nil)
    }
}
