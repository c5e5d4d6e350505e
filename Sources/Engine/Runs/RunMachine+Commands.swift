package import CaudalModel

// Commands of operators to a run, running or ended.
extension RunMachine {
    /// Carries out a command, or says why it cannot be carried out.
    mutating func carryOut(_ command: RunCommand, by: String) -> CommandAnswer {
        if let refusal = refusal(of: command) { return .refused(refusal) }
        emit(.commandReceived(command, by: by))
        switch command {
        case .retry(let id, let downstream): return retry(id, downstream: downstream)
        case .retryItems(let id, let keys, let downstream): return retryItems(id, keys, downstream: downstream)
        case .retryStages(let ids): return rerun(ids.compactMap { state.plan.index(of: $0) })
        case .retryFailed: return rerun(state.stages.indices.filter { isRetried(state.stages[$0].unit.status) })
        case .cancel(let id): return cancel(id, by: by)
        case .cancelRun: return cancelRun(by: by)
        case .pause:
            emit(.paused)
            return .accepted("paused: nothing new starts")
        case .unpause:
            emit(.unpaused)
            return .accepted("goes on")
        case .setLimit(let limit, let number): return set(limit, to: number)
        case .mark(let id, let outcome, let reason): return mark(id, outcome, reason: reason, by: by)
        }
    }

    // MARK: - Refusals

    /// Why a command would be refused now; nil if it would not.
    package func refusal(of command: RunCommand) -> String? {
        switch command {
        case .retry(let id, let downstream): return refusalOfRetry(id, downstream: downstream)
        case .retryItems(let id, let keys, _):
            guard let stage = state.stage(id) else { return unknown(UnitID(id)) }
            for key in keys {
                guard let unit = state.unit(UnitID(id, key)), stage.hasItems else { return unknown(UnitID(id, key)) }
                if !unit.status.isFinished {
                    return "\(id)/\(key) is \(unit.status.rawValue); only an ended item is retried"
                }
            }
            if keys.isEmpty { return "no item was named" }
            if stage.itemsAreStale { return "the fan-out of \(id) was changed; retry the whole stage" }
            if let need = state.plan.index(of: id).flatMap(unfinishedUpstream) {
                return "\(need) runs again, and may make other items; retry the whole stage"
            }
            let busy = state.plan.index(of: id).flatMap(busyDownstream)
            return busy.map { "\($0) is running on what \(id) made; cancel it first" }
        case .retryStages(let ids): return refusalOfRetry(ids)
        case .retryFailed:
            let failed = state.stages.indices.filter { isRetried(state.stages[$0].unit.status) }
            if failed.isEmpty { return "nothing has failed or was cancelled" }
            let busy = failed.allSatisfy { busyDownstream(of: $0) != nil }
            return busy ? "what is downstream of the failed stages is running; cancel it first" : nil
        case .cancel(let id):
            guard let unit = state.unit(id) else { return unknown(id) }
            return unit.status.isFinished ? "\(id) has ended already: \(unit.status.rawValue)" : nil
        case .cancelRun: return state.status == .running ? nil : "the run has ended already: \(state.status.rawValue)"
        case .pause:
            if state.status != .running { return "the run has ended already: \(state.status.rawValue)" }
            return state.isPaused ? "the run is paused already" : nil
        case .unpause: return state.isPaused ? nil : "the run is not paused"
        case .setLimit(let limit, let number): return refusal(of: limit, number)
        case .mark(let id, let outcome, _):
            guard let unit = state.unit(id) else { return unknown(id) }
            guard outcome == .succeeded || outcome == .skipped else { return "only succeeded and skipped can be set" }
            if unit.openAttempt != nil || unit.status == .running { return "\(id) is running; cancel it first" }
            if unit.status == UnitStatus(outcome) { return "\(id) is \(outcome.rawValue) already" }
            if [.succeeded, .reused].contains(unit.status) {
                return "\(id) has run already: \(unit.status.rawValue)"
            }
            let busy = state.plan.index(of: id.stage).flatMap(busyDownstream)
            return busy.map { "\($0) is running on what \(id.stage) made; cancel it first" }
        }
    }

    private func refusalOfRetry(_ id: StageID, downstream: Bool) -> String? {
        guard let index = state.plan.index(of: id) else { return unknown(UnitID(id)) }
        let stage = state.stages[index]
        switch stage.unit.status {
        case .pending: return "\(id) has not run yet"
        case .queued: return "\(id) is about to run"
        case .running: return "\(id) is running; cancel it first"
        case .blocked:
            let culprits = state.plan.allUpstream(of: index).filter { isRetried(state.stages[$0].unit.status) }
            let names = culprits.prefix(3).map { state.plan.stages[$0].id.rawValue }.joined(separator: ", ")
            return "\(id) is blocked; retry \(names.isEmpty ? "what failed upstream" : names)"
        case .retrying, .succeeded, .failed, .skipped, .cancelled, .reused: break
        }
        return busyDownstream(of: index).map { "\($0) is running on what \(id) made; cancel it first" }
    }

    /// For stages that were selected together: one that is pending, or blocked by another of them, needs no retry of
    /// its own.
    private func refusalOfRetry(_ ids: [StageID]) -> String? {
        if ids.isEmpty { return "no stage was chosen" }
        let chosen = Set(ids)
        for id in ids {
            guard let index = state.plan.index(of: id) else { return unknown(UnitID(id)) }
            switch state.stages[index].unit.status {
            case .pending, .queued: break
            case .blocked where state.plan.allUpstream(of: index).contains { chosen.contains(state.plan.stages[$0].id) }:
                break
            case .retrying: return "\(id) waits for its next try; retry it by itself, or wait"
            case .running, .blocked, .succeeded, .failed, .skipped, .cancelled, .reused:
                if let refusal = refusalOfRetry(id, downstream: false) { return refusal }
            }
        }
        return nil
    }

    /// A running stage downstream of `index`: its inputs must not change while it runs.
    private func busyDownstream(of index: Int) -> StageID? {
        let busy = state.plan.allDownstream(of: index).first { state.stages[$0].unit.status == .running }
        return busy.map { state.plan.stages[$0].id }
    }

    /// A stage that a stage waits for.
    private func unfinishedUpstream(of index: Int) -> StageID? {
        state.plan.upstream[index].first { !state.stages[$0].unit.status.isFinished }.map { state.plan.stages[$0].id }
    }

    private func unknown(_ id: UnitID) -> String { state.wordsOfUnknown(id) }

    private func isRetried(_ status: UnitStatus) -> Bool { status == .failed || status == .cancelled }

    // MARK: - Retry

    private mutating func retry(_ id: StageID, downstream: Bool) -> CommandAnswer {
        guard let index = state.plan.index(of: id) else { return .refused(unknown(UnitID(id))) }
        if state.stages[index].unit.status == .retrying {
            dropRetryTimer(UnitID(id))
            queue(UnitID(id), index)
            return .accepted("\(id) is tried again now")
        }
        reopenRun()
        var names = [id.rawValue]
        reset(index)
        if downstream { names += resetDownstream(of: index) }
        freeDownstream(of: index)
        restart()
        return .accepted(
            "runs again: " + names.joined(separator: ", ") + (downstream ? skippedByHand(behind: index) : ""))
    }

    /// Makes all ended stages downstream ready to run again, except those that an operator skipped.
    ///
    /// One that was marked as succeeded stands for what lay there, which does not fit any more what is made anew before it.
    ///
    /// - Returns: Their names.
    private mutating func resetDownstream(of index: Int) -> [String] {
        let ended = state.plan.allDownstream(of: index).filter {
            !state.stages[$0].unit.isSkippedByHand && state.stages[$0].unit.status.isFinished
        }
        return ended.map { next in
            emit(.unitReset(UnitID(state.plan.stages[next].id)))
            return state.plan.stages[next].id.rawValue
        }
    }

    /// What to say of stages downstream that do not run again because an operator skipped them.
    private func skippedByHand(behind index: Int) -> String {
        let names = state.plan.allDownstream(of: index).filter { state.stages[$0].unit.isSkippedByHand }
            .map { state.plan.stages[$0].id.rawValue }
        return names.isEmpty ? "" : "; stays skipped by hand: \(names.joined(separator: ", "))"
    }

    /// Runs stages again, upstream first; those with running downstream stages are left alone.
    private mutating func rerun(_ indices: [Int]) -> CommandAnswer {
        reopenRun()
        let chosen = Set(indices)
        var names: [String] = []
        var resting = Set<Int>()
        for index in CriticalPath.topologicalIndices(of: state.plan) where chosen.contains(index) {
            // A stage freed together with another upstream stage is already set to run.
            guard state.stages[index].unit.status.isFinished, busyDownstream(of: index) == nil else { continue }
            names.append(state.plan.stages[index].id.rawValue)
            // A stage downstream of one that runs again waits for it, with all of its items.
            if resting.contains(index) { emit(.unitReset(UnitID(state.plan.stages[index].id))) } else { reset(index) }
            freeDownstream(of: index)
            resting.formUnion(state.plan.allDownstream(of: index))
        }
        restart()
        if names.isEmpty { return .accepted("all of them are about to run already") }
        return .accepted("runs again: \(names.joined(separator: ", "))")
    }

    private mutating func retryItems(_ id: StageID, _ keys: [ItemKey], downstream: Bool) -> CommandAnswer {
        guard let index = state.plan.index(of: id) else { return .refused(unknown(UnitID(id))) }
        reopenRun()
        if state.stages[index].unit.status.isFinished { emit(.stageReopened(id)) }
        for key in keys {
            emit(.unitReset(UnitID(id, key)))
            emit(.unitQueued(UnitID(id, key)))
        }
        let names = keys.map { "\(id)/\($0)" } + (downstream ? resetDownstream(of: index) : [])
        freeDownstream(of: index)
        restart()
        return .accepted(
            "runs again: " + names.joined(separator: ", ") + (downstream ? skippedByHand(behind: index) : ""))
    }

    /// Makes a stage ready to run again; of a fan-out with known items, only those that did not succeed.
    private mutating func reset(_ index: Int) {
        let stage = state.stages[index]
        let again = stage.items.filter { isRetried($0.unit.status) || $0.unit.status == .blocked }
        // What runs again upstream may make other items.
        guard stage.hasItems, !stage.itemsAreStale, !again.isEmpty, unfinishedUpstream(of: index) == nil else {
            return emit(.unitReset(UnitID(stage.id)))
        }
        emit(.stageReopened(stage.id))
        for item in again {
            emit(.unitReset(UnitID(stage.id, item.item.key)))
            emit(.unitQueued(UnitID(stage.id, item.item.key)))
        }
    }

    /// Resets all downstream stages that have not run with the output that is now made again to pending.
    private mutating func freeDownstream(of index: Int) {
        for next in state.plan.allDownstream(of: index) {
            let unit = state.stages[next].unit
            guard !unit.isMarked else { continue }
            let id = UnitID(state.plan.stages[next].id)
            switch unit.status {
            case .blocked, .skipped: emit(.unitReset(id))
            case .cancelled where unit.firstStart == nil: emit(.unitReset(id))
            case .queued, .retrying:
                dropRetryTimer(id)
                emit(.unitReset(id))
            case .pending, .running, .succeeded, .failed, .cancelled, .reused: break
            }
        }
    }

    /// A command that makes something run again reopens an ended run.
    private mutating func reopenRun() {
        guard state.status != .running, let owner = state.owner else { return }
        emit(.runResumed(owner))
        if state.isPaused { emit(.unpaused) }
    }

    // MARK: - Cancel

    private mutating func cancel(_ id: UnitID, by: String) -> CommandAnswer {
        guard let index = state.plan.index(of: id.stage) else { return .refused(unknown(id)) }
        let running = stop(id, index, reason: "cancelled by \(by)")
        return .accepted(running ? "\(id) is being stopped" : "\(id) is cancelled")
    }

    private mutating func cancelRun(by: String) -> CommandAnswer {
        var running = 0
        for index in state.stages.indices where !state.stages[index].unit.status.isFinished {
            if stop(UnitID(state.stages[index].id), index, reason: "cancelled by \(by)") { running += 1 }
        }
        return .accepted(
            running == 0
                ? "the run is cancelled"
                : "the run is being stopped, \(running.counted("stage")) \(running == 1 ? "is" : "are") running")
    }

    /// Stops a unit or keeps it from starting; returns whether the engine has to wait for an attempt to end.
    private mutating func stop(_ id: UnitID, _ index: Int, reason: String) -> Bool {
        guard let unit = state.unit(id) else { return false }
        if let attempt = unit.openAttempt {
            guard attempt.stopRequested != .cancelled else { return true }
            emit(.stopRequested(id, attempt: attempt.number, .cancelled))
            act(.stop(id, attempt: attempt.number, .cancelled))
            return true
        }
        if id.item == nil, state.stages[index].hasItems, unit.status == .running {
            var isWaiting = false
            for item in state.stages[index].items where !item.unit.status.isFinished {
                let itemID = UnitID(id.stage, item.item.key)
                if let attempt = item.unit.openAttempt {
                    isWaiting = true
                    guard attempt.stopRequested != .cancelled else { continue }
                    emit(.stopRequested(itemID, attempt: attempt.number, .cancelled))
                    act(.stop(itemID, attempt: attempt.number, .cancelled))
                } else {
                    dropRetryTimer(itemID)
                    emit(.unitEnded(itemID, .cancelled, reason: reason))
                }
            }
            if !isWaiting { settleFanOut(index) }
            return isWaiting
        }
        dropRetryTimer(id)
        end(id, index, .cancelled, reason: reason)
        return false
    }

    // MARK: - Limits

    private func refusal(of limit: RunLimit, _ number: Int) -> String? {
        if state.status != .running { return "the run has ended already: \(state.status.rawValue)" }
        let known = state.plan.limits
        guard known.contains(limit) else {
            return "the run has no pool '\(limit.name)'" + Suggestion.phrase(for: limit.name, among: known.map(\.name))
        }
        guard RunLimit.range.contains(number) else {
            return "\(limit.name) must be from \(RunLimit.range.lowerBound) to \(RunLimit.range.upperBound)"
        }
        return state.number(of: limit) == number ? "\(limit.name) is \(number) already" : nil
    }

    private mutating func set(_ limit: RunLimit, to number: Int) -> CommandAnswer {
        emit(.limitSet(limit, number))
        // What waits for the limit is weighed anew.
        rebuild()
        let (file, used) = (state.plan.number(of: limit), state.used(of: limit))
        let origin = number == file ? " as in the file" : " (\(file) in the file)"
        let rest = used > number ? "; \(used) are running, and nothing new starts until fewer than \(number) are" : ""
        return .accepted("\(limit.name) is \(number) now\(origin)\(rest)")
    }

    // MARK: - Mark

    private mutating func mark(_ id: UnitID, _ outcome: Outcome, reason: String, by: String) -> CommandAnswer {
        guard let index = state.plan.index(of: id.stage) else { return .refused(unknown(id)) }
        dropRetryTimer(id)
        reopenRun()
        if id.item != nil, state.stages[index].unit.status.isFinished { emit(.stageReopened(id.stage)) }
        emit(.unitMarked(id, outcome, reason: "\(reason) (\(by))"))
        if id.item != nil { settleFanOut(index) }
        freeDownstream(of: index)
        restart()
        return .accepted("\(id) counts as \(outcome.rawValue)")
    }
}

extension RunState {
    /// The message for a command that names a stage or an item that the run does not have.
    package func wordsOfUnknown(_ id: UnitID) -> String {
        if let key = id.item, let stage = stage(id.stage) {
            let keys = stage.items.map(\.item.key.rawValue)
            return "\(id.stage) has no item '\(key)'" + Suggestion.phrase(for: key.rawValue, among: keys)
        }
        let names = plan.stages.map(\.id.rawValue)
        return "the run has no stage '\(id.stage)'" + Suggestion.phrase(for: id.stage.rawValue, among: names)
    }
}
