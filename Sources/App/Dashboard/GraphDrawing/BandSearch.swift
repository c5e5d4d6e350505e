/// Moves segments of a channel to other bands while that leaves fewer crossings.
///
/// A crossing is counted where the vertical lines cannot be ordered to avoid it, see ``ChannelZone``.
struct BandSearch {
    private typealias Net = ChannelZone.Net

    /// One end of the channel: its vertical lines, and the lines that go straight through.
    private struct Zone {
        /// The row of each vertex; vertices are numbered by the zone.
        private(set) var rows: [Int] = []
        private var segmentsOf: [[Int]] = []
        private var nets: [[Net]] = []
        /// Whether a line goes straight through from each vertex.
        private var isStraight: [Bool] = []
        /// The vertex of each segment.
        private(set) var vertexOf: [Int] = []

        init(_ ends: [(vertex: Int, row: Int)], _ bands: [Int]) {
            var known: [Int: Int] = [:]
            for (index, end) in ends.enumerated() {
                let vertex = known[end.vertex] ?? rows.count
                if known[end.vertex] == nil {
                    known[end.vertex] = vertex
                    rows.append(end.row)
                    segmentsOf.append([])
                }
                segmentsOf[vertex].append(index)
                vertexOf.append(vertex)
            }
            nets = [[Net]](repeating: [], count: rows.count)
            isStraight = [Bool](repeating: false, count: rows.count)
            for vertex in rows.indices { update(vertex, bands) }
        }

        /// Makes the lines of a vertex anew.
        mutating func update(_ vertex: Int, _ bands: [Int]) {
            let (segments, row) = (segmentsOf[vertex], rows[vertex])
            let bent = segments.filter { bands[$0] != row }
            isStraight[vertex] = bent.count < segments.count
            let groups =
                isStraight[vertex] ? [bent.filter { bands[$0] < row }, bent.filter { bands[$0] > row }] : [bent]
            nets[vertex] = groups.filter { !$0.isEmpty }.map { group in
                Net(vertex: vertex, row: row, segments: group, bands: group.map { bands[$0] })
            }
        }

        /// The crossings that lines of a vertex take part in, and a charge for lines that cannot be ordered.
        func cost(_ vertex: Int) -> Int {
            var cost = 0
            let own = nets[vertex]
            for other in nets.indices where other != vertex {
                if isStraight[other] { cost += own.count { $0.isCrossed(in: rows[other]) } }
                for theirs in nets[other] {
                    if isStraight[vertex], theirs.isCrossed(in: rows[vertex]) { cost += 1 }
                    for mine in own { cost += Self.cost(mine, theirs) }
                }
            }
            return cost
        }

        private static func cost(_ a: Net, _ b: Net) -> Int {
            guard a.meets(b) else { return 0 }
            // A band begins where the line of the row's vertex has ended.
            let (bFirst, aFirst) = (a.bands.contains(b.row), b.bands.contains(a.row))
            if bFirst, aFirst { return 20 }
            let (ab, ba) = (ChannelZone.crossings(a, b), ChannelZone.crossings(b, a))
            return aFirst ? ab : bFirst ? ba : min(ab, ba)
        }
    }

    private let segments: [ChannelRouting.Segment]
    private(set) var bands: [Int]
    private var owner: [Int: Int] = [:]
    private var sources: Zone
    private var targets: Zone

    /// Above this number of segments a channel is not legible anyway.
    private static let limit = 200
    /// Above this number, segments do not exchange bands.
    private static let exchangeLimit = 40
    private static let rounds = 4

    init(_ segments: [ChannelRouting.Segment], _ bands: [Int]) {
        (self.segments, self.bands) = (segments, bands)
        for (index, band) in bands.enumerated() { owner[band] = index }
        sources = Zone(segments.map { ($0.left, $0.leftRow) }, bands)
        targets = Zone(segments.map { ($0.right, $0.rightRow) }, bands)
        guard segments.count > 1, segments.count <= Self.limit else { return }
        for _ in 0..<Self.rounds {
            var improved = false
            for index in segments.indices where !isStraight(index) {
                improved = improve(index) || improved
            }
            if !improved { return }
        }
    }

    /// The cost of the lines of some segments.
    private func cost(_ indices: [Int]) -> Int {
        var cost = 0
        for vertex in Set(indices.map { sources.vertexOf[$0] }) { cost += sources.cost(vertex) * 4 }
        for vertex in Set(indices.map { targets.vertexOf[$0] }) { cost += targets.cost(vertex) * 4 }
        for index in indices {
            // A vertical line more is not worth a crossing.
            if bands[index] != segments[index].leftRow { cost += 1 }
            if bands[index] != segments[index].rightRow { cost += 1 }
        }
        return cost
    }

    private func isStraight(_ index: Int) -> Bool { segments[index].leftRow == segments[index].rightRow }

    private func rows(_ index: Int) -> ClosedRange<Int> {
        let segment = segments[index]
        return min(segment.leftRow, segment.rightRow)...max(segment.leftRow, segment.rightRow)
    }

    /// Moves a segment to the best band; takes that of another segment if this one then finds a good one too.
    private mutating func improve(_ index: Int) -> Bool {
        let start = cost([index])
        // Without a crossing and with one bend, there is nothing better.
        guard start > 1 else { return false }
        let before = bands[index]
        if let row = bestFree(index), row != before {
            move(index, to: row)
            return true
        }
        guard segments.count <= Self.exchangeLimit else { return false }
        for row in rows(index) {
            guard let other = owner[row], other != index, !isStraight(other) else { continue }
            let together = cost([index, other])
            owner[before] = nil
            set(index, row)
            owner[row] = index
            if let place = bestFree(other) { move(other, to: place) }
            if bands[other] != row, cost([index, other]) < together { return true }
            if bands[other] != row { owner[bands[other]] = nil }
            set(other, row)
            set(index, before)
            (owner[row], owner[before]) = (other, index)
        }
        return false
    }

    /// The free row, or the present one, where a segment costs least; nil if it has none.
    private mutating func bestFree(_ index: Int) -> Int? {
        let before = bands[index]
        var best = owner[before] == index ? (cost: cost([index]), row: before) : nil
        for row in rows(index) where owner[row] == nil {
            set(index, row)
            let cost = cost([index])
            if cost < best?.cost ?? .max { best = (cost, row) }
        }
        set(index, before)
        return best?.row
    }

    private mutating func move(_ index: Int, to row: Int) {
        if owner[bands[index]] == index { owner[bands[index]] = nil }
        set(index, row)
        owner[row] = index
    }

    private mutating func set(_ index: Int, _ row: Int) {
        bands[index] = row
        sources.update(sources.vertexOf[index], bands)
        targets.update(targets.vertexOf[index], bands)
    }
}
