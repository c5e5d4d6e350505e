import Foundation
import Synchronization

/// Notices when a call that has no timeout of its own takes too long.
package final class Overtime: Sendable {
    private final class Clock: Sendable {
        let began = Mutex<ContinuousClock.Instant?>(nil)
        let isOver = Mutex(false)
    }

    private let clock = Clock()

    /// Watches from now on, until the object is released.
    ///
    /// - Parameter action: Called on a thread of its own when a call has taken longer than `limit`.
    package init(_ limit: Duration, action: @escaping @Sendable () -> Void) {
        let clock = clock
        // Without a thread nothing is watched; the calls themselves still work.
        try? ServiceThread.start("overtime") {
            while !clock.isOver.withLock({ $0 }) {
                usleep(100_000)
                if let began = clock.began.withLock({ $0 }), ContinuousClock.now - began > limit { return action() }
            }
        }
    }

    deinit { clock.isOver.withLock { $0 = true } }

    /// Runs a call that should not take longer than the limit.
    package func watch<Value>(_ action: () throws -> Value) rethrows -> Value {
        clock.began.withLock { $0 = .now }
        defer { clock.began.withLock { $0 = nil } }
        return try action()
    }
}
