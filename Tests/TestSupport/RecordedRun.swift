package import CaudalModel
package import Engine

extension RunStore {
    /// Records a run of which a test says what happened, a second passing between two changes.
    ///
    /// - Returns: The run after all of it.
    @discardableResult
    package func record(
        _ id: RunID, _ plan: RunPlan, started: Int64 = 1_795_413_600_000, _ changes: [RunChange]
    ) throws -> RunState {
        let events = changes.enumerated().map { index, change in
            RunEvent(
                sequence: Int64(index + 1),
                time: Moment(wall: started + Int64(index) * 1000, steady: Int64(index) * 1000), change: change)
        }
        let state = RunState(id: id, plan: plan, events: events)
        try create(
            RunRecord(id: id, plan: plan, trigger: .manual, started: Moment(wall: started, steady: 0)))
        try record(events, remarks: [], of: state)
        return state
    }
}

extension [RunChange] {
    /// A stage's or an item's first attempt, and what came of it.
    package static func attempt(_ unit: UnitID, number: Int = 1, _ result: AttemptResult) -> [RunChange] {
        let outcome: Outcome =
            switch result.ending {
            case .succeeded: .succeeded
            case .reused: .reused
            case .skipped: .skipped
            case .failed, .stopped, .interrupted: .failed
            }
        return [
            .attemptStarted(unit, attempt: number), .attemptEnded(unit, attempt: number, result),
            .unitEnded(unit, outcome, reason: nil),
        ]
    }
}

extension ProcessIdentity {
    /// A process of a test, which there never was.
    package static let ofTest = ProcessIdentity(pid: 1, startTicks: 1, bootID: "boot")
}
