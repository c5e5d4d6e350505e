package import CaudalModel

/// A schedule with what is known of its slots: all that a decision needs.
package struct WatchedSchedule: Sendable {
    /// A time in which it was paused.
    package struct Pause: Sendable, Hashable {
        /// In milliseconds since 1970.
        package var from: Int64
        /// When it was resumed; nil while it is paused.
        package var until: Int64?
        /// Why, as the operator said; may be empty.
        package var reason: String
        /// Who paused it.
        package var by: String

        package init(from: Int64, until: Int64? = nil, reason: String = "", by: String = "") {
            self.from = from
            self.until = until
            self.reason = reason
            self.by = by
        }

        func covers(_ instant: Int64) -> Bool { instant >= from && instant < until ?? .max }
    }

    package var pipeline: String
    package var schedule: Schedule
    /// Its times; nil for one that fires when something arrives.
    package var timetable: Timetable?
    /// Every slot planned up to here is decided, in milliseconds since 1970.
    ///
    /// For a schedule that is seen for the first time, or whose ``Schedule/definition`` is another one than before: now. So it has
    /// no past.
    package var decidedThrough: Int64
    /// When it was paused; only pauses that reach beyond ``decidedThrough`` count.
    package var pauses: [Pause]
    /// The slot that waits for a run to end, by an earlier decision.
    package var waiting: Slot?
    /// Slots with a decision to run or to wait whose run has not succeeded and was not told to be late.
    package var unfinished: [Slot]
    /// For one that fires when something arrives: what has arrived and has no decision, as slots planned at their arrival.
    ///
    /// Nothing that has arrived is skipped or missed: each has its run, one after another unless `overlap` is allow.
    package var arrivals: [Slot]

    package init(
        pipeline: String, schedule: Schedule, timetable: Timetable?, decidedThrough: Int64, pauses: [Pause] = [],
        waiting: Slot? = nil, unfinished: [Slot] = [], arrivals: [Slot] = []
    ) {
        self.pipeline = pipeline
        self.schedule = schedule
        self.timetable = timetable
        self.decidedThrough = decidedThrough
        self.pauses = pauses
        self.waiting = waiting
        self.unfinished = unfinished
        self.arrivals = arrivals
    }

    /// Which schedule it is.
    package var key: ScheduleKey { ScheduleKey(pipeline: pipeline, schedule: schedule.name) }

    /// The pause that lasts, if there is one.
    package var openPause: Pause? { pauses.first { $0.until == nil } }

    // MARK: - Slots

    /// The first slot of its timetable after a point in time.
    package func next(after instant: Int64) -> Slot? {
        timetable?.next(after: instant.floored(by: 1000)).map(slot)
    }

    /// The last slot of its timetable before a point in time.
    package func previous(before instant: Int64) -> Slot? {
        // Times are whole seconds: what comes before 1.5 s may be at 1 s.
        timetable?.previous(before: (instant - 1).floored(by: 1000) + 1).map(slot)
    }

    /// When a slot's run is to start: its time, put off by less than `jitter` and less than the next slot is away.
    ///
    /// The same slot is always put off by the same time.
    package func start(of slot: Slot) -> Int64 {
        var room = schedule.jitter.milliseconds
        guard room > 0 else { return slot.planned }
        if let following = next(after: slot.planned) { room = min(room, following.planned - slot.planned) }
        let drawn = StableHash.of(pipeline, schedule.name, String(slot.planned)) % UInt64(room)
        return slot.planned + Int64(drawn)
    }

    private func slot(_ occurrence: Timetable.Occurrence) -> Slot {
        Slot(
            pipeline: pipeline, schedule: schedule.name, planned: occurrence.instant * 1000, date: occurrence.date)
    }
}
