import Foundation
import GRDB

/// Which runs keep the versions of what they published.
extension RunStore {
    /// Gives back the room of versions that nobody needs any more.
    ///
    /// They stay with the newest succeeded runs of each environment, and with every run that may still be retried: one
    /// that did not succeed, and that no success with the same parameters and environment has followed.
    ///
    /// `pipeline`: the pipeline; nil means every one.
    /// `count`: how many succeeded runs keep theirs.
    /// `ended`: a run that this process still holds the lock of, and that has ended.
    /// - Returns: How many bytes were given back.
    /// - Throws: The first fault, once everything else was given back.
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

    /// Gives back what one run keeps: its record no longer names versions, or they are all still there.
    private func dropVersions(of run: RunID, isOwn: Bool) throws(StoreError) -> Int64 {
        let runFolder = folder.run(run)
        // A run that is under way reads its versions.
        let lock = isOwn || !FileText.exists(runFolder.path) ? nil : try RunLock.take(runFolder)
        guard isOwn || lock != nil || !FileText.exists(runFolder.path) else { return 0 }
        defer { withExtendedLifetime(lock) {} }
        let (versions, dropped) = (runFolder.versions, runFolder.droppedVersions)
        let bytes = runFolder.bytesOfVersions
        do {
            // What an earlier process began to remove.
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
                    throw StoreError(.unreadable(String(cString: strerror(errno))), path: versions)
                }
                isAside = true
            }
        } catch {
            // What is recorded is what there was.
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

    /// The runs whose versions are beyond those that are kept.
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
            // A run of chosen stages does not stand for the pipeline.
            if row.isWhole { succeeded[row.environment, default: 0] += 1 }
            return false
        }.map(\.id)
    }

    /// How many bytes the kept versions take by themselves, by run.
    package func bytesOfVersions() throws(StoreError) -> [RunID: Int64] {
        let runs = try read { db in
            try String.fetchAll(db, sql: "SELECT DISTINCT run FROM artifacts WHERE kept IS NOT NULL")
        }
        let sizes = runs.map { (RunID($0), folder.run(RunID($0)).bytesOfVersions) }
        return Dictionary(uniqueKeysWithValues: sizes.filter { $0.1 > 0 })
    }
}
