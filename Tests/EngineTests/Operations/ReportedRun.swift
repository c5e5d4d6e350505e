import CaudalModel
import Engine

/// A run to report on: a file is validated, cleaned and checked, and the hand-over fails at its second attempt.
struct ReportedRun {
    private(set) var state: RunState
    private(set) var background = RunBackground()
    /// 2026-11-23 06:00:00 UTC.
    private(set) var now = Moment(wall: 1_795_413_600_000, steady: 5_000)

    /// `name`: the name of the last stage; `value`: a value that a check finds; `parameters`: those of the run.
    init(stage name: StageID = "publish", value: String = "-5", parameters: [String: String] = ["day": "2026-11-23"]) {
        let stages = [
            PlannedStage(id: "validate", type: "validate", inputs: ["raw"], outputs: ["valid"]),
            PlannedStage(
                id: "clean", type: "process", upstream: ["validate"], inputs: ["valid"], outputs: ["clean"]),
            PlannedStage(id: name, upstream: ["clean"], retry: RetryPolicy(limit: 1)),
            PlannedStage(id: "tell", upstream: [name]),
        ]
        let plan = RunPlan(
            pipeline: "sales", description: "Daily sales", file: "config/sales.yaml", root: "/srv/sales",
            parameters: parameters, maxParallel: 4, stages: stages,
            origin: RunOrigin(
                caudal: "9.9.9", host: "etl-1", system: "Debian", processors: 8, memory: 16_000_000_000, user: "ana"))
        state = RunState(id: "20261123-060000-k3f9", plan: plan)
        happen(.runStarted(ProcessIdentity(pid: 41, startTicks: 7, bootID: "boot")))
        var validated = AttemptResult(ending: .succeeded, rows: RowAccount(read: 1000, written: 971, quarantined: 29))
        validated.reads = [
            InputVersion(
                dataset: "raw", path: "data/raw.csv", sizeInBytes: 52_000, contentHash: "xxh64:0011223344556677")
        ]
        validated.tool = "duckdb 1.5.5"
        end(UnitID("validate"), after: 1_000, validated)
        end(UnitID("clean"), after: 2_000, cleaned(value))
        for attempt in 1...2 {
            let failure = Failure("exit status 75: the warehouse is closed", remedy: "try again after 8")
            start(UnitID(name), attempt)
            pass(500)
            happen(.attemptEnded(UnitID(name), attempt: attempt, AttemptResult(ending: .failed, failure: failure)))
            if attempt == 1 { happen(.retryScheduled(UnitID(name), delay: .seconds(1))) }
            pass(1_000)
        }
        happen(.unitEnded(UnitID(name), .failed, reason: "exit status 75: the warehouse is closed"))
        happen(.unitEnded(UnitID("tell"), .blocked, reason: "\(name) failed"))
        happen(.runEnded(.failed))
        recordHistory()
    }

    private func cleaned(_ value: String) -> AttemptResult {
        var result = AttemptResult(ending: .succeeded, rows: RowAccount(read: 971, written: 951, duplicates: 20))
        result.artifacts = [
            Artifact(
                dataset: "clean", path: "data/clean.parquet", sizeInBytes: 12_345, rowCount: 951,
                contentHash: "xxh64:ef46db3751d8e999")
        ]
        var negative = CheckResult(
            id: "no_negative_totals", kind: "sql", severity: .error, outcome: .warned, measured: 3,
            expectation: "the query returns no row", message: "3 rows returned of 951", failingRows: 3, totalRows: 951,
            samples: [SampleRow(row: 17, columns: ["order_id", "total"], values: [nil, value])],
            waiver: "waived until 2026-12-31: refunds are booked twice")
        negative.limits = Check.Bounds(max: 0)
        let filled = CheckResult(
            id: "completeness_total", kind: "completeness", severity: .error, outcome: .passed, measured: 0.99,
            expectation: "at least 95% of total filled", message: "99% of 951 rows have a value")
        result.checks = [negative, filled]
        return result
    }

    private mutating func recordHistory() {
        let points = [0, 1, 3].enumerated().map { index, measured in
            CheckPoint(
                run: RunID("2026112\(index + 1)-060000-k3f9"), started: now.wall, stage: "clean",
                check: "no_negative_totals", kind: "sql", outcome: measured == 0 ? .passed : .warned,
                measured: Double(measured), expectation: "the query returns no row")
        }
        let remark = LogRecord(
            time: now.wall, level: .error, pipeline: "sales", run: state.id, stage: "publish", attempt: 2,
            stream: .stderr, message: "ERROR 503 the warehouse is closed")
        background = RunBackground(
            history: Dictionary(grouping: points, by: \.key), remarks: [remark], remarkCount: 12)
    }

    // MARK: - Telling

    private mutating func pass(_ milliseconds: Int64) {
        now.wall += milliseconds
        now.steady += milliseconds
    }

    private mutating func happen(_ change: RunChange) {
        state.apply(RunEvent(sequence: state.lastSequence + 1, time: now, change: change))
    }

    private mutating func start(_ id: UnitID, _ attempt: Int) {
        happen(.unitQueued(id))
        happen(.attemptStarted(id, attempt: attempt))
    }

    private mutating func end(_ id: UnitID, after milliseconds: Int64, _ result: AttemptResult) {
        start(id, 1)
        pass(milliseconds)
        happen(.attemptEnded(id, attempt: 1, result))
        happen(.unitEnded(id, .succeeded, reason: nil))
    }

    /// The report of the run in a form.
    func text(_ format: ReportFormat) -> String {
        RunReport(state: state, background: background, now: now).text(in: format)
    }
}
