/// Routes the edges between two neighbouring layers, so that nobody can read another edge out of the lines.
///
/// From left to right an edge takes at most a vertical line that only its source has, a row of the channel that only
/// this edge has, and a vertical line that only its target has. Where lines meet, they therefore have a common source or
/// a common target: three ways mean a joint, four ways always a crossing. See decision 0047.
struct ChannelRouting: Sendable {
    /// An edge between two neighbouring layers.
    struct Segment: Hashable, Sendable {
        let left: Int
        let right: Int
        let leftRow: Int
        let rightRow: Int
    }

    /// The way of a segment.
    struct Way: Hashable, Sendable {
        /// The row between both vertical lines.
        var band: Int
        /// The column of the vertical line of the source, from the left; nil if the band is the row of the source.
        var out: Int?
        /// The column of the vertical line of the target, from the right; nil if the band is the row of the target.
        var into: Int?
    }

    private(set) var ways: [Segment: Way] = [:]
    /// The columns of vertical lines.
    private(set) var width = 0
    /// Rows above which a blank row would spare an edge a detour.
    private(set) var wantedRows: Set<Int> = []

    /// Rows above which blank rows would spare segments a detour, found without routing them.
    static func wantedRows(_ segments: [Segment]) -> Set<Int> { Bands(segments, mayWant: true).wantedRows }

    /// Routes segments.
    ///
    /// `mayWant`: whether to want a blank row instead of a detour; without it, every segment gets a way.
    init(_ segments: [Segment], mayWant: Bool) {
        var bands = Bands(segments, mayWant: mayWant)
        guard bands.wantedRows.isEmpty else {
            wantedRows = bands.wantedRows
            return
        }
        bands.settle()
        var out = ChannelZone(segments, bands.rows, side: .source)
        var into = ChannelZone(segments, bands.rows, side: .target)
        // A segment between lines that must each end before the other begins gets a row that no vertex has.
        while let culprit = out.contradiction ?? into.contradiction {
            bands.move(culprit)
            guard bands.wantedRows.isEmpty else {
                wantedRows = bands.wantedRows
                return
            }
            out = ChannelZone(segments, bands.rows, side: .source)
            into = ChannelZone(segments, bands.rows, side: .target)
        }
        let (outColumns, intoColumns) = (out.columns(), into.columns())
        for (index, segment) in segments.enumerated() {
            ways[segment] = Way(
                band: bands.rows[index], out: out.net(of: index).map { outColumns[$0] },
                into: into.net(of: index).map { intoColumns[$0] })
        }
        width = max((outColumns.max() ?? -1) + 1, (intoColumns.max() ?? -1) + 1)
        for (a, left) in out.nets.enumerated() {
            for (b, right) in into.nets.enumerated() where left.meets(right) {
                width = max(width, outColumns[a] + intoColumns[b] + 3)
            }
        }
    }
}

/// The row of each segment between its vertical lines: no two segments have the same.
private struct Bands {
    private let segments: [ChannelRouting.Segment]
    private let mayWant: Bool
    /// The vertices with segments, by row.
    private var leftRows: [Int: Int] = [:]
    private var rightRows: [Int: Int] = [:]
    private var outDegree: [Int: Int] = [:]
    private var intoDegree: [Int: Int] = [:]
    /// The segment that has a row.
    private var owner: [Int: Int] = [:]
    private var assigned: [Int?]
    private(set) var wantedRows: Set<Int> = []

    var rows: [Int] { assigned.map { $0 ?? 0 } }

    init(_ segments: [ChannelRouting.Segment], mayWant: Bool) {
        self.segments = segments
        self.mayWant = mayWant
        assigned = [Int?](repeating: nil, count: segments.count)
        for (index, segment) in segments.enumerated() {
            leftRows[segment.leftRow] = segment.left
            rightRows[segment.rightRow] = segment.right
            outDegree[segment.left, default: 0] += 1
            intoDegree[segment.right, default: 0] += 1
            if segment.leftRow == segment.rightRow { take(segment.leftRow, index) }
        }
        for index in segments.indices where assigned[index] == nil {
            var tried: Set<Int> = []
            _ = claim(index, &tried)
        }
        for index in segments.indices where assigned[index] == nil { takeFree(index, pure: false) }
    }

    /// Moves segments to rows where they cross fewer others.
    mutating func settle() {
        assigned = BandSearch(segments, rows).bands
        owner = [:]
        for (index, row) in assigned.enumerated() { if let row { owner[row] = index } }
    }

    /// Gives a segment that cannot keep its row one that belongs to no vertex.
    mutating func move(_ index: Int) {
        if let row = assigned[index] { owner[row] = nil }
        assigned[index] = nil
        takeFree(index, pure: true)
    }

    private mutating func take(_ row: Int, _ index: Int) {
        owner[row] = index
        assigned[index] = row
    }

    /// Gives a segment the row of its source or of its target; others give way if they have another (Kuhn's method).
    private mutating func claim(_ index: Int, _ tried: inout Set<Int>) -> Bool {
        for row in choices(segments[index]) where tried.insert(row).inserted {
            if let other = owner[row] {
                if segments[other].leftRow == segments[other].rightRow { continue }
                guard claim(other, &tried) else { continue }
            }
            take(row, index)
            return true
        }
        return false
    }

    /// The rows of a segment's ends, the better first: of the end with fewer edges, because the other is a joint.
    private func choices(_ segment: ChannelRouting.Segment) -> [Int] {
        let out = outDegree[segment.left] ?? 0
        let into = intoDegree[segment.right] ?? 0
        if out == 1, into > 1 { return [segment.leftRow, segment.rightRow] }
        if into == 1, out > 1 { return [segment.rightRow, segment.leftRow] }
        let isCleanLeft = rightRows[segment.leftRow] == nil
        let isCleanRight = leftRows[segment.rightRow] == nil
        return isCleanLeft && !isCleanRight
            ? [segment.leftRow, segment.rightRow] : [segment.rightRow, segment.leftRow]
    }

    /// Gives a segment the nearest row that no segment has.
    ///
    /// `pure`: whether the row must belong to no vertex.
    private mutating func takeFree(_ index: Int, pure: Bool) {
        let segment = segments[index]
        let low = min(segment.leftRow, segment.rightRow)
        let high = max(segment.leftRow, segment.rightRow)
        func cost(_ row: Int) -> Int? {
            guard owner[row] == nil else { return nil }
            let meetsLeft = leftRows[row].map { $0 != segment.left } ?? false
            let meetsRight = rightRows[row].map { $0 != segment.right } ?? false
            if pure, meetsLeft || meetsRight { return nil }
            let detour = max(0, low - row) + max(0, row - high)
            return detour * 4 + (meetsLeft ? 3 : 0) + (meetsRight ? 3 : 0)
        }
        var best: (row: Int, cost: Int)?
        // At that distance there are rows that no segment can have.
        for row in (low - segments.count - 2)...(high + segments.count + 2) {
            if let cost = cost(row), cost < best?.cost ?? .max { best = (row, cost) }
        }
        guard let best else { return }
        if mayWant, best.row < low || best.row > high {
            wantedRows.insert(segment.rightRow > segment.leftRow ? segment.rightRow : segment.rightRow + 1)
        }
        take(best.row, index)
    }
}
