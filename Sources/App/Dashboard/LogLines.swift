import CaudalModel
import Engine

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
}

extension LogIndex: LogLines {}

/// Lines in memory, for tests and for short logs.
struct LogLineList: LogLines {
    var records: [LogRecord] = [] { didSet { select() } }
    /// What is shown of them.
    var view = LogIndex.View() { didSet { select() } }
    private var shown: [LogRecord] = []

    private mutating func select() { shown = records.filter { view.shows($0.level, $0.stage, $0.item) } }

    var count: Int { shown.count }
    var hits: Int { shown.indices.count { isHit(at: $0) } }
    var isComplete: Bool { true }
    func record(at index: Int) -> LogRecord? { shown.indices.contains(index) ? shown[index] : nil }

    func isHit(at index: Int) -> Bool {
        !view.search.isEmpty && record(at: index)?.message.lowercased().contains(view.search.lowercased()) == true
    }

    func hit(from index: Int, forward: Bool) -> Int? {
        let hits = shown.indices.filter { isHit(at: $0) }
        return forward ? hits.first { $0 > index } : hits.last { $0 < index }
    }
}
