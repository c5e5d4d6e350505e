import CaudalModel
import Engine

/// What a picture of the graph shows: stages, and several stages in one place.
struct GraphScene: Sendable {
    /// One place of the picture.
    enum Item: Hashable, Sendable {
        case stage(Int)
        /// Finished stages, each of which only the next one needs.
        case chain([Int])
        case group(String, [Int])
        /// The stages that are left out on one side.
        case more(isUpstream: Bool, [Int])

        var stages: [Int] {
            switch self {
            case .stage(let stage): [stage]
            case .chain(let stages), .group(_, let stages), .more(_, let stages): stages
            }
        }
    }

    /// Which scene of a graph is shown.
    enum Kind: Hashable, Sendable {
        /// Every stage, besides chains that are folded.
        case whole(chains: [[Int]])
        /// A stage, and what is at most so many edges away.
        case focus(stage: Int, hops: Int)
        /// Groups, besides those that are opened.
        case groups(open: Set<String>)
    }

    let items: [Item]
    let edges: [(from: Int, to: Int)]
    /// The place of each stage that is shown by itself or in a chain or group.
    private(set) var itemOf: [Int: Int] = [:]

    private init(_ items: [Item], _ edges: [(from: Int, to: Int)]) {
        (self.items, self.edges) = (items, edges)
        for (index, item) in items.enumerated() {
            if case .more = item { continue }
            for stage in item.stages { itemOf[stage] = index }
        }
    }

    init(_ kind: Kind, of graph: GraphModel) {
        switch kind {
        case .whole(let chains): self = Self.whole(graph, chains)
        case .focus(let stage, let hops): self = Self.focus(graph, stage, hops)
        case .groups(let open): self = Self.groups(graph, open)
        }
    }

    // MARK: - All stages

    /// The number of finished stages in a row from which on they are folded.
    static let chainLength = 4

    private static func whole(_ graph: GraphModel, _ chains: [[Int]]) -> GraphScene {
        var heads: [Int: [Int]] = [:]
        var keys = graph.names.indices.map { $0 }
        for chain in chains {
            heads[chain[0]] = chain
            for stage in chain { keys[stage] = chain[0] }
        }
        return contracted(graph, keys) { key, stages in
            heads[key].map { .chain($0) } ?? .stage(stages[0])
        }
    }

    /// The chains of a graph: stages in a row, each of which is needed by the next one alone and needs nothing else.
    static func chains(_ upstream: [[Int]], _ downstream: [[Int]], where fits: (Int) -> Bool)
        -> [[Int]]
    {
        func follower(_ stage: Int) -> Int? {
            guard downstream[stage].count == 1, let next = downstream[stage].first,
                upstream[next].count == 1
            else {
                return nil
            }
            return fits(next) ? next : nil
        }
        var chains: [[Int]] = []
        for stage in upstream.indices where fits(stage) {
            if upstream[stage].count == 1, let before = upstream[stage].first, fits(before),
                downstream[before].count == 1
            {
                continue
            }
            var chain = [stage]
            while let last = chain.last, let next = follower(last) { chain.append(next) }
            if chain.count >= chainLength { chains.append(chain) }
        }
        return chains
    }

    // MARK: - One stage and its surroundings

    /// The most stages that a focus shows, so that its picture can be read.
    private static let focusLimit = 40

    private static func focus(_ graph: GraphModel, _ stage: Int, _ hops: Int) -> GraphScene {
        var shown: [Int: Int] = [stage: 0]
        var order = [stage]
        for edges in [graph.upstream, graph.downstream] {
            var frontier = [stage]
            for _ in 0..<hops {
                let next = frontier.flatMap { edges[$0] }.filter { shown[$0] == nil }
                frontier = []
                for other in next where shown[other] == nil && order.count < focusLimit {
                    shown[other] = order.count
                    order.append(other)
                    frontier.append(other)
                }
            }
        }
        var items = order.map { Item.stage($0) }
        var edges: [(from: Int, to: Int)] = []
        for (to, stage) in order.enumerated() {
            for need in graph.upstream[stage] { if let from = shown[need] { edges.append((from, to)) } }
        }
        for isUpstream in [true, false] {
            let neighbours = isUpstream ? graph.upstream : graph.downstream
            let open = order.filter { neighbours[$0].contains { shown[$0] == nil } }
            guard !open.isEmpty else { continue }
            let rest = reached(from: order, neighbours).filter { shown[$0] == nil }
            for other in open {
                let place = shown[other] ?? 0
                edges.append(isUpstream ? (from: items.count, to: place) : (from: place, to: items.count))
            }
            items.append(.more(isUpstream: isUpstream, rest))
        }
        return GraphScene(items, edges)
    }

    private static func reached(from start: [Int], _ neighbours: [[Int]]) -> [Int] {
        var seen = Set(start)
        var order: [Int] = []
        var open = start
        while let stage = open.popLast() {
            for next in neighbours[stage] where seen.insert(next).inserted {
                order.append(next)
                open.append(next)
            }
        }
        return order.sorted()
    }

    // MARK: - Groups

    private static func groups(_ graph: GraphModel, _ open: Set<String>) -> GraphScene {
        var numbers: [String: Int] = [:]
        let keys = graph.names.indices.map { stage -> Int in
            guard let group = graph.groups[stage], !open.contains(group) else { return stage }
            if numbers[group] == nil { numbers[group] = stage }
            return numbers[group] ?? stage
        }
        return contracted(graph, keys) { key, stages in
            guard stages.count > 1, let group = graph.groups[key] else { return .stage(stages[0]) }
            return .group(group, stages)
        }
    }

    /// Puts stages with the same key into one item, and the edges between them.
    ///
    /// If items needed each other in a circle, stages that begin later get an item of their own.
    private static func contracted(
        _ graph: GraphModel, _ keys: [Int], _ item: (_ key: Int, _ stages: [Int]) -> Item
    ) -> GraphScene {
        struct Key: Hashable {
            let key: Int
            let wave: Int
        }
        let waves = waves(graph, keys)
        var places: [Key: Int] = [:]
        var members: [(key: Key, stages: [Int])] = []
        for stage in keys.indices {
            let key = Key(key: keys[stage], wave: waves[stage])
            if let place = places[key] {
                members[place].stages.append(stage)
            } else {
                places[key] = members.count
                members.append((key, [stage]))
            }
        }
        func place(_ stage: Int) -> Int { places[Key(key: keys[stage], wave: waves[stage])] ?? 0 }
        struct Edge: Hashable {
            let from: Int
            let to: Int
        }
        var seen: Set<Edge> = []
        var edges: [(from: Int, to: Int)] = []
        for stage in keys.indices {
            for need in graph.upstream[stage] {
                let edge = Edge(from: place(need), to: place(stage))
                if edge.from != edge.to, seen.insert(edge).inserted { edges.append((edge.from, edge.to)) }
            }
        }
        return GraphScene(members.map { item($0.key.key, $0.stages) }, edges)
    }

    /// The wave of each stage: 0, unless its key is on a circle of keys; then how often a path to it changes the key.
    private static func waves(_ graph: GraphModel, _ keys: [Int]) -> [Int] {
        let order = graph.order
        var waves = [Int](repeating: 0, count: keys.count)
        for stage in order {
            for need in graph.upstream[stage] {
                waves[stage] = max(waves[stage], waves[need] + (keys[need] == keys[stage] ? 0 : 1))
            }
        }
        let circular = circularKeys(graph, keys)
        return waves.indices.map { circular.contains(keys[$0]) ? waves[$0] : 0 }
    }

    /// The keys that need each other: those that are left when keys without an open need, and those that nobody left
    /// needs, are taken away.
    private static func circularKeys(_ graph: GraphModel, _ keys: [Int]) -> Set<Int> {
        var needs: [Int: Set<Int>] = [:]
        var needed: [Int: Set<Int>] = [:]
        for stage in keys.indices {
            for need in graph.upstream[stage] where keys[need] != keys[stage] {
                needs[keys[stage], default: []].insert(keys[need])
                needed[keys[need], default: []].insert(keys[stage])
            }
        }
        func left(_ needs: [Int: Set<Int>], _ needed: [Int: Set<Int>], _ all: Set<Int>) -> Set<Int> {
            var waiting = all.reduce(into: [Int: Int]()) {
                $0[$1] = needs[$1, default: []].intersection(all).count
            }
            var free = all.filter { waiting[$0] == 0 }.sorted()
            var left = all
            while let key = free.popLast() {
                left.remove(key)
                for other in needed[key, default: []] where left.contains(other) {
                    waiting[other, default: 0] -= 1
                    if waiting[other] == 0 { free.append(other) }
                }
            }
            return left
        }
        let behind = left(needs, needed, Set(keys))
        return left(needed, needs, behind)
    }
}
