package import CaudalModel
import Synchronization

/// Distributes recorded events to any number of listeners and never waits for one of them.
///
/// Events are delivered in batches: a listener is woken at most fifty times a second, because waking it for each step
/// of a run costs more than a short step.
package final class EventHub: Sendable {
    /// The maximum time that an event waits for others.
    private static let patience = Duration.milliseconds(20)

    private struct Listener {
        let stream: AsyncStream<[RunEvent]>.Continuation
        /// The batches that have not been delivered; while there are any, a delivery is scheduled.
        var waiting: [[RunEvent]] = []
    }

    private struct State {
        var listeners: [Int: Listener] = [:]
        var next = 0
        var isFinished = false
        var noticed: [Int: AsyncStream<Notice>.Continuation] = [:]
        var standing: Notice?
    }

    /// A message about the run that is not an event, such as that nothing can be recorded.
    package struct Notice: Sendable, Hashable {
        package var text: String
        /// Whether it applies until the next notice.
        package var isStanding: Bool

        package init(text: String, isStanding: Bool) {
            (self.text, self.isStanding) = (text, isStanding)
        }
    }

    private let state = Mutex(State())

    package init() {}

    /// Subscribes to events from now on; the stream ends with the run's engine.
    ///
    /// The buffer is unbounded: its events are already on the disk and a run has a limited number of them, and a
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

    /// Subscribes to notices, beginning with the current one; the stream ends with the run's engine.
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

    /// Sends a notice immediately.
    func say(_ text: String, standing: Bool) {
        let notice = Notice(text: text, isStanding: standing)
        state.withLock { state in
            state.standing = standing ? notice : nil
            for continuation in state.noticed.values { continuation.yield(notice) }
        }
    }

    /// Queues recorded events for delivery.
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
        // An unstructured task: the publisher must not wait.
        Task {
            // If the sleep is cut short, the events are only delivered sooner.
            try? await ContinuousClock().sleep(for: Self.patience)
            handOut()
        }
    }

    /// Delivers everything that is queued, under the lock, so that events stay in order.
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

    /// Lets listeners read what is buffered and ends their streams.
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
