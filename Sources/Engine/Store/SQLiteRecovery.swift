package import CaudalModel
import Foundation
import GRDBSQLite

/// Lets SQLite recover a database that a process left in the middle of a change.
///
/// The next connection that may write rolls such a change back or completes it; a read-only connection cannot, and
/// fails. DuckDB examines tables through a read-only connection.
package enum SQLiteRecovery {
    /// Opens a database for writing if it has a journal beside it.
    ///
    /// A change that another process is still making is not touched.
    ///
    /// - Throws: ``Failure`` when recovery is needed and this process is not permitted to do it.
    package static func heal(_ path: String) throws(Failure) {
        let journal = ["-journal", "-wal"].map { path + $0 }.first { (FileText.size($0) ?? 0) > 0 }
        guard let journal, FileText.exists(path) else { return }
        var connection: OpaquePointer?
        var code = sqlite3_open_v2(path, &connection, SQLITE_OPEN_READWRITE | SQLITE_OPEN_EXRESCODE, nil)
        defer { sqlite3_close_v2(connection) }
        // Only reading a table makes SQLite look at the journal.
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
