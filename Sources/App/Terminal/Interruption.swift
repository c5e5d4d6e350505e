import CaudalModel
import Dispatch
import Engine
import Foundation
import Synchronization

/// Handles ctrl-C and SIGTERM: the first one stops the program's work, the second one kills the program at once.
///
/// It works in every phase of the program and whatever the state of the terminal. It ignores a hangup.
final class Interruption: Sendable {
    private final class Count: Sendable {
        let value = Atomic<Int>(0)
    }

    private let count = Count()
    private let listener: SignalListener

    /// The time that the program has to print its remaining output after the interrupted work has ended.
    private static let farewell = Duration.seconds(2)

    /// Starts to handle the signals.
    ///
    /// - Parameters:
    ///   - ended: Waits until the interrupted work has ended; the program then ends soon, even if nothing reads its
    ///     output.
    ///   - onFirst: Called once, on the thread that receives signals; it must not block.
    init(ended: (@Sendable () async -> Void)? = nil, onFirst: @escaping @Sendable () -> Void) {
        signal(SIGPIPE, SIG_IGN)
        // A run continues when its terminal closes, as it does under the dashboard.
        listener = SignalListener([SIGINT, SIGTERM, SIGHUP]) { [count] number in
            if number == SIGHUP { return }
            guard count.value.add(1, ordering: .relaxed).newValue == 1 else {
                return Self.endNow(saying: "caudal: killed; 'caudal resume' cleans up and continues the run")
            }
            onFirst()
            guard let ended else { return }
            // A detached task: the program usually ends before it, unless something blocks it.
            Task.detached {
                await ended()
                // A cancelled sleep only ends the program sooner.
                try? await Task.sleep(for: Self.farewell)
                Self.endNow(saying: nil)
            }
        }
    }

    /// Starts to handle the signals by cancelling a run.
    ///
    /// `onFirst`: called once, after the run was asked to stop.
    convenience init(cancelling engine: RunEngine, onFirst: @escaping @Sendable () -> Void = {}) {
        self.init(ended: { await engine.waitForEnd() }) {
            // Nothing waits for the answer: the end of the run is the answer.
            Task.detached { _ = await engine.send(.cancelRun, by: "interrupt") }
            onFirst()
        }
    }

    /// Whether the user has interrupted.
    var wasInterrupted: Bool { count.value.load(ordering: .relaxed) > 0 }

    /// Prints a message, without blocking on a terminal that does not accept output.
    static func say(_ text: String) { DispatchQueue.global().async { Output.error(message: text) } }

    /// Kills everything that the program has started, restores the terminal if that does not block, and exits.
    static func endNow(saying text: String?) {
        Descendants.kill()
        TemporaryFolders.removeAll()
        Terminal.restoreAtOnce()
        var place = pollfd(fd: STDERR_FILENO, events: Int16(POLLOUT), revents: 0)
        if let text, poll(&place, 1, 0) == 1, place.revents & Int16(POLLOUT) != 0 { Output.error(message: text) }
        _exit(ExitStatus.interrupted.rawValue)
    }
}
