import Foundation

/// Makes attempts of real stages: finds their data, has an executor do the work, judges what came out and publishes it.
package struct StageAttemptRunner: AttemptRunner {
    let loaded: LoadedPipeline
    let facts: RunFacts
    let folder: RunFolder
    let store: RunStore
    let tools: DataTools
    /// The tables of connections.
    let tables: TableReader
    let resolver: SourceResolver
    private let commands: ProcessExecutor
    let reuse: StageReuse
    let now: @Sendable () -> Moment

    package init(
        loaded: LoadedPipeline, facts: RunFacts, folder: RunFolder, store: RunStore, tools: DataTools,
        reusesUnchanged: Bool = false, now: @escaping @Sendable () -> Moment
    ) {
        self.loaded = loaded
        self.facts = facts
        self.folder = folder
        self.store = store
        self.tools = tools
        self.now = now
        tables = TableReader(pipeline: loaded.pipeline, facts: facts, tools: tools)
        reuse = StageReuse(loaded: loaded, store: store, reusesUnchanged: reusesUnchanged)
        resolver = SourceResolver(pipeline: loaded.pipeline, tools: tools, tables: tables)
        commands = ProcessExecutor(
            reactor: tools.reactor, folder: loaded.pipeline.root, environment: loaded.variables)
    }

    package func wantsState(_ stage: StageID) -> Bool {
        loaded.pipeline.stage(stage)?.definition.wantsRunState == true
    }

    package func readsByPlace(_ stage: StageID) -> Bool {
        let pipeline = loaded.pipeline
        guard let stage = pipeline.stage(stage) else { return false }
        let listsFiles = stage.fanOut?.variables.contains { if case .files = $0.source { true } else { false } }
        return listsFiles == true
            || stage.reads.contains { read in
                pipeline.producer(of: read.value) == nil && pipeline.dataset(read.value)?.path != nil
            }
    }

    package func conduct(
        _ order: AttemptOrder, control: AttemptControl,
        publish: @Sendable (PublishPlan, AttemptResult) async -> Bool
    ) async -> AttemptResult {
        let started = now()
        control.log.note(order.number == 1 ? "started" : "attempt \(order.number) started")
        var result: AttemptResult
        do {
            result = try await attempt(order, control, started, publish)
        } catch let nothing as NothingToRead {
            result = AttemptResult(ending: .skipped, reuseReason: nothing.reason)
        } catch let failure as Failure {
            result = AttemptResult(ending: .failed, failure: failure)
        } catch let error as ConfigError {
            result = AttemptResult(
                ending: .failed, failure: Failure(error.message, remedy: error.remedy, location: error.location))
        } catch {
            result = .failed(error.reason)
        }
        if control.stopReason != nil, result.ending == .failed {
            result.ending = .stopped
            if control.stopReason == .timedOut, let timeout = loaded.pipeline.stage(order.unit.stage)?.timeout {
                result.failure = Failure("it took longer than \(timeout.written) and was stopped")
            }
        }
        result.duration = now().since(started)
        result.mask(control.log)
        note(result, control)
        return result
    }

    /// The line that ends an attempt's story in the log.
    private func note(_ result: AttemptResult, _ control: AttemptControl) {
        let took = result.duration.short
        if let failure = result.failure {
            let word = result.ending == .stopped ? "stopped" : "failed"
            return control.log.note(
                "\(word) after \(took): \(failure.description)", level: result.ending == .stopped ? .warn : .error)
        }
        if result.ending == .reused || result.ending == .skipped {
            return control.log.note("\(result.ending.rawValue): \(result.reuseReason ?? "")")
        }
        if let reason = result.reuseReason { control.log.note("ran: \(reason)") }
        let rows =
            result.rows.map { ", \($0.readText) \($0.readText == "1" ? "row" : "rows") in, \($0.written.grouped) out" }
            ?? ""
        control.log.note("\(result.ending.rawValue) in \(took)\(rows)")
    }

    // MARK: - One attempt

    private func attempt(
        _ order: AttemptOrder, _ control: AttemptControl, _ started: Moment,
        _ publish: @Sendable (PublishPlan, AttemptResult) async -> Bool
    ) async throws -> AttemptResult {
        guard let stage = loaded.pipeline.stage(order.unit.stage) else {
            throw Failure("the pipeline file has no stage '\(order.unit.stage)' any more")
        }
        var attempt: StageAttempt
        do {
            attempt = try await found(stage, order, started)
        } catch let failure as Failure {
            // What should lie there from elsewhere does not: there is nothing to work on, and nothing went wrong.
            let skipped = order.absent.filter(\.value.isSkipped).sorted { $0.key < $1.key }
            guard let (name, absence) = skipped.first(where: { stage.dataNames.contains($0.key) }) else {
                throw failure
            }
            var result = AttemptResult(ending: .skipped)
            result.reuseReason = "'\(name)' was not made in this run: \(absence.reason)"
            return result
        }
        let others = logEarlierFiles(of: attempt, control)
        try await prepareTables(&attempt, order, control)
        attempt.corrections = try await usableCorrections(of: attempt, order, control)
        let found = try shapes(of: attempt, order, control)
        if order.purpose == .findItems { return try await findItems(attempt, order, control).telling(found) }
        var reason: String?
        if reuse.isWanted(for: stage) {
            switch try await decision(attempt, order) {
            case .reuse(let success): return reused(success, order)
            case .run(let why): reason = why
            }
        }
        var result = try await workWithKey(attempt, order, control, publish)
        result.reuseReason = reason
        result.notes += others
        return result.telling(found)
    }

    /// An attempt with its data found.
    // Inside of `attempt` the optimizer of Swift 6.3.1 crashes on it ("while splitting coroutine"), in release builds only.
    @inline(never)
    func found(_ stage: Stage, _ order: AttemptOrder, _ started: Moment) async throws -> StageAttempt {
        var attempt = StageAttempt(
            pipeline: loaded.pipeline, stage: stage, item: order.item, facts: facts, schemas: loaded.schemas,
            stagingFolder: folder.attempt(order.unit, order.number), sharedFolder: folder.shared(stage.id),
            history: StoredCheckHistory(
                store: store, pipeline: loaded.pipeline.name, environment: loaded.pipeline.chosenEnvironment,
                before: facts.runID, item: order.item?.key),
            now: started, state: order.state)
        if let state = order.state { attempt.background = try RunBackground(of: state, in: store) }
        attempt.sources = try await sources(of: attempt, order)
        attempt.marks = try marks(of: attempt.sources.values.filter { $0.table == nil }.flatMap(\.knownFiles), order)
        return attempt
    }

    // MARK: - Work

    func work(
        _ given: StageAttempt, _ order: AttemptOrder, _ control: AttemptControl,
        _ publish: @Sendable (PublishPlan, AttemptResult) async -> Bool
    ) async throws -> AttemptResult {
        var attempt = given
        let stage = attempt.stage
        while let question = try stage.type.question(attempt.typing) {
            attempt.queryColumns[question.index] = try await tools.columns(askedFor: question)
        }
        switch try stage.type.work(for: attempt) {
        case .command(let work): return try await conduct(work, attempt, order, control, publish)
        case .data(let work): return try await conduct(work, attempt, order, control, publish)
        case .load(let work): return try await conduct(work, attempt, order, control)
        case .inProcess(let work): return try await conduct(work, attempt, order, control, publish)
        }
    }

    private func sources(of attempt: StageAttempt, _ order: AttemptOrder) async throws -> [DatasetName: DataSource] {
        let stage = attempt.stage
        var names = stage.reads.map(\.value)
        if order.purpose == .findItems { names = stage.fanOutReads.map(\.value) + stage.definition.inputs.map(\.value) }
        guard !names.isEmpty else { return [:] }
        let found = try await resolver.sources(
            of: names, from: origins(of: attempt, order), fill: { filled($0, attempt) })
        return try await withColumns(found, readBy: stage)
    }

    /// What is known of where the data of an attempt comes from.
    func origins(of attempt: StageAttempt, _ order: AttemptOrder) -> DataOrigins {
        let (run, versions) = (facts.runID, versionFinder)
        return DataOrigins(
            reader: attempt.stage.id, made: order.made, absent: order.absent.mapValues(\.reason),
            place: { artifact, writer in try versions.place(of: artifact, in: run, writer: writer) },
            earlier: EarlierOutputs(loaded, facts: facts, store: store),
            announce: { await announcedColumns(of: $0) }, tell: { attempt.earlier.add($0) })
    }

    /// A path with the values of an attempt; without the item that wrote them, all items' files are meant.
    func filled(_ path: Template, _ attempt: StageAttempt) -> String {
        path.filled { reference in
            if case .item = reference, attempt.item == nil { return "*" }
            let value = attempt.value(of: reference)
            if case .item = reference { return PathComponent.of(value) }
            return value ?? ""
        }
    }

    /// Finds where the versions lie that runs published.
    var versionFinder: VersionFinder {
        VersionFinder(
            store: store, root: loaded.pipeline.root, prefersKept: loaded.pipeline.overlap == .allow)
    }

    func makeFolder(_ path: String?) throws(Failure) {
        guard let path else { return }
        do {
            try FileManager.default.createDirectory(
                atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        } catch {
            throw Failure("the folder \(path) cannot be made: \(error.reason)")
        }
    }

    /// Removes what an attempt wrote for itself; what cannot be removed is found by the next clean-up.
    func removeFolder(_ path: String?) {
        guard let path else { return }
        try? FileManager.default.removeItem(atPath: path)
    }

    // MARK: - Kinds of work

    private func findItems(
        _ attempt: StageAttempt, _ order: AttemptOrder, _ control: AttemptControl
    ) async throws -> AttemptResult {
        let (listed, notes) = try listedFiles(of: attempt, order)
        let finder = FanOutFinder(attempt, listed: listed)
        var result = AttemptResult(ending: .succeeded)
        for note in notes { control.log.note(note, level: .warn) }
        result.notes = notes
        var readings: DataReadings?
        if let script = try finder.script() {
            try makeFolder(attempt.stagingFolder)
            try makeFolder(attempt.sharedFolder)
            defer { removeFolder(attempt.stagingFolder) }
            let execution = try await run(
                script, essential: script.statements.count, attempt, order, control,
                reading: attempt.sources.values.flatMap(\.files), writing: [attempt.sharedFolder].compactMap { $0 },
                threads: attempt.threads, memory: attempt.stage.resources.memory)
            result.take(execution)
            if execution.failure != nil { return result }
            readings = execution.readings
        }
        let items = try finder.items(readings).withoutSecrets(control.log)
        control.log.note(items.count.counted("item"))
        result.items = items
        result.rowsToDivide = readings?.counts["divided"]
        return result
    }

    func run(
        _ script: SQLScript, essential: Int, _ attempt: StageAttempt, _ order: AttemptOrder, _ control: AttemptControl,
        reading: [String], writing: [String], threads: Int?, memory: Int64?
    ) async throws -> Execution {
        var job = DuckDBJob(
            script: script, essentialStatements: essential, scriptFile: folder.sqlFile(order.unit, order.number),
            workFolder: attempt.stagingFolder ?? folder.staging, files: reading, folders: writing, threads: threads,
            memory: memory ?? tools.defaultMemory)
        job.hidesValues = attempt.samples.hidesValues
        return try await tools.executor().execute(job, for: control)
    }

    private func conduct(
        _ work: DataWork, _ attempt: StageAttempt, _ order: AttemptOrder, _ control: AttemptControl,
        _ publish: @Sendable (PublishPlan, AttemptResult) async -> Bool
    ) async throws -> AttemptResult {
        try refuseHarm(by: work.outputs, to: attempt)
        try Publisher.prepare(work.outputs)
        try makeFolder(attempt.stagingFolder)
        let shared = [attempt.sharedFolder].compactMap { $0 }.filter(FileText.exists)
        let files = work.reads.flatMap(\.files)
        async let reads = versions(of: work.reads, attempt, order)
        let execution = try await run(
            work.script, essential: work.essentialStatements, attempt, order, control, reading: files, writing: shared,
            threads: work.threads, memory: work.memory)
        var result = AttemptResult(ending: .succeeded)
        result.take(execution)
        result.reads = await reads
        result.tool = "duckdb \(try await tools.program().version)"
        guard execution.failure == nil, let readings = execution.readings else {
            removeFolder(attempt.stagingFolder)
            return result
        }
        try refuseChange(since: attempt.marks, order)
        let outcome: DataOutcome
        do {
            outcome = try work.conclude(readings)
        } catch let failure as Failure {
            removeAll(in: attempt.stagingFolder, except: work.evidence)
            result.ending = .failed
            result.failure = failure
            return result
        }
        result.rows = outcome.rows
        result.notes = outcome.notes
        // Checks of what is not published anyway would only hide why it is not.
        let judged = outcome.failure == nil ? work.judge(readings, execution.errors, []) : []
        result.checks = attempt.kept(outcome.checks + judged)
        for note in outcome.notes { control.log.note(note) }
        log(result.checks, control)
        if let failure = outcome.failure
            ?? Self.failure(of: result.checks, keepsOutputs: !work.outputs.isEmpty)
        {
            removeAll(in: attempt.stagingFolder, except: work.evidence)
            result.ending = .failed
            result.failure = failure
            return result
        }
        result.artifacts = work.outputs.compactMap { artifact(of: $0, rows: outcome.outputRows[$0.staged]) }
        return try await finish(result, work.outputs, attempt, order, control, publish)
    }

    private func conduct(
        _ work: CommandWork, _ attempt: StageAttempt, _ order: AttemptOrder, _ control: AttemptControl,
        _ publish: @Sendable (PublishPlan, AttemptResult) async -> Bool
    ) async throws -> AttemptResult {
        if !work.outputs.isEmpty {
            try refuseHarm(by: work.outputs, to: attempt)
            try Publisher.prepare(work.outputs)
            try makeFolder(attempt.stagingFolder)
        }
        let inputs = attempt.stage.definition.inputs.compactMap { attempt.sources[$0.value] }
        let (execution, reads) = await execute(work, reading: inputs, attempt, order, control)
        var result = AttemptResult(ending: .succeeded)
        result.take(execution)
        result.reads = reads
        if let path = changedFile(since: attempt.marks, order) {
            // What the program did cannot be undone; which version it read cannot be said.
            let name = PathText.relative(path, to: loaded.pipeline.root)
            result.notes.append("\(name) was changed while the program ran: which version it read is not known")
            control.log.note(result.notes.last ?? "", level: .warn)
            for index in result.reads.indices where result.reads[index].path == name {
                result.reads[index].contentHash = nil
            }
        }
        guard execution.failure == nil else {
            if !work.outputs.isEmpty { removeFolder(attempt.stagingFolder) }
            return result
        }
        if work.outputs.isEmpty { return result }
        _ = try Publisher.plan(work.outputs)
        var rows: Int64?
        if let output = work.outputs.first, !attempt.stage.checks.isEmpty {
            do {
                rows = try await check(output, attempt, order, control, &result)
            } catch {
                removeFolder(attempt.stagingFolder)
                throw error
            }
            if result.ending == .failed {
                removeFolder(attempt.stagingFolder)
                return result
            }
        }
        result.artifacts = work.outputs.compactMap { artifact(of: $0, rows: rows) }
        return try await finish(result, work.outputs, attempt, order, control, publish)
    }

    /// Runs a command, and finds meanwhile which versions it reads.
    private func execute(
        _ work: CommandWork, reading inputs: [DataSource], _ attempt: StageAttempt, _ order: AttemptOrder,
        _ control: AttemptControl
    ) async -> (Execution, [InputVersion]) {
        if inputs.isEmpty { return (await commands.execute(work, for: control), []) }
        async let reads = versions(of: inputs, attempt, order)
        return (await commands.execute(work, for: control), await reads)
    }

    /// Runs the checks of what a command wrote, where it wrote it, and puts what they found into its result.
    ///
    /// - Returns: How many rows there are, where a check had to count them.
    private func check(
        _ output: StagedOutput, _ attempt: StageAttempt, _ order: AttemptOrder, _ control: AttemptControl,
        _ result: inout AttemptResult
    ) async throws -> Int64? {
        guard let name = output.dataset, let dataset = loaded.pipeline.dataset(name) else { return nil }
        var source = try await resolver.source(staged: output.staged, of: dataset)
        source = try await plain(source, in: attempt.stagingFolder)
        let checks = attempt.stage.checks
        let faults = CheckCompiler.faults(of: checks, columns: source.columns, references: attempt.referenceTypes)
        if let fault = faults.first { throw fault }
        var script = SQLScript(
            title: "\(attempt.pipeline.name) / \(attempt.stage.id): \(checks.count.counted("check")) of \(name)")
        attempt.bind(attempt.references(of: checks), in: &script)
        let judge = attempt.addChecks(on: source, to: &script)
        let execution = try await run(
            script, essential: 0, attempt, order, control,
            reading: source.files + attempt.otherSources(than: name).flatMap(\.files), writing: [],
            threads: attempt.threads, memory: attempt.stage.resources.memory)
        guard execution.failure == nil, let readings = execution.readings else {
            result.ending = .failed
            result.failure = execution.failure ?? Failure("the checks gave no results")
            return nil
        }
        result.checks = attempt.kept(judge(readings, execution.errors, source.columns))
        log(result.checks, control)
        if let failure = Self.failure(of: result.checks, keepsOutputs: true) {
            result.ending = .failed
            result.failure = failure
        }
        return readings.rows("measures").compactMap { $0.integer("rows") }.first
    }

    private func conduct(
        _ work: InProcessWork, _ attempt: StageAttempt, _ order: AttemptOrder, _ control: AttemptControl,
        _ publish: @Sendable (PublishPlan, AttemptResult) async -> Bool
    ) async throws -> AttemptResult {
        try refuseHarm(by: work.outputs, to: attempt)
        try Publisher.prepare(work.outputs)
        try makeFolder(attempt.stagingFolder)
        let outcome = try work.run()
        var result = AttemptResult(ending: .succeeded)
        result.rows = outcome.rows
        result.notes = outcome.notes
        result.artifacts = work.outputs.compactMap { artifact(of: $0, rows: outcome.outputRows[$0.staged]) }
        return try await finish(result, work.outputs, attempt, order, control, publish)
    }

    // MARK: - Ends

    private func removeAll(in folder: String?, except evidence: [String]) {
        guard let folder, let names = try? FileManager.default.contentsOfDirectory(atPath: folder) else { return }
        for name in names where !evidence.contains(folder + "/" + name) { removeFolder(folder + "/" + name) }
    }

    func log(_ checks: [CheckResult], _ control: AttemptControl) {
        for check in checks {
            let level: LogLevel
            switch check.outcome {
            case .passed: level = .info
            case .warned: level = .warn
            case .failed, .error: level = .error
            }
            let part = check.partition.map { " (\($0))" } ?? ""
            let waiver = check.waiver.map { "; \($0)" } ?? ""
            control.log.note("check \(check.id)\(part) \(check.word): \(check.message)\(waiver)", level: level)
        }
    }

    /// What failing checks mean for their stage; nil when none failed.
    ///
    /// `keepsOutputs`: whether the stage has outputs that stay unpublished.
    static func failure(of checks: [CheckResult], keepsOutputs: Bool) -> Failure? {
        let bad = checks.filter { $0.outcome == .failed || $0.outcome == .error }
        guard let first = bad.first else { return nil }
        let others = bad.count > 1 ? " and \(bad.count - 1) more" : ""
        let part = first.partition.map { " (\($0))" } ?? ""
        var example = ""
        if let sample = first.samples.first {
            let row = sample.row.map { "row \($0.grouped)" } ?? "first"
            let cells = sample.cells(4, ", ")
            example = " (\(row)\(cells.isEmpty ? "" : ": " + cells.shortened(to: 240)))"
        }
        return Failure(
            "check '\(first.id)'\(part) failed\(others): \(first.message)\(example)",
            remedy: "expected: \(first.expectation)" + (keepsOutputs ? "; nothing was published" : ""))
    }
}

extension AttemptResult {
    /// Takes in how the work ended.
    mutating func take(_ execution: Execution) {
        exit = execution.exit
        usage = execution.usage
        lastLines = execution.lastLines
        if let failure = execution.failure {
            ending = .failed
            self.failure = failure
        }
    }

    /// Takes secrets out of every text that came from outside, before it is recorded.
    mutating func mask(_ log: AttemptLog) {
        failure = failure.map {
            Failure(log.masked($0.message), remedy: $0.remedy.map(log.masked), location: $0.location)
        }
        lastLines = lastLines.map(log.masked)
        notes = notes.map(log.masked)
        for index in checks.indices {
            checks[index].message = log.masked(checks[index].message)
            checks[index].expectation = log.masked(checks[index].expectation)
            checks[index].waiver = checks[index].waiver.map(log.masked)
            checks[index].partition = checks[index].partition.map(log.masked)
            for sample in checks[index].samples.indices {
                checks[index].samples[sample].values = checks[index].samples[sample].values.map { $0.map(log.masked) }
            }
        }
    }
}
