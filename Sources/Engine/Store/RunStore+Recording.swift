package import CaudalModel
import Foundation
import GRDB

/// The record of a run when it begins.
package struct RunRecord: Sendable {
    package var id: RunID
    package var plan: RunPlan
    /// What started the run.
    package var trigger: RunTrigger
    package var started: Moment
    /// The decision that it carries out, if a schedule starts it; see ``RecordedSlot``.
    package var decision: Int64?

    package init(id: RunID, plan: RunPlan, trigger: RunTrigger, started: Moment, decision: Int64? = nil) {
        self.id = id
        self.plan = plan
        self.trigger = trigger
        self.started = started
        self.decision = decision
    }
}

extension RunStore {
    /// Records a new run, before its first event; a slot that it is for has its run from then on.
    ///
    /// - Throws: ``StoreError`` when the run cannot be recorded.
    package func create(_ record: RunRecord) throws(StoreError) {
        let plan = Self.text(of: record.plan)
        try write { db in
            try db.execute(
                sql: """
                    INSERT INTO runs (id, pipeline, file, root, environment, parameters, trigger, status, started_at,
                        stage_count, plan)
                    VALUES (?, ?, ?, ?, ?, ?, ?, 'running', ?, ?, ?)
                    """,
                arguments: [
                    record.id.rawValue, record.plan.pipeline, record.plan.file, record.plan.root,
                    record.plan.environment, JSONText.encoded(record.plan.parameters), record.trigger.description,
                    record.started.wall,
                    record.plan.stages.count, plan,
                ])
            if let decision = record.decision {
                try Self.attach(record.id, to: decision, db, path: folder.database)
            }
        }
    }

    /// Removes the record of a run, except for the makers of its outputs that are still published.
    func forget(_ run: RunID) throws(StoreError) {
        let standing = try outputsInPlace(of: run)
        // If the plan is damaged, the definitions are unknown: the outputs then count as made by others.
        let plan = standing.isEmpty ? nil : try? plan(of: run)
        let tables = [
            "events", "attempts", "stages", "artifacts", "inputs", "checks", "remarks", "leases", "claims", "successes",
            "observer_cursors",
        ]
        try write { db in
            for table in tables { try db.execute(sql: "DELETE FROM \(table) WHERE run = ?", arguments: [run.rawValue]) }
            // What is still to be sent is sent.
            try db.execute(
                sql: "DELETE FROM deliveries WHERE run = ? AND state <> 'waiting'", arguments: [run.rawValue])
            try db.execute(sql: "DELETE FROM runs WHERE id = ?", arguments: [run.rawValue])
            try Self.remember(standing, plan, db)
        }
    }

    /// The plan as JSON, encoded some stages at a time: all at once takes ten times the memory of the text, and one by
    /// one needs an encoder for each.
    static func text(of plan: RunPlan) -> String {
        var bare = plan
        bare.stages = []
        var text = JSONText.encoded(bare)
        let mark = "\"stages\":[]"
        guard let place = text.range(of: mark, options: .backwards) else { return JSONText.encoded(plan) }
        let parts = stride(from: 0, to: plan.stages.count, by: stagesAtATime).map { start in
            JSONText.encoded(Array(plan.stages[start..<min(start + stagesAtATime, plan.stages.count)])).dropFirst()
                .dropLast()
        }
        text.replaceSubrange(place, with: "\"stages\":[" + parts.joined(separator: ",") + "]")
        return text
    }

    private static let stagesAtATime = 50

    /// Records events and everything that follows from them in one transaction, in the files that other commands read.
    ///
    /// It waits only briefly for another process: the engine retries, and has other work meanwhile.
    ///
    /// - Parameter state: The run after the events.
    /// - Throws: ``StoreError`` when the events cannot be recorded, or the store or the run's folder was replaced.
    package func record(
        _ events: [RunEvent], remarks: [LogChannel.Remark], of state: RunState
    ) throws(StoreError) {
        try write(patience: Self.shortPatience) { db in
            if !StorePresence.isDatabase(db) { throw StoreError(.replaced, path: folder.database) }
            for event in events {
                try Self.keep(event, of: state.id, db)
                try Self.follow(event, of: state, in: db)
            }
            for remark in remarks { try Self.keep(remark, of: state.id, db) }
        }
        try checkPresence(of: state.id)
    }

    private static func keep(_ event: RunEvent, of run: RunID, _ db: Database) throws {
        let values = EventRow(event.change)
        var row = try RowWriter(
            db,
            """
            INSERT INTO events (run, seq, at, steady, kind, stage, item, attempt, detail)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
            """)
        row.add(run.rawValue)
        row.add(event.sequence)
        row.add(event.time.wall)
        row.add(event.time.steady)
        row.add(values.kind)
        row.add(values.stage)
        row.add(values.item)
        row.add(values.attempt)
        row.add(values.detail)
        try row.write()
    }

    private static func keep(_ remark: LogChannel.Remark, of run: RunID, _ db: Database) throws {
        var row = try RowWriter(
            db,
            """
            INSERT INTO remarks (run, at, level, stage, item, attempt, stream, message)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?)
            """)
        row.add(run.rawValue)
        row.add(remark.time)
        row.add(remark.level.name)
        row.add(remark.unit?.stage.rawValue)
        row.add(remark.unit?.item?.rawValue)
        row.add(remark.attempt)
        row.add(remark.stream.rawValue)
        row.add(remark.message)
        try row.write()
    }

    /// Writes what follows from an event to the other tables.
    private static func follow(_ event: RunEvent, of state: RunState, in db: Database) throws {
        switch event.change {
        case .attemptEnded(let id, let number, let result):
            try keep(result, of: id, number, event, state, db)
            try FailureRecord.follow(result, of: id, number, event, state, db)
        case .unitEnded(let id, let outcome, let reason):
            if outcome == .failed { try FailureRecord.markFinal(id, of: state.id, db) }
            if id.item == nil { try keep(outcome, reason, of: id.stage, event, state, db) }
        case .unitMarked(let id, let outcome, let reason):
            try FailureRecord.clear(id, event, state, attempt: nil, db)
            if id.item == nil { try keep(outcome, reason, of: id.stage, event, state, db) }
        case .planChanged(let change, _):
            // The row keeps the plan with which the run began, to which the journal's changes apply.
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
            try db.execute(
                sql: """
                    INSERT INTO endings (pipeline, environment, status, count, last_at) VALUES (?, ?, ?, 1, ?)
                    ON CONFLICT DO UPDATE SET count = count + 1, last_at = excluded.last_at
                    """,
                arguments: [
                    state.plan.pipeline, state.plan.environment ?? "", RunState.Status(outcome).rawValue,
                    event.time.wall,
                ])
            try db.execute(sql: "DELETE FROM claims WHERE run = ?", arguments: [state.id.rawValue])
        case .restored(let versions, _) where versions.isBegun != true:
            try db.execute(sql: "DELETE FROM claims WHERE run = ?", arguments: [state.id.rawValue])
        default: break
        }
    }

    private static func keep(
        _ outcome: Outcome, _ reason: String?, of stage: StageID, _ event: RunEvent, _ state: RunState, _ db: Database
    ) throws {
        var row = try RowWriter(
            db,
            """
            INSERT OR REPLACE INTO stages (run, stage, pipeline, outcome, reason, ended_at, duration_ms)
            VALUES (?, ?, ?, ?, ?, ?, ?)
            """)
        row.add(state.id.rawValue)
        row.add(stage.rawValue)
        row.add(state.plan.pipeline)
        row.add(outcome.rawValue)
        row.add(reason)
        row.add(event.time.wall)
        // A marked unit did not run: it has no duration.
        let ran = state.stage(stage).flatMap { $0.unit.isMarked ? nil : $0.took(now: event.time) }
        row.add(ran?.milliseconds)
        try row.write()
    }

    private static func keep(
        _ result: AttemptResult, of id: UnitID, _ number: Int, _ event: RunEvent, _ state: RunState, _ db: Database
    ) throws {
        let rows = AttemptRows(run: state.id, pipeline: state.plan.pipeline, unit: id, number: number, db: db)
        let made = state.unit(id)?.attempts.last { $0.number == number }
        try rows.write(result, endedAt: event.time, queued: made?.queued)
        for artifact in result.artifacts { try rows.write(artifact) }
        for input in result.reads { try rows.write(input) }
        for check in result.checks { try rows.write(check) }
        guard result.ending == .succeeded else { return }
        if let reuseKey = result.reuseKey { try keep(reuseKey, of: id, event, state, db) }
        for shape in result.shapes ?? [] { try keep(shape, of: id.stage, event, state, db) }
    }
}
