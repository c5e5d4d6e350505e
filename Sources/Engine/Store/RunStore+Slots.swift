package import CaudalModel
import GRDB

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

    /// The names of a pipeline's schedules that a scheduler has seen, also those that its file has no more.
    package func recordedSchedules(of pipeline: String) throws(StoreError) -> [String] {
        try read { db in
            try String.fetchAll(
                db, sql: "SELECT schedule FROM schedules WHERE pipeline = ? ORDER BY schedule", arguments: [pipeline])
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

    /// A decision with what has become of its run, whose process may have died.
    private func truly(_ slot: RecordedSlot) -> RecordedSlot {
        guard slot.runStatus == .running, let run = slot.run, !folder.run(run).isLive else { return slot }
        var slot = slot
        slot.runStatus = .interrupted
        return slot
    }

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
        }.map(truly)
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
        }.map(truly)
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
}
