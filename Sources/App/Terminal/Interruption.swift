import Dispatch
import Engine
import Foundation
import Synchronization

/// Turns ctrl-C and SIGTERM into requests: the first asks for an end, the second ends the program at once.
///
/// It hears them in every phase of the program and whatever the terminal does. A hangup is no request.
final class Interruption: Sendable {
    private final class Count: Sendable {
        let value = Atomic<Int>(0)
    }

    private let count = Count()
    private let listener: SignalListener

    /// How long the program has to print what is left, once what was interrupted has ended.
    private static let farewell = Duration.seconds(2)

    /// Listens from now on.
    ///
    /// - Parameters:
    ///   - ended: Waits until what was interrupted has ended; the program then ends soon even if nobody reads what it
    ///     prints.
    ///   - onFirst: Called once, on the thread that hears signals: it must not wait.
    init(ended: (@Sendable () async -> Void)? = nil, onFirst: @escaping @Sendable () -> Void) {
        signal(SIGPIPE, SIG_IGN)
        // A terminal that has gone leaves the run going on, as it does under the dashboard.
        listener = SignalListener([SIGINT, SIGTERM, SIGHUP]) { [count] number in
            if number == SIGHUP { return }
            guard count.value.add(1, ordering: .relaxed).newValue == 1 else {
                return Self.endNow(saying: "caudal: ended at once; 'caudal resume' clears up and goes on")
            }
            onFirst()
            guard let ended else { return }
            // A task of its own: the program ends by itself first, unless something holds it up.
            Task.detached {
                await ended()
                // A sleep that is cut short only ends the program sooner.
                try? await Task.sleep(for: Self.farewell)
                Self.endNow(saying: nil)
            }
        }
    }

    /// Listens for what ends a run.
    ///
    /// - Parameter onFirst: Called besides that, once the run was asked to stop.
    convenience init(cancelling engine: RunEngine, onFirst: @escaping @Sendable () -> Void = {}) {
        self.init(ended: { await engine.waitForEnd() }) {
            // The handler has nobody to wait for the answer; the run's end is the answer.
            Task.detached { _ = await engine.send(.cancelRun, by: "interrupt") }
            onFirst()
        }
    }

    /// Whether somebody interrupted.
    var wasInterrupted: Bool { count.value.load(ordering: .relaxed) > 0 }

    /// Prints a message without waiting for a terminal that nobody reads.
    static func say(_ text: String) { DispatchQueue.global().async { Output.error(message: text) } }

    /// Ends the program and everything that it has started, with the terminal as it was, unless that waits for somebody.
    static func endNow(saying text: String?) {
        Descendants.kill()
        Terminal.restoreAtOnce()
        var place = pollfd(fd: STDERR_FILENO, events: Int16(POLLOUT), revents: 0)
        if let text, poll(&place, 1, 0) == 1, place.revents & Int16(POLLOUT) != 0 { Output.error(message: text) }
        _exit(ExitStatus.interrupted.rawValue)
    }
}
