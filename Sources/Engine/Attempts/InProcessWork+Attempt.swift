import CaudalModel

/// Work that this process does itself.
extension InProcessWork: AttemptWork {
    var needsFolder: Bool { true }

    func run(in context: AttemptContext) async throws -> FinishedWork {
        let outcome = try run()
        var result = AttemptResult(ending: .succeeded)
        result.rows = outcome.rows
        result.notes = outcome.notes
        return FinishedWork(result: result, outputRows: outcome.outputRows)
    }
}
