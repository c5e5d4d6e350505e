import CaudalModel
import Foundation

/// One attempt while it is made: what its run shares, what was ordered, the way to the engine, and what is known so far.
struct AttemptContext: Sendable {
    /// What all attempts of the run share.
    let runner: StageAttemptRunner
    let order: AttemptOrder
    let control: AttemptControl
    /// What the stage's type is told of the attempt.
    var attempt: StageAttempt

    var loaded: LoadedPipeline { runner.loaded }
    var facts: RunFacts { runner.facts }
    var folder: RunFolder { runner.folder }
    var store: RunStore { runner.store }
    var tools: DataTools { runner.tools }
    var stage: Stage { attempt.stage }
    var log: AttemptLog { control.log }

    // MARK: - Where its data comes from

    /// Finds what the attempt reads, as it lies there now.
    ///
    /// - Throws: ``Failure`` for data that is not there, ``NothingToRead`` where nothing was made and nothing went wrong.
    mutating func findSources() async throws {
        var names = stage.reads.map(\.value)
        if order.purpose == .findItems { names = stage.fanOutReads.map(\.value) + stage.definition.inputs.map(\.value) }
        if !names.isEmpty {
            let found = try await runner.resolver.sources(of: names, from: origins, fill: filled)
            attempt.sources = try await withColumns(found)
        }
        attempt.marks = try marks(of: attempt.sources.values.filter { !$0.isCopied }.flatMap(\.knownFiles))
    }

    /// What is known of where the data of the attempt comes from.
    var origins: DataOrigins {
        let (run, versions, attempt) = (facts.runID, versionFinder, attempt)
        var origins = DataOrigins(
            reader: stage.id, made: order.made, absent: order.absent.mapValues(\.reason),
            place: { artifact, writer in try versions.place(of: artifact, in: run, writer: writer) },
            earlier: EarlierOutputs(loaded, facts: facts, store: store),
            announce: { await announcedColumns(of: $0) }, tell: { attempt.earlier.add($0) })
        origins.folderOfCopies = attempt.stagingFolder.map { $0 + "/.fetched" }
        origins.isTakenUp = begun != nil
        origins.masked = { [log] in log.masked($0) }
        return origins
    }

    /// A path with the values of the attempt; without the item that wrote them, all items' files are meant.
    func filled(_ path: Template) -> String {
        path.filled { reference in
            if case .item = reference, attempt.item == nil { return "*" }
            let value = attempt.value(of: reference)
            if case .item = reference { return PathComponent.of(value) }
            return value ?? ""
        }
    }

    /// Finds where the versions lie that runs published.
    var versionFinder: VersionFinder {
        VersionFinder(store: store, root: loaded.pipeline.root, prefersKept: loaded.pipeline.overlap == .allow)
    }

    // MARK: - What its work needs

    /// Has the engine run a script for the attempt.
    ///
    /// `essential`: the number of statements that make the data; those after them are checks.
    /// `reading`: the files that the script may read.
    /// `writing`: the folders that it may write to, besides the attempt's own.
    /// `name`: what tells its file from that of the attempt's work.
    /// `isMain`: whether it is the attempt's work, which runs where the stage says.
    func execute(
        _ script: SQLScript, essential: Int, reading: [String], writing: [String] = [], threads: Int?, memory: Int64?,
        isMain: Bool = false, name: String? = nil
    ) async throws -> Execution {
        var job = SQLJob(
            script: script, essentialStatements: essential, scriptFile: folder.sqlFile(order.unit, order.number, name),
            workFolder: attempt.stagingFolder ?? folder.staging, files: reading, folders: writing, threads: threads,
            memory: memory ?? tools.defaultMemory)
        job.hidesValues = attempt.samples.hidesValues
        job.sources = Array(attempt.sources.values)
        if isMain, attempt.engine == .duckdb {
            job.executor = try await executor()
            job.begun = begun
        }
        var execution = try await engineTools.execute(job, for: control)
        // Most work that is larger than its memory waits on the disk; some cannot, such as a list of all rows.
        for room in tools.largerMemory where room > job.memory {
            guard execution.lacksMemory, memory == nil, stage.placement == .local, control.stopReason == nil else {
                break
            }
            log.note(
                "\(job.memory.shortBytes) of memory are not enough; its script runs again with up to \(room.shortBytes)"
            )
            job.memory = room
            execution = try await engineTools.execute(job, for: control)
        }
        return execution
    }

    /// The work that goes on elsewhere and is taken up again; nil where the attempt begins it.
    var begun: WorkIdentity? { if case .attach(let work) = order.purpose { work } else { nil } }

    /// What runs its program: where the stage says, or where the work goes on that is taken up again, whatever the file says now.
    ///
    /// What earlier attempts may have left running elsewhere is ended before.
    /// - Throws: ``Failure`` where it cannot be told whether something of them goes on.
    func executor() async throws(Failure) -> any ProgramExecutor {
        if case .job? = begun, let folder = attempt.stagingFolder {
            return try runner.executors.executor(continuing: folder)
        }
        let earlier = (1..<max(1, order.number)).map { folder.attempt(order.unit, $0) }
        let ended = try await runner.executors.settle(earlier)
        if !ended.isEmpty {
            log.note("ended what an earlier attempt had left running: \(ended.joined(separator: ", "))", level: .warn)
        }
        return try runner.executors.executor(for: stage.placement)
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

    /// Removes what the attempt wrote for itself; what cannot be removed is found by the next clean-up.
    ///
    /// - Parameter evidence: The files to keep, because they tell why the attempt failed.
    func clearStaging(except evidence: [String] = []) {
        guard let folder = attempt.stagingFolder else { return }
        // The next attempt has to know of what may go on elsewhere.
        let launches = LaunchFolder.open(in: folder).isEmpty ? [] : [folder + "/" + LaunchFolder.name]
        let kept = evidence + launches
        if kept.isEmpty {
            try? FileManager.default.removeItem(atPath: folder)
            return
        }
        for name in (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? [] {
            let path = folder + "/" + name
            if !kept.contains(path) { try? FileManager.default.removeItem(atPath: path) }
        }
    }
}
