package import CaudalModel
import GRDB

/// A run among the others of its pipeline.
package struct RunOfHistory: Sendable, Hashable {
    package var summary: RunSummary
    /// The stages that failed, in the order in which they ended.
    package var failed: [StageID]

    package init(_ summary: RunSummary, failed: [StageID] = []) {
        self.summary = summary
        self.failed = failed
    }
}

extension RunStore {
    /// The runs of a pipeline with what failed in them, newest first.
    ///
    /// - Throws: ``StoreError`` when the store cannot be read.
    package func history(of pipeline: String, limit: Int) throws(StoreError) -> [RunOfHistory] {
        let runs = try runs(pipeline: pipeline, limit: limit)
        guard let oldest = runs.last?.id.rawValue else { return [] }
        return try read { db in
            var failed: [String: [StageID]] = [:]
            for row in try Row.fetchAll(
                db,
                sql: """
                    SELECT run, stage FROM stages WHERE pipeline = ? AND outcome = 'failed' AND run >= ?
                    ORDER BY run, ended_at, stage
                    """, arguments: [pipeline, oldest])
            {
                failed[row["run"], default: []].append(StageID(row["stage"]))
            }
            return runs.map { run in
                RunOfHistory(run, failed: failed[run.id.rawValue] ?? [])
            }
        }
    }
}
