import CaudalModel
import Foundation
import TestSupport
import Testing

@testable import Engine

@Suite("Following a journal", .timeLimit(.minutes(15)))
struct JournalFollowerTests {
    private let plan = RunPlan(
        pipeline: "small", file: "small.yaml", maxParallel: 1, stages: [PlannedStage(id: "only", type: "command")])
    private let id: RunID = "20261124-060000-abcd"

    private func event(_ sequence: Int64, _ change: RunChange) -> RunEvent {
        RunEvent(sequence: sequence, time: Moment(wall: sequence, steady: sequence), change: change)
    }

    @Test("What another connection records comes once, in order; nothing comes when nothing was recorded")
    func news() throws {
        let scratch = try ScratchFolder()
        let folder = StateFolder(path: scratch.path)
        // Two stores, as two processes have them.
        let (writer, reader) = (try RunStore(folder), try RunStore(folder))
        var state = RunState(id: id, plan: plan)
        try writer.create(RunRecord(id: id, plan: plan, trigger: .manual, started: Moment(wall: 0, steady: 0)))
        let follower = try JournalFollower(id, after: 0, in: reader)
        #expect(try follower.look().events.isEmpty)
        func record(_ events: [RunEvent]) throws {
            for event in events { state.apply(event) }
            try writer.record(events, remarks: [], of: state)
        }
        try record([event(1, .runStarted(ProcessIdentity(pid: 1, startTicks: 1, bootID: "b"))), event(2, .paused)])
        #expect(try follower.look().events.map(\.sequence) == [1, 2])
        #expect(try follower.look().events.isEmpty)
        try record([event(3, .unpaused)])
        #expect(try follower.look().events.map(\.change) == [.unpaused])
    }

    @Test("A run is live as long as a process holds its lock")
    func liveness() throws {
        let scratch = try ScratchFolder()
        let store = try RunStore(StateFolder(path: scratch.path))
        try store.create(RunRecord(id: id, plan: plan, trigger: .manual, started: Moment(wall: 0, steady: 0)))
        let folder = store.folder.run(id)
        try folder.create()
        let follower = try JournalFollower(id, after: 0, in: store)
        let holder = try #require(ProcessWatch.lockHolder(folder.lock))
        #expect(try follower.look().isLive)
        ProcessWatch.end(holder)
        #expect(try !follower.look().isLive)
    }
}
