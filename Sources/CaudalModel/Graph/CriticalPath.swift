/// Longest paths through a plan, by the usual durations of its stages.
package enum CriticalPath {
    /// The assumed duration of a stage without a history, so that longer chains still go first.
    static let unknown = Duration.seconds(1)

    /// For each stage, the milliseconds from its start to the end of the run along the longest path.
    package static func remaining(of plan: RunPlan) -> [Int64] {
        var remaining = [Int64?](repeating: nil, count: plan.stages.count)
        // Depth-first search with an explicit stack: a chain of ten thousand stages would overflow the thread's stack.
        for start in plan.stages.indices where remaining[start] == nil {
            var stack = [start]
            while let index = stack.last {
                let open = plan.downstream[index].filter { remaining[$0] == nil }
                if open.isEmpty {
                    let longest = plan.downstream[index].compactMap { remaining[$0] }.max() ?? 0
                    remaining[index] = longest + (plan.stages[index].expected ?? unknown).milliseconds
                    stack.removeLast()
                } else {
                    stack.append(contentsOf: open)
                }
            }
        }
        return remaining.map { $0 ?? 0 }
    }

    /// The longest path of stages that have not ended, in order.
    ///
    /// A running stage counts with the rest of its usual duration, at least zero.
    package static func path(of state: RunState, now: Moment) -> [StageID] {
        let plan = state.plan
        func left(_ index: Int) -> Int64 {
            let stage = state.stages[index]
            guard !stage.unit.status.isFinished else { return 0 }
            let usual = (plan.stages[index].expected ?? unknown).milliseconds
            guard let took = stage.took(now: now), stage.status == .running else { return usual }
            return max(0, usual - took.milliseconds)
        }
        var longest = [Int64](repeating: -1, count: plan.stages.count)
        var follower = [Int?](repeating: nil, count: plan.stages.count)
        for index in topologicalIndices(of: plan).reversed() {
            let next = plan.downstream[index].max { longest[$0] < longest[$1] }
            longest[index] = left(index) + (next.map { longest[$0] } ?? 0)
            follower[index] = next
        }
        guard var index = longest.indices.max(by: { longest[$0] < longest[$1] }), longest[index] > 0 else {
            return []
        }
        var stages: [StageID] = []
        while true {
            if !state.stages[index].unit.status.isFinished { stages.append(plan.stages[index].id) }
            guard let next = follower[index], longest[next] > 0 else { break }
            index = next
        }
        return stages
    }

    /// Stage positions in topological order; ties are in file order.
    package static func topologicalIndices(of plan: RunPlan) -> [Int] {
        var waiting = plan.upstream.map(\.count)
        var order: [Int] = []
        order.reserveCapacity(plan.stages.count)
        var next = waiting.indices.filter { waiting[$0] == 0 }
        var head = 0
        while head < next.count {
            let index = next[head]
            head += 1
            order.append(index)
            for follower in plan.downstream[index] {
                waiting[follower] -= 1
                if waiting[follower] == 0 { next.append(follower) }
            }
        }
        return order
    }
}
