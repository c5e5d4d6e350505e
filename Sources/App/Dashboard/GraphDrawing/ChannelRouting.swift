/// Routes the edges between two neighbouring layers: each gets a horizontal part, at most one vertical part in a
/// track, and another horizontal part.
///
/// Edges that leave the same node, or that reach the same node, share a track. These rules keep the picture readable:
/// - two lines without a common end never touch: on a row, lines that leave it are left of lines that arrive on it;
/// - a branch is never a four-way joint, because four ways mean a crossing: such an edge gets a separate track.
struct ChannelRouting: Sendable {
    /// An edge between two neighbouring layers.
    struct Segment: Hashable, Sendable {
        let left: Int
        let right: Int
        let leftRow: Int
        let rightRow: Int
    }

    /// Lines that share a track.
    private struct Net {
        var segments: [Segment]
        var leftRows: Set<Int>
        var rightRows: Set<Int>
        var low: Int
        var high: Int
        /// Rows in which it has a joint that no line may pass on its left.
        var inner: Set<Int>

        init(_ segments: [Segment]) {
            self.segments = segments
            leftRows = Set(segments.map(\.leftRow))
            rightRows = Set(segments.map(\.rightRow))
            low = segments.map { min($0.leftRow, $0.rightRow) }.min() ?? 0
            high = segments.map { max($0.leftRow, $0.rightRow) }.max() ?? 0
            inner = rightRows.filter { [low, high] in $0 > low && $0 < high }
        }
    }

    /// The track of each segment, from 0; nil for a straight one.
    private(set) var tracks: [Segment: Int] = [:]
    private(set) var trackCount = 0
    /// Vertices of the right layer to move, because every order of tracks has a contradiction.
    private(set) var conflicts: [Int] = []

    init(_ segments: [Segment]) {
        var nets = Self.nets(segments)
        Self.splitFourWay(&nets, straight: Set(segments.filter { $0.leftRow == $0.rightRow }.map(\.rightRow)))
        assign(nets)
    }

    private static func nets(_ segments: [Segment]) -> [Net] {
        let bent = segments.filter { $0.leftRow != $0.rightRow }
        var out: [Int: Int] = [:]
        var into: [Int: Int] = [:]
        for segment in segments {
            out[segment.left, default: 0] += 1
            into[segment.right, default: 0] += 1
        }
        struct Key: Hashable {
            let vertex: Int
            let isTarget: Bool
            let isDown: Bool
        }
        var order: [Key] = []
        var groups: [Key: [Segment]] = [:]
        for segment in bent {
            let isJoin = out[segment.left] == 1 && into[segment.right, default: 0] > 1
            let key = Key(
                vertex: isJoin ? segment.right : segment.left, isTarget: isJoin,
                isDown: segment.rightRow > segment.leftRow)
            if groups[key] == nil { order.append(key) }
            groups[key, default: []].append(segment)
        }
        return order.compactMap { groups[$0].map { Net($0) } }
    }

    /// Gives a branch a separate track where it would be a four-way joint.
    private static func splitFourWay(_ nets: inout [Net], straight: Set<Int>) {
        var taken = straight
        var index = 0
        while index < nets.count {
            let net = nets[index]
            let bad = net.inner.filter { taken.contains($0) }
            if !bad.isEmpty, net.segments.count > 1 {
                let apart = net.segments.filter { bad.contains($0.rightRow) }
                nets[index] = Net(net.segments.filter { !bad.contains($0.rightRow) })
                nets += apart.map { Net([$0]) }
            }
            taken.formUnion(nets[index].inner)
            index += 1
        }
        nets.removeAll { $0.segments.isEmpty }
    }

    private mutating func assign(_ nets: [Net]) {
        // Which nets must lie left of which.
        var after = [Set<Int>](repeating: [], count: nets.count)
        var waiting = [Int](repeating: 0, count: nets.count)
        func mustPrecede(_ a: Int, _ b: Int) {
            if after[a].insert(b).inserted { waiting[b] += 1 }
        }
        // Only nets that meet in a row affect each other.
        var byLeftRow: [Int: [Int]] = [:]
        var byInnerRow: [Int: [Int]] = [:]
        for (index, net) in nets.enumerated() {
            for row in net.leftRows { byLeftRow[row, default: []].append(index) }
            for row in net.inner { byInnerRow[row, default: []].append(index) }
        }
        for b in nets.indices {
            for row in nets[b].rightRows {
                for a in byLeftRow[row] ?? [] where a != b { mustPrecede(a, b) }
                for a in byInnerRow[row] ?? [] where a != b && nets[b].inner.isDisjoint(with: nets[a].inner) {
                    mustPrecede(a, b)
                }
            }
        }
        // Lines that go down cross least if the lowest turn first; lines that go up, if the highest turn first.
        func preference(_ net: Net) -> (Int, Int) {
            let isDown = (net.segments.first?.rightRow ?? 0) > (net.segments.first?.leftRow ?? 0)
            let source = isDown ? -(net.leftRows.max() ?? 0) : (net.leftRows.min() ?? 0)
            return (source, isDown ? 0 : 1)
        }
        let preferences = nets.map(preference)
        var placed = [Int?](repeating: nil, count: nets.count)
        /// The nets on each track.
        var occupants: [[Int]] = []
        var earliest = [Int](repeating: 0, count: nets.count)
        var left = Set(nets.indices)
        var free = left.filter { waiting[$0] == 0 }
        while !left.isEmpty {
            if free.isEmpty {
                // A contradiction: records the vertices to move, and continues with the best order found.
                conflicts += left.flatMap { nets[$0].segments.map(\.right) }
            }
            guard
                let next = (free.isEmpty ? left : free).min(by: { a, b in
                    earliest[a] != earliest[b]
                        ? earliest[a] < earliest[b]
                        : preferences[a] != preferences[b] ? preferences[a] < preferences[b] : a < b
                })
            else { break }
            var track = earliest[next]
            while occupants.indices.contains(track),
                occupants[track].contains(where: { nets[$0].low <= nets[next].high && nets[next].low <= nets[$0].high })
            { track += 1 }
            while occupants.count <= track { occupants.append([]) }
            occupants[track].append(next)
            placed[next] = track
            left.remove(next)
            free.remove(next)
            for follower in after[next] {
                waiting[follower] -= 1
                if waiting[follower] == 0, placed[follower] == nil { free.insert(follower) }
                earliest[follower] = max(earliest[follower], track + 1)
            }
        }
        for (index, net) in nets.enumerated() {
            for segment in net.segments { tracks[segment] = placed[index] ?? 0 }
            trackCount = max(trackCount, (placed[index] ?? 0) + 1)
        }
    }
}
