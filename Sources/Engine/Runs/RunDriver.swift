package import CaudalModel

/// Where a run's events are recorded.
package protocol RunJournal: Sendable {
    /// Records events and remarks in one transaction.
    ///
    /// - Parameter state: The run after the events.
    /// - Throws: ``StoreError`` when they cannot be recorded; then nothing of them may be shown or done.
    func record(_ events: [RunEvent], remarks: [LogChannel.Remark], of state: RunState) throws(StoreError)

    /// Takes a lease for an attempt: a slot of a pool, processors, memory.
    ///
    /// - Returns: nil when the lease was granted, otherwise why it was not.
    /// - Throws: ``StoreError`` when leases cannot be read or recorded.
    func takeLease(of unit: UnitID, planned: PlannedStage, run: RunID, pools: [PoolName: Int]) throws(StoreError)
        -> String?

    /// Releases the lease of an attempt.
    ///
    /// - Throws: ``StoreError`` when the release cannot be recorded.
    func releaseLease(of unit: UnitID, run: RunID) throws(StoreError)

    /// The process that keeps others from recording, as far as that is known.
    func lockHolder() -> (pid: Int32, name: String)?
}

extension RunJournal {
    package func lockHolder() -> (pid: Int32, name: String)? { nil }
}

extension RunStore: RunJournal {}

/// One step of a run in the only safe order: decide, record, then show and act.
package struct RunDriver: Sendable {
    package private(set) var machine: RunMachine
    private let journal: any RunJournal

    package init(machine: RunMachine, journal: any RunJournal) {
        self.machine = machine
        self.journal = journal
    }

    /// Processes inputs and records the events that follow.
    ///
    /// - Returns: What may now be shown and must now be done.
    /// - Throws: ``StoreError`` when the events cannot be recorded; then nothing of them may be shown or done.
    package mutating func take(
        _ inputs: [RunInput], remarks: [LogChannel.Remark] = [], at now: Moment
    ) throws(StoreError) -> RunStep {
        let step = machine.handle(inputs, at: now)
        try record(step, remarks: remarks)
        return step
    }

    /// Processes inputs; the resulting events must be recorded before anything else happens.
    mutating func decide(_ inputs: [RunEngineMailbox.TimestampedInput], at now: Moment) -> RunStep {
        machine.handle(inputs.lazy.map { ($0.input, $0.time) }, at: now)
    }

    /// Records the events of a step.
    ///
    /// - Throws: ``StoreError`` when they cannot be recorded; the caller may try again.
    package func record(_ step: RunStep, remarks: [LogChannel.Remark] = []) throws(StoreError) {
        if step.events.isEmpty, remarks.isEmpty { return }
        try journal.record(step.events, remarks: remarks, of: machine.state)
    }
}
