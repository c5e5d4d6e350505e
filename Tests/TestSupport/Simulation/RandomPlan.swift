package import CaudalModel
import Engine

/// A random pipeline: what a simulated run is about.
package struct RandomPlan {
    /// Plan and, for each fanned-out stage, its items.
    package let plan: RunPlan
    package let items: [StageID: [Item]]
    /// How many files each successful attempt of a stage moves into place.
    package let outputs: [StageID: Int]
    /// Whether the order in which things happen can change how the run ends.
    package let dependsOnTiming: Bool

    package init(using chance: inout Chance, maxStages: Int) {
        let count = chance.number(1...maxStages)
        var stages: [PlannedStage] = []
        var items: [StageID: [Item]] = [:]
        var outputs: [StageID: Int] = [:]
        var dependsOnTiming = false
        for index in 0..<count {
            let id = StageID("s\(index)")
            var stage = PlannedStage(id: id)
            let needs = index == 0 || chance.happens(20) ? 0 : chance.number(1...min(3, index))
            var upstream = Set<StageID>()
            for _ in 0..<needs { upstream.insert(StageID("s\(chance.number(0...(index - 1)))")) }
            stage.upstream = upstream.sorted()
            stage.outputs = ["of-\(id)"]
            stage.reads = stage.upstream.filter { _ in chance.happens(50) }.map { "of-\($0)" }
            stage.when = chance.happens(80) ? .allSucceeded : chance.pick([.allDone, .anyFailed])
            if chance.happens(4) { stage.skipReason = "its condition is false" }
            if chance.happens(50) {
                stage.retry = RetryPolicy(
                    limit: chance.number(1...3), delay: .milliseconds(chance.number(0...4000)), backoff: 2,
                    maxDelay: .seconds(6), jitter: chance.happens(50) ? 0.2 : 0,
                    exitStatuses: chance.happens(20) ? [75] : [])
            }
            if chance.happens(25) { stage.timeout = .seconds(chance.number(1...4)) }
            if chance.happens(25) { stage.pool = chance.pick(["db", "api"]) }
            if chance.happens(10) { stage.resources = Resources(cpu: 1) }
            stage.allowsFailure = chance.happens(10)
            stage.isIdempotent = chance.happens(80)
            if chance.happens(40) { stage.expected = .milliseconds(chance.number(1...5000)) }
            if chance.happens(25) {
                let stops = chance.happens(20)
                stage.fanOut = .init(
                    maxParallel: chance.happens(50) ? chance.number(1...2) : nil, onFailure: stops ? .stop : .proceed)
                dependsOnTiming = dependsOnTiming || stops
                items[id] = (0..<chance.number(0...5)).map { Item(key: ItemKey("i\($0)"), values: [:]) }
            }
            outputs[id] = chance.number(0...2)
            stages.append(stage)
        }
        // A pipeline file may name its stages in any order.
        if chance.happens(30) { stages.reverse() }
        plan = RunPlan(
            pipeline: "simulated", maxParallel: chance.number(1...4),
            pools: ["db": chance.number(1...2), "api": 1], stages: stages)
        self.items = items
        self.outputs = outputs
        self.dependsOnTiming = dependsOnTiming
    }
}
