/// Where a run's events are recorded.
package protocol RunJournal: Sendable {
    /// Records events and lines worth remembering, all or nothing.
    ///
    /// `state`: the run after the events.
    /// - Throws: ``StoreError``; then nothing was recorded, and nothing may be shown or done.
    func record(_ events: [RunEvent], remarks: [LogChannel.Remark], of state: RunState) throws(StoreError)

    /// Takes what an attempt needs from outside its run: a slot of a pool, processors, memory.
    ///
    /// - Returns: nil when it was granted, or why it was not.
    func takeLease(of unit: UnitID, planned: PlannedStage, run: RunID, pools: [PoolName: Int]) throws(StoreError)
        -> String?

    /// Gives back what an attempt took.
    func releaseLease(of unit: UnitID, run: RunID) throws(StoreError)

    /// The process that keeps others from recording, as far as that can be known.
    func lockHolder() -> (pid: Int32, name: String)?
}

extension RunJournal {
    package func lockHolder() -> (pid: Int32, name: String)? { nil }
}

extension RunStore: RunJournal {}

/// One step of a run, in the only order that is safe: decide, record, then let the world know and act.
package struct RunDriver: Sendable {
    package private(set) var machine: RunMachine
    private let journal: any RunJournal

    package init(machine: RunMachine, journal: any RunJournal) {
        self.machine = machine
        self.journal = journal
    }

    /// Takes inputs in and records what follows.
    ///
    /// - Returns: What may now be shown and must now be done.
    /// - Throws: ``StoreError`` when it could not be recorded: then nothing of it may be shown or done.
    package mutating func take(
        _ inputs: [RunInput], remarks: [LogChannel.Remark] = [], at now: Moment
    ) throws(StoreError) -> RunStep {
        let step = machine.handle(inputs, at: now)
        try record(step, remarks: remarks)
        return step
    }

    /// Takes inputs in: what follows must be recorded before anything else happens.
    mutating func decide(_ inputs: [RunEngineMailbox.TimestampedInput], at now: Moment) -> RunStep {
        machine.handle(inputs.lazy.map { ($0.input, $0.time) }, at: now)
    }

    /// Records what follows from inputs.
    ///
    /// - Throws: ``StoreError`` when it could not be recorded; it may be tried again then.
    package func record(_ step: RunStep, remarks: [LogChannel.Remark] = []) throws(StoreError) {
        if step.events.isEmpty, remarks.isEmpty { return }
        try journal.record(step.events, remarks: remarks, of: machine.state)
    }
}
