import CaudalModel
import Foundation

/// What attempts publish, and which versions of files they read.
extension AttemptContext {
    /// Says in the log what the attempt reads of stages that take no part in the run, and which run made it.
    ///
    /// - Returns: The same in words, for the result: the first files, where there are many.
    func logEarlierFiles() -> [String] {
        attempt.earlier.all.prefix(20).map { file in
            let words = "reads \(file.words(root: loaded.pipeline.root, now: attempt.now.wall))"
            log.note(words, level: file.doubt == nil && !file.isChanged ? .info : .warn)
            return words
        }
    }

    /// Publishes what was written, once the engine has recorded that it is about to happen.
    ///
    /// The run's version is kept first: a process that finds the record after a crash finds the version, too.
    func publish(
        _ given: AttemptResult, _ outputs: [StagedOutput], _ publish: PublicationRecorder
    ) async throws -> AttemptResult {
        do {
            let result = try await move(given, outputs, publish)
            clearStaging()
            return result
        } catch {
            // Nobody publishes it any more: the next attempt makes its own.
            clearStaging()
            throw error
        }
    }

    private func move(
        _ given: AttemptResult, _ outputs: [StagedOutput], _ publish: PublicationRecorder
    ) async throws -> AttemptResult {
        var result = given
        var plan = try Publisher.plan(outputs, owner: "\(facts.runID)/\(order.unit)/\(order.number)")
        do {
            for index in plan.moves.indices { try keepVersion(of: &plan.moves[index], in: &result) }
        } catch {
            removeVersions(of: plan.moves)
            throw error
        }
        if !plan.moves.isEmpty {
            var recorded = result
            recorded.mask(log)
            guard await publish(plan, recorded) else {
                removeVersions(of: plan.moves)
                throw Failure("the run could not be recorded, so nothing was published")
            }
            do throws(PublishError) { try Publisher.carryOut(plan) } catch {
                removeVersions(of: plan.moves.filter { !Publisher.isInPlace($0) })
                throw error
            }
            retakeMarks(of: plan, in: &result)
        }
        return result
    }

    /// Removes the versions of what is not published: no record names them.
    private func removeVersions(of moves: [PublishPlan.Move]) {
        // What cannot be removed goes with the run.
        for kept in moves.compactMap(\.kept) { try? FileManager.default.removeItem(atPath: kept) }
    }

    private func keepVersion(of move: inout PublishPlan.Move, in result: inout AttemptResult) throws {
        let root = loaded.pipeline.root
        let path = PathText.relative(move.target, to: root)
        var status = stat()
        let isFolder = stat(move.staged, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
        // Somebody may have put files there since the stage began.
        if isFolder { try OutputFolder.refuseOfOthers(at: move.target, shown: path, attempt.stage, store) }
        let kept = folder.versions(order.unit, order.number) + "/" + PathText.lastComponent(of: move.staged)
        let isKept = KeptVersion.keep(move.staged, as: kept)
        move.kept = isKept ? kept : nil
        guard let index = result.artifacts.firstIndex(where: { $0.path == path }) else { return }
        move.contentHash = result.artifacts[index].contentHash
        result.artifacts[index].mark = isFolder ? nil : FileMark(move.staged)
        result.artifacts[index].kept = isKept ? PathText.relative(kept, to: store.folder.path) : nil
    }

    /// Marks of what was published as it lies there: the move itself has changed what tells that something changed.
    private func retakeMarks(of plan: PublishPlan, in result: inout AttemptResult) {
        for move in plan.moves {
            let path = PathText.relative(move.target, to: loaded.pipeline.root)
            guard let index = result.artifacts.firstIndex(where: { $0.path == path }),
                let mark = result.artifacts[index].mark, let now = FileMark(move.target), now.mayBe(mark)
            else { continue }
            result.artifacts[index].mark = now
        }
    }

    /// The files of the attempt as they are now, those that this run made being their versions still.
    func marks(of files: [String]) throws -> FileMarks {
        let marks = FileMarks(files)
        let known = artifactsByPath
        // Checked after the marks: a file that is replaced from here on has another mark.
        for file in files {
            // What another run published there was found to fit before the marks were taken.
            if let earlier = attempt.earlier[file]?.publication?.artifact, !versionFinder.isVersion(file, earlier) {
                throw Failure("\(earlier.path) was replaced just before it was read", remedy: "retry the stage")
            }
            guard let (artifact, writer) = known[file], !versionFinder.isVersion(file, artifact) else { continue }
            _ = try versionFinder.place(of: artifact, in: facts.runID, writer: writer)
            throw Failure("\(artifact.path) was replaced just before it was read", remedy: "retry the stage")
        }
        return marks
    }

    /// What the run has published of the attempt's inputs, by every path at which the version may lie.
    private var artifactsByPath: [String: (Artifact, StageID)] {
        var known: [String: (Artifact, StageID)] = [:]
        for made in order.made.values {
            for artifact in made.artifacts {
                known[PathText.absolute(artifact.path, in: loaded.pipeline.root)] = (artifact, made.writer)
                if let kept = artifact.kept { known[store.folder.absolute(kept)] = (artifact, made.writer) }
            }
        }
        return known
    }

    /// Refuses output whose inputs changed meanwhile: it could not be said which version it was made from.
    func refuseChange() throws(Failure) {
        guard let path = changedFile(since: attempt.marks) else { return }
        throw Failure(
            "\(PathText.relative(path, to: loaded.pipeline.root)) was changed while it was read, so nothing was published",
            remedy: "retry the stage when nobody writes to it; a file is best replaced by renaming a whole one")
    }

    /// The first file of the attempt that has another content than when it began to read it.
    func changedFile(since before: FileMarks) -> String? {
        let known = artifactsByPath
        return before.changed { path, mark in
            // A backup that gives the file another name changes as much of it as a program that writes to it and sets the
            // clock back: only the content tells them apart, where it is known what that was.
            guard let was = known[path]?.0.contentHash ?? store.knownFingerprint(of: path, as: mark) else {
                return false
            }
            return store.fingerprint(ofFile: path) == was
        }
    }

    func artifact(of output: StagedOutput, rows: Int64?) -> Artifact? {
        guard let size = FileText.size(output.staged) else { return nil }
        return Artifact(
            dataset: output.dataset, path: PathText.relative(output.target, to: loaded.pipeline.root),
            sizeInBytes: size,
            rowCount: rows, columns: output.columns, contentHash: ContentHash.of(path: output.staged))
    }

    /// What the attempt reads, with fingerprints: those of published files are known, others are computed.
    func versions(of sources: [DataSource]) async -> [InputVersion] {
        let root = loaded.pipeline.root
        // A place was found for each of them: whichever it is, the version was this one.
        let known = artifactsByPath
        return sources.flatMap { source in
            source.knownFiles.map { file in
                // A table's copy lies in the run's folder only while the attempt lasts.
                if let table = source.table {
                    return InputVersion(
                        dataset: source.dataset, path: table.description, sizeInBytes: FileText.size(file) ?? 0,
                        contentHash: store.fingerprint(ofFile: file),
                        madeBy: attempt.earlier[table.description]?.publication?.run)
                }
                if let address = source.addresses[file] {
                    return InputVersion(
                        dataset: source.dataset, path: log.masked(address), sizeInBytes: FileText.size(file) ?? 0,
                        contentHash: store.fingerprint(ofFile: file), madeBy: nil)
                }
                let earlier = attempt.earlier[file]
                let path = known[file]?.0.path ?? PathText.relative(earlier?.target ?? file, to: root)
                return InputVersion(
                    dataset: source.dataset, path: path, sizeInBytes: FileText.size(file) ?? 0,
                    contentHash: known[file]?.0.contentHash ?? store.fingerprint(of: file),
                    madeBy: earlier?.publication?.run)
            }
        }
    }
}
