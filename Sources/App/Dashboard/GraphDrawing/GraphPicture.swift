import CaudalModel
import Engine

/// The level of detail of a node.
enum NodeDensity: Int, Comparable, CaseIterable, Sendable {
    /// A glyph and a short name.
    case short = 2
    /// A name, with a line about it below.
    case detailed
    /// A card.
    case card

    static func < (left: NodeDensity, right: NodeDensity) -> Bool { left.rawValue < right.rawValue }

    /// Rows of a node above and below the row that its edges meet it in.
    var extent: (above: Int, below: Int) {
        switch self {
        case .short: (0, 0)
        case .detailed: (0, 1)
        case .card: (1, 2)
        }
    }
}

/// The layout of a graph: the position of each node, and the cells that each edge goes through.
///
/// It depends only on the plan and on the sizes of labels, so that it is computed once, and a change of state repaints
/// only the cells of one node.
struct GraphPicture: Sendable {
    /// The position of a node.
    struct Frame: Hashable, Sendable {
        var row: Int
        var column: Int
        var width: Int
        var height: Int
    }

    /// A straight part of an edge.
    enum Stroke: Hashable, Sendable {
        case horizontal(row: Int, from: Int, to: Int)
        case vertical(column: Int, from: Int, to: Int)
    }

    let width: Int
    let height: Int
    let density: NodeDensity
    let frames: [Frame]
    /// For each edge its strokes, from its source to its target.
    let strokes: [[Stroke]]
    /// The position of the arrowhead of each edge.
    let heads: [(row: Int, column: Int)]
    let crossings: Int
    /// For each node, its layer and its position in the layer, from the top.
    let layers: [[Int]]

    /// Lays a graph out.
    ///
    /// `names`: the width of each node's name in cells.
    /// `least`: the minimum width of a node's text.
    /// `most`: the width at which names are cut.
    init(
        nodeCount: Int, edges: [(from: Int, to: Int)], names: [Int], least: Int, most: Int, density: NodeDensity
    ) {
        self.density = density
        var frames = [Frame](repeating: Frame(row: 0, column: 0, width: 0, height: 0), count: nodeCount)
        var strokes = [[Stroke]](repeating: [], count: edges.count)
        var heads = [(row: Int, column: Int)](repeating: (0, 0), count: edges.count)
        var (width, height, crossings) = (0, 0, 0)
        var layers: [[Int]] = []
        for part in Self.parts(nodeCount, edges) {
            let component = GraphComponent(
                nodes: part.nodes, edges: part.edges.map { edges[$0] }, names: part.nodes.map { min(names[$0], most) },
                least: least, density: density)
            let top = height == 0 ? 0 : height + 1
            for (local, node) in part.nodes.enumerated() {
                frames[node] = component.frames[local]
                frames[node].row += top
            }
            for (local, edge) in part.edges.enumerated() {
                strokes[edge] = component.strokes[local].map { $0.moved(down: top) }
                heads[edge] = (component.heads[local].row + top, component.heads[local].column)
            }
            for (index, layer) in component.layers.enumerated() {
                if index == layers.count { layers.append([]) }
                layers[index] += layer
            }
            width = max(width, component.width)
            height = top + component.height
            crossings += component.crossings
        }
        (self.width, self.height, self.crossings) = (width, height, crossings)
        (self.frames, self.strokes, self.heads, self.layers) = (frames, strokes, heads, layers)
    }

    /// The connected components of a graph, in the order of their first nodes, each with its nodes and edges.
    private static func parts(
        _ nodeCount: Int, _ edges: [(from: Int, to: Int)]
    ) -> [(nodes: [Int], edges: [Int])] {
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
        var parts: [Int: (nodes: [Int], edges: [Int])] = [:]
        for node in 0..<nodeCount { parts[find(node), default: ([], [])].nodes.append(node) }
        for (index, edge) in edges.enumerated() { parts[find(edge.from), default: ([], [])].edges.append(index) }
        return parts.sorted { $0.key < $1.key }.map(\.value)
    }
}

extension GraphPicture.Stroke {
    func moved(down rows: Int) -> GraphPicture.Stroke {
        switch self {
        case .horizontal(let row, let from, let to): .horizontal(row: row + rows, from: from, to: to)
        case .vertical(let column, let from, let to): .vertical(column: column, from: from + rows, to: to + rows)
        }
    }
}
