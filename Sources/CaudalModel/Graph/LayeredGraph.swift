/// A graph in layers from left to right, with each layer ordered to have few edge crossings.
///
/// The method is that of Sugiyama, Tagawa and Toda (1981): layers by longest path, a dummy vertex for each layer that
/// an edge crosses, then an order of each layer (``LayerOrder``). One graph always gives one picture.
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

    /// Lays out nodes 0..<`nodeCount`; the graph must be acyclic.
    ///
    /// `sharesTrunks`: whether long edges with a common source, or with a common target, share the dummies of the layers
    /// that they pass.
    package init(nodeCount: Int, edges: [(from: Int, to: Int)], sharesTrunks: Bool = false) {
        self.nodeCount = nodeCount
        layerOf = Self.ranks(nodeCount, edges)
        layers = []
        before = []
        behind = []
        chains = []
        addDummyVertices(edges, sharesTrunks)
        layers = LayerOrder(layers, before: before, behind: behind).best()
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

    private mutating func addDummyVertices(_ edges: [(from: Int, to: Int)], _ sharesTrunks: Bool) {
        let depth = (layerOf.max() ?? -1) + 1
        layers = [[Int]](repeating: [], count: depth)
        for node in 0..<nodeCount { layers[layerOf[node]].append(node) }
        before = [[Int]](repeating: [], count: nodeCount)
        behind = [[Int]](repeating: [], count: nodeCount)
        let isLong = edges.map { layerOf[$0.to] - layerOf[$0.from] > 1 }
        var longOut = [Int](repeating: 0, count: nodeCount)
        var longInto = [Int](repeating: 0, count: nodeCount)
        for (edge, isLong) in zip(edges, isLong) where isLong {
            longOut[edge.from] += 1
            longInto[edge.to] += 1
        }
        /// The end that a trunk belongs to, and a layer that it passes.
        struct Place: Hashable {
            let end: Int
            let layer: Int
        }
        var trunks: [Place: Int] = [:]
        for edge in edges {
            // Where more edges run together, fewer lines are drawn.
            let end = longOut[edge.from] >= longInto[edge.to] ? edge.from : edge.to
            var chain = [edge.from]
            for layer in (layerOf[edge.from] + 1)..<max(layerOf[edge.from] + 1, layerOf[edge.to]) {
                let place = Place(end: end, layer: layer)
                if sharesTrunks, let trunk = trunks[place] {
                    chain.append(trunk)
                    continue
                }
                let vertex = layerOf.count
                trunks[place] = vertex
                layerOf.append(layer)
                layers[layer].append(vertex)
                before.append([])
                behind.append([])
                chain.append(vertex)
            }
            chain.append(edge.to)
            for (left, right) in zip(chain, chain.dropFirst()) where !behind[left].contains(right) {
                behind[left].append(right)
                before[right].append(left)
            }
            chains.append(chain)
        }
    }

    /// The number of edge crossings between adjacent layers.
    package var crossings: Int { LayerOrder(layers, before: before, behind: behind).crossings }
}
