package import CaudalModel

/// Finds where a version that a run published is now.
package struct VersionFinder: Sendable {
    private let store: RunStore
    private let root: String
    private let prefersKept: Bool

    /// A finder for a project.
    ///
    /// - Parameters:
    ///   - root: The project's root, to which the paths of artifacts are relative.
    ///   - prefersKept: Whether to use the kept version even if the published file is the same: for paths where other
    ///     runs may publish at any moment.
    package init(store: RunStore, root: String, prefersKept: Bool = false) {
        self.store = store
        self.root = root
        self.prefersKept = prefersKept
    }

    /// The path of the version: the published file while it is that version, otherwise the kept one.
    ///
    /// - Returns: nil when the version no longer exists.
    package func place(of artifact: Artifact) -> String? {
        if prefersKept, let kept = keptPlace(of: artifact) { return kept }
        let published = PathText.absolute(artifact.path, in: root)
        if isVersion(published, artifact) { return published }
        return keptPlace(of: artifact)
    }

    /// The path of the kept version, whatever is published; nil when it is no longer kept.
    package func keptPlace(of artifact: Artifact) -> String? {
        guard let kept = artifact.kept.map(store.folder.absolute), isVersion(kept, artifact) else { return nil }
        return kept
    }

    /// The error for a version that no longer exists.
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

    /// Whether a file is the version, by its mark or else by its content.
    package func isVersion(_ path: String, _ artifact: Artifact) -> Bool {
        var file = CandidateFile(path)
        return isVersion(&file, artifact)
    }

    /// A file that may be the version; its content is read at most once.
    private struct CandidateFile {
        let path: String
        let mark: FileMark?
        var fingerprint: String??

        init(_ path: String) {
            self.path = path
            mark = FileMark(path)
        }
    }

    private func isVersion(_ file: inout CandidateFile, _ artifact: Artifact) -> Bool {
        guard let mark = file.mark else { return false }
        if let known = artifact.mark, known == mark { return true }
        guard let hash = artifact.contentHash else { return false }
        // A folder's size says nothing about its content.
        if artifact.mark != nil, mark.sizeInBytes != artifact.sizeInBytes { return false }
        let fingerprint = file.fingerprint ?? store.fingerprint(of: file.path)
        file.fingerprint = .some(fingerprint)
        return fingerprint == hash
    }

    /// The path of a version for the run that published it.
    ///
    /// - Throws: ``Failure`` that says what happened to the file, and what to do.
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

    /// The publication that a file is, by its content; of several with the same content, the last one.
    ///
    /// - Parameter prefers: Which of several publications with the same content to prefer.
    package func publication(
        at path: String, preferring prefers: (Publication) -> Bool = { _ in false }
    ) throws(StoreError) -> Publication? {
        let name = PathText.relative(path, to: root)
        var file = CandidateFile(path)
        let same = try store.publications(at: name).filter { isVersion(&file, $0.artifact) }
        if let found = same.first(where: prefers) ?? same.first { return found }
        return try store.unrecordedPublications(at: name).first { isVersion(&file, $0.artifact) }
    }
}
