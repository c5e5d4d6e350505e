/// Finds where a version lies that a run published.
package struct VersionFinder: Sendable {
    private let store: RunStore
    private let root: String
    private let prefersKept: Bool

    /// A finder in a project.
    ///
    /// `root`: the project's root, which paths of artifacts start from.
    /// `prefersKept`: whether the kept version is taken though the published one is the same: where other runs may
    /// publish there at any moment.
    package init(store: RunStore, root: String, prefersKept: Bool = false) {
        self.store = store
        self.root = root
        self.prefersKept = prefersKept
    }

    /// The path at which the version lies now: the published one while it still is that version, else the kept one.
    ///
    /// - Returns: nil when the version is nowhere any more.
    package func place(of artifact: Artifact) -> String? {
        if prefersKept, let kept = keptPlace(of: artifact) { return kept }
        let published = PathText.absolute(artifact.path, in: root)
        if isVersion(published, artifact) { return published }
        return keptPlace(of: artifact)
    }

    /// Where the run keeps the version, whatever is published; nil where it keeps it no more.
    package func keptPlace(of artifact: Artifact) -> String? {
        guard let kept = artifact.kept.map(store.folder.absolute), isVersion(kept, artifact) else { return nil }
        return kept
    }

    /// What is said of a version that is nowhere any more.
    func missing(_ artifact: Artifact, of run: RunID) -> Failure {
        if let kept = artifact.kept.map(store.folder.absolute), FileText.exists(kept) {
            return Failure(
                "\(artifact.path) was changed in place since run \(run) published it, and the version that it kept with it: "
                    + "they are one file", remedy: "make it again with 'caudal retry \(run)' and the stage's name")
        }
        return Failure(
            "the version that run \(run) published of \(artifact.path) is not kept any more",
            remedy: "'keep_versions' in the pipeline file says how many succeeded runs keep theirs, one where it says "
                + "nothing; raise it for later runs")
    }

    /// Whether a file is the version: known by its mark, and otherwise by its content.
    package func isVersion(_ path: String, _ artifact: Artifact) -> Bool {
        var file = LyingFile(path)
        return isVersion(&file, artifact)
    }

    /// A file that lies somewhere, read at most once however often it is asked about.
    private struct LyingFile {
        let path: String
        let mark: FileMark?
        var fingerprint: String??

        init(_ path: String) {
            self.path = path
            mark = FileMark(path)
        }
    }

    private func isVersion(_ file: inout LyingFile, _ artifact: Artifact) -> Bool {
        guard let mark = file.mark else { return false }
        if let known = artifact.mark, known == mark { return true }
        guard let hash = artifact.contentHash else { return false }
        // A folder's size is none of its content's.
        if artifact.mark != nil, mark.sizeInBytes != artifact.sizeInBytes { return false }
        let fingerprint = file.fingerprint ?? store.fingerprint(of: file.path)
        file.fingerprint = .some(fingerprint)
        return fingerprint == hash
    }

    /// The path of a version that its own run reads.
    ///
    /// - Throws: ``Failure`` that says what became of the file, and what to do.
    package func place(of artifact: Artifact, in run: RunID, writer: StageID) throws -> String {
        if let place = place(of: artifact) { return place }
        let path = PathText.absolute(artifact.path, in: root)
        let became: String
        if !FileText.exists(path) {
            became = "it is not there any more"
        } else if let other = try publication(at: path).map(\.run), other != run {
            became = "run \(other) has published another one there since"
        } else {
            became = "it was changed since, and not by a run"
        }
        throw Failure(
            "\(artifact.path) is not the file that this run published: \(became), and no version of it is kept",
            remedy: "make it again with 'caudal retry \(run) \(writer) --downstream'")
    }

    /// The publication that a file is, by its content; the last one where several had that content.
    ///
    /// `prefers`: which of several with one content is meant.
    package func publication(
        at path: String, preferring prefers: (Publication) -> Bool = { _ in false }
    ) throws(StoreError) -> Publication? {
        let known = try store.publications(at: PathText.relative(path, to: root))
        var file = LyingFile(path)
        let same = known.filter { isVersion(&file, $0.artifact) }
        return same.first(where: prefers) ?? same.first
    }
}

/// Finds the data of a stage that takes no part in a run: what lies at the path of the run's own parameters and
/// environment, and never what some other run wrote there for others.
package struct EarlierOutputs: Sendable {
    private let loaded: LoadedPipeline
    private let run: RunID
    /// The run's parameters as they are recorded, without what is secret of them.
    private let own: [String: String]
    private let store: RunStore
    private let finder: VersionFinder

    package init(_ loaded: LoadedPipeline, facts: RunFacts, store: RunStore) {
        self.loaded = loaded
        run = facts.runID
        own = Workshop.recorded(facts.parameters, of: loaded)
        self.store = store
        finder = VersionFinder(store: store, root: loaded.pipeline.root)
    }

    /// The files of a dataset.
    ///
    /// `pattern`: the dataset's path with this run's values, absolute, with `*` for an item's.
    /// - Returns: Its files in order; empty when there is none.
    /// - Throws: ``Failure`` for a file that another run wrote for other values.
    package func files(of dataset: Dataset, writtenBy producer: Stage, at pattern: String) throws -> [EarlierFile] {
        let last = try lastSuccess(of: producer)
        let versionsOfLast = try last.map { try store.publications(of: dataset.name, stage: producer.id, in: $0) } ?? []
        let root = loaded.pipeline.root
        var versions: [String: Publication] = [:]
        for publication in versionsOfLast {
            let path = PathText.absolute(publication.artifact.path, in: root)
            if path == pattern || Glob.matches(path, pattern) { versions[path] = publication }
        }
        let isPattern = pattern.contains { "*?[".contains($0) }
        let there = isPattern ? Glob.files(matching: pattern) : [pattern].filter(FileText.exists)
        var files: [EarlierFile] = []
        for path in Set(there).union(versions.keys).sorted() {
            if let file = try file(at: path, its: versions[path], ofOthers: last != nil, producer) {
                files.append(file)
            }
        }
        return files
    }

    /// One file; nil for one that the last success of its stage no longer had.
    private func file(
        at path: String, its version: Publication?, ofOthers hasSuccess: Bool, _ producer: Stage
    ) throws -> EarlierFile? {
        let name = PathText.relative(path, to: loaded.pipeline.root)
        guard FileText.exists(path) else {
            guard let version, let kept = finder.place(of: version.artifact) else {
                throw Failure(
                    "\(name) was published by run \(version?.run.rawValue ?? "") and is not there any more",
                    remedy: remedy(producer))
            }
            return EarlierFile(path: kept, target: path, publication: version)
        }
        let fits: (Publication) -> Bool = { self.difference($0, producer)?.isCertain != true }
        guard let found = try finder.publication(at: path, preferring: fits) else {
            return EarlierFile(path: path, target: path, isChanged: try store.isPublished(name))
        }
        let other = self.difference(found, producer)
        if other?.isCertain != true {
            // An item that the stage's last success did not have any more.
            if version == nil, hasSuccess, found.stage == producer.id { return nil }
            return EarlierFile(path: path, target: path, publication: found, doubt: other?.words)
        }
        if let version, let kept = finder.place(of: version.artifact) {
            return EarlierFile(path: kept, target: path, publication: version)
        }
        // An item of other values, where a success with this run's values says which items there are.
        if version == nil, hasSuccess, found.stage == producer.id { return nil }
        throw Failure(
            "\(name) was written by \(found.runWords) for \(other?.words ?? "other values")",
            remedy: remedy(producer))
    }

    private func remedy(_ producer: Stage) -> String {
        "run the stage that writes it too: --select '+\(producer.id)' with what you select"
    }

    /// Whether any run has published a file; `path` is as artifacts have it.
    ///
    /// - Throws: ``StoreError`` when the history cannot be read: a guess could let another run's file in.
    func isPublished(_ path: String) throws(StoreError) -> Bool { try store.isPublished(path) }

    // MARK: - Which runs are like this one

    /// The newest run with this run's values that a stage succeeded in.
    private func lastSuccess(of producer: Stage) throws(StoreError) -> RunID? {
        try store.successes(of: producer.id, pipeline: loaded.pipeline.name, before: run).first {
            difference($0.run, $0.parameters, $0.environment, producer) == nil
        }?.run
    }

    /// What another run had otherwise, so that its data may be others.
    private struct Difference {
        var words: String
        /// Whether what makes the data is known to depend on it; a program may, unseen.
        var isCertain: Bool
    }

    private func difference(_ found: Publication, _ producer: Stage) -> Difference? {
        difference(found.run, found.parameters, found.environment, producer, pruned: found.prunedMakers)
    }

    /// `pruned`: what is known of the definitions of a run that was removed.
    private func difference(
        _ run: RunID, _ parameters: [String: String], _ environment: String?, _ producer: Stage,
        pruned: [StageID: String]? = nil
    ) -> Difference? {
        let makers = makers(of: producer)
        if environment != loaded.pipeline.chosenEnvironment, !hadSame(makers, run, pruned) {
            let ours = loaded.pipeline.chosenEnvironment.map { "has '\($0)'" } ?? "has none"
            return Difference(
                words: "\(environment.map { "the environment '\($0)'" } ?? "no environment"), and this run \(ours)",
                isCertain: true)
        }
        let names = Set(parameters.keys).union(own.keys)
            .filter { parameters[$0] != own[$0] }.sorted()
        func words(_ name: String) -> String {
            "\(name)=\(parameters[name] ?? "nothing"), and this run has \(name)=\(own[name] ?? "nothing")"
        }
        let texts = makers.map { loaded.definitionText(of: $0) }
        if let name = names.first(where: { name in
            texts.contains { $0.contains("${params.\(name)}") || $0.contains(ShellText.variable(.param(name))) }
        }) {
            return Difference(words: words(name), isCertain: true)
        }
        if let name = names.first, makers.contains(where: { $0.definition is CommandStage }) {
            return Difference(words: words(name), isCertain: false)
        }
        return nil
    }

    /// Whether stages were defined in another run as they are in this one.
    private func hadSame(_ stages: [Stage], _ run: RunID, _ pruned: [StageID: String]?) -> Bool {
        if let pruned {
            return stages.allSatisfy { pruned[$0.id] == ContentHash.of(loaded.definitionText(of: $0)) }
        }
        guard let plan = try? store.plan(of: run) else { return false }
        return stages.allSatisfy { stage in
            plan.index(of: stage.id).map { plan.stages[$0].definitionText } == loaded.definitionText(of: stage)
        }
    }

    /// A stage and everything that it waits for.
    private func makers(of producer: Stage) -> [Stage] {
        var seen: Set<StageID> = []
        var open = [producer.id]
        while let next = open.popLast() {
            if seen.insert(next).inserted { open += loaded.pipeline.upstream[next] ?? [] }
        }
        return loaded.pipeline.stages.filter { seen.contains($0.id) }
    }
}

extension EarlierFile {
    /// Who made it, in words; `now` in milliseconds since 1970.
    package func words(root: String, now: Int64) -> String {
        let name = PathText.relative(target, to: root)
        guard let publication else {
            return "\(name): \(isChanged ? "changed by hand since a run published it" : "no run made it")"
        }
        let age = Duration.milliseconds(max(0, now - publication.started)).short
        let parameters = publication.parameters.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
        let values = (publication.environment.map { ["env \($0)"] } ?? []) + parameters
        let with = values.isEmpty ? "" : " (\(values.joined(separator: ", ")))"
        let place = path == target ? "" : ", in the version that is kept of it"
        return "\(name): made by \(publication.runWords)\(with), begun \(age) ago\(place)"
            + (doubt.map { "; for \($0)" } ?? "")
    }
}
