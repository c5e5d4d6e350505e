import Foundation
import GRDB
import Synchronization

/// Follows a run that another process runs, through the journal.
///
/// A connection of its own asks SQLite whether anything was committed since, which costs some microseconds and reads
/// nothing; events are read only then. Whether the process lives is asked of the kernel.
package final class JournalFollower: Sendable {
    /// What came of a look.
    package struct News: Sendable {
        /// The events since the last look, in order.
        package var events: [RunEvent] = []
        /// Whether a process holds the run.
        package var isLive: Bool
    }

    private struct Place {
        var sequence: Int64
        var version: Int64?
    }

    package let run: RunID
    private let store: RunStore
    private let watch: DatabaseQueue
    private let place: Mutex<Place>

    /// Follows a run from behind the event `sequence` on.
    package init(_ run: RunID, after sequence: Int64, in store: RunStore) throws(StoreError) {
        self.run = run
        self.store = store
        do {
            var configuration = Configuration()
            configuration.readonly = true
            configuration.busyMode = .timeout(RunStore.patience)
            watch = try DatabaseQueue(path: store.folder.database, configuration: configuration)
        } catch {
            throw RunStore.fault(error, store.folder.database)
        }
        place = Mutex(Place(sequence: sequence))
    }

    /// Looks once.
    package func look() throws(StoreError) -> News {
        // Asked before the events are read: nothing that a dead process wrote is missed.
        let isLive = store.folder.run(run).isLive
        let version: Int64?
        do {
            version = try watch.inDatabase { try Int64.fetchOne($0, sql: "PRAGMA data_version") }
        } catch {
            throw RunStore.fault(error, store.folder.database)
        }
        let known = place.withLock { $0 }
        if version == known.version { return News(isLive: isLive) }
        let events = try store.events(of: run, after: known.sequence)
        place.withLock { $0 = Place(sequence: events.last?.sequence ?? known.sequence, version: version) }
        return News(events: events, isLive: isLive)
    }

    /// How long to wait until the next look: the journal of a run that nobody runs changes only when somebody begins
    /// to.
    package static func pause(isLive: Bool) -> Duration { isLive ? .milliseconds(100) : .seconds(1) }
}
