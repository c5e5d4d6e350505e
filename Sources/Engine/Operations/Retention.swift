package import CaudalModel
import Foundation

/// The rules for which runs are kept and which may be pruned.
package struct Retention: Sendable {
    /// The number of newest runs of each pipeline that are kept at any age; nil for no such rule.
    package var newest: Int?
    /// Runs younger than this are kept; nil for no such rule.
    package var age: Duration?

    package init(newest: Int?, age: Duration?) {
        self.newest = newest
        self.age = age
    }

    /// The runs that may be pruned, oldest first: no rule keeps them, and they have ended.
    ///
    /// - Parameter runs: All runs of the project, newest first.
    package func removable(_ runs: [RunSummary], now: Moment) -> [RunSummary] {
        var seen: [String: Int] = [:]
        var found: [RunSummary] = []
        for run in runs {
            seen[run.pipeline, default: 0] += 1
            if let newest, seen[run.pipeline, default: 0] <= newest { continue }
            if let age, now.wall - run.started < age.milliseconds { continue }
            switch run.trueStatus {
            // An interrupted run can be resumed; a running one is under way.
            case .interrupted, .running: continue
            case .succeeded, .failed, .cancelled: found.append(run)
            }
        }
        return found.reversed()
    }
}

extension StateFolder {
    /// The ids of run folders without a record: the rest of an interrupted removal.
    package func forgottenRuns(known: Set<RunID>) -> [RunID] {
        // Without the folder of runs there is nothing to find.
        let names = (try? FileManager.default.contentsOfDirectory(atPath: path + "/runs")) ?? []
        return names.map { RunID($0) }.filter { !known.contains($0) && !run($0).isLive }.sorted()
    }
}

extension RunFolder {
    /// The bytes that removing the folder would free: those of its files, except versions that are published unchanged.
    package var sizeInBytes: Int64 { Self.ownBytes(in: path) }
}

extension RunStore {
    /// Removes a run: its folder and its record; published outputs stay.
    ///
    /// - Returns: The size of its folder in bytes; nil when a process runs it and nothing was removed.
    /// - Throws: ``StoreError`` when its record cannot be removed, and the run is still whole; ``Failure`` when its folder
    ///   cannot be removed, and only its record is gone.
    package func remove(_ id: RunID) throws -> Int64? {
        let runFolder = folder.run(id)
        // Held until everything is removed, so that no process resumes the run meanwhile.
        var lock: RunLock?
        if FileText.exists(runFolder.path) {
            lock = try RunLock.take(runFolder)
            if lock == nil { return nil }
        }
        defer { withExtendedLifetime(lock) {} }
        let size = runFolder.sizeInBytes
        try forget(id)
        do {
            if FileText.exists(runFolder.path) { try FileManager.default.removeItem(atPath: runFolder.path) }
        } catch {
            throw Failure("the folder \(runFolder.path) cannot be removed: \(error.reason)")
        }
        return size
    }
}
