extension RunState {
    /// Applies one more event.
    ///
    /// It makes no decisions: every decision is an event of its own. An event about something that the plan does not
    /// have is ignored, so that an old journal can be read.
    package mutating func apply(_ event: RunEvent) {
        lastSequence = event.sequence
        let now = event.time
        // A restoration is not part of the run's work.
        defer { if case .restored = event.change {} else { lastEventAt = now } }
        switch event.change {
        case .runStarted(let process):
            owner = process
            incarnation = 1
            startedAt = now
            runningSince = now
            status = .running
        case .runResumed(let process):
            if let runningSince { ranBefore += (endedAt ?? lastEventAt ?? now).since(runningSince) }
            stopCounting(at: lastEventAt ?? now)
            runningSince = now
            owner = process
            incarnation += 1
            status = .running
            endedAt = nil
        case .planChanged(let change, let by):
            planChanges.append(RecordedPlanChange(differences: change.differences, by: by, at: now))
            take(change.plan)
        case .commandReceived(let command, let by):
            lastCommand = RecordedCommand(command: command, by: by, at: now)
            switch command {
            case .cancelRun: isCancelled = true
            case .retry, .retryItems, .retryStages, .retryFailed, .mark: isCancelled = false
            case .cancel, .pause, .unpause, .setLimit: break
            }
        case .limitSet(let limit, let number):
            limits[limit] = number == plan.number(of: limit) ? nil : number
        case .paused: isPaused = true
        case .unpaused: isPaused = false
        case .unitQueued(let id):
            update(id) { unit in
                unit.status = .queued
                unit.queuedAt = now
                unit.retryAt = nil
                unit.heldBy = nil
            }
        case .unitHeld(let id, let reason): update(id) { $0.heldBy = reason }
        case .attemptStarted(let id, let number):
            openAttempts += 1
            update(id) { unit in
                let queuedAt = unit.status == .queued ? unit.queuedAt : nil
                unit.status = .running
                unit.heldBy = nil
                unit.progress = nil
                unit.attempts.append(Attempt(number: number, startedAt: now, queuedAt: queuedAt))
                unit.worked.begin(at: now)
            }
            if let index = plan.index(of: id.stage) { stages[index].worked.begin(at: now) }
        case .attemptSpawned(let id, let number, let work):
            updateAttempt(id, number) { $0.work = work }
        case .progressed(let id, _, let progress): update(id) { $0.progress = progress }
        case .stopRequested(let id, let number, let reason):
            let lastCanceller = lastCanceller
            updateAttempt(id, number) { attempt in
                attempt.stopRequested = reason
                attempt.cancelledBy = reason == .cancelled ? lastCanceller : nil
            }
        case .publishing(let id, let number, let plan, let result):
            updateAttempt(id, number) { attempt in
                attempt.publishing = plan
                attempt.publishingResult = result
            }
        case .attemptEnded(let id, let number, let result):
            openAttempts -= 1
            updateAttempt(id, number) { attempt in
                attempt.result = result
                attempt.endedAt = now
                attempt.publishing = nil
                attempt.publishingResult = nil
            }
            update(id) { $0.worked.end(at: now) }
            if let index = plan.index(of: id.stage) { stages[index].worked.end(at: now) }
        case .itemsFound(let id, let items): replaceItems(of: id, with: items)
        case .retryScheduled(let id, let delay):
            update(id) { unit in
                unit.status = .retrying
                unit.progress = nil
                unit.retryAt = Moment(wall: now.wall + delay.milliseconds, steady: now.steady + delay.milliseconds)
            }
        case .unitEnded(let id, let outcome, let reason):
            update(id) { unit in
                unit.status = UnitStatus(outcome)
                unit.reason = reason
                unit.endedAt = now
                unit.retryAt = nil
                unit.heldBy = nil
                unit.progress = nil
            }
        case .unitMarked(let id, let outcome, let reason):
            update(id) { unit in
                unit.status = UnitStatus(outcome)
                unit.reason = reason
                unit.isMarked = true
                unit.endedAt = now
                unit.retryAt = nil
                unit.heldBy = nil
                unit.progress = nil
            }
        case .unitReset(let id):
            update(id) { unit in
                unit.status = .pending
                unit.isMarked = false
                unit.reason = nil
                unit.endedAt = nil
                unit.queuedAt = nil
                unit.retryAt = nil
                unit.progress = nil
                unit.attemptsBeforeReset = unit.attempts.count
                unit.worked = WorkedTime()
            }
            if id.item == nil, let index = plan.index(of: id.stage) { stages[index].beginAnew() }
        case .stageReopened(let id):
            update(UnitID(id)) { unit in
                unit.status = .running
                unit.reason = nil
                unit.endedAt = nil
            }
        case .runEnded(let outcome):
            status = Status(outcome)
            endedAt = now
        case .restored(let versions, let by):
            restorations.append(
                Restoration(paths: versions.paths, putAway: versions.putAway ?? [], by: by, at: now))
        }
    }

    /// Who asked for the cancellation, if that was the last command.
    private var lastCanceller: String? {
        switch lastCommand?.command {
        case .cancel, .cancelRun: lastCommand?.by
        case .retry, .retryItems, .retryStages, .retryFailed, .pause, .unpause, .setLimit, .mark, nil: nil
        }
    }

    /// The run's process died: no attempt has worked since `moment`.
    private mutating func stopCounting(at moment: Moment) {
        for index in stages.indices where stages[index].unit.status == .running {
            stages[index].worked.stopCounting(at: moment)
            stages[index].unit.worked.stopCounting(at: moment)
            for place in stages[index].items.indices { stages[index].items[place].unit.worked.stopCounting(at: moment) }
        }
    }

    /// Replaces the plan: stages keep their history, new stages are pending.
    private mutating func take(_ new: RunPlan) {
        var known = formerStages
        for (stage, planned) in zip(stages, plan.stages) {
            var stage = stage
            let lines = new.index(of: stage.id).map { new.stages[$0].workLines }
            if stage.unit.status.outcome?.isSuccess == true {
                if lines != planned.workLines { stage.madeWith = stage.madeWith ?? planned.workLines }
            } else if let lines, lines != planned.workLines {
                stage.itemsAreStale = true
            }
            known[stage.id] = stage
        }
        stages = new.stages.map { known.removeValue(forKey: $0.id) ?? StageState(id: $0.id) }
        formerStages = known
        // Whoever changes a limit in the file means that number.
        limits = limits.filter { plan.number(of: $0.key) == new.number(of: $0.key) }
        plan = new
    }

    private mutating func update(_ id: UnitID, _ change: (inout UnitState) -> Void) {
        guard let index = plan.index(of: id.stage) else { return }
        guard let key = id.item else { return change(&stages[index].unit) }
        guard let place = stages[index].itemIndex[key] else { return }
        let before = stages[index].items[place].unit.status
        change(&stages[index].items[place].unit)
        let after = stages[index].items[place].unit.status
        if before != after {
            stages[index].itemCounts[before, default: 0] -= 1
            stages[index].itemCounts[after, default: 0] += 1
        }
    }

    private mutating func updateAttempt(_ id: UnitID, _ number: Int, _ change: (inout Attempt) -> Void) {
        update(id) { unit in
            guard let last = unit.attempts.indices.last, unit.attempts[last].number == number else { return }
            change(&unit.attempts[last])
        }
    }

    /// Existing items keep their attempts, so that attempt numbers are never reused.
    private mutating func replaceItems(of id: StageID, with items: [Item]) {
        guard let index = plan.index(of: id) else { return }
        let old = stages[index]
        stages[index].items = items.map { item in
            var state = ItemState(item: item)
            if let place = old.itemIndex[item.key] {
                state.unit.attempts = old.items[place].unit.attempts
                state.unit.attemptsBeforeReset = state.unit.attempts.count
            }
            return state
        }
        stages[index].itemIndex = [:]
        for (place, item) in items.enumerated() { stages[index].itemIndex[item.key] = place }
        stages[index].itemCounts = items.isEmpty ? [:] : [.pending: items.count]
        stages[index].hasItems = true
        stages[index].itemsAreStale = false
    }
}

extension StageState {
    /// All of it is made again: the items must be found again; those found again keep their attempts.
    fileprivate mutating func beginAnew() {
        hasItems = false
        itemsAreStale = false
        madeWith = nil
        worked = WorkedTime()
    }
}
