import CSystem
import CaudalModel
import Foundation
import Synchronization

/// The way into a child that is told what to do while it runs: its standard input.
///
/// The child reads its end when this process is gone, however that ended.
final class ChildInput: Sendable {
    private let ends: Mutex<(child: Int32, own: Int32)>

    /// - Throws: ``Failure`` when no more files can be opened.
    init() throws(Failure) {
        var ends: [Int32] = [-1, -1]
        // A pair of sockets, because writing to one whose reader is dead raises no signal.
        guard socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0, &ends) == 0 else {
            throw Failure(
                "no way into a child process", errno: errno, remedy: "raise the limit on open files with 'ulimit -n'")
        }
        self.ends = Mutex((ends[0], ends[1]))
    }

    deinit {
        closeChildEnd()
        close()
    }

    /// The end that the child gets.
    var childEnd: Int32 { ends.withLock { $0.child } }

    /// Lets go of the end that the child has.
    func closeChildEnd() {
        ends.withLock { ends in
            if ends.child >= 0 { Foundation.close(ends.child) }
            ends.child = -1
        }
    }

    /// Sends a short line.
    ///
    /// - Returns: Whether the child can still read it.
    @discardableResult
    func send(_ line: String) -> Bool {
        ends.withLock { ends in
            let end = ends.own
            guard end >= 0 else { return false }
            var rest = Array((line + "\n").utf8)[...]
            while !rest.isEmpty {
                let count = rest.withUnsafeBytes { Foundation.send(end, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
                if count < 0, errno == EINTR { continue }
                guard count > 0 else { return false }
                rest = rest.dropFirst(count)
            }
            return true
        }
    }

    /// Ends the child's input.
    func close() {
        ends.withLock { ends in
            if ends.own >= 0 { Foundation.close(ends.own) }
            ends.own = -1
        }
    }
}
