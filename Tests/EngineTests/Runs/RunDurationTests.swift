import CaudalModel
import Engine
import Testing

@Suite("How long a run took", .tags(.runs), .timeLimit(.minutes(15)))
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

    @Test(
        "What a stage took is the time in which it was worked on: no waiting for a retry, an operator or a resumption")
    func stage() {
        let (whole, item) = (UnitID("s"), UnitID("s", "i"))
        let changes: [(Int64, RunChange)] = [
            (10, .runStarted(Self.process)), (10, .attemptStarted(whole, attempt: 1)),
            (12, .attemptEnded(whole, attempt: 1, .succeeded)), (12, .itemsFound("s", [Item(key: "i", values: [:])])),
            (20, .attemptStarted(item, attempt: 1)),
            (23, .attemptEnded(item, attempt: 1, AttemptResult(ending: .failed))),
            (23, .unitEnded(item, .failed, reason: nil)), (23, .unitEnded(whole, .failed, reason: nil)),
            // An operator comes an hour later.
            (3600, .stageReopened("s")), (3600, .unitReset(item)), (3600, .attemptStarted(item, attempt: 2)),
            (3604, .progressed(item, attempt: 2, Progress(fraction: 0.5))),
            // The process dies; the run is taken up again another hour later.
            (7200, .runResumed(Self.process)),
            (7200, .attemptEnded(item, attempt: 2, AttemptResult(ending: .interrupted))),
            (7201, .attemptStarted(item, attempt: 3)), (7203, .attemptEnded(item, attempt: 3, .succeeded)),
        ]
        let now = Moment(wall: 9_000_000, steady: 9_000_000)
        #expect(state(changes).stage("s")?.took(now: now) == .seconds(2 + 3 + 4 + 2))
        #expect(state(changes).unit(item)?.took(now: now) == .seconds(4 + 2))
        #expect(state([(10, .runStarted(Self.process))]).stage("s")?.took(now: now) == nil)
    }
}
