package import CaudalModel
import Foundation

/// Publishes versions of an earlier run again.
package struct VersionRestorer {
    /// One published file, and the effect of restoring it.
    package struct File {
        package var artifact: Artifact
        /// Where its version is, absolute.
        package var place: String
        /// Where it is published, absolute.
        package var target: String
        /// The current content of the target that would be lost; nil when nothing would be.
        package var loss: String?
    }

    /// A file of an item that the run did not have, which would pass for one of the run.
    package struct Surplus {
        /// Its path as runs record it, and absolute.
        package var path: String
        fileprivate var target: String
        /// Its content that would be lost; nil when a run keeps it as a version.
        package var loss: String?
    }

    package let run: RunState
    /// The files whose current content is not the run's version.
    package let files: [File]
    /// The files of other runs that are put away.
    package let surplus: [Surplus]
    /// The datasets of which it cannot be told which other files are theirs.
    package let unclear: [DatasetName]
    /// The number of files whose current content is the run's version.
    package let filesInPlace: Int
    /// What an earlier restoration of the run began and did not finish, with paths as runs record them.
    private let unfinished: (paths: [String], putAway: [String])
    private let store: RunStore

    /// Whether everything is as the run left it, and recorded as such.
    package var hasNothingToDo: Bool {
        files.isEmpty && surplus.isEmpty && unfinished.paths.isEmpty && unfinished.putAway.isEmpty
    }

    /// What would be lost, in words.
    package var losses: [String] { files.compactMap(\.loss) + surplus.compactMap(\.loss) }

    /// Finds the versions of a run.
    ///
    /// - Parameter dataset: The dataset to restore; nil means all files that the run published for datasets.
    /// - Throws: ``RunControlError`` when the run is live, ``Failure`` when it published no such dataset or a version is no
    ///   longer kept.
    package init(_ id: RunID, dataset: DatasetName?, in store: RunStore) throws {
        self.store = store
        run = try store.state(of: id)
        try store.folder.refuseOther(id, run.plan)
        if run.status == .running { throw RunControlError.live(id, hinders: .restoring) }
        let all = run.stages.filter { $0.unit.status.outcome?.isSuccess == true }.flatMap(\.artifacts)
            .filter { $0.dataset != nil && $0.contentHash != nil }
        let wanted = all.filter { dataset == nil || $0.dataset == dataset }
        let others = try SurplusFiles(of: run, dataset: dataset, in: store)
        if wanted.isEmpty, others.paths.isEmpty {
            let names = Set(all.compactMap { $0.dataset?.rawValue }).sorted()
            let what = dataset.map { "no file of '\($0)'" } ?? "no file"
            throw Failure(
                "run \(id) published \(what)"
                    + (dataset.map { Suggestion.phrase(for: $0.rawValue, among: names) } ?? ""),
                remedy: names.isEmpty ? nil : "it published \(names.joined(separator: ", "))")
        }
        let root = run.plan.root
        let finder = VersionFinder(store: store, root: root)
        var files: [File] = []
        var inPlace = 0
        for artifact in wanted {
            let target = PathText.absolute(artifact.path, in: root)
            guard let place = finder.place(of: artifact) else {
                throw finder.missing(artifact, of: id)
            }
            if place == target {
                inPlace += 1
            } else {
                files.append(
                    File(
                        artifact: artifact, place: place, target: target, loss: try Self.loss(at: target, finder, root))
                )
            }
        }
        self.files = files
        filesInPlace = inPlace
        let names = Set(wanted.map(\.path))
        let begun = run.restorations.filter { !$0.isDone }
        unfinished = (
            begun.flatMap(\.paths).filter(names.contains), dataset == nil ? begun.flatMap(\.putAway) : []
        )
        unclear = others.unclear
        surplus = try others.paths.map { target in
            Surplus(
                path: PathText.relative(target, to: root), target: target, loss: try Self.loss(at: target, finder, root)
            )
        }
    }

    /// What would be lost by replacing the file at a path.
    private static func loss(at target: String, _ finder: VersionFinder, _ root: String) throws -> String? {
        guard FileText.exists(target) else { return nil }
        let name = PathText.relative(target, to: root)
        guard let found = try finder.publication(at: target) else { return "\(name), which no run published as it is" }
        return finder.keptPlace(of: found.artifact) != nil
            ? nil : "\(name) of run \(found.run), which is kept nowhere else"
    }

    /// Publishes the versions and takes away what the run did not have; all of it is recorded before the first file is moved.
    ///
    /// - Throws: ``RunControlError`` when another run writes the paths, or a process takes over the run meanwhile;
    ///   ``Failure`` when a file cannot be taken away.
    package func carryOut(by name: String, now: Moment) throws {
        let folder = store.folder.run(run.id)
        guard let lock = try RunLock.take(folder) else {
            throw RunControlError.live(run.id, hinders: .restoring)
        }
        defer { withExtendedLifetime(lock) {} }
        let targets = files.map(\.target) + surplus.map(\.target)
        if let conflict = try store.claim(targets.map(PathText.resolved), for: run.id) {
            throw RunControlError.pathTaken(conflict, root: run.plan.root)
        }
        let current = try store.state(of: run.id)
        let work = folder.staging + "/restore-\(current.lastSequence + 1)"
        defer { try? FileManager.default.removeItem(atPath: work) }
        var outputs: [StagedOutput] = []
        for (index, file) in files.enumerated() {
            let staged = "\(work)/\(index)/\(PathText.lastComponent(of: file.target))"
            if !KeptVersion.keep(file.place, as: staged) {
                try FileManager.default.createDirectory(
                    atPath: PathText.folder(of: staged), withIntermediateDirectories: true)
                try FileManager.default.copyItem(atPath: file.place, toPath: staged)
            }
            outputs.append(StagedOutput(dataset: file.artifact.dataset, staged: staged, target: file.target))
        }
        try Publisher.prepare(outputs)
        let plan = try Publisher.plan(outputs, owner: "\(run.id)/restore/\(current.lastSequence + 1)")
        let began = try record(isBegun: true, by: name, now, on: current)
        try Publisher.carryOut(plan)
        // Their versions lie in the folders of their own runs, by which they are restored.
        for file in surplus {
            do { try FileManager.default.removeItem(atPath: file.target) } catch {
                throw Failure(
                    "\(file.path), which run \(run.id) did not have, cannot be put away: \(error.reason)",
                    remedy: "remove it, and restore the run again: its own versions are published")
            }
        }
        _ = try record(isBegun: false, by: name, now, on: began)
        try store.makeDurable()
    }

    /// Records that the versions are about to be published, or that they are.
    ///
    /// Whoever is killed between the two has restored a part of them, which counts as nothing restored.
    private func record(
        isBegun: Bool, by name: String, _ now: Moment, on state: RunState
    ) throws(StoreError) -> RunState {
        func all(_ now: [String], _ before: [String]) -> [String] { now + before.filter { !now.contains($0) } }
        let versions = RestoredVersions(
            paths: all(files.map(\.artifact.path), unfinished.paths),
            putAway: all(surplus.map(\.path), unfinished.putAway), isBegun: isBegun)
        let event = RunEvent(sequence: state.lastSequence + 1, time: now, change: .restored(versions, by: name))
        var next = state
        next.apply(event)
        try store.record([event], remarks: [], of: next)
        return next
    }
}
