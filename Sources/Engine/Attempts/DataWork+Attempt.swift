import CaudalModel

/// SQL, run by the engine.
extension DataWork: AttemptWork {
    // The script's own files lie in it.
    var needsFolder: Bool { true }

    func run(in context: AttemptContext) async throws -> FinishedWork {
        let shared = [context.attempt.sharedFolder].compactMap { $0 }.filter(FileText.exists)
        async let versions = context.versions(of: reads)
        let execution = try await context.execute(
            script, essential: essentialStatements, reading: reads.flatMap(\.files), writing: shared,
            threads: threads, memory: memory, isMain: true)
        var done = FinishedWork(result: AttemptResult(ending: .succeeded))
        done.result.take(execution)
        done.result.reads = await versions
        done.result.tool = try await context.tools.program().description
        guard execution.failure == nil, let readings = execution.readings else { return done }
        try context.refuseChange()
        try await context.refuseOtherVersion()
        done.evidence = evidence
        let outcome: DataOutcome
        do {
            outcome = try conclude(readings)
        } catch {
            done.result.fail(Failure(describing: error))
            return done
        }
        done.result.rows = outcome.rows
        done.result.notes = outcome.notes
        done.outputRows = outcome.outputRows
        if let failure = outcome.failure { done.result.fail(failure) }
        for note in outcome.notes { context.log.note(note) }
        // Checks of what is not published anyway would only hide why it is not.
        let judged = outcome.failure == nil ? judge(readings, execution.errors, []) : []
        context.judge(outcome.checks + judged, &done.result, withholds: !outputs.isEmpty)
        return done
    }
}
