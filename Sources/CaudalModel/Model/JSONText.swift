import Foundation

/// JSON as text: of whole values by an encoder, and piece by piece where that would cost more than the rest of the work.
package enum JSONText {
    /// A value on one line; equal values have equal texts.
    ///
    /// Numbers that JSON does not have are texts: `inf`, `-inf` and `nan`.
    package static func encoded(_ value: some Encodable) -> String { text(of: value, []) }

    /// A value on many lines, each with a line end, so that two texts can be compared line by line.
    package static func formatted(_ value: some Encodable) -> String { text(of: value, .prettyPrinted) + "\n" }

    private static func text(of value: some Encodable, _ format: JSONEncoder.OutputFormatting) -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = format.union([.sortedKeys, .withoutEscapingSlashes])
        encoder.nonConformingFloatEncodingStrategy = .convertToString(
            positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
        guard let data = try? encoder.encode(value) else {
            preconditionFailure("only texts, numbers, lists and objects of them are encoded, and not \(value)")
        }
        return String(decoding: data, as: UTF8.self)
    }

    /// A text as a JSON string, quotation marks included.
    package static func quoted(_ text: String) -> String {
        var bytes: [UInt8] = []
        append(text, to: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Appends a text as a JSON string.
    package static func append(_ text: String, to bytes: inout [UInt8]) {
        var text = text
        text.withUTF8 { append($0, to: &bytes) }
    }

    /// Appends bytes as a JSON string.
    ///
    /// Bytes that are not UTF-8 are kept as escaped characters for private use (`\udbff\udf80`–`\udbff\udfff`, which are
    /// U+10FF80–U+10FFFF), so that a program's exact output can be restored and every reader of JSON takes the text.
    /// The same characters in a program's output are not escaped.
    package static func append(_ text: UnsafeBufferPointer<UInt8>, to bytes: inout [UInt8]) {
        bytes.reserveCapacity(bytes.count + text.count + 2)
        bytes.append(quote)
        var start = 0
        var index = 0
        while index < text.count {
            let byte = text[index]
            if byte >= 0x20, byte < 0x7F, byte != quote, byte != backslash {
                index += 1
                continue
            }
            let length = byte < 0x80 ? 0 : sequenceLength(text, at: index)
            if length > 0 {
                index += length
                continue
            }
            bytes.append(contentsOf: text[start..<index])
            escape(byte, to: &bytes)
            index += 1
            start = index
        }
        bytes.append(contentsOf: text[start..<text.count])
        bytes.append(quote)
    }

    private static let quote = UInt8(ascii: "\"")
    private static let backslash = UInt8(ascii: "\\")
    private static let beginOfControl = Array(#"\u00"#.utf8)
    private static let beginOfByte = Array(#"\udbff\udf"#.utf8)
    private static let hex = Array("0123456789abcdef".utf8)

    private static func escape(_ byte: UInt8, to bytes: inout [UInt8]) {
        switch byte {
        case quote, backslash: bytes += [backslash, byte]
        case UInt8(ascii: "\n"): bytes += [backslash, UInt8(ascii: "n")]
        case UInt8(ascii: "\t"): bytes += [backslash, UInt8(ascii: "t")]
        case UInt8(ascii: "\r"): bytes += [backslash, UInt8(ascii: "r")]
        default:
            bytes += byte < 0x80 ? beginOfControl : beginOfByte
            bytes += [hex[Int(byte >> 4)], hex[Int(byte & 15)]]
        }
    }

    /// The length of the well-formed UTF-8 sequence at `index`, or 0 when there is none.
    private static func sequenceLength(_ text: UnsafeBufferPointer<UInt8>, at index: Int) -> Int {
        func isContinuation(_ offset: Int, _ range: ClosedRange<UInt8> = 0x80...0xBF) -> Bool {
            index + offset < text.count && range.contains(text[index + offset])
        }
        switch text[index] {
        case 0xC2...0xDF: return isContinuation(1) ? 2 : 0
        case 0xE0: return isContinuation(1, 0xA0...0xBF) && isContinuation(2) ? 3 : 0
        case 0xED: return isContinuation(1, 0x80...0x9F) && isContinuation(2) ? 3 : 0
        case 0xE1...0xEF: return isContinuation(1) && isContinuation(2) ? 3 : 0
        case 0xF0: return isContinuation(1, 0x90...0xBF) && isContinuation(2) && isContinuation(3) ? 4 : 0
        case 0xF1...0xF3: return isContinuation(1) && isContinuation(2) && isContinuation(3) ? 4 : 0
        case 0xF4: return isContinuation(1, 0x80...0x8F) && isContinuation(2) && isContinuation(3) ? 4 : 0
        default: return 0
        }
    }
}
