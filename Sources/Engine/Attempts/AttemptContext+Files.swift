import CaudalModel

/// The files that give a fan-out its items.
extension AttemptContext {
    /// The files of each variable that lists files, from the project's root, and what is worth telling of them.
    ///
    /// Of what stages of this run made, exactly that is listed: not what lies beside it from another time.
    /// - Throws: ``Failure`` for a file that a stage writes which did not write it in this run, and for one that is not
    ///   this run's version any more where a command would be given its path.
    func listedFiles() throws -> (files: [String: [String]], notes: [String]) {
        var (files, notes): ([String: [String]], [String]) = ([:], [])
        let root = loaded.pipeline.root
        var origins = origins
        // Items are called by the paths that files are published at, as long as these are this run's versions.
        let finder = VersionFinder(store: store, root: root)
        origins.place = { [facts] artifact, writer in try finder.place(of: artifact, in: facts.runID, writer: writer) }
        for case (let name, .files(let pattern)) in stage.fanOut?.variables ?? [] {
            let location = stage.fanOut?.location
            let found = try runner.resolver.foundFiles(
                matching: attempt.path(pattern), at: location, origins, filled)
            notes += found.notes
            files[name] = try found.files.map { file in
                let shown = PathText.relative(file.path, to: root)
                if file.isOwn, file.place != file.path, stage.definition.runsProgram {
                    throw Failure(
                        "\(shown) is not what this run made any more: it was replaced since",
                        remedy: "'caudal restore \(facts.runID)' puts this run's version back; then retry",
                        location: location)
                }
                return shown
            }
        }
        return (files, notes)
    }
}
