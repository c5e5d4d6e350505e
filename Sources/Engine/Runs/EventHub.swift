import Synchronization

/// Hands recorded events to any number of listeners and never waits for one of them.
///
/// Events come in batches, one for each step of the run: a listener that wakes once for sixty-four events costs a
/// tenth of one that wakes for each.
package final class EventHub: Sendable {
    private struct State {
        var listeners: [Int: AsyncStream<[RunEvent]>.Continuation] = [:]
        var next = 0
        var isFinished = false
    }

    private let state = Mutex(State())

    package init() {}

    /// Listens from now on; the stream ends with the run's engine.
    ///
    /// The buffer has no limit: everything in it is on the disk already and a run has only so many events, while a
    /// listener that writes to a slow pipe must not lose a line.
    package func batches() -> AsyncStream<[RunEvent]> {
        let (stream, continuation) = AsyncStream<[RunEvent]>.makeStream(bufferingPolicy: .unbounded)
        state.withLock { state in
            if state.isFinished { return continuation.finish() }
            state.listeners[state.next] = continuation
            state.next += 1
        }
        return stream
    }

    /// Hands out events that have been recorded.
    func publish(_ events: [RunEvent]) {
        guard !events.isEmpty else { return }
        state.withLock { state in
            for (number, listener) in state.listeners {
                if case .terminated = listener.yield(events) { state.listeners[number] = nil }
            }
        }
    }

    /// Lets listeners read what is there and ends their streams.
    func finish() {
        let listeners = state.withLock { state in
            state.isFinished = true
            defer { state.listeners = [:] }
            return state.listeners
        }
        for listener in listeners.values { listener.finish() }
    }
}
