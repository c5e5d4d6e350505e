/// An error of a graph.
package enum GraphError: Error, Sendable, Equatable {
    /// A cycle, with its first stage repeated at the end; each stage needs the one after it.
    case cycle([StageID])
}

/// Orders stages topologically: each after everything upstream of it.
package enum TopologicalOrder {
    /// Orders stages; ties go by name, so that one pipeline always gives one order.
    ///
    /// A stage that needs itself is a cycle of one. Method: A. B. Kahn, CACM 5(11), 1962.
    ///
    /// - Parameter upstream: What each stage needs. Every stage is a key, even with no needs.
    /// - Returns: Every key of `upstream` once; empty for an empty graph.
    /// - Throws: ``GraphError/cycle(_:)``.
    /// - Complexity: O(n log n + m) for n stages and m edges.
    package static func of(_ upstream: [StageID: Set<StageID>]) throws(GraphError) -> [StageID] {
        var waiting = upstream.mapValues(\.count)
        var followers: [StageID: [StageID]] = [:]
        for (stage, needs) in upstream { for need in needs { followers[need, default: []].append(stage) } }
        var ready = upstream.keys.filter { waiting[$0] == 0 }.sorted(by: >)
        var order: [StageID] = []
        while let stage = ready.popLast() {
            order.append(stage)
            var freed: [StageID] = []
            for follower in followers[stage] ?? [] {
                waiting[follower, default: 0] -= 1
                if waiting[follower] == 0 { freed.append(follower) }
            }
            ready.append(contentsOf: freed.sorted(by: >))
        }
        if order.count < upstream.count { throw .cycle(cycle(in: upstream, outside: Set(order))) }
        return order
    }

    /// A cycle among the stages that could not be ordered: following needs from any of them must return to it.
    private static func cycle(in upstream: [StageID: Set<StageID>], outside ordered: Set<StageID>) -> [StageID] {
        guard var stage = upstream.keys.filter({ !ordered.contains($0) }).min() else { return [] }
        var path: [StageID] = []
        while true {
            if let start = path.firstIndex(of: stage) { return Array(path[start...]) + [stage] }
            path.append(stage)
            guard let next = upstream[stage]?.filter({ !ordered.contains($0) }).min() else { return path }
            stage = next
        }
    }
}
