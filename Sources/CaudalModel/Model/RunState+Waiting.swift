extension RunState {
    /// Why a stage or an item does not run now, in a few words; nil when it is running or has ended.
    package func waitReason(of id: UnitID, now: Moment) -> String? {
        guard status == .running, let unit = unit(id), let index = plan.index(of: id.stage) else { return nil }
        switch unit.status {
        case .running, .succeeded, .failed, .blocked, .skipped, .cancelled, .reused: return nil
        case .retrying:
            guard let due = unit.retryAt else { return "retry soon" }
            return "retry in \(Duration.milliseconds(max(0, due.steady - now.steady)).short)"
        case .pending:
            let open = plan.upstream[index].filter { !stages[$0].unit.status.isFinished }.map {
                plan.stages[$0].id.rawValue
            }
            if open.isEmpty { return nil }
            let names = open.prefix(2).joined(separator: ", ") + (open.count > 2 ? ", …" : "")
            return plan.upstream[index].count > open.count + 1 || open.count > 1
                ? "needs \(names) (\(plan.upstream[index].count - open.count) of \(plan.upstream[index].count) done)"
                : "needs \(names)"
        case .queued:
            if isPaused { return "paused" }
            if let held = unit.heldBy { return held }
            return limitReason(of: id, index)
        }
    }

    private func limitReason(of id: UnitID, _ index: Int) -> String? {
        let planned = plan.stages[index]
        if id.item != nil, let limit = planned.fanOut?.maxParallel {
            let open = stages[index].itemCounts[.running, default: 0]
            if open >= limit { return "items \(open)/\(limit)" }
        }
        if let pool = planned.pool {
            let slots = number(of: .pool(pool))
            let used = used(of: .pool(pool))
            if used >= slots { return "pool \(pool) \(used)/\(slots)" }
        }
        let most = number(of: .maxParallel)
        return openAttempts >= most ? "slots \(openAttempts)/\(most)" : nil
    }

    /// The progress of the whole run, from 0 to 1, with each stage weighted by its usual duration: what has failed, was
    /// cancelled or is blocked is not done.
    ///
    /// - Returns: The fraction, and whether part of it is an estimate from past durations.
    package func progress(now: Moment) -> (fraction: Double, isEstimate: Bool) {
        var done = 0.0
        var total = 0.0
        var isEstimate = false
        for (planned, stage) in zip(plan.stages, stages) {
            let weight = max(0.05, (planned.expected ?? .seconds(1)).seconds)
            total += weight
            if stage.unit.status.isFinished {
                let isDone = stage.unit.status.outcome?.isSuccess == true || isAllowedFailure(stage.id)
                // Of a fan-out that failed, most items may be done.
                let items = Double(max(1, stage.items.count))
                let itemsDone = Double(stage.items.count { $0.unit.status.outcome?.isSuccess == true })
                done += weight * (isDone ? 1 : itemsDone / items)
            } else if let fraction = stage.fraction {
                done += weight * fraction
            } else if stage.status == .running, let took = stage.took(now: now), let expected = planned.expected {
                done += weight * min(0.95, took.seconds / max(0.001, expected.seconds))
                isEstimate = true
            }
        }
        return (total == 0 ? 1 : done / total, isEstimate)
    }
}
