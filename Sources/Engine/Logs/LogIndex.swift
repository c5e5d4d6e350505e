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
        /// The attempt whose lines are shown; nil for all.
        package var attempt: Int?
        /// What a line must have, and what it must not have, each as a ``LogSearch``.
        package var wanted: [String] = []
        package var unwanted: [String] = []
        /// The first and the last time, in milliseconds since 1970.
        package var since: Int64?
        package var until: Int64?
        /// Whether lines that continue a record, as those of a stack trace do, are folded into its first line.
        package var foldsTraces = false
        /// What is searched for, as a ``LogSearch``; empty for nothing.
        package var search = ""

        package init(level: LogLevel = .debug, unit: UnitID? = nil, search: String = "") {
            self.level = level
            self.unit = unit
            self.search = search
        }

        /// Whether every line is shown.
        package var isAll: Bool {
            var all = View(search: search)
            all.foldsTraces = foldsTraces
            return self == all
        }

        /// Whether a line of this level, unit and attempt is shown.
        func shows(_ level: LogLevel, _ stage: StageID?, _ item: ItemKey?, _ attempt: Int?) -> Bool {
            guard level >= self.level else { return false }
            if let wanted = self.attempt, wanted != attempt { return false }
            guard let unit else { return true }
            return stage == unit.stage && (unit.item == nil || item == unit.item)
        }
    }

    /// Some whole lines that follow each other in a segment.
    private struct Part {
        var segment: Int
        var offset: Int
        var size: Int
        /// The time of its first line, as a key; see ``LogTime``.
        var time: UInt64
    }

    private struct State {
        var parts: [Part] = []
        /// What was counted before each part; for parts behind ``examined`` nothing of the view.
        var before: [Counts] = []
        var total = Counts()
        var view = View()
        /// Grows with each change of the view.
        var generation = 0
        /// The number of parts whose lines were examined for the view, and of those whose matches are counted.
        var examined = 0
        var searched = 0
        var position = LogPosition(segment: 0, offset: 0)
        /// Grows with everything that is found.
        var version = 0
        /// The parts that lines were asked for last, the latest first: a screen of long lines has one for each.
        var opened: [OpenPart] = []
    }

    /// A part in memory, with its lines that are shown.
    private struct OpenPart {
        let part: Int
        let size: Int
        let generation: Int
        let bytes: [UInt8]
        let places: [Place]
    }

    private let folder: String
    private let state = Mutex(State())
    /// The text of a compressed segment that was read last.
    private let unpacked = Mutex<(segment: Int, bytes: [UInt8])?>(nil)

    /// The size of a part in bytes.
    private static let partSize = 64 << 10
    /// How many parts are kept in memory at most, and how many bytes of them, besides the latest.
    private static let openParts = 64
    private static let openBytes = 8 << 20

    package init(folder: String) { self.folder = folder }

    // MARK: - What was found

    /// The number of warnings and errors, whether they are shown or not.
    package var warnings: Int { state.withLock { $0.total.warnings } }
    package var errors: Int { state.withLock { $0.total.errors } }

    /// The number of warnings and errors up to a time, in milliseconds since 1970, whether they are shown or not.
    package func troubles(until time: Int64) -> (warnings: Int, errors: Int) {
        let key = LogTime.key(time)
        let last = state.withLock { state -> (part: Part, before: Counts)? in
            var (low, high) = (0, state.parts.count)
            while low < high {
                let middle = (low + high) / 2
                if state.parts[middle].time <= key { low = middle + 1 } else { high = middle }
            }
            return low == 0 ? nil : (state.parts[low - 1], state.before[low - 1])
        }
        guard let (part, before) = last else { return (0, 0) }
        let counts = bytes(of: part).withUnsafeBufferPointer { block in
            var end = 0
            while end < block.count {
                let line = LogBlock.line(block, from: end)
                if LogTime.key(ofLine: line) > key { break }
                end += line.count + 1
            }
            var examiner = Examiner(View())
            return before + examiner.count(UnsafeBufferPointer(rebasing: block[..<min(end, block.count)]))
        }
        return (counts.warnings, counts.errors)
    }

    /// Grows whenever something was found.
    package var version: Int { state.withLock { $0.version } }
    /// Whether everything that was read has been examined for the view.
    package var isComplete: Bool {
        state.withLock { $0.examined == $0.parts.count && $0.searched == $0.parts.count }
    }
    /// The number of lines that are shown, as far as they are known.
    package var count: Int { state.withLock { $0.total.shown } }
    /// How many of them have the text that is searched for.
    package var hits: Int { state.withLock { $0.total.hits } }

    /// Shows something else; lines have new numbers from then on, unless only the search is another one.
    package func show(_ view: View) {
        state.withLock { state in
            guard view != state.view else { return }
            var before = state.view
            before.search = view.search
            state.view = view
            state.generation += 1
            state.version += 1
            (state.total.hits, state.searched) = (0, 0)
            // Another search shows the same lines.
            if before != view { (state.total.shown, state.examined) = (0, 0) }
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

    /// Whether a line that is shown has what is searched for.
    package func isHit(at index: Int) -> Bool { place(at: index)?.isHit ?? false }

    /// How many lines are folded into a line that is shown.
    package func folded(at index: Int) -> Int { place(at: index)?.folded ?? 0 }

    private func place(at index: Int) -> Place? {
        state.withLock { state in
            guard let (part, number) = find(index, in: state), let open = open(part, &state),
                open.places.indices.contains(number)
            else { return nil }
            return open.places[number]
        }
    }

    /// How many lines with what is searched for there are, up to a line and with it.
    package func hitNumber(at index: Int) -> Int {
        state.withLock { state in
            guard let (part, number) = find(index, in: state), part < state.searched,
                let open = open(part, &state)
            else { return 0 }
            return state.before[part].hits + open.places.prefix(number + 1).count { $0.isHit }
        }
    }

    /// The next line with what is searched for, behind a line or before it; nil when there is none.
    package func hit(from index: Int, forward: Bool) -> Int? {
        next(from: index, forward: forward, \.isHit) { part, state in
            part < state.searched && hits(of: part, in: state) > 0
        }
    }

    /// The next line of the level error that is shown, behind a line or before it; nil when there is none.
    package func error(from index: Int, forward: Bool) -> Int? {
        next(from: index, forward: forward, \.isError) { part, state in
            // Parts count their errors whether they are shown or not.
            let end = part + 1 < state.parts.count ? state.before[part + 1].errors : state.total.errors
            return end > state.before[part].errors
        }
    }

    private func next(
        from index: Int, forward: Bool, _ fits: (Place) -> Bool, _ mayFit: (_ part: Int, State) -> Bool
    ) -> Int? {
        state.withLock { state in
            guard state.total.shown > 0 else { return nil }
            var part = find(min(max(index, 0), state.total.shown - 1), in: state)?.part ?? 0
            while state.parts.indices.contains(part), part < state.examined {
                if mayFit(part, state), let open = open(part, &state) {
                    let first = state.before[part].shown
                    let places = open.places.indices.filter { fits(open.places[$0]) }
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
        (part + 1 < state.searched ? state.before[part + 1].hits : state.total.hits) - state.before[part].hits
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

    private func open(_ part: Int, _ state: inout State) -> OpenPart? {
        let (size, generation) = (state.parts[part].size, state.generation)
        if let place = state.opened.firstIndex(where: { ($0.part, $0.size, $0.generation) == (part, size, generation) })
        {
            if place > 0 { state.opened.insert(state.opened.remove(at: place), at: 0) }
            return state.opened[0]
        }
        let bytes = bytes(of: state.parts[part])
        guard bytes.count == size else { return nil }
        var places: [Place] = []
        var examiner = Examiner(state.view)
        bytes.withUnsafeBufferPointer { block in
            _ = examiner.examine(block, places: &places)
        }
        let opened = OpenPart(part: part, size: size, generation: generation, bytes: bytes, places: places)
        state.opened.removeAll { $0.part == part || $0.generation != generation }
        state.opened.insert(opened, at: 0)
        var kept = 0
        let end = state.opened.prefix(Self.openParts).firstIndex { other in
            kept += other.size
            return kept > Self.openBytes
        }
        state.opened.removeSubrange(max(1, end ?? min(state.opened.count, Self.openParts))...)
        return opened
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
            let counts = examiner.count(lines)
            let part = Part(
                segment: segment, offset: offset + start, size: stop - start,
                time: LogTime.key(ofLine: LogBlock.line(lines, from: 0)))
            // Lines may continue a record of the part before, and a part is examined as a whole when it is opened.
            let continues = view.foldsTraces && LogBlock.hasTraces(lines)
            if !continues || !extend(with: part) { add(part, counts, generation, isWhole: continues) }
            start = stop
        }
    }

    /// Adds lines to the last part, and examines that anew.
    ///
    /// - Returns: Whether they were added: not if the part is large, or is not examined yet.
    private func extend(with part: Part) -> Bool {
        let last = state.withLock { state -> (part: Part, view: View, generation: Int)? in
            guard let last = state.parts.last, state.examined == state.parts.count,
                state.searched == state.parts.count, last.segment == part.segment,
                last.offset + last.size == part.offset, last.size + part.size <= 2 * Self.partSize
            else { return nil }
            return (last, state.view, state.generation)
        }
        guard var whole = last?.part, let last else { return false }
        whole.size += part.size
        var examiner = Examiner(last.view)
        let bytes = bytes(of: whole)
        guard bytes.count == whole.size else { return false }
        let counts = bytes.withUnsafeBufferPointer { examiner.count($0) }
        return state.withLock { state in
            guard state.generation == last.generation, let before = state.before.last else { return false }
            state.parts[state.parts.count - 1] = whole
            state.total = before + counts
            state.version += 1
            return true
        }
    }

    private func add(_ part: Part, _ counts: Counts, _ generation: Int, isWhole: Bool) {
        state.withLock { state in
            var counts = counts
            // Parts are examined in order: one that follows on some that are not yet has to wait.
            let isExamined = state.examined == state.parts.count && state.generation == generation
            let isSearched = state.searched == state.parts.count && state.generation == generation
            if !isExamined { counts.shown = 0 }
            if !isSearched { counts.hits = 0 }
            state.version += 1
            if !isWhole, let last = state.parts.last, last.segment == part.segment,
                last.offset + last.size == part.offset,
                last.size + part.size <= Self.partSize, isExamined || state.examined < state.parts.count,
                isSearched || state.searched < state.parts.count
            {
                state.parts[state.parts.count - 1].size += part.size
            } else {
                state.parts.append(part)
                state.before.append(state.total)
                if isExamined { state.examined += 1 }
                if isSearched { state.searched += 1 }
            }
            state.total = state.total + counts
        }
    }

    /// Examines the next part for the view, or counts its matches.
    ///
    /// - Returns: Whether there was one.
    private func examineNext(_ left: inout Int) -> Bool {
        let next = state.withLock { state in
            let place = state.examined < state.parts.count ? state.examined : state.searched
            return place < state.parts.count
                ? (place: place, part: state.parts[place], state.view, state.generation) : nil
        }
        guard let (place, part, view, generation) = next else { return false }
        left -= part.size
        var examiner = Examiner(view)
        let counts = bytes(of: part).withUnsafeBufferPointer { examiner.count($0) }
        state.withLock { state in
            guard state.generation == generation, place < state.parts.count,
                state.parts[place].offset == part.offset, state.parts[place].size == part.size
            else { return }
            if place == state.examined {
                state.before[place].shown = state.total.shown
                state.total.shown += counts.shown
                state.examined += 1
                if counts.shown > 0 { state.version += 1 }
            }
            if place == state.searched {
                state.before[place].hits = state.total.hits
                state.total.hits += counts.hits
                state.searched += 1
                // Whoever waits for the end of a search without matches hears of it.
                if counts.hits > 0 || state.searched == state.parts.count { state.version += 1 }
            }
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
}
