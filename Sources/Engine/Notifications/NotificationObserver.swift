package import CaudalModel
import Foundation
import Synchronization

/// Hears of runs and puts what is to be told of them into the outbox.
///
/// What decides is a ``NotificationMemory``, kept in the observer's notes. A delivery's id follows from the event and the
/// target, so that an event that comes again adds nothing.
package final class NotificationObserver: RunObserver {
    package let name = "notifications"
    package let kinds: Set<String>? = [
        "run_started", "run_ended", "plan_changed", "retry_scheduled", "ended", "marked", "attempt_started",
    ]
    private let store: RunStore
    private let outbox: OutboxSender
    private let host: String
    /// What was asked for of runs, so that a plan is read once.
    private let known = Mutex<[RunID: PlanFacts]>([:])
    private static let knownLimit = 64

    /// What a plan says that matters here.
    private struct PlanFacts {
        var rules: [NotificationRule]
        /// The stages whose failure is allowed.
        var allowed: Set<StageID>
        /// All stages of the pipeline; nil where only some were selected.
        var stages: Set<StageID>?

        init(_ plan: RunPlan) {
            rules = plan.notifications ?? []
            allowed = Set(plan.stages.filter(\.allowsFailure).map(\.id))
            stages = plan.selection == nil ? Set(plan.stages.map(\.id)) : nil
        }

        /// Whether something may follow from a change: most stages only begin, and nobody wants to hear of that.
        func matters(_ change: RunChange) -> Bool {
            if case .attemptStarted(let unit, _) = change {
                return rules.contains { $0.stage == unit.stage && $0.occasions.contains(.started) }
            }
            return !rules.isEmpty
        }
    }

    package init(_ store: RunStore, outbox: OutboxSender, host: String) {
        self.store = store
        self.outbox = outbox
        self.host = host
    }

    package func concerns(_ plan: RunPlan) -> Bool { plan.notifications?.isEmpty == false }

    package func wants(_ change: RunChange) -> Bool {
        switch change {
        case .runStarted, .runEnded, .planChanged, .retryScheduled: true
        case .unitEnded(let unit, _, _), .unitMarked(let unit, _, _): unit.item == nil
        case .attemptStarted(let unit, let attempt): unit.item == nil && attempt == 1
        case .runResumed, .commandReceived, .paused, .unpaused, .limitSet, .unitQueued, .unitHeld, .attemptSpawned,
            .progressed, .stopRequested, .publishing, .attemptEnded, .itemsFound, .unitReset, .stageReopened, .restored:
            false
        }
    }

    package func take(_ event: ObservedEvent, _ notes: inout ObserverNotes) async throws {
        guard let plan = try planFacts(for: event), plan.matters(event.event.change) else { return }
        let key = "memory/\(event.run.pipeline)@\(event.run.environment ?? "")"
        var memory = NotificationMemory()
        // What cannot be read is begun anew: something is told once more then.
        if let text = try notes.text(key),
            let kept = try? JSONDecoder().decode(NotificationMemory.self, from: Data(text.utf8))
        {
            memory = kept
        }
        guard let happening = try happening(event, plan, memory) else { return }
        let before = memory
        let tellings = memory.take(happening, in: event.run.id, at: event.event.time.wall, by: plan.rules)
        if !tellings.isEmpty {
            let composer = try NoticeComposer(event, in: store, host: host)
            let deliveries = try tellings.map { try composer.delivery(for: $0) }
            if try store.add(deliveries) > 0 { outbox.wake() }
        }
        if memory != before { notes.keep(JSONText.encoded(memory), key) }
    }

    /// The plan that an event belongs to; nil for one that changes it.
    private func planFacts(for event: ObservedEvent) throws(StoreError) -> PlanFacts? {
        let run = event.run.id
        if case .planChanged(let change, _) = event.event.change {
            known.withLock { $0[run] = PlanFacts(change.plan) }
            return nil
        }
        if let facts = known.withLock({ $0[run] }) { return facts }
        let facts = PlanFacts(try store.plan(of: run, at: event.event.sequence))
        known.withLock { known in
            if known.count >= Self.knownLimit { known = [:] }
            known[run] = facts
        }
        return facts
    }

    /// What an event means for those who are to be told; nil where it means nothing.
    private func happening(
        _ event: ObservedEvent, _ plan: PlanFacts, _ memory: NotificationMemory
    ) throws -> NotificationMemory.Happening? {
        let run = event.run.id
        switch event.event.change {
        case .runStarted: return .runStarted
        case .attemptStarted(let unit, _): return .stageStarted(unit.stage)
        case .retryScheduled(let unit, _): return .stageRetrying(unit.stage)
        case .unitMarked(let unit, let outcome, _):
            return outcome == .succeeded || outcome == .skipped ? .stageSucceeded(unit.stage, warned: []) : nil
        case .unitEnded(let unit, let outcome, let reason):
            switch outcome {
            case .failed:
                let fingerprint =
                    try store.lastFailure(of: unit.stage, in: run)?.fingerprint
                    ?? FailureFingerprint(reason ?? "failed").id
                return .stageFailed(unit.stage, fingerprint: fingerprint, isAllowed: plan.allowed.contains(unit.stage))
            case .succeeded, .reused:
                let asks = plan.rules.contains { $0.occasions.contains(.checkWarned) }
                return .stageSucceeded(unit.stage, warned: asks ? try store.warnedChecks(of: unit.stage, in: run) : [])
            case .cancelled: return .stageCancelled(unit.stage)
            case .blocked, .skipped: return nil
            }
        case .runEnded(let outcome):
            switch outcome {
            case .succeeded, .reused, .skipped:
                return .runSucceeded(
                    stages: plan.stages, ends: try store.toldOfSlots(endedBy: run, at: event.event.time.wall))
            case .failed, .blocked: return .runFailed
            case .cancelled: return .runCancelled
            }
        default: return nil
        }
    }
}
