import Foundation
import GRDB
import Synchronization

/// Whether any process has recorded anything in a store.
///
/// A connection of its own asks SQLite, which costs some microseconds and reads no table.
package final class StoreChange: Sendable {
    private let connection: DatabaseQueue
    private let path: String
    private let known = Mutex<Int64?>(nil)

    package init(_ store: RunStore) throws(StoreError) {
        path = store.folder.database
        do {
            var configuration = Configuration()
            configuration.readonly = true
            configuration.busyMode = .timeout(RunStore.patience)
            connection = try DatabaseQueue(path: path, configuration: configuration)
        } catch {
            throw RunStore.fault(error, path)
        }
    }

    /// Whether something was recorded since the last question; the first one is answered with yes.
    package func hasChanged() throws(StoreError) -> Bool {
        let version: Int64?
        do {
            version = try connection.inDatabase { try Int64.fetchOne($0, sql: "PRAGMA data_version") }
        } catch {
            throw RunStore.fault(error, path)
        }
        return known.withLock { known in
            defer { known = version }
            return known != version
        }
    }
}

/// Follows a run that another process runs, through the journal.
///
/// Events are read only when something was recorded. Whether the process lives is asked of the kernel.
package final class JournalFollower: Sendable {
    /// What came of a look.
    package struct JournalUpdate: Sendable {
        /// The events since the last look, in order.
        package var events: [RunEvent] = []
        /// Whether a process holds the run.
        package var isLive: Bool
    }

    package let run: RunID
    private let store: RunStore
    private let change: StoreChange
    private let sequence: Mutex<Int64>

    /// Follows a run from behind the event `sequence` on.
    package init(_ run: RunID, after sequence: Int64, in store: RunStore) throws(StoreError) {
        self.run = run
        self.store = store
        change = try StoreChange(store)
        self.sequence = Mutex(sequence)
    }

    /// Looks once.
    package func look() throws(StoreError) -> JournalUpdate {
        // Asked before the events are read: nothing that a dead process wrote is missed.
        let isLive = store.folder.run(run).isLive
        guard try change.hasChanged() else { return JournalUpdate(isLive: isLive) }
        let known = sequence.withLock { $0 }
        let events = try store.events(of: run, after: known)
        if let last = events.last { sequence.withLock { $0 = last.sequence } }
        return JournalUpdate(events: events, isLive: isLive)
    }

    /// How long to wait until the next look: the journal of a run that nobody runs changes only when somebody begins
    /// to.
    package static func pause(isLive: Bool) -> Duration { isLive ? .milliseconds(100) : .seconds(1) }
}
