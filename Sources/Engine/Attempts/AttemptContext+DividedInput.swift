import CaudalModel
import Foundation

/// The input whose rows the items of a fan-out divide: all of them read one version of it, so that no row is lost between
/// two versions, and none is there twice.
extension AttemptContext {
    /// What the items were found in.
    private struct Note: Codable {
        /// The version of each file, or of the rows of a table.
        var versions: [String: String]
    }

    /// The file that tells the version for which the items were found.
    private var versionFile: String? { attempt.sharedFolder.map { $0 + "/input.json" } }

    /// The copy of a table that all items read; nil where they do not divide its rows.
    private func sharedCopy(of source: DataSource) -> String? {
        guard source.table != nil, let divided = FanOutFinder(attempt).dividedInput, divided.dataset == source.dataset
        else {
            return nil
        }
        return attempt.sharedFolder.map { InputParts.tableCopy(of: source.dataset, in: $0) }
    }

    /// The copy of a table that was made for all items of the fan-out.
    ///
    /// - Returns: Nil where each attempt makes one of its own: where nothing is divided, or the run had ended meanwhile.
    func copyForItems(of source: DataSource) -> String? {
        guard attempt.item != nil, let file = sharedCopy(of: source), FileText.exists(file) else { return nil }
        return file
    }

    /// Whether the copy of a table must have all rows, because it is compared with the one that items were found in.
    func isCompared(_ source: DataSource) -> Bool { sharedCopy(of: source) != nil }

    /// Notes which version of the input the items are found in, and keeps the copy of a table for them.
    ///
    /// - Throws: ``Failure`` when it cannot be noted.
    func noteDividedInput() async throws(Failure) {
        guard let source = FanOutFinder(attempt).dividedInput, let versionFile, let shared = attempt.sharedFolder else {
            return
        }
        let note = Note(versions: try await versions(ofDivided: source))
        InputParts.removeCopies(in: shared)
        if let file = sharedCopy(of: source), let copy = source.files.first {
            try makeFolder(PathText.folder(of: file))
            guard rename(copy, file) == 0 else { throw Failure("\(copy) cannot be kept for the items", errno: errno) }
        }
        do throws(Failure) { try FileText.replace(JSONText.encoded(note), at: versionFile) } catch {
            throw Failure("what the items are found in cannot be noted: \(error.message)")
        }
    }

    /// Refuses another version of the input than the one for which the items were found.
    ///
    /// - Throws: ``Failure`` for another one, and where it is not known any more.
    func refuseOtherVersion() async throws(Failure) {
        guard attempt.item != nil, let versionFile, let source = FanOutFinder(attempt).dividedInput else { return }
        let noted: Note
        do {
            noted = try JSONDecoder().decode(Note.self, from: Data(FileText.bytes(versionFile)))
        } catch {
            throw Failure(
                "in which version of '\(source.dataset)' the items were found cannot be read any more: \(error.reason)",
                remedy: "run the stage as a whole", location: loaded.pipeline.dataset(source.dataset)?.placeLocation)
        }
        let versions = try await versions(ofDivided: source)
        let differing = Set(noted.versions.keys).union(versions.keys).filter { noted.versions[$0] != versions[$0] }
        guard let name = differing.min() else { return }
        throw Failure(
            "\(name) was changed since the items were found: some would have rows of the old version, and some of the new one",
            remedy: "run the stage as a whole; what items divide must stay as it is while they run")
    }

    private func versions(ofDivided source: DataSource) async throws(Failure) -> [String: String] {
        guard let table = source.table else {
            return Dictionary(
                await versions(of: [source]).compactMap { version in
                    version.contentHash.map { (version.path, $0.description) }
                },
                uniquingKeysWith: { first, _ in first })
        }
        // The rows of a database come in any order.
        var script = SQLScript(title: "which version of \(table) was read")
        let names = source.columnNames.map(tools.sql.name)
        script.add(
            "count the rows, and fingerprint them in whatever order",
            .lines(
                .load,
                "count(*) AS \"rows\", \(tools.sql.fingerprint(of: names)) AS fingerprint\nFROM \(source.fromClause(tools.sql))"
            ))
        let answer = try await tools.ask(script, reading: source.files, for: nil)
        guard let found = answer.rows(.load, as: LoadRecord.self).first else {
            throw Failure("the rows of \(table) could not be counted")
        }
        let columns = source.columns.map { "\($0.name) \($0.type)" }.joined(separator: ", ")
        return [table.description: "\(found.rows) rows \(found.fingerprint) of \(columns)"]
    }
}
