import CaudalModel
import Engine
import Testing

/// How long a run will go on, by its limits and the usual durations of its stages.
@Suite("Time left", .timeLimit(.minutes(5)))
struct TimeLeftTests {
    private func left(
        _ stages: [PlannedStage], atOnce: Int, pools: [PoolName: Int] = [:], after changes: [(Int64, RunChange)] = [],
        at now: Int64 = 0
    ) -> Duration {
        let plan = RunPlan(pipeline: "p", maxParallel: atOnce, pools: pools, stages: stages)
        var state = RunState(id: "20261123-130400-k3f9", plan: plan)
        for (number, (time, change)) in changes.enumerated() {
            state.apply(
                RunEvent(sequence: Int64(number + 1), time: Moment(wall: time, steady: time), change: change))
        }
        return TimeLeft.of(state, now: Moment(wall: now, steady: now))
    }

    private func stage(
        _ id: StageID, _ seconds: Int, needs: [StageID] = [], pool: PoolName? = nil, skipped: String? = nil
    ) -> PlannedStage {
        PlannedStage(id: id, upstream: needs, skipReason: skipped, pool: pool, expected: .seconds(seconds))
    }

    @Test(
        "Stages side by side take as long as the slots of the run let them",
        arguments: [(1, 12), (2, 6), (5, 3), (12, 1)])
    func slots(atOnce: Int, seconds: Int) {
        #expect(left((0..<12).map { stage(StageID("s\($0)"), 1) }, atOnce: atOnce) == .seconds(seconds))
    }

    @Test("A pool lets fewer of its stages run, and others pass them")
    func pool() {
        let inPool = (0..<4).map { stage(StageID("p\($0)"), 2, pool: "db") }
        let stages = inPool + (0..<4).map { stage(StageID("s\($0)"), 1) }
        #expect(left(stages, atOnce: 4, pools: ["db": 1]) == .seconds(8))
        #expect(left(stages, atOnce: 4, pools: ["db": 2]) == .seconds(4))
        #expect(left(stages, atOnce: 4) == .seconds(8), "a pool without a size has one slot")
    }

    @Test("The longest way goes first, and what is skipped takes no time")
    func order() {
        let stages = [
            stage("short", 1), stage("other", 1), stage("a", 1), stage("b", 9, needs: ["a"]),
            stage("c", 60, needs: ["b"], skipped: "its condition is false"),
        ]
        #expect(left(stages, atOnce: 1) == .seconds(12))
        #expect(left(stages, atOnce: 2) == .seconds(10))
    }

    @Test("A running stage counts with the rest of its time, and none where it is late")
    func running() {
        let stages = [stage("a", 10), stage("b", 3, needs: ["a"])]
        let begun: [(Int64, RunChange)] = [
            (0, .runStarted(ProcessIdentity(pid: 1, startTicks: 1, bootID: "boot"))), (0, .unitQueued(UnitID("a"))),
            (0, .attemptStarted(UnitID("a"), attempt: 1)),
        ]
        #expect(left(stages, atOnce: 2, after: begun, at: 4000) == .seconds(9))
        #expect(left(stages, atOnce: 2, after: begun, at: 60_000) == .seconds(3))
    }

    @Test("Ten thousand stages are soon told", arguments: [1, 64])
    func many(atOnce: Int) {
        let stages = (0..<10_000).map { stage(StageID("s\($0)"), 1, needs: $0 % 2 == 0 ? [] : [StageID("s\($0 - 1)")]) }
        #expect(left(stages, atOnce: atOnce) == .seconds((10_000 + atOnce - 1) / atOnce))
    }
}
