import Foundation

/// Rows of a validate stage that somebody corrected, and what they were corrected for.
extension RunFolder {
    /// Where the corrected rows of a validate stage are kept, a file for each time somebody gave some.
    package func corrections(_ stage: StageID) -> String { path + "/corrections/" + PathComponent.of(stage.rawValue) }

    /// What a file of corrected rows was made for, and what it was, so that what is left of it is never taken for the whole.
    private struct Origin: Codable {
        var inputs: [InputVersion]
        var contentHash: String
    }

    /// The files of corrected rows, first to last.
    ///
    /// `read`: those that a success of the stage is recorded to have read.
    /// - Throws: ``Failure`` when one is lost or is not what somebody gave.
    package func correctionFiles(_ stage: StageID, read: [String] = []) throws(Failure) -> [String] {
        let names = try correctionNames(stage)
        let files = names.filter { $0.hasSuffix(".csv") }.sorted()
        var expected = Set(files).union(read.map(PathText.lastComponent))
        for name in names where name.hasSuffix(Self.originSuffix) {
            let file = String(name.dropLast(Self.originSuffix.count))
            // One that has its text beside it was not given to the end: its process died.
            if !names.contains(file + ".new") { expected.insert(file) }
        }
        for name in expected.sorted() {
            let file = corrections(stage) + "/" + name
            if !names.contains(name) { throw Self.lost(file, "is not there any more") }
            guard let origin = try Self.origin(of: file) else {
                throw Self.lost(file + Self.originSuffix, "is not there any more")
            }
            guard FileText.isFile(file), ContentHash.ofFile(file) == origin.contentHash else {
                throw Self.lost(file, "is not what was given: it was changed or damaged")
            }
        }
        return files.map { corrections(stage) + "/" + $0 }
    }

    private func correctionNames(_ stage: StageID) throws(Failure) -> [String] {
        let folder = corrections(stage)
        // Without the folder nobody corrected anything.
        guard FileText.exists(folder) else { return [] }
        do {
            return try FileManager.default.contentsOfDirectory(atPath: folder)
        } catch {
            throw Failure("the corrected rows in \(folder) cannot be read: \(error.reason)")
        }
    }

    private static func lost(_ file: String, _ reason: String) -> Failure {
        Failure(
            "corrected rows are lost: \(file) \(reason)",
            remedy: "put it back; or remove it with all of its name, and correct the rows again with "
                + "'caudal quarantine replay'")
    }

    /// What an attempt of a validate stage read of its input, without the corrections that it read beside it.
    package func correctedInputs(in reads: [InputVersion], of input: DatasetName) -> [InputVersion] {
        let own = "/runs/\(PathText.lastComponent(of: path))/corrections/"
        return reads.filter { $0.dataset == input && !$0.path.contains(own) }
    }

    /// Keeps corrected rows.
    ///
    /// `inputs`: the files whose rows they stand in for, with their fingerprints.
    ///
    /// - Returns: The file they are in.
    /// - Throws: what writing to the run's folder throws.
    package func keep(
        corrections text: String, of stage: StageID, madeFor inputs: [InputVersion]
    ) throws -> String {
        let folder = corrections(stage)
        let last = try correctionFiles(stage).last.map(PathText.lastComponent).flatMap { Int($0.dropLast(4)) } ?? 0
        let number = String(last + 1)
        let place = "\(folder)/\(String(repeating: "0", count: max(0, 4 - number.count)))\(number).csv"
        try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        let origin = try JSONEncoder().encode(Origin(inputs: inputs, contentHash: ContentHash.of(text)))
        // The rows come last, under their name only once they are whole: they are never there without the other.
        try FileText.write(text, to: place + ".new", isPrivate: true)
        try FileText.write(String(decoding: origin, as: UTF8.self), to: place + Self.originSuffix, isPrivate: true)
        try FileText.replace(text, at: place)
        return place
    }

    /// Removes corrected rows that nothing was made of.
    ///
    /// - Throws: what removing their files throws.
    package func remove(corrections file: String) throws {
        try FileManager.default.removeItem(atPath: file + Self.originSuffix)
        try FileManager.default.removeItem(atPath: file)
    }

    /// Whether corrected rows may stand in for rows of an input: it is what they were made for.
    package func areCorrections(in file: String, madeFor inputs: [InputVersion]) throws(Failure) -> Bool {
        guard let made = try Self.origin(of: file)?.inputs else { return false }
        func prints(_ versions: [InputVersion]) -> Set<[String?]> { Set(versions.map { [$0.path, $0.contentHash] }) }
        return made.isEmpty || prints(made) == prints(inputs)
    }

    /// What corrected rows were made for; nil where that is not there.
    private static func origin(of corrections: String) throws(Failure) -> Origin? {
        let file = corrections + originSuffix
        guard FileText.exists(file) else { return nil }
        guard FileText.isFile(file) else { throw lost(file, "is no file") }
        let bytes = try FileText.bytes(file)
        do { return try JSONDecoder().decode(Origin.self, from: Data(bytes)) } catch { throw lost(file, "is damaged") }
    }

    private static let originSuffix = ".inputs.json"
}
