package import CaudalModel
import Foundation
import GRDB

/// What a check measured in one run, as the run store keeps it.
package struct CheckPoint: Sendable, Hashable, Codable {
    /// What identifies the test that results belong to.
    package struct Key: Sendable, Hashable {
        package var stage: StageID
        /// The item of a fan-out, or nil.
        package var item: ItemKey?
        package var check: String
        /// The part of the data, such as `region=north`, or nil for all of it.
        package var part: String?
        /// The environment, which has its own data; nil for runs without one.
        package var environment: String?

        package init(
            stage: StageID, item: ItemKey? = nil, check: String, part: String? = nil, environment: String? = nil
        ) {
            self.stage = stage
            self.item = item
            self.check = check
            self.part = part
            self.environment = environment
        }
    }

    package var run: RunID
    /// When the run started, in milliseconds since 1970.
    package var started: Int64
    /// The run's environment, or nil.
    package var environment: String?
    package var stage: StageID
    package var item: ItemKey?
    package var check: String
    package var part: String?
    /// The check's kind as the pipeline file names it.
    package var kind: String
    package var outcome: CheckResult.Outcome
    package var measured: Double?
    package var failingRows: Int64?
    package var totalRows: Int64?
    package var expectation: String
    package var waiver: String?

    package init(
        run: RunID, started: Int64, environment: String? = nil, stage: StageID, item: ItemKey? = nil, check: String,
        part: String? = nil,
        kind: String, outcome: CheckResult.Outcome, measured: Double?, failingRows: Int64? = nil,
        totalRows: Int64? = nil, expectation: String, waiver: String? = nil
    ) {
        self.run = run
        self.started = started
        self.environment = environment
        self.stage = stage
        self.item = item
        self.check = check
        self.part = part
        self.kind = kind
        self.outcome = outcome
        self.measured = measured
        self.failingRows = failingRows
        self.totalRows = totalRows
        self.expectation = expectation
        self.waiver = waiver
    }

    /// The test that it is a result of.
    package var key: Key { Key(stage: stage, item: item, check: check, part: part, environment: environment) }
}

extension RunStore {
    /// The maximum number of results read at once, so that a fan-out of very many items does not exhaust memory.
    static let checkPointLimit = 50_000

    /// The values that the checks of a pipeline measured, oldest run first; of several attempts, the last with results.
    ///
    /// - Parameters:
    ///   - stage: Only checks of this stage; nil means all.
    ///   - check: Only this check; nil means all.
    ///   - last: The newest run to include, which also restricts the result to its environment; nil means all runs.
    ///   - runs: Maximum number of runs.
    /// - Throws: ``StoreError`` when the store cannot be read.
    package func checkPoints(
        of pipeline: String, stage: StageID? = nil, check: String? = nil, upTo last: RunID? = nil, runs: Int = 10_000
    ) throws(StoreError) -> [CheckPoint] {
        try read { db in
            let rows = try Row.fetchAll(
                db,
                sql: """
                    SELECT checks.*, runs.started_at, runs.environment FROM checks JOIN runs ON runs.id = checks.run
                    WHERE checks.pipeline = ?1 AND (?2 IS NULL OR checks.stage = ?2) AND (?3 IS NULL OR checks.id = ?3)
                        AND checks.run IN (
                            SELECT DISTINCT run FROM checks WHERE pipeline = ?1 AND (?2 IS NULL OR stage = ?2)
                                AND (?3 IS NULL OR id = ?3) AND (?4 IS NULL OR run <= ?4
                                    AND (SELECT environment FROM runs WHERE id = run)
                                        IS (SELECT environment FROM runs WHERE id = ?4))
                            ORDER BY run DESC LIMIT ?5)
                        AND attempt = (SELECT max(attempt) FROM checks AS other WHERE other.run = checks.run
                            AND other.stage = checks.stage AND other.item = checks.item AND other.id = checks.id)
                    ORDER BY checks.run DESC, checks.stage, checks.item, checks.id, checks.part LIMIT ?6
                    """, arguments: [pipeline, stage?.rawValue, check, last?.rawValue, runs, Self.checkPointLimit])
            return rows.reversed().compactMap(Self.checkPoint)
        }
    }

    static func checkPoint(_ row: Row) -> CheckPoint? {
        guard let outcome = CheckResult.Outcome(rawValue: row["outcome"]) else { return nil }
        let (item, part): (String, String) = (row["item"], row["part"])
        return CheckPoint(
            run: RunID(row["run"]), started: row["started_at"], environment: row["environment"],
            stage: StageID(row["stage"]),
            item: item.isEmpty ? nil : ItemKey(item), check: row["id"], part: part.isEmpty ? nil : part,
            kind: row["kind"], outcome: outcome, measured: row["measured"], failingRows: row["failing_rows"],
            totalRows: row["total_rows"], expectation: row["expectation"], waiver: row["waiver"])
    }

    /// The pipelines and stages that have a check with this id.
    ///
    /// - Throws: ``StoreError`` when the store cannot be read.
    package func owners(ofCheck check: String) throws(StoreError) -> [(pipeline: String, stage: StageID)] {
        try read { db in
            try Row.fetchAll(
                db, sql: "SELECT DISTINCT pipeline, stage FROM checks WHERE id = ? ORDER BY pipeline, stage",
                arguments: [check]
            ).map { ($0["pipeline"], StageID($0["stage"])) }
        }
    }

    /// The names of all stages that ended in a run, of one pipeline or of all.
    ///
    /// - Throws: ``StoreError`` when the store cannot be read.
    package func stageNames(of pipeline: String?) throws(StoreError) -> [String] {
        try read { db in
            try String.fetchAll(
                db, sql: "SELECT DISTINCT stage FROM stages WHERE ?1 IS NULL OR pipeline = ?1 ORDER BY stage",
                arguments: [pipeline])
        }
    }

    /// The ids of all recorded checks, of one pipeline or of all.
    ///
    /// - Throws: ``StoreError`` when the store cannot be read.
    package func checkNames(of pipeline: String?) throws(StoreError) -> [String] {
        try read { db in
            try String.fetchAll(
                db, sql: "SELECT DISTINCT id FROM checks WHERE ?1 IS NULL OR pipeline = ?1 ORDER BY id",
                arguments: [pipeline])
        }
    }

    /// The lines of level warn and above in a run, in order, and the number of all of them.
    ///
    /// - Throws: ``StoreError`` when the store cannot be read.
    package func remarks(of run: RunID, limit: Int) throws(StoreError) -> (lines: [LogRecord], count: Int) {
        try read { db in
            let pipeline = try String.fetchOne(
                db, sql: "SELECT pipeline FROM runs WHERE id = ?", arguments: [run.rawValue])
            let count = try Int.fetchOne(
                db, sql: "SELECT count(*) FROM remarks WHERE run = ?", arguments: [run.rawValue])
            let rows = try Row.fetchAll(
                db,
                sql: """
                    SELECT at, level, stage, item, attempt, stream, message FROM remarks
                    WHERE run = ? ORDER BY at, rowid LIMIT ?
                    """, arguments: [run.rawValue, limit])
            let lines = rows.map { row in
                LogRecord(
                    time: row["at"], level: LogLevel(named: row["level"] as String) ?? .warn, pipeline: pipeline ?? "",
                    run: run, stage: (row["stage"] as String?).map { StageID($0) },
                    item: (row["item"] as String?).map { ItemKey($0) }, attempt: row["attempt"],
                    stream: LogStream(rawValue: row["stream"]) ?? .engine, message: row["message"])
            }
            return (lines, count ?? 0)
        }
    }
}

extension RunStore {
    /// The checks of a stage that warned in a run without a waiver, in the last attempt of each unit.
    ///
    /// - Throws: ``StoreError`` when the store cannot be read.
    package func warnedChecks(of stage: StageID, in run: RunID) throws(StoreError) -> [String] {
        try read { db in
            try String.fetchAll(
                db,
                sql: """
                    SELECT DISTINCT id FROM checks
                    WHERE run = ?1 AND stage = ?2 AND outcome = 'warned' AND waiver IS NULL AND attempt = (
                        SELECT max(attempt) FROM attempts WHERE attempts.run = checks.run
                            AND attempts.stage = checks.stage AND attempts.item = checks.item)
                    ORDER BY id
                    """, arguments: [run.rawValue, stage.rawValue])
        }
    }
}
