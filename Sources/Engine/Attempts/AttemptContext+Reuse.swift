import CaudalModel

/// Whether an attempt can be spared, and what a success of it will be known by.
extension AttemptContext {
    /// Whether an attempt has to be made.
    func reuseDecision() async throws -> ReuseDecision {
        if order.isAskedFor { return .run("asked to run again") }
        if let obstacle = runner.reuse.obstacle(for: stage) { return .run(obstacle) }
        guard let key = await reuseKey() else { return .run("what it reads could not be compared") }
        return try runner.reuse.decide(order.unit, key)
    }

    /// The result of an attempt that is spared for an earlier success: its outputs are this run's versions too.
    func reused(_ success: RecordedSuccess) -> AttemptResult {
        var result = AttemptResult(
            ending: .reused, rows: success.result.rows, artifacts: success.result.artifacts,
            reads: reads(of: success), checks: success.result.checks, reusedFrom: success.run,
            reuseReason: "nothing has changed since run \(success.run)")
        for index in result.artifacts.indices {
            let artifact = result.artifacts[index]
            guard let place = versionFinder.place(of: artifact) else { continue }
            let kept = folder.versions(order.unit, order.number) + "/" + PathText.lastComponent(of: artifact.path)
            let isKept = KeptVersion.keep(place, as: kept)
            result.artifacts[index].kept = isKept ? PathText.relative(kept, to: store.folder.path) : nil
        }
        return result
    }

    /// What an earlier success has read, as this run has it: the content is the same, and its own stages, or other runs, have
    /// made it.
    private func reads(of success: RecordedSuccess) -> [InputVersion] {
        var makers: [String: RunID] = [:]
        for file in attempt.earlier.all {
            makers[PathText.relative(file.target, to: loaded.pipeline.root)] = file.publication?.run
        }
        return success.result.reads.map { read in
            var read = read
            read.madeBy = makers[read.path]
            return read
        }
    }

    /// What decides the outputs of an attempt; nil when no later one may take them.
    func reuseKey() async -> ReuseKey? {
        // Corrected rows belong to their run: what was made from them is no other run's output.
        if runner.reuse.obstacle(for: stage) != nil || !attempt.corrections.isEmpty { return nil }
        let isData = !stage.definition.runsProgram || !stage.checks.isEmpty
        // Without an engine the work fails by itself, and says so.
        let program = isData ? try? await engineTools.program() : nil
        let version = attempt.engine == .duckdb ? program?.version : program?.description
        let sources = attempt.sources.sorted { $0.key < $1.key }.map(\.value)
        return runner.reuse.key(of: attempt, reads: await versions(of: sources), duckDB: version)
    }

    /// Does the work, and finds meanwhile what decides its outputs.
    func workWithKey(_ publish: PublicationRecorder) async throws -> AttemptResult {
        // A task of its own costs more than a small command does: only where there is something to find.
        if runner.reuse.obstacle(for: stage) != nil { return try await work(publish) }
        async let key = reuseKey()
        var result = try await work(publish)
        if result.ending == .succeeded { result.reuseKey = await key }
        return result
    }
}
