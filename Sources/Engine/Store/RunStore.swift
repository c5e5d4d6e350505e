package import CaudalModel
import Foundation
import GRDB
import GRDBSQLite
import Synchronization

/// The record of all runs of a project: the journal of each run, and tables derived from it for queries.
///
/// Several processes use it at once. A change waits a few seconds for another process's change and then fails with
/// ``StoreError/Problem-swift.enum/busy``; reading never waits.
package final class RunStore: Sendable {
    package let folder: StateFolder
    let pool: DatabasePool
    /// The identities of the files that the store has open.
    let presence: StorePresence
    /// Why nothing can be written, and it is read from a copy; nil where it can be written to.
    private let readOnlyReason: StoreError.Problem?
    /// The runs whose folders have been seen.
    let runsWithFolder = Mutex<Set<RunID>>([])

    /// How long a change waits for another process's change, in seconds.
    static let patience = 5.0
    /// The same for callers that do other work meanwhile and try again.
    static let shortPatience = 0.2
    /// How long a process that opens the store waits for others that open it: the first of them may be making its tables.
    private static let openingPatience = Duration.seconds(30)

    /// Opens the store; creates or migrates it as needed.
    ///
    /// - Parameter evenIfFull: Whether a store on a full disk is read from a copy, as one is where nothing can be written.
    /// - Throws: ``StoreError`` when another process keeps it locked, a newer Caudal wrote it, or the folder cannot be
    ///   used.
    package init(_ folder: StateFolder, evenIfFull: Bool = false) throws(StoreError) {
        self.folder = folder
        if let copy = try StoreCopy.ofReadOnly(folder) {
            (pool, presence) = try Self.open(copy)
            readOnlyReason = .readOnly
            return
        }
        do throws(StoreError) {
            try folder.create()
            (pool, presence) = try Self.open(folder.database, readers: 3, reportedAs: folder.database)
            readOnlyReason = nil
        } catch {
            // SQLite needs space beside a database also to read it.
            guard evenIfFull, error.problem == .full, FileText.exists(folder.database) else { throw error }
            (pool, presence) = try Self.open(StoreCopy(of: folder))
            readOnlyReason = .full
        }
    }

    /// Whether it is read from a copy because its disk is full.
    package var isOnFullDisk: Bool { readOnlyReason == .full }

    private static func open(_ copy: StoreCopy) throws(StoreError) -> (DatabasePool, StorePresence) {
        defer { copy.remove() }
        return try open(copy.database, readers: 1, reportedAs: copy.original)
    }

    private static func open(_ database: String, readers: Int, reportedAs name: String) throws(StoreError)
        -> (DatabasePool, StorePresence)
    {
        // Only its owner may read it. SQLite creates its other files with the permissions of the database, so the
        // database is created here. An existing one is not opened here, because closing it would release SQLite's
        // locks.
        let descriptor = Glibc.open(database, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        if descriptor >= 0 { close(descriptor) } else { chmod(database, 0o600) }
        do {
            var configuration = Configuration()
            configuration.busyMode = .timeout(Self.patience)
            configuration.maximumReaderCount = readers
            configuration.label = "run store"
            // Each stage changes a few pages, and each page is written whole, twice: small pages are written faster.
            configuration.prepareDatabase { db in try db.execute(sql: "PRAGMA page_size = 2048") }
            return (try openPool(database, configuration, reportedAs: name), StorePresence(database))
        } catch {
            throw fault(error, name)
        }
    }

    /// Opens the database, with all connections to a copy of it, and makes its tables.
    ///
    /// SQLite answers at once that a new database is busy where another process sets it up, and does not wait.
    private static func openPool(_ path: String, _ configuration: Configuration, reportedAs name: String) throws
        -> DatabasePool
    {
        let began = SystemClock.now
        while true {
            do {
                let pool = try DatabasePool(path: path, configuration: configuration)
                try migrate(pool, name)
                return pool
            } catch {
                guard fault(error, name).problem == .busy, SystemClock.now.since(began) < openingPatience else {
                    throw error
                }
                Thread.sleep(forTimeInterval: 0.02)
            }
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
                // Another process that opened the store at the same moment may have migrated it.
                let now = try version()
                guard now > known else { throw error }
                known = now
            }
        }
    }

    /// Converts an SQLite error.
    static func fault(_ error: any Error, _ path: String) -> StoreError {
        if let error = error as? StoreError { return error }
        guard let error = error as? DatabaseError else { return StoreError(.unreadable(error.reason), path: path) }
        switch error.resultCode {
        case .SQLITE_BUSY, .SQLITE_LOCKED: return StoreError(.busy, path: path)
        case .SQLITE_FULL: return StoreError(.full, path: path)
        case .SQLITE_IOERR where errno == ENOSPC: return StoreError(.full, path: path)
        case .SQLITE_NOTADB, .SQLITE_CORRUPT:
            return StoreError(.unreadable("it is damaged or no run store; move it away to begin anew"), path: path)
        case .SQLITE_READONLY, .SQLITE_CANTOPEN, .SQLITE_PERM:
            // SQLite writes files beside the database too.
            for place in [path, PathText.folder(of: path)] where FileText.exists(place) && access(place, W_OK) != 0 {
                return StoreError(writing: place, errno: errno)
            }
            return StoreError(.unreadable(error.message ?? error.description), path: path)
        default: return StoreError(.unreadable(error.message ?? error.description), path: path)
        }
    }

    /// Makes a change in one transaction.
    ///
    /// - Parameter patience: How long it waits for another process's change, in seconds.
    func write<Value>(
        patience: Double = patience, _ change: (Database) throws -> Value
    ) throws(StoreError) -> Value {
        if let readOnlyReason { throw StoreError(readOnlyReason, path: folder.path) }
        do {
            return try pool.writeWithoutTransaction { db in
                sqlite3_busy_timeout(db.sqliteConnection, Int32(patience * 1000))
                // Statements are cached: a step of a run is so short that preparing them would be noticeable.
                try db.cachedStatement(sql: "BEGIN IMMEDIATE").execute()
                do {
                    let value = try change(db)
                    try db.cachedStatement(sql: "COMMIT").execute()
                    return value
                } catch {
                    // If the rollback fails, SQLite has already rolled back; the first error is the one to report.
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

    /// The damage that SQLite's integrity check finds, one sentence each; empty for a sound store.
    ///
    /// It reads the whole file.
    ///
    /// - Throws: ``StoreError`` when the check cannot run.
    package func faults() throws(StoreError) -> [String] {
        try read { db in try String.fetchAll(db, sql: "PRAGMA integrity_check").filter { $0 != "ok" } }
    }

    /// Syncs everything recorded to the disk, so that it survives a power failure.
    ///
    /// If another process is using the file, that process syncs it when it ends.
    ///
    /// - Throws: ``StoreError`` when the store cannot be written to.
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

/// A run as the list of runs shows it.
package struct RunSummary: Sendable, Hashable {
    package var id: RunID
    package var pipeline: String
    package var file: String
    /// The recorded status; a run whose process died is still recorded as running: see ``isLive``.
    package var status: RunState.Status
    package var trigger: RunTrigger
    package var started: Int64
    package var ended: Int64?
    /// How long it ran; while it is live, how long it had run before its process took it up.
    package var duration: Duration?
    /// When its process took it up; nil unless it is live.
    package var liveSince: Moment?
    package var stageCount: Int
    package var parameters: [String: String]
    package var environment: String?
    /// Whether a process runs it now.
    package var isLive: Bool

    package init(
        id: RunID, pipeline: String, file: String, status: RunState.Status, trigger: RunTrigger, started: Int64,
        ended: Int64? = nil, duration: Duration? = nil, liveSince: Moment? = nil, stageCount: Int,
        parameters: [String: String], environment: String? = nil, isLive: Bool
    ) {
        self.id = id
        self.pipeline = pipeline
        self.file = file
        self.status = status
        self.trigger = trigger
        self.started = started
        self.ended = ended
        self.duration = duration
        self.liveSince = liveSince
        self.stageCount = stageCount
        self.parameters = parameters
        self.environment = environment
        self.isLive = isLive
    }

    /// The true status: a run that is recorded as running and has no process was interrupted.
    package var trueStatus: RunState.Status { status == .running && !isLive ? .interrupted : status }

    /// How long it has run, as ``RunState/duration(now:)`` counts it.
    package func took(now: Moment) -> Duration? {
        guard let liveSince else { return duration }
        return (duration ?? .zero) + now.since(liveSince)
    }
}
