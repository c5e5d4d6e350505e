import CaudalModel
import Engine
import Foundation
import GRDB
import TestSupport
import Testing

@Suite("A change of a SQLite database that was broken off", .timeLimit(.minutes(15)))
struct SQLiteRecoveryTests {
    /// A database of ten rows as a process leaves it that is killed while it adds many more.
    private func brokenOff(_ folder: OwnFolder, mode: String) throws -> String {
        var configuration = Configuration()
        configuration.allowsUnsafeTransactions = true
        let queue = try DatabaseQueue(path: folder["live.db"], configuration: configuration)
        try queue.inDatabase { db in
            try db.execute(sql: "PRAGMA journal_mode = \(mode)")
            try db.execute(sql: "CREATE TABLE sales (id INTEGER, note TEXT)")
            try db.execute(sql: "INSERT INTO sales SELECT value, 'x' FROM generate(1, 10)".expanded)
            // So little memory that the change reaches the file before it is whole.
            try db.execute(sql: "PRAGMA cache_size = 1")
            try db.execute(sql: "BEGIN IMMEDIATE")
            try db.execute(sql: "INSERT INTO sales SELECT value, hex(zeroblob(200)) FROM generate(11, 5000)".expanded)
            for suffix in ["", "-journal", "-wal"] where FileText.exists(folder["live.db" + suffix]) {
                try FileManager.default.copyItem(
                    atPath: folder["live.db" + suffix], toPath: folder["shop.db" + suffix])
            }
            try db.execute(sql: "ROLLBACK")
        }
        return folder["shop.db"]
    }

    private func readableRows(_ path: String) throws -> Int? {
        var configuration = Configuration()
        configuration.readonly = true
        return try DatabaseQueue(path: path, configuration: configuration).read { db in
            try Int.fetchOne(db, sql: "SELECT count(*) FROM sales")
        }
    }

    @Test("Is undone before somebody looks who may only read", arguments: ["DELETE", "TRUNCATE", "PERSIST", "WAL"])
    func healed(mode: String) throws {
        let folder = try OwnFolder()
        let path = try brokenOff(folder, mode: mode)
        if mode != "WAL" {
            #expect(throws: DatabaseError.self) { try readableRows(path) }
        }
        try SQLiteRecovery.heal(path)
        #expect(try readableRows(path) == 10)
    }

    @Test("A database beside which nothing lies is not opened, and one that is not there is not made")
    func untouched() throws {
        let folder = try OwnFolder()
        try folder.write("no database", to: "shop.db")
        try SQLiteRecovery.heal(folder["shop.db"])
        try SQLiteRecovery.heal(folder["none.db"])
        #expect(folder.contents == ["shop.db"])
    }

    @Test("What another process is at work on is left alone")
    func atWork() throws {
        let folder = try OwnFolder()
        var configuration = Configuration()
        configuration.allowsUnsafeTransactions = true
        let queue = try DatabaseQueue(path: folder["shop.db"], configuration: configuration)
        try queue.inDatabase { db in
            try db.execute(sql: "CREATE TABLE sales (id INTEGER)")
            try db.execute(sql: "PRAGMA cache_size = 1")
            try db.execute(sql: "BEGIN EXCLUSIVE")
            try db.execute(sql: "INSERT INTO sales SELECT value FROM generate(1, 50000)".expanded)
            try SQLiteRecovery.heal(folder["shop.db"])
            try db.execute(sql: "COMMIT")
        }
        #expect(try readableRows(folder["shop.db"]) == 50_000)
    }

    @Test("A file that is none, with a journal beside it, is told about")
    func noDatabase() throws {
        let folder = try OwnFolder()
        try folder.write(String(repeating: "no database ", count: 100), to: "shop.db")
        try folder.write("journal", to: "shop.db-journal")
        let failure = #expect(throws: Failure.self) { try SQLiteRecovery.heal(folder["shop.db"]) }
        #expect(failure?.message.contains("shop.db-journal") == true && failure?.remedy?.contains("sqlite3") == true)
    }
}

extension String {
    /// The statement with `generate(a, b)` as a table of numbers in `value`.
    fileprivate var expanded: String {
        replacing(/generate\((\d+), (\d+)\)/) { match in
            "(WITH RECURSIVE n(value) AS (SELECT \(match.1) UNION ALL SELECT value + 1 FROM n WHERE value < \(match.2)) "
                + "SELECT value FROM n)"
        }
    }
}
