package import CaudalModel

/// What became of a slot, and why.
package struct SlotExplanation: Sendable {
    /// The planned point in time, in milliseconds since 1970.
    package var planned: Int64
    package var zone: ZoneRules
    /// What arrived, such as `in/orders.csv`, where the schedule waits for that.
    package var arrivals: [String] = []
    /// What was decided about it, in order.
    package var decisions: [RecordedSlot]
    /// Why nothing was decided; nil where something was.
    package var openReason: String?

    /// How many slots are found at most, where nothing else is said: those of a day, one each ten seconds.
    package static let usualLimit = 8640

    /// Finds the slots of a schedule in a time, with what was decided about each.
    ///
    /// - Parameters:
    ///   - from: The first point in time, in milliseconds since 1970.
    ///   - through: The last one, itself included.
    ///   - now: In milliseconds since 1970.
    ///   - limit: How many slots are found at most.
    /// - Throws: ``StoreError`` when the store cannot be read.
    package static func slots(
        of key: ScheduleKey, _ schedule: Schedule, in zone: ZoneRules, from: Int64, through: Int64, _ store: RunStore?,
        now: Int64, limit: Int = usualLimit
    ) throws(StoreError) -> [SlotExplanation] {
        let recorded = try decided(key, from, through, store)
        let record = try store?.scheduleRecord(key)
        let isScheduled = store.map { SchedulerLock.holder($0.folder, now: now) != nil } ?? false
        var times: Set<Int64> = []
        let watched = WatchedSchedule(
            pipeline: key.pipeline, schedule: schedule, timetable: Timetable(schedule, in: zone), decidedThrough: now)
        var next = watched.next(after: from - 1)
        while let slot = next, slot.planned <= through, times.count < limit {
            times.insert(slot.planned)
            next = watched.next(after: slot.planned)
        }
        // Slots of a run by hand, of something that arrived, or of the schedule as it was.
        for slot in recorded where slot.slots.count == 1 { times.insert(slot.slots.last.planned) }
        let pauses = try store?.pauses(of: key, after: from) ?? []
        let arrived = Dictionary(grouping: try store?.arrivals(of: key) ?? []) { $0.slot }
        return times.sorted().map { planned in
            let decisions = decisions(about: planned, recorded)
            let reason =
                decisions.isEmpty
                ? openReason(planned, schedule, record, pauses, isScheduled: isScheduled, now: now) : nil
            return SlotExplanation(
                planned: planned, zone: zone, arrivals: (arrived[planned] ?? []).map(\.source).sorted(),
                decisions: decisions, openReason: reason)
        }
    }

    /// Finds what was decided about slots of a schedule that is in no file now, or in one that is not valid.
    ///
    /// - Throws: ``StoreError`` when the store cannot be read.
    package static func recorded(
        _ key: ScheduleKey, in zone: ZoneRules, from: Int64, through: Int64, _ store: RunStore
    ) throws(StoreError) -> [SlotExplanation] {
        let recorded = try decided(key, from, through, store)
        return Set(recorded.map(\.slots.last.planned)).sorted().map { planned in
            SlotExplanation(planned: planned, zone: zone, decisions: decisions(about: planned, recorded))
        }
    }

    private static func decided(
        _ key: ScheduleKey, _ from: Int64, _ through: Int64, _ store: RunStore?
    ) throws(StoreError) -> [RecordedSlot] {
        try store?.slots(of: key.pipeline, from: from, through: through).filter {
            $0.key == key && $0.outcome != .begun
        } ?? []
    }

    private static func decisions(about planned: Int64, _ recorded: [RecordedSlot]) -> [RecordedSlot] {
        recorded.filter { $0.slots.first.planned <= planned && planned <= $0.slots.last.planned }
    }

    private static func openReason(
        _ planned: Int64, _ schedule: Schedule, _ record: ScheduleRecord?, _ pauses: [WatchedSchedule.Pause],
        isScheduled: Bool, now: Int64
    ) -> String {
        let noScheduler = isScheduled ? "" : "; no scheduler runs now: start it with 'caudal schedule'"
        if !schedule.isEnabled { return "the schedule has 'enabled: false'" }
        if planned > now, let pause = pauses.first(where: { $0.from <= now && now <= $0.until ?? .max }) {
            return "it is planned, and is skipped unless the schedule is resumed before; it is paused by \(pause.by)"
        }
        if planned > now { return "it is planned" + noScheduler }
        guard let record else { return "no scheduler has seen this schedule yet" + noScheduler }
        if record.definition != schedule.definition {
            return "no scheduler has seen the schedule as it is in the file now" + noScheduler
        }
        if planned <= record.decidedThrough {
            return "it lies before the time at which a scheduler first saw the schedule as it is now"
        }
        if let pause = pauses.first(where: { $0.from <= planned && planned <= $0.until ?? .max }) {
            return "the schedule is paused since \(UTC.isoSecond(pause.from)) by \(pause.by): \(pause.reason)"
                + "; its slots are skipped when it is resumed"
        }
        return "nothing is decided yet: slots are decided up to \(UTC.isoSecond(record.decidedThrough))" + noScheduler
    }
}
