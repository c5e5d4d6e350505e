import Foundation

/// What publishing would harm, looked at when the places of an attempt are known to the last value.
extension StageConductor {
    /// Refuses outputs that would be put over what the attempt reads, or over a folder that no run made.
    ///
    /// What the pipeline file tells of places was refused when it was read; items, and folders that stand in the way, are
    /// known only now.
    func refuseHarm(by outputs: [StagedOutput], to attempt: StageAttempt) throws(Failure) {
        let read = Set(attempt.sources.values.filter { $0.table == nil }.flatMap(\.files).map { FileIdentity($0) })
        for output in outputs {
            let place = FileIdentity(output.target)
            let shown = PathText.relative(output.target, to: loaded.pipeline.root)
            if let harmed = read.first(where: { $0 == place || place.holds($0) }) {
                throw Failure(
                    "\(shown) would be written over \(PathText.relative(harmed.path, to: loaded.pipeline.root)), which "
                        + "this stage reads", remedy: "write to another path", location: attempt.stage.outputLocation)
            }
            try refuseFolder(at: output.target, shown: shown, attempt)
        }
    }

    /// A folder is replaced as a whole, with whatever else somebody has put there.
    private func refuseFolder(at path: String, shown: String, _ attempt: StageAttempt) throws(Failure) {
        var status = stat()
        guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else { return }
        // A folder that cannot be looked into cannot be replaced either, which publishing says.
        let names = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
        if names.isEmpty { return }
        let published: [RunID]
        do throws(StoreError) { published = try store.writers(of: shown, limit: 1) } catch {
            throw Failure("whether a run made the folder \(shown) cannot be found out: \(error.description)")
        }
        guard published.isEmpty else { return }
        throw Failure(
            "the folder \(shown) is there, and no run published it: it would be replaced with everything in it",
            remedy: "move it away, or write to a path of its own, such as \(shown)/\(attempt.stage.id)",
            location: attempt.stage.outputLocation)
    }
}
