/// How much disk space the log of a run, and of single stages, may use.
///
/// A program's output is kept whole while there is room. After that the first lines of each attempt are kept, its
/// newest lines are held in memory and written when it ends, and the omitted lines between are counted. Caudal's own
/// lines are always written.
package struct LogLimits: Sendable, Hashable {
    /// Maximum bytes of the whole log.
    package var run: Int
    /// Maximum bytes of the output of single stages, over all attempts and items of each.
    package var stages: [StageID: Int]

    package init(run: Int = LogLimits.usual, stages: [StageID: Int] = [:]) {
        self.run = run
        self.stages = stages
    }

    /// The default limit of a run: more than ordinary runs print.
    package static let usual = 1_000_000_000
    /// The lowest limit that can be set: less would not hold enough to explain a failure.
    package static let least = 1_000_000

    /// The part of a limit that is reserved for attempts that start once the rest is used up.
    static func reserve(of limit: Int) -> Int { min(limit / 8, 32 << 20) }

    /// Whether an attempt may write this many more bytes.
    ///
    /// - Parameters:
    ///   - own: What the attempt has written.
    ///   - total: What has been written of the limit.
    package static func hasRoom(_ bytes: Int, own: Int, total: Int, limit: Int) -> Bool {
        if total + bytes <= limit - reserve(of: limit) { return true }
        // A late attempt gets a part of what is left, so that all attempts together stay within the limit.
        return own + bytes <= max(4 << 10, (limit - total) / 8)
    }

    /// How many bytes of an attempt's newest lines are held until it ends.
    package func capacity(of stage: StageID) -> Int {
        let limit = min(run, stages[stage] ?? run)
        return min(Self.reserve(of: limit) / 2, 4 << 20)
    }
}
