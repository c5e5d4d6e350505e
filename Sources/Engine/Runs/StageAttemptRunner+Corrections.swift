/// Rows that somebody corrected.
extension StageAttemptRunner {
    /// The corrections that an attempt takes: those that were made for its input as it is now.
    ///
    /// The others name rows of a file that is gone: whatever stands in those rows now is not what was corrected.
    @inline(never)
    func usableCorrections(
        of attempt: StageAttempt, _ order: AttemptOrder, _ control: AttemptControl
    ) async throws -> [String] {
        guard let input = attempt.stage.definition.validatedInput, let source = attempt.sources[input.value]
        else { return [] }
        let files = try folder.correctionFiles(
            attempt.stage.id, read: try store.correctionsRead(by: attempt.stage.id, in: facts.runID))
        if files.isEmpty { return [] }
        let inputs = await versions(of: [source], attempt, order)
        let usable = try files.filter { try folder.areCorrections(in: $0, madeFor: inputs) }
        if usable.count < files.count {
            let names = "\((files.count - usable.count).counted("file")) of corrected rows"
            control.log.note(
                "\(names) passed over: '\(source.dataset)' is not what the rows were corrected for any more",
                level: .warn)
        }
        return usable
    }
}
