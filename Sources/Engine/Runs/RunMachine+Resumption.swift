import CaudalModel

/// Continues a run that another process began, possibly with a changed plan.
extension RunMachine {
    mutating func resume(
        in process: ProcessIdentity, settled: [UnitID: AttemptResult], attachable: Set<UnitID>, by: String
    ) {
        emit(.runResumed(process))
        // An operator who resumes a run wants it to continue, and may not know that it was paused.
        if state.isPaused {
            emit(.commandReceived(.unpause, by: by))
            emit(.unpaused)
        }
        for index in state.stages.indices {
            for id in state.stages[index].units.map(\.id) {
                resume(id, index, settled: settled[id], isAttachable: attachable.contains(id))
            }
            settleFanOut(index)
        }
        rebuild()
        triggerPending()
    }

    private mutating func resume(_ id: UnitID, _ index: Int, settled: AttemptResult?, isAttachable: Bool) {
        guard let unit = state.unit(id) else { return }
        switch unit.status {
        case .running:
            if let attempt = unit.openAttempt, settled == nil, isAttachable, let work = attempt.work {
                attach(id, index, to: work, attempt)
            } else if let attempt = unit.openAttempt {
                let result = settled ?? AttemptResult(ending: .interrupted, failure: Failure("its engine died"))
                emit(.attemptEnded(id, attempt: attempt.number, result))
                decide(id, index, after: result)
            } else if !(id.item == nil && state.stages[index].hasItems), let result = unit.lastResult {
                // The journal ends between an attempt's end and what follows from it.
                decide(id, index, after: result)
            }
        case .retrying:
            let left = max(0, min((unit.retryAt?.wall ?? 0) - now.wall, 3_600_000))
            act(.startTimer(.retry(id), after: .milliseconds(left)))
        case .pending where id.item != nil: queue(id, index)
        case .pending, .queued, .succeeded, .failed, .blocked, .skipped, .cancelled, .reused: break
        }
    }

    /// Attaches to the work of an open attempt again, with the rest of its time limit.
    private mutating func attach(_ id: UnitID, _ index: Int, to work: WorkIdentity, _ attempt: Attempt) {
        act(.launch(id, attempt: attempt.number, .attach(work)))
        if let timeout = state.plan.stages[index].timeout {
            let left = max(.zero, timeout - .milliseconds(now.wall - attempt.startedAt.wall))
            act(.startTimer(.timeout(id, attempt: attempt.number), after: left))
        }
        if let reason = attempt.stopRequested { act(.stop(id, attempt: attempt.number, reason)) }
    }

    /// Continues with a changed plan; no attempt may be open.
    mutating func changePlan(_ change: PlanChange, by: String) {
        precondition(state.openAttempts == 0, "the plan changed under \(state.openAttempts) attempts")
        emit(.planChanged(change, by: by))
        urgency = CriticalPath.remaining(of: state.plan)
        for stage in state.stages where !stage.unit.isMarked {
            let id = UnitID(stage.id)
            switch stage.unit.status {
            // Its upstream stages, or whether it runs at all, may now be decided differently.
            case .queued, .blocked, .skipped: emit(.unitReset(id))
            case .retrying:
                dropRetryTimer(id)
                emit(.unitReset(id))
            // A fan-out in progress whose work has changed starts again.
            case .running where stage.itemsAreStale: resetFanOut(stage)
            case .pending, .running, .succeeded, .failed, .cancelled, .reused: break
            }
        }
        restart()
        propagate()
        // A fan-out in progress on data that is now to be made again waits for that.
        for index in CriticalPath.topologicalIndices(of: state.plan) where state.stages[index].unit.status == .running {
            let rests = state.plan.allUpstream(of: index).contains { !state.stages[$0].unit.status.isFinished }
            if rests { resetFanOut(state.stages[index]) }
        }
        restart()
    }

    private mutating func resetFanOut(_ stage: StageState) {
        for item in stage.items { dropRetryTimer(UnitID(stage.id, item.item.key)) }
        emit(.unitReset(UnitID(stage.id)))
    }

    /// Starts stages whose upstream stages have all ended, after a command changed outcomes.
    mutating func restart() {
        rebuild()
        triggerPending()
    }
}
