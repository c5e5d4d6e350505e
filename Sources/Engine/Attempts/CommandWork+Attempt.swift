import CaudalModel

/// A program, run where the stage says.
extension CommandWork: AttemptWork {
    var needsFolder: Bool { !lists.isEmpty }

    func run(in context: AttemptContext) async throws -> FinishedWork {
        // Work that goes on elsewhere has them, and may be reading.
        for list in lists where context.begun == nil {
            try context.makeFolder(PathText.folder(of: list.path))
            try FileText.write(list.text, to: list.path, isPrivate: true)
        }
        let inputs = context.stage.definition.inputs.compactMap { context.attempt.sources[$0.value] }
        let (execution, reads) = try await execute(reading: inputs, in: context)
        var done = FinishedWork(result: AttemptResult(ending: .succeeded))
        done.result.take(execution)
        done.result.reads = reads
        context.noteChange(&done.result)
        guard execution.failure == nil, !outputs.isEmpty else { return done }
        _ = try Publisher.plan(outputs)
        if let output = outputs.first, !context.stage.checks.isEmpty {
            let rows = try await check(output, in: context, &done.result)
            for output in outputs { done.outputRows[output.staged] = rows }
        }
        return done
    }

    /// Runs the program, and finds meanwhile which versions it reads.
    private func execute(
        reading inputs: [DataSource], in context: AttemptContext
    ) async throws -> (Execution, [InputVersion]) {
        let executor = try await context.executor()
        if inputs.isEmpty { return (await execute(reading: [], with: executor, in: context), []) }
        async let reads = context.versions(of: inputs)
        return (await execute(reading: inputs.flatMap(\.files), with: executor, in: context), await reads)
    }

    private func execute(
        reading files: [String], with executor: any ProgramExecutor, in context: AttemptContext
    ) async -> Execution {
        var work = self
        work.reads = files
        work.workFolder = context.attempt.stagingFolder
        work.resources = context.stage.resources
        // What the pipeline file sets is the user's own.
        if work.environment[TraceContext.variable] == nil {
            let trace = RunTrace(context.facts.runID, parent: context.facts.traceParent)
            work.environment[TraceContext.variable] =
                trace.context(of: context.order.unit, attempt: context.order.number).text
        }
        return await CommandRunner(executor, takingUp: context.begun).execute(work, for: context.control)
    }

    /// Runs the checks of what the program wrote, where it wrote it, and takes what they found into the result.
    ///
    /// - Returns: The number of rows, where a check had to count them.
    private func check(
        _ output: StagedOutput, in context: AttemptContext, _ result: inout AttemptResult
    ) async throws -> Int64? {
        let attempt = context.attempt
        guard let name = output.dataset, let dataset = context.loaded.pipeline.dataset(name) else { return nil }
        let staged = try await context.runner.resolver.source(staged: output.staged, of: dataset)
        let source = try await context.plain(staged)
        let checks = context.stage.checks
        let faults = CheckCompiler.faults(of: checks, columns: source.columns, references: attempt.referenceTypes)
        if let fault = faults.first { throw fault }
        var script = SQLScript(
            title: "\(attempt.pipeline.name) / \(attempt.stage.id): \(checks.count.counted("check")) of \(name)")
        attempt.bind(attempt.references(of: checks), in: &script)
        let judge = attempt.addChecks(on: source, to: &script)
        let execution = try await context.execute(
            script, essential: 0, reading: source.files + attempt.otherSources(than: name).flatMap(\.files),
            threads: attempt.threads, memory: attempt.stage.resources.memory)
        guard execution.failure == nil, let readings = execution.readings else {
            result.fail(execution.failure ?? Failure("the checks gave no results"))
            return nil
        }
        context.judge(judge(readings, execution.errors, source.columns), &result, withholds: true)
        return readings.measuredRows
    }
}

extension AttemptContext {
    /// Says in a program's result that a file was changed while it ran: what it did cannot be undone, and which version
    /// it read cannot be said.
    fileprivate func noteChange(_ result: inout AttemptResult) {
        guard let path = changedFile(since: attempt.marks) else { return }
        let name = PathText.relative(path, to: loaded.pipeline.root)
        let note = "\(name) was changed while the program ran: which version it read is not known"
        result.notes.append(note)
        log.note(note, level: .warn)
        for index in result.reads.indices where result.reads[index].path == name {
            result.reads[index].contentHash = nil
        }
    }
}
