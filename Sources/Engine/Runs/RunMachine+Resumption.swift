/// Going on with a run that another process began, perhaps with another plan.
extension RunMachine {
    mutating func resume(in process: ProcessIdentity, settled: [UnitID: AttemptResult], by: String) {
        emit(.runResumed(process))
        // Whoever takes a run up wants it to go on, and has perhaps never heard that it was paused.
        if state.isPaused {
            emit(.commandReceived(.unpause, by: by))
            emit(.unpaused)
        }
        for index in state.stages.indices {
            let stage = state.stages[index]
            var units = [UnitID(stage.id)]
            if stage.hasItems { units += stage.items.map { UnitID(stage.id, $0.item.key) } }
            for id in units { resume(id, index, settled: settled[id]) }
            settleFanOut(index)
        }
        rebuild()
        triggerPending()
    }

    private mutating func resume(_ id: UnitID, _ index: Int, settled: AttemptResult?) {
        guard let unit = state.unit(id) else { return }
        switch unit.status {
        case .running:
            if let attempt = unit.openAttempt {
                let result = settled ?? AttemptResult(ending: .interrupted, failure: Failure("its engine died"))
                emit(.attemptEnded(id, attempt: attempt.number, result))
                decide(id, index, after: result)
            } else if !(id.item == nil && state.stages[index].hasItems), let result = unit.lastResult {
                // The journal ends between an attempt's end and what followed from it.
                decide(id, index, after: result)
            }
        case .retrying:
            let left = max(0, min((unit.retryAt?.wall ?? 0) - now.wall, 3_600_000))
            act(.startTimer(.retry(id), after: .milliseconds(left)))
        case .pending where id.item != nil: queue(id, index)
        case .pending, .queued, .succeeded, .failed, .blocked, .skipped, .cancelled, .reused: break
        }
    }

    /// Goes on with another plan, at a moment when no attempt is open.
    mutating func changePlan(_ change: PlanChange, by: String) {
        precondition(state.openAttempts == 0, "the plan changed under \(state.openAttempts) attempts")
        emit(.planChanged(change, by: by))
        urgency = CriticalPath.remaining(of: state.plan)
        for stage in state.stages where !stage.unit.isMarked {
            let id = UnitID(stage.id)
            switch stage.unit.status {
            // What it waits for, or whether it runs at all, may be decided differently now.
            case .queued, .blocked, .skipped: emit(.unitReset(id))
            case .retrying:
                dropRetryTimer(id)
                emit(.unitReset(id))
            // A fan-out that was under way and does something else now begins anew.
            case .running where stage.itemsAreStale: resetFanOut(stage)
            case .pending, .running, .succeeded, .failed, .cancelled, .reused: break
            }
        }
        restart()
        propagate()
        // A fan-out that was under way on something that is now to run waits for that again.
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

    /// Lets stages run that now have all they wait for; after a command changed what had ended.
    mutating func restart() {
        rebuild()
        triggerPending()
    }
}
