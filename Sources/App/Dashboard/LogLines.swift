import CaudalModel
import Engine
import Synchronization

/// The lines of a run's log that are shown, by number, without keeping their text in memory.
protocol LogLines {
    /// The number of lines that are shown, as far as they are known.
    var count: Int { get }
    /// How many of them have the text that is searched for.
    var hits: Int { get }
    /// Whether all lines have been looked at.
    var isComplete: Bool { get }
    /// The line; nil if its file was removed.
    func record(at index: Int) -> LogRecord?
    func isHit(at index: Int) -> Bool
    /// The next line with the text that is searched for, behind a line or before it.
    func hit(from index: Int, forward: Bool) -> Int?
    /// How many lines with it there are, up to a line and with it.
    func hitNumber(at index: Int) -> Int
    /// The next line of the level error, behind a line or before it.
    func error(from index: Int, forward: Bool) -> Int?
    /// How many lines are folded into a line.
    func folded(at index: Int) -> Int
}

extension LogLines {
    /// A line by its time and its text, or the first line that is not older.
    func find(_ anchor: LogView.Anchor) -> Int? {
        guard count > 0 else { return nil }
        var (low, high) = (0, count)
        while low < high {
            let middle = (low + high) / 2
            guard let time = record(at: middle)?.time else { return nil }
            if time < anchor.time { low = middle + 1 } else { high = middle }
        }
        // Several lines may have the same time.
        for index in low..<min(count, low + 500) {
            guard let record = record(at: index), record.time == anchor.time else { break }
            if record.message == anchor.message { return index }
        }
        return min(low, count - 1)
    }
}

extension LogIndex: LogLines {}

/// The lines of a log up to a point in time.
final class LogLinesUntil: LogLines {
    private let all: any LogLines
    private let state = Mutex((until: Int64.min, known: 0, count: 0))

    init(_ all: any LogLines) { self.all = all }

    /// Shows the lines up to this time, in milliseconds since 1970.
    func show(until: Int64) { state.withLock { $0 = (until, -1, 0) } }

    /// Looks again how many there are, because other lines are shown.
    func lookAgain() { state.withLock { $0.known = -1 } }

    var count: Int {
        let (all, known) = (all, all.count)
        return state.withLock { state in
            if state.known == known { return state.count }
            var (low, high) = (0, known)
            while low < high {
                let middle = (low + high) / 2
                // A line that cannot be read is taken for one that is shown.
                if (all.record(at: middle)?.time ?? .min) <= state.until { low = middle + 1 } else { high = middle }
            }
            (state.known, state.count) = (known, low)
            return low
        }
    }

    var hits: Int { count > 0 ? all.hitNumber(at: count - 1) : 0 }
    var isComplete: Bool { all.isComplete }
    func record(at index: Int) -> LogRecord? { index < count ? all.record(at: index) : nil }
    func isHit(at index: Int) -> Bool { index < count && all.isHit(at: index) }
    func hitNumber(at index: Int) -> Int { all.hitNumber(at: min(index, count - 1)) }
    func folded(at index: Int) -> Int { all.folded(at: index) }
    func hit(from index: Int, forward: Bool) -> Int? { shown(all.hit(from: min(index, count), forward: forward)) }
    func error(from index: Int, forward: Bool) -> Int? { shown(all.error(from: min(index, count), forward: forward)) }
    private func shown(_ index: Int?) -> Int? { index.flatMap { $0 < count ? $0 : nil } }
}

/// Lines in memory, for tests and for short logs.
struct LogLineList: LogLines {
    var records: [LogRecord] = [] { didSet { select() } }
    /// What is shown of them.
    var view = LogIndex.View() { didSet { select() } }
    private var shown: [(record: LogRecord, folded: [LogRecord])] = []

    private mutating func select() {
        shown = []
        for record in records where view.shows(record) {
            if view.foldsTraces, record.continues, let last = shown.indices.last {
                shown[last].folded.append(record)
            } else {
                shown.append((record, []))
            }
        }
    }

    var count: Int { shown.count }
    var hits: Int { shown.indices.count { isHit(at: $0) } }
    var isComplete: Bool { true }
    func record(at index: Int) -> LogRecord? { shown.indices.contains(index) ? shown[index].record : nil }
    func folded(at index: Int) -> Int { shown.indices.contains(index) ? shown[index].folded.count : 0 }
    func hitNumber(at index: Int) -> Int { shown.indices.prefix(index + 1).count { isHit(at: $0) } }

    func isHit(at index: Int) -> Bool {
        guard shown.indices.contains(index), let search = LogSearch(view.search) else { return false }
        return ([shown[index].record] + shown[index].folded).contains {
            search.matches($0.message) || search.matches($0.source)
        }
    }

    func hit(from index: Int, forward: Bool) -> Int? { next(index, forward) { isHit(at: $0) } }

    func error(from index: Int, forward: Bool) -> Int? {
        next(index, forward) { shown[$0].record.level == .error }
    }

    private func next(_ index: Int, _ forward: Bool, _ fits: (Int) -> Bool) -> Int? {
        let found = shown.indices.filter(fits)
        return forward ? found.first { $0 > index } : found.last { $0 < index }
    }
}
