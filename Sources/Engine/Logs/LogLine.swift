package import CaudalModel
import CSystem
import Foundation

/// Where a line of the log comes from: what the writer puts between its level and its text.
package final class LogSource: Sendable {
    package let pipeline: String
    package let run: RunID
    package let stage: StageID?
    package let item: ItemKey?
    package let attempt: Int?
    package let stream: LogStream
    /// Whether its lines continue the record of the line before them.
    package let continues: Bool

    init(_ record: LogRecord) {
        pipeline = record.pipeline
        run = record.run
        stage = record.stage
        item = record.item
        attempt = record.attempt
        stream = record.stream
        continues = record.continues
    }

    /// The stage, item and attempt: `clean[north]#2`; the attempt only from the second on.
    package var name: String { LogRecord.nameOfSource(stage, item, attempt) }

    /// Whether both are the same source; one of them may continue records of the other.
    func isSame(as other: LogSource) -> Bool {
        (stage, item, attempt, stream) == (other.stage, other.item, other.attempt, other.stream)
    }
}

/// A line of the log as it is stored: its parts are found without decoding it.
///
/// It is valid as long as the block that it is a part of.
package struct LogLine {
    /// The line, without its line feed.
    package let bytes: UnsafeBufferPointer<UInt8>
    package let level: LogLevel
    package let source: LogSource
    /// A number for the source that is the same for all its lines of one block.
    package let sourceNumber: Int
    /// The text between its quotation marks, as JSON.
    package let text: UnsafeBufferPointer<UInt8>
    /// The position of the line in its segment.
    package let offset: Int

    /// `2026-11-23T06:00:00.123Z`.
    package var time: UnsafeBufferPointer<UInt8> { UnsafeBufferPointer(rebasing: bytes[9..<33]) }

    /// The digits of the time as one number, which sorts as the time does.
    package var timeKey: UInt64 { LogTime.key(time) }

    /// Whether the text has escapes.
    package var hasEscapes: Bool {
        guard let base = text.baseAddress else { return false }
        return memchr(base, Int32(UInt8(ascii: "\\")), text.count) != nil
    }

    /// The text, without escapes.
    package var message: String {
        hasEscapes
            ? String(decoding: JSONObjectReader.unescaped(text), as: UTF8.self) : String(decoding: text, as: UTF8.self)
    }

    /// The line up to its text, with the quotation mark behind it.
    package var head: UnsafeBufferPointer<UInt8> {
        guard let base = bytes.baseAddress, let start = text.baseAddress else { return bytes }
        return UnsafeBufferPointer(rebasing: bytes[..<(start - base + text.count + 1)])
    }

    /// The JSON object that the program printed; empty for a line of text.
    package var fields: UnsafeBufferPointer<UInt8> {
        let rest = UnsafeBufferPointer(rebasing: bytes[head.count...])
        let mark = Self.fieldsMark
        guard rest.count > mark.count + 1, rest.starts(with: mark) else {
            return UnsafeBufferPointer(rebasing: bytes[..<0])
        }
        return UnsafeBufferPointer(rebasing: rest[mark.count..<(rest.count - 1)])
    }

    private static let fieldsMark = Array(#","fields":"#.utf8)
}

/// Times of the log as numbers that sort as they do.
package enum LogTime {
    /// The digits of `2026-11-23T06:00:00.123Z` as one number.
    package static func key(_ text: UnsafeBufferPointer<UInt8>) -> UInt64 {
        var key: UInt64 = 0
        for byte in text {
            let digit = byte &- 0x30
            if digit < 10 { key = key &* 10 &+ UInt64(digit) }
        }
        return key
    }

    /// The key of the time of a line; of what is no line, that of no time.
    static func key(ofLine line: UnsafeBufferPointer<UInt8>) -> UInt64 {
        let start = LogLineReader.head.count
        return line.count < start + 24 ? 0 : key(UnsafeBufferPointer(rebasing: line[start..<(start + 24)]))
    }

    /// The key of a count of milliseconds since 1970; times before the year 0 or after 9999 are the least and the greatest.
    package static func key(_ milliseconds: Int64) -> UInt64 {
        let f = UTC.fields(max(-62_167_219_200_000, min(milliseconds, 253_402_300_799_999)))
        var key = UInt64(f.year)
        for part in [f.month, f.day, f.hour, f.minute, f.second] { key = key * 100 + UInt64(part) }
        return key * 1000 + UInt64(f.millisecond)
    }
}

/// Finds the parts of lines, and remembers the sources that it has met.
package struct LogLineReader {
    private struct Known {
        let middle: [UInt8]
        let source: LogSource
    }

    private var known: [Known] = []
    private var numbers: [[UInt8]: Int] = [:]
    private var last = 0

    package init() {}

    static let head = Array(#"{"time":""#.utf8)
    static let levelMark = Array(#"","level":""#.utf8)
    private static let pipelineMark = Array(#"","pipeline":""#.utf8)
    static let textMark = Array(#","message":""#.utf8)
    static let levelOffset = head.count + 24 + levelMark.count

    /// The level of a line whose beginning is whole; nil for anything else.
    @inline(__always)
    static func level(_ line: UnsafeBufferPointer<UInt8>) -> (level: LogLevel, end: Int)? {
        guard line.count > levelOffset + 24, let base = line.baseAddress, base[0] == UInt8(ascii: "{"),
            memcmp(base + 33, "\",\"level\":\"", 11) == 0
        else { return nil }
        let (level, end): (LogLevel, Int)
        switch base[levelOffset] {
        case UInt8(ascii: "i"): (level, end) = (.info, levelOffset + 4)
        case UInt8(ascii: "w"): (level, end) = (.warn, levelOffset + 4)
        case UInt8(ascii: "e"): (level, end) = (.error, levelOffset + 5)
        case UInt8(ascii: "d"): (level, end) = (.debug, levelOffset + 5)
        default: return nil
        }
        return base[end] == UInt8(ascii: "\"") ? (level, end) : nil
    }

    /// The parts of a line; nil when it is not a whole line of a log.
    package mutating func line(_ bytes: UnsafeBufferPointer<UInt8>, at offset: Int) -> LogLine? {
        guard let (level, end) = Self.level(bytes), let base = bytes.baseAddress,
            bytes[bytes.count - 1] == UInt8(ascii: "}"), memcmp(base, "{\"time\":\"", 9) == 0
        else { return nil }
        guard let number = source(of: bytes, from: end) else { return nil }
        let start = end + known[number].middle.count
        guard let stop = textEnd(bytes, from: start) else { return nil }
        return LogLine(
            bytes: bytes, level: level, source: known[number].source, sourceNumber: number,
            text: UnsafeBufferPointer(rebasing: bytes[start..<stop]), offset: offset)
    }

    /// Finds what is between level and text among the known sources, or reads it.
    private mutating func source(of bytes: UnsafeBufferPointer<UInt8>, from start: Int) -> Int? {
        if last < known.count, Self.follows(bytes, start, known[last].middle) { return last }
        // Streams of one stage come in turn: to compare with a few is faster than to find the end and the hash.
        for number in known.indices.prefix(6) where Self.follows(bytes, start, known[number].middle) {
            last = number
            return number
        }
        let rest = UnsafeBufferPointer(rebasing: bytes[start...])
        guard let mark = Self.place(of: Self.textMark, in: rest) else { return nil }
        let middle = Array(rest[..<(mark + Self.textMark.count)])
        if let number = numbers[middle] {
            last = number
            return number
        }
        // A whole line with an empty text has the same source.
        let whole = Array(#"{"time":"2000-01-01T00:00:00.000Z","level":"info"#.utf8) + middle + Array("\"}".utf8)
        guard let record = whole.withUnsafeBufferPointer({ LogLineParser.record($0) }),
            rest.starts(with: Self.pipelineMark)
        else { return nil }
        known.append(Known(middle: middle, source: LogSource(record)))
        last = known.count - 1
        numbers[middle] = last
        return last
    }

    private static func follows(_ bytes: UnsafeBufferPointer<UInt8>, _ start: Int, _ text: [UInt8]) -> Bool {
        guard bytes.count - start >= text.count, let base = bytes.baseAddress else { return false }
        return text.withUnsafeBytes { text in
            text.baseAddress.map { memcmp(base + start, $0, text.count) == 0 } ?? true
        }
    }

    static func place(of text: [UInt8], in bytes: UnsafeBufferPointer<UInt8>) -> Int? {
        guard let base = bytes.baseAddress else { return nil }
        return text.withUnsafeBytes { text in
            let place = cs_place(base, bytes.count, text.baseAddress, text.count)
            return place < 0 ? nil : place
        }
    }

    /// The position of the quotation mark that ends the text.
    private func textEnd(_ bytes: UnsafeBufferPointer<UInt8>, from start: Int) -> Int? {
        guard let base = bytes.baseAddress else { return nil }
        // Without fields the line ends behind the text; fields are an object, whose brace precedes that of the line.
        if bytes[bytes.count - 2] == UInt8(ascii: "\""), bytes.count - 2 >= start { return bytes.count - 2 }
        var place = start
        while place < bytes.count,
            let found = memchr(base + place, Int32(UInt8(ascii: "\"")), bytes.count - place)
        {
            let end = UnsafeRawPointer(found) - UnsafeRawPointer(base)
            var slashes = 0
            while end - slashes > start, base[end - slashes - 1] == UInt8(ascii: "\\") { slashes += 1 }
            if slashes % 2 == 0 { return end }
            place = end + 1
        }
        return nil
    }
}
