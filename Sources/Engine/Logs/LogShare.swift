import CaudalModel
import DequeModule
import Synchronization

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
