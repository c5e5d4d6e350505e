package import CaudalModel
import Foundation
import Synchronization

/// Writes a run's log: JSON lines in append-only segments, all sources in one stream.
///
/// Callers format lines with a ``LogChannel`` and append whole blocks; a block is one write. A program's output is
/// therefore on its way to the disk before more of it is read, and `kill -9` loses nothing that was read.
package final class LogWriter: Sendable {
    /// A segment is closed when it has reached this size in bytes.
    package static let segmentLimit = 64 << 20

    private struct Segment {
        var descriptor: Int32 = -1
        var number = 0
        var size = 0
        /// The bytes of all segments, and those printed by each stage with its own limit.
        var total = 0
        var stages: [StageID: Int] = [:]
        /// Why the log can no longer be written; only the first failure is kept.
        var failure: Failure?
    }

    private let folder: String
    private let limits: LogLimits
    private let segment: Mutex<Segment>
    private let onFailure: @Sendable (Failure) -> Void

    /// A writer that appends after the existing segments.
    ///
    /// - Parameter onFailure: Called once, when a block cannot be written; later blocks are dropped.
    /// - Throws: ``Failure`` when the folder or a segment cannot be created.
    package init(
        folder: String, limits: LogLimits = LogLimits(), onFailure: @escaping @Sendable (Failure) -> Void
    ) throws(Failure) {
        self.folder = folder
        self.limits = limits
        self.onFailure = onFailure
        var first = Segment()
        let there = LogFiles.segments(in: folder)
        first.number = there.last?.number ?? 0
        first.total = there.reduce(0) { $0 + Int(FileText.size($1.path) ?? 0) }
        segment = Mutex(first)
        try segment.withLock { segment throws(Failure) in try Self.open(&segment, folder) }
    }

    deinit {
        let descriptor = segment.withLock { $0.descriptor }
        if descriptor >= 0 { close(descriptor) }
    }

    private static func open(_ segment: inout Segment, _ folder: String) throws(Failure) {
        if segment.descriptor >= 0 { close(segment.descriptor) }
        segment.number += 1
        let path = LogFiles.path(of: segment.number, in: folder)
        segment.descriptor = Foundation.open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        segment.size = 0
        if segment.descriptor < 0 {
            throw Failure("the log \(path) cannot be written", errno: errno)
        }
    }

    /// Appends whole lines.
    package func append(_ block: [UInt8]) {
        guard !block.isEmpty else { return }
        report(segment.withLock { write(block, &$0) })
    }

    /// Appends whole lines of a program's output, or holds them until its attempt ends where there is no room.
    ///
    /// - Returns: Whether these are the first that are held.
    func append(_ block: [UInt8], of share: LogShare) -> Bool {
        guard !block.isEmpty else { return false }
        let isWritten = segment.withLock { segment -> Bool in
            guard let own = share.own,
                LogLimits.hasRoom(block.count, own: own, total: segment.total, limit: limits.run)
            else { return false }
            if let limit = limits.stages[share.stage] {
                let total = segment.stages[share.stage, default: 0]
                guard LogLimits.hasRoom(block.count, own: own, total: total, limit: limit) else { return false }
                segment.stages[share.stage] = total + block.count
            }
            report(write(block, &segment))
            share.wrote(block.count)
            return true
        }
        return isWritten ? false : share.keep(block, capacity: limits.capacity(of: share.stage))
    }

    /// Returns the held lines of an attempt as far as there is room, and what was omitted.
    func finish(_ share: LogShare) -> (lines: [UInt8], left: LogShare.OmittedLines) {
        let room = segment.withLock { segment in
            let own = limits.stages[share.stage].map { $0 - segment.stages[share.stage, default: 0] } ?? .max
            return max(16 << 10, min(limits.run - segment.total, own) / 2)
        }
        return share.finish(room: room)
    }

    private func write(_ block: [UInt8], _ segment: inout Segment) -> Failure? {
        guard segment.failure == nil else { return nil }
        do throws(Failure) {
            if segment.size >= Self.segmentLimit { try Self.open(&segment, folder) }
            try Self.write(block, to: segment.descriptor, in: folder)
            segment.size += block.count
            segment.total += block.count
            return nil
        } catch {
            segment.failure = error
            return error
        }
    }

    private func report(_ failure: Failure?) { if let failure { onFailure(failure) } }

    private static func write(_ block: [UInt8], to descriptor: Int32, in folder: String) throws(Failure) {
        let error = block.withUnsafeBytes { FileText.write($0, to: descriptor) }
        if error != 0 {
            throw Failure(
                "the log in \(folder) cannot be written", errno: error,
                remedy: error == ENOSPC ? "free some space, then continue with 'caudal resume'" : nil)
        }
    }
}

/// Formats the lines of one source for the log: one stream of one attempt, or the engine.
///
/// The part that is the same for all of its lines is formatted once.
package struct LogChannel: Sendable {
    private let middle: [UInt8]
    /// The same for lines that continue a record.
    private let continuing: [UInt8]
    private let source: LogRecord

    /// A line that also becomes a row of the run store.
    package struct Remark: Sendable, Hashable {
        package var time: Int64
        package var level: LogLevel
        package var unit: UnitID?
        package var attempt: Int?
        package var stream: LogStream
        package var message: String
    }

    package init(
        pipeline: String, run: RunID, unit: UnitID? = nil, attempt: Int? = nil, stream: LogStream
    ) {
        source = LogRecord(
            time: 0, level: .info, pipeline: pipeline, run: run, stage: unit?.stage, item: unit?.item, attempt: attempt,
            stream: stream, message: "")
        var text = "\",\"pipeline\":\(JSONText.quoted(pipeline)),\"run\":\(JSONText.quoted(run.rawValue))"
        if let unit {
            text += ",\"stage\":\(JSONText.quoted(unit.stage.rawValue))"
            if let item = unit.item { text += ",\"item\":\(JSONText.quoted(item.rawValue))" }
        }
        if let attempt { text += ",\"attempt\":\(attempt)" }
        text += ",\"stream\":\"\(stream.rawValue)\""
        middle = Array((text + ",\"message\":").utf8)
        continuing = Array((text + ",\"continues\":true,\"message\":").utf8)
    }

    /// A time as lines begin with it, written once for all lines that come together.
    struct Stamp: Sendable {
        let time: Int64
        fileprivate let text: [UInt8]

        init(_ time: Int64) {
            self.time = time
            text = Array("{\"time\":\"\(UTC.iso(time))\",\"level\":\"".utf8)
        }
    }

    /// Appends one line to a block.
    ///
    /// - Parameters:
    ///   - time: Milliseconds since 1970.
    ///   - level: The line's level; nil takes the level that the line states, or info.
    /// - Returns: The line as a remark when its level is warn or above.
    @discardableResult
    package func append(
        _ line: UnsafeBufferPointer<UInt8>, time: Int64, level: LogLevel? = nil, to block: inout [UInt8]
    ) -> Remark? {
        var records = LogRecordReader()
        return append(line, Stamp(time), level: level, &records, to: &block)
    }

    /// Appends one line to a block.
    ///
    /// - Parameter records: What is known of the lines before.
    /// - Returns: The line as a remark when its level is warn or above, and it begins a record.
    @discardableResult
    func append(
        _ line: UnsafeBufferPointer<UInt8>, _ stamp: Stamp, level given: LogLevel?, _ records: inout LogRecordReader,
        to block: inout [UInt8]
    ) -> Remark? {
        let isObject = line.first == UInt8(ascii: "{")
        let json = isObject && line.last == UInt8(ascii: "}") ? JSONLogLine(line) : nil
        let level: LogLevel
        var continues = false
        if let known = given ?? json?.level ?? (isObject && json == nil ? JSONLogLine.level(ofPart: line) : nil) {
            records.interrupt()
            level = known
        } else {
            (level, continues) = records.judge(line)
        }
        block.append(contentsOf: stamp.text)
        block.append(contentsOf: level.name.utf8)
        block.append(contentsOf: continues ? continuing : middle)
        if let json {
            JSONText.append(json.message, to: &block)
            block.append(contentsOf: #","fields":"#.utf8)
            block.append(contentsOf: line)
        } else {
            JSONText.append(line, to: &block)
        }
        block.append(contentsOf: "}\n".utf8)
        guard level >= .warn, !continues else { return nil }
        return Remark(
            time: stamp.time, level: level, unit: source.stage.map { UnitID($0, source.item) }, attempt: source.attempt,
            stream: source.stream,
            message: Self.excerpt(json?.message ?? String(decoding: line, as: UTF8.self)))
    }

    /// The maximum length of a remark in the run store; the log has the whole line.
    static let remarkLimit = 4000

    private static func excerpt(_ text: String) -> String {
        text.utf8.count > remarkLimit ? text.shortened(to: remarkLimit) : text
    }

    /// Appends one line of text to a block.
    @discardableResult
    package func append(_ message: String, time: Int64, level: LogLevel, to block: inout [UInt8]) -> Remark? {
        var message = message
        return message.withUTF8 { append($0, time: time, level: level, to: &block) }
    }
}

/// A line that is itself a JSON object, as many programs log.
struct JSONLogLine {
    let level: LogLevel?
    let message: String

    /// Parses the line; nil when it is no JSON object.
    init?(_ line: UnsafeBufferPointer<UInt8>) {
        guard let fields = try? JSONDecoder().decode([String: DataReadings.Value].self, from: Data(line)) else {
            return nil
        }
        level = Self.levelNames.lazy.compactMap { fields[$0]?.text }.first.flatMap(Self.level)
        let messages = Self.messageNames.lazy.compactMap { fields[$0]?.text }
        message = messages.first ?? String(decoding: line, as: UTF8.self)
    }

    private static let levelNames = [
        "level", "lvl", "severity", "levelname", "log.level", "severityText", "severity_text", "@l", "@level",
    ]
    private static let messageNames = ["message", "msg", "event", "text", "@m", "@message", "body"]

    private static func level(_ text: String) -> LogLevel? { LogLevel(named: text) ?? LogLevel.numbered(text) }

    /// The level that the whole beginning of an object states: one that was cut, or has values that are no values.
    static func level(ofPart line: UnsafeBufferPointer<UInt8>) -> LogLevel? {
        var reader = JSONObjectReader(line)
        guard reader.begin() else { return nil }
        while let key = reader.key() {
            let isText = reader.isAtText
            let value = isText ? reader.string() : reader.raw()
            if levelNames.contains(key), let level = value.flatMap(Self.level) { return level }
        }
        return nil
    }
}
