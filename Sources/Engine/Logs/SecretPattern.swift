import CaudalModel

/// Matches a secret as plain text, or in an encoding that programs print.
///
/// Each character may be literal, escaped as in JSON and most languages, quoted as in shells, percent-encoded, or an
/// HTML entity; the last two may be applied several times. One secret may mix these encodings. What a screen does not show
/// between its characters is passed over: escape sequences, control characters and marks.
struct SecretPattern: Sendable {
    private let characters: [[UInt8]]
    private let scalars: [Unicode.Scalar]

    init(_ secret: String) {
        var scalars: [Unicode.Scalar] = []
        // A run of backslashes matches as one, because each encoding doubles them.
        for scalar in secret.unicodeScalars where scalar != "\\" || scalars.last != "\\" { scalars.append(scalar) }
        self.scalars = scalars
        characters = scalars.map { Array(String($0).utf8) }
    }

    /// The bytes with which a match may begin.
    var firstBytes: Set<UInt8> {
        var bytes: Set<UInt8> = [UInt8(ascii: "\\"), UInt8(ascii: "%"), UInt8(ascii: "&"), characters[0][0]]
        if scalars[0] == " " { bytes.insert(UInt8(ascii: "+")) }
        return bytes
    }

    /// How much of the secret must match.
    enum End {
        /// The whole secret.
        case whole
        /// A prefix of the secret is enough if the text ends with it.
        case cut
    }

    /// The index after the secret when it begins at `start`, otherwise nil.
    func match(_ text: UnsafeBufferPointer<UInt8>, at start: Int, _ end: End = .whole) -> Int? {
        match(text, at: start, from: 0, end)
    }

    private func match(_ text: UnsafeBufferPointer<UInt8>, at start: Int, from first: Int, _ end: End) -> Int? {
        var place = start
        for index in first..<characters.count {
            if index > 0 { place = Self.afterHidden(text, place, before: characters[index][0]) }
            if place >= text.count { return end == .cut && (place > start || first > 0) ? text.count : nil }
            let ways = ways(index, text, place, end)
            guard let way = ways.first else { return nil }
            if ways.count == 1 {
                place = way
                continue
            }
            // Rarely is there more than one way to read a character, such as an ampersand that may begin an entity. The
            // longest match counts.
            for way in ways.sorted(by: >) {
                if let found = match(text, at: way, from: index + 1, end) { return found }
            }
            return nil
        }
        return place
    }

    /// The possible indices after one character of the secret.
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
            // SQL and CSV double their quotation marks; shells end the quoted text before one and begin another.
            case "'", "\"":
                if next < text.count, text[next] == byte { ways.append(next + 1) }
                if scalar == "'" { ways += Self.shellQuotes(text, place, end) }
            case "&": ways += Self.entities(text, place, scalar)
            case "%": ways += Self.percents(text, place, bytes)
            default: break
            }
            return ways
        }
        switch byte {
        case UInt8(ascii: "\\"):
            let escape = Self.escape(text, place, scalar, bytes, end)
            return (escape.map { [$0] } ?? []) + Self.entities(text, place, scalar)
        case UInt8(ascii: "%"):
            let percents = Self.percents(text, place, bytes, end)
            // A plus sign for a blank may itself be encoded.
            let plus = scalar == " " ? Self.percents(text, place, [UInt8(ascii: "+")]) : []
            return percents + plus + Self.entities(text, place, scalar)
        case UInt8(ascii: "&"): return Self.entities(text, place, scalar, end)
        case UInt8(ascii: "+"): return scalar == " " ? [place + 1] : []
        default: return []
        }
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

    /// `\u00e4`, `\u{e4}`, `\U000000e4`, `\xc3\xa4`, `\303\244`, `\n`, `\"`, `\/`, with any number of
    /// backslashes.
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
        case UInt8(ascii: "u") where next < text.count && text[next] == UInt8(ascii: "{"):
            guard let stop = text[(next + 1)...].prefix(9).firstIndex(of: UInt8(ascii: "}")) else {
                return isCut ? text.count : nil
            }
            return hex(text, (next + 1)..<stop) == scalar.value ? stop + 1 : nil
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
            // Python escapes characters this way, other languages bytes.
            if bytes.count > 1, hex(text, next..<(next + 2)) == scalar.value { return next + 2 }
            var place = start
            for byte in bytes {
                guard let (mark, digits) = letter(place) else { return isCut ? text.count : nil }
                guard mark == first, hex(text, digits..<(digits + 2)) == UInt32(byte) else {
                    return isCut && digits + 2 > text.count ? text.count : nil
                }
                place = digits + 2
            }
            return place
        case UInt8(ascii: "0")...UInt8(ascii: "7"):
            var place = start
            for byte in bytes {
                guard let (_, next) = letter(place) else { return isCut ? text.count : nil }
                if isCut, next + 2 > text.count { return text.count }
                guard next + 2 <= text.count,
                    UInt8(String(decoding: text[(next - 1)..<(next + 2)], as: UTF8.self), radix: 8) == byte
                else { return nil }
                place = next + 2
            }
            return place
        case UInt8(ascii: "a"): return scalar == "\u{7}" ? next : nil
        case UInt8(ascii: "b"): return scalar == "\u{8}" ? next : nil
        case UInt8(ascii: "v"): return scalar == "\u{b}" ? next : nil
        case UInt8(ascii: "f"): return scalar == "\u{c}" ? next : nil
        case UInt8(ascii: "e"), UInt8(ascii: "E"): return scalar == "\u{1b}" ? next : nil
        case UInt8(ascii: "n"): return scalar == "\n" ? next : nil
        case UInt8(ascii: "t"): return scalar == "\t" ? next : nil
        case UInt8(ascii: "r"): return scalar == "\r" ? next : nil
        default:
            let isLetter = Character(scalar).isLetter || Character(scalar).isNumber
            return bytes == [first] && !isLetter ? next : nil
        }
    }

    /// A quotation mark inside of a quoted text in shells: `'\''` and `'"'"'`.
    private static func shellQuotes(_ text: UnsafeBufferPointer<UInt8>, _ start: Int, _ end: End) -> [Int] {
        ["'\\''", "'\"'\"'"].compactMap { form in
            let (rest, form) = (text[start...].prefix(form.utf8.count), Array(form.utf8))
            if rest.elementsEqual(form) { return start + form.count }
            let isCut = end == .cut && rest.count > 1 && rest.count < form.count
            return isCut && form.starts(with: rest) ? text.count : nil
        }
    }

    /// How many times an encoding may be encoded again.
    private static let depthLimit = 4

    /// `%C3%A4`, and `%25C3%25A4` for repeated encoding.
    ///
    /// - Returns: The indices after it; for a percent sign there may be several.
    private static func percents(
        _ text: UnsafeBufferPointer<UInt8>, _ start: Int, _ bytes: [UInt8], _ end: End = .whole
    ) -> [Int] {
        var places = [start]
        for byte in bytes {
            var found: [Int] = []
            for place in places {
                if place >= text.count, end == .cut { return [text.count] }
                guard place < text.count, text[place] == UInt8(ascii: "%") else { continue }
                var digits = place + 1
                for _ in 0..<depthLimit {
                    if end == .cut, digits + 2 > text.count { return [text.count] }
                    guard let value = hex(text, digits..<(digits + 2)) else { break }
                    if value == UInt32(byte) { found.append(digits + 2) }
                    if value != 0x25 { break }
                    digits += 2
                }
            }
            places = found
        }
        return places
    }

    private static let entities: [String: Unicode.Scalar] = [
        "amp": "&", "lt": "<", "gt": ">", "quot": "\"", "apos": "'", "nbsp": "\u{a0}",
    ]

    /// `&amp;`, `&#39;`, `&#x27;`, and `&amp;#39;`, `\u0026#39;` and `%26#39;` for repeated encoding.
    private static func entities(
        _ text: UnsafeBufferPointer<UInt8>, _ start: Int, _ scalar: Unicode.Scalar, _ end: End = .whole
    ) -> [Int] {
        let sign: Int?
        switch text[start] {
        case UInt8(ascii: "&"): sign = start + 1
        case UInt8(ascii: "\\"): sign = escape(text, start, "&", [UInt8(ascii: "&")], .whole)
        default: sign = percents(text, start, [UInt8(ascii: "&")]).first
        }
        guard var place = sign else { return [] }
        var found: [Int] = []
        for _ in 0..<depthLimit {
            var name = ""
            var stop = place
            while name.utf8.count < 10, stop < text.count, text[stop] != UInt8(ascii: ";") {
                // In a URL, the entity's punctuation is percent-encoded too.
                let sign = text[stop] == UInt8(ascii: "%") ? hex(text, (stop + 1)..<(stop + 3)) : nil
                if sign == 0x3B { break }
                name.unicodeScalars.append(sign == 0x23 ? "#" : Unicode.Scalar(text[stop]))
                stop += sign == 0x23 ? 3 : 1
            }
            if stop >= text.count { return end == .cut ? found + [text.count] : found }
            if name.utf8.count >= 10 { return found }
            if text[stop] == UInt8(ascii: "%") { stop += 2 }
            let value: UInt32? =
                if name.hasPrefix("#x") || name.hasPrefix("#X") {
                    UInt32(name.dropFirst(2), radix: 16)
                } else if name.hasPrefix("#") {
                    UInt32(name.dropFirst())
                } else {
                    entities[name]?.value
                }
            if value == scalar.value { found.append(stop + 1) }
            if value != 0x26 { break }
            place = stop + 1
        }
        return found
    }

    /// The index behind what a screen does not show, such as a colour; `byte`: with which the secret goes on.
    private static func afterHidden(_ text: UnsafeBufferPointer<UInt8>, _ start: Int, before byte: UInt8) -> Int {
        var place = start
        var parser = EscapeParser()
        while place < text.count, text[place] != byte || parser.isInside {
            // Most often there is nothing of it, and a plain character.
            if !parser.isInside, (0x20..<0x7F).contains(text[place]) { break }
            var decoder = UTF8()
            var bytes = text[place..<min(place + 4, text.count)].makeIterator()
            guard case .scalarValue(let scalar) = decoder.decode(&bytes) else { break }
            guard parser.swallows(scalar) || scalar.isMark || scalar.properties.generalCategory == .control else {
                break
            }
            place += scalar.utf8.count
        }
        return place
    }
}
