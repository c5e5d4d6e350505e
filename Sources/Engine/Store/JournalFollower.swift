package import CaudalModel
import Foundation
import GRDB
import Synchronization

/// Detects whether any process has changed the store.
///
/// It asks SQLite over its own connection, which takes a few microseconds and reads no table.
package final class StoreChange: Sendable {
    private let connection: DatabaseQueue
    private let path: String
    private let known = Mutex<Int64?>(nil)

    /// Opens a connection to the store.
    ///
    /// - Throws: ``StoreError`` when the store cannot be opened for reading.
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

    /// Whether the store has changed since the last call; true for the first call.
    ///
    /// - Throws: ``StoreError`` when the store cannot be read.
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

/// Follows a run of another process through the journal.
///
/// Events are read only when the store has changed. The kernel tells whether the process is alive.
package final class JournalFollower: Sendable {
    /// The result of a look at the journal.
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
    private let hadFolder: Bool

    /// Follows a run from after event `sequence`.
    ///
    /// - Throws: ``StoreError`` when the store cannot be opened for reading.
    package init(_ run: RunID, after sequence: Int64, in store: RunStore) throws(StoreError) {
        self.run = run
        self.store = store
        hadFolder = FileText.exists(store.folder.run(run).path)
        change = try StoreChange(store)
        self.sequence = Mutex(sequence)
    }

    /// Reads what is new.
    ///
    /// - Throws: ``StoreError`` when the journal cannot be read, or is no longer the one that has its name.
    package func look() throws(StoreError) -> JournalUpdate {
        if let lost = store.loss(of: run, hadFolder: hadFolder) { throw lost }
        // Checked before the events are read, so that no event of a process that just died is missed.
        let isLive = store.folder.run(run).isLive
        guard try change.hasChanged() else { return JournalUpdate(isLive: isLive) }
        let known = sequence.withLock { $0 }
        let events = try store.events(of: run, after: known)
        if let last = events.last { sequence.withLock { $0 = last.sequence } }
        return JournalUpdate(events: events, isLive: isLive)
    }

    /// How long to wait until the next look: the journal of a run without a process changes only when a process takes
    /// the run over.
    package static func pause(isLive: Bool) -> Duration { isLive ? .milliseconds(100) : .seconds(1) }
}
