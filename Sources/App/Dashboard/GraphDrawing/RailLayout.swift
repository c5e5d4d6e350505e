/// A graph as a list: one node per row, each after the nodes that it needs, with lanes at the left that show the
/// dependencies.
///
/// It looks like `git log --graph`, with time going down.
struct RailLayout: Sendable {
    /// One row.
    struct Row: Sendable {
        let node: Int
        /// The lane of the node.
        let lane: Int
        /// The sides by which lines leave the cell of each lane, and the cells between lanes.
        let cells: [LineGrid.Crossing]
    }

    let rows: [Row]
    /// The number of lanes used.
    let laneCount: Int

    /// Lays a graph out.
    ///
    /// `layers`: the nodes by layer and by position in it, as in the picture of the same graph; among nodes that could
    /// come next, the order follows it, so that both drawings agree.
    init(nodeCount: Int, edges: [(from: Int, to: Int)], layers: [[Int]]) {
        var needs = [[Int]](repeating: [], count: nodeCount)
        var needed = [[Int]](repeating: [], count: nodeCount)
        for edge in edges {
            needs[edge.to].append(edge.from)
            needed[edge.from].append(edge.to)
        }
        var place = [Int](repeating: 0, count: nodeCount)
        for layer in layers { for (index, node) in layer.enumerated() { place[node] = index } }
        let order = Self.order(needs: needs, needed: needed, place: place)
        var lanes = Lanes()
        var rows: [Row] = []
        for node in order { rows.append(lanes.row(node, needs: needs[node], needed: needed)) }
        self.rows = rows
        laneCount = lanes.count
    }

    /// The order of the rows: first the node that closes most lanes, then one that follows the previous row, then the
    /// one that is higher in the picture.
    private static func order(needs: [[Int]], needed: [[Int]], place: [Int]) -> [Int] {
        var waiting = needs.map(\.count)
        var openTargets = needed.map(\.count)
        var ready = waiting.indices.filter { waiting[$0] == 0 }
        var order: [Int] = []
        while !ready.isEmpty {
            func worth(_ node: Int) -> (Int, Int, Int, Int) {
                let closes = needs[node].count { openTargets[$0] == 1 }
                let opens = needed[node].isEmpty ? 0 : 1
                let goesOn = order.last.map { needs[node].contains($0) } == true ? 1 : 0
                return (closes - opens, goesOn, -place[node], -node)
            }
            guard let best = ready.max(by: { worth($0) < worth($1) }) else { break }
            ready.removeAll { $0 == best }
            order.append(best)
            for need in needs[best] { openTargets[need] -= 1 }
            for next in needed[best] {
                waiting[next] -= 1
                if waiting[next] == 0 { ready.append(next) }
            }
        }
        return order
    }

    /// The lanes while rows are added.
    private struct Lanes {
        /// The node whose downstream nodes a lane still leads to.
        var owner: [Int?] = []
        var left: [Int: Int] = [:]
        var hasBranched: Set<Int> = []
        var count: Int { owner.count }

        mutating func row(_ node: Int, needs: [Int], needed: [[Int]]) -> Row {
            let sources = owner.indices.filter { lane in owner[lane].map(needs.contains) == true }
            for need in needs { left[need, default: 0] -= 1 }
            let closing = sources.filter { lane in owner[lane].map { left[$0] == 0 } == true }
            let isLeaf = needed[node].isEmpty
            // The last of several branches is drawn as a branch, unless it continues downwards: then it takes over the
            // lane.
            let inherits = closing.first { lane in
                !(isLeaf && sources.count == 1 && owner[lane].map(hasBranched.contains) == true)
            }
            let lane = inherits ?? freeLane(after: sources.max())
            var cells = [LineGrid.Crossing](repeating: .init(), count: max(owner.count, lane + 1) * 2)
            for other in owner.indices where owner[other] != nil && other != lane && !closing.contains(other) {
                cells[other * 2].sides[LineGrid.Side.north.rawValue] = 1
                cells[other * 2].sides[LineGrid.Side.south.rawValue] = 1
            }
            for source in sources where source != lane {
                connect(source, to: lane, closes: closing.contains(source), &cells)
            }
            for source in sources where source != lane {
                if let owner = owner[source] { hasBranched.insert(owner) }
                if closing.contains(source) { owner[source] = nil }
            }
            while owner.count <= lane { owner.append(nil) }
            owner[lane] = isLeaf ? nil : node
            if !isLeaf { left[node] = needed[node].count }
            return Row(node: node, lane: lane, cells: cells)
        }

        /// Draws the line between a lane that leads to the node and the node.
        private func connect(_ source: Int, to lane: Int, closes: Bool, _ cells: inout [LineGrid.Crossing]) {
            let toward = source < lane ? LineGrid.Side.east : .west
            let away = source < lane ? LineGrid.Side.west : .east
            cells[source * 2].sides[LineGrid.Side.north.rawValue] = 1
            if !closes { cells[source * 2].sides[LineGrid.Side.south.rawValue] = 1 }
            cells[source * 2].sides[toward.rawValue] = 1
            for cell in (min(source, lane) * 2 + 1)..<(max(source, lane) * 2) {
                cells[cell].sides[toward.rawValue] = 1
                cells[cell].sides[away.rawValue] = 1
            }
        }

        private func freeLane(after source: Int?) -> Int {
            let start = (source ?? -1) + 1
            return owner.indices.first { $0 >= start && owner[$0] == nil } ?? max(owner.count, start)
        }
    }
}
