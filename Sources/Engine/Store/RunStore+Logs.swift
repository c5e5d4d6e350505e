package import CaudalModel
import GRDB

/// The log of a run, as the store knows of it.
package struct RecordedLog: Sendable {
    package let run: LoggedRun
    /// When the run ended, in milliseconds since 1970; nil when it has not, or was interrupted.
    package let ended: Int64?
}

extension RunStore {
    /// The logs of runs that may have lines between two times, oldest first.
    ///
    /// - Parameters:
    ///   - pipeline: Only runs of this pipeline.
    ///   - from: The first time in milliseconds since 1970; nil for no limit.
    ///   - to: The last time.
    /// - Throws: ``StoreError`` when the store cannot be read.
    package func logs(of pipeline: String?, from: Int64?, to: Int64?) throws(StoreError) -> [RecordedLog] {
        // Lines may be written a moment after the end of a run is recorded.
        try logs(
            """
            WHERE (?1 IS NULL OR pipeline = ?1) AND (?2 IS NULL OR ended_at IS NULL OR ended_at >= ?2 - 60000)
                AND (?3 IS NULL OR started_at <= ?3) ORDER BY id
            """, [pipeline, from, to])
    }

    /// The logs of the newest runs, newest first.
    ///
    /// - Throws: ``StoreError`` when the store cannot be read.
    package func newestLogs(of pipeline: String?, count: Int) throws(StoreError) -> [RecordedLog] {
        try logs("WHERE ?1 IS NULL OR pipeline = ?1 ORDER BY id DESC LIMIT ?2", [pipeline, count])
    }

    /// The log of a run.
    ///
    /// - Throws: ``StoreError`` when there is no such run, or the store cannot be read.
    package func log(of run: RunID) throws(StoreError) -> RecordedLog {
        guard let log = try logs("WHERE id = ?1", [run.rawValue]).first else {
            throw StoreError(.unknownRun(run.rawValue), path: folder.database)
        }
        return log
    }

    private func logs(_ condition: String, _ arguments: StatementArguments) throws(StoreError) -> [RecordedLog] {
        let folder = folder
        return try read { db in
            try Row.fetchAll(
                db, sql: "SELECT id, started_at, ended_at, status FROM runs " + condition, arguments: arguments
            ).map { row in
                let id = RunID(row["id"])
                let isLive = row["status"] == RunState.Status.running.rawValue && folder.run(id).isLive
                return RecordedLog(
                    run: LoggedRun(
                        id: id, folder: folder.run(id).logs, started: row["started_at"], isLive: isLive),
                    ended: row["ended_at"])
            }
        }
    }
}
