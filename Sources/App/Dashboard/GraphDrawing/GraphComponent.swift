import CaudalModel

/// One connected component of a graph, laid out separately.
struct GraphComponent {
    private(set) var frames: [GraphPicture.Frame] = []
    private(set) var strokes: [[GraphPicture.Stroke]] = []
    private(set) var heads: [(row: Int, column: Int)] = []
    private(set) var layers: [[Int]] = []
    private(set) var width = 0
    private(set) var height = 0
    let crossings: Int

    private let graph: LayeredGraph
    private let density: NodeDensity
    /// The width of each node's name.
    private let names: [Int]
    /// The row of each vertex.
    private var rows: [Int]
    private var channels: [ChannelRouting] = []
    /// The first column of each layer, and its width.
    private var starts: [Int] = []
    private var layerWidths: [Int] = []

    /// How often blank rows are added before edges make detours.
    private static let roundsOfRows = 12

    init(
        nodes: [Int], edges: [(from: Int, to: Int)], names: [Int], least: Int, density: NodeDensity
    ) {
        var local: [Int: Int] = [:]
        for (index, node) in nodes.enumerated() { local[node] = index }
        let localEdges = edges.map { (from: local[$0.from] ?? 0, to: local[$0.to] ?? 0) }
        graph = LayeredGraph(nodeCount: nodes.count, edges: localEdges, sharesTrunks: true)
        crossings = graph.crossings
        (self.density, self.names) = (density, names)
        let extent = density.extent
        let count = graph.layerOf.count
        let isNode = { (vertex: Int) in vertex < nodes.count }
        rows = RowAssignment(
            graph, above: (0..<count).map { isNode($0) ? extent.above : 0 },
            below: (0..<count).map { isNode($0) ? extent.below : 0 }, gap: 1
        ).rows()
        routeChannels()

        // Glyph, blank and name; a card has a border and a margin on each side too.
        let widths = names.map { max($0, least) + 2 + (density == .card ? 4 : 0) }
        layerWidths = graph.layers.map { layer in layer.map { isNode($0) ? widths[$0] : 1 }.max() ?? 1 }
        for (index, layerWidth) in layerWidths.enumerated() {
            starts.append(width)
            width += layerWidth
            if index < channels.count { width += channelWidth(index) }
        }
        for index in nodes.indices {
            let layer = graph.layerOf[index]
            let size = density == .card ? layerWidths[layer] : widths[index]
            frames.append(
                GraphPicture.Frame(
                    row: rows[index] - extent.above, column: starts[layer], width: size,
                    height: extent.above + 1 + extent.below))
        }
        layers = graph.layers.map { $0.filter(isNode).map { nodes[$0] } }
        for chain in graph.chains { route(chain) }
        normalize()
    }

    /// Routes all channels; adds blank rows where an edge would make a detour.
    private mutating func routeChannels() {
        for round in 0...Self.roundsOfRows {
            let all = graph.layers.indices.dropLast().map { segments(behind: $0) }
            let isLast = round == Self.roundsOfRows
            var wanted = isLast ? [] : Set(all.flatMap { ChannelRouting.wantedRows($0) })
            if wanted.isEmpty {
                channels = all.map { ChannelRouting($0, mayWant: !isLast) }
                wanted = Set(channels.flatMap(\.wantedRows))
            }
            if wanted.isEmpty { return }
            let added = wanted.sorted()
            rows = rows.map { row in row + added.count { $0 <= row } }
        }
    }

    private func segments(behind layer: Int) -> [ChannelRouting.Segment] {
        graph.layers[layer].flatMap { left in graph.behind[left].map { segment(left, $0) } }
    }

    private func segment(_ left: Int, _ right: Int) -> ChannelRouting.Segment {
        ChannelRouting.Segment(left: left, right: right, leftRow: rows[left], rightRow: rows[right])
    }

    /// The cells before the first vertical line: none after a card's border, a blank after a name.
    private var lead: Int { density == .card ? 1 : 2 }

    /// The lead, the vertical lines, a stub and the arrowhead.
    private func channelWidth(_ index: Int) -> Int { max(4, lead + channels[index].width + 2) }

    private mutating func route(_ chain: [Int]) {
        var path: [GraphPicture.Stroke] = []
        let first = frames[chain[0]]
        // The line begins after the name, even if the text below it is longer.
        var column = first.column + (density == .card ? first.width : 2 + names[chain[0]] + 1)
        func across(_ row: Int, to end: Int) {
            path.append(.horizontal(row: row, from: column, to: end))
            column = end
        }
        for (left, right) in zip(chain, chain.dropFirst()) {
            let layer = graph.layerOf[left]
            guard let way = channels[layer].ways[segment(left, right)] else { continue }
            if let out = way.out {
                across(rows[left], to: starts[layer] + layerWidths[layer] + lead + out)
                path.append(.vertical(column: column, from: rows[left], to: way.band))
            }
            if let into = way.into {
                // The arrowhead and a stub are between the last vertical line and the node.
                across(way.band, to: starts[layer + 1] - 3 - into)
                path.append(.vertical(column: column, from: way.band, to: rows[right]))
            }
            let isNode = right < names.count
            across(rows[right], to: isNode ? starts[layer + 1] - 2 : starts[layer + 1] + layerWidths[layer + 1])
        }
        guard let last = chain.last else { return }
        strokes.append(path)
        heads.append((rows[last], frames[last].column - 1))
    }

    /// Moves everything so that the first row is 0.
    private mutating func normalize() {
        var top = frames.map(\.row).min() ?? 0
        var bottom = frames.map { $0.row + $0.height }.max() ?? 0
        for case .horizontal(let row, _, _) in strokes.joined() {
            top = min(top, row)
            bottom = max(bottom, row + 1)
        }
        height = bottom - top
        for index in frames.indices { frames[index].row -= top }
        for index in heads.indices { heads[index].row -= top }
        strokes = strokes.map { $0.map { $0.moved(down: -top) } }
    }
}
