/// Orders the vertices of each layer so that few edges cross.
///
/// From several starts, sweeps order each layer by the weighted medians of its neighbours and swap vertices that are
/// better the other way round (Gansner, Koutsofios, North, Vo: "A technique for drawing directed graphs", 1993). Then
/// each vertex is moved to the best place of its layer (sifting: Matuszewski, Schönfeld, Molitor, 1999). Further starts
/// shuffle a part of the best order found; the shuffles are the same each time.
struct LayerOrder {
    private(set) var layers: [[Int]]
    private let before: [[Int]]
    private let behind: [[Int]]
    /// The place of each vertex in its layer.
    private var place: [Int]

    private static let sweeps = 24
    private static let patience = 8
    private static let shuffles = 8
    /// Above these numbers of vertices, more work makes a picture slower, and no more legible.
    private static let shuffleLimit = 600
    private static let sweepLimit = 2000

    init(_ layers: [[Int]], before: [[Int]], behind: [[Int]]) {
        (self.layers, self.before, self.behind) = (layers, before, behind)
        place = [Int](repeating: 0, count: before.count)
        for layer in layers.indices { number(layer) }
    }

    private mutating func number(_ layer: Int) {
        for (index, vertex) in layers[layer].enumerated() { place[vertex] = index }
    }

    private mutating func start(_ order: [[Int]]) {
        layers = order
        for layer in layers.indices { number(layer) }
    }

    /// The layers in the best order found.
    func best() -> [[Int]] {
        guard layers.count > 1 else { return layers }
        if before.count > Self.sweepLimit {
            var work = self
            work.start(startOrder(0))
            return work.swept(6, swaps: false).layers
        }
        var best = (count: Int.max, layers: layers)
        for kind in 0..<4 {
            improve(startOrder(kind), &best)
            if best.count == 0 { return best.layers }
        }
        var shuffling = Shuffling()
        for _ in 0..<(before.count > Self.shuffleLimit ? 0 : Self.shuffles) {
            improve(shuffling.changed(best.layers), &best)
            if best.count == 0 { break }
        }
        return best.layers
    }

    /// Improves an order, and keeps it if it is better than the best.
    private func improve(_ order: [[Int]], _ best: inout (count: Int, layers: [[Int]])) {
        var work = self
        work.start(order)
        var found = work.swept(Self.sweeps, swaps: true)
        if found.count > 0 {
            work.start(found.layers)
            work.sift()
            found = (work.crossings, work.layers)
        }
        if found.count < best.count { best = found }
    }

    /// Sweeps to and fro; the best order on the way.
    private func swept(_ most: Int, swaps: Bool) -> (count: Int, layers: [[Int]]) {
        var work = self
        var best = (count: crossings, layers: layers)
        var (current, idle) = (best.count, 0)
        for sweep in 0..<most where idle < Self.patience && best.count > 0 {
            work.sort(downward: sweep % 2 == 0, tiesReversed: sweep % 4 >= 2)
            if swaps { work.transpose() }
            let count = work.crossings
            idle = count < current ? 0 : idle + 1
            current = count
            if count < best.count { best = (count, work.layers) }
        }
        return best
    }

    // MARK: - Starts

    /// A start by depth-first or breadth-first search, from the left or from the right.
    private func startOrder(_ kind: Int) -> [[Int]] {
        var result = [[Int]](repeating: [], count: layers.count)
        var seen = [Bool](repeating: false, count: before.count)
        let (isFromRight, isBreadthFirst) = (kind >= 2, kind % 2 == 1)
        let edges = isFromRight ? before : behind
        let layerOf = layerOf
        for root in (isFromRight ? layers.reversed() : layers).joined() where !seen[root] {
            var pending = [root]
            var head = 0
            while head < pending.count {
                let vertex = isBreadthFirst ? pending[head] : pending.removeLast()
                if isBreadthFirst { head += 1 }
                if seen[vertex] { continue }
                seen[vertex] = true
                result[layerOf[vertex]].append(vertex)
                let next = edges[vertex].filter { !seen[$0] }
                pending.append(contentsOf: isBreadthFirst ? next : next.reversed())
            }
        }
        return result
    }

    private var layerOf: [Int] {
        var layerOf = [Int](repeating: 0, count: before.count)
        for (index, layer) in layers.enumerated() { for vertex in layer { layerOf[vertex] = index } }
        return layerOf
    }

    /// Numbers that look random and are the same each time (Knuth's linear congruential generator).
    private struct Shuffling {
        private var state: UInt64 = 7

        private mutating func number(below limit: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int((state >> 33) % UInt64(limit))
        }

        /// Moves some vertices of about a third of the layers.
        mutating func changed(_ layers: [[Int]]) -> [[Int]] {
            layers.map { layer in
                guard layer.count > 1, number(below: 3) == 0 else { return layer }
                var layer = layer
                for _ in 0..<max(1, layer.count / 3) {
                    let vertex = layer.remove(at: number(below: layer.count))
                    layer.insert(vertex, at: number(below: layer.count + 1))
                }
                return layer
            }
        }
    }

    // MARK: - Sweeps

    /// Orders each layer by the medians of its neighbours in the layer ordered before it.
    private mutating func sort(downward: Bool, tiesReversed: Bool) {
        for layer in downward ? Array(layers.indices.dropFirst()) : layers.indices.dropLast().reversed() {
            let medians = layers[layer].map { vertex in
                Self.median((downward ? before : behind)[vertex].map { place[$0] }.sorted())
            }
            // A vertex without neighbours keeps its place; the others are sorted around it.
            let movable = layers[layer].indices.filter { medians[$0] >= 0 }
            let sorted = movable.sorted { a, b in
                medians[a] != medians[b] ? medians[a] < medians[b] : tiesReversed ? a > b : a < b
            }
            var result = layers[layer]
            for (target, source) in zip(movable, sorted) { result[target] = layers[layer][source] }
            layers[layer] = result
            number(layer)
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

    // MARK: - Moves

    /// What it gains to have `lower` directly above `upper` instead of below it.
    private func gain(_ upper: Int, _ lower: Int) -> Int {
        balance(before[upper], before[lower]) + balance(behind[upper], behind[lower])
    }

    /// The crossings of edges of an upper vertex with those of a lower one, less those if they changed places.
    private func balance(_ upper: [Int], _ lower: [Int]) -> Int {
        var count = 0
        for a in upper {
            let first = place[a]
            for b in lower {
                let second = place[b]
                if first > second { count += 1 } else if first < second { count -= 1 }
            }
        }
        return count
    }

    /// Swaps adjacent vertices of a layer as long as that removes crossings.
    private mutating func transpose() {
        for _ in 0..<10 {
            var improved = false
            for layer in layers.indices where layers[layer].count > 1 {
                for index in 0..<(layers[layer].count - 1) {
                    guard gain(layers[layer][index], layers[layer][index + 1]) > 0 else { continue }
                    layers[layer].swapAt(index, index + 1)
                    improved = true
                }
                number(layer)
            }
            if !improved { return }
        }
    }

    /// Moves each vertex to the place of its layer where its edges cross fewest others, until nothing improves.
    private mutating func sift() {
        for round in 0..<16 {
            var improved = false
            for step in layers.indices {
                let layer = round % 2 == 0 ? step : layers.count - 1 - step
                for vertex in layers[layer] where layers[layer].count > 1 {
                    guard let from = layers[layer].firstIndex(of: vertex) else { continue }
                    let to = bestPlace(of: vertex, from: from, in: layers[layer])
                    guard to != from else { continue }
                    layers[layer].remove(at: from)
                    layers[layer].insert(vertex, at: to)
                    improved = true
                }
                number(layer)
            }
            if !improved { return }
        }
    }

    private func bestPlace(of vertex: Int, from: Int, in layer: [Int]) -> Int {
        var best = (gain: 0, place: from)
        var sum = 0
        for lower in (from + 1)..<max(from + 1, layer.count) {
            sum += gain(vertex, layer[lower])
            if sum > best.gain { best = (sum, lower) }
        }
        sum = 0
        for upper in stride(from: from - 1, through: 0, by: -1) {
            sum += gain(layer[upper], vertex)
            if sum > best.gain { best = (sum, upper) }
        }
        return best.place
    }

    /// The number of edge crossings between adjacent layers, counted with a Fenwick tree.
    var crossings: Int {
        var total = 0
        for layer in layers.indices.dropLast() {
            let size = layers[layer + 1].count
            var tree = [Int](repeating: 0, count: size + 1)
            var inserted = 0
            for vertex in layers[layer] {
                for target in behind[vertex] {
                    // Edges that begin above this one and end below its end.
                    var index = place[target] + 1
                    var notBelow = 0
                    while index > 0 {
                        notBelow += tree[index]
                        index -= index & -index
                    }
                    total += inserted - notBelow
                }
                for target in behind[vertex] {
                    var index = place[target] + 1
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
