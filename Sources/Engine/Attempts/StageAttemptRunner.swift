package import CaudalModel

/// Makes the attempts of one run's stages: finds their data, has the work done, judges what came out and publishes it.
///
/// It holds what all attempts of the run share, as one object because every attempt refers to it; what belongs to one attempt is its
/// ``AttemptContext``.
package final class StageAttemptRunner: AttemptRunner {
    let loaded: LoadedPipeline
    let facts: RunFacts
    let folder: RunFolder
    let store: RunStore
    let tools: DataTools
    /// The tables of connections.
    let tables: TableReader
    let resolver: SourceResolver
    /// What runs programs.
    let executors: ProgramExecutors
    let reuse: StageReuse
    /// Whether stages that add to their outputs make them anew.
    let refreshesAll: Bool
    let now: @Sendable () -> Moment
    /// Which versions of sources were read.
    private let versions: SourceVersions
    /// The datasets that no stage of the pipeline writes.
    private let pipelineSources: Set<DatasetName>

    /// - Parameter run: The run so far.
    /// - Throws: ``StoreError`` when it cannot be read what the run has read.
    package init(
        loaded: LoadedPipeline, run: RunState, facts: RunFacts, folder: RunFolder, store: RunStore, tools: DataTools,
        reusesUnchanged: Bool = false, refreshesAll: Bool = false, now: @escaping @Sendable () -> Moment
    ) throws(StoreError) {
        self.loaded = loaded
        self.facts = facts
        self.folder = folder
        self.store = store
        self.tools = tools
        self.now = now
        self.refreshesAll = refreshesAll
        versions = try SourceVersions(of: run, in: store)
        pipelineSources = Set(loaded.pipeline.datasets.map(\.name).filter { loaded.pipeline.producer(of: $0) == nil })
        tables = TableReader(
            pipeline: loaded.pipeline, facts: facts, tools: tools,
            versions: TableVersions(file: folder.path + "/table-versions.json"))
        reuse = StageReuse(loaded: loaded, store: store, reusesUnchanged: reusesUnchanged)
        resolver = SourceResolver(pipeline: loaded.pipeline, tools: tools, tables: tables)
        executors = ProgramExecutors(
            loaded.host(reactor: tools.reactor, state: store.folder, run: folder), targets: loaded.pipeline.targets)
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

    package func forget(_ unit: UnitID) { versions.forget(unit) }

    package func run(
        _ order: AttemptOrder, control: AttemptControl, publish: PublicationRecorder
    ) async -> AttemptResult {
        let started = now()
        control.log.noteStart(of: order)
        var result = await outcome(of: order, control, started, publish)
        if control.stopReason != nil, result.ending == .failed {
            result.ending = .stopped
            if control.stopReason == .timedOut, let timeout = loaded.pipeline.stage(order.unit.stage)?.timeout {
                result.failure = Failure("it took longer than \(timeout.written) and was stopped")
            }
        }
        if let items = result.items, let fault = Self.secret(in: items, control.log) { result = fault }
        if result.ending == .succeeded { tell(order.unit, &result, control.log) }
        result.duration = now().since(started)
        result.mask(control.log)
        control.log.noteEnd(result, wasCancelled: control.stopReason == .cancelled)
        return result
    }

    /// The refusal of items with a secret in their values, which are recorded as they are.
    private static func secret(in items: [Item], _ log: AttemptLog) -> AttemptResult? {
        let values = items.lazy.flatMap(\.values.values).compactMap { $0 }
        guard values.contains(where: { log.masked($0) != $0 }) else { return nil }
        return .failed(
            "the values of 'foreach' have a secret, and items are recorded with their values",
            remedy: "give the stage the secret by 'env', and leave it out of its items")
    }

    /// Tells of sources that other stages of the run have read in another version.
    private func tell(_ unit: UnitID, _ result: inout AttemptResult, _ log: AttemptLog) {
        let sources = pipelineSources
        let notes = versions.note(unit, result.reads.filter { $0.dataset.map(sources.contains) ?? false })
        for note in notes { log.note(note, level: .warn) }
        result.notes += notes
    }

    /// What an attempt ended with, whichever way it ended.
    private func outcome(
        of order: AttemptOrder, _ control: AttemptControl, _ started: Moment, _ publish: PublicationRecorder
    ) async -> AttemptResult {
        do {
            return try await attempt(order, control, started, publish)
        } catch let nothing as NothingToRead {
            return AttemptResult(ending: .skipped, reuseReason: nothing.reason)
        } catch {
            return AttemptResult(ending: .failed, failure: Failure(describing: error))
        }
    }

    private func attempt(
        _ order: AttemptOrder, _ control: AttemptControl, _ started: Moment, _ publish: PublicationRecorder
    ) async throws -> AttemptResult {
        guard let stage = loaded.pipeline.stage(order.unit.stage) else {
            throw Failure("the pipeline file has no stage '\(order.unit.stage)' any more")
        }
        var context: AttemptContext
        do {
            context = try await found(stage, order, control, started)
        } catch let failure as Failure {
            guard let reason = order.reasonToSkip(stage) else { throw failure }
            return AttemptResult(ending: .skipped, reuseReason: reason)
        }
        let preparation = try await context.prepare()
        var result: AttemptResult
        switch order.purpose {
        case .findItems: result = try await context.findItems()
        case .attach: result = try await context.workWithKey(publish)
        case .work:
            let decision = reuse.isWanted(for: stage) ? try await context.reuseDecision() : nil
            switch decision {
            case .reuse(let success): return context.reused(success)
            case .run(let reason):
                result = try await context.workWithKey(publish)
                result.reuseReason = reason
            case nil: result = try await context.workWithKey(publish)
            }
            result.notes += preparation.earlierFiles
        }
        result.shapes = preparation.shapes.isEmpty ? nil : preparation.shapes
        result.notes = preparation.notes + result.notes
        return result
    }

    /// An attempt with its data found.
    // Inside of `attempt` the optimizer of Swift 6.3.1 crashes on it ("while splitting coroutine"), in release builds only.
    @inline(never)
    func found(
        _ stage: Stage, _ order: AttemptOrder, _ control: AttemptControl, _ started: Moment
    ) async throws -> AttemptContext {
        var attempt = StageAttempt(
            pipeline: loaded.pipeline, stage: stage, item: order.item, facts: facts, sql: tools.sql,
            schemas: loaded.schemas,
            stagingFolder: folder.attempt(order.unit, order.number), sharedFolder: folder.shared(stage.id),
            history: StoredCheckHistory(
                store: store, pipeline: loaded.pipeline.name, environment: loaded.pipeline.chosenEnvironment,
                before: facts.runID, item: order.item?.key),
            now: started, state: order.state)
        if let state = order.state { attempt.background = try RunBackground(of: state, in: store) }
        var context = AttemptContext(runner: self, order: order, control: control, attempt: attempt)
        try await context.findSources()
        context.chooseEngine()
        return context
    }
}

extension LoadedPipeline {
    /// What this machine gives to programs of a run.
    package func host(reactor: ProcessReactor, state: StateFolder, run: RunFolder) -> ProgramHost {
        // This process may itself be a program of a stage, whose output is none of its programs'.
        let own = variables.filter { !Template.Reference.isGiven(byVariable: $0.key) }
        return ProgramHost(
            reactor: reactor, folder: pipeline.root, environment: own, state: state.path, staging: run.staging)
    }
}

extension AttemptOrder {
    /// Why a stage whose data was not found is skipped; nil where it fails.
    ///
    /// Where the stage that writes the data was skipped, there is nothing to work on, and nothing went wrong.
    fileprivate func reasonToSkip(_ stage: Stage) -> String? {
        let skipped = absent.filter(\.value.isSkipped).sorted { $0.key < $1.key }
        guard let (name, absence) = skipped.first(where: { stage.dataNames.contains($0.key) }) else { return nil }
        return "'\(name)' was not made in this run: \(absence.reason)"
    }
}
