import CSystem
import Foundation

/// Turns lines of the log into what is printed of them.
///
/// A renderer is used for one block after the other, so it may remember what is alike in lines that follow each other.
package protocol LogRenderer: Sendable {
    /// Appends a line; `isContext` tells of one that stands beside a match.
    mutating func append(_ line: LogLine, isContext: Bool, to output: inout [UInt8])
    /// Appends what stands between matches whose context does not touch.
    mutating func appendGap(to output: inout [UInt8])
}

/// What was found in one block of a log.
package struct LogBatch: Sendable {
    /// Records that stay together, whatever is mixed in from other runs.
    package struct Piece: Sendable {
        /// The time of its first line, as ``LogTime`` counts.
        var key: UInt64
        /// Where it ends in the output.
        var end: Int
    }

    package var output: [UInt8] = []
    package var pieces: [Piece] = []
    /// The number of records that match.
    package var matches = 0
    package var damage = LogDamage()
    /// What the next block needs to know of this one.
    var context = LogContext()
}

/// What of a log could not be read.
package struct LogDamage: Sendable, Hashable {
    /// The number of lines that are damaged or torn.
    package var lines = 0
    /// The file and the position of the first.
    package var path = ""
    package var offset = 0

    package init() {}

    mutating func add(_ path: String, _ offset: Int) {
        if lines == 0 { (self.path, self.offset) = (path, offset) }
        lines += 1
    }

    mutating func add(_ other: LogDamage) {
        if lines == 0 { (path, offset) = (other.path, other.offset) }
        lines += other.lines
    }
}

/// Looks for the wanted lines in blocks of one log, one block after the other.
///
/// It may go on in another thread: between two blocks it holds nothing of their bytes.
struct LogScan: @unchecked Sendable {
    private let query: LogQuery
    private var path = ""
    private var renderer: any LogRenderer
    private var reader = LogLineReader()
    /// Whether lines of each source are wanted, by its number.
    private var isAccepted: [Bool?] = []
    private let since: UInt64
    private let until: UInt64
    /// The lines of the record that is looked at.
    private var record: [LogLine] = []
    private var batch = LogBatch()
    private var context = LogContext()

    init(_ query: LogQuery, _ renderer: any LogRenderer) {
        self.query = query
        self.renderer = renderer
        since = query.since.map { LogTime.key($0) } ?? 0
        until = query.until.map { LogTime.key($0) } ?? .max
    }

    /// Begins with blocks of a segment.
    ///
    /// - Parameter context: What the lines before them leave.
    mutating func begin(_ path: String, context: LogContext = LogContext()) {
        (self.path, self.context) = (path, context)
    }

    /// What was found since it was asked last.
    mutating func takeBatch() -> LogBatch {
        batch.context = context
        defer { batch = LogBatch() }
        record.removeAll()
        return batch
    }

    /// Notes that the segment cannot be read from a position on.
    mutating func found(damageAt offset: Int) { batch.damage.add(path, offset) }

    /// Looks through a block of whole records.
    ///
    /// - Parameter offset: The position of the block in its segment.
    mutating func scan(_ block: UnsafeBufferPointer<UInt8>, at offset: Int) {
        if let pattern = query.pattern, !query.isInverted, query.context == 0, pattern.canSkip(in: block) {
            findCandidates(block, offset, pattern.needles)
        } else {
            var place = 0
            while place < block.count { place = take(block, from: place, offset) }
        }
    }

    /// Looks at the records only that have one of the needles.
    private mutating func findCandidates(
        _ block: UnsafeBufferPointer<UInt8>, _ offset: Int, _ needles: [LogNeedle]
    ) {
        var found = needles.map { $0.place(in: block) ?? block.count }
        // Where the record ends that was taken last.
        var end = 0
        while let place = found.min(), place < block.count {
            var start = cs_line_start(block.baseAddress, place)
            while start > end, LogBlock.continues(LogBlock.line(block, from: start)) {
                start = cs_line_start(block.baseAddress, start - 1)
            }
            end = take(block, from: start, offset)
            // A line that continues another one's record may follow on the record of a third.
            while end <= place { end = take(block, from: end, offset) }
            for index in needles.indices where found[index] < end {
                found[index] = needles[index].place(in: block, from: end) ?? block.count
            }
        }
    }

    /// Takes the record that begins at a place.
    ///
    /// - Returns: Where it ends.
    private mutating func take(_ block: UnsafeBufferPointer<UInt8>, from start: Int, _ offset: Int) -> Int {
        let bytes = LogBlock.line(block, from: start)
        var end = start + bytes.count + 1
        if query.level > .debug, let (level, _) = LogLineReader.level(bytes), level < query.level { return end }
        guard let line = line(bytes, at: offset + start) else { return end }
        record.removeAll(keepingCapacity: true)
        record.append(line)
        // Only a warning or an error has lines that belong to it.
        while end < block.count, line.level >= .warn {
            let next = LogBlock.line(block, from: end)
            guard LogBlock.continues(next), let more = self.line(next, at: offset + end), more.source.continues,
                more.source.isSame(as: line.source)
            else { break }
            record.append(more)
            end += next.count + 1
        }
        judge()
        return end
    }

    /// The line, or what is whole of a damaged one.
    private mutating func line(_ bytes: UnsafeBufferPointer<UInt8>, at offset: Int) -> LogLine? {
        // Where a line end was lost, the head of the next line stands in what looks like the text of the first.
        if let line = reader.line(bytes, at: offset), LogLineReader.place(of: LogLineReader.head, in: line.text) == nil
        {
            return line
        }
        if bytes.isEmpty { return nil }
        batch.damage.add(path, offset)
        // A line that was written behind a torn one is whole.
        var rest = bytes
        while let place = LogLineReader.place(
            of: LogLineReader.head, in: UnsafeBufferPointer(rebasing: rest.dropFirst()))
        {
            rest = UnsafeBufferPointer(rebasing: rest[(place + 1)...])
            if let line = reader.line(rest, at: offset + bytes.count - rest.count) { return line }
        }
        return nil
    }

    private mutating func judge() {
        guard let line = record.first, line.level >= query.level else { return }
        let number = line.sourceNumber
        while isAccepted.count <= number { isAccepted.append(nil) }
        let isAccepted = isAccepted[number] ?? query.accepts(line.source)
        self.isAccepted[number] = isAccepted
        guard isAccepted else { return }
        let key = line.timeKey
        guard key >= since, key <= until else { return }
        let isMatch: Bool
        if let pattern = query.pattern {
            isMatch = record.contains { pattern.matches($0) } != query.isInverted
        } else {
            isMatch = true
        }
        if isMatch { batch.matches += 1 }
        if query.context == 0 {
            if isMatch { emit(key, isContext: false) }
        } else {
            takeWithContext(key, isMatch)
        }
    }

    private mutating func emit(_ key: UInt64, isContext: Bool) {
        for line in record { renderer.append(line, isContext: isContext, to: &batch.output) }
        batch.pieces.append(LogBatch.Piece(key: key, end: batch.output.count))
    }

    private mutating func takeWithContext(_ key: UInt64, _ isMatch: Bool) {
        if isMatch {
            if context.isApart { renderer.appendGap(to: &batch.output) }
            for held in context.before {
                batch.output += held.text
                batch.pieces.append(LogBatch.Piece(key: held.key, end: batch.output.count))
            }
            context.matched(query.context)
            emit(key, isContext: false)
        } else if context.after > 0 {
            context.after -= 1
            emit(key, isContext: true)
        } else {
            var text: [UInt8] = []
            for line in record { renderer.append(line, isContext: true, to: &text) }
            context.hold(LogContext.Held(key: key, text: text), limit: query.context)
        }
    }
}

/// The lines around matches, as far as they reach from block to block.
struct LogContext: Sendable {
    struct Held: Sendable {
        var key: UInt64
        var text: [UInt8]
    }

    /// The newest records that were not printed.
    private(set) var before: [Held] = []
    /// How many more records are printed behind the last match.
    var after = 0
    private var hasPrinted = false
    /// Whether a record was dropped since the last one that was printed.
    private var hasDropped = false

    /// Whether the next match stands apart from what was printed.
    var isApart: Bool { hasPrinted && hasDropped }

    mutating func hold(_ record: Held, limit: Int) {
        before.append(record)
        if before.count > limit {
            before.removeFirst()
            hasDropped = true
        }
    }

    mutating func matched(_ limit: Int) {
        before = []
        after = limit
        hasPrinted = true
        hasDropped = false
    }
}

/// Blocks of lines.
enum LogBlock {
    /// The line that begins at a place, without its line feed.
    @inline(__always)
    static func line(_ block: UnsafeBufferPointer<UInt8>, from start: Int) -> UnsafeBufferPointer<UInt8> {
        guard let base = block.baseAddress, start < block.count else {
            return UnsafeBufferPointer(start: nil, count: 0)
        }
        let end =
            memchr(base + start, 0x0A, block.count - start)
            .map { UnsafeRawPointer($0) - UnsafeRawPointer(base) } ?? block.count
        return UnsafeBufferPointer(start: base + start, count: end - start)
    }

    /// Where the last whole line ends.
    static func lineEnd(_ block: UnsafeBufferPointer<UInt8>) -> Int {
        cs_line_start(block.baseAddress, block.count)
    }

    /// Where the last whole line begins.
    static func lastLine(_ block: UnsafeBufferPointer<UInt8>) -> Int {
        let end = lineEnd(block)
        return end == 0 ? 0 : cs_line_start(block.baseAddress, end - 1)
    }

    /// Where the last record begins, which may go on.
    static func lastRecord(_ block: UnsafeBufferPointer<UInt8>) -> Int {
        var start = lineEnd(block)
        repeat {
            guard start > 0 else { return 0 }
            start = cs_line_start(block.baseAddress, start - 1)
        } while continues(line(block, from: start))
        return start
    }

    /// Whether a line continues the record before it.
    static func continues(_ line: UnsafeBufferPointer<UInt8>) -> Bool {
        guard let mark = LogLineReader.place(of: LogLineReader.textMark, in: line), mark >= continuesMark.count
        else { return false }
        return line[(mark - continuesMark.count)..<mark].elementsEqual(continuesMark)
    }

    /// Whether a block may have lines that continue the record before them.
    static func hasTraces(_ block: UnsafeBufferPointer<UInt8>) -> Bool {
        LogLineReader.place(of: continuesMark, in: block) != nil
    }

    private static let continuesMark = Array(#","continues":true"#.utf8)
}
