/// What a report of a run shows besides the run's own events: what its checks measured before, and what was warned of.
package struct RunBackground: Sendable {
    /// What each check measured in this run and those before it, oldest first.
    package var history: [CheckPoint.Key: [CheckPoint]]
    /// The first lines of warning and above, and how many there are in all.
    package var remarks: [LogRecord]
    package var remarkCount: Int

    /// How many runs a history goes back.
    package static let runs = 30
    /// How many lines of the log a report holds.
    package static let remarkLimit = 100

    package init(history: [CheckPoint.Key: [CheckPoint]] = [:], remarks: [LogRecord] = [], remarkCount: Int = 0) {
        self.history = history
        self.remarks = remarks
        self.remarkCount = remarkCount
    }

    /// The background of a run as the run store has it.
    package init(of state: RunState, in store: RunStore) throws(StoreError) {
        let points = try store.checkPoints(of: state.plan.pipeline, upTo: state.id, runs: Self.runs)
        let found = try store.remarks(of: state.id, limit: Self.remarkLimit)
        self.init(
            history: Dictionary(grouping: points, by: \.key), remarks: found.lines, remarkCount: found.count)
    }
}
