import Foundation
import GRDBSQLite

/// Lets SQLite finish what a process that was ended in the middle of a change has left beside a database.
///
/// Whoever opens a database next rolls such a change back, or takes it in, if it may write; a connection that only reads
/// may not, and fails. DuckDB looks at tables through such a connection.
package enum SQLiteRecovery {
    /// Opens a database once for writing where a journal lies beside it.
    ///
    /// What another process is at work on is left alone.
    /// - Throws: ``Failure`` when there is something to be finished and this process may not.
    package static func heal(_ path: String) throws(Failure) {
        let journal = ["-journal", "-wal"].map { path + $0 }.first { (FileText.size($0) ?? 0) > 0 }
        guard let journal, FileText.exists(path) else { return }
        var connection: OpaquePointer?
        var code = sqlite3_open_v2(path, &connection, SQLITE_OPEN_READWRITE | SQLITE_OPEN_EXRESCODE, nil)
        defer { sqlite3_close_v2(connection) }
        // The first look at the tables is what makes SQLite look at the journal.
        if code == SQLITE_OK { code = sqlite3_exec(connection, "SELECT count(*) FROM sqlite_master", nil, nil, nil) }
        switch code & 0xFF {
        case SQLITE_OK, SQLITE_BUSY, SQLITE_LOCKED: return
        default:
            throw Failure(
                "\(journal) is left of a change that was broken off, and it cannot be undone: "
                    + String(cString: sqlite3_errstr(code)),
                remedy: "open the database once as somebody who may write to it and its folder: "
                    + "sqlite3 '\(path)' .tables")
        }
    }
}
