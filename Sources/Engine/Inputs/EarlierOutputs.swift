package import CaudalModel

/// Finds the data of a stage that does not take part in a run: the files at the paths for the run's parameters and
/// environment, but never what a run with other values wrote there.
package struct EarlierOutputs: Sendable {
    private let loaded: LoadedPipeline
    private let run: RunID
    /// The run's parameters as recorded, without secrets.
    private let own: [String: String]
    private let store: RunStore
    private let finder: VersionFinder

    package init(_ loaded: LoadedPipeline, facts: RunFacts, store: RunStore) {
        self.loaded = loaded
        run = facts.runID
        own = loaded.recorded(facts.parameters)
        self.store = store
        finder = VersionFinder(store: store, root: loaded.pipeline.root)
    }

    /// The files of a dataset.
    ///
    /// - Parameters:
    ///   - pattern: The dataset's path with this run's values, absolute, with `*` for those of an item.
    ///   - isPart: Whether the stage takes part in this run.
    /// - Returns: Its files in order; empty when there are none.
    /// - Throws: ``Failure`` for a file that a run with other values wrote.
    package func files(
        of dataset: Dataset, writtenBy producer: Stage, at pattern: String, isPart: Bool = false
    ) throws -> [EarlierFile] {
        // What was there before an output was made anew is no part of it, also where an item is no more.
        let refresh =
            producer.definition.mergedOutput == dataset.name ? try lastRefresh(of: producer, isPart: isPart) : nil
        func isOlder(_ publication: Publication) -> Bool { refresh?.replaces(publication) == true }
        let last = try standing(producer, at: pattern)
        let versionsOfLast = try last.map { try published(of: dataset, producer, in: $0) } ?? []
        let root = loaded.pipeline.root
        var versions: [ExactText: Publication] = [:]
        for publication in versionsOfLast {
            let path = PathText.absolute(publication.artifact.path, in: root)
            if path == pattern || Glob.matches(path, pattern), !isOlder(publication) {
                versions[ExactText(path)] = publication
            }
        }
        let isPattern = pattern.contains { "*?[".contains($0) }
        let there = isPattern ? try Glob.files(matching: pattern) : [pattern].filter(FileText.exists)
        var files: [EarlierFile] = []
        for path in Set(there.map(ExactText.init)).union(versions.keys).map(\.text).sorted() {
            guard let file = try file(at: path, its: versions[ExactText(path)], ofOthers: last != nil, producer),
                file.publication.map(isOlder) != true
            else { continue }
            files.append(file)
        }
        return files
    }

    /// What a stage published in a run for a dataset, without items that it had only before a retry.
    private func published(of dataset: Dataset, _ producer: Stage, in run: RunID) throws(StoreError) -> [Publication] {
        let published = try store.publications(of: dataset.name, stage: producer.id, in: run)
        guard producer.fanOut != nil, producer.definition.mergedOutput == nil else { return published }
        let items = Set(try store.state(of: run).stage(producer.id)?.items.map(\.item.key) ?? [])
        return published.filter { $0.item.map(items.contains) ?? true }
    }

    /// One file; nil for one that the last success of its stage no longer wrote.
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
            // Where the stage adds to what is there, the rows of items stay that it has no longer.
            let isKept = producer.definition.mergedOutput != nil
            // The stage's last success no longer had this item.
            if version == nil, hasSuccess, found.stage == producer.id, !isKept { return nil }
            return EarlierFile(path: path, target: path, publication: found, doubt: other?.words)
        }
        if let version, let kept = finder.place(of: version.artifact) {
            return EarlierFile(path: kept, target: path, publication: version)
        }
        // An item of a run with other values, while a success with this run's values has other items.
        if version == nil, hasSuccess, found.stage == producer.id { return nil }
        throw Failure(
            "\(name) was written by \(found.runWords) for \(other?.words ?? "other values")",
            remedy: remedy(producer))
    }

    /// A table, by its recorded loads, oldest first.
    ///
    /// - Throws: ``Failure`` when the last load was made by a run with other values.
    func table(of dataset: Dataset, loadedBy producer: Stage, _ loads: [RecordedLoad]) throws -> EarlierFile {
        let name = dataset.table?.description ?? ""
        guard let last = loads.last else { return EarlierFile(path: name, target: name) }
        let publication = try store.publications(at: name).first {
            $0.run == last.key.run && $0.stage == last.key.stage
        }
        var other: Mismatch?
        var isUnknown = false
        if let publication {
            other = difference(publication, producer)
        } else {
            do throws(StoreError) {
                // The run died between its load and its record.
                let plan = try store.plan(of: last.key.run)
                other = difference(last.key.run, plan.parameters, plan.environment, producer)
            } catch {
                // A run from another store is simply unknown; an unreadable one may have had other values.
                guard case .unknownRun = error.problem else { throw error }
                isUnknown = true
            }
        }
        if let other, other.isCertain, !last.isAppend {
            throw Failure(
                "the table \(name) was loaded by \(last.words) for \(other.words)", remedy: remedy(producer),
                location: dataset.placeLocation)
        }
        return EarlierFile(
            path: name, target: name, publication: publication, isChanged: isUnknown, doubt: other?.words, load: last)
    }

    private func remedy(_ producer: Stage) -> String {
        "run the stage that writes it too: --select '+\(producer.id)' with what you select"
    }

    /// Whether any run has published a file; `path` is as in artifacts.
    ///
    /// - Throws: ``StoreError`` when the history cannot be read: a guess could admit another run's file.
    func isPublished(_ path: String) throws(StoreError) -> Bool { try store.isPublished(path) }

    // MARK: - Which runs match this one

    /// The run with this run's values whose files of a stage should lie at a pattern: the newest in which the stage succeeded,
    /// or the one whose versions an operator has restored since.
    private func standing(_ producer: Stage, at pattern: String) throws(StoreError) -> RunID? {
        let success = try store.successes(of: producer.id, pipeline: loaded.pipeline.name, before: run).first {
            difference($0.run, $0.parameters, $0.environment, producer) == nil
        }
        return try restored(producer, at: pattern, since: success?.at)?.run ?? success?.run
    }

    /// The run with this run's values whose files at a pattern an operator has restored since a time, the last one.
    private func restored(
        _ producer: Stage, at pattern: String, since time: Int64?
    ) throws(StoreError) -> RestoredRun? {
        let root = loaded.pipeline.root
        let last = try store.restorations(of: loaded.pipeline.name).first { restored in
            let paths = restored.versions.paths + (restored.versions.putAway ?? [])
            return difference(restored.run, restored.parameters, restored.environment, producer) == nil
                && paths.contains { path in
                    let path = PathText.absolute(path, in: root)
                    return path == pattern || Glob.matches(path, pattern)
                }
        }
        return last.flatMap { $0.at >= time ?? 0 ? $0 : nil }
    }

    /// The last run with this run's values that made the outputs of a stage anew: with other values they are others.
    ///
    /// Histories are never made anew: what was so before is known nowhere else.
    ///
    /// - Parameter isPart: Whether the stage takes part in this run.
    /// - Throws: ``StoreError`` when the history cannot be read.
    func lastRefresh(of producer: Stage, isPart: Bool) throws(StoreError) -> Refresh? {
        guard producer.type.merge?.history == nil else { return nil }
        let last = try store.refreshes(of: producer.id, pipeline: loaded.pipeline.name, with: run, isPart: isPart).first
        {
            $0.run == run || difference($0.run, $0.parameters, $0.environment, producer) == nil
        }
        guard let last else { return nil }
        let restored = try store.restorations(of: loaded.pipeline.name).filter { $0.at >= last.at }
        return Refresh(stage: producer.id, at: last.at, restored: Set(restored.flatMap(\.versions.paths)))
    }

    /// A run that made the outputs of a stage anew.
    struct Refresh {
        let stage: StageID
        /// When it began, in milliseconds since 1970.
        let at: Int64
        /// The paths whose earlier versions an operator has restored since.
        let restored: Set<String>

        /// Whether a file that was published counts no more: it was there before, and nobody has put it back.
        func replaces(_ publication: Publication) -> Bool {
            publication.stage == stage && publication.published < at && !restored.contains(publication.artifact.path)
        }
    }

    /// The items of a fan-out in the last run with this run's values that found some, or in the one whose files at a pattern
    /// were restored since; nil without such a run.
    ///
    /// - Throws: ``StoreError`` when the history cannot be read.
    func lastItems(of producer: Stage, at pattern: String) throws(StoreError) -> (items: [ItemState], run: RunID)? {
        let runs = try store.runsWithItems(of: producer.id, pipeline: loaded.pipeline.name, upTo: run)
        let last = runs.first {
            $0.run == run || difference($0.run, $0.parameters, $0.environment, producer) == nil
        }
        guard let last else { return nil }
        let standing = try restored(producer, at: pattern, since: last.at)?.run ?? last.run
        return (try store.state(of: standing).stage(producer.id)?.items ?? [], standing)
    }

    /// How another run differed, so that its data may differ too.
    private struct Mismatch {
        var words: String
        /// Whether the data certainly depends on the difference; a program may or may not.
        var isCertain: Bool
    }

    private func difference(_ found: Publication, _ producer: Stage) -> Mismatch? {
        difference(found.run, found.parameters, found.environment, producer, pruned: found.prunedMakers)
    }

    /// - Parameter pruned: The fingerprints of the definitions in a run that was pruned.
    private func difference(
        _ run: RunID, _ parameters: [String: String], _ environment: String?, _ producer: Stage,
        pruned: [StageID: String]? = nil
    ) -> Mismatch? {
        let makers = makers(of: producer)
        if environment != loaded.pipeline.chosenEnvironment, !hadSame(makers, run, pruned) {
            let ours = loaded.pipeline.chosenEnvironment.map { "has '\($0)'" } ?? "has none"
            return Mismatch(
                words: "\(environment.map { "the environment '\($0)'" } ?? "no environment"), and this run \(ours)",
                isCertain: true)
        }
        let names = Set(parameters.keys).union(own.keys)
            .filter { parameters[$0] != own[$0] }.sorted()
        func words(_ name: String) -> String {
            "\(name)=\(parameters[name] ?? "nothing"), and this run has \(name)=\(own[name] ?? "nothing")"
        }
        // An output that is added to has the rows of all values, except of those that its path names.
        let added = producer.definition.mergedOutput.flatMap(loaded.pipeline.dataset)
        let texts = added.map { [$0.definitionText] } ?? makers.map { loaded.definitionText(of: $0) }
        if let name = names.first(where: { name in
            texts.contains {
                $0.contains("${params.\(name)}") || $0.contains(Template.Reference.param(name).programVariable)
            }
        }) {
            return Mismatch(words: words(name), isCertain: true)
        }
        if added == nil, let name = names.first, makers.contains(where: { $0.definition.runsProgram }) {
            return Mismatch(words: words(name), isCertain: false)
        }
        return nil
    }

    /// Whether stages were defined in another run as they are in this one.
    private func hadSame(_ stages: [Stage], _ run: RunID, _ pruned: [StageID: String]?) -> Bool {
        if let pruned {
            return stages.allSatisfy { pruned[$0.id] == ContentHash.of(loaded.recordedDefinition(of: $0)) }
        }
        guard let plan = try? store.plan(of: run) else { return false }
        return stages.allSatisfy { stage in
            plan.index(of: stage.id).map { plan.stages[$0].definitionText } == loaded.recordedDefinition(of: stage)
        }
    }

    /// A stage and all of its upstream stages.
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
    /// The origin of the file in words; `now` is in milliseconds since 1970.
    package func words(root: String, now: Int64) -> String {
        let name = PathText.relative(target, to: root)
        if publication == nil, let load {
            let known = isChanged ? ", which is not in this history" : ""
            return "\(name): loaded by \(load.words)\(known)" + (doubt.map { "; for \($0)" } ?? "")
        }
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
