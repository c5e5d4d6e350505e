import Foundation

/// Rows of a validate stage that somebody corrected, and what they were corrected for.
extension RunFolder {
    /// Where the corrected rows of a validate stage are kept, a file for each time somebody gave some.
    package func corrections(_ stage: StageID) -> String { path + "/corrections/" + PathText.component(stage.rawValue) }

    /// The files of corrected rows, first to last.
    package func correctionFiles(_ stage: StageID) -> [String] {
        let folder = corrections(stage)
        // Without the folder nobody corrected anything.
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        return names.filter { $0.hasSuffix(".csv") }.sorted().map { folder + "/" + $0 }
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
    package func keep(
        corrections text: String, of stage: StageID, madeFor inputs: [InputVersion]
    ) throws -> String {
        let folder = corrections(stage)
        let last = correctionFiles(stage).last.map(PathText.lastComponent).flatMap { Int($0.dropLast(4)) } ?? 0
        let number = String(last + 1)
        let place = "\(folder)/\(String(repeating: "0", count: max(0, 4 - number.count)))\(number).csv"
        try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        let versions = String(decoding: try JSONEncoder().encode(inputs), as: UTF8.self)
        // First, so that no corrections are ever there without it.
        try FileText.write(versions, to: Self.inputsFile(place), isPrivate: true)
        try FileText.write(text, to: place, isPrivate: true)
        return place
    }

    /// Whether corrected rows may stand in for rows of an input: it is what they were made for.
    ///
    /// Corrections of an older caudal do not say what they were made for, and are taken.
    package func isFor(_ inputs: [InputVersion], corrections file: String) -> Bool {
        guard let text = try? FileText.bytes(Self.inputsFile(file)),
            let made = try? JSONDecoder().decode([InputVersion].self, from: Data(text))
        else { return true }
        func prints(_ versions: [InputVersion]) -> Set<[String?]> { Set(versions.map { [$0.path, $0.contentHash] }) }
        return made.isEmpty || prints(made) == prints(inputs)
    }

    private static func inputsFile(_ corrections: String) -> String { corrections + ".inputs.json" }
}
