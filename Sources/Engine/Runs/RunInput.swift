/// What the world tells a run.
package enum RunInput: Sendable {
    /// Begin, in this process.
    case start(ProcessIdentity)
    /// Go on in this process after another one ran it.
    ///
    /// `settled` holds the results of attempts that the dead process left open and whose publishing could be
    /// finished. `attachable` names the units whose open attempt's work goes on elsewhere, so that it is taken up again.
    /// Every other open attempt counts as interrupted.
    case resume(
        ProcessIdentity, settled: [UnitID: AttemptResult], attachable: Set<UnitID> = [], by: String = "resume")
    /// Go on with what a changed pipeline file says; given right after ``resume(_:settled:)``.
    case changePlan(PlanChange, by: String)
    case attemptSpawned(UnitID, attempt: Int, WorkIdentity)
    case progressed(UnitID, attempt: Int, Progress)
    case publishing(UnitID, attempt: Int, PublishPlan, AttemptResult)
    case attemptEnded(UnitID, attempt: Int, AttemptResult)
    /// What the unit takes from outside the run is its own until the attempt ends.
    case leaseGranted(UnitID)
    case leaseRefused(UnitID, reason: String)
    case timerFired(RunTimer)
    /// `token` comes back with the answer.
    case command(RunCommand, by: String, token: Int)
}

/// Something to wait for.
package enum RunTimer: Hashable, Sendable {
    /// The delay before the unit's next try.
    case retry(UnitID)
    /// The longest time the attempt may take.
    case timeout(UnitID, attempt: Int)
    /// A pause before refused leases are asked for again.
    case leases
}

/// What a run wants done.
package enum RunAction: Hashable, Sendable {
    case launch(UnitID, attempt: Int, AttemptPurpose)
    case stop(UnitID, attempt: Int, StopReason)
    case startTimer(RunTimer, after: Duration)
    case cancelTimer(RunTimer)
    case requestLease(UnitID)
    case releaseLease(UnitID)
    /// The moves of this attempt are recorded and may be made.
    case publish(UnitID, attempt: Int)
    /// Everything has ended.
    case finish(Outcome)
}

/// What one step of a run brought about.
package struct RunStep: Sendable {
    /// To be recorded, all or nothing, before anyone sees them and before any action is carried out.
    package var events: [RunEvent] = []
    /// To be carried out in order, after the events are recorded.
    package var actions: [RunAction] = []
    /// Answers to commands, by their token.
    package var answers: [(token: Int, answer: CommandAnswer)] = []
}
