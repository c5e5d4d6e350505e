import CaudalModel
import Engine
import TestSupport
import Testing

@testable import App

/// Whoever reads the lanes of the rail finds no edge that the pipeline does not have.
@Suite("The rail", .timeLimit(.minutes(15)))
struct RailTests {
    /// The edges that the lanes of a screen show: from each row's mark upwards, along the lines.
    ///
    /// `rows`: for each line of the screen its stage, nil where it has none. A crossing is passed straight; the lines of
    /// a row lead to its mark, so who comes from below stays in his lane; two marks directly below each other are
    /// connected, also those beside `~`. What else is behind `~` is not known.
    private func edges(_ buffer: CellBuffer, _ rows: [Int?], lanes: Int) -> Set<[Int]> {
        func cell(_ row: Int, _ column: Int) -> Character {
            guard row >= 0, column >= 0, column < lanes * 2 else { return " " }
            return buffer.text(of: buffer[row: row, column: column]).first ?? " "
        }
        // Upwards, to the left and to the right.
        let ways: [Character: String] = [
            "│": "NS", "─": "EW", "╯": "NW", "╰": "NE", "├": "NSE", "┤": "NSW", "┴": "NEW", "┼": "X",
            "╮": "SW", "╭": "SE",
        ]
        let back: [Character: Character] = ["N": "S", "S": "N", "E": "W", "W": "E"]
        var found: Set<[Int]> = []
        let marks = rows.indices.map { row in
            (0..<buffer.width).first { buffer.text(of: buffer[row: row, column: $0]) == "✓" }
        }
        for (line, mark) in marks.enumerated().dropFirst() where mark != nil && mark == marks[line - 1] {
            if let upper = rows[line - 1], let lower = rows[line] { found.insert([upper, lower]) }
        }
        for (line, stage) in rows.enumerated() {
            guard let stage, let mark = (0..<(lanes * 2)).first(where: { cell(line, $0) == "✓" }) else { continue }
            var seen: Set<String> = []
            var open: [(row: Int, column: Int, way: Character)] = [
                (line - 1, mark, "N"), (line, mark - 1, "W"), (line, mark + 1, "E"),
            ]
            while let (row, column, way) = open.popLast() {
                let glyph = cell(row, column)
                guard seen.insert("\(row) \(column) \(way)").inserted else { continue }
                if glyph == "✓" {
                    // A line reaches a mark from below, where its lane begins.
                    if way == "N", let source = rows[row] { found.insert([source, stage]) }
                    continue
                }
                guard let sides = ways[glyph], sides == "X" || sides.contains(back[way] ?? " ") else {
                    continue
                }
                let isStraight = sides == "X" || (way == "N" && sides.contains("N"))
                for next in isStraight ? String(way) : sides where next != back[way] && next != "S" {
                    let step = next == "N" ? (-1, 0) : next == "E" ? (0, 1) : (0, -1)
                    open.append((row + step.0, column + step.1, next))
                }
            }
        }
        return found
    }

    private func hold(_ graph: GraphRetraceTests.Graph, columns: Int, _ title: String) {
        var run = SampleRun(stages: graph.stages)
        for stage in graph.names { run.succeed(UnitID(StageID(stage)), after: 10) }
        let state = run.dashboard(rows: 24, columns: columns)
        let rail = state.graph.rail
        let lanes = RailPane.Lanes(rail, columns: columns)
        let rows = RailPane.rows(state).all
        var buffer = CellBuffer(width: lanes.width + 2, height: rows.count)
        for (line, row) in rows.enumerated() {
            RailPane.drawLanes(row, lanes, state, row: line, column: 0, into: &buffer)
        }
        #expect(rows.count == rail.lineCount && rows.count == RailPane.lineCount(state))
        let read = edges(buffer, rows.map { $0.connector == nil ? $0.rail.node : nil }, lanes: lanes.count)
        let truth = Set(graph.edges.map { [$0.from, $0.to] })
        let invented = read.subtracting(truth)
        #expect(invented.isEmpty, "\(title) invents \(Array(invented.prefix(3))):\n\(buffer.text)")
        if !lanes.isCut {
            let lost = truth.subtracting(read)
            #expect(lost.isEmpty, "\(title) loses \(Array(lost.prefix(3))):\n\(buffer.text)")
        }
    }

    @Test(
        "The rail of the corpus shows no edge that is not there, and every edge where its lanes suffice"
    )
    func corpus() throws {
        for (name, _, graph) in try GraphRetraceTests.Graph.corpus() {
            for columns in [80, 120, 200] { hold(graph, columns: columns, name) }
        }
    }

    @Test("So does that of 200 random graphs")
    func random() {
        var generator = SplitMix64(seed: 23)
        for round in 0..<200 {
            let count = Int.random(in: 2...40, using: &generator)
            let graph = GraphRetraceTests.Graph.random(
                count, edgesPerNode: [0.5, 1, 1.5, 2][round % 4], &generator)
            hold(graph, columns: [80, 120, 200][round % 3], "round \(round)")
        }
    }

    @Test(
        "A lane is two cells wide; there are eight in 16 columns, and more where the terminal is wider",
        arguments: [(80, 4), (109, 4), (110, 8), (124, 8), (160, 16), (200, 24), (300, 24)])
    func lanes(columns: Int, count: Int) {
        // Each stage leads to the last one: a lane for each.
        let names = (0..<40).map { "s\($0)" } + ["last"]
        let graph = GraphRetraceTests.Graph(names: names, edges: (0..<40).map { (from: $0, to: 40) })
        let lanes = RailPane.Lanes(graph.model.rail, columns: columns)
        #expect(lanes.count == count && lanes.isCut && lanes.width == count * 2 + 3)
        let few = GraphRetraceTests.Graph(names: ["a", "b"], edges: [(from: 0, to: 1)]).model.rail
        #expect(RailPane.Lanes(few, columns: columns).width == 2, "no more than it takes")
    }

    @Test("Stages of separate groups are never directly below each other in one lane")
    func separate() {
        let names = (0..<12).flatMap { ["a\($0)", "b\($0)"] }
        let edges = (0..<12).map { (from: 2 * $0, to: 2 * $0 + 1) }
        let rail = GraphRetraceTests.Graph(names: names, edges: edges).model.rail
        for (upper, lower) in zip(rail.rows, rail.rows.dropFirst()) where upper.lane == lower.lane {
            #expect(edges.contains { $0 == (upper.node, lower.node) })
        }
        #expect(rail.laneCount == 2)
    }
}
