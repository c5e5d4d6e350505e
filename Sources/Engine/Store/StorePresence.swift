package import CaudalModel
import Foundation
import GRDB
import GRDBSQLite
import Synchronization

/// The identities of the files that a store's connection has open: other files may have their names by now.
///
/// A process that keeps a file open continues to write to it after it was removed or replaced, and no other process
/// would ever read what it writes.
struct StorePresence: Sendable {
    private struct Identity: Sendable, Hashable {
        var device: UInt64
        var inode: UInt64

        /// nil when there is nothing at the path.
        init?(_ path: String) {
            var status = stat()
            guard stat(path, &status) == 0 else { return nil }
            device = UInt64(status.st_dev)
            inode = UInt64(status.st_ino)
        }
    }

    private let files: [(path: String, identity: Identity)]

    /// Records the identities of the files of a newly opened database.
    init(_ database: String) {
        // SQLite keeps the latest changes in files beside the database: without them it is another database.
        files = [database, database + "-wal", database + "-shm"].compactMap { path in
            Identity(path).map { (path, $0) }
        }
    }

    /// The first file that was replaced since it was opened; nil when none was.
    var replaced: String? { files.first { Identity($0.path) != $0.identity }?.path }

    /// Whether the open database still has the header of one.
    ///
    /// It is read through SQLite's own descriptor: closing another descriptor would release SQLite's locks.
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
    /// Ensures that a run's records are in the files that other commands read.
    ///
    /// - Throws: ``StoreError`` when the store or the run's folder was removed, replaced or damaged.
    func checkPresence(of run: RunID) throws(StoreError) {
        if let path = presence.replaced { throw StoreError(.replaced, path: path) }
        let isThere = FileText.exists(folder.run(run).logs)
        // A run's folder exists before its first event.
        let wasThere = runsWithFolder.withLock { runs in isThere ? !runs.insert(run).inserted : runs.contains(run) }
        if wasThere, !isThere { throw StoreError(.replaced, path: folder.run(run).path) }
    }

    /// Whether other files have the names of those that the store has open.
    package var isReplaced: Bool { presence.replaced != nil }

    /// What is said to who looks at a run whose records are no longer in the files that have their names; nil if they are.
    ///
    /// - Parameter hadFolder: Whether the run had its folder before: one that began just now may not have it yet.
    func loss(of run: RunID, hadFolder: Bool) -> StoreError? {
        if let path = presence.replaced { return StoreError(.lost, path: path) }
        let path = folder.run(run).path
        return hadFolder && !FileText.exists(path) ? StoreError(.lost, path: path) : nil
    }

    /// Waits, looking each second, until a run's records are no longer in the files that have their names.
    ///
    /// - Returns: What is said of that; nil if the task was cancelled before.
    package func loss(of run: RunID) async -> StoreError? {
        var hadFolder = false
        while !Task.isCancelled {
            hadFolder = hadFolder || FileText.exists(folder.run(run).path)
            if let error = loss(of: run, hadFolder: hadFolder) { return error }
            // A cancelled sleep ends the loop.
            try? await Task.sleep(for: .seconds(1))
        }
        return nil
    }

    /// Ensures that the next process to open the store can read the run's end.
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
            // Being locked, or out of descriptors, does not mean that the record is lost.
            let code = (error as? DatabaseError)?.resultCode
            guard code == .SQLITE_NOTADB || code == .SQLITE_CORRUPT else { return }
            throw Self.fault(error, folder.database)
        }
        if found != status.rawValue { throw StoreError(.replaced, path: folder.database) }
    }

    /// The process that holds SQLite's write lock, as far as the kernel knows.
    package func lockHolder() -> (pid: Int32, name: String)? {
        var status = stat()
        // The lock is looked up without opening the file, because closing it would release this process's own locks.
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
