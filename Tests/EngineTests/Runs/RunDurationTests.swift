import Engine
import Testing

@Suite("How long a run took", .tags(.runs))
struct RunDurationTests {
    private static let process = ProcessIdentity(pid: 1, startTicks: 1, bootID: "boot")

    private func state(_ changes: [(seconds: Int64, RunChange)]) -> RunState {
        let plan = RunPlan(
            pipeline: "p", file: "p.yaml", root: "/", environment: nil, parameters: [:], maxParallel: 1, pools: [:],
            stages: [PlannedStage(id: "s")], selection: nil, reusesUnchanged: false)
        let events = changes.enumerated().map { index, change in
            RunEvent(
                sequence: Int64(index + 1), time: Moment(wall: change.seconds * 1000, steady: change.seconds * 1000),
                change: change.1)
        }
        return RunState(id: "r", plan: plan, events: events)
    }

    private func seconds(_ state: RunState, now: Int64) -> Double {
        state.duration(now: Moment(wall: now * 1000, steady: now * 1000)).seconds
    }

    @Test("A run that goes on is counted to now, one that ended to its end")
    func simple() {
        #expect(seconds(state([]), now: 50) == 0)
        #expect(seconds(state([(10, .runStarted(Self.process))]), now: 50) == 40)
        #expect(seconds(state([(10, .runStarted(Self.process)), (15, .runEnded(.failed))]), now: 50) == 5)
    }

    @Test("The time between an end and a retry does not count")
    func retry() {
        let changes: [(Int64, RunChange)] = [
            (10, .runStarted(Self.process)), (15, .runEnded(.failed)), (195, .runResumed(Self.process)),
            (197, .runEnded(.succeeded)),
        ]
        #expect(seconds(state(changes), now: 500) == 7)
        #expect(seconds(state(Array(changes.dropLast())), now: 200) == 10)
    }

    @Test("The time between a crash and its resumption does not count: the last event is the last that is known")
    func crash() {
        let changes: [(Int64, RunChange)] = [
            (10, .runStarted(Self.process)), (12, .unitQueued(UnitID("s"))), (100, .runResumed(Self.process)),
            (103, .runEnded(.succeeded)),
        ]
        #expect(seconds(state(changes), now: 500) == 5)
    }
}
