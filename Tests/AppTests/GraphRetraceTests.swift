import CaudalModel
import Engine
import Foundation
import TestSupport
import Testing

@testable import App

/// Whoever reads a drawn graph finds the edges of the pipeline, and no others.
@Suite("Graphs are read as they are", .timeLimit(.minutes(15)))
struct GraphRetraceTests {
    struct Graph {
        var names: [String]
        var edges: [(from: Int, to: Int)]

        /// A graph without cycles whose nodes need some of those before them, most often near ones.
        static func random(_ count: Int, edgesPerNode: Double, _ generator: inout SplitMix64) -> Graph {
            var edges: [(from: Int, to: Int)] = []
            for to in 1..<max(1, count) {
                var needs = Set<Int>()
                let wanted = Double.random(in: 0...(2 * edgesPerNode), using: &generator).rounded()
                for _ in 0..<Int(wanted) {
                    let reach = Bool.random(using: &generator) ? to : min(to, 1 + count / 5)
                    needs.insert(to - 1 - Int.random(in: 0..<reach, using: &generator))
                }
                edges += needs.sorted().map { (from: $0, to: to) }
            }
            return Graph(names: (0..<count).map { "n\($0)" }, edges: edges)
        }

        /// The graphs of the corpus; each line of a graph is a node and what it needs.
        static func corpus() throws -> [(name: String, crossingsOfDot: Int, graph: Graph)] {
            let text = try String(
                contentsOfFile: Repository.path("Tests/AppTests/Corpus/graphs.txt"), encoding: .utf8)
            return text.split(separator: "\n\n").map { block in
                let lines = block.split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
                let names = lines.dropFirst().map { $0[0] }
                var places: [String: Int] = [:]
                for (place, name) in names.enumerated() { places[name] = place }
                let edges = lines.dropFirst().enumerated().flatMap { to, line in
                    line.dropFirst().compactMap { places[$0] }.map { (from: $0, to: to) }
                }
                return (lines[0][0], Int(lines[0][2]) ?? 0, Graph(names: names, edges: edges))
            }
        }

        var truth: Set<String> { Set(edges.map { "\(names[$0.from]) → \(names[$0.to])" }) }
    }

    /// The graph as `caudal graph` prints it.
    private func printed(_ graph: Graph) -> CellBuffer {
        GraphText.canvas(graph.names, graph.edges)
    }

    /// Holds that a reader finds every node and every edge, and nothing else.
    private func hold(_ drawn: DrawnGraph, _ graph: Graph, _ title: String) {
        let labels = drawn.nodes.map(\.label)
        #expect(
            Set(labels) == Set(graph.names) && labels.count == graph.names.count, "\(title): other nodes")
        let read = Set(drawn.edges.map { "\(labels[$0.from]) → \(labels[$0.to])" })
        let invented = read.subtracting(graph.truth).sorted()
        let lost = graph.truth.subtracting(read).sorted()
        #expect(
            invented.isEmpty && lost.isEmpty,
            "\(title): invented \(invented.prefix(3)), lost \(lost.prefix(3))")
        #expect(drawn.looseEnds.isEmpty, "\(title): \(drawn.looseEnds.prefix(3))")
    }

    @Test(
        "Two hundred and forty random graphs of 5 to 200 nodes, from sparse to dense, are read as they are"
    )
    func random() {
        var generator = SplitMix64(seed: 16)
        for round in 0..<240 {
            let edgesPerNode = [0.6, 1.0, 1.5, 2.5][round % 4]
            // Most are small, where the dense ones are: a few are as large as a picture can be.
            let limit = round % 40 == 0 ? 200 : round % 8 == 1 ? 60 : 24
            let least = round % 40 == 0 ? 150 : 5
            let count = Int.random(in: least...limit, using: &generator)
            let graph = Graph.random(count, edgesPerNode: edgesPerNode, &generator)
            let buffer = printed(graph)
            hold(DrawnGraph(buffer, rows: 0..<buffer.height), graph, "round \(round), \(count) nodes")
        }
    }

    @Test("The corpus is read as it is, and has hardly more crossings than Graphviz draws")
    func corpus() throws {
        var ratios: [Double] = []
        for (name, crossingsOfDot, graph) in try Graph.corpus() {
            let buffer = printed(graph)
            let drawn = DrawnGraph(buffer, rows: 0..<buffer.height)
            hold(drawn, graph, name)
            let ratio =
                crossingsOfDot == 0
                ? drawn.crossings == 0 ? 1 : .infinity
                : Double(drawn.crossings) / Double(crossingsOfDot)
            #expect(
                ratio <= 1.5, "\(name): \(drawn.crossings) crossings, Graphviz draws \(crossingsOfDot)")
            ratios.append(ratio)
        }
        #expect(ratios.count >= 27)
        #expect(ratios.reduce(0, +) / Double(ratios.count) <= 1.1)
    }

    /// A dashboard on a run of the graph in which everything has succeeded.
    private func dashboard(_ graph: Graph, rows: Int, columns: Int) -> DashboardState {
        var run = SampleRun(stages: graph.stages)
        for stage in graph.names { run.succeed(UnitID(StageID(stage)), after: 10) }
        return run.dashboard(rows: rows, columns: columns)
    }

    /// The picture of a whole graph.
    private func drawing(_ graph: Graph, _ state: DashboardState, _ density: NodeDensity) -> GraphDrawing {
        let scene = GraphScene(.whole(chains: []), of: state.graph)
        let picture = GraphPicture(
            nodeCount: scene.items.count, edges: scene.edges, names: graph.names.map(\.count), least: 11,
            density: density)
        return GraphDrawing(kind: .whole(chains: []), scene: scene, picture: picture, labels: graph.names, fits: true)
    }

    @Test(
        "The dashboard draws the corpus so too: names, names with facts, and cards",
        arguments: NodeDensity.allCases)
    func densities(density: NodeDensity) throws {
        for (name, _, graph) in try Graph.corpus() where graph.names.count <= 60 {
            let state = dashboard(graph, rows: 40, columns: 120)
            let drawing = drawing(graph, state, density)
            let picture = drawing.picture
            let canvas = GraphCanvas(drawing, state, rows: 0..<picture.height, columns: 0..<picture.width)
                .buffer
            hold(DrawnGraph(canvas, rows: 0..<canvas.height), graph, "\(name), \(density)")
        }
    }

    @Test("In a part of a picture a line joins and parts as it does in the whole")
    func parts() throws {
        var generator = SplitMix64(seed: 8)
        for round in 0..<30 {
            let graph = Graph.random(
                Int.random(in: 12...40, using: &generator), edgesPerNode: [1.0, 1.5, 2.0][round % 3], &generator)
            let state = dashboard(graph, rows: 400, columns: 900)
            let drawing = drawing(graph, state, .short)
            let picture = drawing.picture
            let whole = GraphCanvas(drawing, state, rows: 0..<picture.height, columns: 0..<picture.width).buffer
            let (top, left) = (picture.height / 4, picture.width / 4)
            let (rows, columns) = (top..<(picture.height * 3 / 4), left..<(picture.width * 3 / 4))
            let part = GraphCanvas(drawing, state, rows: rows, columns: columns).buffer
            for (row, column) in rows.flatMap({ row in columns.map { (row, $0) } }) {
                let (one, all) = (
                    part.text(of: part[row: row - top, column: column - left]),
                    whole.text(of: whole[row: row, column: column])
                )
                // What is left out is a line of which no end is seen, also where it crosses others.
                let isLeftOut = [" ", "…"].contains(one) || "┼┿╂╋".contains(all) && "─│━┃".contains(one)
                #expect(one == all || isLeftOut, "round \(round), \(row):\(column): \(one) for \(all)")
            }
        }
    }

    @Test(
        "Folded chains are read as one place with the edges of their ends, whatever stands beside them",
        arguments: [(400, 900), (60, 200), (40, 120), (30, 100)])
    func foldedChains(rows: Int, columns: Int) throws {
        var generator = SplitMix64(seed: 11)
        for round in 0..<60 {
            let small = Graph.random(
                Int.random(in: 4...14, using: &generator), edgesPerNode: [1.0, 1.5, 2.0][round % 3], &generator)
            let graph = small.withChains(&generator)
            let model = graph.model
            let chains = GraphScene.chains(model.upstream, model.downstream) { _ in true }
            let state = dashboard(graph, rows: rows, columns: columns)
            guard let drawing = model.drawing(.whole(chains: chains), rows: rows, columns: columns, fallsBack: false)
            else { continue }
            let labels = zip(drawing.labels, drawing.scene.items).map { $0 + GraphModel.rest($1) }
            let picture = drawing.picture
            let canvas = GraphCanvas(drawing, state, rows: 0..<picture.height, columns: 0..<picture.width).buffer
            let folded = Graph(names: labels, edges: drawing.scene.edges)
            #expect(Set(labels).count == labels.count)
            hold(
                DrawnGraph(canvas, rows: 0..<canvas.height), folded,
                "round \(round), \(picture.density):\n\(canvas.text)\n")
        }
    }

    @Test(
        "On a screen whose columns are too few for the names, no two stages look alike",
        arguments: [(60, 200), (50, 160), (400, 500)])
    func screens(rows: Int, columns: Int) throws {
        // What is larger is drawn as a part, and takes long to draw in a build for debugging.
        for (name, _, graph) in try Graph.corpus() where graph.names.count <= 60 {
            var state = dashboard(graph, rows: rows, columns: columns)
            (state.view, state.zoomed) = (.graph, .graph)
            let drawing = try #require(DashboardLayout(state).drawing)
            guard drawing.fits else { continue }
            let drawn = DrawnGraph(DashboardScreen.draw(state, LogLineList()), rows: 3..<(rows - 2))
            let labels = drawing.labels
            #expect(Set(labels).count == graph.names.count, "\(name): names drawn alike")
            #expect(drawn.nodes.map(\.label).sorted() == labels.sorted(), "\(name)")
            let read = Set(
                drawn.edges.map { "\(drawn.nodes[$0.from].label) → \(drawn.nodes[$0.to].label)" })
            #expect(read == Set(graph.edges.map { "\(labels[$0.from]) → \(labels[$0.to])" }), "\(name)")
        }
    }
}

extension GraphRetraceTests.Graph {
    /// The graph with chains of four to six nodes in place of some of its nodes.
    func withChains(_ generator: inout SplitMix64) -> Self {
        var (all, links, first, last): ([String], [(from: Int, to: Int)], [Int], [Int]) = ([], [], [], [])
        for name in names {
            let length = Int.random(in: 0..<5, using: &generator) < 2 ? Int.random(in: 4...6, using: &generator) : 1
            first.append(all.count)
            for number in 0..<length {
                if number > 0 { links.append((all.count - 1, all.count)) }
                all.append(length > 1 ? "\(name)\(["a", "b", "c", "d", "e", "f"][number])" : name)
            }
            last.append(all.count - 1)
        }
        return Self(names: all, edges: links + edges.map { (last[$0.from], first[$0.to]) })
    }

    /// The stages of a plan with the graph.
    var stages: [PlannedStage] {
        var stages = names.map { SampleRun.stage(StageID($0)) }
        for edge in edges { stages[edge.to].upstream.append(StageID(names[edge.from])) }
        return stages
    }

    /// The graph of a plan.
    var model: GraphModel { GraphModel(RunPlan(pipeline: "p", maxParallel: 1, stages: stages)) }
}
