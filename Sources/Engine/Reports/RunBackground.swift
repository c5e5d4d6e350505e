package import CaudalModel

/// The part of a run's report that is not in its own events: earlier results of its checks, and warnings in its log.
package struct RunBackground: Sendable {
    /// The values that each check measured in this run and earlier ones, oldest first.
    package var history: [CheckPoint.Key: [CheckPoint]]
    /// The first lines of level warn and above, and the number of all of them.
    package var remarks: [LogRecord]
    package var remarkCount: Int

    /// The maximum number of runs in a history.
    package static let runs = 30
    /// The maximum number of lines of the log in a report.
    package static let remarkLimit = 100

    package init(history: [CheckPoint.Key: [CheckPoint]] = [:], remarks: [LogRecord] = [], remarkCount: Int = 0) {
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
            history: Dictionary(grouping: points, by: \.key), remarks: found.lines, remarkCount: found.count)
    }
}
