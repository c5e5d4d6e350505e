// Imported for `stat`: its members belong to whichever C module is imported first.
import CaudalModel
import CSystem
import Foundation

/// The segments of a run's log.
package enum LogFiles {
    /// A segment: its number, from 1, and its path.
    package struct Segment: Sendable, Hashable {
        package let number: Int
        package let path: String

        /// Whether it is compressed.
        package var isCompressed: Bool { path.hasSuffix(CompressedLog.ending) }

        /// When it was written last, in milliseconds since 1970; nil when that is unknown.
        package var written: Int64? {
            var status = stat()
            guard stat(path, &status) == 0 else { return nil }
            return Int64(status.st_mtim.tv_sec) * 1000 + Int64(status.st_mtim.tv_nsec) / 1_000_000
        }
    }

    /// The path of a segment.
    package static func path(of number: Int, in folder: String) -> String {
        let digits = String(number)
        return folder + "/" + String(repeating: "0", count: max(0, 6 - digits.count)) + digits + ".jsonl"
    }

    /// The existing segments, in order.
    package static func segments(in folder: String) -> [Segment] {
        // A run without a log has no such folder and no segments.
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        var found: [Int: Segment] = [:]
        for name in names {
            let ending = name.hasSuffix(".jsonl") ? ".jsonl" : CompressedLog.ending
            guard name.hasSuffix(ending), let number = Int(name.dropLast(ending.count)) else { continue }
            // A process that died while it compressed a segment may have left both: the first is whole.
            if ending == ".jsonl" || found[number] == nil {
                found[number] = Segment(number: number, path: folder + "/" + name)
            }
        }
        return found.values.sorted { $0.number < $1.number }
    }
}

/// Parses lines of the log.
package enum LogLineParser {
    /// The record of one line, or nil when the line is invalid, such as the torn end of a file.
    package static func record(_ line: UnsafeBufferPointer<UInt8>) -> LogRecord? {
        var reader = JSONObjectReader(line)
        var record = LogRecord(time: 0, level: .info, pipeline: "", run: "", stream: .engine, message: "")
        guard reader.begin() else { return nil }
        while let key = reader.key() {
            switch key {
            case "time": record.time = reader.string().flatMap { time(of: $0) } ?? 0
            case "level": record.level = reader.string().flatMap { LogLevel(named: $0) } ?? .info
            case "pipeline": record.pipeline = reader.string() ?? ""
            case "run": record.run = RunID(reader.string() ?? "")
            case "stage": record.stage = reader.string().map { StageID($0) }
            case "item": record.item = reader.string().map { ItemKey($0) }
            case "attempt": record.attempt = Int(reader.raw())
            case "stream": record.stream = reader.string().flatMap { LogStream(rawValue: $0) } ?? .engine
            case "continues": record.continues = reader.raw() == "true"
            case "message": record.message = reader.string() ?? ""
            case "fields": record.fields = reader.raw()
            default: _ = reader.raw()
            }
        }
        return reader.isWhole ? record : nil
    }

    /// The level and the source of a line, without its text.
    static func head(of line: UnsafeBufferPointer<UInt8>) -> (level: LogLevel, unit: UnitID?)? {
        var reader = JSONObjectReader(line)
        guard reader.begin() else { return nil }
        var level = LogLevel.info
        var stage: StageID?
        var item: ItemKey?
        while let key = reader.key() {
            switch key {
            case "level": level = reader.string().flatMap { LogLevel(named: $0) } ?? .info
            case "stage": stage = reader.string().map { StageID($0) }
            case "item": item = reader.string().map { ItemKey($0) }
            // The writer puts the text after all fields that are read here.
            case "message": return (level, stage.map { UnitID($0, item) })
            default: _ = reader.raw()
            }
        }
        return nil
    }

    /// Milliseconds since 1970 of `2026-11-23T06:00:00.123Z`.
    package static func time(of text: String) -> Int64? {
        let bytes = Array(text.utf8)
        guard bytes.count >= 19, let day = UTC.milliseconds(ofDate: String(decoding: bytes[..<10], as: UTF8.self))
        else { return nil }
        func number(_ range: Range<Int>) -> Int64? { Int64(String(decoding: bytes[range], as: UTF8.self)) }
        guard let hour = number(11..<13), let minute = number(14..<16), let second = number(17..<19) else { return nil }
        let fraction = bytes.count >= 23 ? number(20..<23) ?? 0 : 0
        return day + hour * 3_600_000 + minute * 60_000 + second * 1000 + fraction
    }
}

/// Steps through one flat JSON object and allocates only what is asked for.
struct JSONObjectReader {
    private let bytes: UnsafeBufferPointer<UInt8>
    private var index = 0
    /// Whether the object was complete.
    private(set) var isWhole = false

    init(_ bytes: UnsafeBufferPointer<UInt8>) { self.bytes = bytes }

    private mutating func skipBlanks() {
        while index < bytes.count, bytes[index] == 0x20 || bytes[index] == 0x0A || bytes[index] == 0x0D { index += 1 }
    }

    private mutating func take(_ character: Character) -> Bool {
        skipBlanks()
        guard index < bytes.count, bytes[index] == character.asciiValue else { return false }
        index += 1
        return true
    }

    mutating func begin() -> Bool { take("{") }

    /// The next key, or nil at the end.
    mutating func key() -> String? {
        if take("}") {
            isWhole = true
            return nil
        }
        _ = take(",")
        guard let key = string(), take(":") else { return nil }
        return key
    }

    /// Whether the next value is a string.
    var isAtText: Bool {
        mutating get {
            skipBlanks()
            return index < bytes.count && bytes[index] == UInt8(ascii: "\"")
        }
    }

    /// The next value as text, when it is a string.
    mutating func string() -> String? {
        guard take("\"") else {
            _ = raw()
            return nil
        }
        let start = index
        var hasEscapes = false
        while index < bytes.count, bytes[index] != UInt8(ascii: "\"") {
            if bytes[index] == UInt8(ascii: "\\") {
                hasEscapes = true
                index += 1
            }
            index += 1
        }
        guard index < bytes.count else {
            // A torn line may end after a backslash.
            index = bytes.count
            return nil
        }
        let content = UnsafeBufferPointer(rebasing: bytes[start..<index])
        index += 1
        return hasEscapes
            ? String(decoding: Self.unescaped(content), as: UTF8.self) : String(decoding: content, as: UTF8.self)
    }

    /// The bytes that the content of a JSON string stands for.
    static func unescaped(_ content: UnsafeBufferPointer<UInt8>) -> [UInt8] {
        var text: [UInt8] = []
        text.reserveCapacity(content.count)
        var index = 0
        while index < content.count {
            guard content[index] == UInt8(ascii: "\\"), index + 1 < content.count else {
                text.append(content[index])
                index += 1
                continue
            }
            index += 2
            switch content[index - 1] {
            case UInt8(ascii: "n"): text.append(0x0A)
            case UInt8(ascii: "t"): text.append(0x09)
            case UInt8(ascii: "r"): text.append(0x0D)
            case UInt8(ascii: "b"): text.append(0x08)
            case UInt8(ascii: "f"): text.append(0x0C)
            case UInt8(ascii: "u"):
                let digits = String(decoding: content[index..<min(index + 4, content.count)], as: UTF8.self)
                index += 4
                var code = UInt32(digits, radix: 16) ?? 0xFFFD
                // Programs write characters beyond the first plane as two escapes.
                if (0xD800...0xDBFF).contains(code), index + 6 <= content.count, content[index] == UInt8(ascii: "\\"),
                    content[index + 1] == UInt8(ascii: "u"),
                    let low = UInt32(String(decoding: content[(index + 2)..<(index + 6)], as: UTF8.self), radix: 16),
                    (0xDC00...0xDFFF).contains(low)
                {
                    code = 0x10000 + (code - 0xD800) << 10 + (low - 0xDC00)
                    index += 6
                }
                // The byte that was no UTF-8 is restored; logs of earlier versions have unpaired surrogates there.
                if (0x10FF80...0x10FFFF).contains(code) || (0xDC80...0xDCFF).contains(code) {
                    text.append(UInt8(code & 0xFF))
                } else {
                    text += Array(String(Unicode.Scalar(code) ?? "\u{fffd}").utf8)
                }
            case let other: text.append(other)
            }
        }
        return text
    }

    /// The next value as JSON text: a number, a literal name, an array or an object.
    mutating func raw() -> String {
        skipBlanks()
        let start = index
        var depth = 0
        var isText = false
        while index < bytes.count {
            let byte = bytes[index]
            if isText {
                if byte == UInt8(ascii: "\\") { index += 1 } else if byte == UInt8(ascii: "\"") { isText = false }
            } else if byte == UInt8(ascii: "\"") {
                isText = true
            } else if byte == UInt8(ascii: "{") || byte == UInt8(ascii: "[") {
                depth += 1
            } else if byte == UInt8(ascii: "}") || byte == UInt8(ascii: "]") {
                if depth == 0 { break }
                depth -= 1
            } else if byte == UInt8(ascii: ","), depth == 0 {
                break
            }
            index += 1
        }
        index = min(index, bytes.count)
        return String(decoding: bytes[start..<index], as: UTF8.self)
    }
}
