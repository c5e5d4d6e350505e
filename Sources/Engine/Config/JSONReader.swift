import CaudalModel

/// Reads JSON (RFC 8259) into ``ConfigNode``s with their places.
///
/// A reader of YAML takes most of JSON as it is meant, and not all: it knows no pairs of surrogates (`\ud83d\ude00`), folds the
/// line separators of Unicode inside of texts, refuses long keys, and takes what is no JSON.
struct JSONReader {
    private struct Fault: Error {
        var message: String
        var remedy: String?
        var location: SourceLocation
    }

    private let file: String
    private let problems: ConfigProblems
    private let text: [UInt8]
    private var place = 0

    /// How far lines and columns are counted: locations are asked for in order.
    private var counted = (place: 0, line: 1, column: 1)

    init(_ text: String, file: String, _ problems: ConfigProblems) {
        self.file = file
        self.problems = problems
        self.text = Array(text.utf8)
    }

    /// Reads the text as one value; its first fault goes to the problems, and so do keys that are given twice.
    ///
    /// - Returns: nil where the text is no JSON.
    mutating func read() -> ConfigNode? {
        do throws(Fault) {
            let node = try value(depth: 0)
            skipBlanks()
            if next != nil { throw malformed("something stands behind its end", "remove it") }
            return node
        } catch {
            problems.report(error.message, remedy: error.remedy, at: error.location)
            return nil
        }
    }

    // MARK: - Places

    private var next: UInt8? { place < text.count ? text[place] : nil }

    private mutating func skipBlanks() {
        while let byte = next, [0x20, 0x09, 0x0A, 0x0D].contains(byte) { place += 1 }
    }

    /// The location of a place that is not before the last one that was asked for.
    private mutating func location(of place: Int) -> SourceLocation {
        let passed = String(decoding: text[counted.place..<place], as: UTF8.self)
        let lines = passed.unicodeScalars.split(omittingEmptySubsequences: false, whereSeparator: ConfigSource.endsLine)
        if lines.count > 1 { (counted.line, counted.column) = (counted.line + lines.count - 1, 1) }
        counted.column += lines.last.map { String($0).count } ?? 0
        counted.place = place
        return SourceLocation(file: file, line: counted.line, column: counted.column)
    }

    private mutating func malformed(_ message: String, _ remedy: String? = nil) -> Fault {
        Fault(message: "this is not well formed JSON: \(message)", remedy: remedy, location: location(of: place))
    }

    // MARK: - Values

    private mutating func value(depth: Int) throws(Fault) -> ConfigNode {
        skipBlanks()
        let start = location(of: place)
        guard depth < ConfigSource.depthLimit else {
            throw Fault(message: "this is nested deeper than \(ConfigSource.depthLimit) levels", location: start)
        }
        switch next {
        case nil: throw malformed("the file ends where a value was expected")
        case UInt8(ascii: "{"): return ConfigNode(.mapping(try entries(since: start, depth)), at: start)
        case UInt8(ascii: "["): return ConfigNode(.sequence(try elements(since: start, depth)), at: start)
        case UInt8(ascii: "\""):
            // The location of the text, not of the quotation mark before it.
            return ConfigNode(.scalar(try string(), isQuoted: true), at: start.advanced(by: 1))
        case UInt8(ascii: "'"): throw malformed("a text is in double quotes", "write \" in place of '")
        case UInt8(ascii: "#"), UInt8(ascii: "/"):
            throw malformed("JSON has no comments", "put it into a text, such as that of \"$comment\"")
        default: return ConfigNode(.scalar(try word(), isQuoted: false), at: start)
        }
    }

    private mutating func entries(since start: SourceLocation, _ depth: Int) throws(Fault) -> [ConfigNode.Entry] {
        var entries: [ConfigNode.Entry] = []
        var lines: [ExactText: Int] = [:]
        place += 1
        skipBlanks()
        if take("}") { return [] }
        while true {
            skipBlanks()
            guard next == UInt8(ascii: "\"") else {
                throw malformed(
                    "a key in double quotes was expected here",
                    next == UInt8(ascii: "}") ? "remove the ',' behind the last value" : nil)
            }
            let location = location(of: place)
            let key = try string()
            skipBlanks()
            guard take(":") else { throw malformed("a ':' was expected behind the key") }
            let value = try value(depth: depth + 1)
            if let first = lines[ExactText(key)] {
                problems.report(
                    "'\(key)' is given twice; the first is on line \(first)", remedy: "remove one of them", at: location
                )
            } else {
                lines[ExactText(key)] = location.line
                entries.append(ConfigNode.Entry(key: Located(key, at: location), value: value))
            }
            if try ends(with: "}", "an object", "{", start) { return entries }
        }
    }

    private mutating func elements(since start: SourceLocation, _ depth: Int) throws(Fault) -> [ConfigNode] {
        var elements: [ConfigNode] = []
        place += 1
        skipBlanks()
        if take("]") { return [] }
        while true {
            elements.append(try value(depth: depth + 1))
            if try ends(with: "]", "a list", "[", start) { return elements }
        }
    }

    /// Takes the sign behind a value: whether it ends what the value is in.
    private mutating func ends(
        with sign: Unicode.Scalar, _ what: String, _ begin: String, _ start: SourceLocation
    ) throws(Fault) -> Bool {
        skipBlanks()
        if take(sign) { return true }
        if take(",") { return false }
        let fault = malformed("a ',' or '\(sign)' was expected here", "close the '\(begin)'")
        if fault.location.line == start.line { throw fault }
        throw Fault(
            message: "\(fault.message), in \(what) that begins on line \(start.line)", remedy: fault.remedy,
            location: fault.location)
    }

    private mutating func take(_ sign: Unicode.Scalar) -> Bool {
        guard next == UInt8(ascii: sign) else { return false }
        place += 1
        return true
    }

    // Stored, because a regex literal is compiled at each use. It is never changed, and matching does not change it.
    private nonisolated(unsafe) static let number = #/-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?/#

    /// A number, `true`, `false` or `null`, as it is written.
    private mutating func word() throws(Fault) -> String {
        let bytes = text[place...].prefix { !" \t\n\r,:{}[]\"".utf8.contains($0) }
        let word = String(decoding: bytes, as: UTF8.self)
        if word.isEmpty { throw malformed("a value was expected here") }
        guard ["true", "false", "null"].contains(word) || word.wholeMatch(of: Self.number) != nil else {
            throw malformed(
                "'\(word.shortened(to: 40))' is neither a number nor true, false or null", "put a text in double quotes"
            )
        }
        place += bytes.count
        return word
    }

    // MARK: - Texts

    private static let escapes: [UInt8: UInt8] = [
        UInt8(ascii: "\""): UInt8(ascii: "\""), UInt8(ascii: "\\"): UInt8(ascii: "\\"),
        UInt8(ascii: "/"): UInt8(ascii: "/"), UInt8(ascii: "b"): 0x08, UInt8(ascii: "f"): 0x0C,
        UInt8(ascii: "n"): 0x0A, UInt8(ascii: "r"): 0x0D, UInt8(ascii: "t"): 0x09,
    ]

    private mutating func string() throws(Fault) -> String {
        var bytes: [UInt8] = []
        place += 1
        while let byte = next {
            switch byte {
            case UInt8(ascii: "\""):
                place += 1
                return String(decoding: bytes, as: UTF8.self)
            case UInt8(ascii: "\\"): try addEscape(to: &bytes)
            case 0x0A: throw malformed("a text ends on its line", "close it, and write \\n for a line break in it")
            case ..<0x20:
                throw malformed(
                    "a control character is not allowed",
                    "write it as \\u00\(byte < 16 ? "0" : "")\(String(byte, radix: 16))")
            default:
                bytes.append(byte)
                place += 1
            }
        }
        throw malformed("the file ends inside quotation marks", "add the closing one")
    }

    private mutating func addEscape(to bytes: inout [UInt8]) throws(Fault) {
        let sign = place + 1 < text.count ? text[place + 1] : 0
        if let byte = Self.escapes[sign] {
            bytes.append(byte)
            place += 2
            return
        }
        guard let unit = codeUnit(at: place) else {
            throw malformed("no escape begins so", "a backslash in a text is written twice: \\\\")
        }
        if let scalar = Unicode.Scalar(unit) {
            bytes += Array(String(Character(scalar)).utf8)
            place += 6
            return
        }
        // A character beyond the first 65,536 is written as two halves.
        guard UTF16.isLeadSurrogate(UInt16(unit)), let second = codeUnit(at: place + 6),
            UTF16.isTrailSurrogate(UInt16(second)),
            let scalar = Unicode.Scalar(0x10000 + (unit - 0xD800) << 10 + (second - 0xDC00))
        else {
            throw malformed(
                "this is half of a character", "write both halves, such as \\ud83d\\ude00, or the character itself")
        }
        bytes += Array(String(Character(scalar)).utf8)
        place += 12
    }

    /// The number of `\uXXXX` at a place; nil where there is none.
    private func codeUnit(at place: Int) -> UInt32? {
        guard place + 6 <= text.count, text[place] == UInt8(ascii: "\\"), text[place + 1] == UInt8(ascii: "u") else {
            return nil
        }
        let digits = text[(place + 2)..<(place + 6)]
        guard digits.allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit }) else { return nil }
        return UInt32(String(decoding: digits, as: UTF8.self), radix: 16)
    }
}
