package import CaudalModel
import GRDB

/// A check that does not pass, and since when.
package struct FailingCheck: Sendable, Hashable {
    package var pipeline: String
    package var key: CheckPoint.Key
    /// The last result.
    package var last: CheckPoint
    package var message: String
    /// The first run in a row without a pass, and when it began, in milliseconds since 1970.
    package var since: RunID
    package var sinceTime: Int64
    /// How many runs there are from that one on.
    package var runs: Int
    /// The last run in which it passed, and when that began; nil where it never did.
    package var passed: RunID?
    package var passedTime: Int64?
}

/// Something that an operator asked of a run that had failed, and what came of it.
package struct RetryRecord: Sendable, Hashable {
    /// A failure that the command was to clear.
    package struct Cause: Sendable, Hashable {
        /// What came of it.
        package enum Result: String, Sendable {
            case cleared
            case failedAgain = "failed again"
            case open
        }

        package var unit: UnitID
        package var message: String
        /// See ``FailureFingerprint/id``.
        package var fingerprint: String
        package var result: Result
    }

    package var run: RunID
    package var pipeline: String
    package var environment: String?
    /// When it was asked for, in milliseconds since 1970.
    package var at: Int64
    package var by: String
    package var command: RunCommand
    /// The failures that were there; empty where nothing had failed.
    package var causes: [Cause]
}

extension RunStore {
    /// The checks whose last result in a period is no pass, with the time since when that is so: the longest first.
    ///
    /// - Throws: ``StoreError`` when the store cannot be read.
    package func failingChecks(
        in period: StatisticsPeriod, pipeline: String? = nil
    ) throws(StoreError) -> [FailingCheck] {
        let ids = period.ids
        return try read { db in
            // Of several runs and attempts the last counts: `max` chooses the row of the other columns.
            let rows = try Row.fetchAll(
                db,
                sql: """
                    \(Self.chosenRuns)
                    SELECT * FROM (
                        SELECT checks.*, environment, started_at, max(run || printf('/%09d', attempt)) AS newest
                        FROM checks JOIN chosen ON chosen.id = checks.run WHERE run >= ?1 AND run < ?2
                        GROUP BY checks.pipeline, environment, stage, item, checks.id, part
                    ) WHERE outcome <> 'passed'
                    """, arguments: [ids.from, ids.to, pipeline])
            return try rows.compactMap { try Self.failingCheck($0, db) }
                .sorted { ($0.sinceTime, $0.pipeline, $0.key.check) < ($1.sinceTime, $1.pipeline, $1.key.check) }
        }
    }

    private static func failingCheck(_ row: Row, _ db: Database) throws -> FailingCheck? {
        guard let last = checkPoint(row) else { return nil }
        let (pipeline, run): (String, String) = (row["pipeline"], row["run"])
        let same = """
            FROM checks JOIN runs ON runs.id = checks.run
            WHERE checks.pipeline = ? AND stage = ? AND checks.id = ? AND item = ? AND part = ? AND environment IS ?
            """
        let key: StatementArguments = [
            pipeline, row["stage"] as String, row["id"] as String, row["item"] as String, row["part"] as String,
            row["environment"] as String?,
        ]
        let passed = try Row.fetchOne(
            db, sql: "SELECT run, started_at \(same) AND outcome = 'passed' AND run < ? ORDER BY run DESC LIMIT 1",
            arguments: key + [run])
        let since = try Row.fetchOne(
            db,
            sql: """
                SELECT min(run) AS run, min(started_at) AS started_at, count(DISTINCT run) AS runs \(same)
                    AND run > ? AND run <= ?
                """, arguments: key + [passed?["run"] ?? "", run])
        guard let since else { return nil }
        return FailingCheck(
            pipeline: pipeline, key: last.key, last: last, message: row["message"], since: RunID(since["run"]),
            sinceTime: since["started_at"], runs: since["runs"], passed: (passed?["run"] as String?).map { RunID($0) },
            passedTime: passed?["started_at"])
    }

    /// What operators retried and marked in a period, newest first.
    ///
    /// - Throws: ``StoreError`` when the store cannot be read.
    package func retryRecords(
        in period: StatisticsPeriod, pipeline: String? = nil
    ) throws(StoreError) -> [RetryRecord] {
        try read { db in
            // All commands are looked at: a run of long ago may have been retried today.
            let rows = try Row.fetchAll(
                db,
                sql: """
                    SELECT run, seq, at, steady, kind, stage, item, attempt, detail, pipeline, environment
                    FROM events JOIN runs ON runs.id = events.run
                    WHERE kind = 'command_received' AND at >= ?1 AND at < ?2 AND (?3 IS NULL OR pipeline = ?3)
                    ORDER BY at DESC, seq DESC
                    """, arguments: [period.from, period.to, pipeline])
            return try rows.compactMap { row in
                guard case .commandReceived(let command, let by) = try Self.event(row)?.change, command.isRetry else {
                    return nil
                }
                let failures = try Row.fetchAll(
                    db,
                    sql: """
                        SELECT stage, item, attempt, message, fingerprint, at, last_at, cleared_at FROM failures
                        WHERE run = ? ORDER BY stage, item, attempt
                        """, arguments: [row["run"] as String])
                return RetryRecord(
                    run: RunID(row["run"]), pipeline: row["pipeline"], environment: row["environment"], at: row["at"],
                    by: by, command: command, causes: Self.causes(of: command, at: row["at"], failures))
            }
        }
    }

    /// The failures that a command was to clear, the last of each unit.
    private static func causes(of command: RunCommand, at time: Int64, _ failures: [Row]) -> [RetryRecord.Cause] {
        var causes: [RetryRecord.Cause] = []
        for (index, row) in failures.enumerated() {
            let item: String = row["item"]
            let unit = UnitID(StageID(row["stage"]), item.isEmpty ? nil : ItemKey(item))
            let cleared: Int64? = row["cleared_at"]
            guard command.retries(unit), (row["last_at"] as Int64) <= time, cleared ?? .max >= time else { continue }
            let next = index + 1 < failures.count ? failures[index + 1] : nil
            let later = next.flatMap { next -> Int64? in
                let isSame = next["stage"] as String == unit.stage.rawValue && next["item"] as String == item
                return isSame ? next["at"] : nil
            }
            // A later failure that was there already is the one that the command was about.
            if let later, later <= time { continue }
            causes.append(
                RetryRecord.Cause(
                    unit: unit, message: row["message"], fingerprint: row["fingerprint"],
                    result: later != nil ? .failedAgain : cleared != nil ? .cleared : .open))
        }
        return causes
    }
}

extension RunCommand {
    /// Whether it has something that ended counted or run again.
    fileprivate var isRetry: Bool {
        switch self {
        case .retry, .retryItems, .retryStages, .retryFailed, .mark: true
        case .cancel, .cancelRun, .pause, .unpause, .setLimit: false
        }
    }

    /// Whether it is about a unit.
    fileprivate func retries(_ unit: UnitID) -> Bool {
        switch self {
        case .retry(let stage, _): unit.stage == stage
        case .retryItems(let stage, let items, _): unit.stage == stage && unit.item.map(items.contains) ?? false
        case .retryStages(let stages): stages.contains(unit.stage)
        case .retryFailed: true
        case .mark(let marked, _, _): unit == marked
        case .cancel, .cancelRun, .pause, .unpause, .setLimit: false
        }
    }
}
