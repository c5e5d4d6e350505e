import Synchronization

/// Hands recorded events to any number of listeners and never waits for one of them.
///
/// Events come in batches: a listener is woken at most fifty times a second, because waking it for each step of a run
/// costs more than the step does when stages are short.
package final class EventHub: Sendable {
    /// How long an event waits for others at most.
    private static let patience = Duration.milliseconds(20)

    private struct Listener {
        let stream: AsyncStream<[RunEvent]>.Continuation
        /// What it was not handed yet, batch by batch; while there is something, it will be woken.
        var waiting: [[RunEvent]] = []
    }

    private struct State {
        var listeners: [Int: Listener] = [:]
        var next = 0
        var isFinished = false
        var noticed: [Int: AsyncStream<Notice>.Continuation] = [:]
        var standing: Notice?
    }

    /// Something that concerns the run and is no event of it, such as that nothing can be recorded.
    package struct Notice: Sendable, Hashable {
        package var text: String
        /// Whether it holds until the next one is said.
        package var isStanding: Bool

        package init(text: String, isStanding: Bool) {
            (self.text, self.isStanding) = (text, isStanding)
        }
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
            state.listeners[state.next] = Listener(stream: continuation)
            state.next += 1
        }
        return stream
    }

    /// Hears notices from now on, the standing one first; the stream ends with the run's engine.
    package func notices() -> AsyncStream<Notice> {
        let (stream, continuation) = AsyncStream<Notice>.makeStream(bufferingPolicy: .bufferingNewest(4))
        state.withLock { state in
            if let standing = state.standing { continuation.yield(standing) }
            if state.isFinished { return continuation.finish() }
            state.noticed[state.next] = continuation
            state.next += 1
        }
        return stream
    }

    /// Says something at once.
    func say(_ text: String, standing: Bool) {
        let notice = Notice(text: text, isStanding: standing)
        state.withLock { state in
            state.standing = standing ? notice : nil
            for continuation in state.noticed.values { continuation.yield(notice) }
        }
    }

    /// Takes events that have been recorded, to be handed out.
    func publish(_ events: [RunEvent]) {
        guard !events.isEmpty else { return }
        let mustWake = state.withLock { state -> Bool in
            var mustWake = false
            for number in state.listeners.keys {
                if state.listeners[number]?.waiting.isEmpty == true { mustWake = true }
                state.listeners[number]?.waiting.append(events)
            }
            return mustWake
        }
        guard mustWake else { return }
        // A task of its own: whoever publishes goes on at once.
        Task {
            // A sleep that is cut short only hands out sooner.
            try? await ContinuousClock().sleep(for: Self.patience)
            handOut()
        }
    }

    /// Hands everybody what is waiting; under the lock, so that it stays in order.
    private func handOut() {
        state.withLock { state in
            for (number, listener) in state.listeners where !listener.waiting.isEmpty {
                if case .terminated = listener.stream.yield(Array(listener.waiting.joined())) {
                    state.listeners[number] = nil
                } else {
                    state.listeners[number]?.waiting = []
                }
            }
        }
    }

    /// Lets listeners read what is there and ends their streams.
    func finish() {
        handOut()
        let (listeners, noticed) = state.withLock { state in
            state.isFinished = true
            defer { (state.listeners, state.noticed) = ([:], [:]) }
            return (state.listeners, state.noticed)
        }
        for listener in listeners.values { listener.stream.finish() }
        for continuation in noticed.values { continuation.finish() }
    }
}
