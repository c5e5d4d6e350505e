import CaudalModel
import Engine
import TestSupport
import Testing

@testable import App

@Suite("Scenes of the graph", .timeLimit(.minutes(15)))
struct GraphSceneTests {
    /// The graph of stages that are written as `name: need need`, with their groups.
    private func model(_ lines: [String], groups: [String: String] = [:]) -> GraphModel {
        let stages = lines.map { line -> PlannedStage in
            let parts = line.split(separator: ":")
            var stage = SampleRun.stage(StageID(String(parts[0])))
            stage.group = groups[String(parts[0])]
            stage.upstream =
                parts.count > 1 ? parts[1].split(separator: " ").map { StageID(String($0)) } : []
            return stage
        }
        return GraphModel(RunPlan(pipeline: "p", maxParallel: 1, stages: stages))
    }

    private func texts(_ scene: GraphScene, _ model: GraphModel) -> [String] {
        scene.items.map { item in
            switch item {
            case .stage(let stage): model.names[stage]
            case .chain(let stages): stages.map { model.names[$0] }.joined(separator: "-")
            case .group(let name, let stages): "\(name)(\(stages.count))"
            case .more(let isUpstream, let stages): "\(isUpstream ? "up" : "down")(\(stages.count))"
            }
        }
    }

    private func edges(_ scene: GraphScene, _ model: GraphModel) -> [String] {
        let texts = texts(scene, model)
        return scene.edges.map { "\(texts[$0.from])>\(texts[$0.to])" }.sorted()
    }

    @Test("Only four or more stages in a row are a chain, and only without branches")
    func chains() {
        let model = model(["a", "b: a", "c: b", "d: c", "e: d", "f: d", "g", "h: g", "i: h"])
        let all = GraphScene.chains(model.upstream, model.downstream) { _ in true }
        #expect(all == [[0, 1, 2, 3]])
        #expect(GraphScene.chains(model.upstream, model.downstream) { $0 != 1 }.isEmpty)
        let scene = GraphScene(.whole(chains: all), of: model)
        #expect(texts(scene, model) == ["a-b-c-d", "e", "f", "g", "h", "i"])
        #expect(edges(scene, model) == ["a-b-c-d>e", "a-b-c-d>f", "g>h", "h>i"])
    }

    @Test("The focus shows so many edges around a stage, and counts the rest on both sides")
    func focus() {
        let model = model(["a", "b: a", "c: b", "d: c", "e: d", "f: e", "side", "g: d side"])
        let one = GraphScene(.focus(stage: 3, hops: 1), of: model)
        #expect(texts(one, model) == ["d", "c", "e", "g", "up(3)", "down(1)"])
        #expect(edges(one, model) == ["c>d", "d>e", "d>g", "e>down(1)", "up(3)>c", "up(3)>g"])
        let two = GraphScene(.focus(stage: 3, hops: 2), of: model)
        #expect(texts(two, model) == ["d", "c", "b", "e", "g", "f", "up(2)"])
    }

    @Test("The focus of a stage that everything needs stays readable")
    func largeFocus() {
        let model = model(["a"] + (0..<500).map { "b\($0): a" })
        let scene = GraphScene(.focus(stage: 0, hops: 1), of: model)
        #expect(scene.items.count <= 41)
        #expect(scene.items.last?.stages.count == 501 - (scene.items.count - 1))
    }

    @Test(
        "Groups come from the file, otherwise from the beginnings of names; opened ones show their stages"
    )
    func groups() {
        let model = model(
            ["extract_a", "extract_b", "stg_a: extract_a", "stg_b: extract_b", "x: stg_a", "y: x stg_b"],
            groups: ["x": "marts", "y": "marts"])
        let closed = GraphScene(.groups(open: []), of: model)
        #expect(texts(closed, model) == ["extract(2)", "stg(2)", "marts(2)"])
        #expect(edges(closed, model) == ["extract(2)>stg(2)", "stg(2)>marts(2)"])
        let open = GraphScene(.groups(open: ["stg"]), of: model)
        #expect(texts(open, model) == ["extract(2)", "stg_a", "stg_b", "marts(2)"])
    }

    @Test("Groups that need each other are parted, so that every line leads to the right")
    func circles() {
        let model = model(["a_1", "b_1: a_1", "a_2: b_1", "b_2: a_2", "a_3: a_2"])
        let scene = GraphScene(.groups(open: []), of: model)
        let picture = GraphPicture(
            nodeCount: scene.items.count, edges: scene.edges, names: scene.items.map { _ in 5 }, least: 1,
            density: .short)
        for edge in scene.edges {
            #expect(picture.frames[edge.from].column < picture.frames[edge.to].column, "\(edge)")
        }
        #expect(Set(scene.items.flatMap(\.stages)).count == 5)
    }

    @Test(
        "In random graphs with random groups, every stage is in one item and every edge between two leads to the right"
    )
    func random() {
        var generator = SplitMix64(seed: 11)
        for round in 0..<60 {
            let graph = GraphRetraceTests.Graph.random(30, edgesPerNode: 1.5, &generator)
            var stages = graph.stages
            for index in stages.indices {
                stages[index].group = "g\(Int.random(in: 0..<6, using: &generator))"
            }
            let model = GraphModel(RunPlan(pipeline: "p", maxParallel: 1, stages: stages))
            let scene = GraphScene(.groups(open: round % 2 == 0 ? [] : ["g1"]), of: model)
            #expect(scene.items.flatMap(\.stages).sorted() == Array(0..<30), "round \(round)")
            let picture = GraphPicture(
                nodeCount: scene.items.count, edges: scene.edges, names: scene.items.map { _ in 4 },
                least: 1,
                density: .short)
            for edge in scene.edges
            where picture.frames[edge.from].column >= picture.frames[edge.to].column {
                Issue.record("round \(round): \(edge) leads to the left")
            }
            for edge in graph.edges {
                let (from, to) = (scene.itemOf[edge.from], scene.itemOf[edge.to])
                if from != to, !scene.edges.contains(where: { $0.from == from && $0.to == to }) {
                    Issue.record("round \(round): \(edge) is lost")
                }
            }
        }
    }
}
