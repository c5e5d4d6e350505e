import Foundation

/// Tables of connections: what a stage reads of them, and what it loads into them.
extension StageAttemptRunner {
    /// Copies the tables that an attempt reads, and looks at the one that it loads.
    func prepareTables(
        _ attempt: inout StageAttempt, _ order: AttemptOrder, _ control: AttemptControl
    ) async throws {
        for (name, source) in attempt.sources.sorted(by: { $0.key < $1.key }) {
            guard let table = source.table, let folder = attempt.stagingFolder else { continue }
            let tables = folder + "/.tables"
            try makeFolder(tables)
            let file = "\(tables)/\(PathComponent.of(name.rawValue)).parquet"
            try await self.tables.copy(source, to: file, for: control)
            attempt.sources[name]?.files = [file]
            control.log.note("read the table \(table)")
            try await refuseOthersRows(in: source, attempt, order, control)
        }
        // A command reads files as they lie there.
        if !attempt.stage.definition.runsProgram {
            for (name, source) in attempt.sources.sorted(by: { $0.key < $1.key }) {
                attempt.sources[name] = try await plain(source, in: attempt.stagingFolder)
            }
        }
        try await tools.lookForTimes(attempt.stage.type, attempt.typing, in: &attempt.sources)
        if let output = attempt.stage.loadOutput, let dataset = attempt.pipeline.dataset(output) {
            attempt.loadTarget = try await tables.target(
                of: dataset, record: LoadRecord.Key(run: attempt.facts.runID, stage: attempt.stage.id))
        }
    }

    /// Refuses a copy of a table that this run loaded, or was told about, when it may have the rows of a later load.
    ///
    /// Asked behind the copy: whatever was loaded before it has left its record, in the transaction of its rows.
    private func refuseOthersRows(
        in source: DataSource, _ attempt: StageAttempt, _ order: AttemptOrder, _ control: AttemptControl
    ) async throws {
        guard let table = source.table, let dataset = loaded.pipeline.dataset(source.dataset),
            loaded.pipeline.producer(of: source.dataset) != nil
        else { return }
        let loads = try await tables.loads(of: dataset)
        if let made = order.made[source.dataset] {
            let key = LoadRecord.Key(run: facts.runID, stage: made.writer)
            if let fault = RecordedLoad.fault(loads, own: key, dataset) { throw fault }
            if loads.count > 1, loads.first(where: { $0.key == key })?.isAppend == true {
                control.log.note("\(table) was appended to: rows of other loads are in it too")
            }
        } else if let told = attempt.earlier[table.description], let last = loads.last, last != told.load {
            throw Failure(
                "\(last.words) loaded \(table) while it was read", remedy: "retry the stage",
                location: dataset.placeLocation)
        }
    }

    /// A source whose files every reader takes for the same rows: some are copied for it.
    func plain(_ source: DataSource, in folder: String?) async throws -> DataSource {
        guard !source.copies.isEmpty, let folder else { return source }
        do {
            return try await source.madePlain(
                in: "\(folder)/.plain/\(PathComponent.of(source.dataset.rawValue))", tools)
        } catch var failure as Failure {
            failure.location = failure.location ?? loaded.pipeline.dataset(source.dataset)?.placeLocation
            throw failure
        }
    }

    /// Loads rows: they are counted and checked where no database can be reached, and then loaded in one transaction.
    func conduct(
        _ work: LoadWork, _ attempt: StageAttempt, _ order: AttemptOrder, _ control: AttemptControl
    ) async throws -> AttemptResult {
        try makeFolder(attempt.stagingFolder)
        defer { removeFolder(attempt.stagingFolder) }
        let examination = work.examination
        async let reads = versions(of: examination.reads, attempt, order)
        let looked = try await run(
            examination.script, essential: examination.essentialStatements, attempt, order, control,
            reading: examination.reads.flatMap(\.files), writing: [], threads: examination.threads,
            memory: examination.memory)
        var result = AttemptResult(ending: .succeeded)
        result.take(looked)
        result.reads = await reads
        guard looked.failure == nil, let readings = looked.readings else { return result }
        try refuseChange(since: attempt.marks, order)
        let record: LoadRecord
        do throws(Failure) {
            record = try work.record(readings)
        } catch {
            result.ending = .failed
            result.failure = error
            return result
        }
        result.checks = attempt.kept(examination.judge(readings, looked.errors, []))
        log(result.checks, control)
        if let failure = Self.failure(of: result.checks, keepsOutputs: true) {
            result.ending = .failed
            result.failure = failure
            return result
        }
        result.rows = RowAccount(read: record.rows, written: record.rows)
        if work.mode == .append, let earlier = work.target.earlier {
            guard earlier == record else {
                result.ending = .failed
                result.failure = Failure(
                    "this run has appended \(earlier.rows.counted("row")) to '\(work.target.table)' already, and its "
                        + "rows are others now (\(record.rows.grouped))",
                    remedy:
                        "rows that were appended cannot be told from others: use 'mode: upsert', or remove them and "
                        + "their line in '\(LoadRecord.table)' by hand")
                return result
            }
            result.notes.append("the rows had been loaded by an earlier attempt: nothing was appended twice")
            control.log.note(result.notes.last ?? "")
        } else {
            let script = work.load(record)
            var job = DuckDBJob(
                script: script, essentialStatements: script.statements.count,
                scriptFile: folder.sqlFile(order.unit, order.number).dropSuffix(".sql") + ".load.sql",
                workFolder: attempt.stagingFolder ?? folder.staging, files: work.files, folders: [],
                threads: examination.threads, memory: examination.memory ?? tools.defaultMemory,
                attachment: try await tools.attachment(of: work.target.link, isReadOnly: false))
            job.hidesValues = attempt.samples.hidesValues
            let loaded = try await tools.executor().execute(job, for: control)
            result.take(loaded)
            if var failure = loaded.failure {
                // Others that open the database next must not find half a change; what cannot be undone now is told
                // to whoever needs the table next.
                if let path = work.target.link.path { try? SQLiteRecovery.heal(path) }
                failure.remedy = (failure.remedy.map { $0 + "; " } ?? "") + "the table is as it was"
                result.failure = failure
                return result
            }
        }
        result.artifacts = [
            Artifact(
                dataset: work.output, path: work.target.table.description, sizeInBytes: 0, rowCount: record.rows,
                columns: work.columns)
        ]
        return result
    }
}

extension String {
    fileprivate func dropSuffix(_ suffix: String) -> String {
        hasSuffix(suffix) ? String(dropLast(suffix.count)) : self
    }
}
