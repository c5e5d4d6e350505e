import Foundation
import GRDB
import GRDBSQLite
import Synchronization

/// The files that a store's connection is open on, by what they are: their names may have gone to others since.
///
/// A process that keeps a file open goes on writing to it after it was removed or replaced, and nobody will ever read
/// that.
struct StorePresence: Sendable {
    private struct Identity: Sendable, Hashable {
        var device: UInt64
        var inode: UInt64

        /// nil when nothing stands at the path.
        init?(_ path: String) {
            var status = stat()
            guard stat(path, &status) == 0 else { return nil }
            device = UInt64(status.st_dev)
            inode = UInt64(status.st_ino)
        }
    }

    private let files: [(path: String, identity: Identity)]

    /// Notes what stands at the paths of a database that has just been opened.
    init(_ database: String) {
        // SQLite keeps the last changes beside the database: without them it is another one.
        files = [database, database + "-wal", database + "-shm"].compactMap { path in
            Identity(path).map { (path, $0) }
        }
    }

    /// The first file that is not the one that was opened; nil when all are.
    var replaced: String? { files.first { Identity($0.path) != $0.identity }?.path }

    /// Whether the database that a connection is open on still begins as one.
    ///
    /// It is read through SQLite's own descriptor: closing another one would drop SQLite's locks.
    static func isDatabase(_ db: Database) -> Bool {
        var file: UnsafeMutablePointer<sqlite3_file>?
        guard sqlite3_file_control(db.sqliteConnection, "main", SQLITE_FCNTL_FILE_POINTER, &file) == SQLITE_OK,
            let file,
            let read = file.pointee.pMethods?.pointee.xRead
        else { return true }
        var bytes = [UInt8](repeating: 0, count: 16)
        guard read(file, &bytes, Int32(bytes.count), 0) == SQLITE_OK else { return false }
        return bytes.elementsEqual("SQLite format 3\0".utf8)
    }
}

extension RunStore {
    /// Makes sure that what was recorded of a run stands where the next command looks for it.
    ///
    /// - Throws: ``StoreError`` when the store or the run's folder was removed or replaced, or is none any more.
    func checkPresence(of run: RunID) throws(StoreError) {
        if let path = presence.replaced { throw StoreError(.replaced, path: path) }
        let isThere = FileText.exists(folder.run(run).logs)
        // A run has its folder before its first event.
        let wasThere = runsWithFolder.withLock { runs in isThere ? !runs.insert(run).inserted : runs.contains(run) }
        if wasThere, !isThere { throw StoreError(.replaced, path: folder.run(run).path) }
    }

    /// Makes sure that the end of a run can be read by whoever opens the store next.
    ///
    /// - Throws: ``StoreError`` when it cannot.
    package func confirm(_ status: RunState.Status, of run: RunID) throws(StoreError) {
        try checkPresence(of: run)
        let found: String?
        do {
            var configuration = Configuration()
            configuration.readonly = true
            configuration.busyMode = .timeout(Self.patience)
            found = try DatabaseQueue(path: folder.database, configuration: configuration).read { db in
                try String.fetchOne(db, sql: "SELECT status FROM runs WHERE id = ?", arguments: [run.rawValue])
            }
        } catch {
            // A lock, or a process that may open no more files, does not take away what was recorded.
            let code = (error as? DatabaseError)?.resultCode
            guard code == .SQLITE_NOTADB || code == .SQLITE_CORRUPT else { return }
            throw Self.fault(error, folder.database)
        }
        if found != status.rawValue { throw StoreError(.replaced, path: folder.database) }
    }

    /// The process that keeps others from recording, as far as the kernel tells.
    package func lockHolder() -> (pid: Int32, name: String)? {
        var status = stat()
        // The lock is asked about without opening the file, because closing it would drop this process's own.
        guard stat(folder.database + "-shm", &status) == 0, let locks = try? FileText.read("/proc/locks") else {
            return nil
        }
        for line in locks.split(separator: "\n") {
            let words = line.split(separator: " ").map(String.init)
            // `1: POSIX ADVISORY WRITE 4242 08:01:131 120 120`; SQLite's lock for writing is byte 120.
            guard words.count >= 8, words[3] == "WRITE", words[5].hasSuffix(":\(status.st_ino)"),
                let first = Int(words[6]), first <= 120, (Int(words[7]) ?? .max) >= 120,
                let pid = Int32(words[4]), pid > 0
            else { continue }
            return (pid, ProcessTable.fields(of: pid)?.name ?? "?")
        }
        return nil
    }
}
