package import CaudalModel
import CSystem
import Foundation

/// A thread that serves the whole process, such as one that waits for signals or for children.
package enum ServiceThread {
    private final class Body {
        let run: @Sendable () -> Void
        init(_ run: @escaping @Sendable () -> Void) { self.run = run }
    }

    /// Starts a thread.
    ///
    /// - Parameters:
    ///   - name: The name shown by tools such as `ps`, up to 15 characters.
    ///   - stack: The size of its stack in bytes.
    /// - Throws: ``Failure`` when the system allows no more threads; Foundation's threads do not report this.
    package static func start(
        _ name: String, stack: Int = 1 << 19, _ body: @escaping @Sendable () -> Void
    ) throws(Failure) {
        let handle = Unmanaged.passRetained(Body(body))
        let result = cs_thread_start(
            name, stack,
            { argument in
                if let argument { Unmanaged<Body>.fromOpaque(argument).takeRetainedValue().run() }
                return nil
            }, handle.toOpaque())
        if result == 0 { return }
        handle.release()
        throw refusal(-result)
    }

    /// Ensures that this many more threads can be started.
    ///
    /// A run needs its threads until its end, and the Swift runtime hangs when it cannot start one: the check is made
    /// before anything begins.
    ///
    /// - Throws: ``Failure`` when the system allows fewer.
    package static func ensure(_ count: Int) throws(Failure) {
        let result = cs_threads_probe(Int32(count))
        if result != 0 { throw refusal(-result) }
    }

    private static func refusal(_ error: Int32) -> Failure {
        Failure(
            "this machine lets caudal start too few threads", errno: error,
            remedy: "raise the limit on processes ('ulimit -u', or the pids limit of the container)")
    }
}
