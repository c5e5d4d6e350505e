package import CaudalModel
import GRDB

/// A decision about slots as it is recorded.
package struct RecordedSlot: Sendable, Hashable, Identifiable {
    /// What became of the slots.
    package enum Outcome: String, Sendable, Codable, CaseIterable {
        /// A run is started.
        case run
        /// A run is started later than planned, as nothing could run at the time.
        case caughtUp = "caught up"
        /// A run is started when another one has ended.
        case wait
        /// It was not to run.
        case skipped
        /// It was to run and could not.
        case missed
        /// Its run had not succeeded in time; told besides one of the others.
        case late
        /// It was to run, and no run could begin.
        case failed
        /// No slot: from here on the schedule is known as it is.
        case begun

        /// Whether it has a run, or is about to.
        package var isToRun: Bool { self == .run || self == .caughtUp }
    }

    /// The number of the decision; later decisions have higher ones.
    package var id: Int64
    /// The slots; for most decisions one.
    package var slots: SlotSpan
    package var outcome: Outcome
    /// A sentence without a full stop; empty where there is nothing to say.
    package var reason: String
    /// When it was decided, in milliseconds since 1970.
    package var decidedAt: Int64
    /// How often a process was started for it.
    package var starts: Int
    /// Its run, once it has begun.
    package var run: RunID?
    /// The recorded status of its run; see ``RunSummary/trueStatus``.
    package var runStatus: RunState.Status?

    package var key: ScheduleKey { slots.last.key }
}

extension SlotDecision.Outcome {
    /// As it is recorded.
    package var recorded: (outcome: RecordedSlot.Outcome, reason: String) {
        switch self {
        case .run(let isCaughtUp):
            isCaughtUp ? (.caughtUp, "nothing was there to run it at its time") : (.run, "")
        case .wait(let run): (.wait, "\(run) was still going on, and 'overlap' is wait")
        case .skip(let reason): (.skipped, reason.description)
        case .miss(let reason): (.missed, reason.description)
        case .late(let duration):
            (
                .late,
                "its run had not succeeded at its deadline" + (duration < .seconds(1) ? "" : ", \(duration.short) ago")
            )
        }
    }
}

/// How far the slots of a schedule are decided.
package struct ScheduleRecord: Sendable, Hashable {
    package var definition: String
    package var decidedThrough: Int64
}

/// What schedules have decided, in the store.
extension RunStore {
    private static let slotsQuery = """
        SELECT slots.*, runs.status AS status FROM slots LEFT JOIN runs ON runs.id = slots.run
        """

    private static func slot(_ row: Row) -> RecordedSlot {
        let (pipeline, schedule): (String, String) = (row["pipeline"], row["schedule"])
        let date = LocalDate(row["date"] as String) ?? LocalDate(days: 0)
        func slot(_ planned: Int64) -> Slot {
            Slot(pipeline: pipeline, schedule: schedule, planned: planned, date: date)
        }
        return RecordedSlot(
            id: row["id"],
            slots: SlotSpan(
                first: slot(row["first"]), last: slot(row["planned"]), count: row["count"],
                isAtLeast: row["is_at_least"]),
            outcome: RecordedSlot.Outcome(rawValue: row["outcome"]) ?? .failed, reason: row["reason"],
            decidedAt: row["decided_at"], starts: row["starts"], run: (row["run"] as String?).map { RunID($0) },
            runStatus: (row["status"] as String?).flatMap(RunState.Status.init(rawValue:)))
    }

    // MARK: - Deciding

    /// How far the slots of a schedule are decided; one that is not known, or has another definition, begins now.
    ///
    /// - Parameter definition: What decides when it fires; see ``Schedule/definition``.
    /// - Returns: The point in time, in milliseconds since 1970.
    package func decidedThrough(
        _ key: ScheduleKey, definition: String, now: Int64
    ) throws(StoreError) -> Int64 {
        let known = try scheduleRecord(key)
        if let known, known.definition == definition { return known.decidedThrough }
        let date = UTC.date(now)
        try write { db in
            try db.execute(
                sql:
                    "INSERT OR REPLACE INTO schedules (pipeline, schedule, definition, decided_through) VALUES (?, ?, ?, ?)",
                arguments: [key.pipeline, key.schedule, definition, now])
            try db.execute(
                sql: """
                    INSERT INTO slots (pipeline, schedule, first, planned, date, outcome, reason, decided_at)
                    VALUES (?, ?, ?, ?, ?, ?, ?, ?)
                    """,
                arguments: [
                    key.pipeline, key.schedule, now, now, date, RecordedSlot.Outcome.begun.rawValue,
                    known == nil
                        ? "the schedule is known since then"
                        : "the schedule was changed, and what it planned before is not known any more", now,
                ])
        }
        return now
    }

    /// What is known of a schedule; nil when no scheduler has seen it.
    package func scheduleRecord(_ key: ScheduleKey) throws(StoreError) -> ScheduleRecord? {
        try read { db in
            try Row.fetchOne(
                db, sql: "SELECT definition, decided_through FROM schedules WHERE pipeline = ? AND schedule = ?",
                arguments: [key.pipeline, key.schedule]
            ).map { ScheduleRecord(definition: $0["definition"], decidedThrough: $0["decided_through"]) }
        }
    }

    /// Records decisions, and how far slots are decided now: all or nothing.
    package func record(_ plan: SlotDecider.Plan, at now: Int64) throws(StoreError) {
        if plan.decisions.isEmpty, plan.decidedThrough.isEmpty { return }
        try write { db in
            for decision in plan.decisions {
                let recorded = decision.outcome.recorded
                try Self.insert(decision.slots, recorded.outcome, recorded.reason, at: now, db)
            }
            for (key, through) in plan.decidedThrough {
                // A clock that was set back never opens again what is decided.
                try db.execute(
                    sql: """
                        UPDATE schedules SET decided_through = max(decided_through, ?) WHERE pipeline = ? AND schedule = ?
                        """, arguments: [through, key.pipeline, key.schedule])
            }
        }
    }

    /// Records that a run is to start for a slot, whatever was decided about it before.
    ///
    /// - Parameter by: Who wants it, for the reason.
    /// - Returns: The decision's number, and its lock: the caller begins the run, and no scheduler does.
    package func recordRun(
        of slot: Slot, by: String, at now: Int64
    ) throws(StoreError) -> (id: Int64, lock: FileLock) {
        let folder = folder
        return try write { db in
            try Self.insert(SlotSpan(slot), .run, "\(by) started it", at: now, db)
            let id = db.lastInsertedRowID
            // Taken before any other process can see the decision.
            guard let lock = try FileLock.take(folder.slotLock(id)) else {
                throw StoreError(.slotTaken, path: folder.database)
            }
            return (id, lock)
        }
    }

    private static func insert(
        _ slots: SlotSpan, _ outcome: RecordedSlot.Outcome, _ reason: String, at now: Int64, _ db: Database
    ) throws {
        try db.execute(
            sql: """
                INSERT INTO slots (pipeline, schedule, first, planned, date, count, is_at_least, outcome, reason, decided_at)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                """,
            arguments: [
                slots.last.pipeline, slots.last.schedule, slots.first.planned, slots.last.planned,
                slots.last.date.description, slots.count, slots.isAtLeast, outcome.rawValue, reason, now,
            ])
    }

    // MARK: - What a decision needs

    /// The slot of a schedule that waits for another run to end.
    package func waitingSlot(of key: ScheduleKey) throws(StoreError) -> Slot? {
        try read { db in
            // What was decided later about the same slot has ended the wait.
            try Row.fetchOne(
                db,
                sql: Self.slotsQuery + """
                     WHERE slots.pipeline = ? AND schedule = ? AND outcome = 'wait' AND NOT EXISTS (
                        SELECT 1 FROM slots AS later
                        WHERE later.pipeline = slots.pipeline AND later.schedule = slots.schedule
                            AND later.planned = slots.planned AND later.id > slots.id AND later.outcome <> 'late'
                    ) ORDER BY slots.id DESC LIMIT 1
                    """, arguments: [key.pipeline, key.schedule]
            ).map { Self.slot($0).slots.last }
        }
    }

    /// The slots of a schedule that have or await a run which has not succeeded, and that were not told to be late.
    ///
    /// - Parameter since: Only slots that were planned from then on, in milliseconds since 1970.
    package func unfinishedSlots(of key: ScheduleKey, since: Int64) throws(StoreError) -> [Slot] {
        try read { db in
            let rows = try Row.fetchAll(
                db,
                sql: Self.slotsQuery + """
                     WHERE slots.pipeline = ? AND schedule = ? AND planned >= ?
                        AND outcome IN ('run', 'caught up', 'wait', 'failed') AND NOT EXISTS (
                            SELECT 1 FROM slots AS other LEFT JOIN runs ON runs.id = other.run
                            WHERE other.pipeline = slots.pipeline AND other.schedule = slots.schedule
                                AND other.planned = slots.planned
                                AND (other.outcome IN ('late', 'skipped') OR runs.status = 'succeeded')
                        )
                    """, arguments: [key.pipeline, key.schedule, since])
            return Set(rows.map { Self.slot($0).slots.last }).sorted()
        }
    }

    // MARK: - Starting runs

    /// The decisions to run that have no run yet, in the order in which they were made.
    package func slotsToStart() throws(StoreError) -> [RecordedSlot] {
        try read { db in
            try Row.fetchAll(
                db,
                sql: Self.slotsQuery + " WHERE run IS NULL AND outcome IN ('run', 'caught up') ORDER BY slots.id"
            ).map(Self.slot)
        }
    }

    /// Counts that a process is started for a slot.
    package func countStart(of slot: Int64) throws(StoreError) {
        try write { db in try db.execute(sql: "UPDATE slots SET starts = starts + 1 WHERE id = ?", arguments: [slot]) }
    }

    /// Records why a slot that was to run has no run; nothing if it has one.
    ///
    /// - Returns: Whether it was recorded.
    @discardableResult
    package func settle(
        slot: Int64, as outcome: RecordedSlot.Outcome, _ reason: String
    ) throws(StoreError) -> Bool {
        try write { db in
            try db.execute(
                sql: """
                    UPDATE slots SET outcome = ?, reason = ?
                    WHERE id = ? AND run IS NULL AND outcome IN ('run', 'caught up')
                    """, arguments: [outcome.rawValue, reason, slot])
            return db.changesCount == 1
        }
    }

    /// Gives a slot its run, in the transaction that records the run.
    ///
    /// - Throws: ``StoreError`` when the slot has a run already, or is not to run any more.
    static func attach(_ run: RunID, to slot: Int64, _ db: Database, path: String) throws {
        try db.execute(
            sql: "UPDATE slots SET run = ? WHERE id = ? AND run IS NULL AND outcome IN ('run', 'caught up')",
            arguments: [run.rawValue, slot])
        if db.changesCount != 1 { throw StoreError(.slotTaken, path: path) }
    }

    /// The slots whose runs are recorded as running: those that a process runs, and those whose process died.
    package func slotsUnderWay() throws(StoreError) -> [RecordedSlot] {
        try read { db in
            try Row.fetchAll(
                db, sql: Self.slotsQuery + " WHERE runs.status = 'running' ORDER BY slots.id"
            ).map(Self.slot)
        }
    }

    /// The runs that are recorded as running, with their pipelines, and that a process runs.
    package func liveRuns() throws(StoreError) -> [(run: RunID, pipeline: String)] {
        let folder = folder
        return try read { db in
            try Row.fetchAll(db, sql: "SELECT id, pipeline FROM runs WHERE status = 'running' ORDER BY id").map {
                (RunID($0["id"]), $0["pipeline"] as String)
            }
        }.filter { folder.run($0.run).isLive }
    }

    // MARK: - Reading

    /// One decision; nil when there is none with that number.
    package func slot(_ id: Int64) throws(StoreError) -> RecordedSlot? {
        try read { db in
            try Row.fetchOne(db, sql: Self.slotsQuery + " WHERE slots.id = ?", arguments: [id]).map(Self.slot)
        }
    }

    /// The last decisions about a schedule, newest first.
    package func recentSlots(of key: ScheduleKey, limit: Int) throws(StoreError) -> [RecordedSlot] {
        try read { db in
            try Row.fetchAll(
                db,
                sql: Self.slotsQuery + """
                     WHERE slots.pipeline = ? AND schedule = ? ORDER BY planned DESC, slots.id DESC LIMIT ?
                    """, arguments: [key.pipeline, key.schedule, limit]
            ).map(Self.slot)
        }
    }

    /// The decisions about slots of a pipeline that were planned between two points in time, in order.
    ///
    /// - Parameters:
    ///   - from: In milliseconds since 1970; spans that reach into the time are among them.
    ///   - through: The same, itself included.
    package func slots(of pipeline: String, from: Int64, through: Int64) throws(StoreError) -> [RecordedSlot] {
        try read { db in
            try Row.fetchAll(
                db,
                sql: Self.slotsQuery + """
                     WHERE slots.pipeline = ? AND planned >= ? AND first <= ? ORDER BY first, slots.id
                    """, arguments: [pipeline, from, through]
            ).map(Self.slot)
        }
    }

    /// The decisions of which operators are told, with the run of each slot that has one.
    ///
    /// - Parameter since: Only what was decided from then on, in milliseconds since 1970.
    package func slotsToTell(since: Int64) throws(StoreError) -> [RecordedSlot] {
        try read { db in
            try Row.fetchAll(
                db,
                sql: """
                    SELECT slots.*, runs.status AS status FROM (
                        SELECT id, pipeline, schedule, first, planned, date, count, is_at_least, outcome, reason, decided_at,
                            starts, coalesce(run, (
                                SELECT max(other.run) FROM slots AS other
                                WHERE other.pipeline = slots.pipeline AND other.schedule = slots.schedule
                                    AND other.planned = slots.planned
                            )) AS run
                        FROM slots WHERE outcome IN ('late', 'missed', 'failed') AND decided_at >= ?
                    ) AS slots LEFT JOIN runs ON runs.id = slots.run ORDER BY slots.id
                    """, arguments: [since]
            ).map(Self.slot)
        }
    }

    /// The schedules that a scheduler has seen, by pipeline and name.
    package func knownSchedules() throws(StoreError) -> [ScheduleKey] {
        try read { db in
            try Row.fetchAll(db, sql: "SELECT pipeline, schedule FROM schedules ORDER BY pipeline, schedule").map {
                ScheduleKey(pipeline: $0["pipeline"], schedule: $0["schedule"])
            }
        }
    }

    // MARK: - Pauses

    /// The pauses of a schedule that reach beyond a point in time, in order.
    package func pauses(of key: ScheduleKey, after instant: Int64) throws(StoreError) -> [WatchedSchedule.Pause] {
        try read { db in
            try Row.fetchAll(
                db,
                sql: """
                    SELECT paused_from, paused_until, reason, by FROM pauses
                    WHERE pipeline = ? AND schedule = ? AND (paused_until IS NULL OR paused_until > ?)
                    ORDER BY paused_from
                    """, arguments: [key.pipeline, key.schedule, instant]
            ).map {
                WatchedSchedule.Pause(
                    from: $0["paused_from"], until: $0["paused_until"], reason: $0["reason"], by: $0["by"])
            }
        }
    }

    /// Pauses a schedule.
    ///
    /// - Returns: Whether it was not paused before.
    package func pause(
        _ key: ScheduleKey, reason: String, by: String, at now: Int64
    ) throws(StoreError) -> Bool {
        try write { db in
            let isPaused = try Bool.fetchOne(
                db,
                sql: """
                    SELECT EXISTS (SELECT 1 FROM pauses WHERE pipeline = ? AND schedule = ? AND paused_until IS NULL)
                    """, arguments: [key.pipeline, key.schedule])
            if isPaused == true { return false }
            try db.execute(
                sql: """
                    INSERT OR REPLACE INTO pauses (pipeline, schedule, paused_from, reason, by) VALUES (?, ?, ?, ?, ?)
                    """, arguments: [key.pipeline, key.schedule, now, reason, by])
            return true
        }
    }

    /// Ends the pause of a schedule.
    ///
    /// - Returns: Whether it was paused.
    package func resume(_ key: ScheduleKey, at now: Int64) throws(StoreError) -> Bool {
        try write { db in
            try db.execute(
                sql: """
                    UPDATE pauses SET paused_until = ? WHERE pipeline = ? AND schedule = ? AND paused_until IS NULL
                    """, arguments: [now, key.pipeline, key.schedule])
            return db.changesCount > 0
        }
    }

    // MARK: - Arrivals

    /// What has arrived for a schedule: its version by its source, and the mark that it had.
    package func arrivals(of key: ScheduleKey) throws(StoreError) -> [Arrival] {
        try read { db in
            try Row.fetchAll(
                db,
                sql: "SELECT source, version, mark, slot FROM arrivals WHERE pipeline = ? AND schedule = ?",
                arguments: [key.pipeline, key.schedule]
            ).map {
                Arrival(source: $0["source"], version: $0["version"], mark: $0["mark"], slot: $0["slot"])
            }
        }
    }

    /// Records what has arrived; what is known already only gets its mark.
    package func record(_ arrivals: [Arrival], for key: ScheduleKey) throws(StoreError) {
        try write { db in
            for arrival in arrivals {
                try db.execute(
                    sql: """
                        INSERT INTO arrivals (pipeline, schedule, source, version, mark, slot) VALUES (?, ?, ?, ?, ?, ?)
                        ON CONFLICT DO UPDATE SET mark = excluded.mark
                        """,
                    arguments: [
                        key.pipeline, key.schedule, arrival.source, arrival.version, arrival.mark, arrival.slot,
                    ])
            }
        }
    }

    /// The slots of what has arrived for a schedule and has no decision.
    ///
    /// - Parameter zone: Where their dates are taken.
    package func undecidedArrivals(of key: ScheduleKey, zone: ZoneRules) throws(StoreError) -> [Slot] {
        try read { db in
            try Int64.fetchAll(
                db,
                sql: """
                    SELECT DISTINCT slot FROM arrivals WHERE pipeline = ?1 AND schedule = ?2 AND slot IS NOT NULL
                        AND NOT EXISTS (
                            SELECT 1 FROM slots WHERE slots.pipeline = ?1 AND slots.schedule = ?2
                                AND slots.planned = arrivals.slot AND outcome <> 'begun'
                        ) ORDER BY slot
                    """, arguments: [key.pipeline, key.schedule]
            ).map {
                Slot(
                    pipeline: key.pipeline, schedule: key.schedule, planned: $0,
                    date: zone.date(at: $0.floored(by: 1000)))
            }
        }
    }

    /// The publications of a dataset by runs of a pipeline, oldest first: each run with the time of its end of the stage.
    package func publications(
        of dataset: String, by pipeline: String
    ) throws(StoreError) -> [(run: RunID, at: Int64)] {
        try read { db in
            try Row.fetchAll(
                db,
                sql: """
                    SELECT artifacts.run AS run, max(attempts.ended_at) AS at FROM artifacts
                    JOIN runs ON runs.id = artifacts.run
                    JOIN attempts ON attempts.run = artifacts.run AND attempts.stage = artifacts.stage
                        AND attempts.item = artifacts.item AND attempts.attempt = artifacts.attempt
                    WHERE runs.pipeline = ? AND artifacts.dataset = ? AND attempts.ending = 'succeeded'
                        AND runs.status = 'succeeded'
                    GROUP BY artifacts.run ORDER BY at
                    """, arguments: [pipeline, dataset]
            ).map { (RunID($0["run"]), $0["at"]) }
        }
    }
}

/// Something that has arrived for a schedule which waits for it.
package struct Arrival: Sendable, Hashable {
    /// A dataset as `pipeline/dataset`, or the path of a file.
    package var source: String
    /// What tells it from an earlier one: the run that published it, or the fingerprint of the file's content.
    package var version: String
    /// What tells whether the file has changed since it was read; empty for a dataset.
    package var mark: String
    /// The time of its slot, in milliseconds since 1970; nil for what was there before the schedule.
    package var slot: Int64?

    package init(source: String, version: String, mark: String = "", slot: Int64?) {
        self.source = source
        self.version = version
        self.mark = mark
        self.slot = slot
    }
}
