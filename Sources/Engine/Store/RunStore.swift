import Foundation
import GRDB
import GRDBSQLite
import Synchronization

/// The record of all runs of a project: the journal of each, and tables that follow from it for questions.
///
/// Several processes use it at once. A change waits a few seconds for another process's change and then gives up
/// with ``StoreError/Problem-swift.enum/busy``; a question never waits.
package final class RunStore: Sendable {
    package let folder: StateFolder
    let pool: DatabasePool
    /// What the store was opened on.
    let presence: StorePresence
    /// The runs whose folders were seen.
    let runsWithFolder = Mutex<Set<RunID>>([])

    /// How long a change waits for another process's change, in seconds.
    static let patience = 5.0
    /// The same for a change whose maker does something else meanwhile and tries again.
    static let shortPatience = 0.2

    /// Opens the store, making or migrating it as needed.
    ///
    /// - Throws: ``StoreError`` when another process keeps it locked, a newer caudal wrote it, or the folder cannot be
    ///   used.
    package init(_ folder: StateFolder) throws(StoreError) {
        self.folder = folder
        try folder.create()
        // Its owner alone may read it. SQLite gives its other files the rights that the database has when they are
        // made, so it is made here; one that is there is never opened, because closing it would drop SQLite's locks.
        let descriptor = open(folder.database, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        if descriptor >= 0 { close(descriptor) } else { chmod(folder.database, 0o600) }
        do {
            var configuration = Configuration()
            configuration.busyMode = .timeout(Self.patience)
            configuration.maximumReaderCount = 3
            configuration.label = "run store"
            // Each stage changes a few pages, and they are written whole, twice: small ones reach the disk sooner.
            configuration.prepareDatabase { db in try db.execute(sql: "PRAGMA page_size = 2048") }
            pool = try DatabasePool(path: folder.database, configuration: configuration)
            try Self.migrate(pool, folder.database)
            presence = StorePresence(folder.database)
        } catch {
            throw Self.fault(error, folder.database)
        }
    }

    private static func migrate(_ pool: DatabasePool, _ path: String) throws {
        func version() throws -> Int { try pool.read { try Int.fetchOne($0, sql: "PRAGMA user_version") ?? 0 } }
        var known = try version()
        if known > Migrations.newest { throw StoreError(.tooNew(version: String(known)), path: path) }
        while known < Migrations.newest {
            do {
                return try Migrations.migrator.migrate(pool)
            } catch {
                // Another process that opened the store at the same moment may have been faster.
                let now = try version()
                guard now > known else { throw error }
                known = now
            }
        }
    }

    /// What a fault of SQLite means here.
    static func fault(_ error: any Error, _ path: String) -> StoreError {
        if let error = error as? StoreError { return error }
        guard let error = error as? DatabaseError else { return StoreError(.unreadable(error.reason), path: path) }
        switch error.resultCode {
        case .SQLITE_BUSY, .SQLITE_LOCKED: return StoreError(.busy, path: path)
        case .SQLITE_FULL: return StoreError(.full, path: path)
        case .SQLITE_IOERR where errno == ENOSPC: return StoreError(.full, path: path)
        case .SQLITE_NOTADB, .SQLITE_CORRUPT:
            return StoreError(.unreadable("it is damaged or no run store; move it away to begin anew"), path: path)
        default: return StoreError(.unreadable(error.message ?? error.description), path: path)
        }
    }

    /// Makes a change, all of it or nothing.
    ///
    /// `patience`: how long it waits for another process's change, in seconds.
    func write<Value>(
        patience: Double = patience, _ change: (Database) throws -> Value
    ) throws(StoreError) -> Value {
        do {
            return try pool.writeWithoutTransaction { db in
                sqlite3_busy_timeout(db.sqliteConnection, Int32(patience * 1000))
                // Kept as they were prepared once: a step of a run is so short that preparing them shows.
                try db.cachedStatement(sql: "BEGIN IMMEDIATE").execute()
                do {
                    let value = try change(db)
                    try db.cachedStatement(sql: "COMMIT").execute()
                    return value
                } catch {
                    // What cannot be undone either was undone by SQLite: the first fault is the one to tell.
                    try? db.rollback()
                    throw error
                }
            }
        } catch {
            throw Self.fault(error, folder.database)
        }
    }

    func read<Value>(_ question: (Database) throws -> Value) throws(StoreError) -> Value {
        do { return try pool.read(question) } catch { throw Self.fault(error, folder.database) }
    }

    /// What SQLite's own examination finds damaged, a sentence each; empty when the store is sound.
    ///
    /// It reads the whole file.
    package func faults() throws(StoreError) -> [String] {
        try read { db in try String.fetchAll(db, sql: "PRAGMA integrity_check").filter { $0 != "ok" } }
    }

    /// Puts everything that was recorded on the disk itself, so that a power failure cannot take it back.
    ///
    /// A process that is busy with the file does the same when it ends: that is left to it.
    package func makeDurable() throws(StoreError) {
        do {
            try pool.writeWithoutTransaction { db in
                sqlite3_busy_timeout(db.sqliteConnection, Int32(Self.shortPatience * 1000))
                _ = try db.checkpoint(.passive)
            }
        } catch {
            let fault = Self.fault(error, folder.database)
            if fault.problem != .busy { throw fault }
        }
    }
}

/// What the list of runs shows of one.
package struct RunSummary: Sendable, Hashable {
    package var id: RunID
    package var pipeline: String
    package var file: String
    /// As recorded; a run whose process died stands as running here until somebody looks: see ``isLive``.
    package var status: RunState.Status
    package var trigger: String
    package var started: Int64
    package var ended: Int64?
    package var duration: Duration?
    package var stageCount: Int
    package var parameters: [String: String]
    /// Whether a process runs it now.
    package var isLive: Bool

    package init(
        id: RunID, pipeline: String, file: String, status: RunState.Status, trigger: String, started: Int64,
        ended: Int64? = nil, duration: Duration? = nil, stageCount: Int, parameters: [String: String], isLive: Bool
    ) {
        self.id = id
        self.pipeline = pipeline
        self.file = file
        self.status = status
        self.trigger = trigger
        self.started = started
        self.ended = ended
        self.duration = duration
        self.stageCount = stageCount
        self.parameters = parameters
        self.isLive = isLive
    }

    /// How the run stands in truth: one that is recorded as running and has no process was interrupted.
    package var trueStatus: RunState.Status { status == .running && !isLive ? .interrupted : status }
}
