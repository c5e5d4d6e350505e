import CaudalModel
import Engine
import Testing

@Suite(.timeLimit(.minutes(15))) struct TopologicalOrderTests {
    @Test("Each stage comes after everything upstream of it, ties by name")
    func order() throws {
        let order = try TopologicalOrder.of([
            "report": ["load"], "load": ["clean", "catalog"], "clean": ["extract"], "extract": [], "catalog": [],
        ])
        #expect(order == ["catalog", "extract", "clean", "load", "report"])
    }

    @Test("An empty graph has an empty order")
    func empty() throws { #expect(try TopologicalOrder.of([:]) == []) }

    @Test("A cycle is named from its first stage by name, which is repeated at the end")
    func cycle() {
        #expect(throws: GraphError.cycle(["a", "b", "c", "a"])) {
            try TopologicalOrder.of(["c": ["a"], "b": ["c"], "a": ["b"], "free": [], "behind": ["a"]])
        }
    }

    @Test("A stage that waits for a cycle is not part of it")
    func behindACycle() {
        #expect(throws: GraphError.cycle(["b", "c", "b"])) {
            try TopologicalOrder.of(["a": ["b"], "b": ["c"], "c": ["b"]])
        }
    }

    @Test("A stage that needs itself is a cycle of one")
    func selfLoop() { #expect(throws: GraphError.cycle(["a", "a"])) { try TopologicalOrder.of(["a": ["a"]]) } }

    @Test("Random graphs without a cycle are ordered, the same way however they are written down")
    func randomGraphs() throws {
        for seed in UInt64(0)..<300 {
            var random = SplitMix64(seed: seed)
            let names = (0..<Int.random(in: 1...30, using: &random)).map { StageID("s\($0)") }.shuffled(using: &random)
            var upstream: [StageID: Set<StageID>] = [:]
            for (index, name) in names.enumerated() {
                upstream[name] = Set(names[..<index].filter { _ in Int.random(in: 0..<4, using: &random) == 0 })
            }
            let order = try TopologicalOrder.of(upstream)
            #expect(Set(order) == Set(names) && order.count == names.count, "seed \(seed)")
            for (index, name) in order.enumerated() {
                #expect(upstream[name, default: []].isSubset(of: order[..<index]), "seed \(seed), \(name)")
            }
            let again = Dictionary(uniqueKeysWithValues: names.reversed().map { ($0, upstream[$0] ?? []) })
            #expect(try TopologicalOrder.of(again) == order, "seed \(seed)")
        }
    }

    @Test("A chain of ten thousand stages is ordered")
    func longChain() throws {
        let names = (0..<10_000).map { StageID("s\(100_000 + $0)") }
        var upstream: [StageID: Set<StageID>] = [names[0]: []]
        for (name, before) in zip(names.dropFirst(), names) { upstream[name] = [before] }
        #expect(try TopologicalOrder.of(upstream) == names)
    }
}
