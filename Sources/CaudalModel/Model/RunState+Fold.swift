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
        case .unitQueued(let id): update(id) { $0.queue(at: now) }
        case .unitHeld(let id, let reason): update(id) { $0.heldBy = reason }
        case .attemptStarted(let id, let number):
            openAttempts += 1
            update(id) { $0.beginAttempt(number, at: now) }
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
            update(id) { $0.awaitRetry(for: delay, since: now) }
        case .unitEnded(let id, let outcome, let reason): update(id) { $0.end(outcome, reason, at: now) }
        case .unitMarked(let id, let outcome, let reason):
            update(id) { unit in
                unit.end(outcome, reason, at: now)
                unit.isMarked = true
            }
        case .unitReset(let id):
            update(id) { $0.reset() }
            if id.item == nil, let index = plan.index(of: id.stage) { stages[index].beginAnew() }
        case .stageReopened(let id): update(UnitID(id)) { $0.reopen() }
        case .runEnded(let outcome):
            status = Status(outcome)
            endedAt = now
        case .restored(let versions, let by):
            // What was begun is done, or is begun again.
            let files = versions.paths + (versions.putAway ?? [])
            restorations.removeAll { !$0.isDone && ($0.paths + $0.putAway).contains(where: files.contains) }
            restorations.append(
                Restoration(
                    paths: versions.paths, putAway: versions.putAway ?? [], by: by, at: now,
                    isDone: versions.isBegun != true))
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

extension UnitState {
    fileprivate mutating func queue(at now: Moment) {
        status = .queued
        queuedAt = now
        retryAt = nil
        heldBy = nil
    }

    fileprivate mutating func beginAttempt(_ number: Int, at now: Moment) {
        attempts.append(Attempt(number: number, startedAt: now, queuedAt: status == .queued ? queuedAt : nil))
        status = .running
        heldBy = nil
        progress = nil
        worked.begin(at: now)
    }

    fileprivate mutating func awaitRetry(for delay: Duration, since now: Moment) {
        status = .retrying
        progress = nil
        retryAt = Moment(wall: now.wall + delay.milliseconds, steady: now.steady + delay.milliseconds)
    }

    fileprivate mutating func end(_ outcome: Outcome, _ reason: String?, at now: Moment) {
        status = UnitStatus(outcome)
        self.reason = reason
        endedAt = now
        retryAt = nil
        heldBy = nil
        progress = nil
    }

    fileprivate mutating func reset() {
        status = .pending
        isMarked = false
        reason = nil
        endedAt = nil
        queuedAt = nil
        retryAt = nil
        progress = nil
        attemptsBeforeReset = attempts.count
        worked = WorkedTime()
    }

    /// The items of a fan-out run again.
    fileprivate mutating func reopen() {
        status = .running
        reason = nil
        endedAt = nil
    }
}
