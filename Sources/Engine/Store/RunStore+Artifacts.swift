import GRDB

/// A run that a stage succeeded in.
package struct StageSuccess: Sendable {
    package var run: RunID
    package var parameters: [String: String]
    package var environment: String?
}

/// A file that a run published.
package struct Publication: Sendable {
    package var run: RunID
    package var stage: StageID
    package var artifact: Artifact
    /// When the run began, in milliseconds since 1970.
    package var started: Int64
    package var parameters: [String: String]
    package var environment: String?
}

/// What runs have published, and where.
extension RunStore {
    /// The runs that published a file at a path, newest first; `path` is as artifacts have it: relative to the project's
    /// root where it lies below it.
    package func writers(of path: String, limit: Int = 20) throws(StoreError) -> [RunID] {
        try read { db in
            try String.fetchAll(
                db, sql: "SELECT DISTINCT run FROM artifacts WHERE path = ? ORDER BY run DESC LIMIT ?",
                arguments: [path, limit]
            ).map { RunID($0) }
        }
    }

    /// The stages of a run that published a file at a path; `path` is as artifacts have it.
    package func stages(thatPublished path: String, in run: RunID) throws(StoreError) -> [StageID] {
        try read { db in
            try String.fetchAll(
                db, sql: "SELECT DISTINCT stage FROM artifacts WHERE path = ? AND run = ?",
                arguments: [path, run.rawValue]
            ).map { StageID($0) }
        }
    }

    /// The files of corrected rows that successes of a run's stage have read.
    package func correctionsRead(by stage: StageID, in run: RunID) throws(StoreError) -> [String] {
        try read { db in
            try String.fetchAll(
                db,
                sql: """
                    SELECT DISTINCT path FROM inputs JOIN attempts USING (run, stage, item, attempt)
                    WHERE run = ?1 AND stage = ?2 AND ending = 'succeeded'
                        AND instr(path, '/runs/' || ?1 || '/corrections/') > 0
                    """, arguments: [run.rawValue, stage.rawValue])
        }
    }

    /// What runs published at a path, the last first; `path` is as artifacts have it.
    package func publications(at path: String, limit: Int = 200) throws(StoreError) -> [Publication] {
        try read { db in
            try Self.publications(
                db,
                """
                SELECT artifacts.*, started_at, parameters, environment
                FROM artifacts JOIN runs ON runs.id = artifacts.run
                    JOIN attempts ON attempts.run = artifacts.run AND attempts.stage = artifacts.stage
                        AND attempts.item = artifacts.item AND attempts.attempt = artifacts.attempt
                WHERE path = ? ORDER BY attempts.ended_at DESC LIMIT ?
                """, [path, limit])
        }
    }

    /// The runs before `run` that a stage succeeded in, newest first.
    package func successes(
        of stage: StageID, pipeline: String, before run: RunID, limit: Int = 200
    ) throws(StoreError) -> [StageSuccess] {
        try read { db in
            try Row.fetchAll(
                db,
                sql: """
                    SELECT run, parameters, environment FROM stages JOIN runs ON runs.id = run
                    WHERE stages.pipeline = ? AND stage = ? AND outcome IN ('succeeded', 'reused') AND run < ?
                    ORDER BY run DESC LIMIT ?
                    """, arguments: [pipeline, stage.rawValue, run.rawValue, limit]
            ).map { row in
                StageSuccess(
                    run: RunID(row["run"]), parameters: Self.decode([String: String].self, row["parameters"]) ?? [:],
                    environment: row["environment"])
            }
        }
    }

    /// What a run's stage published of a dataset, each item's last attempt, in the order of items.
    package func publications(
        of dataset: DatasetName, stage: StageID, in run: RunID
    ) throws(StoreError) -> [Publication] {
        try read { db in
            try Self.publications(
                db,
                """
                SELECT artifacts.*, started_at, parameters, environment FROM artifacts JOIN runs ON runs.id = run
                WHERE run = ? AND stage = ? AND dataset = ?
                    AND attempt = (SELECT max(attempt) FROM artifacts AS other WHERE other.run = artifacts.run
                        AND other.stage = artifacts.stage AND other.item = artifacts.item)
                ORDER BY item
                """, [run.rawValue, stage.rawValue, dataset.rawValue])
        }
    }

    private static func publications(
        _ db: Database, _ sql: String, _ arguments: StatementArguments
    ) throws -> [Publication] {
        try Row.fetchAll(db, sql: sql, arguments: arguments).map { row in
            var artifact = Artifact(
                dataset: (row["dataset"] as String?).map { DatasetName($0) }, path: row["path"],
                sizeInBytes: row["bytes"], rowCount: row["row_count"],
                columns: decode([Column].self, row["columns"]) ?? [], contentHash: row["content_hash"])
            artifact.kept = row["kept"]
            artifact.mark = (row["mark"] as String?).flatMap { decode(FileMark.self, $0) }
            return Publication(
                run: RunID(row["run"]), stage: StageID(row["stage"]), artifact: artifact, started: row["started_at"],
                parameters: decode([String: String].self, row["parameters"]) ?? [:], environment: row["environment"])
        }
    }
}
