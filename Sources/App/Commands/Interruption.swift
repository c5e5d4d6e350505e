// Dispatch does not mark its sources as sendable; they are made and resumed here, once, and touched by nobody else.
@preconcurrency import Dispatch
import Engine
import Foundation
import Synchronization

/// Turns ctrl-C and SIGTERM into requests: the first cancels the run, the second ends the program at once.
///
/// A hangup is no request.
final class Interruption: Sendable {
    private let count = Atomic<Int>(0)
    private let sources: [any DispatchSourceSignal]

    /// Listens from now on.
    ///
    /// - Parameter onFirst: Called once, on a queue of its own.
    init(onFirst: @escaping @Sendable () -> Void) {
        signal(SIGPIPE, SIG_IGN)
        // A terminal that has gone leaves the run going on, as it does under the dashboard.
        signal(SIGHUP, SIG_IGN)
        sources = [SIGINT, SIGTERM].map { number in
            signal(number, SIG_IGN)
            return DispatchSource.makeSignalSource(signal: number, queue: .global())
        }
        for source in sources {
            source.setEventHandler { [self] in
                if count.add(1, ordering: .relaxed).newValue == 1 { return onFirst() }
                Output.error("caudal: ended at once; 'caudal resume' clears up and goes on")
                _exit(ExitStatus.interrupted.rawValue)
            }
            source.resume()
        }
    }

    /// Whether somebody interrupted.
    var wasInterrupted: Bool { count.load(ordering: .relaxed) > 0 }
}
