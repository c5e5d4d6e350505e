package import CaudalModel
import Foundation

/// Cleans up after a process that died while it ran a run.
package enum RunRecovery {
    /// Removes partial outputs of attempts whose process died; new attempts write their own.
    ///
    /// What cannot be removed only takes room, and goes with the run.
    ///
    /// `kept`: the units whose work goes on, and writes there.
    static func removeRemains(_ state: RunState, in folder: RunFolder, except kept: Set<UnitID>) {
        for stage in state.stages {
            for (id, unit) in stage.units {
                guard let attempt = unit.openAttempt, !kept.contains(id) else { continue }
                try? FileManager.default.removeItem(atPath: folder.attempt(id, attempt.number))
            }
        }
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.staging)) ?? []
        for name in names where name.hasPrefix(DataTools.questionPrefix) {
            try? FileManager.default.removeItem(atPath: folder.staging + "/" + name)
        }
    }

    /// The units whose attempts can be taken up again, because a job does their work that this machine's end did not end.
    ///
    /// - Throws: ``Failure`` where it cannot be told whether a job goes on: another attempt would do its work a second time.
    static func attachableUnits(
        of state: RunState, in folder: RunFolder, _ executors: ProgramExecutors
    ) async throws(Failure) -> Set<UnitID> {
        var found: Set<UnitID> = []
        for stage in state.stages {
            for (id, unit) in stage.units {
                guard let attempt = unit.openAttempt, case .job? = attempt.work, let work = attempt.work else {
                    continue
                }
                switch await executors.recover(work, workFolder: folder.attempt(id, attempt.number)) {
                case .attachable: found.insert(id)
                case .ended: break
                case .unknown(let reason):
                    throw Failure(
                        "whether \(work) goes on, which does the work of \(id), cannot be told: \(reason)",
                        remedy: "resume the run once that can be told")
                }
            }
        }
        return found
    }

    /// Ends what attempts of a dead engine left in containers and on other machines, besides what goes on.
    ///
    /// - Returns: What was ended, in words.
    /// - Throws: ``Failure`` when it cannot be found out, or does not end.
    static func endElsewhere(
        _ state: RunState, in folder: RunFolder, except kept: Set<UnitID>, _ executors: ProgramExecutors
    ) async throws(Failure) -> [String] {
        var folders: [String] = []
        for stage in state.stages {
            for (id, unit) in stage.units {
                guard let attempt = unit.openAttempt, !kept.contains(id) else { continue }
                folders += (1...max(1, attempt.number)).map { folder.attempt(id, $0) }
            }
        }
        return try await executors.settle(folders)
    }

    /// Finishes what was being published, and tells which attempts thereby succeeded.
    package static func finishPublishing(_ state: RunState) -> [UnitID: AttemptResult] {
        var settled: [UnitID: AttemptResult] = [:]
        for stage in state.stages {
            for (id, unit) in stage.units {
                guard let attempt = unit.openAttempt, let plan = attempt.publishing,
                    let result = attempt.publishingResult
                else { continue }
                do throws(PublishError) {
                    try Publisher.carryOut(plan)
                    settled[id] = result
                } catch {
                    // The stage makes the file again, unless it is not idempotent.
                    let isHarmless = state.plan.index(of: stage.id).map { state.plan.stages[$0].isIdempotent } ?? true
                    settled[id] = AttemptResult(ending: isHarmless ? .interrupted : .failed, failure: error.failure)
                }
            }
        }
        return settled
    }

    /// Restores missing published files from the versions that the run keeps, so that the outputs of succeeded stages
    /// exist; a file that was replaced is left alone.
    ///
    /// - Returns: Messages about files that are not as the run published them, in few lines for any number of files.
    static func putBackOutputs(of state: RunState, in store: RunStore) -> [String] {
        let root = state.plan.root
        let finder = VersionFinder(store: store, root: root)
        let work = store.folder.run(state.id).staging + "/put-back"
        // What cannot be removed only takes space, and is removed with the run.
        defer { try? FileManager.default.removeItem(atPath: work) }
        var found = OutputNotes(run: state.id)
        for stage in state.stages {
            for artifact in stage.artifacts where artifact.contentHash != nil {
                let target = PathText.absolute(artifact.path, in: root)
                if finder.isVersion(target, artifact) { continue }
                do {
                    if FileText.exists(target) {
                        // A later run published at the same path, which is normal.
                        if try finder.publication(at: target) != nil { continue }
                        found.changed.append(artifact.path)
                    } else if let kept = finder.keptPlace(of: artifact) {
                        let staged = "\(work)/\(found.putBack.count + found.failed.count)"
                        try putBack(kept, at: target, work: staged, owner: "\(state.id)/put-back")
                        found.putBack.append(artifact.path)
                    } else {
                        found.gone.append((stage.id, artifact.path))
                    }
                } catch {
                    found.failed.append((artifact.path, error.reason))
                }
            }
        }
        return found.lines
    }

    private static func putBack(_ kept: String, at target: String, work: String, owner: String) throws {
        let staged = work + "/" + PathText.lastComponent(of: target)
        if !KeptVersion.keep(kept, as: staged) {
            try FileManager.default.createDirectory(atPath: work, withIntermediateDirectories: true)
            try FileManager.default.copyItem(atPath: kept, toPath: staged)
        }
        let output = StagedOutput(dataset: nil, staged: staged, target: target)
        try Publisher.prepare([output])
        try Publisher.carryOut(try Publisher.plan([output], owner: owner))
    }
}

/// Files that are not as a run published them, by their message.
private struct OutputNotes {
    let run: RunID
    var changed: [String] = []
    var putBack: [String] = []
    var gone: [(stage: StageID, file: String)] = []
    var failed: [(file: String, reason: String)] = []

    /// The maximum number of files, and of stages, that a message names.
    private static let limit = 3

    private func names(_ files: [String]) -> String {
        let rest = files.count - Self.limit
        return files.prefix(Self.limit).joined(separator: ", ") + (rest > 0 ? " and \(rest.counted("more file"))" : "")
    }

    var lines: [String] {
        var lines: [String] = []
        func tell(_ files: [String], one: String, several: String) {
            if !files.isEmpty { lines.append(names(files) + (files.count == 1 ? one : several)) }
        }
        tell(
            changed,
            one: " is not the file that this run published: it was changed since, and not by a run; "
                + "'caudal restore \(run)' puts this run's version back",
            several: " are not the files that this run published: they were changed since, and not by a run; "
                + "'caudal restore \(run)' puts this run's versions back")
        tell(
            putBack, one: " was gone and is put back, from the version that the run keeps",
            several: " were gone and are put back, from the versions that the run keeps")
        var stages: [StageID] = []
        for (stage, _) in gone where !stages.contains(stage) { stages.append(stage) }
        for stage in stages.prefix(Self.limit) {
            tell(
                gone.filter { $0.stage == stage }.map(\.file),
                one: ", which this run published, is not there any more; 'caudal retry \(run) \(stage)' makes it again",
                several: ", which this run published, are not there any more; 'caudal retry \(run) \(stage)' makes "
                    + "them again")
        }
        let others = gone.filter { !stages.prefix(Self.limit).contains($0.stage) }.map(\.file)
        tell(
            others, one: ", which this run published, is not there any more",
            several: ", which this run published, are not there any more")
        for (file, reason) in failed.prefix(Self.limit) {
            lines.append("\(file) is not as this run published it, and is not put back: \(reason)")
        }
        let rest = failed.count - Self.limit
        if rest > 0 { lines.append("\(rest.counted("more file")) could not be put back either") }
        return lines
    }
}
