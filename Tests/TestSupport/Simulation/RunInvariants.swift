package import CaudalModel
import Engine

/// What must hold at every event of every run; looks at nothing but the journal.
package struct RunInvariants {
    /// What was found broken, in a sentence with the event's number.
    package struct Violation: Error, CustomStringConvertible {
        package let description: String
        package init(_ description: String) { self.description = description }
    }

    /// The fold of the journal so far.
    package private(set) var state: RunState
    /// The last attempt number of each unit over the whole run.
    private var lastAttempt: [UnitID: Int] = [:]
    /// Attempts since the unit was last reset by hand that count against its limit.
    private var tries: [UnitID: Int] = [:]
    private var open: Set<UnitID> = []

    package init(state: RunState) { self.state = state }

    /// Takes one more event of the journal in.
    package mutating func check(_ event: RunEvent) throws(Violation) {
        guard event.sequence == state.lastSequence + 1 else {
            throw Violation("event \(event.sequence) follows event \(state.lastSequence)")
        }
        switch event.change {
        case .attemptStarted(let id, let number): try checkStart(id, number)
        case .attemptEnded(let id, let number, let result):
            guard open.remove(id) != nil else { throw Violation("\(id) ended attempt \(number), which was not open") }
            if result.ending != .interrupted { tries[id, default: 0] += 1 }
        case .retryScheduled(let id, _):
            guard !open.contains(id) else { throw Violation("\(id) waits for a retry while an attempt is open") }
            let limit = rules(of: id).retry.limit
            if tries[id, default: 0] > limit {
                throw Violation("\(id) is tried again after \(tries[id, default: 0]) tries; its limit is \(limit)")
            }
        case .unitEnded(let id, let outcome, _):
            guard let unit = state.unit(id) else { throw Violation("\(id) ended and is not known") }
            guard !unit.status.isFinished else {
                throw Violation("\(id) ended \(outcome) after it had ended \(unit.status)")
            }
            guard !open.contains(id) else { throw Violation("\(id) ended \(outcome) while an attempt is open") }
            if outcome == .blocked { try checkBlocked(id) }
            if outcome == .failed { try checkGivenUp(id, unit) }
        case .unitReset(let id):
            guard !open.contains(id) else { throw Violation("\(id) is reset while an attempt is open") }
            tries[id] = 0
            if id.item == nil { for unit in tries.keys where unit.stage == id.stage { tries[unit] = 0 } }
        case .publishing(let id, let number, _, _):
            guard open.contains(id) else { throw Violation("\(id) publishes attempt \(number), which is not open") }
        case .itemsFound(let id, _):
            if open.contains(where: { $0.stage == id && $0.item != nil }) {
                throw Violation("\(id) found items while some were running")
            }
        case .runEnded(let outcome): try checkEnd(outcome)
        case .restored:
            guard state.status != .running else { throw Violation("versions are restored while the run goes on") }
        case .runStarted, .runResumed, .planChanged, .commandReceived, .paused, .unpaused, .limitSet, .unitQueued,
            .unitHeld,
            .attemptSpawned,
            .progressed, .stopRequested, .unitMarked, .stageReopened:
            break
        }
        state.apply(event)
        guard state.openAttempts == open.count else {
            throw Violation("the state counts \(state.openAttempts) open attempts; there are \(open.count)")
        }
    }

    private func rules(of id: UnitID) -> PlannedStage {
        guard let index = state.plan.index(of: id.stage) else { preconditionFailure("\(id) is not planned") }
        return state.plan.stages[index]
    }

    private mutating func checkStart(_ id: UnitID, _ number: Int) throws(Violation) {
        guard let unit = state.unit(id), let index = state.plan.index(of: id.stage) else {
            throw Violation("\(id) started and is not known")
        }
        let planned = state.plan.stages[index]
        guard state.status == .running, !state.isPaused else { throw Violation("\(id) started in a run that waits") }
        guard unit.status == .queued else { throw Violation("\(id) started while it was \(unit.status)") }
        guard number == lastAttempt[id, default: 0] + 1 else {
            throw Violation("\(id) attempt \(number) follows attempt \(lastAttempt[id, default: 0])")
        }
        for need in state.plan.upstream[index] where !state.stages[need].unit.status.isFinished {
            throw Violation("\(id) started before \(state.stages[need].id) had ended")
        }
        if planned.when == .allSucceeded, let need = state.plan.upstream[index].first(where: failed) {
            throw Violation("\(id) started though \(state.stages[need].id) \(state.stages[need].unit.status)")
        }
        for need in state.plan.upstream[index]
        where [.failed, .blocked, .cancelled].contains(state.stages[need].unit.status) {
            guard let data = state.plan.stages[need].outputs.first(where: planned.reads.contains) else { continue }
            throw Violation("\(id) started though \(data) was not made: \(state.stages[need].unit.status)")
        }
        guard open.count < state.number(of: .maxParallel) else {
            throw Violation("\(id) started beyond the run's limit")
        }
        if let pool = planned.pool {
            let inPool = open.count { rules(of: $0).pool == pool }
            guard inPool < state.number(of: .pool(pool)) else { throw Violation("\(id) overfills pool \(pool)") }
        }
        if id.item != nil, let limit = planned.fanOut?.maxParallel {
            let siblings = open.count { $0.stage == id.stage && $0.item != nil }
            guard siblings < limit else { throw Violation("\(id) starts beyond its fan-out's limit") }
        }
        lastAttempt[id] = number
        open.insert(id)
    }

    /// Whether a need keeps a stage that waits for success from running.
    private func failed(_ index: Int) -> Bool {
        switch state.stages[index].unit.status {
        case .failed: !state.plan.stages[index].allowsFailure
        case .blocked, .cancelled: true
        case .pending, .queued, .running, .retrying, .succeeded, .skipped, .reused: false
        }
    }

    /// A unit that failed has used up the tries that its failure was worth.
    private func checkGivenUp(_ id: UnitID, _ unit: UnitState) throws(Violation) {
        guard let attempt = unit.attempts.last, let result = attempt.result, attempt.stopRequested != .cancelled,
            result.ending == .failed || result.ending == .stopped
        else { return }
        let policy = rules(of: id).retry
        var isWorthwhile = policy.exitStatuses.isEmpty
        if case .exited(let status)? = result.exit {
            isWorthwhile = isWorthwhile || policy.exitStatuses.contains(status)
        }
        if isWorthwhile, tries[id, default: 0] <= policy.limit {
            throw Violation("\(id) is given up after \(tries[id, default: 0]) tries; \(policy.limit) more were allowed")
        }
    }

    private func checkBlocked(_ id: UnitID) throws(Violation) {
        guard let index = state.plan.index(of: id.stage), state.plan.upstream[index].contains(where: failed) else {
            throw Violation("\(id) is blocked and nothing upstream failed")
        }
    }

    private func checkEnd(_ outcome: Outcome) throws(Violation) {
        guard open.isEmpty else { throw Violation("the run ended with \(open.count) open attempts") }
        for stage in state.stages {
            guard stage.unit.status.isFinished else {
                throw Violation("the run ended while \(stage.id) was \(stage.unit.status)")
            }
            if stage.hasItems, let item = stage.items.first(where: { !$0.unit.status.isFinished }) {
                throw Violation("the run ended while \(stage.id)/\(item.item.key) was \(item.unit.status)")
            }
        }
        let statuses = zip(state.stages, state.plan.stages).map { ($0.unit.status, $1.allowsFailure) }
        let stoppedItems = zip(state.stages, state.plan.stages).contains { stage, planned in
            // Those that have not started are cancelled by a failure, where the file says so.
            stage.items.contains {
                $0.unit.status == .cancelled
                    && (planned.fanOut?.onFailure != .stop || $0.unit.lastResult?.ending == .stopped)
            }
        }
        let expected: Outcome =
            state.isCancelled && (stoppedItems || statuses.contains { $0.0 == .cancelled })
            ? .cancelled
            : statuses.contains { $0 == .failed && !$1 }
                ? .failed : statuses.contains { $0.0 == .cancelled } ? .cancelled : .succeeded
        guard outcome == expected else { throw Violation("the run ended \(outcome); its stages say \(expected)") }
    }
}
