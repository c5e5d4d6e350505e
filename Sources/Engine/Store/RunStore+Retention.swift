package import CaudalModel
package import Foundation
import GRDB

extension Retention {
    /// The runs that may be pruned, oldest first: no rule keeps them, and they have ended.
    ///
    /// - Parameters:
    ///   - runs: Runs of the project, newest first.
    ///   - sizes: The bytes that the folder of a run takes; asked for only where a rule is about sizes.
    package func removable(
        _ runs: [RunSummary], now: Moment, sizes: (RunID) -> Int64 = { _ in 0 }
    ) -> [RunSummary] {
        var seen: [String: Int] = [:]
        var bytes: [String: Int64] = [:]
        var found: [RunSummary] = []
        for run in runs {
            seen[run.pipeline, default: 0] += 1
            if size != nil { bytes[run.pipeline, default: 0] += sizes(run.id) }
            if let newest, seen[run.pipeline, default: 0] <= newest { continue }
            let isOld = age.map { now.wall - run.started >= $0.milliseconds }
            let isBeyond = size.map { bytes[run.pipeline, default: 0] > $0 }
            guard isOld ?? false || isBeyond ?? (isOld == nil) else { continue }
            switch run.trueStatus {
            // An interrupted run can be resumed, and a running one is live.
            case .interrupted, .running: continue
            case .succeeded, .failed, .cancelled: found.append(run)
            }
        }
        return found.reversed()
    }
}

extension StateFolder {
    /// The ids of run folders without a record: the rest of an interrupted removal.
    ///
    /// - Parameter before: Folders that have changed since may be those of runs that begin.
    package func forgottenRuns(known: Set<RunID>, before: Date) -> [RunID] {
        // Without the folder of runs there is nothing to find.
        let names = (try? FileManager.default.contentsOfDirectory(atPath: path + "/runs")) ?? []
        return names.map { RunID($0) }.filter { id in
            guard !known.contains(id), !run(id).isLive else { return false }
            let attributes = try? FileManager.default.attributesOfItem(atPath: run(id).path)
            return (attributes?[.modificationDate] as? Date).map { $0 < before } ?? false
        }.sorted()
    }
}

extension RunFolder {
    /// The bytes that removing the folder would free: those of its files, except versions that are published unchanged.
    package var sizeInBytes: Int64 { Self.ownBytes(in: path) }

    /// Removes what is in the folder of a run whose record is to go next; nothing of one that a process runs.
    ///
    /// - Returns: The bytes freed.
    /// - Throws: ``Failure`` when something cannot be removed, ``StoreError`` when the run's lock cannot be taken.
    package func empty() throws -> Int64 {
        let size = sizeInBytes
        guard FileText.exists(path), let taken = try RunLock.take(self) else { return 0 }
        defer { withExtendedLifetime(taken) {} }
        try removeContents()
        return size
    }

    /// Removes all but the lock, which the caller holds.
    fileprivate func removeContents() throws(Failure) {
        do {
            for name in try FileManager.default.contentsOfDirectory(atPath: path) where path + "/" + name != lock {
                try FileManager.default.removeItem(atPath: path + "/" + name)
            }
        } catch {
            throw Failure("the folder \(path) cannot be emptied: \(error.reason)")
        }
    }
}

extension RunStore {
    /// Removes a run: its folder and its record; published outputs stay.
    ///
    /// - Parameter isForgotten: Whether it is removed only if it has no record: it may have got one since its folder was found.
    /// - Returns: The size of its folder in bytes; nil when a process runs it, or it has a record, and nothing was removed.
    /// - Throws: ``StoreError`` when its record cannot be removed, and the run is still whole, except on a full disk; ``Failure`` when its folder
    ///   cannot be removed, and only its record is gone.
    package func remove(_ id: RunID, isForgotten: Bool = false) throws -> Int64? {
        let runFolder = folder.run(id)
        // What is written down beside the lock is none of it.
        let size = runFolder.sizeInBytes
        // Held until everything is removed, so that no process resumes the run meanwhile.
        var lock: RunLock?
        if FileText.exists(runFolder.path) {
            lock = try RunLock.take(runFolder)
            if lock == nil { return nil }
        }
        defer { withExtendedLifetime(lock) {} }
        if isForgotten, try hasRecord(of: id) { return nil }
        do throws(StoreError) {
            try forget(id)
        } catch {
            guard error.problem == .full, lock != nil else { throw error }
            // The record has no room to go before the folder has made some.
            try runFolder.removeContents()
            try forget(id)
        }
        do {
            if FileText.exists(runFolder.path) { try FileManager.default.removeItem(atPath: runFolder.path) }
        } catch {
            throw Failure("the folder \(runFolder.path) cannot be removed: \(error.reason)")
        }
        return size
    }

    private func hasRecord(of id: RunID) throws(StoreError) -> Bool {
        try read {
            try Bool.fetchOne($0, sql: "SELECT EXISTS (SELECT 1 FROM runs WHERE id = ?)", arguments: [id.rawValue])
        }
            == true
    }

    /// Does what the rules of a pipeline say: removes runs and compresses logs.
    ///
    /// - Returns: The number of runs removed, and the bytes freed by both.
    /// - Throws: The first failure, after everything else was done.
    @discardableResult
    package func apply(_ rules: Retention, to pipeline: String, now: Moment) throws -> (runs: Int, bytes: Int64) {
        guard !rules.isEmpty else { return (0, 0) }
        var rules = rules
        // The newest run stays, whatever the rules are: it is the one that has just ended.
        if rules.removesRuns { rules.newest = max(1, rules.newest ?? 1) }
        let runs = try runs(pipeline: pipeline, limit: .max)
        var outcome = (runs: 0, bytes: Int64(0))
        var fault: (any Error)?
        let removable =
            rules.removesRuns ? rules.removable(runs, now: now, sizes: { folder.run($0).sizeInBytes }) : []
        for run in removable {
            do {
                guard let bytes = try remove(run.id) else { continue }
                outcome = (outcome.runs + 1, outcome.bytes + bytes)
            } catch { fault = fault ?? error }
        }
        if let age = rules.compressAfter {
            let removed = Set(removable.map(\.id))
            for run in runs where !removed.contains(run.id) {
                guard let ended = run.ended, now.wall - ended >= age.milliseconds else { continue }
                do { outcome.bytes += try compressLog(of: run.id) } catch { fault = fault ?? error }
            }
        }
        if let fault { throw fault }
        return outcome
    }

    /// Compresses the log of a run that no process runs.
    ///
    /// - Returns: The bytes freed.
    /// - Throws: ``Failure`` when a segment cannot be compressed, ``StoreError`` when the run's lock cannot be taken.
    package func compressLog(of id: RunID) throws -> Int64 {
        let runFolder = folder.run(id)
        let segments = LogFiles.segments(in: runFolder.logs).filter { !$0.isCompressed }
        // Held meanwhile, so that no process goes on with the run.
        guard !segments.isEmpty, let lock = try RunLock.take(runFolder) else { return 0 }
        defer { withExtendedLifetime(lock) {} }
        var freed: Int64 = 0
        for segment in segments { freed += try CompressedLog.compress(segment) }
        return freed
    }

    /// Gives space that removed records leave in the run store back to the disk, where that is a quarter of it or more.
    ///
    /// - Returns: The bytes freed; 0 also where another process uses the store just now.
    /// - Throws: ``StoreError`` when the store cannot be read.
    package func shrink() throws(StoreError) -> Int64 {
        let (pages, free) = try read { db in
            (
                try Int64.fetchOne(db, sql: "PRAGMA page_count") ?? 0,
                try Int64.fetchOne(db, sql: "PRAGMA freelist_count") ?? 0
            )
        }
        guard pages > 0, free * 4 >= pages else { return 0 }
        let before = FileText.size(folder.database) ?? 0
        // Only an exclusive user can do it; the space is used again by new runs otherwise.
        guard (try? pool.vacuum()) != nil, (try? pool.writeWithoutTransaction({ try $0.checkpoint(.truncate) })) != nil
        else { return 0 }
        return max(0, before - (FileText.size(folder.database) ?? before))
    }
}
