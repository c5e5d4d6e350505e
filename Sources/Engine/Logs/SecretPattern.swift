/// A secret as it may stand in text: as it is, or in an encoding that programs print.
///
/// Each character may be written as itself, as JSON and most languages escape it, percent-encoded, or as an entity of
/// HTML; one secret may mix these. Colour codes between its characters are passed over.
struct SecretPattern: Sendable {
    private let characters: [[UInt8]]
    private let scalars: [Unicode.Scalar]

    init(_ secret: String) {
        var scalars: [Unicode.Scalar] = []
        // A run of backslashes is met as one, because each encoding doubles them.
        for scalar in secret.unicodeScalars where scalar != "\\" || scalars.last != "\\" { scalars.append(scalar) }
        self.scalars = scalars
        characters = scalars.map { Array(String($0).utf8) }
    }

    /// The bytes that a match may begin with.
    var beginnings: Set<UInt8> {
        var bytes: Set<UInt8> = [UInt8(ascii: "\\"), UInt8(ascii: "%"), UInt8(ascii: "&"), characters[0][0]]
        if scalars[0] == " " { bytes.insert(UInt8(ascii: "+")) }
        return bytes
    }

    /// How text is looked at.
    enum End {
        /// The whole secret must be there.
        case whole
        /// A beginning of the secret is enough where the text ends with it.
        case cut
    }

    /// The place behind the secret when one begins at `start`, otherwise nil.
    func match(_ text: UnsafeBufferPointer<UInt8>, at start: Int, _ end: End = .whole) -> Int? {
        match(text, at: start, from: 0, end)
    }

    private func match(_ text: UnsafeBufferPointer<UInt8>, at start: Int, from first: Int, _ end: End) -> Int? {
        var place = start
        for index in first..<characters.count {
            if index > 0 { place = Self.behindColors(text, place) }
            if place >= text.count { return end == .cut && place > start ? text.count : nil }
            let ways = ways(index, text, place, end)
            guard let way = ways.first else { return nil }
            // Seldom is there more than one way to read a place: a blank may be a plus sign, an ampersand an entity.
            for other in ways.dropFirst() {
                if let found = match(text, at: other, from: index + 1, end) { return found }
            }
            place = way
        }
        return place
    }

    /// The places behind one character of the secret.
    private func ways(_ index: Int, _ text: UnsafeBufferPointer<UInt8>, _ place: Int, _ end: End) -> [Int] {
        let (bytes, scalar) = (characters[index], scalars[index])
        let byte = text[place]
        if byte == bytes[0] {
            if scalar == "\\" {
                var next = place
                while next < text.count, text[next] == byte { next += 1 }
                return [next]
            }
            let isWhole = place + bytes.count <= text.count
            guard isWhole, bytes.count == 1 || text[place..<(place + bytes.count)].elementsEqual(bytes) else {
                return !isWhole && end == .cut && bytes.starts(with: text[place...]) ? [text.count] : []
            }
            let next = place + bytes.count
            var ways = [next]
            switch scalar {
            // SQL and CSV double their quotes.
            case "'", "\"": if next < text.count, text[next] == byte { ways.append(next + 1) }
            case "&": if let entity = Self.entity(text, place, scalar) { ways.append(entity) }
            case "%": if let percent = Self.percent(text, place, bytes) { ways.append(percent) }
            default: break
            }
            return ways
        }
        let way: Int? =
            switch byte {
            case UInt8(ascii: "\\"): Self.escape(text, place, scalar, bytes, end)
            case UInt8(ascii: "%"): Self.percent(text, place, bytes, end)
            case UInt8(ascii: "&"): Self.entity(text, place, scalar, end)
            case UInt8(ascii: "+"): scalar == " " ? place + 1 : nil
            default: nil
            }
        return way.map { [$0] } ?? []
    }

    // MARK: - Encodings

    private static func hex(_ text: UnsafeBufferPointer<UInt8>, _ range: Range<Int>) -> UInt32? {
        guard range.upperBound <= text.count else { return nil }
        var value: UInt32 = 0
        for place in range {
            guard let digit = Character(Unicode.Scalar(text[place])).hexDigitValue, text[place] < 0x80 else {
                return nil
            }
            value = value * 16 + UInt32(digit)
        }
        return value
    }

    /// `\u00e4`, `\U000000e4`, `\xc3\xa4`, `\n`, `\"`, `\/`, with any number of backslashes.
    private static func escape(
        _ text: UnsafeBufferPointer<UInt8>, _ start: Int, _ scalar: Unicode.Scalar, _ bytes: [UInt8], _ end: End
    ) -> Int? {
        func letter(_ place: Int) -> (byte: UInt8, next: Int)? {
            var place = place
            guard place < text.count, text[place] == UInt8(ascii: "\\") else { return nil }
            while place < text.count, text[place] == UInt8(ascii: "\\") { place += 1 }
            return place < text.count ? (text[place], place + 1) : nil
        }
        guard let (first, next) = letter(start) else { return end == .cut ? text.count : nil }
        let isCut = end == .cut && text.count - start <= 12
        switch first {
        case UInt8(ascii: "u"):
            guard let unit = hex(text, next..<(next + 4)) else {
                return isCut && next + 4 > text.count ? text.count : nil
            }
            if unit == scalar.value { return next + 4 }
            let units = Array(String(scalar).utf16)
            guard units.count == 2, unit == UInt32(units[0]) else { return nil }
            guard let (mark, low) = letter(next + 4) else { return isCut ? text.count : nil }
            return mark == first && hex(text, low..<(low + 4)) == UInt32(units[1]) ? low + 4 : nil
        case UInt8(ascii: "U"): return hex(text, next..<(next + 8)) == scalar.value ? next + 8 : nil
        case UInt8(ascii: "x"):
            var place = start
            for byte in bytes {
                guard let (mark, digits) = letter(place) else { return isCut ? text.count : nil }
                guard mark == first, hex(text, digits..<(digits + 2)) == UInt32(byte) else {
                    return isCut && digits + 2 > text.count ? text.count : nil
                }
                place = digits + 2
            }
            return place
        case UInt8(ascii: "n"): return scalar == "\n" ? next : nil
        case UInt8(ascii: "t"): return scalar == "\t" ? next : nil
        case UInt8(ascii: "r"): return scalar == "\r" ? next : nil
        default:
            let isLetter = Character(scalar).isLetter || Character(scalar).isNumber
            return bytes == [first] && !isLetter ? next : nil
        }
    }

    /// `%C3%A4`.
    private static func percent(
        _ text: UnsafeBufferPointer<UInt8>, _ start: Int, _ bytes: [UInt8], _ end: End = .whole
    ) -> Int? {
        var place = start
        for byte in bytes {
            if end == .cut, place + 3 > text.count { return text.count }
            guard place < text.count, text[place] == UInt8(ascii: "%"),
                hex(text, (place + 1)..<(place + 3)) == UInt32(byte)
            else { return nil }
            place += 3
        }
        return place
    }

    private static let entities: [String: Unicode.Scalar] = [
        "amp": "&", "lt": "<", "gt": ">", "quot": "\"", "apos": "'", "nbsp": "\u{a0}",
    ]

    /// `&amp;`, `&#39;`, `&#x27;`.
    private static func entity(
        _ text: UnsafeBufferPointer<UInt8>, _ start: Int, _ scalar: Unicode.Scalar, _ end: End = .whole
    ) -> Int? {
        let body = text[(start + 1)...].prefix(10)
        guard let stop = body.firstIndex(of: UInt8(ascii: ";")) else {
            return end == .cut && body.endIndex == text.count ? text.count : nil
        }
        let name = String(decoding: text[(start + 1)..<stop], as: UTF8.self)
        let value: UInt32? =
            if name.hasPrefix("#x") || name.hasPrefix("#X") {
                UInt32(name.dropFirst(2), radix: 16)
            } else if name.hasPrefix("#") {
                UInt32(name.dropFirst())
            } else {
                entities[name]?.value
            }
        return value == scalar.value ? stop + 1 : nil
    }

    /// The place behind colour codes that stand at a place.
    private static func behindColors(_ text: UnsafeBufferPointer<UInt8>, _ start: Int) -> Int {
        var place = start
        while place + 1 < text.count, text[place] == 0x1B, text[place + 1] == UInt8(ascii: "[") {
            guard let stop = text[(place + 2)...].prefix(32).firstIndex(where: { (0x40...0x7E).contains($0) }) else {
                break
            }
            place = stop + 1
        }
        return place
    }
}
