import CaudalModel
import GRDB

/// Writes the rows of one attempt that has ended.
struct AttemptRows {
    let run: RunID
    let pipeline: String
    let unit: UnitID
    let number: Int
    let db: Database

    /// A row that begins with the columns of its attempt.
    private func row(_ sql: String) throws -> RowWriter {
        var row = try RowWriter(db, sql)
        row.add(run.rawValue)
        row.add(unit.stage.rawValue)
        row.add(unit.item?.rawValue ?? "")
        row.add(number)
        return row
    }

    /// - Parameter queued: How long the attempt waited for a slot; nil where it did not.
    func write(_ result: AttemptResult, endedAt: Moment, queued: Duration?) throws {
        var row = try row(
            """
            INSERT OR REPLACE INTO attempts (run, stage, item, attempt, ending, ended_at, duration_ms, exit, failure,
                cpu_ms, peak_memory, rows_read, rows_written, rows_quarantined, rows_duplicate, rows_dropped, queued_ms)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            """)
        row.add(result.ending.rawValue)
        row.add(endedAt.wall)
        row.add(result.duration.milliseconds)
        row.add(result.exit?.description)
        row.add(result.failure?.description)
        row.add(result.usage.map { ($0.user + $0.system).milliseconds })
        row.add(result.usage.flatMap { $0.peakMemory > 0 ? $0.peakMemory : nil })
        row.add(result.rows.flatMap { $0.isReadKnown ? $0.read : nil })
        row.add(result.rows?.written)
        row.add(result.rows?.quarantined)
        row.add(result.rows?.duplicates)
        row.add(result.rows?.dropped)
        row.add(queued?.milliseconds)
        try row.write()
    }

    func write(_ artifact: Artifact) throws {
        var row = try row(
            """
            INSERT OR REPLACE INTO artifacts (run, stage, item, attempt, dataset, path, bytes, row_count, columns,
                content_hash, kept, mark)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            """)
        row.add(artifact.dataset?.rawValue)
        row.add(artifact.path)
        row.add(artifact.sizeInBytes)
        row.add(artifact.rowCount)
        row.add(JSONText.encoded(artifact.columns))
        row.add(artifact.contentHash)
        row.add(artifact.kept)
        row.add(artifact.mark.map(JSONText.encoded))
        try row.write()
        try db.cachedStatement(sql: "DELETE FROM pruned_outputs WHERE path = ?").execute(arguments: [artifact.path])
    }

    func write(_ input: InputVersion) throws {
        var row = try row(
            """
            INSERT OR REPLACE INTO inputs (run, stage, item, attempt, dataset, path, bytes, content_hash, made_by)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
            """)
        row.add(input.dataset?.rawValue)
        row.add(input.path)
        row.add(input.sizeInBytes)
        row.add(input.contentHash)
        row.add(input.madeBy?.rawValue)
        try row.write()
    }

    func write(_ check: CheckResult) throws {
        var row = try row(
            """
            INSERT OR REPLACE INTO checks (run, stage, item, attempt, id, part, pipeline, kind, severity, outcome,
                measured, failing_rows, total_rows, expectation, message, waiver)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            """)
        row.add(check.id)
        row.add(check.partition ?? "")
        row.add(pipeline)
        row.add(check.kind)
        row.add(check.severity.rawValue)
        row.add(check.outcome.rawValue)
        row.add(check.measured)
        row.add(check.failingRows)
        row.add(check.totalRows)
        row.add(check.expectation)
        row.add(check.message)
        row.add(check.waiver)
        try row.write()
    }
}
