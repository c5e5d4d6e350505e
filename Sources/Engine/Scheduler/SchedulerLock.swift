import CaudalModel
import Foundation

/// The right to decide the slots of a project, held by one process at a time.
package final class SchedulerLock: Sendable {
    private let lock: FileLock
    private let folder: String
    private let isOnce: Bool

    /// Takes the lock, and writes down who holds it.
    ///
    /// - Parameter isOnce: Whether the holder decides once and ends, so that another one comes soon.
    /// - Returns: nil while another process holds it.
    package static func take(_ state: StateFolder, isOnce: Bool = false) throws(StoreError) -> SchedulerLock? {
        try state.create()
        guard let lock = try FileLock.take(state.scheduler + "/lock") else { return nil }
        let taken = SchedulerLock(lock, state.scheduler, isOnce: isOnce)
        try taken.note()
        return taken
    }

    private init(_ lock: FileLock, _ folder: String, isOnce: Bool) {
        self.lock = lock
        self.folder = folder
        self.isOnce = isOnce
    }

    /// Writes down who holds it.
    private func note() throws(StoreError) {
        let holder = Holder(
            process: getpid(), host: ProcessInfo.processInfo.hostName, since: SystemClock.now.wall, isOnce: isOnce)
        do {
            try FileText.replace(JSONText.encoded(holder), at: folder + "/holder")
        } catch {
            throw StoreError(.unreadable(error.reason), path: folder)
        }
    }

    /// Makes the lock's file anew where it was removed, which would let another scheduler decide the same.
    ///
    /// - Returns: `taken` while another one does.
    package func renew() throws(StoreError) -> FileLock.Standing {
        let standing = try lock.renew()
        if standing == .madeAnew { try note() }
        return standing
    }

    /// Who holds the lock.
    package struct Holder: Sendable, Codable, Hashable {
        package var process: Int32
        package var host: String
        /// Since when, in milliseconds since 1970.
        package var since: Int64
        /// Whether it decides once and ends, as one that cron calls.
        package var isOnce: Bool
    }

    /// How long ago cron may have called a scheduler for slots to count as decided, in milliseconds.
    private static let cronPatience: Int64 = 180_000

    /// Who decides the slots of a project now, or did a moment ago by cron; nil when nobody does.
    ///
    /// - Parameter now: In milliseconds since 1970.
    package static func holder(_ state: StateFolder, now: Int64) -> Holder? {
        // A holder that has just begun may not have written down who it is.
        let text = (try? FileText.read(state.scheduler + "/holder")) ?? ""
        let last = RunStore.decode(Holder.self, text)
        if FileLock.isHeld(state.scheduler + "/lock") {
            return last ?? Holder(process: 0, host: "", since: now, isOnce: false)
        }
        return last.flatMap { $0.isOnce && now - $0.since < cronPatience ? $0 : nil }
    }
}
