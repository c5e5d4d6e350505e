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
            threads: threads ?? (isSmall(context) ? 1 : nil), memory: memory, isMain: true)
        var done = FinishedWork(result: AttemptResult(ending: .succeeded))
        done.result.take(execution)
        done.result.reads = await versions
        done.result.tool = try await context.engineTools.program().description
        guard execution.failure == nil, let readings = execution.readings else { return done }
        try context.refuseChange()
        try await context.refuseOtherVersion()
        try await context.finishOutputs(of: script, outputs, readings)
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

    /// The size of inputs up to which several threads cost more than they gain, in bytes.
    private static let smallInput: Int64 = 256 << 10
    /// The same for items of a divided input, as many of which run at once as there are processors.
    private static let smallPart: Int64 = 64 << 20

    /// Whether it reads so little that one thread does it with less work.
    ///
    /// What queries of the user make of little is not known.
    private func isSmall(_ context: AttemptContext) -> Bool {
        guard context.stage.placement == .local, context.attempt.queryColumns.isEmpty,
            script.statements.allSatisfy({ $0.query == nil })
        else { return false }
        let most = context.isOneOfMany ? Self.smallPart : Self.smallInput
        var size: Int64 = 0
        for file in reads.lazy.flatMap(\.files) {
            size += FileText.size(file) ?? most
            if size > most { return false }
        }
        return true
    }
}
