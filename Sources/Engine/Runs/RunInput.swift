package import CaudalModel

/// The inputs of a run's machine.
package enum RunInput: Sendable {
    /// Begin the run in this process.
    case start(ProcessIdentity)
    /// Continue the run in this process after another process ran it.
    ///
    /// `settled` contains the results of attempts that the dead process left open and whose publishing has been
    /// finished. `attachable` names the units whose open attempt's work continues elsewhere, so that the engine attaches
    /// to it again. Every other open attempt counts as interrupted.
    case resume(
        ProcessIdentity, settled: [UnitID: AttemptResult], attachable: Set<UnitID> = [], by: String = "resume")
    /// Continue with the plan of a changed pipeline file; must follow ``resume(_:settled:)``.
    case changePlan(PlanChange, by: String)
    case attemptSpawned(UnitID, attempt: Int, WorkIdentity)
    case progressed(UnitID, attempt: Int, Progress)
    case publishing(UnitID, attempt: Int, PublishPlan, AttemptResult)
    case attemptEnded(UnitID, attempt: Int, AttemptResult)
    /// The unit's lease was granted and is held until the attempt ends.
    case leaseGranted(UnitID)
    case leaseRefused(UnitID, reason: String)
    case timerFired(RunTimer)
    /// `token` identifies the answer.
    case command(RunCommand, by: String, token: Int)
}

/// The timers of a run.
package enum RunTimer: Hashable, Sendable {
    /// The delay before the unit's next attempt.
    case retry(UnitID)
    /// The timeout of the attempt.
    case timeout(UnitID, attempt: Int)
    /// The pause before refused leases are requested again.
    case leases
}

/// The actions that a run's machine requests.
package enum RunAction: Hashable, Sendable {
    case launch(UnitID, attempt: Int, AttemptPurpose)
    case stop(UnitID, attempt: Int, StopReason)
    case startTimer(RunTimer, after: Duration)
    case cancelTimer(RunTimer)
    case requestLease(UnitID)
    case releaseLease(UnitID)
    /// The moves of this attempt have been recorded and may be made.
    case publish(UnitID, attempt: Int)
    /// The run has ended.
    case finish(Outcome)
}

/// The result of one step of a run.
package struct RunStep: Sendable {
    /// Events to record in one transaction, before they are shown and before any action is carried out.
    package var events: [RunEvent] = []
    /// Actions to carry out in order, after the events are recorded.
    package var actions: [RunAction] = []
    /// Answers to commands, by their tokens.
    package var answers: [(token: Int, answer: CommandAnswer)] = []
}
