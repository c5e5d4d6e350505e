package import CaudalModel
import GRDB

/// The history of checks in the run store.
package struct StoredCheckHistory: CheckHistory {
    private let store: RunStore
    private let pipeline: String
    private let environment: String?
    private let run: RunID
    private let item: ItemKey?

    /// The history of a pipeline's checks before a run, in runs of the same environment; for an item of a fan-out, only
    /// the same item.
    package init(
        store: RunStore, pipeline: String, environment: String?, before run: RunID, item: ItemKey? = nil
    ) {
        self.store = store
        self.pipeline = pipeline
        self.environment = environment
        self.run = run
        self.item = item
    }

    package func measures(of check: String, part: String?, stage: StageID, limit: Int) throws -> [Double] {
        try store.read { db in
            // A run counts once, however many attempts it had.
            try Double.fetchAll(
                db,
                sql: """
                    SELECT measured FROM checks WHERE pipeline = ?1 AND stage = ?2 AND id = ?3 AND run < ?4
                        AND outcome IN ('passed', 'warned') AND waiver IS NULL AND measured IS NOT NULL
                        AND item = ?5 AND part = ?6
                        AND (SELECT environment FROM runs WHERE runs.id = checks.run) IS ?8
                        -- What was taken from an earlier run was measured there.
                        AND NOT EXISTS (SELECT 1 FROM attempts WHERE attempts.run = checks.run
                            AND attempts.stage = checks.stage AND attempts.item = checks.item
                            AND attempts.attempt = checks.attempt AND attempts.ending = 'reused')
                        AND attempt = (SELECT max(attempt) FROM checks AS other WHERE other.run = checks.run
                            AND other.stage = checks.stage AND other.item = checks.item AND other.id = checks.id)
                    ORDER BY run DESC LIMIT ?7
                    """,
                arguments: [
                    pipeline, stage.rawValue, check, run.rawValue, item?.rawValue ?? "", part ?? "", limit, environment,
                ])
        }
    }

    package func parts(of check: String, stage: StageID, runs: Int) throws -> Set<ExactText> {
        let found = try store.read { db in
            try String.fetchAll(
                db,
                sql: """
                    WITH found AS (
                        SELECT run, part, outcome, measured FROM checks
                        WHERE pipeline = ?1 AND stage = ?2 AND id = ?3 AND run < ?4 AND item = ?5
                            AND (SELECT environment FROM runs WHERE runs.id = checks.run) IS ?7
                            AND attempt = (SELECT max(attempt) FROM checks AS other WHERE other.run = checks.run
                                AND other.stage = checks.stage AND other.item = checks.item AND other.id = checks.id))
                    SELECT DISTINCT part FROM found WHERE part <> '' AND measured > 0 AND run IN (
                        SELECT run FROM found GROUP BY run
                        HAVING count(*) = sum(outcome IN ('passed', 'warned')) ORDER BY run DESC LIMIT ?6)
                    """,
                arguments: [
                    pipeline, stage.rawValue, check, run.rawValue, item?.rawValue ?? "", runs, environment,
                ])
        }
        return Set(found.map(ExactText.init))
    }
}
