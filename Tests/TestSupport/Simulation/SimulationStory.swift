package import CaudalModel
import Engine

extension Simulation {
    /// A broken invariant with the events that led to it.
    package struct Story: Error, CustomStringConvertible {
        package let settings: Settings
        package let violation: RunInvariants.Violation
        package let plan: RunPlan
        package let events: [RunEvent]

        package var description: String {
            let began = events.first?.time.steady ?? 0
            let stages = plan.stages.map { stage in
                var words = ["needs \(stage.upstream.map(\.rawValue))"]
                if stage.when != .allSucceeded { words.append("when \(stage.when)") }
                if stage.retry.limit > 0 { words.append("retries \(stage.retry.limit)") }
                if stage.fanOut != nil { words.append("fanned out") }
                if let pool = stage.pool { words.append("pool \(pool)") }
                return "  \(stage.id): \(words.joined(separator: ", "))"
            }
            let lines = events.suffix(60).map { event in
                "  \(event.sequence)  +\(event.time.steady - began) ms  \(Self.words(event.change))"
            }
            return """
                \(violation)
                \(settings); max_parallel \(plan.maxParallel), pools \(plan.pools)
                \(stages.joined(separator: "\n"))
                \(lines.joined(separator: "\n"))
                """
        }

        /// An event in a few words.
        private static func words(_ change: RunChange) -> String {
            switch change {
            case .runStarted: "the run starts"
            case .runResumed: "another process goes on"
            case .planChanged(let change, _):
                "the plan changes: "
                    + change.differences.map { "\($0.stage?.rawValue ?? "pipeline")" }.joined(separator: ", ")
            case .commandReceived(let command, _): "operator: \(command)"
            case .paused: "paused"
            case .limitSet(let limit, let number): "\(limit.name) is \(number) now"
            case .unpaused: "unpaused"
            case .unitQueued(let id): "\(id) queued"
            case .unitHeld(let id, let reason): "\(id) held: \(reason)"
            case .attemptStarted(let id, let number): "\(id) attempt \(number) starts"
            case .attemptSpawned(let id, let number, _): "\(id) attempt \(number) has a process"
            case .progressed(let id, let number, _): "\(id) attempt \(number) progresses"
            case .stopRequested(let id, let number, let reason): "\(id) attempt \(number) is to stop: \(reason)"
            case .publishing(let id, let number, let plan, _): "\(id) attempt \(number) publishes \(plan.moves.count)"
            case .attemptEnded(let id, let number, let result): "\(id) attempt \(number) \(result.ending)"
            case .itemsFound(let id, let items): "\(id) has \(items.count) items"
            case .retryScheduled(let id, let delay): "\(id) is tried again in \(delay)"
            case .unitEnded(let id, let outcome, let reason): "\(id) \(outcome)\(reason.map { ": \($0)" } ?? "")"
            case .unitMarked(let id, let outcome, _): "\(id) marked \(outcome)"
            case .unitReset(let id): "\(id) is to run again"
            case .stageReopened(let id): "\(id) has items to run again"
            case .runEnded(let outcome): "the run \(outcome)"
            case .restored(let versions, _): "\(versions.paths.count) versions are published again"
            }
        }
    }
}
