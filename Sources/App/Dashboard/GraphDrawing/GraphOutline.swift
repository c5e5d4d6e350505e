import CaudalModel

/// The connected components of a graph, each in layers: what all its pictures have in common.
struct GraphOutline: Sendable {
    struct Part: Sendable {
        /// The nodes and edges of the component, by their numbers in the whole graph.
        let nodes: [Int]
        let edges: [Int]
        let graph: LayeredGraph
    }

    /// The components, in the order of their first nodes.
    let parts: [Part]
    let edgeCount: Int

    init(nodeCount: Int, edges: [(from: Int, to: Int)]) {
        edgeCount = edges.count
        var leader = Array(0..<nodeCount)
        func find(_ node: Int) -> Int {
            var node = node
            while leader[node] != node {
                leader[node] = leader[leader[node]]
                node = leader[node]
            }
            return node
        }
        for edge in edges {
            let (a, b) = (find(edge.from), find(edge.to))
            leader[max(a, b)] = min(a, b)
        }
        var members: [Int: (nodes: [Int], edges: [Int])] = [:]
        var local = [Int](repeating: 0, count: nodeCount)
        for node in 0..<nodeCount {
            let part = find(node)
            local[node] = members[part]?.nodes.count ?? 0
            members[part, default: ([], [])].nodes.append(node)
        }
        for (index, edge) in edges.enumerated() { members[find(edge.from)]?.edges.append(index) }
        parts = members.sorted { $0.key < $1.key }.map { _, part in
            let localEdges = part.edges.map { (from: local[edges[$0].from], to: local[edges[$0].to]) }
            return Part(
                nodes: part.nodes, edges: part.edges,
                graph: LayeredGraph(nodeCount: part.nodes.count, edges: localEdges, sharesTrunks: true))
        }
    }
}

/// A graph whose nodes have their rows and whose edges have their ways; only the columns of names are missing.
struct GraphRouting: Sendable {
    let density: NodeDensity
    let components: [GraphComponent]
    /// The first row of each component.
    let tops: [Int]
    let height: Int
    let edgeCount: Int

    init(_ outline: GraphOutline, density: NodeDensity) {
        self.density = density
        edgeCount = outline.edgeCount
        components = outline.parts.map { GraphComponent($0, density: density) }
        var tops: [Int] = []
        var height = 0
        for component in components {
            tops.append(height)
            height += component.height + 1
        }
        (self.tops, self.height) = (tops, max(0, height - 1))
    }

    /// The widths that names may have for the picture to fit into some columns; nil if names would be too short.
    ///
    /// `names`: the width of each name.
    /// `least`: the minimum width of a node's text.
    /// `shortest`: the width below which names are not cut.
    func widths(_ names: [Int], columns: Int, least: Int, shortest: Int) -> [Int]? {
        var widths = names
        for component in components {
            let own = component.nodes.map { names[$0] }
            guard let cut = component.widths(own, columns: columns, least: least, shortest: shortest)
            else { return nil }
            for (node, width) in zip(component.nodes, cut) { widths[node] = width }
        }
        return widths
    }
}
