/// Whether an attempt can be spared, and what a success of it will be known by.
extension StageAttemptRunner {
    /// Whether an attempt has to be made.
    func decision(_ attempt: StageAttempt, _ order: AttemptOrder) async throws -> ReuseDecision {
        if order.isAskedFor { return .run("asked to run again") }
        if let obstacle = reuse.obstacle(for: attempt.stage) { return .run(obstacle) }
        guard let key = await reuseKey(attempt, order) else { return .run("what it reads could not be compared") }
        return try reuse.decide(order.unit, key)
    }

    /// The result of an attempt that is spared for an earlier success: its outputs are this run's versions too.
    func reused(_ success: RecordedSuccess, _ order: AttemptOrder) -> AttemptResult {
        var result = AttemptResult(
            ending: .reused, rows: success.result.rows, artifacts: success.result.artifacts,
            reads: success.result.reads, checks: success.result.checks, reusedFrom: success.run,
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

    /// What decides the outputs of an attempt; nil when no later one may take them.
    func reuseKey(_ attempt: StageAttempt, _ order: AttemptOrder) async -> ReuseKey? {
        // Corrected rows belong to their run: what was made from them is no other run's output.
        if reuse.obstacle(for: attempt.stage) != nil || !attempt.corrections.isEmpty { return nil }
        let isData = !attempt.stage.definition.runsProgram || !attempt.stage.checks.isEmpty
        // Without DuckDB the work fails by itself, and says so.
        let version = isData ? try? await tools.program().version : nil
        let sources = attempt.sources.sorted { $0.key < $1.key }.map(\.value)
        return reuse.key(of: attempt, reads: await versions(of: sources, attempt, order), duckDB: version)
    }

    /// Does the work, and finds meanwhile what decides its outputs.
    func workWithKey(
        _ attempt: StageAttempt, _ order: AttemptOrder, _ control: AttemptControl,
        _ publish: @Sendable (PublishPlan, AttemptResult) async -> Bool
    ) async throws -> AttemptResult {
        // A task of its own costs more than a small command does: only where there is something to find.
        if reuse.obstacle(for: attempt.stage) != nil { return try await work(attempt, order, control, publish) }
        async let key = reuseKey(attempt, order)
        var result = try await work(attempt, order, control, publish)
        if result.ending == .succeeded { result.reuseKey = await key }
        return result
    }
}
