import Foundation
import Synchronization

/// Notices when something takes too long that does not look at a clock itself.
package final class Overtime: Sendable {
    private final class Clock: Sendable {
        let began = Mutex<ContinuousClock.Instant?>(nil)
        let isOver = Mutex(false)
    }

    private let clock = Clock()

    /// Watches from now on, until it is let go of.
    ///
    /// `action`: called on a thread of its own once something has taken longer than `limit`.
    package init(_ limit: Duration, action: @escaping @Sendable () -> Void) {
        let clock = clock
        // Without a thread there is nobody to watch, which is no reason not to work.
        try? ServiceThread.start("overtime") {
            while !clock.isOver.withLock({ $0 }) {
                usleep(100_000)
                if let began = clock.began.withLock({ $0 }), ContinuousClock.now - began > limit { return action() }
            }
        }
    }

    deinit { clock.isOver.withLock { $0 = true } }

    /// Does something that must not take longer than the limit.
    package func watch<Value>(_ action: () throws -> Value) rethrows -> Value {
        clock.began.withLock { $0 = .now }
        defer { clock.began.withLock { $0 = nil } }
        return try action()
    }
}
