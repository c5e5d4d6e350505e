import CSystem
package import CaudalModel
import Foundation
import Synchronization

/// The lines of a run's log that a view shows, by number, while another process may be writing it.
///
/// It keeps a few numbers for each part of some kilobytes, not for each line; the lines of a part are found when one of
/// them is asked for. ``work(limit:)`` reads what is new and looks for what the view shows and searches; it is called on
/// another thread than the one that draws, and both see what was found so far.
package final class LogIndex: Sendable {
    /// What is shown of the log, and what is searched for in that.
    package struct View: Sendable, Hashable {
        package var level = LogLevel.debug
        /// The stage or item whose lines are shown; nil for all.
        package var unit: UnitID?
        /// The text that is searched for, capitals and small letters alike; empty for none.
        package var search = ""

        package init(level: LogLevel = .debug, unit: UnitID? = nil, search: String = "") {
            self.level = level
            self.unit = unit
            self.search = search
        }

        /// Whether every line is shown.
        package var isAll: Bool { level == .debug && unit == nil }

        /// Whether a line of this level and unit is shown.
        package func shows(_ level: LogLevel, _ stage: StageID?, _ item: ItemKey?) -> Bool {
            guard level >= self.level else { return false }
            guard let unit else { return true }
            return stage == unit.stage && (unit.item == nil || item == unit.item)
        }
    }

    /// Some whole lines that follow each other in a segment.
    private struct Part {
        var segment: Int
        var offset: Int
        var size: Int
    }

    /// What was counted in some lines.
    private struct Counts {
        var lines = 0
        var warnings = 0
        var errors = 0
        var shown = 0
        var hits = 0

        static func + (a: Counts, b: Counts) -> Counts {
            Counts(
                lines: a.lines + b.lines, warnings: a.warnings + b.warnings, errors: a.errors + b.errors,
                shown: a.shown + b.shown, hits: a.hits + b.hits)
        }
    }

    /// A line that is shown: where it is in its part.
    private struct Place {
        var range: Range<Int>
        var isHit: Bool
    }

    private struct State {
        var parts: [Part] = []
        /// What was counted before each part; for parts behind ``examined`` nothing of the view.
        var before: [Counts] = []
        var total = Counts()
        var view = View()
        /// Grows with each change of the view.
        var generation = 0
        /// The number of parts that were examined for the view.
        var examined = 0
        var position = LogPosition(segment: 0, offset: 0)
        /// Grows with everything that is found.
        var version = 0
        /// The part that a line was asked for last, with its lines that are shown.
        var open: (part: Int, size: Int, generation: Int, bytes: [UInt8], places: [Place])?
    }

    private let folder: String
    private let state = Mutex(State())
    /// The text of a compressed segment that was read last.
    private let unpacked = Mutex<(segment: Int, bytes: [UInt8])?>(nil)

    /// The size of a part in bytes.
    private static let partSize = 64 << 10

    package init(folder: String) { self.folder = folder }

    // MARK: - What was found

    /// The number of warnings and errors, whether they are shown or not.
    package var warnings: Int { state.withLock { $0.total.warnings } }
    package var errors: Int { state.withLock { $0.total.errors } }
    /// Grows whenever something was found.
    package var version: Int { state.withLock { $0.version } }
    /// Whether everything that was read has been examined for the view.
    package var isComplete: Bool { state.withLock { $0.examined == $0.parts.count } }
    /// The number of lines that are shown, as far as they are known.
    package var count: Int { state.withLock { $0.total.shown } }
    /// How many of them have the text that is searched for.
    package var hits: Int { state.withLock { $0.total.hits } }

    /// Shows something else; lines have new numbers from then on.
    package func show(_ view: View) {
        state.withLock { state in
            guard view != state.view else { return }
            state.view = view
            state.generation += 1
            state.version += 1
            state.examined = 0
            (state.total.shown, state.total.hits) = (0, 0)
        }
    }

    /// The record of a line that is shown; nil when there is none, or its file was removed.
    package func record(at index: Int) -> LogRecord? {
        state.withLock { state in
            guard let (part, number) = find(index, in: state), let open = open(part, &state),
                open.places.indices.contains(number)
            else { return nil }
            return open.bytes[open.places[number].range].withUnsafeBufferPointer { LogLineParser.record($0) }
        }
    }

    /// Whether a line that is shown has the text that is searched for.
    package func isHit(at index: Int) -> Bool {
        state.withLock { state in
            guard let (part, number) = find(index, in: state), let open = open(part, &state),
                open.places.indices.contains(number)
            else { return false }
            return open.places[number].isHit
        }
    }

    /// The next line with the text that is searched for, behind a line or before it; nil when there is none.
    package func hit(from index: Int, forward: Bool) -> Int? {
        state.withLock { state in
            guard !state.parts.isEmpty, state.total.hits > 0 else { return nil }
            var part = find(min(max(index, 0), max(0, state.total.shown - 1)), in: state)?.part ?? 0
            while state.parts.indices.contains(part), part < state.examined {
                if hits(of: part, in: state) > 0, let open = open(part, &state) {
                    let first = state.before[part].shown
                    let places = open.places.indices.filter { open.places[$0].isHit }
                    let found =
                        forward ? places.first { first + $0 > index } : places.last { first + $0 < index }
                    if let found { return first + found }
                }
                part += forward ? 1 : -1
            }
            return nil
        }
    }

    private func hits(of part: Int, in state: State) -> Int {
        (part + 1 < state.examined ? state.before[part + 1].hits : state.total.hits) - state.before[part].hits
    }

    /// The part of a line that is shown, and its number among those of the part.
    private func find(_ index: Int, in state: State) -> (part: Int, number: Int)? {
        guard index >= 0, index < state.total.shown else { return nil }
        var (low, high) = (0, state.examined)
        while high - low > 1 {
            let middle = (low + high) / 2
            if state.before[middle].shown <= index { low = middle } else { high = middle }
        }
        return (low, index - state.before[low].shown)
    }

    private func open(_ part: Int, _ state: inout State) -> (bytes: [UInt8], places: [Place])? {
        let (size, generation) = (state.parts[part].size, state.generation)
        if let open = state.open, (open.part, open.size, open.generation) == (part, size, generation) {
            return (open.bytes, open.places)
        }
        let bytes = bytes(of: state.parts[part])
        guard bytes.count == size else { return nil }
        var places: [Place] = []
        var examiner = Examiner(state.view)
        bytes.withUnsafeBufferPointer { block in
            _ = examiner.examine(block) { places.append(Place(range: $0, isHit: $1)) }
        }
        state.open = (part, size, generation, bytes, places)
        return (bytes, places)
    }

    // MARK: - Finding

    /// Reads what is new, and examines what the view shows, up to a number of bytes.
    ///
    /// - Returns: Whether there may already be more to do.
    @discardableResult
    package func work(limit: Int = 16 << 20) -> Bool {
        var left = limit
        let isBehind = readNew(&left)
        while left > 0, examineNext(&left) {}
        return isBehind || !isComplete
    }

    /// Reads new lines into parts.
    private func readNew(_ left: inout Int) -> Bool {
        let position = state.withLock { $0.position }
        for segment in LogFiles.segments(in: folder) where segment.number >= position.segment {
            var offset = segment.number == position.segment ? position.offset : 0
            if segment.isCompressed {
                guard offset < .max else { continue }
                let bytes = unpack(segment)
                bytes.withUnsafeBufferPointer {
                    take(UnsafeBufferPointer(rebasing: $0[min(offset, $0.count)...]), segment.number, offset)
                }
                left -= bytes.count
                state.withLock { $0.position = LogPosition(segment: segment.number, offset: .max) }
            } else if let file = try? LogSegmentReader(segment.path) {
                while left > 0 {
                    var size = 1 << 20
                    var bytes = file.bytes(offset..<(offset + size))
                    // A line may be longer than what was read.
                    while bytes.count == size, bytes.lastIndex(of: 0x0A) == nil {
                        size *= 4
                        bytes = file.bytes(offset..<(offset + size))
                    }
                    guard let end = bytes.lastIndex(of: 0x0A) else { break }
                    bytes.withUnsafeBufferPointer {
                        take(UnsafeBufferPointer(rebasing: $0[...end]), segment.number, offset)
                    }
                    offset += end + 1
                    left -= end + 1
                    state.withLock { $0.position = LogPosition(segment: segment.number, offset: offset) }
                }
            }
            if left <= 0 { return true }
        }
        return false
    }

    /// Adds whole lines as parts, or to the last part if that is small.
    private func take(_ block: UnsafeBufferPointer<UInt8>, _ segment: Int, _ offset: Int) {
        var start = 0
        while start < block.count {
            let (view, generation) = state.withLock { ($0.view, $0.generation) }
            let border = min(start + Self.partSize, block.count)
            let end = border + (border < block.count ? LogBlock.line(block, from: border - 1).count : 0)
            let stop = min(end, block.count)
            let lines = UnsafeBufferPointer(rebasing: block[start..<stop])
            var examiner = Examiner(view)
            let counts = examiner.examine(lines)
            add(Part(segment: segment, offset: offset + start, size: stop - start), counts, generation)
            start = stop
        }
    }

    private func add(_ part: Part, _ counts: Counts, _ generation: Int) {
        state.withLock { state in
            var counts = counts
            // Parts are examined in order: one that follows on some that are not yet has to wait.
            let isExamined = state.examined == state.parts.count && state.generation == generation
            if !isExamined { (counts.shown, counts.hits) = (0, 0) }
            state.version += 1
            if let last = state.parts.last, last.segment == part.segment, last.offset + last.size == part.offset,
                last.size + part.size <= Self.partSize, isExamined || state.examined < state.parts.count
            {
                state.parts[state.parts.count - 1].size += part.size
            } else {
                state.parts.append(part)
                state.before.append(state.total)
                if isExamined { state.examined += 1 }
            }
            state.total = state.total + counts
        }
    }

    /// Examines the next part for the view.
    ///
    /// - Returns: Whether there was one.
    private func examineNext(_ left: inout Int) -> Bool {
        let next = state.withLock { state in
            state.examined < state.parts.count
                ? (part: state.parts[state.examined], state.view, state.generation) : nil
        }
        guard let (part, view, generation) = next else { return false }
        left -= part.size
        var examiner = Examiner(view)
        let counts = bytes(of: part).withUnsafeBufferPointer { examiner.examine($0) }
        state.withLock { state in
            guard state.generation == generation, state.examined < state.parts.count,
                state.parts[state.examined].offset == part.offset
            else { return }
            (state.before[state.examined].shown, state.before[state.examined].hits) = (
                state.total.shown, state.total.hits
            )
            state.total.shown += counts.shown
            state.total.hits += counts.hits
            state.examined += 1
            if counts.shown > 0 { state.version += 1 }
        }
        return true
    }

    private func bytes(of part: Part) -> [UInt8] {
        let path = LogFiles.path(of: part.segment, in: folder)
        // A log that was removed has no lines.
        if let file = try? LogSegmentReader(path) { return file.bytes(part.offset..<(part.offset + part.size)) }
        let bytes = unpack(LogFiles.Segment(number: part.segment, path: path + ".gz"))
        guard part.offset + part.size <= bytes.count else { return [] }
        return Array(bytes[part.offset..<(part.offset + part.size)])
    }

    private func unpack(_ segment: LogFiles.Segment) -> [UInt8] {
        unpacked.withLock { unpacked in
            if let known = unpacked, known.segment == segment.number { return known.bytes }
            var bytes: [UInt8] = []
            _ = CompressedLog.read(segment.path) { block, _ in bytes.append(contentsOf: block) }
            unpacked = (segment.number, bytes)
            return bytes
        }
    }

    /// Counts lines, and finds those that a view shows.
    private struct Examiner {
        private let view: View
        private let pattern: LogPattern?
        private var reader = LogLineReader()

        init(_ view: View) {
            self.view = view
            pattern = view.search.isEmpty ? nil : LogPattern(text: view.search)
        }

        /// Examines whole lines.
        ///
        /// - Parameter found: Called with the place of each line that is shown, and whether it has the text.
        mutating func examine(
            _ block: UnsafeBufferPointer<UInt8>, found: ((Range<Int>, Bool) -> Void)? = nil
        ) -> Counts {
            var counts = Counts()
            let mayHit = pattern.map { $0.mayMatch(block) } ?? false
            var start = 0
            while start < block.count {
                let bytes = LogBlock.line(block, from: start)
                defer { start += bytes.count + 1 }
                guard let (level, _) = LogLineReader.level(bytes) else { continue }
                counts.lines += 1
                if level == .warn { counts.warnings += 1 }
                if level == .error { counts.errors += 1 }
                guard level >= view.level else { continue }
                var isHit = false
                if view.unit != nil || mayHit {
                    guard let line = reader.line(bytes, at: start),
                        view.shows(level, line.source.stage, line.source.item)
                    else { continue }
                    isHit = mayHit && pattern?.matches(line) == true
                }
                counts.shown += 1
                if isHit { counts.hits += 1 }
                found?(start..<(start + bytes.count), isHit)
            }
            return counts
        }
    }
}
