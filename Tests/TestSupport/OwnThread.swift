import Dispatch

/// A thread of a test's own, for work that keeps a processor busy for long or yields very often.
///
/// The tests share as many threads as there are processors: a test that does not let go of one holds up all others, and
/// one that lets go of it again and again waits for all others each time.
package final class OwnThread: TaskExecutor {
    private let queue = DispatchQueue(label: "own thread of a test")

    package init() {}

    package func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        queue.async { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }

    /// Does the work, and what it awaits, on such a thread.
    package static func run<Value>(_ work: @Sendable () async throws -> Value) async rethrows -> Value {
        try await withTaskExecutorPreference(OwnThread()) { try await work() }
    }
}
