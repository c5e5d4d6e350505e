package import CaudalModel
import Foundation
import GRDB

extension RunStore {
    /// How many runs there are.
    ///
    /// - Throws: ``StoreError`` when the store cannot be read.
    package func runCount() throws(StoreError) -> Int {
        try read { try Int.fetchOne($0, sql: "SELECT count(*) FROM runs") } ?? 0
    }

    /// The runs, newest first.
    ///
    /// - Parameters:
    ///   - pipeline: Only runs of this pipeline.
    ///   - wanted: Only runs in this state, which is their true one.
    ///   - limit: Maximum number of runs.
    /// - Throws: ``StoreError`` when the store cannot be read.
    package func runs(
        pipeline: String? = nil, status wanted: RunState.Status? = nil, limit: Int = 50
    ) throws(StoreError) -> [RunSummary] {
        let folder = folder
        // Whether a run that is recorded as running was interrupted is known from its lock alone.
        let recorded = wanted == .interrupted ? .running : wanted
        return try read { db in
            let rows = try Row.fetchCursor(
                db,
                sql: """
                    SELECT id, pipeline, file, status, trigger, started_at, ended_at, duration_ms, stage_count, parameters,
                        environment
                    FROM runs WHERE (?1 IS NULL OR pipeline = ?1) AND (?2 IS NULL OR status = ?2) ORDER BY id DESC
                    """, arguments: [pipeline, recorded?.rawValue])
            var found: [RunSummary] = []
            while found.count < limit, let row = try rows.next() {
                let id = RunID(row["id"])
                let status = RunState.Status(rawValue: row["status"]) ?? .interrupted
                var summary = RunSummary(
                    id: id, pipeline: row["pipeline"], file: row["file"], status: status,
                    trigger: RunTrigger(row["trigger"]), started: row["started_at"], ended: row["ended_at"],
                    duration: (row["duration_ms"] as Int64?).map { .milliseconds($0) }, stageCount: row["stage_count"],
                    parameters: SecretNames().hidden(Self.decode([String: String].self, row["parameters"]) ?? [:]),
                    environment: row["environment"],
                    // Only a run that is recorded as running can have a process.
                    isLive: status == .running && folder.run(id).isLive)
                if let wanted, summary.trueStatus != wanted { continue }
                if status == .running {
                    let stints = try Self.stints(of: id, db)
                    summary.liveSince = summary.isLive ? stints.last?.began : nil
                    let ended = stints.dropLast(summary.isLive ? 1 : 0).map(\.length)
                    summary.duration = stints.isEmpty ? nil : ended.reduce(.zero, +)
                }
                found.append(summary)
            }
            return found
        }
    }

    /// The times in which a process ran a run, each up to the last event of that process.
    static func stints(of run: RunID, _ db: Database) throws -> [(began: Moment, length: Duration)] {
        // A restoration is not part of the run's work; see `RunState.apply`.
        let rows = try Row.fetchAll(
            db,
            sql: """
                SELECT min(at) AS wall, min(steady) AS steady, max(steady) - min(steady) AS length FROM (
                    SELECT at, steady, sum(kind IN ('run_started', 'run_resumed')) OVER (ORDER BY seq) AS stint
                    FROM events WHERE run = ? AND kind <> 'restored'
                ) GROUP BY stint ORDER BY stint
                """, arguments: [run.rawValue])
        return rows.map {
            (Moment(wall: $0["wall"], steady: $0["steady"]), .milliseconds($0["length"] as Int64))
        }
    }

    /// Every run of a pipeline as a backfill needs it, newest first.
    ///
    /// - Throws: ``StoreError`` when the store cannot be read.
    package func pastRuns(of pipeline: String) throws(StoreError) -> [PastRun] {
        let folder = folder
        return try read { db in
            let rows = try Row.fetchAll(
                db,
                sql: """
                    SELECT id, status, environment, parameters, trigger, json_extract(plan, '$.selection') AS selection
                    FROM runs WHERE pipeline = ? ORDER BY id DESC
                    """, arguments: [pipeline])
            return rows.map { row in
                let id = RunID(row["id"])
                var status = RunState.Status(rawValue: row["status"]) ?? .interrupted
                if status == .running, !folder.run(id).isLive { status = .interrupted }
                return PastRun(
                    id: id, status: status, parameters: Self.decode([String: String].self, row["parameters"]) ?? [:],
                    environment: row["environment"], selection: row["selection"], trigger: RunTrigger(row["trigger"]))
            }
        }
    }

    /// When a run began, by its record, in milliseconds since 1970.
    ///
    /// - Throws: ``StoreError`` when the store cannot be read.
    func began(_ run: RunID) throws(StoreError) -> Int64? {
        try read { try Int64.fetchOne($0, sql: "SELECT started_at FROM runs WHERE id = ?", arguments: [run.rawValue]) }
    }

    /// The stages that began an attempt in a run, whether it ended or not.
    ///
    /// - Throws: ``StoreError`` when the store cannot be read.
    package func stagesBegun(in run: RunID) throws(StoreError) -> Set<StageID> {
        try read { db in
            let names = try String.fetchAll(
                db, sql: "SELECT DISTINCT stage FROM events WHERE run = ? AND kind = 'attempt_started'",
                arguments: [run.rawValue])
            return Set(names.map { StageID($0) })
        }
    }

    /// The names of all pipelines with runs, sorted.
    ///
    /// - Throws: ``StoreError`` when the store cannot be read.
    package func pipelines() throws(StoreError) -> [String] {
        try read { db in try String.fetchAll(db, sql: "SELECT DISTINCT pipeline FROM runs ORDER BY pipeline") }
    }

    static func decode<Value: Decodable>(_ type: Value.Type, _ text: String) -> Value? {
        try? JSONDecoder().decode(type, from: Data(text.utf8))
    }

    /// The run that a text refers to: a whole id, the beginning or the end of one, or `last`.
    ///
    /// - Throws: ``StoreError`` when no run or several runs match.
    package func find(_ text: String, pipeline: String? = nil) throws(StoreError) -> RunID {
        let isLast = text == "last" || text == "latest"
        let ids: [String] = try read { db in
            if isLast {
                return try String.fetchAll(
                    db, sql: "SELECT id FROM runs WHERE ?1 IS NULL OR pipeline = ?1 ORDER BY id DESC LIMIT 1",
                    arguments: [pipeline])
            }
            let exact = try String.fetchAll(db, sql: "SELECT id FROM runs WHERE id = ?", arguments: [text])
            if !exact.isEmpty { return exact }
            // Compared literally: no character is a wildcard, and the empty text matches no run.
            guard !text.isEmpty else { return [] }
            return try String.fetchAll(
                db,
                sql: """
                    SELECT id FROM runs WHERE substr(id, 1, length(?1)) = ?1 OR substr(id, -length(?1)) = ?1
                    ORDER BY id DESC LIMIT 20
                    """, arguments: [text])
        }
        if isLast, ids.isEmpty { throw StoreError(.noRuns(pipeline: pipeline), path: folder.path) }
        guard let first = ids.first else { throw StoreError(.unknownRun(text), path: folder.database) }
        guard ids.count == 1 else { throw StoreError(.ambiguousRun(text, candidates: ids), path: folder.database) }
        return RunID(first)
    }

    /// The plan with which a run was recorded.
    ///
    /// - Throws: ``StoreError`` when there is no such run, or its plan cannot be decoded.
    package func plan(of run: RunID) throws(StoreError) -> RunPlan {
        let text: String? = try read { db in
            try String.fetchOne(db, sql: "SELECT plan FROM runs WHERE id = ?", arguments: [run.rawValue])
        }
        guard let text else { throw StoreError(.unknownRun(run.rawValue), path: folder.database) }
        guard let plan = Self.decode(RunPlan.self, text) else {
            throw StoreError(.unreadable("the plan of run \(run) is damaged"), path: folder.database)
        }
        return plan
    }

    /// The events of a run after `sequence`, in order.
    ///
    /// - Throws: ``StoreError`` when the journal cannot be read or decoded.
    package func events(of run: RunID, after sequence: Int64 = 0) throws(StoreError) -> [RunEvent] {
        try read { db in
            let cursor = try Row.fetchCursor(db, sql: Self.eventsQuery, arguments: [run.rawValue, sequence])
            var events: [RunEvent] = []
            while let row = try cursor.next() {
                if let event = try Self.event(row) { events.append(event) }
            }
            return events
        }
    }

    /// The rows of a run's journal behind an event, in order.
    static let eventsQuery = """
        SELECT seq, at, steady, kind, stage, item, attempt, detail FROM events WHERE run = ? AND seq > ? ORDER BY seq
        """

    /// A row of a journal as it is.
    static func eventRow(_ row: Row) -> EventRow {
        EventRow(
            kind: row["kind"], stage: row["stage"], item: row["item"], attempt: row["attempt"], detail: row["detail"])
    }

    /// The event of a row of a journal; nil for a kind that only a newer caudal knows.
    static func event(_ row: Row) throws -> RunEvent? {
        try eventRow(row).change().map { change in
            RunEvent(sequence: row["seq"], time: Moment(wall: row["at"], steady: row["steady"]), change: change)
        }
    }

    /// The state of a run from its journal; a run that did not end and has no process is interrupted.
    ///
    /// - Throws: ``StoreError`` when there is no such run, or its journal cannot be read or decoded.
    package func state(of run: RunID) throws(StoreError) -> RunState {
        let plan = try plan(of: run)
        var state = RunState(id: run, plan: plan, events: try events(of: run))
        if state.status == .running, !folder.run(run).isLive { state.markInterrupted() }
        return state
    }
}
