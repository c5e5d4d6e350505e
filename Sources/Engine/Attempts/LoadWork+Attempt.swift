import CaudalModel

/// Rows for a table: counted and checked where no database can be reached, and then loaded in one transaction.
extension LoadWork: AttemptWork {
    // A table is changed in its database; nothing is published.
    var outputs: [StagedOutput] { [] }
    var needsFolder: Bool { true }

    func run(in context: AttemptContext) async throws -> FinishedWork {
        async let reads = context.versions(of: examination.reads)
        let examined = try await context.execute(
            examination.script, essential: examination.essentialStatements,
            reading: examination.reads.flatMap(\.files), threads: examination.threads, memory: examination.memory)
        var done = FinishedWork(result: AttemptResult(ending: .succeeded))
        done.result.take(examined)
        done.result.reads = await reads
        guard examined.failure == nil, let readings = examined.readings else { return done }
        try context.refuseChange()
        let record: LoadRecord
        do throws(LoadError) {
            record = try self.record(readings)
        } catch {
            done.result.fail(error.failure)
            return done
        }
        context.judge(examination.judge(readings, examined.errors, []), &done.result, withholds: true)
        if done.result.ending == .failed { return done }
        done.result.rows = RowAccount(read: record.rows, written: record.rows)
        if mode == .append, let earlier = target.earlier {
            guard earlier == record else {
                let error = LoadError.appendedOtherRows(
                    to: target.table.description, earlier: earlier.rows, now: record.rows)
                done.result.fail(error.failure)
                return done
            }
            let note = "the rows had been loaded by an earlier attempt: nothing was appended twice"
            done.result.notes.append(note)
            context.log.note(note)
        } else {
            try await load(record, in: context, &done.result)
            if done.result.ending == .failed { return done }
        }
        done.result.artifacts = [
            Artifact(
                dataset: output, path: target.table.description, sizeInBytes: 0, rowCount: record.rows,
                columns: columns)
        ]
        return done
    }

    /// A script that works with the rows, behind the examination.
    private func job(_ script: SQLScript, in context: AttemptContext) -> SQLJob {
        let examined = context.folder.sqlFile(context.order.unit, context.order.number)
        var job = SQLJob(
            script: script, essentialStatements: script.statements.count,
            scriptFile: (examined.hasSuffix(".sql") ? String(examined.dropLast(4)) : examined) + ".load.sql",
            workFolder: context.attempt.stagingFolder ?? context.folder.staging, files: files, folders: [],
            threads: examination.threads, memory: examination.memory ?? context.tools.defaultMemory)
        job.hidesValues = context.attempt.samples.hidesValues
        return job
    }

    /// Writes the rows to a file, and puts that in the place of the object.
    private func put(
        _ file: String, _ record: LoadRecord, in context: AttemptContext, _ result: inout AttemptResult
    ) async throws {
        let written = try await context.tools.execute(job(load(record), in: context), for: context.control)
        result.take(written)
        if let failure = written.failure { return result.fail(failure) }
        guard let objects = context.runner.tables.objects(target.link) else { return }
        let key = LoadRecord.Key(run: context.facts.runID, stage: context.stage.id)
        do throws(Failure) {
            try await objects.put(
                file, as: target.table.name, by: key, pipeline: context.loaded.pipeline.name, mode: mode,
                for: context.control)
        } catch {
            return result.fail(error)
        }
        context.log.note("put \(target.table.description), \((FileText.size(file) ?? 0).shortBytes)")
    }

    private func load(
        _ record: LoadRecord, in context: AttemptContext, _ result: inout AttemptResult
    ) async throws {
        if let object { return try await put(object, record, in: context, &result) }
        let script = load(record)
        var job = job(script, in: context)
        job.attachment = try await context.tools.attachment(of: target.link, isReadOnly: false)
        let loaded = try await context.tools.execute(job, for: context.control)
        result.take(loaded)
        guard var failure = loaded.failure else { return }
        // Other programs that open the database next must not find half a change. What cannot be undone now is told to
        // the stage that needs the table next.
        if let path = target.link.path { try? SQLiteRecovery.heal(path) }
        let commit = script.statements.firstIndex { $0.title == LoadCompiler.commitTitle } ?? .max
        let mayBeCommitted = (loaded.readings?.begun ?? .max) > commit
        failure.remedy =
            (failure.remedy.map { $0 + "; " } ?? "") + (await remains(of: record, mayBeCommitted, in: context))
        result.fail(failure)
    }

    /// What a load that failed has left, in words.
    ///
    /// - Parameter mayBeCommitted: Whether it came as far as its commit, of which the answer may be lost.
    private func remains(of record: LoadRecord, _ mayBeCommitted: Bool, in context: AttemptContext) async -> String {
        // Whoever stops a load does not wait until its connection has let the table go.
        if let removal, !mayBeCommitted, context.control.stopReason == nil {
            // Where it cannot be removed, the table is found below.
            _ = try? await context.tools.ask(
                removal, reading: [], attachment: context.tools.attachment(of: target.link, isReadOnly: false))
        }
        if target.columns != nil, !mayBeCommitted { return "the table is as it was" }
        guard let dataset = context.loaded.pipeline.dataset(output) else { return "" }
        do throws(Failure) {
            let key = LoadRecord.Key(run: context.facts.runID, stage: context.stage.id)
            let now = try await context.runner.tables.target(of: dataset, record: mayBeCommitted ? key : nil)
            if mayBeCommitted, now.earlier == record { return "the rows were loaded all the same" }
            if target.columns != nil { return "the table is as it was" }
            return now.columns == nil
                ? "there is no such table, as before" : "the table is there now, without these rows"
        } catch {
            return mayBeCommitted
                ? "whether the rows were loaded is not known, and a retry finds out"
                : "whether there is such a table now is not known"
        }
    }
}
