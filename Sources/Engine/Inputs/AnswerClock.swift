import Synchronization

/// Ends a question to a tool that takes too long, and one that nobody has begun to read long before.
final class AnswerClock: Sendable {
    private struct State {
        var waited: Duration?
        var hasEnded = false
        var task: Task<Void, Never>?
    }

    private let state = Mutex(State())

    /// Starts to wait.
    ///
    /// `patience`: how long whoever is asked has until it must have begun.
    /// `stop`: called once when either time is over.
    init(
        limit: Duration, patience: Duration, hasBegun: @escaping @Sendable () -> Bool,
        stop: @escaping @Sendable () -> Void
    ) {
        let first = min(limit, patience)
        // A task of its own, which the end of the question cancels.
        let task = Task.detached { [weak self] in
            do {
                try await Task.sleep(for: first)
                var waited = first
                if first < limit, hasBegun() {
                    try await Task.sleep(for: limit - first)
                    waited = limit
                }
                if self?.ring(waited) == true { stop() }
            } catch {
                // It was answered.
            }
        }
        state.withLock { $0.task = task }
    }

    private func ring(_ waited: Duration) -> Bool {
        state.withLock { state in
            if state.hasEnded { return false }
            state.waited = waited
            return true
        }
    }

    /// Takes in that there is an answer.
    ///
    /// - Returns: How long was waited, when that was too long.
    func end() -> Duration? {
        state.withLock { state in
            state.hasEnded = true
            state.task?.cancel()
            return state.waited
        }
    }
}
