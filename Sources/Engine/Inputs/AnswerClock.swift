import Synchronization

/// Stops a question to a tool that takes too long, or that the tool has not begun to read after a while.
final class AnswerClock: Sendable {
    private struct State {
        var waited: Duration?
        var hasEnded = false
        var task: Task<Void, Never>?
    }

    private let state = Mutex(State())

    /// Starts the clock.
    ///
    /// - Parameters:
    ///   - patience: How long the tool may take to begin.
    ///   - stop: Called once when either time is over.
    init(
        limit: Duration, patience: Duration, hasBegun: @escaping @Sendable () -> Bool,
        stop: @escaping @Sendable () -> Void
    ) {
        let first = min(limit, patience)
        // A detached task, which is cancelled when the question ends.
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
                // The question was answered.
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

    /// Stops the clock, because there is an answer.
    ///
    /// - Returns: How long the answer took, if that was too long.
    func end() -> Duration? {
        state.withLock { state in
            state.hasEnded = true
            state.task?.cancel()
            return state.waited
        }
    }
}
