import CSystem
import Foundation

/// A thread that works for the whole process, such as one that waits for signals or for children.
package enum ServiceThread {
    private final class Body {
        let run: @Sendable () -> Void
        init(_ run: @escaping @Sendable () -> Void) { self.run = run }
    }

    /// Starts a thread.
    ///
    /// `name`: for whoever looks at the process from outside, up to 15 characters.
    /// `stack`: bytes for its stack.
    /// - Throws: ``Failure`` where the machine allows no more threads, which Foundation's own threads keep to themselves.
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

    /// Makes sure that so many threads may be started besides those that are there.
    ///
    /// What runs a run needs its threads until the end, and the runtime waits for ever for one that it cannot have: it is
    /// found out before anything begins.
    /// - Throws: ``Failure`` where the machine allows fewer.
    package static func ensure(_ count: Int) throws(Failure) {
        let result = cs_threads_probe(Int32(count))
        if result != 0 { throw refusal(-result) }
    }

    private static func refusal(_ error: Int32) -> Failure {
        Failure(
            "this machine lets caudal start too few threads: \(String(cString: strerror(error)))",
            remedy: "raise the limit on processes ('ulimit -u', or the pids limit of the container)")
    }
}
