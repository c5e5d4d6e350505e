import DequeModule
import Synchronization

/// How much of the disk the log of a run may take, and that of single stages.
///
/// What a program prints is kept whole as long as there is room. Then the first lines of each attempt stay, its newest
/// are kept in memory and written when it ends, and what was left out between is counted. Caudal's own lines are always
/// written.
package struct LogLimits: Sendable, Hashable {
    /// Bytes of the whole log.
    package var run: Int
    /// Bytes of what single stages print, all attempts and items of each together.
    package var stages: [StageID: Int]

    package init(run: Int = LogLimits.usual, stages: [StageID: Int] = [:]) {
        self.run = run
        self.stages = stages
    }

    /// The limit of a run whose file says nothing: more than an honest run prints.
    package static let usual = 1_000_000_000
    /// Less would hold too little to read a failure by.
    package static let least = 1_000_000

    /// What is held back of a limit, for those who come when the rest is used up.
    static func reserve(of limit: Int) -> Int { min(limit / 8, 32 << 20) }

    /// Whether an attempt may write so many bytes more.
    ///
    /// `own`: what it has written.
    /// `total`: what is written of the limit.
    static func hasRoom(_ bytes: Int, own: Int, total: Int, limit: Int) -> Bool {
        if total + bytes <= limit - reserve(of: limit) { return true }
        // Who comes late has a part of what is left, so that all of them together stay within the limit.
        return own + bytes <= max(4 << 10, (limit - total) / 8)
    }

    /// How much of an attempt's newest lines is kept for its end.
    func capacity(of stage: StageID) -> Int {
        let limit = min(run, stages[stage] ?? run)
        return min(Self.reserve(of: limit) / 2, 4 << 20)
    }
}

/// What one attempt's program has printed: how much of it is in the log, and its newest lines once there is no room.
final class LogShare: Sendable {
    /// What was left out.
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

    /// How many bytes of it are in the log; nil once no more are to be written at once.
    var own: Int? { state.withLock { $0.isOver ? nil : $0.own } }

    func wrote(_ bytes: Int) { state.withLock { $0.own += bytes } }

    /// Keeps whole lines for the end.
    ///
    /// - Returns: Whether these are the first of them.
    func keep(_ block: [UInt8], capacity: Int) -> Bool {
        state.withLock { state in
            defer { state.isOver = true }
            var rest = block[...]
            while !rest.isEmpty {
                let end = rest.firstIndex(of: 0x0A).map { $0 + 1 } ?? rest.endIndex
                // A line of its own, so that it does not hold the whole block in memory.
                let line = Array(rest[..<end])[...]
                rest = rest[end...]
                state.newest.append(line)
                state.size += line.count
                while state.size > capacity, state.newest.count > 1 { state.dropFirst() }
            }
            return !state.isOver
        }
    }

    /// Gives out the newest lines, as many as there is room for, and what was left out before them.
    func finish(room: Int) -> (lines: [UInt8], left: OmittedLines) {
        state.withLock { state in
            while state.size > room, state.newest.count > 1 { state.dropFirst() }
            defer { state = State(own: state.own, isOver: state.isOver) }
            return (Array(state.newest.joined()), state.left)
        }
    }
}
