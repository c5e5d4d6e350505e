import CaudalModel
import Foundation

/// Reads XML as a stream of tags and texts: as much of XML as the files inside of an Excel file have.
struct XMLReader {
    enum Token { case start, end, text }

    private let fill: () throws(Failure) -> [UInt8]
    /// What is read, in messages.
    private let subject: String
    private var buffer: [UInt8] = []
    private var place = 0
    private var isAtEnd = false
    /// Whether the tag that was read last ends by itself.
    private var closesItself = false
    /// The name of the tag that was read last, without a prefix.
    private(set) var name = ""
    /// Where in the buffer its attributes, or the text, stand.
    private var content = 0..<0
    /// Whether the text stands there as it is, without signs that are written in another way.
    private var isPlain = false

    /// The limit of a tag or a text, in bytes: cells hold at most 32,767 characters.
    private static let longest = 1 << 24

    init(_ subject: String, _ fill: @escaping () throws(Failure) -> [UInt8]) {
        self.subject = subject
        self.fill = fill
    }

    /// The next tag or text; nil at the end.
    ///
    /// - Throws: ``Failure`` when it is no XML, or declares a document type.
    mutating func next() throws(Failure) -> Token? {
        if closesItself {
            closesItself = false
            return .end
        }
        while true {
            if place > 1 << 16 {
                buffer.removeFirst(place)
                place = 0
            }
            guard let open = try find(UInt8(ascii: "<"), from: place) else {
                let rest = buffer[place...]
                place = buffer.count
                if rest.contains(where: { !" \n\r\t".utf8.contains($0) }) { throw fault("it is cut off") }
                return nil
            }
            if open > place {
                (content, isPlain) = (place..<open, false)
                place = open
                return .text
            }
            try need(open + 3)
            switch buffer[open + 1] {
            case UInt8(ascii: "?"):
                place = try end(of: "?>", from: open)
            case UInt8(ascii: "!"):
                try need(open + 9)
                if buffer[open...].starts(with: Array("<!--".utf8)) {
                    place = try end(of: "-->", from: open)
                } else if buffer[open...].starts(with: Array("<![CDATA[".utf8)) {
                    place = try end(of: "]]>", from: open + 9)
                    (content, isPlain) = (open + 9..<place - 3, true)
                    return .text
                } else {
                    throw fault("it declares a document type")
                }
            case UInt8(ascii: "/"):
                let close = try tagEnd(from: open)
                setName(open + 2, close)
                place = close + 1
                return .end
            default:
                let close = try tagEnd(from: open)
                closesItself = buffer[close - 1] == UInt8(ascii: "/")
                let last = closesItself ? close - 1 : close
                content = setName(open + 1, last)..<last
                place = close + 1
                return .start
            }
        }
    }

    /// An attribute of the tag that was read last, by its name without a prefix; nil when it has none.
    ///
    /// - Throws: ``Failure`` for a value that is no text.
    func attribute(_ wanted: String) throws(Failure) -> String? {
        var place = content.lowerBound
        let end = content.upperBound
        func pass(while holds: (UInt8) -> Bool) { while place < end, holds(buffer[place]) { place += 1 } }
        while true {
            pass(while: Self.isBlank)
            if place == end { return nil }
            let start = place
            pass { $0 != UInt8(ascii: "=") && !Self.isBlank($0) }
            let name = start..<place
            pass(while: Self.isBlank)
            if place == end { return nil }
            place += 1
            pass(while: Self.isBlank)
            guard place < end, case let quote = buffer[place], quote == UInt8(ascii: "\"") || quote == UInt8(ascii: "'")
            else { throw fault("it has an attribute without quotation marks") }
            place += 1
            let value = place
            pass { $0 != quote }
            guard place < end else { throw fault("it has an attribute without quotation marks") }
            if isCalled(wanted, name) { return try text(of: buffer[value..<place]) }
            place += 1
        }
    }

    /// Whether a name in the buffer is the wanted one, behind its prefix.
    private func isCalled(_ wanted: String, _ name: Range<Int>) -> Bool {
        let start = name.upperBound - wanted.utf8.count
        guard start == name.lowerBound || start > name.lowerBound && buffer[start - 1] == UInt8(ascii: ":") else {
            return false
        }
        return buffer[start..<name.upperBound].elementsEqual(wanted.utf8)
    }

    /// The text that was read last.
    ///
    /// - Throws: ``Failure`` when it is no text.
    func text() throws(Failure) -> String { try text(of: buffer[content], isPlain: isPlain) }

    private func text(of bytes: ArraySlice<UInt8>, isPlain: Bool = false) throws(Failure) -> String {
        guard let raw = String(validating: bytes, as: UTF8.self) else { throw fault("it is not UTF-8") }
        let plain = raw.utf8.contains(13) ? raw.replacing("\r\n", with: "\n").replacing(scalar: "\r", with: "\n") : raw
        guard !isPlain, plain.utf8.contains(UInt8(ascii: "&")) else { return plain }
        var (text, rest) = ("", plain[...])
        while let start = rest.firstIndex(of: "&") {
            text += rest[..<start]
            guard let end = rest[start...].firstIndex(of: ";"), let sign = Self.sign(rest[start..<end].dropFirst())
            else { throw fault("it has a '&' that means nothing") }
            text.unicodeScalars.append(sign)
            rest = rest[rest.index(after: end)...]
        }
        return text + rest
    }

    private static func sign(_ name: Substring) -> Unicode.Scalar? {
        switch name {
        case "lt": "<"
        case "gt": ">"
        case "amp": "&"
        case "quot": "\""
        case "apos": "'"
        case _ where name.hasPrefix("#x"): UInt32(name.dropFirst(2), radix: 16).flatMap(Unicode.Scalar.init)
        case _ where name.hasPrefix("#"): UInt32(name.dropFirst()).flatMap(Unicode.Scalar.init)
        default: nil
        }
    }

    // MARK: - Bytes

    private static func isBlank(_ byte: UInt8) -> Bool { byte == 32 || (9...13).contains(byte) }

    private func fault(_ what: String) -> Failure {
        Failure("\(subject) cannot be read: \(what)", remedy: "open the file in Excel and save it again")
    }

    /// Reads more; false at the end.
    private mutating func more() throws(Failure) -> Bool {
        if isAtEnd { return false }
        if buffer.count - place > Self.longest { throw fault("it has a text of more than 16 MB") }
        let piece = try fill()
        isAtEnd = piece.isEmpty
        buffer += piece
        return !isAtEnd
    }

    private mutating func need(_ count: Int) throws(Failure) {
        while buffer.count < count { if try !more() { throw fault("it is cut off") } }
    }

    private mutating func find(_ byte: UInt8, from start: Int) throws(Failure) -> Int? {
        var from = start
        while true {
            let found = buffer.withUnsafeBytes { bytes -> Int? in
                guard let base = bytes.baseAddress, from < bytes.count,
                    let hit = memchr(base + from, Int32(byte), bytes.count - from)
                else { return nil }
                return base.distance(to: UnsafeRawPointer(hit))
            }
            if let found { return found }
            from = max(from, buffer.count)
            if try !more() { return nil }
        }
    }

    private mutating func end(of mark: String, from start: Int) throws(Failure) -> Int {
        let bytes = Array(mark.utf8)
        var from = start
        while let last = try find(UInt8(ascii: ">"), from: from) {
            if buffer[..<(last + 1)].suffix(bytes.count).elementsEqual(bytes) { return last + 1 }
            from = last + 1
        }
        throw fault("it is cut off")
    }

    /// The end of a tag: a `>` in quotation marks is none.
    private mutating func tagEnd(from start: Int) throws(Failure) -> Int {
        var from = start
        while let close = try find(UInt8(ascii: ">"), from: from) {
            var quote: UInt8?
            for byte in buffer[start..<close] {
                if byte == quote {
                    quote = nil
                } else if quote == nil, byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "'") {
                    quote = byte
                }
            }
            if quote == nil { return close }
            from = close + 1
        }
        throw fault("it is cut off")
    }

    /// Takes the name that begins at a place, and tells where it ends.
    @discardableResult
    private mutating func setName(_ start: Int, _ last: Int) -> Int {
        let whole = buffer[start..<last].prefix { !Self.isBlank($0) }
        let local = whole.lastIndex(of: UInt8(ascii: ":")).map { whole[($0 + 1)...] } ?? whole
        name = String(decoding: local, as: UTF8.self)
        return whole.endIndex
    }
}
