import CaudalModel
import Synchronization

/// Reads the fingerprints of files that have arrived; large ones beside the scheduler, which decides other slots meanwhile.
final class ArrivalHashes: Sendable {
    /// What is known of a file.
    enum Answer: Sendable, Equatable {
        case hash(String)
        /// It is being read.
        case pending
        case unreadable
    }

    private struct Known {
        var mark: FileMark
        var answer: Answer
    }

    /// Files up to this size are read at once, in bytes.
    private let limit: Int64
    private let known = Mutex<[String: Known]>([:])

    /// - Parameter limit: `max` reads every file at once, for a scheduler that decides once and ends.
    init(limit: Int64 = 16 << 20) { self.limit = limit }

    /// The fingerprint of a file as it was when it had a mark.
    func hash(of path: String, _ mark: FileMark, atOnce: Bool) -> Answer {
        if atOnce || mark.sizeInBytes <= limit { return Self.read(path, mark) }
        let answer: Answer? = known.withLock { known in
            if let one = known[path], one.mark == mark {
                // It is recorded now, and asked for no more.
                if one.answer != .pending { known[path] = nil }
                return one.answer
            }
            known[path] = Known(mark: mark, answer: .pending)
            return nil
        }
        if let answer { return answer }
        // A task of its own: reading takes as long as it takes.
        Task.detached { [weak self] in
            let answer = Self.read(path, mark)
            self?.known.withLock { known in
                if known[path]?.mark == mark { known[path]?.answer = answer }
            }
        }
        return .pending
    }

    private static func read(_ path: String, _ mark: FileMark) -> Answer {
        guard let hash = ContentHash.ofFile(path), FileMark(path) == mark else { return .unreadable }
        return .hash(hash)
    }
}
