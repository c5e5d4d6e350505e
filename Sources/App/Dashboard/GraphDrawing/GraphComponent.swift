import CaudalModel

/// One connected component of a graph: the rows of its nodes and the ways of its edges.
struct GraphComponent: Sendable {
    /// The component with its columns.
    struct Placed {
        var frames: [GraphPicture.Frame] = []
        var strokes: [[GraphPicture.Stroke]] = []
        var heads: [(row: Int, column: Int)] = []
        var width = 0
    }

    let nodes: [Int]
    let edges: [Int]
    private let graph: LayeredGraph
    private let density: NodeDensity
    /// The row of each vertex.
    private var rows: [Int]
    private var channels: [ChannelRouting] = []
    /// The first row of a node or an edge.
    private var firstRow = 0
    private(set) var height = 0

    /// How often blank rows are added before edges make detours.
    private static let roundsOfRows = 12

    init(_ part: GraphOutline.Part, density: NodeDensity) {
        (nodes, edges, graph) = (part.nodes, part.edges, part.graph)
        self.density = density
        let extent = density.extent
        let (count, nodeCount) = (graph.layerOf.count, nodes.count)
        rows = RowAssignment(
            graph, above: (0..<count).map { $0 < nodeCount ? extent.above : 0 },
            below: (0..<count).map { $0 < nodeCount ? extent.below : 0 }, gap: 1
        ).rows()
        routeChannels()
        let bands = channels.flatMap { $0.ways.values.map(\.band) }
        let lines = rows.dropFirst(nodeCount) + bands
        firstRow = min(rows.prefix(nodeCount).min().map { $0 - extent.above } ?? 0, lines.min() ?? .max)
        let last = max(rows.prefix(nodeCount).max().map { $0 + extent.below } ?? 0, lines.max() ?? .min)
        height = last - firstRow + 1
    }

    /// The nodes of each layer, from the top.
    var layers: [[Int]] { graph.layers.map { $0.filter { $0 < nodes.count }.map { nodes[$0] } } }

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

    // MARK: - Columns

    /// The cells before the first vertical line: none after a card's border, a blank after a name.
    private var lead: Int { density == .card ? 1 : 2 }

    /// The lead, the vertical lines, a stub and the arrowhead.
    private func channelWidth(_ index: Int) -> Int { max(4, lead + channels[index].width + 2) }

    /// The cells of a node besides its text: glyph and blank; a card has a border and a margin on each side too.
    private var frameWidth: Int { density == .card ? 6 : 2 }

    /// The width of the text of each layer.
    private func layerTexts(_ names: [Int], least: Int) -> [Int] {
        graph.layers.map { layer in
            layer.map { $0 < nodes.count ? max(names[$0], least) : 0 }.max() ?? 0
        }
    }

    /// The widths that names may have, see ``GraphRouting/widths(_:columns:least:shortest:)``.
    func widths(_ names: [Int], columns: Int, least: Int, shortest: Int) -> [Int]? {
        let texts = layerTexts(names, least: least)
        let isOfNodes = graph.layers.map { $0.contains { $0 < nodes.count } }
        let fixed =
            channels.indices.reduce(0) { $0 + channelWidth($1) }
            + isOfNodes.reduce(0) { $0 + ($1 ? frameWidth : 1) }
        var room = columns - fixed
        guard texts.reduce(0, +) > room else { return names }
        // The widest layers are cut to one width; what is left over widens some of them by a cell.
        var most = shortest - 1
        while texts.reduce(0, { $0 + min($1, most + 1) }) <= room { most += 1 }
        guard most >= max(shortest, least) else { return nil }
        room -= texts.reduce(0) { $0 + min($1, most) }
        let limits = texts.map { text -> Int in
            guard text > most, room > 0 else { return most }
            room -= 1
            return most + 1
        }
        return names.indices.map { min(names[$0], limits[graph.layerOf[$0]]) }
    }

    /// Places the nodes and edges in columns.
    ///
    /// `names`: the width of each node's label.
    func placed(names: [Int], least: Int, top: Int) -> Placed {
        var placed = Placed()
        let layerWidths = zip(graph.layers, layerTexts(names, least: least)).map { layer, text in
            layer.contains { $0 < nodes.count } ? text + frameWidth : 1
        }
        var starts: [Int] = []
        for (index, layerWidth) in layerWidths.enumerated() {
            starts.append(placed.width)
            placed.width += layerWidth
            if index < channels.count { placed.width += channelWidth(index) }
        }
        let extent = density.extent
        for index in nodes.indices {
            let layer = graph.layerOf[index]
            let width = density == .card ? layerWidths[layer] : max(names[index], least) + frameWidth
            placed.frames.append(
                GraphPicture.Frame(
                    row: rows[index] - extent.above - firstRow + top, column: starts[layer], width: width,
                    height: extent.above + 1 + extent.below))
        }
        for chain in graph.chains {
            placed.strokes.append(route(chain, placed.frames, names, starts, layerWidths, firstRow - top))
            let last = chain.last ?? 0
            placed.heads.append((rows[last] - firstRow + top, placed.frames[last].column - 1))
        }
        return placed
    }

    private func route(
        _ chain: [Int], _ frames: [GraphPicture.Frame], _ names: [Int], _ starts: [Int],
        _ layerWidths: [Int],
        _ origin: Int
    ) -> [GraphPicture.Stroke] {
        var path: [GraphPicture.Stroke] = []
        let first = frames[chain[0]]
        // The line begins after the name, even if the text below it is longer.
        var column = first.column + (density == .card ? first.width : frameWidth + names[chain[0]] + 1)
        func across(_ row: Int, to end: Int) {
            path.append(.horizontal(row: row - origin, from: column, to: end))
            column = end
        }
        func along(_ from: Int, _ to: Int) {
            path.append(.vertical(column: column, from: from - origin, to: to - origin))
        }
        for (left, right) in zip(chain, chain.dropFirst()) {
            let layer = graph.layerOf[left]
            guard let way = channels[layer].ways[segment(left, right)] else { continue }
            if let out = way.out {
                across(rows[left], to: starts[layer] + layerWidths[layer] + lead + out)
                along(rows[left], way.band)
            }
            if let into = way.into {
                // The arrowhead and a stub are between the last vertical line and the node.
                across(way.band, to: starts[layer + 1] - 3 - into)
                along(way.band, rows[right])
            }
            let isNode = right < nodes.count
            across(
                rows[right], to: isNode ? starts[layer + 1] - 2 : starts[layer + 1] + layerWidths[layer + 1]
            )
        }
        return path
    }
}
