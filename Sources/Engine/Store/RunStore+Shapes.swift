package import CaudalModel
import GRDB

/// The columns of sources, from the last success of each stage that reads them.
extension RunStore {
    /// The columns that a stage found in a dataset when it last succeeded, and the run of that success.
    ///
    /// - Throws: ``StoreError`` when the store cannot be read.
    package func lastShape(
        of dataset: DatasetName, stage: StageID, pipeline: String, environment: String?
    ) throws(StoreError) -> (shape: InputShape, run: RunID)? {
        let found: (columns: String, run: String)? = try read { db in
            try Row.fetchOne(
                db,
                sql: """
                    SELECT columns, run FROM shapes
                    WHERE pipeline = ? AND environment = ? AND stage = ? AND dataset = ?
                    """, arguments: [pipeline, environment ?? "", stage.rawValue, dataset.rawValue]
            ).map { ($0["columns"], $0["run"]) }
        }
        guard let found else { return nil }
        guard let columns = Self.decode([CaudalModel.Column].self, found.columns) else {
            throw StoreError(
                .unreadable("the columns that run \(found.run) recorded of '\(dataset)' are damaged"),
                path: folder.database)
        }
        return (InputShape(dataset: dataset, columns: columns), RunID(found.run))
    }

    static func keep(
        _ shape: InputShape, of stage: StageID, _ event: RunEvent, _ state: RunState, _ db: Database
    ) throws {
        try db.cachedStatement(
            sql: """
                INSERT OR REPLACE INTO shapes (pipeline, environment, stage, dataset, run, columns)
                VALUES (?, ?, ?, ?, ?, ?)
                """
        ).execute(
            arguments: [
                state.plan.pipeline, state.plan.environment ?? "", stage.rawValue, shape.dataset.rawValue,
                state.id.rawValue, JSONText.encoded(shape.columns),
            ])
    }
}
