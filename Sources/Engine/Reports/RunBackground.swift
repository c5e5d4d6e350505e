package import CaudalModel

/// The part of a run's report that is not in its own events: earlier results of its checks, earlier failures like its own,
/// and warnings in its log.
package struct RunBackground: Sendable {
    /// The values that each check measured in this run and earlier ones, oldest first.
    package var history: [CheckPoint.Key: [CheckPoint]]
    /// The first lines of level warn and above, and the number of all of them.
    package var remarks: [LogRecord]
    package var remarkCount: Int
    /// How often what failed in the run had failed before in the same way.
    package var failures: [UnitID: FailureHistory]

    /// The maximum number of runs in a history.
    package static let runs = 30
    /// The maximum number of lines of the log in a report.
    package static let remarkLimit = 100

    package init(
        history: [CheckPoint.Key: [CheckPoint]] = [:], remarks: [LogRecord] = [], remarkCount: Int = 0,
        failures: [UnitID: FailureHistory] = [:]
    ) {
        self.failures = failures
        self.history = history
        self.remarks = remarks
        self.remarkCount = remarkCount
    }

    /// Reads the background of a run from the run store.
    ///
    /// - Throws: ``StoreError`` when the run store cannot be read.
    package init(of state: RunState, in store: RunStore) throws(StoreError) {
        let points = try store.checkPoints(of: state.plan.pipeline, upTo: state.id, runs: Self.runs)
        let found = try store.remarks(of: state.id, limit: Self.remarkLimit)
        self.init(
            history: Dictionary(grouping: points, by: \.key), remarks: found.lines, remarkCount: found.count,
            failures: try store.failureHistories(of: state))
    }
}

extension RunStore {
    /// How often what failed in a run had failed before in the same way: stages, and items, at most as many as a report
    /// tells of.
    ///
    /// - Throws: ``StoreError`` when the store cannot be read.
    package func failureHistories(of run: RunState) throws(StoreError) -> [UnitID: FailureHistory] {
        var histories: [UnitID: FailureHistory] = [:]
        let failed = run.stages.flatMap(\.units).filter { $0.state.status == .failed }
        for (id, unit) in failed.prefix(RunReport.problemLimit) {
            histories[id] = try failureHistory(of: id, unit, in: run)
        }
        return histories
    }

    /// How often a unit that failed had failed before in the same way; nil where it has no failure of its own.
    ///
    /// - Throws: ``StoreError`` when the store cannot be read.
    package func failureHistory(
        of id: UnitID, _ unit: UnitState, in run: RunState
    ) throws(StoreError) -> FailureHistory? {
        guard let failure = unit.lastResult?.failure else { return nil }
        return try failureHistory(
            of: FailureFingerprint(failure).id, stage: id.stage, pipeline: run.plan.pipeline, except: run.id)
    }
}
