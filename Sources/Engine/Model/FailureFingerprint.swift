/// What failures with the same cause have in common: their message without what differs from one time to the next.
///
/// Numbers, paths, addresses, times, ids, hexadecimal digits and quoted data are taken out; codes are kept, such as that
/// in `exit status 75`, because they tell causes apart.
package struct FailureFingerprint: Sendable, Hashable, Codable {
    /// The message with words in place of what was taken out: `<path> has no column <text>, line <n>`.
    package let shape: String
    /// The kind of failure, where it has one.
    package let kind: Failure.Kind?

    package init(_ failure: Failure) { self.init(failure.message, kind: failure.kind) }

    package init(_ message: String, kind: Failure.Kind? = nil) {
        var writer = ShapeWriter(message)
        shape = writer.text()
        self.kind = kind
    }

    /// Identifies it in sixteen hexadecimal digits, the same on every machine.
    package var id: String {
        // FNV-1a, 64 bits: it need only tell the failures of one stage apart.
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in "\(kind?.rawValue ?? "")\n\(shape)".utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        let digits = String(hash, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }

    /// The longest message that counts: what follows is seldom the cause.
    fileprivate static let messageLimit = 600
    /// The longest shape.
    fileprivate static let shapeLimit = 300
}

/// Takes what differs out of a message, in one pass over its bytes.
private struct ShapeWriter {
    /// What stands in place of what was taken out.
    private enum Mark: String {
        case number = "<n>"
        case path = "<path>"
        case address = "<url>"
        case time = "<time>"
        case id = "<id>"
        case hex = "<hex>"
        case text = "<text>"
    }

    private let bytes: [UInt8]
    private var shape = ""
    /// The last mark, while nothing but separators of a list was written behind it, with the length of the shape then.
    private var lastMark: (mark: Mark, length: Int)?
    /// The word before, in lower case: a number behind some words is a code.
    private var lastWord = ""

    /// Words before a number that tells causes apart.
    private static let codeWords: Set<String> = [
        "status", "signal", "code", "errno", "error", "http", "sqlstate", "exit", "oserror",
    ]
    /// What may stand behind a number as its unit.
    private static let units: Set<String> = [
        "ms", "s", "m", "h", "d", "us", "ns", "min", "b", "kb", "mb", "gb", "tb", "kib", "mib", "gib", "tib", "k", "%",
    ]

    init(_ message: String) { bytes = Array(message.utf8.prefix(FailureFingerprint.messageLimit)) }

    mutating func text() -> String {
        var place = 0
        while place < bytes.count {
            let byte = bytes[place]
            if Self.isBlank(byte) {
                if !shape.hasSuffix(" ") { shape += " " }
                place += 1
            } else if let end = endOfQuotation(at: place) {
                put(.text)
                place = end
            } else if Self.isPart(byte) {
                let end = bytes[place...].firstIndex { !Self.isPart($0) } ?? bytes.count
                take(bytes[place..<end])
                place = end
            } else {
                shape.unicodeScalars.append(Unicode.Scalar(byte))
                place += 1
            }
        }
        while shape.hasSuffix(" ") { shape.removeLast() }
        return String(shape.prefix(FailureFingerprint.shapeLimit))
    }

    // MARK: - Writing

    /// Writes a mark; a list of things of one kind becomes one mark.
    private mutating func put(_ mark: Mark) {
        if let last = lastMark, last.mark == mark {
            let between = shape.dropFirst(last.length)
            if [", ", ",", " and ", " or ", " "].contains(String(between)) {
                shape.removeLast(between.count)
                return
            }
        }
        shape += mark.rawValue
        lastMark = (mark, shape.count)
        lastWord = ""
    }

    private mutating func put(_ word: some StringProtocol) {
        shape += word
        lastWord = word.lowercased()
    }

    // MARK: - Words

    /// Takes a piece of text without blanks, quotation marks and brackets.
    private mutating func take(_ piece: ArraySlice<UInt8>) {
        var piece = piece
        var tail = ""
        while let last = piece.last, piece.count > 1, ".:?!".utf8.contains(last) {
            tail = String(UnicodeScalar(last)) + tail
            piece.removeLast()
        }
        let text = String(decoding: piece, as: UTF8.self)
        if text.contains("://") {
            let start = text.firstIndex(of: "=").map {
                text[..<$0].contains("://") ? text.startIndex : text.index(after: $0)
            }
            shape += text[..<(start ?? text.startIndex)]
            put(.address)
        } else if Self.isTime(piece) {
            put(.time)
        } else if let equals = piece.firstIndex(of: UInt8(ascii: "=")), equals != piece.startIndex {
            take(piece[..<equals])
            shape += "="
            if equals + 1 < piece.endIndex { take(piece[(equals + 1)...]) }
        } else {
            for (index, part) in piece.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
                .enumerated()
            {
                if index > 0 { shape += ":" }
                if !part.isEmpty { takePart(part) }
            }
        }
        shape += tail
    }

    private mutating func takePart(_ part: ArraySlice<UInt8>) {
        if Self.isPath(part) { return put(.path) }
        if Self.isTime(part) { return put(.time) }
        if Self.isUUID(part) || Self.isRunID(part) { return put(.id) }
        if part.starts(with: "0x".utf8), part.count > 2, part.dropFirst(2).allSatisfy(Self.isHex) { return put(.hex) }
        if Self.isNumber(part) {
            if part.count <= 5, Self.codeWords.contains(lastWord) { return put(String(decoding: part, as: UTF8.self)) }
            return put(.number)
        }
        if !part.contains(where: Self.isDigit) {
            let word = String(decoding: part, as: UTF8.self)
            // The unit of a number, behind a blank.
            if Self.units.contains(word.lowercased()), shape.hasSuffix("<n> ") {
                shape.removeLast()
                return
            }
            return put(word)
        }
        takeName(part)
    }

    /// A word with digits in it, such as a file's name, a host's or an id.
    private mutating func takeName(_ name: ArraySlice<UInt8>) {
        var place = name.startIndex
        while place < name.endIndex {
            if Self.joins(name[place]) {
                shape.unicodeScalars.append(Unicode.Scalar(name[place]))
                place += 1
                continue
            }
            let end = name[place...].firstIndex(where: Self.joins) ?? name.endIndex
            let word = name[place..<end]
            place = end
            guard word.contains(where: Self.isDigit) else {
                put(String(decoding: word, as: UTF8.self))
                continue
            }
            let head = word.prefix { !Self.isDigit($0) }
            if Self.isNumber(word) {
                put(.number)
            } else if word.count >= 8, word.allSatisfy(Self.isHex) {
                put(.hex)
            } else if !head.isEmpty, word.dropFirst(head.count).allSatisfy(Self.isDigit) {
                put(String(decoding: head, as: UTF8.self))
                put(.number)
            } else {
                put(.id)
            }
        }
    }

    // MARK: - What things look like

    private static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }
    private static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }
    private static func isLetter(_ byte: UInt8) -> Bool { (0x61...0x7A).contains(byte | 0x20) || byte >= 0x80 }
    private static func isHex(_ byte: UInt8) -> Bool { isDigit(byte) || (0x61...0x66).contains(byte | 0x20) }
    private static let signs = Set("_-.:/+@%=~#&?*\\$".utf8)
    private static func isPart(_ byte: UInt8) -> Bool { isDigit(byte) || isLetter(byte) || signs.contains(byte) }
    /// What stands between the words of a name.
    private static func joins(_ byte: UInt8) -> Bool { !isDigit(byte) && !isLetter(byte) }

    /// The end of a quotation that begins here; nil where none does, as in `doesn't`.
    private func endOfQuotation(at place: Int) -> Int? {
        let quote = bytes[place]
        guard "'\"`".utf8.contains(quote), place == 0 || !Self.isWord(bytes[place - 1]) else { return nil }
        var next = place + 1
        while let end = bytes[next...].firstIndex(of: quote) {
            let isLast = end + 1 == bytes.count || !Self.isWord(bytes[end + 1]) && bytes[end + 1] != quote
            if isLast { return end > place + 1 ? end + 1 : nil }
            // A doubled mark, or one within a word, belongs to what is quoted.
            next = min(bytes.count, end + (end + 1 < bytes.count && bytes[end + 1] == quote ? 2 : 1))
        }
        return nil
    }

    private static func isWord(_ byte: UInt8) -> Bool { isDigit(byte) || isLetter(byte) }

    private static func isPath(_ part: ArraySlice<UInt8>) -> Bool {
        let slash = UInt8(ascii: "/")
        guard let last = part.lastIndex(of: slash), part.count > 1 else { return false }
        return ["/", "./", "../", "~/"].contains { part.starts(with: $0.utf8) } || part.filter { $0 == slash }.count > 1
            || part[last...].contains(UInt8(ascii: ".")) || part.contains(UInt8(ascii: "*"))
    }

    /// `2026-11-23`, `2026-11-23T06:00:00.123Z`, `2026/11/23`, `06:00:00`.
    private static func isTime(_ part: ArraySlice<UInt8>) -> Bool {
        let pattern = part.map { isDigit($0) ? UInt8(ascii: "0") : $0 }
        let text = String(decoding: pattern, as: UTF8.self)
        if text.hasPrefix("0000-00-00") || text.hasPrefix("0000/00/00") {
            let rest = text.dropFirst(10)
            return rest.isEmpty || rest.hasPrefix("T00:00") || rest.hasPrefix("T00")
        }
        return text.hasPrefix("00:00:00") || text == "00:00" || text == "0:00:00"
    }

    private static func isUUID(_ part: ArraySlice<UInt8>) -> Bool {
        let groups = part.split(separator: UInt8(ascii: "-"), omittingEmptySubsequences: false)
        return groups.map(\.count) == [8, 4, 4, 4, 12] && groups.allSatisfy { $0.allSatisfy(isHex) }
    }

    /// `20261123-060000-k3f9`.
    private static func isRunID(_ part: ArraySlice<UInt8>) -> Bool {
        let groups = part.split(separator: UInt8(ascii: "-"), omittingEmptySubsequences: false)
        return groups.map(\.count) == [8, 6, 4] && groups[0].allSatisfy(isDigit) && groups[1].allSatisfy(isDigit)
    }

    /// `12`, `-3`, `1.5`, `12%`, `512MB`, `1e-7`, `+2.0E10`, `1h30m`.
    private static func isNumber(_ part: ArraySlice<UInt8>) -> Bool {
        var rest = part
        if let first = rest.first, "+-".utf8.contains(first) { rest.removeFirst() }
        guard rest.first.map(isDigit) == true else { return false }
        while let first = rest.first {
            if isDigit(first) || first == UInt8(ascii: ".") {
                rest.removeFirst()
                continue
            }
            let word = rest.prefix { !isDigit($0) }
            let unit = String(decoding: word, as: UTF8.self).lowercased()
            rest = rest.dropFirst(word.count)
            let isExponent = ["e", "e-", "e+"].contains(unit) && !rest.isEmpty
            guard isExponent || units.contains(unit) else { return false }
        }
        return true
    }
}
