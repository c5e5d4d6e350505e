/// Assigns a row to each vertex of a layered graph, so that long edges are straight and neighbours are near.
package struct RowAssignment {
    private let graph: LayeredGraph
    /// Rows that a vertex needs above and below the row where its edges meet it.
    private let above: [Int]
    private let below: [Int]
    /// Blank rows between two nodes.
    private let gap: Int

    /// Prepares the assignment for a graph.
    ///
    /// - Parameters:
    ///   - above: Rows that each vertex needs above the row where its edges meet it.
    ///   - below: Rows that each vertex needs below that row.
    ///   - gap: Blank rows between two nodes.
    package init(_ graph: LayeredGraph, above: [Int], below: [Int], gap: Int) {
        self.graph = graph
        self.above = above
        self.below = below
        self.gap = gap
    }

    /// The row of each vertex, from 0.
    package func rows() -> [Int] {
        var rows = [Int](repeating: 0, count: graph.layerOf.count)
        for layer in graph.layers {
            var row = 0
            for (index, vertex) in layer.enumerated() {
                row = index == 0 ? above[vertex] : row + distance(layer[index - 1], vertex)
                rows[vertex] = row
            }
        }
        for sweep in 0..<8 {
            let forward = sweep % 2 == 0
            for layer in forward ? Array(graph.layers.dropFirst()) : Array(graph.layers.dropLast().reversed()) {
                place(layer, toward: forward ? graph.before : graph.behind, &rows)
            }
        }
        // The first layer is placed last, so that sources are beside their downstream nodes.
        let top = graph.layers.joined().map { rows[$0] - above[$0] }.min() ?? 0
        return rows.map { $0 - top }
    }

    private func distance(_ upper: Int, _ lower: Int) -> Int {
        let touchesDummy = upper >= graph.nodeCount || lower >= graph.nodeCount
        return below[upper] + 1 + (touchesDummy ? 0 : gap) + above[lower]
    }

    /// Places one layer as near to its neighbours as the distances allow.
    ///
    /// Method: least squares, pooling vertices that would overlap (M. Ayer and others, 1955).
    private func place(_ layer: [Int], toward neighbours: [[Int]], _ rows: inout [Int]) {
        var offsets: [Int] = []
        var offset = 0
        for (index, vertex) in layer.enumerated() {
            if index > 0 { offset += distance(layer[index - 1], vertex) }
            offsets.append(offset)
        }
        var blocks: [(sum: Double, weight: Double, count: Int)] = []
        for (index, vertex) in layer.enumerated() {
            let near = neighbours[vertex].map { rows[$0] }.sorted()
            let wanted =
                near.isEmpty ? Double(rows[vertex]) : Double(near[(near.count - 1) / 2] + near[near.count / 2]) / 2
            let isLine = vertex >= graph.nodeCount
            let weight = near.isEmpty ? 0.1 : isLine ? 8 : near.count == 1 ? 2 : 1
            blocks.append(((wanted - Double(offsets[index])) * weight, weight, 1))
            while blocks.count > 1 {
                let (last, previous) = (blocks[blocks.count - 1], blocks[blocks.count - 2])
                guard previous.sum / previous.weight > last.sum / last.weight else { break }
                blocks.removeLast(2)
                blocks.append((previous.sum + last.sum, previous.weight + last.weight, previous.count + last.count))
            }
        }
        var index = 0
        for block in blocks {
            let start = Int((block.sum / block.weight).rounded())
            for _ in 0..<block.count {
                rows[layer[index]] = start + offsets[index]
                index += 1
            }
        }
    }
}
