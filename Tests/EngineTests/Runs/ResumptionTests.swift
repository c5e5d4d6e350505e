import CaudalModel
import Engine
import Testing

/// What a machine made from a journal remembers of what the one before it had promised.
@Suite("A run that is taken up again", .tags(.runs))
struct ResumptionTests {
    private static let process = ProcessIdentity(pid: 1, startTicks: 1, bootID: "boot")

    private func moment(_ seconds: Double) -> Moment {
        Moment(wall: Int64(seconds * 1000), steady: Int64(seconds * 1000))
    }

    /// A run whose only stage has failed at 10 s and waits so long for its next try, folded from its journal.
    private func waiting(delay: Duration) -> RunState {
        let policy = RetryPolicy(limit: 1, delay: delay, maxDelay: .seconds(100_000), jitter: 0)
        let plan = RunPlan(pipeline: "p", maxParallel: 1, stages: [PlannedStage(id: "a", retry: policy)])
        var machine = RunMachine(state: RunState(id: "r", plan: plan), seed: 1)
        var events = machine.handle(.start(Self.process), at: moment(0)).events
        let failure = AttemptResult(ending: .failed, failure: Failure("no"))
        events += machine.handle(.attemptEnded(UnitID("a"), attempt: 1, failure), at: moment(10)).events
        return RunState(id: "r", plan: plan, events: events)
    }

    private func delay(in step: RunStep) -> Duration? {
        for case .startTimer(.retry, let delay) in step.actions { return delay }
        return nil
    }

    @Test(
        "What is left of a retry's delay is waited for, and no more than that",
        arguments: [(11.0, 4.0), (14.5, 0.5), (15, 0), (500, 0), (5, 5)])
    func delay(now: Double, left: Double) throws {
        let state = waiting(delay: .seconds(5))
        try #require(state.stage("a")?.unit.status == .retrying)
        var machine = RunMachine(state: state, seed: 1)
        let step = machine.handle(.resume(Self.process, settled: [:]), at: moment(now))
        // A clock that was set back makes nobody wait longer than the whole delay and what it was set back by.
        let expected = now < 10 ? 10 : left
        #expect(delay(in: step) == .milliseconds(Int64(expected * 1000)))
        #expect(machine.state.stage("a")?.unit.status == .retrying)
        #expect(!step.actions.contains { if case .launch = $0 { true } else { false } })
    }

    @Test("A remembered delay is an hour at most: the clock may have been set")
    func longDelay() {
        var machine = RunMachine(state: waiting(delay: .seconds(90_000)), seed: 1)
        #expect(delay(in: machine.handle(.resume(Self.process, settled: [:]), at: moment(11))) == .seconds(3600))
    }

    @Test("A pause ends when the run is taken up, with who did it")
    func pause() {
        let plan = RunPlan(
            pipeline: "p", maxParallel: 1, stages: [PlannedStage(id: "a"), PlannedStage(id: "b", upstream: ["a"])])
        var first = RunMachine(state: RunState(id: "r", plan: plan), seed: 1)
        var events = first.handle(.start(Self.process), at: moment(0)).events
        events += first.handle(.command(.pause, by: "evening", token: 1), at: moment(1)).events
        var second = RunMachine(state: RunState(id: "r", plan: plan, events: events), seed: 1)
        let step = second.handle(.resume(Self.process, settled: [:], by: "morning"), at: moment(2))
        #expect(step.events.contains { $0.change == .commandReceived(.unpause, by: "morning") })
        #expect(step.events.contains { $0.change == .unpaused })
        #expect(!second.state.isPaused && second.state.openAttempts == 1)
    }
}
