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

        var rows: Range<Int> { row..<(row + height) }
        var columns: Range<Int> { column..<(column + width) }
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
    /// For each node, its layer and its position in the layer, from the top.
    let layers: [[Int]]

    /// Places the nodes and edges of a routed graph.
    ///
    /// `names`: the width of each node's label in cells.
    /// `least`: the minimum width of a node's text.
    init(_ routing: GraphRouting, names: [Int], least: Int) {
        density = routing.density
        height = routing.height
        var frames = [Frame](
            repeating: Frame(row: 0, column: 0, width: 0, height: 0), count: names.count)
        var strokes = [[Stroke]](repeating: [], count: routing.edgeCount)
        var heads = [(row: Int, column: Int)](repeating: (0, 0), count: routing.edgeCount)
        var layers: [[Int]] = []
        var width = 0
        for (component, top) in zip(routing.components, routing.tops) {
            let placed = component.placed(
                names: component.nodes.map { names[$0] }, least: least, top: top)
            for (local, node) in component.nodes.enumerated() { frames[node] = placed.frames[local] }
            for (local, edge) in component.edges.enumerated() {
                strokes[edge] = placed.strokes[local]
                heads[edge] = placed.heads[local]
            }
            for (index, layer) in component.layers.enumerated() {
                if index == layers.count { layers.append([]) }
                layers[index] += layer
            }
            width = max(width, placed.width)
        }
        (self.width, self.frames, self.strokes, self.heads, self.layers) = (
            width, frames, strokes, heads, layers
        )
    }

    /// Lays a graph out.
    ///
    /// `names`: the width of each node's name in cells.
    /// `least`: the minimum width of a node's text.
    init(
        nodeCount: Int, edges: [(from: Int, to: Int)], names: [Int], least: Int, density: NodeDensity
    ) {
        let outline = GraphOutline(nodeCount: nodeCount, edges: edges)
        self.init(GraphRouting(outline, density: density), names: names, least: least)
    }
}
