package import CaudalModel
package import Foundation
import GRDB

/// How often something failed in the same way, and what cleared it.
package struct FailureHistory: Sendable, Hashable {
    package var pipeline: String
    package var stage: StageID
    /// See ``FailureFingerprint/id``.
    package var fingerprint: String
    /// The message, as it was the last time.
    package var message: String
    /// How many runs it happened in.
    package var runs: Int
    /// When it happened first and last, in milliseconds since 1970.
    package var first: Int64
    package var last: Int64
    /// The run of the last time.
    package var lastRun: RunID
    /// In how many of the runs a retry cleared it, of whatever kind.
    package var cleared: Int
    /// In how many of the runs the first retry cleared it.
    package var clearedByOneRetry: Int
    /// Who asked for the last retry that cleared it; nil where nobody had to.
    package var lastClearedBy: String?
    /// In how many of the runs it was tried again, by the stage itself or by an operator.
    package var retried = 0

    /// How often the first retry cleared it where there was one, from 0 to 1; nil where nobody tried again.
    package var oddsOfRetry: Double? { retried == 0 ? nil : Double(clearedByOneRetry) / Double(retried) }

    /// Such as `seen 4 times since 2026-05-03, 3 cleared by one retry, last by ann`.
    ///
    /// - Parameter zone: That of the other times around it: the reader's on a screen, UTC in what is sent and kept.
    package func words(in zone: TimeZone = .gmt) -> String {
        guard runs > 0 else { return "not seen before" }
        var text = "seen \(runs == 1 ? "once" : "\(runs.counted("time"))") "
        let (first, last) = (UTC.date(first, in: zone), UTC.date(last, in: zone))
        text += first == last ? "on \(first)" : "since \(first)"
        if clearedByOneRetry > 0 { text += ", \(clearedByOneRetry) cleared by one retry" }
        if cleared > clearedByOneRetry { text += ", \(cleared - clearedByOneRetry) by several" }
        if cleared == 0 { text += ", never cleared by a retry" }
        if cleared > 0, let lastClearedBy { text += ", last by \(lastClearedBy)" }
        return text
    }
}

/// A failure that a run recorded.
package struct RecordedFailure: Sendable, Hashable {
    package var unit: UnitID
    package var fingerprint: String
    package var message: String
    /// The first attempt of those in a row that failed so, and how many there were.
    package var attempt: Int
    package var tries: Int
}

extension RunStore {
    /// How often a stage failed in the same way.
    ///
    /// `except`: a run that does not count, such as the one that has just failed.
    /// - Returns: A history of no runs where it never did.
    /// - Throws: ``StoreError`` when the store cannot be read.
    package func failureHistory(
        of fingerprint: String, stage: StageID, pipeline: String, except run: RunID? = nil
    ) throws(StoreError) -> FailureHistory {
        let found = try read { db in
            try Self.histories(
                db, "pipeline = ? AND stage = ? AND fingerprint = ? AND run <> ?",
                [pipeline, stage.rawValue, fingerprint, run?.rawValue ?? ""], limit: 1)
        }
        return found.first
            ?? FailureHistory(
                pipeline: pipeline, stage: stage, fingerprint: fingerprint, message: "", runs: 0, first: 0, last: 0,
                lastRun: "", cleared: 0, clearedByOneRetry: 0)
    }

    /// The failures of a pipeline, or of all, the most frequent first.
    ///
    /// `since`: only what happened then or later, in milliseconds since 1970.
    /// - Throws: ``StoreError`` when the store cannot be read.
    package func failureHistories(
        pipeline: String? = nil, stage: StageID? = nil, since: Int64 = 0, limit: Int = 100
    ) throws(StoreError) -> [FailureHistory] {
        try read { db in
            try Self.histories(
                db, "(?1 IS NULL OR pipeline = ?1) AND (?2 IS NULL OR stage = ?2) AND at >= ?3",
                [pipeline, stage?.rawValue, since], limit: limit)
        }
    }

    private static func histories(
        _ db: Database, _ condition: String, _ arguments: StatementArguments, limit: Int
    ) throws -> [FailureHistory] {
        // A run counts once, however many items failed in it; it is cleared where all that failed in it is.
        let rows = try Row.fetchAll(
            db,
            sql: """
                WITH by_run AS (
                    SELECT pipeline, stage, fingerprint, run, min(at) AS first_at, max(last_at) AS last_at,
                        min(cleared_at IS NOT NULL AND retries IS NOT NULL) AS is_cleared, max(retries) AS retries,
                        max(cleared_at) AS cleared_at, max(message) AS message,
                        max(tries > 1 OR retries IS NOT NULL OR EXISTS (
                            SELECT 1 FROM failures AS later WHERE later.run = failures.run
                                AND later.stage = failures.stage AND later.item = failures.item
                                AND later.attempt > failures.attempt)) AS is_retried
                    FROM failures WHERE \(condition) GROUP BY pipeline, stage, fingerprint, run
                )
                SELECT pipeline, stage, fingerprint, count(*) AS runs, min(first_at) AS first_at, max(last_at) AS last_at,
                    sum(is_cleared) AS cleared, sum(is_cleared AND retries = 1) AS by_one,
                    sum(is_retried) AS retried
                FROM by_run GROUP BY pipeline, stage, fingerprint
                ORDER BY runs DESC, last_at DESC LIMIT \(limit)
                """, arguments: arguments)
        return try rows.map { row in
            let (pipeline, stage, fingerprint): (String, String, String) = (
                row["pipeline"], row["stage"], row["fingerprint"]
            )
            let key: StatementArguments = [pipeline, stage, fingerprint]
            let same = "FROM failures WHERE pipeline = ? AND stage = ? AND fingerprint = ?"
            let last = try Row.fetchOne(db, sql: "SELECT run, message \(same) ORDER BY at DESC LIMIT 1", arguments: key)
            let clearing = try Row.fetchOne(
                db, sql: "SELECT cleared_by \(same) AND retries IS NOT NULL ORDER BY cleared_at DESC LIMIT 1",
                arguments: key)
            return FailureHistory(
                pipeline: pipeline, stage: StageID(stage), fingerprint: fingerprint, message: last?["message"] ?? "",
                runs: row["runs"], first: row["first_at"], last: row["last_at"], lastRun: RunID(last?["run"] ?? ""),
                cleared: row["cleared"], clearedByOneRetry: row["by_one"], lastClearedBy: clearing?["cleared_by"],
                retried: row["retried"])
        }
    }

    /// What failed last in a stage of a run: of the stage itself, or of its first item that is not cleared.
    ///
    /// - Throws: ``StoreError`` when the store cannot be read.
    package func lastFailure(of stage: StageID, in run: RunID) throws(StoreError) -> RecordedFailure? {
        try read { db in
            let row = try Row.fetchOne(
                db,
                sql: """
                    SELECT item, fingerprint, message, attempt, tries FROM failures WHERE run = ? AND stage = ?
                    ORDER BY item = '' DESC, cleared_at IS NULL DESC, attempt DESC, item LIMIT 1
                    """, arguments: [run.rawValue, stage.rawValue])
            return row.map { row in
                let item: String = row["item"]
                return RecordedFailure(
                    unit: UnitID(stage, item.isEmpty ? nil : ItemKey(item)), fingerprint: row["fingerprint"],
                    message: row["message"], attempt: row["attempt"], tries: row["tries"])
            }
        }
    }
}
