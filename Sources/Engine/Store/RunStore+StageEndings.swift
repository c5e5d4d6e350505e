package import CaudalModel
import GRDB

/// How a stage ended in one run.
package struct StageEnding: Sendable, Hashable {
    package var run: RunID
    /// When the run started, in milliseconds since 1970.
    package var started: Int64
    package var outcome: Outcome
    package var duration: Duration?

    package init(run: RunID, started: Int64, outcome: Outcome, duration: Duration?) {
        (self.run, self.started, self.outcome, self.duration) = (run, started, outcome, duration)
    }
}

extension RunStore {
    /// How a stage ended in the runs before one, in its environment, oldest first.
    ///
    /// - Throws: ``StoreError`` when the store cannot be read.
    package func endings(of stage: StageID, before run: RunState, limit: Int) throws(StoreError) -> [StageEnding] {
        let arguments: StatementArguments = [
            run.plan.pipeline, stage.rawValue, run.id.rawValue, run.plan.environment, limit,
        ]
        return try read { db in
            let rows = try Row.fetchAll(
                db,
                sql: """
                    SELECT stages.run, runs.started_at, stages.outcome, stages.duration_ms
                    FROM runs JOIN stages ON stages.run = runs.id AND stages.stage = ?2
                    WHERE runs.pipeline = ?1 AND runs.id < ?3 AND runs.environment IS ?4
                    ORDER BY runs.id DESC LIMIT ?5
                    """, arguments: arguments)
            return rows.reversed().compactMap { row in
                Outcome(rawValue: row["outcome"]).map {
                    StageEnding(
                        run: RunID(row["run"]), started: row["started_at"], outcome: $0,
                        duration: (row["duration_ms"] as Int64?).map { .milliseconds($0) })
                }
            }
        }
    }
}
