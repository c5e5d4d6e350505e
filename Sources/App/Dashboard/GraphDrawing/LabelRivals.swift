/// All names that labels must tell apart, in an order in which those that a label could stand for are found quickly.
struct LabelRivals: Sendable {
    private let names: [[UInt8]]
    private let reversed: [[UInt8]]
    /// The places of the names, ordered by their beginnings and by their ends.
    private let byBeginning: [Int]
    private let byEnd: [Int]

    init(_ names: [String]) {
        let bytes = names.map { Array($0.utf8) }
        let reversed = bytes.map { Array($0.reversed()) }
        (self.names, self.reversed) = (bytes, reversed)
        byBeginning = bytes.indices.sorted { bytes[$0].lexicographicallyPrecedes(bytes[$1]) }
        byEnd = bytes.indices.sorted { reversed[$0].lexicographicallyPrecedes(reversed[$1]) }
    }

    /// Whether another name than one, by its place, has these parts: the first one at its beginning, the last one at its end, the others
    /// between them, in this order.
    func hasOther(than index: Int, fitting parts: [String]) -> Bool {
        let parts = parts.map { Array($0.utf8) }
        guard let head = parts.first, let tail = parts.last else { return true }
        let (begun, ended) = (
            Self.range(byBeginning, names, head), Self.range(byEnd, reversed, Array(tail.reversed()))
        )
        let candidates = begun.count < ended.count ? byBeginning[begun] : byEnd[ended]
        return candidates.contains { names[$0] != names[index] && Self.fits(parts, names[$0]) }
    }

    /// The part of an order whose texts begin with a text.
    private static func range(_ order: [Int], _ texts: [[UInt8]], _ beginning: [UInt8]) -> Range<Int> {
        /// The first place of which the beginning does not come before the text; with `isBehind`, of which it comes behind.
        func place(isBehind: Bool) -> Int {
            var (low, high) = (0, order.count)
            while low < high {
                let middle = (low + high) / 2
                let start = texts[order[middle]].prefix(beginning.count)
                let isBefore = start.lexicographicallyPrecedes(beginning) || isBehind && start.elementsEqual(beginning)
                if isBefore { low = middle + 1 } else { high = middle }
            }
            return low
        }
        return beginning.isEmpty ? 0..<order.count : place(isBehind: false)..<place(isBehind: true)
    }

    private static func fits(_ parts: [[UInt8]], _ name: [UInt8]) -> Bool {
        guard let head = parts.first, let tail = parts.last, name.count >= head.count + tail.count,
            name.starts(with: head), name.suffix(tail.count).elementsEqual(tail)
        else { return false }
        var place = head.count
        let end = name.count - tail.count
        for part in parts.dropFirst().dropLast() {
            while place + part.count <= end, !name[place..<(place + part.count)].elementsEqual(part) { place += 1 }
            place += part.count
            if place > end { return false }
        }
        return true
    }
}
