package import CaudalModel
import Foundation

/// Corrected rows of a validate stage, and the inputs they were made for.
extension RunFolder {
    /// The folder of a validate stage's corrected rows: one file for each time a user supplied some.
    package func corrections(_ stage: StageID) -> String { path + "/corrections/" + PathComponent.of(stage.rawValue) }

    /// The inputs that a file of corrected rows was made for, and its fingerprint, so that a damaged file is detected.
    private struct Origin: Codable {
        var inputs: [InputVersion]
        var contentHash: String
    }

    /// The files of corrected rows, oldest first.
    ///
    /// - Parameter read: Files that a recorded success of the stage has read.
    /// - Throws: ``Failure`` when a file is missing or was changed.
    package func correctionFiles(_ stage: StageID, read: [String] = []) throws(Failure) -> [String] {
        let names = try correctionNames(stage)
        let files = names.filter { $0.hasSuffix(".csv") }.sorted()
        var expected = Set(files).union(read.map(PathText.lastComponent))
        for name in names where name.hasSuffix(Self.originSuffix) {
            let file = String(name.dropLast(Self.originSuffix.count))
            // A file with its temporary text beside it is incomplete: the process that wrote it died.
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
        // Without the folder there are no corrections.
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

    /// The inputs of a validate stage's attempt, without the corrections it read.
    package func correctedInputs(in reads: [InputVersion], of input: DatasetName) -> [InputVersion] {
        let own = "/runs/\(PathText.lastComponent(of: path))/corrections/"
        return reads.filter { $0.dataset == input && !$0.path.contains(own) }
    }

    /// Stores corrected rows.
    ///
    /// - Parameter inputs: The files that the rows belong to, with their fingerprints.
    /// - Returns: The file with the rows.
    /// - Throws: ``Failure`` or Foundation's error when the run's folder cannot be written to.
    package func keep(
        corrections text: String, of stage: StageID, madeFor inputs: [InputVersion]
    ) throws -> String {
        let folder = corrections(stage)
        let last = try correctionFiles(stage).last.map(PathText.lastComponent).flatMap { Int($0.dropLast(4)) } ?? 0
        let number = String(last + 1)
        let place = "\(folder)/\(String(repeating: "0", count: max(0, 4 - number.count)))\(number).csv"
        try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        let origin = JSONText.encoded(Origin(inputs: inputs, contentHash: ContentHash.of(text)))
        // The rows get their final name last, so that they never exist without their origin.
        try FileText.write(text, to: place + ".new", isPrivate: true)
        try FileText.write(origin, to: place + Self.originSuffix, isPrivate: true)
        try FileText.replace(text, at: place)
        return place
    }

    /// Removes corrected rows that no output was made from.
    ///
    /// - Throws: Foundation's error when their files cannot be removed.
    package func remove(corrections file: String) throws {
        try FileManager.default.removeItem(atPath: file + Self.originSuffix)
        try FileManager.default.removeItem(atPath: file)
    }

    /// Whether corrected rows belong to an input: whether they were made for it.
    ///
    /// - Throws: ``Failure`` when their origin cannot be read.
    package func areCorrections(in file: String, madeFor inputs: [InputVersion]) throws(Failure) -> Bool {
        guard let made = try Self.origin(of: file)?.inputs else { return false }
        func prints(_ versions: [InputVersion]) -> Set<[String?]> { Set(versions.map { [$0.path, $0.contentHash] }) }
        return made.isEmpty || prints(made) == prints(inputs)
    }

    /// The origin of corrected rows; nil when it is missing.
    private static func origin(of corrections: String) throws(Failure) -> Origin? {
        let file = corrections + originSuffix
        guard FileText.exists(file) else { return nil }
        guard FileText.isFile(file) else { throw lost(file, "is no file") }
        let bytes = try FileText.bytes(file)
        do { return try JSONDecoder().decode(Origin.self, from: Data(bytes)) } catch { throw lost(file, "is damaged") }
    }

    private static let originSuffix = ".inputs.json"
}
