import Foundation

/// Which runs are kept, and which may go.
package struct Retention: Sendable {
    /// The newest runs of each pipeline that stay whatever their age; nil when their number keeps none.
    package var newest: Int?
    /// Runs that began less long ago stay; nil when age keeps none.
    package var age: Duration?

    package init(newest: Int?, age: Duration?) {
        self.newest = newest
        self.age = age
    }

    /// The runs that may go, oldest first: neither rule keeps them, and they have ended.
    ///
    /// `runs`: all runs of the project, newest first.
    package func removable(_ runs: [RunSummary], now: Moment) -> [RunSummary] {
        var seen: [String: Int] = [:]
        var found: [RunSummary] = []
        for run in runs {
            seen[run.pipeline, default: 0] += 1
            if let newest, seen[run.pipeline, default: 0] <= newest { continue }
            if let age, now.wall - run.started < age.milliseconds { continue }
            switch run.trueStatus {
            // One can be resumed, the other is under way.
            case .interrupted, .running: continue
            case .succeeded, .failed, .cancelled: found.append(run)
            }
        }
        return found.reversed()
    }
}

extension StateFolder {
    /// The ids of run folders that no record knows: what a removal left that was cut short.
    package func forgottenRuns(known: Set<RunID>) -> [RunID] {
        // Without a folder of runs, nothing is forgotten in it.
        let names = (try? FileManager.default.contentsOfDirectory(atPath: path + "/runs")) ?? []
        return names.map { RunID($0) }.filter { !known.contains($0) && !run($0).isLive }.sorted()
    }
}

extension RunFolder {
    /// How many bytes go with the folder: those of its files, besides versions that are published as they are.
    package var sizeInBytes: Int64 { Self.ownBytes(in: path) }
}

extension RunStore {
    /// Removes a run: its folder and everything that is recorded of it.
    ///
    /// What it published stays where it is.
    /// - Returns: How many bytes its folder had; nil when a process runs it, and nothing was removed.
    /// - Throws: ``StoreError`` or ``Failure``; the run is then gone from the record or still whole.
    package func remove(_ id: RunID) throws -> Int64? {
        let runFolder = folder.run(id)
        // Held until all is gone, so that nobody takes it up meanwhile.
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
