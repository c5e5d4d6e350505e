import CaudalModel
import Engine
import TestSupport
import Testing

@testable import App

@Suite("Replays of runs", .timeLimit(.minutes(15)))
struct RunReplayTests {
    private static let plan = RunPlan(
        pipeline: "p", maxParallel: 1, stages: [PlannedStage(id: "a"), PlannedStage(id: "b")])

    /// A run of two stages of a minute each; its process dies in the second one, and an operator resumes it the next day.
    private static let events: [RunEvent] = {
        let changes: [(second: Int64, RunChange)] = [
            (0, .runStarted(.ofTest)), (1, .attemptStarted(UnitID("a"), attempt: 1)),
            (61, .attemptEnded(UnitID("a"), attempt: 1, .succeeded)),
            (61, .unitEnded(UnitID("a"), .succeeded, reason: nil)),
            (62, .attemptStarted(UnitID("b"), attempt: 1)), (86_400, .runResumed(.ofTest)),
            (86_401, .attemptStarted(UnitID("b"), attempt: 2)),
            (86_461, .attemptEnded(UnitID("b"), attempt: 2, .succeeded)),
            (86_461, .unitEnded(UnitID("b"), .succeeded, reason: nil)), (86_461, .runEnded(.succeeded)),
        ]
        return changes.enumerated().map { index, entry in
            RunEvent(
                sequence: Int64(index + 1),
                time: Moment(wall: 1_795_413_600_000 + entry.second * 1000, steady: entry.second * 1000),
                change: entry.1)
        }
    }()

    private func replay(step: Int = 4096) -> RunReplay { RunReplay("r", Self.plan, Self.events, step: step) }

    @Test("Time passes at the chosen speed, and stands still in a pause")
    func passes() {
        var replay = replay()
        #expect(replay.pass(1000).map(\.sequence) == [1, 2])
        #expect(replay.run.stage("a")?.status == .running)
        replay.changeSpeed(2)
        #expect(replay.speed == 4)
        #expect(replay.pass(14_000).isEmpty && replay.position == 57_000)
        replay.isPaused = true
        #expect(replay.pass(60_000).isEmpty && replay.position == 57_000)
        replay.isPaused = false
        #expect(replay.pass(1000).map(\.sequence) == [3, 4])
        #expect(replay.run.stage("a")?.status == .succeeded)
    }

    @Test("The clocks show what they showed then, also between two events")
    func clock() {
        var replay = replay()
        _ = replay.pass(31_000)
        #expect(replay.time == Moment(wall: 1_795_413_631_000, steady: 31_000))
    }

    @Test("The night before a run was resumed takes two seconds")
    func night() {
        var replay = replay()
        #expect(replay.length == 62_000 + 2000 + 61_000)
        replay.seek(to: 64_000)
        #expect(replay.last?.sequence == 6)
        #expect(replay.time.wall == 1_795_413_600_000 + 86_400_000)
    }

    @Test(
        "Back and ahead, from any place to any other, the run is as its first events make it", arguments: [1, 3, 4096])
    func seeks(step: Int) {
        var replay = replay(step: step)
        var generator = SplitMix64(seed: 7)
        for _ in 0..<200 {
            let target = Int64.random(in: -5000...(replay.length + 5000), using: &generator)
            replay.seek(to: target)
            let expected = RunState(id: "r", plan: Self.plan, events: Self.events.prefix(replay.shown))
            #expect(replay.run.stages.map(\.status) == expected.stages.map(\.status))
            #expect(replay.run.lastSequence == expected.lastSequence)
            #expect(replay.position == max(0, min(target, replay.length)))
        }
        replay.seek(to: .max)
        #expect(replay.isAtEnd && replay.run.status == .succeeded)
    }

    @Test("Steps go from event to event, and events of one moment are one step")
    func steps() {
        var replay = replay()
        replay.stepEvent(1)
        replay.stepEvent(1)
        replay.stepEvent(1)
        #expect(replay.position == 61_000 && replay.shown == 4)
        replay.stepEvent(-1)
        #expect(replay.position == 1000 && replay.shown == 2)
        replay.stepEvent(-1)
        replay.stepEvent(-1)
        #expect(replay.position == 0)
    }

    @Test("Speeds have a least and a greatest one")
    func speeds() {
        var replay = replay()
        for _ in 0..<20 { replay.changeSpeed(1) }
        #expect(replay.speed == 64)
        for _ in 0..<20 { replay.changeSpeed(-1) }
        #expect(replay.speed == 0.25)
        replay.setSpeed(1000)
        #expect(replay.speed == 64)
    }
}

@Suite("The dashboard of a replay", .timeLimit(.minutes(15)))
struct ReplayScreenTests {
    /// The dashboard of a replay of a run whose last stage failed.
    static func dashboard(rows: Int = 24, columns: Int = 80) -> DashboardState {
        let sample = SampleRun.failed
        var state = sample.dashboard(rows: rows, columns: columns)
        state.replay = RunReplay(sample.state.id, sample.state.plan, sample.events)
        state.showReplay()
        return state
    }

    @Test("Space stops it and goes on, keys of the replay step, jump and change the speed, and q leaves")
    func keys() throws {
        var state = Self.dashboard()
        state.press([" "])
        #expect(state.replay?.isPaused == true)
        state.press([">", ">"])
        #expect(state.replay?.speed == 4)
        state.press(["}"])
        let ahead = try #require(state.replay?.position)
        #expect(ahead > 0)
        state.press(["{"])
        #expect(state.replay?.position == 0)
        state.press(["."])
        #expect(state.run.lastSequence == state.replay?.run.lastSequence)
        state.press([","])
        #expect(state.replay?.position == 0)
        let left = state.press(["q"])
        #expect(left.count == 1)
        if case .quit? = left.first {} else { Issue.record("q does \(left)") }
    }

    @Test("Nothing can be steered in a replay, and the panes' other keys go on working")
    func steering() {
        var state = Self.dashboard()
        state.press(["r"])
        #expect(state.toast?.text == "a replay changes nothing; q leaves it")
        state.press(["3"])
        #expect(state.focus == .log)
    }

    @Test("The log ends where the replay is")
    func log() {
        var all = LogLineList()
        all.records = (0..<100).map {
            LogRecord(
                time: Int64($0 * 1000), level: $0 % 10 == 0 ? .error : .info, pipeline: "p", run: "r", stream: .stdout,
                message: "line \($0)")
        }
        let lines = LogLinesUntil(all)
        #expect(lines.count == 0 && lines.record(at: 0) == nil && lines.error(from: -1, forward: true) == nil)
        lines.show(until: 41_500)
        #expect(lines.count == 42 && lines.record(at: 41)?.message == "line 41" && lines.record(at: 42) == nil)
        #expect(lines.error(from: 35, forward: true) == 40 && lines.error(from: 40, forward: true) == nil)
        lines.show(until: 3000)
        #expect(lines.count == 4)
    }

    @Test("It says where it is", arguments: [(40, 10), (80, 24), (120, 40), (200, 60)])
    func screens(columns: Int, rows: Int) throws {
        var state = Self.dashboard(rows: rows, columns: columns)
        state.press(["}", "}", "}", "}", "}", " "])
        try Golden.compare(DashboardScreen.draw(state, LogLineList()).styledText, with: "replay-\(columns)x\(rows).txt")
    }
}
