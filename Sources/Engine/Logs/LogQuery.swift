package import CaudalModel

/// Which lines of a log are wanted.
package struct LogQuery: Sendable {
    package var level = LogLevel.debug
    package var stage: StageID?
    package var item: ItemKey?
    package var attempt: Int?
    /// The first and the last time, in milliseconds since 1970.
    package var since: Int64?
    package var until: Int64?
    package var pattern: LogPattern?
    /// Whether lines are wanted that do not match the pattern.
    package var isInverted = false
    /// The number of lines before and behind each match that are wanted as well.
    package var context = 0

    package init() {}

    /// Whether every line is wanted.
    var isAll: Bool {
        level == .debug && stage == nil && attempt == nil && since == nil && until == nil && pattern == nil
    }

    /// Whether lines of a source are wanted.
    func accepts(_ source: LogSource) -> Bool {
        if let stage, source.stage != stage { return false }
        if let item, source.item != item { return false }
        if let attempt, source.attempt != attempt { return false }
        return true
    }
}
