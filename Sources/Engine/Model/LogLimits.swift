import DequeModule
import Synchronization

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
    static func hasRoom(_ bytes: Int, own: Int, total: Int, limit: Int) -> Bool {
        if total + bytes <= limit - reserve(of: limit) { return true }
        // A late attempt gets a part of what is left, so that all attempts together stay within the limit.
        return own + bytes <= max(4 << 10, (limit - total) / 8)
    }

    /// How many bytes of an attempt's newest lines are held until it ends.
    func capacity(of stage: StageID) -> Int {
        let limit = min(run, stages[stage] ?? run)
        return min(Self.reserve(of: limit) / 2, 4 << 20)
    }
}

/// The output of one attempt's program: how much of it is in the log, and its newest lines once there is no room.
final class LogShare: Sendable {
    /// The omitted lines.
    struct OmittedLines: Sendable, Hashable {
        var lines = 0
        var bytes = 0
    }

    private struct State {
        var own = 0
        var isOver = false
        var newest: Deque<ArraySlice<UInt8>> = []
        var size = 0
        var left = OmittedLines()

        mutating func dropFirst() {
            guard let line = newest.popFirst() else { return }
            size -= line.count
            left.lines += 1
            left.bytes += line.count
        }
    }

    let stage: StageID
    private let state = Mutex(State())

    init(_ stage: StageID) { self.stage = stage }

    /// How many of its bytes are in the log; nil once its output is only held in memory.
    var own: Int? { state.withLock { $0.isOver ? nil : $0.own } }

    func wrote(_ bytes: Int) { state.withLock { $0.own += bytes } }

    /// Holds whole lines until the attempt ends.
    ///
    /// - Returns: Whether these are the first that are held.
    func keep(_ block: [UInt8], capacity: Int) -> Bool {
        state.withLock { state in
            defer { state.isOver = true }
            var rest = block[...]
            while !rest.isEmpty {
                let end = rest.firstIndex(of: 0x0A).map { $0 + 1 } ?? rest.endIndex
                // A copy, because a slice would keep the whole block in memory.
                let line = Array(rest[..<end])[...]
                rest = rest[end...]
                state.newest.append(line)
                state.size += line.count
                while state.size > capacity, state.newest.count > 1 { state.dropFirst() }
            }
            return !state.isOver
        }
    }

    /// Returns the newest lines that fit into `room`, and what was omitted before them.
    func finish(room: Int) -> (lines: [UInt8], left: OmittedLines) {
        state.withLock { state in
            while state.size > room, state.newest.count > 1 { state.dropFirst() }
            defer { state = State(own: state.own, isOver: state.isOver) }
            return (Array(state.newest.joined()), state.left)
        }
    }
}
