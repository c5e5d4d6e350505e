import CaudalModel
import Foundation
import GRDB
import GRDBSQLite
import Synchronization

/// A value of the run store's database.
package enum StoreValue: Sendable, Hashable {
    case null
    case integer(Int64)
    case real(Double)
    case text(String)
    case blob([UInt8])
}

/// Answers SQL queries over the run store, through views that stay the same when the tables change.
///
/// The connection is read-only.
package struct StoreQuestion: Sendable {
    /// The views that a query can use, with their columns.
    package static let views: [(name: String, columns: [String])] = definitions.map {
        ($0.name, $0.columns.map(\.name))
    }

    private let folder: StateFolder
    private let isOnFullDisk: Bool

    /// - Parameter isOnFullDisk: Whether a copy is asked, because there is no space beside the store.
    package init(_ folder: StateFolder, isOnFullDisk: Bool = false) {
        (self.folder, self.isOnFullDisk) = (folder, isOnFullDisk)
    }

    /// The default time limit of a query.
    package static let usualLimit = Duration.seconds(30)
    /// The maximum size of a value in a result, in bytes.
    package static let valueLimit = 50_000_000
    /// The maximum memory that SQLite may use for a query, in bytes.
    private static let memoryLimit: Int64 = 300_000_000

    /// Calls `row` for each row of the result until it returns false; `head` first receives the names of the columns.
    ///
    /// - Parameter limit: The maximum time that SQLite may take, without the time in `row`; nil sets no limit.
    /// - Throws: ``StoreQuestionError`` when the query is invalid, would change something, or takes too much time or memory.
    package func ask(
        _ sql: String, limit: Duration? = usualLimit, head: ([String]) throws -> Void,
        row: ([StoreValue]) throws -> Bool
    ) throws(StoreQuestionError) {
        let clock = QuestionClock(limit)
        do {
            let copy = try isOnFullDisk ? StoreCopy(of: folder) : StoreCopy.ofReadOnly(folder)
            defer { copy?.remove() }
            var configuration = Configuration()
            // SQLite makes its files beside a copy first.
            configuration.readonly = copy == nil
            configuration.busyMode = .timeout(RunStore.patience)
            configuration.label = "question"
            let queue = try DatabaseQueue(path: copy?.database ?? folder.database, configuration: configuration)
            try queue.read { db in
                // The views are in the connection's temporary database, which a read-only connection has too.
                try prepare(db)
                let statement = try db.makeStatement(sql: sql)
                guard statement.isReadonly, statement.columnCount > 0 else {
                    throw StoreQuestionError.noQuery
                }
                try head(statement.columnNames)
                sqlite3_limit(db.sqliteConnection, SQLITE_LIMIT_LENGTH, Int32(Self.valueLimit))
                sqlite3_limit(db.sqliteConnection, SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 1000)
                sqlite3_hard_heap_limit64(Self.memoryLimit)
                defer { sqlite3_hard_heap_limit64(0) }
                try clock.watch(db) {
                    let rows = try clock.counted { try Row.fetchCursor(statement) }
                    while let next = try clock.counted({ try rows.next() }) {
                        guard try row(next.databaseValues.map(Self.value)) else { break }
                    }
                }
            }
        } catch let error as StoreQuestionError {
            throw error
        } catch let error as DatabaseError {
            throw Self.kind(of: error, limit)
        } catch {
            throw .failed(error.reason)
        }
    }

    private func prepare(_ db: Database) throws {
        try db.execute(sql: "PRAGMA query_only = 0")
        // A run whose process died is still recorded as running.
        let open = try String.fetchAll(db, sql: "SELECT id FROM main.runs WHERE status = 'running'")
        let dead = open.filter { !folder.run(RunID($0)).isLive }
        try db.execute(sql: "CREATE TEMP TABLE interrupted_runs (id TEXT PRIMARY KEY, duration_ms INTEGER)")
        for id in dead {
            let ran = try RunStore.stints(of: RunID(id), db).map(\.length).reduce(.zero, +)
            try db.execute(
                sql: "INSERT INTO interrupted_runs VALUES (?, ?)", arguments: [id, ran.milliseconds])
        }
        for view in Self.definitions {
            let columns = view.columns.map { "\($0.expression) AS \($0.name)" }.joined(separator: ", ")
            try db.execute(sql: "CREATE TEMP VIEW \(view.name) AS SELECT \(columns) FROM \(view.source)")
        }
        try db.execute(sql: "PRAGMA query_only = 1")
    }

    private static func kind(of error: DatabaseError, _ limit: Duration?) -> StoreQuestionError {
        let message = error.message ?? error.description
        // SQLite has one code for all that is wrong with a statement, and its words begin with what is.
        func name(after words: String) -> String? {
            message.hasPrefix(words) ? message.split(separator: ":").last.map { String($0).trimmed } : nil
        }
        switch error.resultCode {
        case .SQLITE_READONLY: return .wouldChange
        case .SQLITE_BUSY, .SQLITE_LOCKED: return .busy
        case .SQLITE_INTERRUPT: return .tookTooLong(limit: limit)
        case .SQLITE_TOOBIG: return .valueTooLong(limit: Int64(valueLimit))
        case .SQLITE_NOMEM: return .tooMuchMemory(limit: memoryLimit)
        case .SQLITE_MISUSE: return .notOneStatement
        default:
            if let name = name(after: "no such table") { return .unknownTable(name, message: message) }
            if let name = name(after: "no such column") { return .unknownColumn(name, message: message) }
            return .failed(message)
        }
    }

    private static func value(_ value: DatabaseValue) -> StoreValue {
        switch value.storage {
        case .null: .null
        case .int64(let number): .integer(number)
        case .double(let number): .real(number)
        case .string(let text): .text(text)
        case .blob(let data): .blob(Array(data))
        }
    }

    // MARK: - Views

    private struct View: Sendable {
        var name: String
        var columns: [(name: String, expression: String)]
        var source: String

        /// - Parameter columns: Names, or `name = expression`.
        init(_ name: String, from source: String, _ columns: [String]) {
            self.name = name
            self.source = source
            self.columns = columns.map { column in
                let parts = column.split(separator: " = ", maxSplits: 1).map(String.init)
                return (parts[0], parts[parts.count - 1])
            }
        }
    }

    private static func time(_ column: String) -> String {
        "strftime('%Y-%m-%dT%H:%M:%fZ', \(column) / 1000.0, 'unixepoch')"
    }

    /// The parameters as JSON; secret ones are hidden.
    private static let parameters = """
        (SELECT json_group_object(key, CASE WHEN upper(key) LIKE '%PASSWORD%' OR upper(key) LIKE '%PASSWD%'
            OR upper(key) LIKE '%TOKEN%' OR upper(key) LIKE '%SECRET%' OR upper(key) LIKE '%KEY%'
            THEN '\(SecretNames.replacement)' ELSE value END) FROM json_each(main.runs.parameters))
        """

    private static let attemptKey = ["run", "stage", "item = nullif(item, '')", "attempt"]

    private static let definitions: [View] = [
        View(
            "runs", from: "main.runs",
            [
                "id", "pipeline",
                "state = CASE WHEN id IN (SELECT id FROM interrupted_runs) THEN 'interrupted' ELSE status END",
                "started = \(time("started_at"))", "ended = \(time("ended_at"))",
                """
                seconds = CASE WHEN status <> 'running' THEN duration_ms
                    ELSE (SELECT duration_ms FROM interrupted_runs WHERE interrupted_runs.id = runs.id) END / 1000.0
                """,
                "stages = stage_count", "trigger", "environment", "parameters = \(parameters)", "file", "root",
            ]),
        View(
            "stages", from: "main.stages",
            [
                "run", "pipeline", "stage", "outcome", "reason", "ended = \(time("ended_at"))",
                "seconds = duration_ms / 1000.0",
            ]),
        View(
            "attempts", from: "main.attempts",
            attemptKey + [
                "pipeline = (SELECT pipeline FROM main.runs WHERE id = run)", "ending", "ended = \(time("ended_at"))",
                "seconds = duration_ms / 1000.0", "exit", "failure", "cpu_seconds = cpu_ms / 1000.0", "peak_memory",
                "rows_read", "rows_written", "rows_quarantined", "rows_duplicate", "rows_dropped",
                "queued_seconds = queued_ms / 1000.0",
            ]),
        View(
            "checks", from: "main.checks",
            attemptKey + [
                "pipeline", "id", "part = nullif(part, '')", "kind", "severity",
                "outcome = CASE WHEN waiver IS NULL THEN outcome ELSE 'waived' END", "measured", "failing_rows",
                "total_rows", "expectation", "message", "waiver",
            ]),
        View(
            "artifacts", from: "main.artifacts",
            attemptKey + ["dataset", "path", "bytes", "rows = row_count", "columns", "hash = content_hash"]),
        View("inputs", from: "main.inputs", attemptKey + ["dataset", "path", "bytes", "hash = content_hash"]),
        View(
            "slots", from: "main.slots",
            [
                "id", "pipeline", "schedule", "planned = \(time("planned"))", "date", "slots = count", "outcome",
                "reason = nullif(reason, '')", "decided = \(time("decided_at"))", "run",
            ]),
        View(
            "logs", from: "main.remarks",
            ["run", "time = \(time("at"))", "level", "stage", "item", "attempt", "stream", "message"]),
    ]
}

/// Measures how long SQLite has worked on a query.
private final class QuestionClock: Sendable {
    private let limit: Duration?
    private let time = Mutex<(used: Duration, began: ContinuousClock.Instant?)>((.zero, nil))

    init(_ limit: Duration?) { self.limit = limit }

    /// Whether the query has used up its time.
    private var isOver: Bool {
        guard let limit else { return false }
        return time.withLock { time in
            time.used + (time.began.map { ContinuousClock.now - $0 } ?? .zero) > limit
        }
    }

    /// Adds the duration of an action.
    func counted<Value>(_ action: () throws -> Value) rethrows -> Value {
        time.withLock { $0.began = .now }
        defer { time.withLock { $0 = ($0.used + ($0.began.map { ContinuousClock.now - $0 } ?? .zero), nil) } }
        return try action()
    }

    /// Lets SQLite check this clock while it works.
    func watch(_ db: Database, _ action: () throws -> Void) throws {
        let own = Unmanaged.passUnretained(self).toOpaque()
        sqlite3_progress_handler(
            db.sqliteConnection, 10_000,
            { argument in
                guard let argument else { return 0 }
                return Unmanaged<QuestionClock>.fromOpaque(argument).takeUnretainedValue().isOver ? 1 : 0
            }, own)
        defer { sqlite3_progress_handler(db.sqliteConnection, 0, nil, nil) }
        try withExtendedLifetime(self) { try action() }
    }
}
