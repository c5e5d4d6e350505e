import Foundation

/// The part of a secret's base64 or hexadecimal encoding that is independent of the surrounding text.
struct EncodedSecret: Sendable {
    private let text: [UInt8]
    /// Whether uppercase and lowercase digits are equal.
    private let ignoresCase: Bool
    /// How many characters before and after it encode part of the secret.
    private let (before, behind): (Int, Int)

    /// Shorter encoded texts would match by chance.
    private static let (leastBase64, leastHex) = (6, 10)
    /// The line lengths into which programs break base64.
    private static let widths = [64, 76]

    private init(_ text: some Sequence<UInt8>, ignoresCase: Bool = false, before: Int = 0, behind: Int = 0) {
        self.text = Array(text)
        self.ignoresCase = ignoresCase
        (self.before, self.behind) = (before, behind)
    }

    /// The encodings that stay the same wherever the secret is in the encoded text.
    static func forms(of secret: String) -> [EncodedSecret] {
        let bytes = Array(secret.utf8)
        var forms: [EncodedSecret] = []
        for offset in 0..<3 {
            let whole = Array(Data([UInt8](repeating: 0, count: offset) + bytes).base64EncodedString().utf8)
            // The character at each end may hold bits of the surrounding text.
            let first = (offset * 8 + 5) / 6
            let last = (offset + bytes.count) * 8 / 6
            guard last - first >= leastBase64 else { continue }
            let text = whole[first..<last]
            let (before, behind) = (offset == 0 ? 0 : 1, (offset + bytes.count) % 3 == 0 ? 0 : 1)
            let other = text.map {
                $0 == UInt8(ascii: "+") ? UInt8(ascii: "-") : $0 == UInt8(ascii: "/") ? UInt8(ascii: "_") : $0
            }
            forms.append(EncodedSecret(text, before: before, behind: behind))
            if other != Array(text) { forms.append(EncodedSecret(other, before: before, behind: behind)) }
            if offset == 0 {
                for width in widths where whole.count > width {
                    for start in stride(from: 0, to: whole.count, by: width) {
                        let line = whole[start..<min(whole.count, start + width)].filter { $0 != UInt8(ascii: "=") }
                        if line.count >= leastBase64 { forms.append(EncodedSecret(line)) }
                    }
                }
            }
        }
        let digits = bytes.flatMap { byte in Array((byte < 16 ? "0" : "").utf8) + Array(String(byte, radix: 16).utf8) }
        if digits.count >= leastHex { forms.append(EncodedSecret(digits, ignoresCase: true)) }
        return forms
    }

    /// The bytes with which a match may begin.
    var firstBytes: Set<UInt8> { ignoresCase ? [text[0], Self.capital(text[0])] : [text[0]] }

    private static func capital(_ byte: UInt8) -> UInt8 { (0x61...0x7A).contains(byte) ? byte - 0x20 : byte }

    private func agrees(_ a: UInt8, _ b: UInt8) -> Bool {
        a == b || ignoresCase && Self.capital(a) == Self.capital(b)
    }

    /// The range of the secret when its encoded text begins at a place, including the characters that hold part of it.
    func match(_ bytes: UnsafeBufferPointer<UInt8>, at place: Int) -> Range<Int>? {
        guard place + text.count <= bytes.count else { return nil }
        var end = place
        for index in text.indices {
            if ignoresCase, index > 0, index % 2 == 0 { end = Self.afterSeparator(bytes, end) }
            guard end < bytes.count, agrees(bytes[end], text[index]) else { return nil }
            end += 1
        }
        if behind > 0, end < bytes.count, Self.isBase64(bytes[end]) { end += 1 }
        while end < bytes.count, bytes[end] == UInt8(ascii: "="), !ignoresCase { end += 1 }
        let start = before > 0 && place > 0 && Self.isBase64(bytes[place - 1]) ? place - 1 : place
        return start..<end
    }

    /// The index after a separator between the bytes of a hex dump: `73 77`, `73:77`, `0x73, 0x77`.
    private static func afterSeparator(_ bytes: UnsafeBufferPointer<UInt8>, _ start: Int) -> Int {
        var place = start
        while place < min(start + 2, bytes.count), [0x20, 0x2C, 0x2D, 0x3A].contains(bytes[place]) { place += 1 }
        if place + 1 < bytes.count, place > start, bytes[place] == 0x30, bytes[place + 1] | 0x20 == 0x78 { place += 2 }
        return place
    }

    /// Whether the text ends with a prefix of the secret that begins at a place.
    func isCut(_ bytes: UnsafeBufferPointer<UInt8>, at place: Int) -> Bool {
        let count = bytes.count - place
        // A prefix of fewer characters means nothing, and most texts end with one.
        guard count < text.count, count > 2 else { return false }
        return (0..<count).allSatisfy { agrees(bytes[place + $0], text[$0]) }
    }

    private static func isBase64(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2B, 0x2D, 0x2F, 0x5F: true
        default: false
        }
    }
}
