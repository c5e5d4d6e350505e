import Foundation
import GRDB

/// What a run is recorded as when it begins.
package struct RunRecord: Sendable {
    package var id: RunID
    package var plan: RunPlan
    /// Why it runs: `manual`, `schedule`, `backfill`.
    package var trigger: String
    package var started: Moment

    package init(id: RunID, plan: RunPlan, trigger: String, started: Moment) {
        self.id = id
        self.plan = plan
        self.trigger = trigger
        self.started = started
    }
}

extension RunStore {
    /// Records a new run, before its first event.
    package func create(_ record: RunRecord) throws(StoreError) {
        let plan = Self.json(record.plan)
        try write { db in
            try db.execute(
                sql: """
                    INSERT INTO runs (id, pipeline, file, root, environment, parameters, trigger, status, started_at,
                        stage_count, plan)
                    VALUES (?, ?, ?, ?, ?, ?, ?, 'running', ?, ?, ?)
                    """,
                arguments: [
                    record.id.rawValue, record.plan.pipeline, record.plan.file, record.plan.root,
                    record.plan.environment, Self.json(record.plan.parameters), record.trigger, record.started.wall,
                    record.plan.stages.count, plan,
                ])
        }
    }

    /// Removes everything that is recorded of a run.
    func forget(_ run: RunID) throws(StoreError) {
        let tables = [
            "events", "attempts", "stages", "artifacts", "inputs", "checks", "remarks", "leases", "successes",
        ]
        try write { db in
            for table in tables { try db.execute(sql: "DELETE FROM \(table) WHERE run = ?", arguments: [run.rawValue]) }
            try db.execute(sql: "DELETE FROM runs WHERE id = ?", arguments: [run.rawValue])
        }
    }

    static func json(_ value: some Encodable) -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.withoutEscapingSlashes, .sortedKeys]
        guard let data = try? encoder.encode(value) else { preconditionFailure("not encodable: \(value)") }
        return String(decoding: data, as: UTF8.self)
    }

    /// Records events and everything that follows from them, all or nothing.
    ///
    /// `state`: the run after the events.
    package func record(
        _ events: [RunEvent], remarks: [LogChannel.Remark], of state: RunState
    ) throws(StoreError) {
        try write { db in
            let insert = try db.cachedStatement(
                sql: """
                    INSERT INTO events (run, seq, at, steady, kind, stage, item, attempt, detail)
                    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
                    """)
            for event in events {
                let row = EventRow(event.change)
                try insert.execute(
                    arguments: [
                        state.id.rawValue, event.sequence, event.time.wall, event.time.steady, row.kind, row.stage,
                        row.item, row.attempt, row.detail,
                    ])
                try Self.follow(event, of: state, in: db)
            }
            for remark in remarks {
                try db.cachedStatement(
                    sql: """
                        INSERT INTO remarks (run, at, level, stage, item, attempt, stream, message)
                        VALUES (?, ?, ?, ?, ?, ?, ?, ?)
                        """
                ).execute(
                    arguments: [
                        state.id.rawValue, remark.time, remark.level.name, remark.unit?.stage.rawValue,
                        remark.unit?.item?.rawValue, remark.attempt, remark.stream.rawValue, remark.message,
                    ])
            }
        }
    }

    /// Writes what follows from an event into the other tables.
    private static func follow(_ event: RunEvent, of state: RunState, in db: Database) throws {
        switch event.change {
        case .attemptEnded(let id, let number, let result): try keep(result, of: id, number, event, state, db)
        case .unitEnded(let id, let outcome, let reason) where id.item == nil:
            try keep(outcome, reason, of: id.stage, event, state, db)
        case .unitMarked(let id, let outcome, let reason) where id.item == nil:
            try keep(outcome, reason, of: id.stage, event, state, db)
        case .planChanged(let change, _):
            // The row keeps the plan that the run began with: the journal's changes are counted from there.
            try db.execute(
                sql: "UPDATE runs SET stage_count = ? WHERE id = ?",
                arguments: [change.plan.stages.count, state.id.rawValue])
        case .runResumed:
            try db.execute(
                sql: "UPDATE runs SET status = 'running', ended_at = NULL WHERE id = ?", arguments: [state.id.rawValue])
        case .runEnded(let outcome):
            let duration = state.duration(now: event.time).milliseconds
            try db.execute(
                sql: "UPDATE runs SET status = ?, ended_at = ?, duration_ms = ? WHERE id = ?",
                arguments: [RunState.Status(outcome).rawValue, event.time.wall, duration, state.id.rawValue])
        default: break
        }
    }

    private static func keep(
        _ outcome: Outcome, _ reason: String?, of stage: StageID, _ event: RunEvent, _ state: RunState, _ db: Database
    ) throws {
        let duration = state.stage(stage)?.startedAt.map { event.time.since($0).milliseconds }
        try db.cachedStatement(
            sql: """
                INSERT OR REPLACE INTO stages (run, stage, pipeline, outcome, reason, ended_at, duration_ms)
                VALUES (?, ?, ?, ?, ?, ?, ?)
                """
        ).execute(
            arguments: [
                state.id.rawValue, stage.rawValue, state.plan.pipeline, outcome.rawValue, reason, event.time.wall,
                duration,
            ])
    }

    private static func keep(
        _ result: AttemptResult, of id: UnitID, _ number: Int, _ event: RunEvent, _ state: RunState, _ db: Database
    ) throws {
        let key: [(any DatabaseValueConvertible)?] = [
            state.id.rawValue, id.stage.rawValue, id.item?.rawValue ?? "", number,
        ]
        if result.ending == .succeeded, let reuseKey = result.reuseKey { try keep(reuseKey, of: id, event, state, db) }
        let usage = result.usage
        try db.cachedStatement(
            sql: """
                INSERT OR REPLACE INTO attempts (run, stage, item, attempt, ending, ended_at, duration_ms, exit, failure,
                    cpu_ms, peak_memory, rows_read, rows_written, rows_quarantined, rows_duplicate, rows_dropped)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                """
        ).execute(
            arguments: StatementArguments(
                key + [
                    result.ending.rawValue, event.time.wall, result.duration.milliseconds, result.exit?.description,
                    result.failure?.description, usage.map { ($0.user + $0.system).milliseconds }, usage?.peakMemory,
                    result.rows?.read, result.rows?.written, result.rows?.quarantined, result.rows?.duplicates,
                    result.rows?.dropped,
                ]))
        for artifact in result.artifacts {
            try db.cachedStatement(
                sql: """
                    INSERT OR REPLACE INTO artifacts (run, stage, item, attempt, dataset, path, bytes, row_count, columns,
                        content_hash)
                    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                    """
            ).execute(
                arguments: StatementArguments(
                    key + [
                        artifact.dataset?.rawValue, artifact.path, artifact.sizeInBytes, artifact.rowCount,
                        json(artifact.columns), artifact.contentHash,
                    ]))
        }
        for input in result.reads {
            try db.cachedStatement(
                sql: """
                    INSERT OR REPLACE INTO inputs (run, stage, item, attempt, dataset, path, bytes, content_hash)
                    VALUES (?, ?, ?, ?, ?, ?, ?, ?)
                    """
            ).execute(
                arguments: StatementArguments(
                    key + [input.dataset?.rawValue, input.path, input.sizeInBytes, input.contentHash]))
        }
        for check in result.checks {
            try db.cachedStatement(
                sql: """
                    INSERT OR REPLACE INTO checks (run, stage, item, attempt, id, part, pipeline, kind, severity, outcome,
                        measured, failing_rows, total_rows, expectation, message, waiver)
                    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                    """
            ).execute(
                arguments: StatementArguments(
                    key + [
                        check.id, check.partition ?? "", state.plan.pipeline, check.kind, check.severity.rawValue,
                        check.outcome.rawValue, check.measured, check.failingRows, check.totalRows, check.expectation,
                        check.message, check.waiver,
                    ]))
        }
    }
}
