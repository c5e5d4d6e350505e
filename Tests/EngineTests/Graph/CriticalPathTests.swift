import CaudalModel
import Engine
import Testing

@Suite(.timeLimit(.minutes(15))) struct CriticalPathTests {
    private func plan(_ stages: [(StageID, needs: [StageID], seconds: Int?)]) -> RunPlan {
        RunPlan(
            pipeline: "test", maxParallel: 4,
            stages: stages.map {
                PlannedStage(id: $0.0, upstream: $0.needs, expected: $0.seconds.map { .seconds($0) })
            })
    }

    @Test("What remains of a stage is its own time and the longest path behind it")
    func remaining() {
        let plan = plan([
            ("extract", [], 10), ("short", ["extract"], 1), ("long", ["extract"], 30), ("load", ["short", "long"], 5),
        ])
        #expect(CriticalPath.remaining(of: plan) == [45_000, 6000, 35_000, 5000])
    }

    @Test("A stage without a history counts a second, so that a longer chain goes first")
    func withoutHistory() {
        let plan = plan([("a", [], nil), ("b", ["a"], nil), ("c", ["b"], nil), ("alone", [], nil)])
        #expect(CriticalPath.remaining(of: plan) == [3000, 2000, 1000, 1000])
    }

    @Test("The order of positions puts each stage behind what it waits for")
    func indices() {
        let plan = plan([("load", ["clean"], nil), ("clean", ["extract"], nil), ("extract", [], nil)])
        #expect(CriticalPath.topologicalIndices(of: plan) == [2, 1, 0])
    }

    @Test("A chain of ten thousand stages does not overflow the stack")
    func longChain() {
        let names = (0..<10_000).map { StageID("s\($0)") }
        let stages = names.enumerated().map { index, name in (name, index == 0 ? [] : [names[index - 1]], 1 as Int?) }
        #expect(CriticalPath.remaining(of: plan(stages)).first == 10_000_000)
    }

    @Test("Remaining times agree with the sum along the longest path of random graphs")
    func randomGraphs() {
        for seed in UInt64(0)..<200 {
            var random = SplitMix64(seed: seed)
            let count = Int.random(in: 1...12, using: &random)
            let stages = (0..<count).map { index in
                let needs = (0..<index).filter { _ in Bool.random(using: &random) }.map { StageID("s\($0)") }
                return (StageID("s\(index)"), needs, Int.random(in: 0...9, using: &random) as Int?)
            }
            var longest = [Int](repeating: 0, count: count)
            for index in stages.indices.reversed() {
                let behind = stages.indices.filter { stages[$0].1.contains(stages[index].0) }.map { longest[$0] }.max()
                longest[index] = (stages[index].2 ?? 0) + (behind ?? 0)
            }
            #expect(CriticalPath.remaining(of: plan(stages)) == longest.map { Int64($0) * 1000 }, "seed \(seed)")
        }
    }
}
