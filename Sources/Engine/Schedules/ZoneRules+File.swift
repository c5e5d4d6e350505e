extension ZoneRules {
    /// Reads a compiled file of tzdata; nil when the bytes are none.
    ///
    /// Method: RFC 9636, versions 1 to 4. Leap seconds are not looked at: clocks of machines have none.
    package init?(name: String, file: [UInt8]) {
        var reader = ZoneFileReader(bytes: file)
        guard var header = reader.takeHeader() else { return nil }
        var width = 4
        if header.version >= 2 {
            // The first block is for readers of 32 bits; the second says the same in 64.
            reader.skip(header.length(width: 4))
            guard let second = reader.takeHeader() else { return nil }
            (header, width) = (second, 8)
        }
        var times: [Int64] = []
        for _ in 0..<header.times {
            guard let time = reader.take(width: width) else { return nil }
            times.append(time)
        }
        var kinds: [Int] = []
        for _ in 0..<header.times {
            guard let kind = reader.take(width: 1) else { return nil }
            kinds.append(Int(kind))
        }
        var offsets: [Int64] = []
        for _ in 0..<header.kinds {
            guard let offset = reader.take(width: 4), reader.take(width: 2) != nil else { return nil }
            offsets.append(offset)
        }
        guard let first = offsets.first, kinds.allSatisfy({ offsets.indices.contains($0) }) else { return nil }
        reader.skip(header.names + header.leaps * (width + 4) + header.standardMarks + header.universalMarks)
        let yearly = header.version >= 2 ? reader.takeFooter().flatMap(YearlyChanges.init) : nil
        self.init(
            name: name, first: first, changes: zip(times, kinds).map { ($0, offsets[$1]) },
            yearly: yearly)
    }
}

/// Takes the pieces of a compiled file of tzdata from its front.
private struct ZoneFileReader {
    struct Header {
        var version: Int
        var universalMarks: Int
        var standardMarks: Int
        var leaps: Int
        var times: Int
        var kinds: Int
        var names: Int

        /// How many bytes follow the header.
        func length(width: Int) -> Int {
            times * (width + 1) + kinds * 6 + names + leaps * (width + 4) + standardMarks + universalMarks
        }
    }

    let bytes: [UInt8]
    private var place = 0

    init(bytes: [UInt8]) { self.bytes = bytes }

    mutating func skip(_ count: Int) { place += count }

    mutating func takeHeader() -> Header? {
        guard place >= 0, place + 44 <= bytes.count, bytes[place..<place + 4].elementsEqual("TZif".utf8) else {
            return nil
        }
        // Version 1 is a zero byte, the others are digits.
        let version = bytes[place + 4] == 0 ? 1 : Int(bytes[place + 4]) - 0x30
        place += 20
        var counts: [Int] = []
        for _ in 0..<6 { counts.append(Int(take(width: 4) ?? 0)) }
        guard counts.allSatisfy({ (0...100_000).contains($0) }) else { return nil }
        return Header(
            version: version, universalMarks: counts[0], standardMarks: counts[1], leaps: counts[2], times: counts[3],
            kinds: counts[4], names: counts[5])
    }

    /// A number of so many bytes, the highest first; with a sign when there are four or eight.
    mutating func take(width: Int) -> Int64? {
        guard place + width <= bytes.count else { return nil }
        var number: UInt64 = 0
        for byte in bytes[place..<place + width] { number = number << 8 | UInt64(byte) }
        place += width
        return width == 4 ? Int64(Int32(truncatingIfNeeded: number)) : Int64(truncatingIfNeeded: number)
    }

    /// The text between the line breaks at the end.
    func takeFooter() -> String? {
        guard place < bytes.count, bytes[place] == 0x0A, let end = bytes[(place + 1)...].firstIndex(of: 0x0A) else {
            return nil
        }
        return String(decoding: bytes[place + 1..<end], as: UTF8.self)
    }
}
