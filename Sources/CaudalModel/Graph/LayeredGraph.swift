/// A graph in layers from left to right, with each layer ordered to have few edge crossings.
///
/// The method is that of Sugiyama, Tagawa and Toda (1981): layers by longest path, a dummy vertex for each layer that
/// an edge crosses, then sweeps that order each layer by the weighted medians of its neighbours (Gansner, Koutsofios,
/// North, Vo: "A technique for drawing directed graphs", 1993). Ties go by the order of declaration, so that one graph
/// always gives one picture.
package struct LayeredGraph: Sendable {
    /// The number of vertices that are nodes; the vertices after them are dummies of edges.
    package let nodeCount: Int
    /// The layer of each vertex.
    package private(set) var layerOf: [Int]
    /// The vertices of each layer, top to bottom.
    package private(set) var layers: [[Int]]
    /// For each vertex, its neighbours in the previous layer.
    package private(set) var before: [[Int]]
    /// For each vertex, its neighbours in the next layer.
    package private(set) var behind: [[Int]]
    /// For each edge, the vertices that it passes.
    package private(set) var chains: [[Int]]

    private static let sweeps = 24
    private static let patience = 8

    /// Lays out nodes 0..<`nodeCount`; the graph must be acyclic.
    package init(nodeCount: Int, edges: [(from: Int, to: Int)]) {
        self.nodeCount = nodeCount
        layerOf = Self.ranks(nodeCount, edges)
        layers = []
        before = []
        behind = []
        chains = []
        addDummyVertices(edges)
        order()
    }

    // MARK: - Layers

    /// The layer of each node: after everything it needs, and moved back toward its downstream nodes where that
    /// shortens edges.
    private static func ranks(_ count: Int, _ edges: [(from: Int, to: Int)]) -> [Int] {
        var needs = [[Int]](repeating: [], count: count)
        var needed = [[Int]](repeating: [], count: count)
        for edge in edges {
            needs[edge.to].append(edge.from)
            needed[edge.from].append(edge.to)
        }
        var waiting = needs.map(\.count)
        var queue = (0..<count).filter { waiting[$0] == 0 }
        var ranks = [Int](repeating: 0, count: count)
        var head = 0
        while head < queue.count {
            let node = queue[head]
            head += 1
            for next in needed[node] {
                ranks[next] = max(ranks[next], ranks[node] + 1)
                waiting[next] -= 1
                if waiting[next] == 0 { queue.append(next) }
            }
        }
        // Sources stay at the left, where readers look for them; other nodes move to where their edges are shorter.
        for _ in 0..<count {
            var moved = false
            for node in queue.reversed() where !needs[node].isEmpty && needed[node].count > needs[node].count {
                guard let latest = needed[node].map({ ranks[$0] }).min(), latest - 1 > ranks[node] else { continue }
                ranks[node] = latest - 1
                moved = true
            }
            if !moved { break }
        }
        return ranks
    }

    private mutating func addDummyVertices(_ edges: [(from: Int, to: Int)]) {
        let depth = (layerOf.max() ?? -1) + 1
        layers = [[Int]](repeating: [], count: depth)
        for node in 0..<nodeCount { layers[layerOf[node]].append(node) }
        before = [[Int]](repeating: [], count: nodeCount)
        behind = [[Int]](repeating: [], count: nodeCount)
        for edge in edges {
            var chain = [edge.from]
            for layer in (layerOf[edge.from] + 1)..<max(layerOf[edge.from] + 1, layerOf[edge.to]) {
                let vertex = layerOf.count
                layerOf.append(layer)
                layers[layer].append(vertex)
                before.append([])
                behind.append([])
                chain.append(vertex)
            }
            chain.append(edge.to)
            for (left, right) in zip(chain, chain.dropFirst()) {
                behind[left].append(right)
                before[right].append(left)
            }
            chains.append(chain)
        }
    }

    // MARK: - Order

    private mutating func order() {
        guard layers.count > 1 else { return }
        // More sweeps do not make a large graph more legible, only slower.
        let isLarge = layerOf.count > 2000
        var best = layers
        var fewest = Int.max
        for start in isLarge ? [0] : [0, 1, 2] {
            layers = startOrder(start)
            var current = crossings
            if current < fewest { (fewest, best) = (current, layers) }
            var idle = 0
            for sweep in 0..<(isLarge ? 6 : Self.sweeps) where idle < Self.patience && fewest > 0 {
                sort(downward: sweep % 2 == 0, tiesReversed: sweep % 4 >= 2)
                if !isLarge { transpose() }
                let count = crossings
                idle = count < current ? 0 : idle + 1
                current = count
                if count < fewest { (fewest, best) = (count, layers) }
            }
        }
        layers = best
    }

    /// An initial order: by depth-first or breadth-first search from the left, or by a search from the right.
    private func startOrder(_ kind: Int) -> [[Int]] {
        var result = [[Int]](repeating: [], count: layers.count)
        var seen = [Bool](repeating: false, count: layerOf.count)
        let edges = kind == 2 ? before : behind
        let roots = (kind == 2 ? layers.reversed() : layers).joined()
        for root in roots where !seen[root] {
            var pending = [root]
            while let vertex = kind == 1 ? pending.first : pending.last {
                if kind == 1 { pending.removeFirst() } else { pending.removeLast() }
                if seen[vertex] { continue }
                seen[vertex] = true
                result[layerOf[vertex]].append(vertex)
                let next = edges[vertex].filter { !seen[$0] }
                pending.append(contentsOf: kind == 1 ? next : next.reversed())
            }
        }
        return result
    }

    /// Orders each layer by the medians of its neighbours in the layer ordered before it.
    private mutating func sort(downward: Bool, tiesReversed: Bool) {
        let order = downward ? Array(layers.indices.dropFirst()) : Array(layers.indices.dropLast().reversed())
        for layer in order {
            let fixed = layers[downward ? layer - 1 : layer + 1]
            var place = [Int: Int](minimumCapacity: fixed.count)
            for (index, vertex) in fixed.enumerated() { place[vertex] = index }
            let medians = layers[layer].map { vertex in
                Self.median((downward ? before : behind)[vertex].compactMap { place[$0] }.sorted())
            }
            // A vertex without neighbours keeps its place; the others are sorted around it.
            let movable = layers[layer].indices.filter { medians[$0] >= 0 }
            let sorted = movable.sorted { a, b in
                medians[a] != medians[b] ? medians[a] < medians[b] : tiesReversed ? a > b : a < b
            }
            var result = layers[layer]
            for (target, source) in zip(movable, sorted) { result[target] = layers[layer][source] }
            layers[layer] = result
        }
    }

    private static func median(_ places: [Int]) -> Double {
        guard let first = places.first, let last = places.last else { return -1 }
        let middle = places.count / 2
        if places.count % 2 == 1 { return Double(places[middle]) }
        if places.count == 2 { return Double(first + last) / 2 }
        let left = Double(places[middle - 1] - first)
        let right = Double(last - places[middle])
        guard left + right > 0 else { return Double(places[middle - 1] + places[middle]) / 2 }
        return (Double(places[middle - 1]) * right + Double(places[middle]) * left) / (left + right)
    }

    /// Swaps adjacent vertices of a layer as long as that removes crossings.
    private mutating func transpose() {
        for _ in 0..<10 {
            var improved = false
            for layer in layers.indices where layers[layer].count > 1 {
                let left = places(layer - 1)
                let right = places(layer + 1)
                for index in 0..<(layers[layer].count - 1) {
                    let (a, b) = (layers[layer][index], layers[layer][index + 1])
                    let now = Self.crossings(before[a], before[b], left) + Self.crossings(behind[a], behind[b], right)
                    let then = Self.crossings(before[b], before[a], left) + Self.crossings(behind[b], behind[a], right)
                    if then < now {
                        layers[layer].swapAt(index, index + 1)
                        improved = true
                    }
                }
            }
            if !improved { return }
        }
    }

    private func places(_ layer: Int) -> [Int: Int] {
        guard layers.indices.contains(layer) else { return [:] }
        var places: [Int: Int] = [:]
        for (index, vertex) in layers[layer].enumerated() { places[vertex] = index }
        return places
    }

    /// The number of crossings between edges of an upper vertex and edges of a lower one.
    private static func crossings(_ upper: [Int], _ lower: [Int], _ places: [Int: Int]) -> Int {
        var count = 0
        for a in upper {
            guard let first = places[a] else { continue }
            for b in lower { if let second = places[b], first > second { count += 1 } }
        }
        return count
    }

    /// The number of edge crossings between adjacent layers, counted with a Fenwick tree.
    package var crossings: Int {
        var total = 0
        for layer in layers.indices.dropLast() {
            let place = places(layer + 1)
            let size = layers[layer + 1].count
            var tree = [Int](repeating: 0, count: size + 1)
            var inserted = 0
            for vertex in layers[layer] {
                let targets = behind[vertex].compactMap { place[$0] }
                for target in targets {
                    // Edges that begin above this one and end below its end.
                    var index = target + 1
                    var notBelow = 0
                    while index > 0 {
                        notBelow += tree[index]
                        index -= index & -index
                    }
                    total += inserted - notBelow
                }
                for target in targets {
                    var index = target + 1
                    while index <= size {
                        tree[index] += 1
                        index += index & -index
                    }
                    inserted += 1
                }
            }
        }
        return total
    }
}
