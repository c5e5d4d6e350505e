/// The vertical lines of one end of a channel: behind the sources, or before the targets.
///
/// A line of the sources' zone has its joint in the row of its source, and one in the band of each of its segments; the
/// zone of the targets is its mirror image. Columns are counted from the layer that the vertices are in.
struct ChannelZone {
    enum Side { case source, target }

    /// A vertical line.
    struct Net {
        let vertex: Int
        /// The row of the vertex.
        let row: Int
        /// The segments that it carries, and their bands.
        let segments: [Int]
        let bands: [Int]
        /// The rows of its ends.
        let low: Int
        let high: Int

        init(vertex: Int, row: Int, segments: [Int], bands: [Int]) {
            (self.vertex, self.row, self.segments, self.bands) = (vertex, row, segments, bands)
            low = min(row, bands.min() ?? row)
            high = max(row, bands.max() ?? row)
        }

        /// Whether they have a row in common, so that they cannot stand in one column.
        func meets(_ other: Net) -> Bool { low <= other.high && other.low <= high }

        /// Whether a horizontal line in a row crosses it.
        func isCrossed(in row: Int) -> Bool { row > low && row < high && row != self.row && !bands.contains(row) }
    }

    private(set) var nets: [Net] = []
    /// A segment whose row must be changed, because lines would each have to end before the other begins.
    private(set) var contradiction: Int?
    private var netOf: [Int: Int] = [:]
    /// For each net, those that must be nearer to the layer.
    private var nearer: [Set<Int>] = []
    /// The nets by nearness to the layer.
    private var order: [Int] = []

    init(_ segments: [ChannelRouting.Segment], _ bands: [Int], side: Side) {
        func end(_ segment: ChannelRouting.Segment) -> (vertex: Int, row: Int) {
            side == .source ? (segment.left, segment.leftRow) : (segment.right, segment.rightRow)
        }
        makeNets(segments.map(end), bands)
        constrain(segments.map(end), bands)
        sort()
    }

    /// The vertical line of a segment; nil if its band is the row of its end.
    func net(of segment: Int) -> Int? { netOf[segment] }

    private mutating func makeNets(_ ends: [(vertex: Int, row: Int)], _ bands: [Int]) {
        // A line that also goes straight on would be a four-way joint with lines both up and down.
        let straight = Set(ends.indices.filter { ends[$0].row == bands[$0] }.map { ends[$0].vertex })
        struct Key: Hashable {
            let vertex: Int
            let isDown: Bool
        }
        var keys: [Key] = []
        var groups: [Key: [Int]] = [:]
        for (index, end) in ends.enumerated() where end.row != bands[index] {
            let key = Key(vertex: end.vertex, isDown: straight.contains(end.vertex) && bands[index] > end.row)
            if groups[key] == nil { keys.append(key) }
            groups[key, default: []].append(index)
        }
        for key in keys {
            let segments = groups[key] ?? []
            for segment in segments { netOf[segment] = nets.count }
            let row = segments.first.map { ends[$0].row } ?? 0
            nets.append(Net(vertex: key.vertex, row: row, segments: segments, bands: segments.map { bands[$0] }))
        }
    }

    /// A band in the row of another vertex may only begin where the lines of that vertex have left the row.
    private mutating func constrain(_ ends: [(vertex: Int, row: Int)], _ bands: [Int]) {
        nearer = [Set<Int>](repeating: [], count: nets.count)
        var vertexIn: [Int: Int] = [:]
        for end in ends { vertexIn[end.row] = end.vertex }
        var netsOf: [Int: [Int]] = [:]
        for (index, net) in nets.enumerated() { netsOf[net.vertex, default: []].append(index) }
        for (index, net) in nets.enumerated() {
            for band in net.bands {
                guard let other = vertexIn[band], other != net.vertex else { continue }
                nearer[index].formUnion(netsOf[other] ?? [])
            }
        }
    }

    // MARK: - Order

    /// Orders the nets so that they cross few lines, within the constraints.
    private mutating func sort() {
        var left = Set(nets.indices)
        var cost = [[Int]](repeating: [Int](repeating: 0, count: nets.count), count: nets.count)
        for a in nets.indices { for b in nets.indices where a != b { cost[a][b] = Self.crossings(nets[a], nets[b]) } }
        /// What choosing a net next would cost, compared with choosing it last.
        var burden = nets.indices.map { a in nets.indices.reduce(0) { $0 + cost[a][$1] - cost[$1][a] } }
        while !left.isEmpty {
            let free = left.filter { nearer[$0].isDisjoint(with: left) }
            guard let next = free.min(by: { (burden[$0], $0) < (burden[$1], $1) }) else {
                contradiction = culprit(among: left)
                return
            }
            order.append(next)
            left.remove(next)
            for other in left { burden[other] -= cost[other][next] - cost[next][other] }
        }
        improve(cost)
    }

    /// Moves nets to where they cross fewer lines.
    private mutating func improve(_ cost: [[Int]]) {
        for _ in 0..<4 {
            var hasImproved = false
            for net in nets.indices {
                guard let place = order.firstIndex(of: net) else { continue }
                var best = (gain: 0, place: place)
                var gain = 0
                for further in (place + 1)..<max(place + 1, order.count) {
                    let other = order[further]
                    if nearer[other].contains(net) { break }
                    gain += cost[net][other] - cost[other][net]
                    if gain > best.gain { best = (gain, further) }
                }
                gain = 0
                for closer in stride(from: place - 1, through: 0, by: -1) {
                    let other = order[closer]
                    if nearer[net].contains(other) { break }
                    gain += cost[other][net] - cost[net][other]
                    if gain > best.gain { best = (gain, closer) }
                }
                if best.gain > 0 {
                    order.remove(at: place)
                    order.insert(net, at: best.place)
                    hasImproved = true
                }
            }
            if !hasImproved { return }
        }
    }

    /// The crossings of two nets, the first nearer to the layer: the lines in the bands of the first continue past the
    /// second, and the line to the second comes past the first.
    static func crossings(_ a: Net, _ b: Net) -> Int {
        guard a.meets(b) else { return 0 }
        return a.bands.count { b.isCrossed(in: $0) } + (a.isCrossed(in: b.row) ? 1 : 0)
    }

    /// A segment on a cycle of nets: its band is the row of a vertex whose nets wait too.
    private func culprit(among left: Set<Int>) -> Int? {
        // Going from net to net that must be nearer ends on a cycle.
        guard var net = left.min() else { return nil }
        for _ in 0..<left.count { net = nearer[net].intersection(left).min() ?? net }
        guard let next = nearer[net].intersection(left).min() else { return nil }
        return zip(nets[net].segments, nets[net].bands).first { $0.1 == nets[next].row }?.0
    }

    /// The column of each net, from the layer: lines whose rows do not meet share one.
    func columns() -> [Int] {
        var columns = [Int](repeating: 0, count: nets.count)
        for (place, net) in order.enumerated() {
            for other in order[..<place] where nets[other].meets(nets[net]) {
                columns[net] = max(columns[net], columns[other] + 1)
            }
        }
        return columns
    }
}
