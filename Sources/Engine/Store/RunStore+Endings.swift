package import CaudalModel
import GRDB

/// How often runs of a pipeline ended in one way.
package struct RunEndings: Sendable, Hashable {
    package var pipeline: String
    package var environment: String?
    package var status: RunState.Status
    package var count: Int64
    /// When one last did, in milliseconds since 1970; nil where only runs did that an older Caudal removed.
    package var last: Int64?
}

/// The newest runs of a pipeline in one of its environments.
package struct NewestRuns: Sendable, Hashable {
    package var pipeline: String
    package var environment: String?
    /// The newest run that has ended, or whose process has died.
    package var ended: RunID?
    /// Whether that run's process has died, so that it stands as running.
    package var isInterrupted = false
    /// How many runs are live.
    package var live: Int
}

/// How often slots of a schedule got a decision.
package struct SlotCount: Sendable, Hashable {
    package var pipeline: String
    package var schedule: String
    package var outcome: String
    package var count: Int64
}

extension RunStore {
    /// How often runs ended, and how, since the store began; runs that were removed since count too.
    ///
    /// - Throws: ``StoreError`` when the store cannot be read.
    package func endings() throws(StoreError) -> [RunEndings] {
        try read { db in
            try Row.fetchAll(
                db, sql: "SELECT pipeline, nullif(environment, '') AS environment, status, count, last_at FROM endings"
            )
            .compactMap { row in
                RunState.Status(rawValue: row["status"]).map {
                    RunEndings(
                        pipeline: row["pipeline"], environment: row["environment"], status: $0, count: row["count"],
                        last: row["last_at"])
                }
            }
        }
    }

    /// The newest runs of each pipeline.
    ///
    /// - Throws: ``StoreError`` when the store cannot be read.
    package func newestRuns() throws(StoreError) -> [NewestRuns] {
        let folder = folder
        return try read { db in
            let open = try Row.fetchAll(db, sql: "SELECT id, pipeline, environment FROM runs WHERE status = 'running'")
            var live: [StatisticsSubject: Int] = [:]
            var dead: [StatisticsSubject: String] = [:]
            for row in open {
                let (id, subject): (String, _) = (row["id"], StatisticsSubject(row))
                if folder.run(RunID(id)).isLive {
                    live[subject, default: 0] += 1
                } else {
                    dead[subject] = max(dead[subject] ?? "", id)
                }
            }
            return try Row.fetchAll(
                db,
                sql: """
                    SELECT pipeline, environment, max(CASE WHEN ended_at IS NOT NULL THEN id END) AS ended
                    FROM runs GROUP BY pipeline, environment
                    """
            ).map { row in
                let (ended, died): (String?, _) = (row["ended"], dead[StatisticsSubject(row)])
                return NewestRuns(
                    pipeline: row["pipeline"], environment: row["environment"],
                    ended: [ended, died].compactMap { $0 }.max().map { RunID($0) },
                    isInterrupted: (died ?? "") > (ended ?? ""), live: live[StatisticsSubject(row)] ?? 0)
            }
        }
    }

    /// How many notifications wait to be sent.
    ///
    /// - Throws: ``StoreError`` when the store cannot be read.
    package func waitingDeliveries() throws(StoreError) -> Int {
        try read { db in
            try Int.fetchOne(db, sql: "SELECT count(*) FROM deliveries WHERE state = 'waiting'") ?? 0
        }
    }

    /// How often slots of schedules got each decision.
    ///
    /// - Throws: ``StoreError`` when the store cannot be read.
    package func slotCounts() throws(StoreError) -> [SlotCount] {
        try read { db in
            try Row.fetchAll(
                db,
                sql: """
                    SELECT pipeline, schedule, outcome, sum(count) AS count FROM slots WHERE outcome <> 'begun'
                    GROUP BY pipeline, schedule, outcome
                    """
            ).map { row in
                SlotCount(
                    pipeline: row["pipeline"], schedule: row["schedule"], outcome: row["outcome"], count: row["count"])
            }
        }
    }
}
