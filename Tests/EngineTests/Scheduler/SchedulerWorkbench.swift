import CaudalModel
import Foundation
import TestSupport

@testable import Engine

/// A project with schedules in a folder of its own, a clock in the hand of the test, and runs that take as long as it says.
final class SchedulerWorkbench {
    let folder: ScratchFolder
    let store: RunStore
    let starter: PretendedStarter
    private(set) var scheduler: Scheduler
    /// What the clock shows, in milliseconds since 1970.
    private(set) var now: Int64
    /// How long it has run; it never goes back.
    private var steady: Int64 = 0
    /// What was told so far.
    private(set) var notes: [String] = []

    init(at start: String) throws {
        folder = try ScratchFolder()
        store = try RunStore(StateFolder(path: folder.path("state")))
        now = (UTC.milliseconds(ofSecond: start) ?? 0)
        starter = PretendedStarter(store)
        scheduler = Self.scheduler(store, folder, starter)
    }

    private static func scheduler(_ store: RunStore, _ folder: ScratchFolder, _ starter: PretendedStarter) -> Scheduler
    {
        let files = ProjectFiles(root: folder.path, chosenRoot: folder.path, variables: [:])
        return Scheduler(store: store, files: files, starter: starter)
    }

    /// Writes the file of a pipeline with one stage; `more`: further keys.
    func pipeline(_ name: String, _ schedule: String, more: String = "") throws {
        try folder.write(
            "config/\(name).yaml",
            """
            version: 1
            name: \(name)
            schedule:
            \(schedule.split(separator: "\n").map { "  " + $0 }.joined(separator: "\n"))
            stages:
              only: {type: command, run: "true"}
            \(more)
            """)
    }

    /// What is explained of all slots of a pipeline that has one schedule without a name.
    func explained(_ pipeline: String) throws -> [SlotExplanation] {
        let loaded = try LoadedPipeline(file: folder.path("config/\(pipeline).yaml"))
        guard let schedule = loaded.pipeline.schedules.first else { return [] }
        return try SlotExplanation.slots(
            of: ScheduleKey(pipeline: pipeline, schedule: schedule.name), schedule, in: .utc, from: 0, through: now,
            store, now: now)
    }

    /// Another scheduler takes the place of the one that was killed.
    func killScheduler() {
        starter.forgetChildren()
        scheduler = Self.scheduler(store, folder, starter)
    }

    /// Takes a step at a point in time.
    @discardableResult
    func step(at time: Int64? = nil) throws -> Scheduler.Step {
        if let time {
            steady += max(0, time - now)
            now = time
        }
        starter.now = now
        try starter.settle()
        let step = try scheduler.step(now: Moment(wall: now, steady: steady))
        notes += step.notes
        return step
    }

    /// Takes a step at a point in time.
    @discardableResult
    func step(at time: String) throws -> Scheduler.Step { try step(at: UTC.milliseconds(ofSecond: time) ?? 0) }

    /// What was decided about a pipeline, a line each: `run 11-21T06:00 → succeeded`.
    func ledger(_ pipeline: String) throws -> [String] {
        try store.slots(of: pipeline, from: 0, through: .max).filter { $0.outcome != .begun }.map { slot in
            let time = UTC.iso(slot.slots.last.planned).dropFirst(5).prefix(11)
            let count = slot.slots.count == 1 ? "" : " \(slot.slots.count) slots"
            let run = slot.run == nil ? "" : " → \(slot.runStatus?.rawValue ?? "removed")"
            return "\(slot.outcome.rawValue)\(count) \(time)\(run)"
        }
    }
}

/// Makes the runs of slots in the store, without a process.
final class PretendedStarter: SlotStarter {
    /// What becomes of a process for a slot.
    enum Fate {
        /// Its run ends so long after its start.
        case run(milliseconds: Int64, Outcome)
        /// It ends before a run has begun.
        case dies
        /// Its run begins, and its process dies.
        case isKilled(afterMilliseconds: Int64)
        /// Its stage begins too, which must not run twice.
        case isKilledInHarm(afterMilliseconds: Int64)
        /// An operator pauses its run, and then its process dies.
        case isKilledPaused(afterMilliseconds: Int64)
    }

    private struct Child {
        var run: RunID?
        var lock: RunLock?
        var ends: Int64
        var status: Outcome?
    }

    private let store: RunStore
    var now: Int64 = 0
    /// Decides about each order.
    var fate: (SlotOrder) -> Fate = { _ in .run(milliseconds: 1000, .succeeded) }
    private(set) var orders: [SlotOrder] = []
    private var children: [Int32: Child] = [:]
    /// Children of a scheduler that was killed: their runs go on.
    private var orphans: [Child] = []
    private var finished: [Int32] = []
    private var next: Int32 = 1
    private var runs = 0

    init(_ store: RunStore) { self.store = store }

    /// When the next of its processes ends.
    var nextEnd: Int64? { (children.values.map(\.ends) + orphans.map(\.ends)).min() }

    func start(_ order: SlotOrder) throws(Failure) -> Int32 {
        orders.append(order)
        let pid = next
        next += 1
        do {
            children[pid] = try child(order, fate(order))
        } catch {
            throw Failure("\(error)")
        }
        return pid
    }

    private func child(_ order: SlotOrder, _ fate: Fate) throws -> Child {
        if case .dies = fate { return Child(ends: now) }
        let id: RunID
        switch order {
        case .resume(let run): id = run
        case .begin(let number, let file):
            runs += 1
            id = RunID("\(UTC.compact(now))-\(String(1_000_000 + runs))")
            guard let slot = try store.slot(number) else { throw Failure("no slot \(number)") }
            let planned = ScheduleSlot(
                schedule: slot.key.schedule, planned: slot.slots.last.planned,
                localDate: slot.slots.last.date.description)
            var plan = RunPlan(
                pipeline: slot.key.pipeline, file: file, maxParallel: 1,
                stages: [PlannedStage(id: "only", type: "command")], slot: planned)
            if case .isKilledInHarm = fate { plan.stages[0].isIdempotent = false }
            plan.notifications = try LoadedPipeline(file: file).pipeline.notifications
            try store.create(
                RunRecord(
                    id: id, plan: plan, trigger: .schedule(planned), started: Moment(wall: now, steady: now),
                    decision: number))
        }
        let folder = store.folder.run(id)
        try folder.create()
        let lock = try RunLock.take(folder)
        switch fate {
        case .run(let length, let status): return Child(run: id, lock: lock, ends: now + length, status: status)
        case .isKilled(let length): return Child(run: id, lock: lock, ends: now + length)
        case .isKilledInHarm(let length):
            try record(.attemptStarted(UnitID("only"), attempt: 1), of: id)
            return Child(run: id, lock: lock, ends: now + length)
        case .isKilledPaused(let length):
            try record(.paused, of: id)
            return Child(run: id, lock: lock, ends: now + length)
        case .dies: return Child(ends: now)
        }
    }

    /// Ends what has run its time.
    func settle() throws {
        for (pid, child) in children where child.ends <= now {
            try end(child)
            children[pid] = nil
            finished.append(pid)
        }
        for child in orphans where child.ends <= now { try end(child) }
        orphans.removeAll { $0.ends <= now }
    }

    private func end(_ child: Child) throws {
        guard let run = child.run, let status = child.status else { return }
        try record(.runEnded(status), of: run)
    }

    private func record(_ change: RunChange, of run: RunID) throws {
        var state = try store.state(of: run)
        let event = RunEvent(
            sequence: state.lastSequence + 1, time: Moment(wall: now, steady: now), change: change)
        state.apply(event)
        try store.record([event], remarks: [], of: state)
    }

    /// Its scheduler was killed: it hears of none of its processes any more, and they go on.
    func forgetChildren() {
        orphans += children.values
        children = [:]
        finished = []
    }

    func ended() -> [(process: Int32, exit: ProcessExit)] {
        defer { finished = [] }
        return finished.map { ($0, .exited(0)) }
    }
}
