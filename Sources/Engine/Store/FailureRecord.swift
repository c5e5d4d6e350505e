import GRDB

/// Writes the table of failures: what failed how, and what cleared it.
///
/// That is done in the transaction of the events themselves, so that no failure is lost; attempts that succeed at once
/// cost nothing.
enum FailureRecord {
    /// As much of a message as is kept.
    private static let messageLimit = 600

    /// Records what follows from the end of an attempt.
    static func follow(
        _ result: AttemptResult, of id: UnitID, _ number: Int, _ event: RunEvent, _ state: RunState, _ db: Database
    ) throws {
        switch result.ending {
        case .succeeded, .reused:
            if number > 1 { try clear(id, event, state, attempt: number, db) }
        case .failed, .stopped:
            let attempt = state.unit(id)?.attempts.last { $0.number == number }
            guard attempt?.stopRequested != .cancelled else { return }
            try record(
                result.failure ?? Failure(result.exit?.description ?? "failed"), of: id, number, event, state, db)
        case .interrupted, .skipped: break
        }
    }

    private static func record(
        _ failure: Failure, of id: UnitID, _ number: Int, _ event: RunEvent, _ state: RunState, _ db: Database
    ) throws {
        let fingerprint = FailureFingerprint(failure).id
        let item = id.item?.rawValue ?? ""
        // Another try of the same: nobody asked for it, and it failed in the same way.
        let earlier = try Row.fetchOne(
            db,
            sql: """
                SELECT attempt, fingerprint, is_final FROM failures WHERE run = ? AND stage = ? AND item = ?
                ORDER BY attempt DESC LIMIT 1
                """, arguments: [state.id.rawValue, id.stage.rawValue, item])
        if let earlier, earlier["is_final"] == 0, earlier["fingerprint"] == fingerprint,
            (earlier["attempt"] as Int) < number
        {
            try db.execute(
                sql: """
                    UPDATE failures SET tries = tries + 1, last_at = ?, message = ?
                    WHERE run = ? AND stage = ? AND item = ? AND attempt = ?
                    """,
                arguments: [
                    event.time.wall, String(failure.message.prefix(messageLimit)), state.id.rawValue,
                    id.stage.rawValue, item, earlier["attempt"] as Int,
                ])
            return
        }
        try insert(
            run: state.id.rawValue, stage: id.stage.rawValue, item: item, attempt: number,
            pipeline: state.plan.pipeline, environment: state.plan.environment, failure, at: event.time.wall, db)
    }

    private static func insert(
        run: String, stage: String, item: String, attempt: Int, pipeline: String, environment: String?,
        _ failure: Failure, at time: Int64, _ db: Database
    ) throws {
        try db.execute(
            sql: """
                INSERT OR REPLACE INTO failures (run, stage, item, attempt, pipeline, environment, fingerprint, message,
                    kind, at, last_at, tries) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1)
                """,
            arguments: [
                run, stage, item, attempt, pipeline, environment, FailureFingerprint(failure).id,
                String(failure.message.prefix(messageLimit)), failure.kind?.rawValue, time, time,
            ])
    }

    /// Records that a unit has no retry left.
    static func markFinal(_ id: UnitID, of run: RunID, _ db: Database) throws {
        try db.execute(
            sql: "UPDATE failures SET is_final = 1 WHERE run = ? AND stage = ? AND item = ? AND cleared_at IS NULL",
            arguments: [run.rawValue, id.stage.rawValue, id.item?.rawValue ?? ""])
    }

    /// Records that what had failed of a unit is cleared.
    ///
    /// `attempt`: the one that succeeded; nil where an operator marked the unit.
    static func clear(
        _ id: UnitID, _ event: RunEvent, _ state: RunState, attempt: Int?, _ db: Database
    ) throws {
        let rows = try Row.fetchAll(
            db,
            sql: """
                SELECT attempt, is_final FROM failures WHERE run = ? AND stage = ? AND item = ? AND cleared_at IS NULL
                ORDER BY attempt DESC
                """, arguments: [state.id.rawValue, id.stage.rawValue, id.item?.rawValue ?? ""])
        var retries = 0
        for row in rows {
            let isFinal = row["is_final"] as Int == 1
            let failed: Int = row["attempt"]
            // What an operator retried counts his retries; else those that the stage has by itself.
            retries = isFinal ? retries + 1 : max(retries + 1, (attempt ?? failed + 1) - failed)
            try db.execute(
                sql: """
                    UPDATE failures SET cleared_at = ?, cleared_by = ?, retries = ?
                    WHERE run = ? AND stage = ? AND item = ? AND attempt = ?
                    """,
                arguments: [
                    event.time.wall, isFinal || attempt == nil ? state.lastCommand?.by : nil,
                    attempt == nil ? nil : retries, state.id.rawValue, id.stage.rawValue, id.item?.rawValue ?? "",
                    failed,
                ])
        }
    }

    /// Takes in what failed before there was this table, as far as attempts were recorded.
    static func recordOlder(in db: Database) throws {
        let rows = try Row.fetchCursor(
            db,
            sql: """
                SELECT attempts.run, stage, item, attempt, failure, attempts.ended_at, pipeline, environment,
                    (SELECT min(later.attempt) FROM attempts AS later WHERE later.run = attempts.run
                        AND later.stage = attempts.stage AND later.item = attempts.item
                        AND later.attempt > attempts.attempt AND later.ending = 'succeeded') AS cleared
                FROM attempts JOIN runs ON runs.id = attempts.run
                WHERE ending IN ('failed', 'stopped') AND failure IS NOT NULL
                """)
        while let row = try rows.next() {
            let (run, stage, item): (String, String, String) = (row["run"], row["stage"], row["item"])
            let attempt: Int = row["attempt"]
            // The recorded text ends with the remedy, which the fingerprint leaves out.
            let text: String = row["failure"]
            let message = text.split(separator: "; ", maxSplits: 1).first.map(String.init) ?? text
            try insert(
                run: run, stage: stage, item: item, attempt: attempt, pipeline: row["pipeline"],
                environment: row["environment"], Failure(message), at: row["ended_at"], db)
            guard let cleared = row["cleared"] as Int? else { continue }
            try db.execute(
                sql: """
                    UPDATE failures SET retries = ?1, cleared_at = (SELECT ended_at FROM attempts
                        WHERE run = ?2 AND stage = ?3 AND item = ?4 AND attempt = ?5)
                    WHERE run = ?2 AND stage = ?3 AND item = ?4 AND attempt = ?6
                    """, arguments: [cleared - attempt, run, stage, item, cleared, attempt])
        }
    }
}
