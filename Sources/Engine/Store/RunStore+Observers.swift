package import CaudalModel
import Foundation
import GRDB

/// A run as observers are told of it: what was recorded when it began.
package struct ObservedRun: Sendable, Hashable {
    package var id: RunID
    package var pipeline: String
    /// The pipeline file.
    package var file: String
    /// The project's folder.
    package var root: String
    package var environment: String?
    /// Without their secrets.
    package var parameters: [String: String]
    package var trigger: RunTrigger
    /// When it began, in milliseconds since 1970.
    package var started: Int64

    package init(
        id: RunID, pipeline: String, file: String, root: String, environment: String? = nil,
        parameters: [String: String] = [:], trigger: RunTrigger = .manual, started: Int64
    ) {
        self.id = id
        self.pipeline = pipeline
        self.file = file
        self.root = root
        self.environment = environment
        self.parameters = parameters
        self.trigger = trigger
        self.started = started
    }
}

/// One row of a journal, for readers that count how far they have read.
package struct JournalEntry: Sendable, Hashable {
    /// The number of the event in its run.
    package var sequence: Int64
    package var time: Moment
    /// What happened, as the journal has it: most readers want only some kinds of events, and decoding takes time.
    let row: EventRow

    /// The kind of event, as ``EventRow`` names it.
    package var kind: String { row.kind }

    /// What happened; nil for a kind of event that only a newer caudal knows.
    ///
    /// - Throws: A decoding error when the row is damaged.
    package func event() throws -> RunEvent? {
        try row.change().map { RunEvent(sequence: sequence, time: time, change: $0) }
    }
}

/// How an observer stands.
package struct ObserverStatus: Sendable, Hashable {
    package var name: String
    /// How often in a row it could not take in what it was handed.
    package var failures: Int
    /// When that was last, in milliseconds since 1970.
    package var failedAt: Int64?
    /// Why, the last time; it stays there after the observer has caught up.
    package var failure: String?
}

/// What observers have been handed, and what they remember.
///
/// A change of an observer waits for other processes only for a moment: it holds the connection that the process's own
/// runs record with.
extension RunStore {
    /// Makes an observer known that is not.
    ///
    /// `hearsPast`: whether it is handed what happened before; else it hears of what is recorded from now on.
    package func register(observer: String, hearsPast: Bool, at now: Moment) throws(StoreError) {
        let isKnown = try read { db in
            try Bool.fetchOne(
                db, sql: "SELECT EXISTS (SELECT 1 FROM observers WHERE name = ?)", arguments: [observer]) == true
        }
        if isKnown { return }
        try write(patience: Self.shortPatience) { db in
            try db.execute(
                sql: "INSERT OR IGNORE INTO observers (name, begun_at) VALUES (?, ?)", arguments: [observer, now.wall])
            // Another process may have been faster.
            guard db.changesCount == 1, !hearsPast else { return }
            try db.execute(
                sql: """
                    INSERT INTO observer_cursors (observer, run, seq)
                    SELECT ?, run, seq FROM (
                        SELECT id AS run, (SELECT max(seq) FROM events WHERE events.run = runs.id) AS seq FROM runs
                    ) WHERE seq IS NOT NULL
                    """, arguments: [observer])
        }
    }

    /// The runs of which an observer was not handed everything, in the order in which they began.
    ///
    /// It asks each run's journal for its end, which for ten thousand runs takes some tenths of a second.
    /// `runs`: only these are looked at; nil means all.
    /// - Returns: Each run with the last event of it that the observer was handed, 0 for none, and the last there is.
    package func unobserved(
        by observer: String, among runs: Set<RunID>? = nil
    ) throws(StoreError) -> [(run: RunID, seen: Int64, last: Int64)] {
        try read { db in
            let sql = """
                SELECT id, seen, last FROM (
                    SELECT runs.id AS id, coalesce(observer_cursors.seq, 0) AS seen,
                        (SELECT max(seq) FROM events WHERE events.run = runs.id) AS last
                    FROM runs LEFT JOIN observer_cursors
                        ON observer_cursors.observer = ? AND observer_cursors.run = runs.id
                    \(runs == nil ? "" : "WHERE runs.id = ?")
                ) WHERE last > seen ORDER BY id
                """
            let questions: [StatementArguments] =
                runs.map { $0.sorted().map { [observer, $0.rawValue] } } ?? [[observer]]
            return try questions.flatMap { arguments in
                try Row.fetchAll(db, sql: sql, arguments: arguments).map { (RunID($0["id"]), $0["seen"], $0["last"]) }
            }
        }
    }

    /// What was recorded of a run when it began; nil when it was removed.
    package func observedRun(_ id: RunID) throws(StoreError) -> ObservedRun? {
        try read { db in
            let row = try Row.fetchOne(
                db,
                sql: """
                    SELECT pipeline, file, root, environment, parameters, trigger, started_at FROM runs WHERE id = ?
                    """, arguments: [id.rawValue])
            return row.map { row in
                ObservedRun(
                    id: id, pipeline: row["pipeline"], file: row["file"], root: row["root"],
                    environment: row["environment"],
                    parameters: SecretNames().hidden(Self.decode([String: String].self, row["parameters"]) ?? [:]),
                    trigger: RunTrigger(row["trigger"]), started: row["started_at"])
            }
        }
    }

    /// The next rows of a run's journal, kinds of events that this caudal does not know included.
    ///
    /// - Returns: At most `limit` of them, in order; empty at the end.
    package func journal(
        of run: RunID, after sequence: Int64, limit: Int
    ) throws(StoreError) -> [JournalEntry] {
        try read { db in
            try Row.fetchAll(db, sql: Self.eventsQuery + " LIMIT ?", arguments: [run.rawValue, sequence, limit]).map {
                row in
                JournalEntry(
                    sequence: row["seq"], time: Moment(wall: row["at"], steady: row["steady"]),
                    row: Self.eventRow(row))
            }
        }
    }

    /// Records how far an observer has come, and what it remembers since: all or nothing.
    ///
    /// `cursors`: for each run the last event that the observer had been handed before, and the last one now.
    /// `notes`: texts by their keys; nil takes one away.
    /// - Returns: Whether it was recorded; false when another process has handed the observer events of these runs.
    package func advance(
        _ observer: String, _ cursors: [RunID: (from: Int64, to: Int64)], notes: [String: String?]
    ) throws(StoreError) -> Bool {
        try write(patience: Self.shortPatience) { db in
            // A run that was removed meanwhile needs no cursor.
            let cursors = try cursors.filter { run, _ in
                try Bool.fetchOne(
                    db, sql: "SELECT EXISTS (SELECT 1 FROM runs WHERE id = ?)", arguments: [run.rawValue]) == true
            }
            for (run, cursor) in cursors {
                let seen = try Int64.fetchOne(
                    db, sql: "SELECT seq FROM observer_cursors WHERE observer = ? AND run = ?",
                    arguments: [observer, run.rawValue])
                if seen ?? 0 != cursor.from { return false }
            }
            for (run, cursor) in cursors {
                try db.execute(
                    sql: "INSERT OR REPLACE INTO observer_cursors (observer, run, seq) VALUES (?, ?, ?)",
                    arguments: [observer, run.rawValue, cursor.to])
            }
            for (key, text) in notes {
                if let text {
                    try db.execute(
                        sql: "INSERT OR REPLACE INTO observer_notes (observer, key, text) VALUES (?, ?, ?)",
                        arguments: [observer, key, text])
                } else {
                    try db.execute(
                        sql: "DELETE FROM observer_notes WHERE observer = ? AND key = ?", arguments: [observer, key])
                }
            }
            return true
        }
    }

    /// What an observer remembers under a key.
    package func note(_ key: String, of observer: String) throws(StoreError) -> String? {
        try read { db in
            try String.fetchOne(
                db, sql: "SELECT text FROM observer_notes WHERE observer = ? AND key = ?", arguments: [observer, key])
        }
    }

    /// What an observer remembers under the keys that begin with a text, by key.
    package func notes(of observer: String, beginning prefix: String = "") throws(StoreError) -> [String: String] {
        try read { db in
            let rows = try Row.fetchAll(
                db,
                sql: """
                    SELECT key, text FROM observer_notes WHERE observer = ?1 AND substr(key, 1, length(?2)) = ?2
                    """, arguments: [observer, prefix])
            return Dictionary(uniqueKeysWithValues: rows.map { ($0["key"], $0["text"]) })
        }
    }

    /// Records that an observer could not take in what it was handed.
    package func recordFailure(of observer: String, _ reason: String, at now: Moment) throws(StoreError) {
        try write(patience: Self.shortPatience) { db in
            try db.execute(
                sql: "UPDATE observers SET failures = failures + 1, failed_at = ?, failure = ? WHERE name = ?",
                arguments: [now.wall, reason, observer])
        }
    }

    /// Records that an observer has caught up after failures.
    package func clearFailures(of observer: String) throws(StoreError) {
        try write(patience: Self.shortPatience) { db in
            try db.execute(sql: "UPDATE observers SET failures = 0 WHERE name = ?", arguments: [observer])
        }
    }

    /// Every observer that was ever registered, by name.
    package func observers() throws(StoreError) -> [ObserverStatus] {
        try read { db in
            try Row.fetchAll(db, sql: "SELECT name, failures, failed_at, failure FROM observers ORDER BY name").map {
                row in
                ObserverStatus(
                    name: row["name"], failures: row["failures"], failedAt: row["failed_at"], failure: row["failure"])
            }
        }
    }

    /// The right to hand an observer events, held as long as the value lives; nil while another process has it.
    package func observerLock(_ observer: String) throws(StoreError) -> FileLock? {
        let path = folder.observerLock(observer)
        // Not the state folder too: where it was moved away, nothing is to stand in its place.
        if mkdir(PathText.folder(of: path), 0o700) != 0, errno != EEXIST {
            throw StoreError(writing: PathText.folder(of: path), errno: errno)
        }
        return try FileLock.take(path)
    }
}
