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
            let component = Component(
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
    fileprivate func moved(down rows: Int) -> GraphPicture.Stroke {
        switch self {
        case .horizontal(let row, let from, let to): .horizontal(row: row + rows, from: from, to: to)
        case .vertical(let column, let from, let to): .vertical(column: column, from: from + rows, to: to + rows)
        }
    }
}

/// One connected component of a graph, laid out separately.
private struct Component {
    var frames: [GraphPicture.Frame] = []
    var strokes: [[GraphPicture.Stroke]] = []
    var heads: [(row: Int, column: Int)] = []
    var layers: [[Int]] = []
    var width = 0
    var height = 0
    var crossings = 0

    init(
        nodes: [Int], edges: [(from: Int, to: Int)], names: [Int], least: Int, density: NodeDensity
    ) {
        var local: [Int: Int] = [:]
        for (index, node) in nodes.enumerated() { local[node] = index }
        let localEdges = edges.map { (from: local[$0.from] ?? 0, to: local[$0.to] ?? 0) }
        let graph = LayeredGraph(nodeCount: nodes.count, edges: localEdges)
        crossings = graph.crossings
        let isNode: (Int) -> Bool = { $0 < nodes.count }
        let extent = density.extent
        let count = graph.layerOf.count
        var assignment = RowAssignment(
            graph, above: (0..<count).map { isNode($0) ? extent.above : 0 },
            below: (0..<count).map { isNode($0) ? extent.below : 0 }, gap: 1)
        var rows = assignment.rows()
        var channels = Self.channels(graph, rows)
        for _ in 0..<12 {
            let conflicts = channels.flatMap(\.conflicts)
            // Moving the topmost node of a layer would change nothing.
            guard let conflict = conflicts.first(where: { graph.layers[graph.layerOf[$0]].first != $0 }) else { break }
            assignment.push(conflict)
            rows = assignment.rows()
            channels = Self.channels(graph, rows)
        }

        // Glyph, blank and name; a card has a border and a margin on each side too.
        let widths = names.map { max($0, least) + 2 + (density == .card ? 4 : 0) }
        let layerWidths = graph.layers.map { layer in layer.map { isNode($0) ? widths[$0] : 1 }.max() ?? 1 }
        var starts: [Int] = []
        var column = 0
        for (index, layerWidth) in layerWidths.enumerated() {
            starts.append(column)
            column += layerWidth
            if index < channels.count { column += Self.channelWidth(channels[index], density) }
        }
        width = column
        for index in nodes.indices {
            let layer = graph.layerOf[index]
            let size = density == .card ? layerWidths[layer] : widths[index]
            frames.append(
                GraphPicture.Frame(
                    row: rows[index] - extent.above, column: starts[layer], width: size,
                    height: extent.above + 1 + extent.below))
        }
        let bottom = (0..<count).map { rows[$0] + (isNode($0) ? extent.below : 0) }.max() ?? 0
        height = bottom + 1
        layers = graph.layers.map { $0.filter(isNode).map { nodes[$0] } }
        for chain in graph.chains {
            route(chain, graph, rows, channels, starts, layerWidths, names, density)
        }
    }

    private static func channels(_ graph: LayeredGraph, _ rows: [Int]) -> [ChannelRouting] {
        graph.layers.indices.dropLast().map { layer in
            var seen: Set<ChannelRouting.Segment> = []
            var segments: [ChannelRouting.Segment] = []
            for left in graph.layers[layer] {
                for right in graph.behind[left] {
                    let segment = ChannelRouting.Segment(
                        left: left, right: right, leftRow: rows[left], rightRow: rows[right])
                    if seen.insert(segment).inserted { segments.append(segment) }
                }
            }
            return ChannelRouting(segments)
        }
    }

    /// The cells before the first track: none after a card's border, a blank after a name.
    private static func lead(_ density: NodeDensity) -> Int { density == .card ? 1 : 2 }

    /// The lead, the tracks, a stub and the arrowhead.
    private static func channelWidth(_ channel: ChannelRouting, _ density: NodeDensity) -> Int {
        max(4, lead(density) + channel.trackCount + 2)
    }

    private mutating func route(
        _ chain: [Int], _ graph: LayeredGraph, _ rows: [Int], _ channels: [ChannelRouting], _ starts: [Int],
        _ layerWidths: [Int], _ names: [Int], _ density: NodeDensity
    ) {
        var path: [GraphPicture.Stroke] = []
        let first = frames[chain[0]]
        // The line begins after the name, even if the text below it is longer.
        var column = first.column + (density == .card ? first.width : 2 + names[chain[0]] + 1)
        for (left, right) in zip(chain, chain.dropFirst()) {
            let layer = graph.layerOf[left]
            let segment = ChannelRouting.Segment(left: left, right: right, leftRow: rows[left], rightRow: rows[right])
            let channelStart = starts[layer] + layerWidths[layer]
            if let track = channels[layer].tracks[segment] {
                let place = channelStart + Self.lead(density) + track
                path.append(.horizontal(row: rows[left], from: column, to: place))
                path.append(.vertical(column: place, from: rows[left], to: rows[right]))
                column = place
            }
            let end = right < names.count ? starts[layer + 1] - 2 : starts[layer + 1] + layerWidths[layer + 1]
            path.append(.horizontal(row: rows[right], from: column, to: end))
            column = end
        }
        guard let last = chain.last else { return }
        strokes.append(path)
        heads.append((rows[last], frames[last].column - 1))
    }
}
