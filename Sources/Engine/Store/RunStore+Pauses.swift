package import CaudalModel
import GRDB

/// Pauses of schedules, and what has arrived for those that wait for it.
extension RunStore {
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

    /// What arrived for a schedule at a slot of its own: the path of a file, or the run that published a dataset.
    ///
    /// - Parameter slot: The planned time, in milliseconds since 1970.
    /// - Returns: nil where nothing arrived then.
    package func arrival(of key: ScheduleKey, at slot: Int64) throws(StoreError) -> String? {
        try read { db in
            let row = try Row.fetchOne(
                db, sql: "SELECT source, version, mark FROM arrivals WHERE pipeline = ? AND schedule = ? AND slot = ?",
                arguments: [key.pipeline, key.schedule, slot])
            // Only files have a mark.
            return row.map { $0["mark"] == "" ? Arrival.run(ofVersion: $0["version"]).rawValue : $0["source"] }
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
    /// What tells it from an earlier one: the run that published it and when, or the fingerprint of the file's content.
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

    /// The version of a dataset: a run that is retried may publish it more than once.
    ///
    /// - Parameter time: When it was published, in milliseconds since 1970.
    package static func version(of run: RunID, at time: Int64) -> String { "\(run) \(time)" }

    /// The run in the version of a dataset.
    static func run(ofVersion version: String) -> RunID { RunID(String(version.prefix { $0 != " " })) }

    /// Whether it is what a run published at a time; a version without a time, of an earlier Caudal, is all that the run had
    /// published until then.
    func isPublication(by run: RunID, at time: Int64) -> Bool {
        version == Self.version(of: run, at: time) || version == run.rawValue && slot.map { time <= $0 } ?? true
    }
}
