import Foundation
import GRDB
import GRDBSQLite

/// Inserts rows, binding their values to SQLite one by one.
///
/// The journal writes six rows for each stage of a run. With GRDB's statement arguments, boxing and checking each value
/// would cost more than the row itself.
struct RowWriter {
    private let statement: OpaquePointer
    private let connection: OpaquePointer?
    private var position: Int32 = 0

    /// - Parameter sql: One INSERT with a `?` for each value.
    init(_ db: Database, _ sql: String) throws {
        statement = try db.cachedStatement(sql: sql).sqliteStatement
        connection = db.sqliteConnection
    }

    mutating func add(_ text: String?) {
        position += 1
        guard var text else { return bindNull() }
        let position = position
        // SQLite copies the text: it may be freed before the row is written.
        let copied = unsafeBitCast(-1, to: sqlite3_destructor_type.self)
        _ = text.withUTF8 { bytes in
            bytes.withMemoryRebound(to: CChar.self) { characters in
                // An empty text may have no address, which SQLite would treat as NULL.
                guard let address = characters.baseAddress else {
                    return sqlite3_bind_text(statement, position, "", 0, copied)
                }
                return sqlite3_bind_text(statement, position, address, Int32(bytes.count), copied)
            }
        }
    }

    mutating func add(_ number: Int64?) {
        position += 1
        guard let number else { return bindNull() }
        sqlite3_bind_int64(statement, position, number)
    }

    mutating func add(_ number: Int?) { add(number.map { Int64($0) }) }

    mutating func add(_ number: Double?) {
        position += 1
        guard let number else { return bindNull() }
        sqlite3_bind_double(statement, position, number)
    }

    private func bindNull() { sqlite3_bind_null(statement, position) }

    /// Inserts the row.
    ///
    /// - Throws: SQLite's error, as `DatabaseError`.
    func write() throws {
        precondition(position == sqlite3_bind_parameter_count(statement), "a row has as many values as columns")
        let code = sqlite3_step(statement)
        let message = code == SQLITE_DONE ? nil : sqlite3_errmsg(connection).map { String(cString: $0) }
        sqlite3_reset(statement)
        guard code == SQLITE_DONE else {
            throw DatabaseError(resultCode: ResultCode(rawValue: code), message: message)
        }
    }
}
