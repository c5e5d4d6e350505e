package import CaudalModel

/// Makes every decision of a run: what starts when, what is retried, what a failure blocks.
///
/// A value without I/O and without a clock: an input and the time go in; events to record and actions to carry out come
/// out. Its ``state`` is the fold of its events, so a machine made from a journal continues exactly where the previous
/// one stopped. Bookkeeping that follows from the state is rebuilt, never recorded.
package struct RunMachine: Sendable {
    /// The run so far.
    package private(set) var state: RunState
    /// Determines the jitter; the same seed gives the same run.
    private let seed: UInt64
    /// How long the machine waits before it requests a refused lease again.
    static let leaseInterval = Duration.seconds(1)

    // Derived from the state.
    private var step = RunStep()
    private(set) var now = Moment(wall: 0, steady: 0)
    /// For each stage, the number of upstream stages that have not ended.
    private var unmet: [Int] = []
    private var unfinishedStages = 0
    /// Stages whose end is recorded but not yet propagated: a list, because recursion over a long chain would overflow
    /// the stack.
    private var endedStages: [Int] = []
    /// For each stage, the longest path from its start to the end of the run, in milliseconds.
    var urgency: [Int64]
    private var ready = ReadyQueue()
    private var slots: SlotCounts
    /// Units whose lease has been requested but not granted or refused; each holds a slot.
    private var leasing: Set<UnitID> = []
    /// Units whose lease was refused; they wait for the lease timer.
    private var refused: [ReadyUnit] = []

    /// A machine that continues from `state`; its first input must be ``RunInput/start(_:)`` or
    /// ``RunInput/resume(_:settled:)``.
    package init(state: RunState, seed: UInt64) {
        self.state = state
        self.seed = seed
        urgency = CriticalPath.remaining(of: state.plan)
        slots = SlotCounts(state)
        rebuild()
    }

    /// Processes inputs in order, and returns what to record and what to do.
    package mutating func handle(_ inputs: some Sequence<RunInput>, at now: Moment) -> RunStep {
        handle(inputs.lazy.map { ($0, now) }, at: now)
    }

    /// Processes inputs that happened earlier, each with its time, in order.
    package mutating func handle(_ inputs: some Sequence<(input: RunInput, time: Moment)>, at now: Moment) -> RunStep {
        if now.steady < self.now.steady { self.now = now }
        step = RunStep()
        for (input, time) in inputs {
            // Recorded times never go back, whichever thread read the clock first.
            if (self.now.steady...now.steady).contains(time.steady) { self.now = time }
            handle(input)
            propagate()
        }
        self.now = now
        startReady()
        finishIfSettled()
        defer { step = RunStep() }
        return step
    }

    /// Processes one input.
    package mutating func handle(_ input: RunInput, at now: Moment) -> RunStep {
        handle(CollectionOfOne(input), at: now)
    }

    private mutating func handle(_ input: RunInput) {
        switch input {
        case .start(let process):
            emit(.runStarted(process))
            triggerPending()
        case .resume(let process, let settled, let attachable, let by):
            resume(in: process, settled: settled, attachable: attachable, by: by)
        case .changePlan(let change, let by): changePlan(change, by: by)
        case .attemptSpawned(let id, let number, let work):
            if isOpen(id, number) { emit(.attemptSpawned(id, attempt: number, work)) }
        case .progressed(let id, let number, let progress):
            if isOpen(id, number) { emit(.progressed(id, attempt: number, progress)) }
        case .publishing(let id, let number, let plan, let result):
            if isOpen(id, number) {
                emit(.publishing(id, attempt: number, plan, result))
                step.actions.append(.publish(id, attempt: number))
            }
        case .attemptEnded(let id, let number, let result):
            if isOpen(id, number) { close(id, number, with: result) }
        case .leaseGranted(let id): leaseGranted(id)
        case .leaseRefused(let id, let reason): leaseRefused(id, reason)
        case .timerFired(let timer): timerFired(timer)
        case .command(let command, let by, let token):
            step.answers.append((token, carryOut(command, by: by)))
        }
    }

    // MARK: - Recording

    /// Emits a change and applies it to the state.
    mutating func emit(_ change: RunChange) {
        let event = RunEvent(sequence: state.lastSequence + 1, time: now, change: change)
        state.apply(event)
        step.events.append(event)
    }

    /// Requests an action.
    mutating func act(_ action: RunAction) { step.actions.append(action) }

    private func isOpen(_ id: UnitID, _ number: Int) -> Bool {
        state.unit(id)?.openAttempt?.number == number
    }

    // MARK: - Attempts

    private mutating func start(_ unit: ReadyUnit) {
        let planned = state.plan.stages[unit.stageIndex]
        let number = (state.unit(unit.id)?.attempts.last?.number ?? 0) + 1
        take(unit.id, unit.stageIndex)
        emit(.attemptStarted(unit.id, attempt: number))
        let findsItems = planned.fanOut != nil && unit.id.item == nil
        act(.launch(unit.id, attempt: number, findsItems ? .findItems : .work))
        if let timeout = planned.timeout { act(.startTimer(.timeout(unit.id, attempt: number), after: timeout)) }
    }

    private mutating func close(_ id: UnitID, _ number: Int, with result: AttemptResult) {
        guard let index = state.plan.index(of: id.stage) else { return }
        let planned = state.plan.stages[index]
        release(id, index)
        emit(.attemptEnded(id, attempt: number, result))
        if planned.timeout != nil { act(.cancelTimer(.timeout(id, attempt: number))) }
        if planned.needsLease { act(.releaseLease(id)) }
        decide(id, index, after: result)
    }

    /// Decides what follows from an attempt's result.
    mutating func decide(_ id: UnitID, _ index: Int, after result: AttemptResult) {
        let attempt = state.unit(id)?.attempts.last
        let stop = attempt?.stopRequested
        let cancelled = attempt?.cancelledBy.map { "cancelled by \($0)" } ?? "cancelled"
        switch result.ending {
        case .succeeded, .reused:
            if id.item == nil, state.plan.stages[index].fanOut != nil {
                openFanOut(index, items: result.items ?? [])
            } else {
                end(id, index, result.ending == .reused ? .reused : .succeeded, reason: result.reuseReason)
            }
        case .skipped: end(id, index, .skipped, reason: result.reuseReason)
        case .interrupted where stop == .cancelled: end(id, index, .cancelled, reason: cancelled)
        case .interrupted: queue(id, index)
        case .stopped where stop == .cancelled: end(id, index, .cancelled, reason: cancelled)
        case .failed where stop == .cancelled: end(id, index, .cancelled, reason: cancelled)
        case .failed, .stopped: retryOrFail(id, index, result)
        }
    }

    private mutating func retryOrFail(_ id: UnitID, _ index: Int, _ result: AttemptResult) {
        let policy = state.plan.stages[index].retry
        let tries = state.unit(id)?.countedAttempts ?? 1
        let isWorthwhile: Bool
        if policy.exitStatuses.isEmpty {
            isWorthwhile = true
        } else if result.ending == .stopped, case .signaled = result.exit {
            // It is the signal of Caudal, which had waited for long enough.
            isWorthwhile = false
        } else {
            isWorthwhile = result.exit?.status.map(policy.exitStatuses.contains) ?? false
        }
        guard tries <= policy.limit, isWorthwhile else {
            return end(id, index, .failed, reason: result.failure?.message ?? result.exit?.description)
        }
        let number = state.unit(id)?.attempts.last?.number ?? 0
        let delay = policy.wait(beforeRetry: tries, chance: chance(id, number))
        emit(.retryScheduled(id, delay: delay))
        act(.startTimer(.retry(id), after: delay))
    }

    /// A number from 0 to 1 that depends only on the seed, the unit and the attempt.
    private func chance(_ id: UnitID, _ number: Int) -> Double {
        var hash = seed ^ 0xcbf2_9ce4_8422_2325
        for byte in id.description.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        var generator = SplitMix64(seed: hash &+ UInt64(number))
        return Double(generator.next() >> 11) / Double(1 << 53)
    }

    // MARK: - Endings

    /// Ends a unit and notifies its downstream stages.
    mutating func end(_ id: UnitID, _ index: Int, _ outcome: Outcome, reason: String?) {
        emit(.unitEnded(id, outcome, reason: reason))
        ended(id, index)
    }

    /// Handles a unit whose end has been recorded.
    mutating func ended(_ id: UnitID, _ index: Int) {
        if id.item != nil {
            itemEnded(id, index)
        } else {
            endedStages.append(index)
        }
    }

    /// Notifies the downstream stages of stages that have just ended.
    mutating func propagate() {
        while let index = endedStages.popLast() {
            unfinishedStages -= 1
            for next in state.plan.downstream[index] {
                unmet[next] -= 1
                triggerIfDecided(next)
            }
        }
    }

    /// Decides about a stage as soon as the outcomes of its upstream stages are sufficient.
    private mutating func triggerIfDecided(_ index: Int) {
        guard state.stages[index].unit.status == .pending else { return }
        let planned = state.plan.stages[index]
        if planned.when == .allSucceeded, planned.skipReason == nil,
            let culprit = state.plan.upstream[index].first(where: blocks)
        {
            let status = state.stages[culprit].unit.status.rawValue
            end(UnitID(planned.id), index, .blocked, reason: "\(state.plan.stages[culprit].id) \(status)")
        } else if unmet[index] == 0 {
            trigger(index)
        }
    }

    /// Whether the outcome of a stage keeps downstream stages that need its success from running.
    private func blocks(_ index: Int) -> Bool {
        switch state.stages[index].unit.status {
        case .failed: !state.plan.stages[index].allowsFailure
        case .blocked, .cancelled: true
        case .pending, .queued, .running, .retrying, .succeeded, .skipped, .reused: false
        }
    }

    /// All upstream stages have ended and none blocks: the stage runs or is skipped.
    private mutating func trigger(_ index: Int) {
        let planned = state.plan.stages[index]
        let id = UnitID(planned.id)
        if let reason = planned.skipReason { return end(id, index, .skipped, reason: reason) }
        let upstream = state.plan.upstream[index]
        switch planned.when {
        case .allSucceeded:
            if let skipped = upstream.first(where: { state.stages[$0].unit.status == .skipped }) {
                end(id, index, .skipped, reason: "\(state.plan.stages[skipped].id) was skipped")
            } else {
                start(reading: index)
            }
        case .allDone: start(reading: index)
        case .anyFailed:
            let failed = upstream.contains { [.failed, .blocked].contains(state.stages[$0].unit.status) }
            if failed { start(reading: index) } else { end(id, index, .skipped, reason: "nothing upstream failed") }
        }
    }

    /// Queues a stage, unless this run should have made data that it reads and did not.
    private mutating func start(reading index: Int) {
        let planned = state.plan.stages[index]
        for need in state.plan.upstream[index] {
            let status = state.stages[need].unit.status
            switch status {
            case .failed, .blocked, .cancelled:
                let maker = state.plan.stages[need]
                guard let dataset = maker.outputs.first(where: planned.reads.contains) else { continue }
                let word = status == .failed && maker.allowsFailure ? "failed (allowed)" : status.rawValue
                return end(
                    UnitID(planned.id), index, .skipped,
                    reason: "'\(dataset)' was not made in this run: \(maker.id) \(word)")
            // The output of a skipped stage may exist from elsewhere.
            case .skipped, .succeeded, .reused, .pending, .queued, .running, .retrying: continue
            }
        }
        queue(UnitID(planned.id), index)
    }

    mutating func triggerPending() {
        for index in state.stages.indices { triggerIfDecided(index) }
    }

    private mutating func finishIfSettled() {
        guard state.status == .running, unfinishedStages == 0, state.openAttempts == 0 else { return }
        var outcome = Outcome.succeeded
        for (stage, planned) in zip(state.stages, state.plan.stages) {
            switch stage.unit.status {
            case .failed where !planned.allowsFailure: outcome = .failed
            case .cancelled where outcome == .succeeded: outcome = .cancelled
            default: break
            }
        }
        // The cancellation decides the run's outcome, whatever failed before.
        let cancelled = state.stages.indices.contains { index in
            // An item that failed before decides how its fan-out ends.
            state.stages[index].unit.status == .cancelled || isStoppedByPerson(index)
        }
        if state.isCancelled, cancelled { outcome = .cancelled }
        emit(.runEnded(outcome))
        act(.finish(outcome))
    }
}

// MARK: - Fan-out

extension RunMachine {
    private mutating func openFanOut(_ index: Int, items: [Item]) {
        let id = state.plan.stages[index].id
        emit(.itemsFound(id, items))
        if items.isEmpty { return end(UnitID(id), index, .succeeded, reason: "0 items") }
        for item in items { queue(UnitID(id, item.key), index) }
    }

    private mutating func itemEnded(_ id: UnitID, _ index: Int) {
        let rules = state.plan.stages[index].fanOut
        if rules?.onFailure == .stop, state.unit(id)?.status == .failed {
            for item in state.stages[index].items where [.pending, .queued, .retrying].contains(item.unit.status) {
                dropRetryTimer(UnitID(id.stage, item.item.key))
                emit(.unitEnded(UnitID(id.stage, item.item.key), .cancelled, reason: "\(id) failed"))
            }
        }
        settleFanOut(index)
    }

    /// Whether somebody cancelled items of a fan-out, as `on_failure: stop` does with those that have not started.
    private func isStoppedByPerson(_ index: Int) -> Bool {
        let stops = state.plan.stages[index].fanOut?.onFailure == .stop
        return state.stages[index].items.contains { item in
            item.unit.status == .cancelled && (!stops || item.unit.lastResult?.ending == .stopped)
        }
    }

    /// Ends a fan-out when all of its items have ended.
    mutating func settleFanOut(_ index: Int) {
        let stage = state.stages[index]
        guard stage.unit.status == .running, stage.hasItems, stage.finishedItems == stage.items.count else { return }
        let (counts, items) = (stage.itemCounts, stage.items.count.counted("item"))
        let failed = counts[.failed, default: 0]
        let cancelled = counts[.cancelled, default: 0]
        if failed > 0 {
            let names = stage.items.filter { $0.unit.status == .failed }.prefix(3).map(\.item.key.rawValue)
            let list = names.joined(separator: ", ") + (failed > names.count ? ", …" : "")
            let others = cancelled > 0 ? "; \(cancelled) cancelled" : ""
            // A failure that is allowed lets the rest go on; who stopped the others did not allow that.
            let isAllowed = state.plan.stages[index].allowsFailure
            end(
                UnitID(stage.id), index, isAllowed && isStoppedByPerson(index) ? .cancelled : .failed,
                reason: "\(failed) of \(items) failed: \(list)\(others)")
        } else if cancelled > 0 {
            end(UnitID(stage.id), index, .cancelled, reason: "\(cancelled) of \(items) cancelled")
        } else {
            let reused = counts[.reused, default: 0]
            let reason = reused > 0 ? "\(reused) of \(items) reused" : nil
            end(UnitID(stage.id), index, reused == stage.items.count ? .reused : .succeeded, reason: reason)
        }
    }
}

// MARK: - Slots

extension RunMachine {
    /// Queues a unit for a slot.
    mutating func queue(_ id: UnitID, _ index: Int) {
        emit(.unitQueued(id))
        ready.insert(readyUnit(id, index))
    }

    private func readyUnit(_ id: UnitID, _ index: Int) -> ReadyUnit {
        let place = id.item.flatMap { state.stages[index].itemIndex[$0] } ?? 0
        return ReadyUnit(
            id: id, stageIndex: index, urgency: urgency[index], order: Int64(index) << 32 | Int64(place))
    }

    private mutating func startReady() {
        guard state.status == .running, !state.isPaused else { return }
        let most = state.number(of: .maxParallel)
        while state.openAttempts + leasing.count < most,
            let unit = ready.popMostUrgent(slots)
        {
            guard state.unit(unit.id)?.status == .queued, !leasing.contains(unit.id) else { continue }
            if let limit = limits(unit.id, unit.stageIndex).first(where: { !slots.hasRoom($0) }) {
                ready.park(unit, at: limit)
            } else if state.plan.stages[unit.stageIndex].needsLease {
                leasing.insert(unit.id)
                take(unit.id, unit.stageIndex)
                act(.requestLease(unit.id))
            } else {
                start(unit)
            }
        }
    }

    private mutating func leaseGranted(_ id: UnitID) {
        guard let index = state.plan.index(of: id.stage), leasing.remove(id) != nil else {
            return act(.releaseLease(id))
        }
        release(id, index)
        guard state.unit(id)?.status == .queued else { return act(.releaseLease(id)) }
        // Since the lease was asked for, the run may have been paused, or its limits made smaller.
        let isFull =
            state.openAttempts >= state.number(of: .maxParallel) || limits(id, index).contains { !slots.hasRoom($0) }
        if state.isPaused || isFull {
            ready.insert(readyUnit(id, index))
            return act(.releaseLease(id))
        }
        start(readyUnit(id, index))
    }

    private mutating func leaseRefused(_ id: UnitID, _ reason: String) {
        guard let index = state.plan.index(of: id.stage), leasing.remove(id) != nil else { return }
        release(id, index)
        guard let unit = state.unit(id), unit.status == .queued else { return }
        if unit.heldBy != reason { emit(.unitHeld(id, reason: reason)) }
        if refused.isEmpty { act(.startTimer(.leases, after: Self.leaseInterval)) }
        refused.append(readyUnit(id, index))
    }

    private mutating func timerFired(_ timer: RunTimer) {
        switch timer {
        case .retry(let id):
            guard let index = state.plan.index(of: id.stage), state.unit(id)?.status == .retrying else { return }
            queue(id, index)
        case .timeout(let id, let number):
            // Work that is being published was finished in time.
            guard isOpen(id, number), let attempt = state.unit(id)?.openAttempt, attempt.stopRequested == nil,
                attempt.publishing == nil
            else { return }
            emit(.stopRequested(id, attempt: number, .timedOut))
            act(.stop(id, attempt: number, .timedOut))
        case .leases:
            for unit in refused { ready.insert(unit) }
            refused = []
        }
    }

    /// Removes the timer of a unit that no longer waits for a retry.
    mutating func dropRetryTimer(_ id: UnitID) {
        if state.unit(id)?.status == .retrying { act(.cancelTimer(.retry(id))) }
    }

    /// The narrower limits that apply to a unit.
    private func limits(_ id: UnitID, _ index: Int) -> [SlotLimit] {
        let planned = state.plan.stages[index]
        var limits: [SlotLimit] = []
        if id.item != nil, planned.fanOut?.maxParallel != nil { limits.append(.items(index)) }
        if let pool = planned.pool { limits.append(.pool(pool)) }
        return limits
    }

    private mutating func take(_ id: UnitID, _ index: Int) { slots.take(limits(id, index)) }

    private mutating func release(_ id: UnitID, _ index: Int) { slots.release(limits(id, index)) }

    /// Recomputes everything that is derived from the state.
    mutating func rebuild() {
        let count = state.stages.count
        endedStages = []
        unmet = (0..<count).map { index in
            state.plan.upstream[index].count { !state.stages[$0].unit.status.isFinished }
        }
        unfinishedStages = state.stages.count { !$0.unit.status.isFinished }
        ready.removeAll()
        slots = SlotCounts(state)
        let waitsForLease = Set(refused.map(\.id))
        refused.removeAll { state.unit($0.id)?.status != .queued }
        for (index, stage) in state.stages.enumerated() {
            forEachUnit(of: stage) { id, unit in
                if unit.openAttempt != nil || leasing.contains(id) { take(id, index) }
                if unit.status == .queued, !leasing.contains(id), !waitsForLease.contains(id) {
                    ready.insert(readyUnit(id, index))
                }
            }
        }
    }

    private func forEachUnit(of stage: StageState, _ action: (UnitID, UnitState) -> Void) {
        action(UnitID(stage.id), stage.unit)
        guard stage.hasItems else { return }
        for item in stage.items { action(UnitID(stage.id, item.item.key), item.unit) }
    }
}
