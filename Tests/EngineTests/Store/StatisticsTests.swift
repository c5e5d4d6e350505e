import CaudalModel
import TestSupport
import Testing

@testable import Engine

@Suite("Statistics and audits over recorded runs", .timeLimit(.minutes(15)))
struct StatisticsTests {
    /// 2026-11-01 06:00:00 UTC.
    private static let begin: Int64 = 1_793_512_800_000
    private static let day: Int64 = 86_400_000
    private static let plan = RunPlan(
        pipeline: "sales", maxParallel: 2,
        stages: [
            PlannedStage(id: "validate", type: "validate"),
            PlannedStage(id: "clean", type: "process", upstream: ["validate"]),
            PlannedStage(id: "publish", upstream: ["clean"]),
        ])
    private static let november = StatisticsPeriod(from: begin, to: begin + 30 * day)

    private let observed: ObservedStore
    private var store: RunStore { observed.store }

    init() throws { observed = try ObservedStore() }

    private static func id(_ day: Int64) -> RunID {
        RunID(startedAt: Moment(wall: begin + day * Self.day, steady: 0), random: 7)
    }

    /// Records the run of a day.
    @discardableResult
    private func run(
        _ day: Int64, _ changes: [RunChange], _ outcome: Outcome?, by plan: RunPlan = plan
    ) throws -> RunID {
        let ended = outcome.map { [RunChange.runEnded($0)] } ?? []
        let all = [RunChange.runStarted(.ofTest)] + changes + ended
        return try store.record(Self.id(day), plan, started: Self.begin + day * Self.day, all).id
    }

    private static func rows(_ read: Int64, _ written: Int64, quarantined: Int64 = 0) -> AttemptResult {
        var result = AttemptResult(
            ending: .succeeded, rows: RowAccount(read: read, written: written, quarantined: quarantined))
        result.artifacts = [Artifact(dataset: "d", path: "d.parquet", sizeInBytes: 100, rowCount: written)]
        return result
    }

    private static func check(_ outcome: CheckResult.Outcome, waiver: String? = nil) -> AttemptResult {
        var result = rows(10, 10)
        result.checks = [
            CheckResult(
                id: "filled", kind: "not_null", severity: .error, outcome: outcome, measured: 3,
                expectation: "no nulls", message: "found \(outcome.rawValue)", waiver: waiver),
            CheckResult(
                id: "fine", kind: "unique", severity: .error, outcome: .passed, expectation: "unique",
                message: "it is"),
        ]
        return result
    }

    @Test("Quantiles lie between values in proportion")
    func quantiles() {
        #expect([Double]().quantile(0.5) == nil)
        #expect([4.0].quantile(0.95) == 4)
        #expect([3.0, 1, 2].quantile(0.5) == 2)
        #expect([1.0, 2, 3, 4].quantile(0.5) == 2.5)
        #expect(([Double](stride(from: 0, through: 100, by: 1))).quantile(0.95) == 95)
    }

    @Test("A trend compares halves, and needs six values")
    func trend() throws {
        #expect(DurationFigures([]) == nil)
        #expect(try #require(DurationFigures([1, 1, 1, 2, 2])).trend == nil)
        let figures = try #require(DurationFigures([10, 10, 10, 12, 12, 12]))
        #expect(abs((figures.trend ?? 0) - 0.2) < 1e-9)
        #expect(figures.p50 == .seconds(11) && figures.last.count == 6)
    }

    @Test("Runs and stages of the period are counted: successes, rows of the first stages, retries, waiting")
    func figures() throws {
        try run(-1, .attempt(UnitID("validate"), Self.rows(1, 1)), .succeeded)
        for day in 0..<3 {
            var changes: [RunChange] = [.unitQueued(UnitID("validate"))]
            changes += .attempt(UnitID("validate"), Self.rows(100, 90, quarantined: 10))
            changes += .attempt(UnitID("clean"), Self.rows(90, 80))
            changes += .attempt(UnitID("publish"), .succeeded)
            try run(Int64(day), changes, .succeeded)
        }
        try run(
            3,
            [
                .attemptStarted(UnitID("validate"), attempt: 1),
                .attemptEnded(UnitID("validate"), attempt: 1, .failed("no")),
                .retryScheduled(UnitID("validate"), delay: .seconds(1)),
                .attemptStarted(UnitID("validate"), attempt: 2),
                .attemptEnded(UnitID("validate"), attempt: 2, .failed("no")),
                .unitEnded(UnitID("validate"), .failed, reason: "no"),
                .unitEnded(UnitID("clean"), .blocked, reason: nil),
            ], .failed)
        try run(4, [], .cancelled)
        try run(5, [], nil)
        let report = try StatisticsReport(Self.november, in: store)
        let sales = try #require(report.pipelines.first)
        #expect(report.pipelines.count == 1 && sales.runs == 6)
        // A run whose process is gone counts as failed.
        #expect((sales.succeeded, sales.failed, sales.cancelled) == (3, 2, 1))
        #expect(sales.successRate == 0.6)
        #expect(sales.rows?.read == 300, "only the first stage reads from outside")
        #expect(sales.retries == 1 && sales.wait == .seconds(1))
        #expect(sales.durations?.p50 == .seconds(11) && sales.last?.status == .interrupted)
        #expect(report.stages.map(\.subject.stage) == ["validate", "clean", "publish"], "in the order of the plan")
        let (validate, clean) = (report.stages[0], report.stages[1])
        #expect((validate.runs, validate.succeeded, validate.failed, validate.retries) == (4, 3, 1, 1))
        #expect(validate.rows?.quarantined == 30 && validate.rows?.written == 270 && validate.stageType == "validate")
        #expect(clean.unworked == 1 && clean.successRate == 1 && clean.rows?.read == 270)
        #expect(report.attempts.first?.bytes == 300 && report.attempts.first?.files == 3)
        #expect(try StatisticsReport(Self.november, pipeline: "other", in: store).pipelines.isEmpty)
    }

    @Test("A stage that ran again in a run counts its rows once")
    func again() throws {
        try run(
            0,
            .attempt(UnitID("validate"), Self.rows(100, 90)) + [.unitReset(UnitID("validate"))]
                + .attempt(UnitID("validate"), number: 2, Self.rows(200, 180)), .succeeded)
        let validate = try #require(try StatisticsReport(Self.november, in: store).stages.first)
        #expect(validate.rows?.read == 200 && validate.rows?.written == 180)
    }

    @Test("Environments are told apart")
    func environments() throws {
        var production = Self.plan
        production.environment = "prod"
        try run(0, .attempt(UnitID("validate"), Self.rows(1, 1)), .succeeded)
        try run(1, .attempt(UnitID("validate"), Self.rows(5, 5)), .failed, by: production)
        let report = try StatisticsReport(Self.november, in: store)
        #expect(report.pipelines.map(\.subject.environment) == [nil, "prod"])
        #expect(report.pipelines.map(\.rows?.read) == [1, 5])
    }

    @Test("A check that does not pass is told with the first run in a row, also one before the period")
    func failingChecks() throws {
        let outcomes: [CheckResult.Outcome] = [.failed, .passed, .failed, .warned, .failed]
        for (day, outcome) in outcomes.enumerated() {
            try run(Int64(day), .attempt(UnitID("clean"), Self.check(outcome)), .succeeded)
        }
        let late = StatisticsPeriod(from: Self.begin + 4 * Self.day, to: Self.begin + 9 * Self.day)
        for period in [Self.november, late] {
            let found = try store.failingChecks(in: period)
            let one = try #require(found.first)
            #expect(found.count == 1 && one.key.check == "filled" && one.last.outcome == .failed)
            #expect(one.since == Self.id(2) && one.runs == 3 && one.passed == Self.id(1))
            #expect(one.message == "found failed" && one.last.run == Self.id(4))
        }
        try run(5, .attempt(UnitID("clean"), Self.check(.passed)), .succeeded)
        #expect(try store.failingChecks(in: Self.november).isEmpty)
    }

    @Test("Of several attempts the last one's result counts, and what never passed says so")
    func attemptsOfChecks() throws {
        try run(
            0,
            .attempt(UnitID("clean"), Self.check(.failed)) + [.unitReset(UnitID("clean"))]
                + .attempt(UnitID("clean"), number: 2, Self.check(.warned, waiver: "known")), .succeeded)
        let one = try #require(try store.failingChecks(in: Self.november).first)
        #expect(one.last.outcome == .warned && one.last.waiver == "known" && one.passed == nil && one.runs == 1)
    }

    @Test("Who retried what, why, and what came of it")
    func retries() throws {
        let publish = UnitID("publish")
        func failing(_ number: Int) -> [RunChange] { .attempt(publish, number: number, .failed("busy, code 503")) }
        try run(
            0,
            failing(1) + [.runEnded(.failed), .commandReceived(.retry("publish", downstream: false), by: "ann")]
                + [.unitReset(publish)] + failing(2)
                + [.commandReceived(.retryFailed, by: "bob"), .unitReset(publish)]
                + .attempt(publish, number: 3, .succeeded), .succeeded)
        try run(
            1,
            failing(1) + [
                .commandReceived(.pause, by: "ann"),
                .commandReceived(.mark(publish, .skipped, reason: "not today"), by: "cat"),
                .unitMarked(publish, .skipped, reason: "not today"),
            ], .succeeded)
        let records = try store.retryRecords(in: Self.november)
        #expect(records.map(\.by) == ["cat", "bob", "ann"], "newest first, and only retries and marks")
        #expect(records.map { $0.causes.first?.result } == [.cleared, .cleared, .failedAgain])
        #expect(records.allSatisfy { $0.causes.map(\.message) == ["busy, code 503"] })
        #expect(records.map(\.command.words) == ["mark publish skipped", "retry what failed", "retry publish"])
        let today = StatisticsPeriod(from: Self.begin + Self.day, to: Self.begin + 2 * Self.day)
        #expect(try store.retryRecords(in: today).map(\.by) == ["cat"])
    }

    @Test("The odds of a retry count the runs in which there was one")
    func odds() throws {
        let publish = UnitID("publish")
        let failing: [RunChange] = .attempt(publish, .failed("busy 1"))
        let cleared =
            [RunChange.commandReceived(.retryFailed, by: "ann"), .unitReset(publish)]
            + .attempt(publish, number: 2, .succeeded)
        try run(0, failing + cleared, .succeeded)
        try run(1, failing, .failed)
        try run(
            2,
            failing + [.commandReceived(.retryFailed, by: "ann"), .unitReset(publish)]
                + .attempt(publish, number: 2, .failed("busy 2")), .failed)
        let history = try #require(try store.failureHistories().first)
        #expect(history.runs == 3 && history.retried == 2 && history.cleared == 1 && history.clearedByOneRetry == 1)
        #expect(history.oddsOfRetry == 0.5)
    }

    @Test("Endings only ever grow: each end counts, and removed runs too")
    func endings() throws {
        let first = try run(0, [.runEnded(.failed), .runResumed(.ofTest)], .succeeded)
        let second = try run(1, [], .succeeded)
        func counts() throws -> [String: Int64] {
            Dictionary(uniqueKeysWithValues: try store.endings().map { ($0.status.rawValue, $0.count) })
        }
        #expect(try counts() == ["failed": 1, "succeeded": 2])
        try store.forget(first)
        #expect(try counts() == ["failed": 1, "succeeded": 2])
        let newest = try #require(try store.newestRuns().first)
        #expect(newest.ended == Self.id(1) && newest.live == 0)
        func lastSuccess() throws -> Int64? { try store.endings().first { $0.status == .succeeded }?.last }
        let last = try #require(try lastSuccess())
        try store.forget(second)
        #expect(
            try lastSuccess() == last, "an alert on the age of the last success needs it when only failures are left")
        let text = MetricsText.openMetrics(try MetricsSnapshot(of: store).families)
        #expect(text.contains("caudal_run_last_success_timestamp_seconds{"))
    }
}
