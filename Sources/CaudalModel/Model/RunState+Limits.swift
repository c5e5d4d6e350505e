// How much of a run is done at once: what its plan says, and what operators have changed since.

extension RunPlan {
    /// What the plan says of a limit; a pool that the file does not size has one slot.
    package func number(of limit: RunLimit) -> Int {
        switch limit {
        case .maxParallel: maxParallel
        case .pool(let pool): pools[pool] ?? 1
        }
    }

    /// The limits that can be changed: that of the run, and the pools of its stages in the order of their names.
    package var limits: [RunLimit] {
        let pools = Set(stages.compactMap(\.pool)).union(pools.keys).sorted { $0.rawValue < $1.rawValue }
        return [.maxParallel] + pools.map { .pool($0) }
    }
}

extension RunState {
    /// The present number of a limit.
    package func number(of limit: RunLimit) -> Int { limits[limit] ?? plan.number(of: limit) }

    /// The present numbers of all pools.
    package var pools: [PoolName: Int] {
        var pools = plan.pools
        for case (.pool(let pool), let number) in limits { pools[pool] = number }
        return pools
    }

    /// How many attempts count for a limit now.
    package func used(of limit: RunLimit) -> Int {
        guard case .pool(let pool) = limit else { return openAttempts }
        return zip(plan.stages, stages).reduce(0) { sum, pair in
            guard pair.0.pool == pool else { return sum }
            let items = pair.1.items.count { $0.unit.openAttempt != nil }
            return sum + items + (pair.1.unit.openAttempt == nil ? 0 : 1)
        }
    }
}
