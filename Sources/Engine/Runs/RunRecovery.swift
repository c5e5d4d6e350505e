import Foundation

/// Clears up after a process that died while it ran a run.
package enum RunRecovery {
    /// Removes what attempts were writing when their process died; new attempts write anew.
    ///
    /// What cannot be removed only takes room, and goes with the run.
    static func removeRemains(_ state: RunState, in folder: RunFolder) {
        for stage in state.stages {
            var units = [(UnitID(stage.id), stage.unit)]
            units += stage.items.map { (UnitID(stage.id, $0.item.key), $0.unit) }
            for (id, unit) in units {
                guard let attempt = unit.openAttempt else { continue }
                try? FileManager.default.removeItem(atPath: folder.attempt(id, attempt.number))
            }
        }
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.staging)) ?? []
        for name in names where name.hasPrefix(DataTools.questionPrefix) {
            try? FileManager.default.removeItem(atPath: folder.staging + "/" + name)
        }
    }

    /// Finishes what was being published, and tells which attempts thereby succeeded.
    package static func finishPublishing(_ state: RunState) -> [UnitID: AttemptResult] {
        var settled: [UnitID: AttemptResult] = [:]
        for stage in state.stages {
            var units = [(UnitID(stage.id), stage.unit)]
            if stage.hasItems { units += stage.items.map { (UnitID(stage.id, $0.item.key), $0.unit) } }
            for (id, unit) in units {
                guard let attempt = unit.openAttempt, let plan = attempt.publishing,
                    let result = attempt.publishingResult
                else { continue }
                do throws(Failure) {
                    try Publisher.carryOut(plan)
                    settled[id] = result
                } catch {
                    // Its stage makes it again, unless that would do harm.
                    let isHarmless = state.plan.index(of: stage.id).map { state.plan.stages[$0].isIdempotent } ?? true
                    settled[id] = AttemptResult(ending: isHarmless ? .interrupted : .failed, failure: error)
                }
            }
        }
        return settled
    }

    /// Puts published files back that are gone, from the versions that the run keeps, so that what counts as succeeded
    /// is there; a file that is another one now is left to whoever wrote it.
    ///
    /// - Returns: What is to be told, a line for each file that is not as the run published it.
    static func putBackOutputs(of state: RunState, in store: RunStore) -> [String] {
        let root = state.plan.root
        let finder = VersionFinder(store: store, root: root)
        let work = store.folder.run(state.id).staging + "/put-back"
        // What cannot be removed only takes room, and goes with the run.
        defer { try? FileManager.default.removeItem(atPath: work) }
        var notes: [String] = []
        for stage in state.stages {
            for artifact in stage.artifacts where artifact.contentHash != nil {
                let target = PathText.absolute(artifact.path, in: root)
                if finder.isVersion(target, artifact) { continue }
                do {
                    if FileText.exists(target) {
                        // What a later run publishes at the same path is no fault of anybody's.
                        if try finder.publication(at: target) != nil { continue }
                        notes.append(
                            "\(artifact.path) is not the file that this run published: it was changed since, and not by a "
                                + "run; 'caudal restore \(state.id)' puts this run's version back")
                    } else if let kept = finder.keptPlace(of: artifact) {
                        try putBack(kept, at: target, work: "\(work)/\(notes.count)", owner: "\(state.id)/put-back")
                        notes.append("\(artifact.path) was gone and is put back, from the version that the run keeps")
                    } else {
                        notes.append(
                            "\(artifact.path), which this run published, is not there any more; "
                                + "'caudal retry \(state.id) \(stage.id)' makes it again")
                    }
                } catch {
                    notes.append(
                        "\(artifact.path) is not as this run published it, and is not put back: \(error.reason)")
                }
            }
        }
        return notes
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
