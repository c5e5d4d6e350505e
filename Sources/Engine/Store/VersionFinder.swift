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
        var file = CandidateFile(path)
        return isVersion(&file, artifact)
    }

    /// A file that lies somewhere, read at most once however often it is asked about.
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
        var file = CandidateFile(path)
        let same = known.filter { isVersion(&file, $0.artifact) }
        return same.first(where: prefers) ?? same.first
    }
}
