import CaudalModel
import Engine

/// The lines of a run's log by number, without keeping their text in memory.
protocol LogLines {
    /// The number of lines so far.
    var count: Int { get }
    func level(at index: Int) -> LogLevel
    func stage(at index: Int) -> StageID?
    func item(at index: Int) -> ItemKey?
    /// The line; nil if its file was removed.
    func record(at index: Int) -> LogRecord?
}

/// Lines in memory, for tests and for short logs.
struct LogLineList: LogLines {
    var records: [LogRecord] = []

    var count: Int { records.count }
    func level(at index: Int) -> LogLevel { records[index].level }
    func stage(at index: Int) -> StageID? { records[index].stage }
    func item(at index: Int) -> ItemKey? { records[index].item }
    func record(at index: Int) -> LogRecord? { records.indices.contains(index) ? records[index] : nil }
}

/// The lines of a run's log on disk.
struct LogFileLines: LogLines {
    let index: LogIndex

    var count: Int { index.count }
    func level(at line: Int) -> LogLevel { index.level(at: line) }
    func stage(at line: Int) -> StageID? { index.unit(at: line)?.stage }
    func item(at line: Int) -> ItemKey? { index.unit(at: line)?.item }
    func record(at line: Int) -> LogRecord? { index.record(at: line) }
}
