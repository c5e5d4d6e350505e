/// A graph as a list: one node per row, each after the nodes that it needs, with lanes at the left that show the
/// dependencies.
///
/// It looks like `git log --graph`, with time going down: a lane leads from a node to those that need it, and two nodes
/// directly below each other in one lane are always connected. Only the first lanes are laid out; see ``Row/isHidden``.
struct RailLayout: Sendable {
    /// One row.
    struct Row: Sendable {
        let node: Int
        /// The lane of the node.
        let lane: Int
        /// The sides by which lines leave the cell of each lane, and the cells between lanes.
        let cells: [LineGrid.Crossing]
        /// Lines above the row that lead lanes past others to it; they have cells like it, and no node.
        let connectors: [[LineGrid.Crossing]]
        /// The lanes that lead on below the row.
        let open: [Int]
        /// Whether lines of the row are in lanes that are not laid out.
        let isHidden: Bool
    }

    let rows: [Row]
    /// The number of lines: the rows and their connectors.
    let lineCount: Int
    /// The number of lanes that the graph needs.
    let laneCount: Int

    /// The lanes that are laid out: as many as the widest panes show.
    static let shownLanes = 24

    /// Lays a graph out.
    ///
    /// `order`: the nodes, each after what it needs; ties go by it.
    init(upstream: [[Int]], downstream: [[Int]], order: [Int]) {
        var place = [Int](repeating: 0, count: order.count)
        for (index, node) in order.enumerated() { place[node] = index }
        var lanes = Lanes(count: order.count)
        let rows = Self.order(needs: upstream, needed: downstream, place: place).map { node in
            lanes.row(node, needs: upstream[node], needed: downstream)
        }
        self.rows = rows
        lineCount = rows.reduce(0) { $0 + 1 + $1.connectors.count }
        laneCount = lanes.count
    }

    /// Of so many nodes that could come next, the best is searched.
    private static let choice = 48

    /// The order of the rows: first the node that closes most lanes, then one that follows the previous row, then the
    /// one that comes first in `place`.
    private static func order(needs: [[Int]], needed: [[Int]], place: [Int]) -> [Int] {
        var waiting = needs.map(\.count)
        var openTargets = needed.map(\.count)
        var ready = waiting.indices.filter { waiting[$0] == 0 }.sorted { place[$0] > place[$1] }
        var order: [Int] = []
        while !ready.isEmpty {
            func worth(_ node: Int) -> (Int, Int, Int) {
                let closes = needs[node].count { openTargets[$0] == 1 }
                let opens = needed[node].isEmpty ? 0 : 1
                let goesOn = order.last.map { needs[node].contains($0) } == true ? 1 : 0
                return (closes - opens, goesOn, -place[node])
            }
            let candidates = ready.indices.suffix(choice)
            guard let best = candidates.max(by: { worth(ready[$0]) < worth(ready[$1]) }) else { break }
            let node = ready.remove(at: best)
            order.append(node)
            for need in needs[node] { openTargets[need] -= 1 }
            for next in needed[node] {
                waiting[next] -= 1
                if waiting[next] == 0 { ready.append(next) }
            }
        }
        return order
    }

    /// The lanes while rows are added.
    private struct Lanes {
        /// The node whose downstream nodes a lane still leads to.
        private var owner: [Int?] = []
        private var laneOf: [Int?]
        /// For each node, how many of its downstream nodes have no row yet.
        private var left: [Int]
        private var hasBranched: Set<Int> = []
        /// The lane of the previous row's node.
        private var lastLane: Int?
        var count: Int { owner.count }

        init(count: Int) {
            laneOf = [Int?](repeating: nil, count: count)
            left = [Int](repeating: 0, count: count)
        }

        mutating func row(_ node: Int, needs: [Int], needed: [[Int]]) -> Row {
            let sources = needs.compactMap { laneOf[$0] }.sorted()
            for need in needs { left[need] -= 1 }
            let closing = Set(sources.filter { lane in owner[lane].map { left[$0] == 0 } == true })
            let isLeaf = needed[node].isEmpty
            // The last of several branches is drawn as a branch, unless it continues downwards: then it takes over the
            // lane.
            let inherits = sources.first { lane in
                closing.contains(lane)
                    && !(isLeaf && sources.count == 1 && owner[lane].map(hasBranched.contains) == true)
            }
            let lane = inherits ?? freeLane(after: sources.last)
            let detours = detours(sources, to: lane, closing, isFree: inherits == nil)
            while owner.count <= max(lane, detours.map(\.lane).max() ?? 0) { owner.append(nil) }
            let connectors = connectors(detours)

            let past = Set(detours.map(\.source))
            let ends = sources.filter { !past.contains($0) } + detours.map(\.lane)
            let ending = closing.union(detours.map(\.lane))
            var line = Line(count: min(owner.count, RailLayout.shownLanes))
            for other in owner.indices where owner[other] != nil && other != lane && !closing.contains(other) {
                line.pass(other)
            }
            for end in ends where end != lane { line.connect(end, to: lane, ends: ending.contains(end)) }
            let hidden = owner.dropFirst(RailLayout.shownLanes).contains { $0 != nil }
            let isHidden = hidden || (ends + [lane]).contains { $0 >= RailLayout.shownLanes }
            close(sources, closing, except: lane)
            if inherits != nil, let previous = owner[lane] { laneOf[previous] = nil }
            owner[lane] = isLeaf ? nil : node
            laneOf[node] = isLeaf ? nil : lane
            left[node] = needed[node].count
            lastLane = lane
            return Row(
                node: node, lane: lane, cells: line.cells, connectors: connectors,
                open: owner.indices.prefix(RailLayout.shownLanes).filter { owner[$0] != nil }, isHidden: isHidden)
        }

        /// The lanes of sources that go on, and over which lines of other sources would come: each first goes to a lane
        /// that ends at the node, because a joint of four lines would look like a crossing, or be read as one.
        private func detours(
            _ sources: [Int], to lane: Int, _ closing: Set<Int>, isFree: Bool
        ) -> [(source: Int, lane: Int)] {
            let outermost = sources.first { $0 < lane }
            let last = sources.last { $0 > lane }
            let goingOn = sources.filter { $0 != lane && !closing.contains($0) && $0 != outermost }
            guard goingOn.contains(where: { $0 != last }) else { return [] }
            var taken: Set<Int> = [lane]
            return goingOn.enumerated().map { index, source in
                if isFree, index == 0 { return (source, lane) }
                var target = (outermost ?? -1) + 1
                while taken.contains(target) || target == lastLane
                    || (owner.indices.contains(target) && owner[target] != nil)
                { target += 1 }
                taken.insert(target)
                return (source, target)
            }
        }

        private func connectors(_ detours: [(source: Int, lane: Int)]) -> [[LineGrid.Crossing]] {
            var opened: [Int] = []
            return detours.map { source, lane in
                var line = Line(count: min(owner.count, RailLayout.shownLanes))
                for other in owner.indices where owner[other] != nil || opened.contains(other) { line.pass(other) }
                line.add(source < lane ? .east : .west, source * 2)
                line.across(source, lane)
                line.add(source < lane ? .west : .east, lane * 2)
                line.add(.south, lane * 2)
                opened.append(lane)
                return line.cells
            }
        }

        private mutating func close(_ sources: [Int], _ closing: Set<Int>, except lane: Int) {
            for source in sources where source != lane {
                guard let node = owner[source] else { continue }
                hasBranched.insert(node)
                if closing.contains(source) { (owner[source], laneOf[node]) = (nil, nil) }
            }
        }

        /// A lane for a node that nothing above leads to: never that of the row above, which would look connected.
        private func freeLane(after source: Int?) -> Int {
            let start = (source ?? -1) + 1
            let free = owner.indices.dropFirst(start).first { owner[$0] == nil && $0 != lastLane }
            let next = max(owner.count, start)
            return free ?? (next == lastLane ? next + 1 : next)
        }
    }

    /// The cells of one line: two for each lane that is laid out.
    private struct Line {
        private(set) var cells: [LineGrid.Crossing]

        init(count: Int) { cells = [LineGrid.Crossing](repeating: .init(), count: count * 2) }

        mutating func add(_ side: LineGrid.Side, _ cell: Int) {
            if cells.indices.contains(cell) { cells[cell].sides[side.rawValue] = 1 }
        }

        /// A lane that goes on.
        mutating func pass(_ lane: Int) {
            add(.north, lane * 2)
            add(.south, lane * 2)
        }

        /// A horizontal line between two lanes, without its ends.
        mutating func across(_ from: Int, _ to: Int) {
            for cell in (min(from, to) * 2 + 1)..<(max(from, to) * 2) {
                add(.east, cell)
                add(.west, cell)
            }
        }

        /// A line from a lane to the node, where the lane ends or goes on.
        mutating func connect(_ source: Int, to lane: Int, ends: Bool) {
            add(.north, source * 2)
            if !ends { add(.south, source * 2) }
            add(source < lane ? .east : .west, source * 2)
            across(source, lane)
        }
    }
}
