import Foundation

/// The right to decide the slots of a project, held by one process at a time.
package final class SchedulerLock: Sendable {
    private let lock: FileLock

    /// Takes the lock, and writes down who holds it.
    ///
    /// - Returns: nil while another process holds it.
    package static func take(_ state: StateFolder) throws(StoreError) -> SchedulerLock? {
        try state.create()
        guard let lock = try FileLock.take(state.scheduler + "/lock") else { return nil }
        let holder = Holder(process: getpid(), host: ProcessInfo.processInfo.hostName, since: SystemClock.now.wall)
        do {
            try FileText.replace(RunStore.json(holder), at: state.scheduler + "/holder")
        } catch {
            throw StoreError(.unreadable(error.reason), path: state.scheduler)
        }
        return SchedulerLock(lock)
    }

    private init(_ lock: FileLock) { self.lock = lock }

    /// Who holds the lock.
    package struct Holder: Sendable, Codable, Hashable {
        package var process: Int32
        package var host: String
        /// Since when, in milliseconds since 1970.
        package var since: Int64
    }

    /// Who decides the slots of a project now; nil when nobody does.
    package static func holder(_ state: StateFolder) -> Holder? {
        guard FileLock.isHeld(state.scheduler + "/lock") else { return nil }
        // A holder that has just begun may not have written down who it is.
        let text = (try? FileText.read(state.scheduler + "/holder")) ?? ""
        return RunStore.decode(Holder.self, text) ?? Holder(process: 0, host: "", since: 0)
    }
}
