/// How long the stages of a run that have not ended will take, by their usual durations.
package struct TimeLeft {
    private let state: RunState
    private let urgency: [Int64]
    /// For each stage, the place of its pool's slots, behind those of the run.
    private let pools: [Int?]
    /// The attempts that may be begun: of the run, then of each pool.
    private var free: [Int]
    /// For each stage, how many of those that it needs have not ended.
    private var waiting: [Int]
    /// The stages that can begin, the most urgent one last.
    private var ready: [Int] = []
    private var running: [(end: Int64, index: Int)] = []

    /// The time until the last stage will have ended, if each is started as soon as the limits of the run allow it, the one
    /// with the longest way to the end first.
    ///
    /// A stage without a history counts as one second, a running one with the rest of its usual duration, and a fan-out as
    /// one attempt, since its usual duration is that of the whole stage.
    package static func of(_ state: RunState, now: Moment) -> Duration {
        var simulation = TimeLeft(state, now: now)
        return .milliseconds(simulation.end())
    }

    private init(_ state: RunState, now: Moment) {
        let plan = state.plan
        self.state = state
        urgency = CriticalPath.remaining(of: plan)
        let limits = plan.limits
        free = limits.map { max(1, state.number(of: $0)) }
        let places = Dictionary(uniqueKeysWithValues: limits.enumerated().map { ($1, $0) })
        pools = plan.stages.map { stage in stage.pool.flatMap { places[.pool($0)] } }
        waiting = plan.upstream.map { needs in needs.count { !state.stages[$0].unit.status.isFinished } }
        for (index, stage) in state.stages.enumerated() where !stage.unit.status.isFinished {
            if stage.status == .running, let took = stage.took(now: now) {
                begin(index, at: 0, took: max(0, usual(index) - took.milliseconds))
            } else if waiting[index] == 0 {
                makeReady(index)
            }
        }
    }

    private func usual(_ index: Int) -> Int64 {
        let stage = state.plan.stages[index]
        return stage.skipReason == nil ? (stage.expected ?? CriticalPath.unknown).milliseconds : 0
    }

    private mutating func begin(_ index: Int, at time: Int64, took: Int64) {
        running.append((time + took, index))
        free[0] -= 1
        if let pool = pools[index] { free[pool] -= 1 }
    }

    private mutating func makeReady(_ index: Int) {
        var (low, high) = (0, ready.count)
        while low < high {
            let middle = (low + high) / 2
            if (urgency[ready[middle]], index) < (urgency[index], ready[middle]) {
                low = middle + 1
            } else {
                high = middle
            }
        }
        ready.insert(index, at: low)
    }

    private mutating func end() -> Int64 {
        var time: Int64 = 0
        while true {
            for place in ready.indices.reversed() {
                if free[0] <= 0 { break }
                let index = ready[place]
                guard pools[index].map({ free[$0] > 0 }) ?? true else { continue }
                ready.remove(at: place)
                begin(index, at: time, took: usual(index))
            }
            guard let next = running.map(\.end).min() else { return time }
            time = max(time, next)
            let ended = running.filter { $0.end <= time }
            running.removeAll { $0.end <= time }
            for (_, index) in ended {
                free[0] += 1
                if let pool = pools[index] { free[pool] += 1 }
                for follower in state.plan.downstream[index] where !state.stages[follower].unit.status.isFinished {
                    waiting[follower] -= 1
                    if waiting[follower] == 0 { makeReady(follower) }
                }
            }
        }
    }
}
