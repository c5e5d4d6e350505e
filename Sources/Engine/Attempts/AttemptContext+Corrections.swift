import CaudalModel

/// Rows that a user corrected.
extension AttemptContext {
    /// The corrections that the attempt takes: those that were made for its input as it is now.
    ///
    /// The others name rows of a file that is gone: whatever stands in those rows now is not what was corrected.
    ///
    /// - Throws: ``Failure`` where the corrections or their record cannot be read.
    @inline(never)
    func usableCorrections() async throws -> [String] {
        guard let input = stage.definition.validatedInput, let source = attempt.sources[input.value] else { return [] }
        let files = try folder.correctionFiles(
            stage.id, read: try store.correctionsRead(by: stage.id, in: facts.runID))
        if files.isEmpty { return [] }
        let inputs = await versions(of: [source])
        let usable = try files.filter { try folder.areCorrections(in: $0, madeFor: inputs) }
        if usable.count < files.count {
            let names = "\((files.count - usable.count).counted("file")) of corrected rows"
            log.note(
                "\(names) passed over: '\(source.dataset)' is not what the rows were corrected for any more",
                level: .warn)
        }
        return usable
    }
}
