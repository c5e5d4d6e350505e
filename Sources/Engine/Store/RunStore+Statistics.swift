package import CaudalModel
import GRDB

/// A span of time; it stands for the runs that began in it.
package struct StatisticsPeriod: Sendable, Hashable {
    /// Its beginning, and its end, which is not part of it: milliseconds since 1970.
    package var from: Int64
    package var to: Int64

    package init(from: Int64, to: Int64) {
        self.from = from
        self.to = to
    }

    /// The ids of its runs: they begin with the time to a second, so that they are found without an index of their own.
    var ids: (from: String, to: String) { (UTC.compact(from), UTC.compact(to)) }
}

/// What figures are about: a pipeline in one of its environments, or a stage of it.
package struct StatisticsSubject: Sendable, Hashable {
    package var pipeline: String
    package var environment: String?
    package var stage: StageID?

    package init(pipeline: String, environment: String? = nil, stage: StageID? = nil) {
        self.pipeline = pipeline
        self.environment = environment
        self.stage = stage
    }

    /// The same without the stage.
    var ofPipeline: StatisticsSubject { StatisticsSubject(pipeline: pipeline, environment: environment) }

    init(_ row: Row, stage: StageID? = nil) {
        self.init(pipeline: row["pipeline"], environment: row["environment"], stage: stage)
    }
}

/// A run as statistics see it.
package struct RunFigure: Sendable, Hashable {
    package var run: RunID
    package var subject: StatisticsSubject
    /// The true status; running only if a process runs it.
    package var status: RunState.Status
    package var started: Int64
    package var duration: Duration?
}

/// How a stage ended in a run.
package struct StageFigure: Sendable, Hashable {
    package var run: RunID
    package var subject: StatisticsSubject
    package var outcome: Outcome
    package var duration: Duration?
}

/// The attempts of a stage in a period, as sums.
package struct AttemptFigures: Sendable, Hashable {
    package var subject: StatisticsSubject
    package var attempts = 0
    /// The attempts that were not the first of their unit.
    package var retries = 0
    /// How many attempts waited for a slot, how long altogether, and the longest.
    package var waits = 0
    package var waited = Duration.zero
    package var longestWait = Duration.zero
    /// The rows of what succeeded; nil where none were counted.
    package var rows: RowFigures?
    /// The bytes and the files of what was published.
    package var bytes: Int64 = 0
    package var files = 0
}

/// Sums of rows.
package struct RowFigures: Sendable, Hashable {
    /// Rows read; nil where that is not counted, as in stages of type `sql`.
    package var read: Int64?
    package var written: Int64
    package var quarantined: Int64
    package var duplicates: Int64
    package var dropped: Int64

    /// The sum of two.
    package static func + (left: RowFigures, right: RowFigures) -> RowFigures {
        RowFigures(
            read: left.read == nil && right.read == nil ? nil : (left.read ?? 0) + (right.read ?? 0),
            written: left.written + right.written, quarantined: left.quarantined + right.quarantined,
            duplicates: left.duplicates + right.duplicates, dropped: left.dropped + right.dropped)
    }
}

extension RunStore {
    /// The runs of a period, oldest first.
    ///
    /// `pipeline`: only its runs; nil means all.
    /// - Throws: ``StoreError`` when the store cannot be read.
    package func runFigures(
        in period: StatisticsPeriod, pipeline: String? = nil
    ) throws(StoreError) -> [RunFigure] {
        let (folder, ids) = (folder, period.ids)
        return try read { db in
            let rows = try Row.fetchCursor(
                db,
                sql: """
                    SELECT id, pipeline, environment, status, started_at, duration_ms FROM runs
                    WHERE id >= ?1 AND id < ?2 AND (?3 IS NULL OR pipeline = ?3) ORDER BY id
                    """, arguments: [ids.from, ids.to, pipeline])
            var figures: [RunFigure] = []
            while let row = try rows.next() {
                let id = RunID(row["id"])
                var status = RunState.Status(rawValue: row["status"]) ?? .interrupted
                if status == .running, !folder.run(id).isLive { status = .interrupted }
                figures.append(
                    RunFigure(
                        run: id, subject: StatisticsSubject(row), status: status, started: row["started_at"],
                        duration: (row["duration_ms"] as Int64?).map { .milliseconds($0) }))
            }
            return figures
        }
    }

    /// The runs of a period (?1 to ?2) as a table of few columns: rows of `runs` are long, and slow to find one by one.
    static let chosenRuns = """
        WITH chosen AS MATERIALIZED (
            SELECT id, pipeline, environment, started_at FROM runs
            WHERE id >= ?1 AND id < ?2 AND (?3 IS NULL OR pipeline = ?3)
        )
        """

    /// How stages ended in the runs of a period, oldest run first.
    ///
    /// - Throws: ``StoreError`` when the store cannot be read.
    package func stageFigures(
        in period: StatisticsPeriod, pipeline: String? = nil
    ) throws(StoreError) -> [StageFigure] {
        let ids = period.ids
        return try read { db in
            let rows = try Row.fetchCursor(
                db,
                sql: """
                    \(Self.chosenRuns)
                    SELECT run, chosen.pipeline, environment, stage, outcome, duration_ms
                    FROM chosen JOIN stages ON stages.run = chosen.id ORDER BY run
                    """, arguments: [ids.from, ids.to, pipeline])
            var figures: [StageFigure] = []
            // By place: there may be a hundred thousand of them.
            while let row = try rows.next() {
                guard let outcome = Outcome(rawValue: row[4]) else { continue }
                let subject = StatisticsSubject(pipeline: row[1], environment: row[2], stage: StageID(row[3]))
                let duration = (row[5] as Int64?).map { Duration.milliseconds($0) }
                figures.append(
                    StageFigure(run: RunID(row[0]), subject: subject, outcome: outcome, duration: duration))
            }
            return figures
        }
    }

    /// The attempts of the runs of a period, one sum for each stage.
    ///
    /// Rows and files are those of the last success of each unit in each run.
    /// - Throws: ``StoreError`` when the store cannot be read.
    package func attemptFigures(
        in period: StatisticsPeriod, pipeline: String? = nil
    ) throws(StoreError) -> [AttemptFigures] {
        let ids = period.ids
        let arguments: StatementArguments = [ids.from, ids.to, pipeline]
        return try read { db in
            let rows = try Row.fetchAll(
                db,
                sql: """
                    \(Self.chosenRuns)
                    SELECT pipeline, environment, stage, count(*) AS attempts, sum(attempt > 1) AS retries,
                        count(queued_ms) AS waits, coalesce(sum(queued_ms), 0) AS waited,
                        coalesce(max(queued_ms), 0) AS longest, sum(counts AND rows_written IS NOT NULL) AS counted,
                        sum(CASE WHEN counts THEN rows_read END) AS read,
                        sum(CASE WHEN counts THEN rows_written ELSE 0 END) AS written,
                        sum(CASE WHEN counts THEN rows_quarantined ELSE 0 END) AS quarantined,
                        sum(CASE WHEN counts THEN rows_duplicate ELSE 0 END) AS duplicates,
                        sum(CASE WHEN counts THEN rows_dropped ELSE 0 END) AS dropped
                    FROM (SELECT *, \(Self.isLastSuccess) AS counts FROM attempts WHERE run >= ?1 AND run < ?2) AS made
                    JOIN chosen ON chosen.id = made.run GROUP BY pipeline, environment, stage
                    """, arguments: arguments)
            let published = try Row.fetchAll(
                db,
                sql: """
                    \(Self.chosenRuns)
                    SELECT pipeline, environment, attempts.stage, sum(bytes) AS bytes, count(*) AS files
                    FROM attempts JOIN artifacts USING (run, stage, item, attempt)
                        JOIN chosen ON chosen.id = attempts.run
                    WHERE run >= ?1 AND run < ?2 AND \(Self.isLastSuccess)
                    GROUP BY pipeline, environment, attempts.stage
                    """, arguments: arguments)
            var files: [StatisticsSubject: (bytes: Int64, files: Int)] = [:]
            for row in published {
                files[StatisticsSubject(row, stage: StageID(row["stage"]))] = (row["bytes"], row["files"])
            }
            return rows.map { row in
                let subject = StatisticsSubject(row, stage: StageID(row["stage"]))
                var figures = AttemptFigures(subject: subject)
                (figures.attempts, figures.retries) = (row["attempts"], row["retries"])
                (figures.waits, figures.waited) = (row["waits"], .milliseconds(row["waited"] as Int64))
                figures.longestWait = .milliseconds(row["longest"] as Int64)
                if (row["counted"] as Int) > 0 {
                    figures.rows = RowFigures(
                        read: row["read"], written: row["written"], quarantined: row["quarantined"],
                        duplicates: row["duplicates"], dropped: row["dropped"])
                }
                if let published = files[subject] { (figures.bytes, figures.files) = published }
                return figures
            }
        }
    }

    /// Whether a row of `attempts` is the last success of its unit: a stage that ran again counts once.
    private static let isLastSuccess = """
        (attempts.ending = 'succeeded' AND NOT EXISTS (
            SELECT 1 FROM attempts AS later WHERE later.run = attempts.run AND later.stage = attempts.stage
                AND later.item = attempts.item AND later.attempt > attempts.attempt AND later.ending = 'succeeded'))
        """
}
