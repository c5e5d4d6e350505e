package import CaudalModel
import Foundation
import GRDB

/// Which runs keep the versions that they published.
extension RunStore {
    /// Removes versions that are no longer needed.
    ///
    /// Kept are the versions of the newest succeeded runs of each environment, and of every run that may still be
    /// retried: one that did not succeed, with no later success with the same parameters and environment.
    ///
    /// - Parameters:
    ///   - pipeline: The pipeline; nil means all.
    ///   - count: The number of succeeded runs that keep their versions.
    ///   - ended: A run that has ended and whose lock this process still holds.
    /// - Returns: The number of bytes freed.
    /// - Throws: The first error, after all other versions were removed.
    @discardableResult
    package func dropVersions(
        of pipeline: String, keeping count: Int, endedNow ended: RunID? = nil
    ) throws(StoreError) -> Int64 {
        var freed: Int64 = 0
        var fault: StoreError?
        for run in try runsWithVersions(of: pipeline, beyond: count) {
            do throws(StoreError) { freed += try dropVersions(of: run, isOwn: run == ended) } catch {
                fault = fault ?? error
            }
        }
        if let fault { throw fault }
        return freed
    }

    /// Removes the versions of one run: either its record no longer names any, or all are still there.
    private func dropVersions(of run: RunID, isOwn: Bool) throws(StoreError) -> Int64 {
        let runFolder = folder.run(run)
        // A live run reads its versions.
        let lock = isOwn || !FileText.exists(runFolder.path) ? nil : try RunLock.take(runFolder)
        guard isOwn || lock != nil || !FileText.exists(runFolder.path) else { return 0 }
        defer { withExtendedLifetime(lock) {} }
        let (versions, dropped) = (runFolder.versions, runFolder.droppedVersions)
        let bytes = runFolder.bytesOfVersions
        do {
            // Left by an earlier process that began to remove it.
            if FileText.exists(dropped) { try FileManager.default.removeItem(atPath: dropped) }
        } catch {
            throw StoreError(.unreadable(error.reason), path: dropped)
        }
        var isAside = false
        do throws(StoreError) {
            try write { db in
                try db.execute(sql: "UPDATE artifacts SET kept = NULL WHERE run = ?", arguments: [run.rawValue])
                if !FileText.exists(versions) { return }
                guard rename(versions, dropped) == 0 else {
                    throw StoreError(.unreadable(Failure.words(ofErrno: errno)), path: versions)
                }
                isAside = true
            }
        } catch {
            // The record was not changed, so the versions must stay.
            if isAside { rename(dropped, versions) }
            throw error
        }
        do {
            if isAside { try FileManager.default.removeItem(atPath: dropped) }
        } catch {
            throw StoreError(.unreadable(error.reason), path: dropped)
        }
        return bytes
    }

    /// The runs whose versions exceed the number to keep.
    ///
    /// - Throws: ``StoreError`` when the store cannot be read.
    package func runsWithVersions(of pipeline: String, beyond count: Int) throws(StoreError) -> [RunID] {
        let rows = try read { db in
            try Row.fetchAll(
                db,
                sql: """
                    SELECT id, status, environment, json_extract(plan, '$.selection') AS selection,
                        EXISTS (SELECT 1 FROM runs AS later WHERE later.pipeline = runs.pipeline AND later.id > runs.id
                            AND later.status = 'succeeded' AND later.parameters = runs.parameters
                            AND later.environment IS runs.environment) AS is_followed
                    FROM runs WHERE pipeline = ? AND id IN (SELECT run FROM artifacts WHERE kept IS NOT NULL)
                    ORDER BY id DESC
                    """, arguments: [pipeline]
            ).map { row in
                (
                    id: RunID(row["id"]), status: row["status"] as String, environment: row["environment"] as String?,
                    isWhole: (row["selection"] as String?) == nil, isFollowed: row["is_followed"] as Bool
                )
            }
        }
        var succeeded: [String?: Int] = [:]
        return rows.filter { row in
            guard row.status == RunState.Status.succeeded.rawValue else { return row.isFollowed }
            if succeeded[row.environment, default: 0] >= count { return true }
            // A run of selected stages does not count as a success of the pipeline.
            if row.isWhole { succeeded[row.environment, default: 0] += 1 }
            return false
        }.map(\.id)
    }

    /// The disk space of the kept versions in bytes, by run.
    ///
    /// - Throws: ``StoreError`` when the store cannot be read.
    package func bytesOfVersions() throws(StoreError) -> [RunID: Int64] {
        let runs = try read { db in
            try String.fetchAll(db, sql: "SELECT DISTINCT run FROM artifacts WHERE kept IS NOT NULL")
        }
        let sizes = runs.map { (RunID($0), folder.run(RunID($0)).bytesOfVersions) }
        return Dictionary(uniqueKeysWithValues: sizes.filter { $0.1 > 0 })
    }
}
