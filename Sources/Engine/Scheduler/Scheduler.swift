package import CaudalModel
import Foundation

/// Decides the slots of a project's schedules and has their runs started.
///
/// It reads no clock and waits for nothing: whoever drives it hands in the time, at the start, when it said that it wants to be
/// woken, and whenever something may have changed. Being asked more often does no harm. All that it must know later is in the
/// store before a run is started, so that it can be killed at any point.
package final class Scheduler {
    /// What one step brought about.
    package struct Step: Sendable {
        /// When to take the next step at the latest, in milliseconds since 1970; nil when only a change needs one.
        package var wake: Int64?
        /// Whether something may change without the store telling so: a process that dies, a file that settles.
        package var isWatching = false
        /// What there is to tell an operator, a line each.
        package var notes: [String] = []
        /// Whether there is something to send to those who are to be told.
        package var hasNotices = false
    }

    /// A process that was started for a slot and has not ended.
    private struct Started {
        var slot: RecordedSlot
        var order: SlotOrder
    }

    private let store: RunStore
    private let files: ProjectFiles
    private let starter: any SlotStarter
    private let decider: SlotDecider
    private let zones = ZoneLibrary()
    private var zonesByName: [String: ZoneRules] = [:]
    private var started: [Int32: Started] = [:]
    /// When a process may be started again for a slot, in milliseconds since 1970.
    private var notBefore: [Int64: Int64] = [:]
    /// The schedules that this process has watched.
    private var seen: Set<ScheduleKey> = []
    /// What was told already and still holds.
    private var told: Set<String> = []
    private var step = Step()
    private var standing: Set<String> = []
    private let host: String
    private let hashes: ArrivalHashes
    /// What is in the outbox already: a slot and what is told of it.
    private var inOutbox: Set<String> = []

    /// How often a process is started for a slot, or for its run, before it is given up.
    package static let startLimit = 3
    /// How long after a start the next one may be, for the first and for later ones, in milliseconds.
    private static let startDistances: [Int64] = [5000, 60_000]
    /// How long a run whose process died is taken up again, and a slot waits for its file, in milliseconds.
    private static let patience: Int64 = 86_400_000

    package init(
        store: RunStore, files: ProjectFiles, starter: any SlotStarter, decider: SlotDecider = SlotDecider(),
        host: String = "", decidesOnce: Bool = false
    ) {
        self.host = host
        hashes = decidesOnce ? ArrivalHashes(limit: .max) : ArrivalHashes()
        self.store = store
        self.files = files
        self.starter = starter
        self.decider = decider
    }

    /// Takes in what has happened, decides what is due, and starts it.
    ///
    /// - Parameter now: The clock in its hand: what it shows, and how long it has run.
    /// - Throws: ``StoreError`` when the store cannot be used; nothing that was decided is lost then.
    package func step(now: Moment) throws(StoreError) -> Step {
        step = Step()
        standing = []
        try takeEndings()
        let found = files.read(now: now.steady)
        let entries = entries(found)
        tellOfSources(entries, found)
        tellOfMissing(entries, found)
        var watched: [WatchedSchedule] = []
        for entry in entries {
            if let one = try watch(entry, now: now.wall) { watched.append(one) }
        }
        let plan = decider.decide(watched, now: now.wall, busy: try busyRuns(now: now.wall))
        try store.record(plan, at: now.wall)
        step.wake = [step.wake, plan.wake].compactMap { $0 }.min()
        if watched.contains(where: { $0.waiting != nil }) { step.isWatching = true }
        for decision in plan.decisions { tell(decision) }
        for (key, until) in plan.ahead {
            tellOnce("\(key): the clock was set back; nothing is due before \(UTC.isoSecond(until))")
        }
        try startRuns(entries, now: now.wall)
        try takeUpRuns(entries, now: now.wall)
        try notify(entries, now: now.wall)
        if !started.isEmpty { step.isWatching = true }
        told.formIntersection(standing)
        return step
    }

    // MARK: - What is watched

    /// A schedule with the pipeline that it is of.
    private struct Entry {
        var pipeline: Pipeline
        var schedule: Schedule
        var key: ScheduleKey { ScheduleKey(pipeline: pipeline.name, schedule: schedule.name) }
    }

    private func entries(_ files: [ProjectFile]) -> [Entry] {
        for file in files {
            guard let fault = file.fault else { continue }
            tellOnce(
                "\(relative(file.path)) is not valid, and nothing of it is decided until it is mended: \(fault)")
        }
        let (pipelines, doubles) = files.scheduled
        for double in doubles { tellOnce("\(relative(double.path)) is \(double.reason)") }
        return pipelines.flatMap { _, pipeline in pipeline.schedules.map { Entry(pipeline: pipeline, schedule: $0) } }
    }

    private func relative(_ path: String) -> String { PathText.relative(path, to: files.root) }

    /// Tells of datasets that are waited for and that no pipeline of the project publishes.
    private func tellOfSources(_ entries: [Entry], _ files: [ProjectFile]) {
        for entry in entries {
            guard case .after(let awaited) = entry.schedule.trigger else { continue }
            for source in awaited.datasets.map(\.value) {
                if let fault = source.fault(among: files) { tellOnce("\(entry.key) \(fault)") }
            }
        }
    }

    /// Tells of schedules that were decided before and that no file has any more.
    private func tellOfMissing(_ entries: [Entry], _ files: [ProjectFile]) {
        // What a file with a fault holds is not known.
        guard files.allSatisfy({ $0.fault == nil }) else { return }
        let present = Set(entries.map(\.key))
        for key in seen.subtracting(present) {
            tellOnce("\(key): its pipeline file is gone, or has the schedule no more; nothing of it is decided")
        }
        seen.formUnion(present)
    }

    private func watch(_ entry: Entry, now: Int64) throws(StoreError) -> WatchedSchedule? {
        let (key, schedule) = (entry.key, entry.schedule)
        guard let zone = zone(schedule.timezone) else {
            tellOnce("\(key): the time zone '\(schedule.timezone)' is not there any more")
            return nil
        }
        let isNew = try store.scheduleRecord(key)?.definition != schedule.definition
        let through = try store.decidedThrough(key, definition: schedule.definition, now: now)
        var watched = WatchedSchedule(
            pipeline: key.pipeline, schedule: schedule, timetable: Timetable(schedule, in: zone),
            decidedThrough: through, pauses: try store.pauses(of: key, after: through),
            waiting: try store.waitingSlot(of: key))
        if let deadline = schedule.deadline {
            let since = now - deadline.milliseconds - Self.patience
            watched.unfinished = try store.unfinishedSlots(of: key, since: since)
        }
        if case .after(let awaited) = schedule.trigger {
            let watch = ArrivalWatch(store: store, root: entry.pipeline.root, hashes: hashes)
            let again = try watch.look(for: awaited, key, isNew: isNew, now: now) { tellOnce($0) }
            step.wake = [step.wake, again].compactMap { $0 }.min()
            if !awaited.files.isEmpty { step.isWatching = true }
            watched.arrivals = try store.undecidedArrivals(of: key, zone: zone)
        }
        return watched
    }

    private func zone(_ name: String) -> ZoneRules? {
        if let known = zonesByName[name] { return known }
        let found = zones.zone(named: name)
        zonesByName[name] = found
        return found
    }

    /// The pipelines with a run under way, or with one that is about to begin.
    private func busyRuns(now: Int64) throws(StoreError) -> [String: SlotDecider.BusyRun] {
        var busy: [String: SlotDecider.BusyRun] = [:]
        for live in try store.liveRuns() {
            busy[live.pipeline] = SlotDecider.BusyRun(name: "run \(live.run)")
            step.isWatching = true
        }
        for slot in try store.slotsUnderWay() where busy[slot.key.pipeline] != nil && slot.outcome == .caughtUp {
            busy[slot.key.pipeline]?.isCaughtUp = true
        }
        for slot in try store.slotsUnderWay() where try isToTakeUp(slot, now: now) {
            busy[slot.key.pipeline] = SlotDecider.BusyRun(
                name: "run \(slot.run?.rawValue ?? "")", isCaughtUp: slot.outcome == .caughtUp)
        }
        for slot in try store.slotsToStart() {
            busy[slot.key.pipeline] = SlotDecider.BusyRun(
                name: "the run of \(UTC.isoSecond(slot.slots.last.planned)) by '\(slot.key.schedule)'",
                isCaughtUp: slot.outcome == .caughtUp)
        }
        return busy
    }

    // MARK: - Starting

    private func startRuns(_ entries: [Entry], now: Int64) throws(StoreError) {
        for slot in try store.slotsToStart() where !isStarted(slot) {
            let name = Self.name(slot)
            guard let entry = entries.first(where: { $0.key == slot.key }) else {
                if now - slot.decidedAt > Self.patience {
                    try store.settle(slot: slot.id, as: .failed, "its pipeline file is gone or not valid")
                }
                tellOnce("\(name): it waits for its pipeline file, which is gone or not valid")
                continue
            }
            guard slot.starts < Self.startLimit else {
                let reason =
                    "its process ended \(slot.starts.counted("time")) before a run had begun; see \(store.folder.schedulerLog)"
                if !mayStart(slot, now: now) { continue }
                if try store.settle(slot: slot.id, as: .failed, reason) { step.notes.append("\(name): \(reason)") }
                continue
            }
            if mayStart(slot, now: now) {
                try start(.begin(slot: slot.id, file: entry.pipeline.file), slot, now: now)
            }
        }
    }

    /// Takes up again the runs of slots whose processes died.
    private func takeUpRuns(_ entries: [Entry], now: Int64) throws(StoreError) {
        for slot in try store.slotsUnderWay() {
            guard let run = slot.run, !store.folder.run(run).isLive, !isStarted(slot) else { continue }
            guard try isToTakeUp(slot, now: now) else {
                if let reason = try reasonToLeave(slot, run, now: now) {
                    tellOnce(
                        "\(Self.name(slot)): run \(run) was interrupted and is not taken up again: \(reason); go on with it by "
                            + "'caudal resume \(run)', or end it by 'caudal cancel \(run)'")
                }
                if slot.starts > Self.startLimit {
                    let reason =
                        "its process died \(slot.starts.counted("time")), and it is not taken up again: 'caudal resume \(run)'"
                    try notify(.givenUp, of: slot, reason, entries, at: now)
                }
                continue
            }
            guard mayStart(slot, now: now) else { continue }
            if let stage = try harmful(run, now: now) {
                let reason =
                    "its process died while '\(stage)' ran, and running that twice does harm ('idempotent: false'); look at what it "
                    + "did, and go on with 'caudal resume \(run)'"
                tellOnce("\(Self.name(slot)): run \(run) is not taken up again: \(reason)")
                try notify(.givenUp, of: slot, reason, entries, at: now)
                continue
            }
            step.notes.append("\(Self.name(slot)): the process of run \(run) died, and it is taken up again")
            try start(.resume(run), slot, now: now)
        }
    }

    /// Whether the run of a slot, whose process died, is taken up again by itself.
    private func isToTakeUp(_ slot: RecordedSlot, now: Int64) throws(StoreError) -> Bool {
        guard let run = slot.run, !store.folder.run(run).isLive else { return false }
        return try reasonToLeave(slot, run, now: now) == nil
    }

    /// Why the run of a slot, whose process died, is not taken up again by itself; nil where it is.
    private func reasonToLeave(_ slot: RecordedSlot, _ run: RunID, now: Int64) throws(StoreError) -> String? {
        if slot.starts > Self.startLimit { return "its process died \(slot.starts.counted("time"))" }
        if now - slot.decidedAt >= Self.patience {
            return
                "it is of \(UTC.isoSecond(slot.decidedAt)), which is more than \(Duration.milliseconds(Self.patience).short) ago"
        }
        // Whoever paused it wants to be asked.
        if try store.state(of: run).isPaused { return "an operator has paused it" }
        return try store.pauses(of: slot.key, after: now).contains { $0.until == nil } ? "its schedule is paused" : nil
    }

    /// A stage that would run again although the file says that this does harm: somebody has to confirm that.
    private func harmful(_ run: RunID, now: Int64) throws(StoreError) -> StageID? {
        let preview = CommandPreview(
            reopening: try store.state(of: run), change: nil, command: nil, files: { _ in [] },
            now: Moment(wall: now, steady: 0))
        return preview.harmful.first
    }

    /// Whether enough time has passed since the last start for a slot; what stands in the way may go by itself.
    private func mayStart(_ slot: RecordedSlot, now: Int64) -> Bool {
        guard let instant = notBefore[slot.id], instant > now else { return true }
        step.wake = min(step.wake ?? .max, instant)
        return false
    }

    private func isStarted(_ slot: RecordedSlot) -> Bool {
        started.values.contains { $0.slot.id == slot.id } || FileLock.isHeld(store.folder.slotLock(slot.id))
    }

    private func start(_ order: SlotOrder, _ slot: RecordedSlot, now: Int64) throws(StoreError) {
        try store.countStart(of: slot.id)
        notBefore[slot.id] = now + Self.startDistances[min(slot.starts, Self.startDistances.count - 1)]
        do throws(Failure) {
            started[try starter.start(order)] = Started(slot: slot, order: order)
        } catch {
            let what = if case .resume(let run) = order { "run \(run) cannot be taken up again now: " } else { "" }
            step.notes.append("\(Self.name(slot)): \(what)\(error)")
            // It is tried again soon.
            step.isWatching = true
        }
    }

    private func takeEndings() throws(StoreError) {
        for (process, exit) in starter.ended() {
            guard let ended = started.removeValue(forKey: process), let slot = try store.slot(ended.slot.id) else {
                continue
            }
            let name = Self.name(slot)
            if slot.runStatus.map({ $0 != .running }) ?? !slot.outcome.isToRun { notBefore[slot.id] = nil }
            if let run = slot.run, case .resume = ended.order, slot.runStatus == .running, !store.folder.run(run).isLive
            {
                step.notes.append(
                    "\(name): run \(run) is interrupted: the process that took it up again ended (\(exit.description)); "
                        + "see \(store.folder.schedulerLog), or go on with it by 'caudal resume \(run)'")
            } else if let run = slot.run {
                step.notes.append("\(name): run \(run) \(slot.runStatus?.rawValue ?? "was removed")")
            } else if slot.outcome.isToRun {
                step.notes.append("\(name): its process ended before a run had begun (\(exit.description))")
            } else {
                step.notes.append("\(name): \(slot.outcome.rawValue): \(slot.reason)")
            }
        }
    }

    // MARK: - Telling

    /// Puts into the outbox what is to be told of slots that are late, missed, or could not begin.
    ///
    /// A slot is told once, whoever looks: what was decided before this process began is looked at too.
    private func notify(_ entries: [Entry], now: Int64) throws(StoreError) {
        for slot in try store.slotsToTell(since: now - Self.patience) {
            var reason = slot.reason
            if slot.slots.count > 1 {
                let from = UTC.isoSecond(slot.slots.first.planned)
                reason = "\(slot.slots.isAtLeast ? "at least " : "")\(slot.slots.count) slots since \(from): \(reason)"
            }
            try notify(slot.outcome == .late ? .late : .missed, of: slot, reason, entries, at: slot.decidedAt)
        }
    }

    /// Puts into the outbox what is to be told of one slot.
    private func notify(
        _ occasion: SlotNotice.Occasion, of slot: RecordedSlot, _ reason: String, _ entries: [Entry], at time: Int64
    ) throws(StoreError) {
        let event = "\(slot.id) \(occasion.rawValue)"
        guard !inOutbox.contains(event), let entry = entries.first(where: { $0.key == slot.key }) else { return }
        let planned = ScheduleSlot(
            schedule: slot.key.schedule, planned: slot.slots.last.planned.floored(by: 1000) * 1000,
            localDate: slot.slots.last.date.description)
        let notice = SlotNotice(occasion, planned, run: slot.run, reason: reason)
        let count = try store.tell(
            notice, of: entry.pipeline, environment: entry.schedule.environment, at: time, host: host)
        if count > 0 { step.hasNotices = true }
        inOutbox.insert(event)
    }

    private static func name(_ slot: RecordedSlot) -> String { "\(slot.key) \(UTC.isoSecond(slot.slots.last.planned))" }

    private func tell(_ decision: SlotDecision) {
        let slots = decision.slots
        let name = "\(slots.last.key) \(UTC.isoSecond(slots.last.planned))"
        let count = slots.count == 1 ? "" : " (\(slots.isAtLeast ? "at least " : "")\(slots.count.counted("slot")))"
        step.notes.append(name + count + ": " + decision.outcome.words)
    }

    /// Tells something once, as long as it holds.
    private func tellOnce(_ note: String) {
        standing.insert(note)
        if told.insert(note).inserted { step.notes.append(note) }
    }
}

extension SlotDecision.Outcome {
    /// What was decided, with the reason.
    package var words: String {
        let recorded = recorded
        return recorded.reason.isEmpty ? recorded.outcome.rawValue : "\(recorded.outcome.rawValue): \(recorded.reason)"
    }
}
