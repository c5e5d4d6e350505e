import CaudalModel
import Foundation

/// The input whose rows the items of a fan-out divide: all of them read one version of it, so that no row is lost between
/// two versions, and none is there twice.
extension AttemptContext {
    /// The file that tells the version for which the items were found.
    private var versionFile: String? { attempt.sharedFolder.map { $0 + "/input.json" } }

    private var comparedInput: DataSource? {
        guard let source = FanOutFinder(attempt).dividedInput else { return nil }
        guard let table = source.table else { return source }
        // The rows of a database come in any order, and where only new ones are read, each item reads others.
        return loaded.pipeline.connections[table.connection]?.kind == .s3
            && stage.type.watermarkedInput != source.dataset ? source : nil
    }

    /// Notes which version of the input the items are found in.
    ///
    /// - Throws: ``Failure`` when the note cannot be written.
    func noteDividedInput() async throws(Failure) {
        guard let source = comparedInput, let versionFile else { return }
        let prints = await fingerprints(of: source)
        try makeFolder(attempt.sharedFolder)
        guard let text = try? JSONEncoder().encode(prints) else { return }
        try FileText.replace(String(decoding: text, as: UTF8.self), at: versionFile)
    }

    /// Refuses another version of the input than the one for which the items were found.
    ///
    /// - Throws: ``Failure`` for another one.
    func refuseOtherVersion() async throws(Failure) {
        guard attempt.item != nil, let versionFile, let source = comparedInput,
            let text = try? FileText.bytes(versionFile),
            let noted = try? JSONDecoder().decode([String: String].self, from: Data(text))
        else { return }
        let prints = await fingerprints(of: source)
        let differing = Set(noted.keys).union(prints.keys).filter { noted[$0] != prints[$0] }
        guard let name = differing.min() else { return }
        throw Failure(
            "\(name) was changed since the items were found: some would have rows of the old version, and some of the new one",
            remedy: "run the stage as a whole; a file must stay as it is while its items run")
    }

    private func fingerprints(of source: DataSource) async -> [String: String] {
        Dictionary(
            await versions(of: [source]).compactMap { version in version.contentHash.map { (version.path, $0) } },
            uniquingKeysWith: { first, _ in first })
    }
}
