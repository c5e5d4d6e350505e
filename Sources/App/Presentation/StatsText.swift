import CaudalModel
import Engine

/// Statistics of runs as a table for people and as JSON for programs.
struct StatsText {
    let report: StatisticsReport
    let period: PeriodWords
    /// Whether stages are printed below their pipelines.
    let showsStages: Bool
    let paint: Paint

    var lines: [StyledText] {
        let titles = [
            "PIPELINE", "RUNS", "SUCCESS", "P50", "P95", "TREND", "DURATIONS", "ROWS IN", "WAIT", "RETRIES", "LAST",
        ]
        var rows: [[StyledText]] = []
        for pipeline in report.pipelines {
            rows.append(row(pipeline))
            guard showsStages else { continue }
            rows += report.stages.filter { $0.subject.isOf(pipeline.subject) }.map(row)
        }
        return [paint.dim("runs of \(period.words)")] + Columns.lines(rows, titles: titles, paint)
    }

    private func row(_ one: RunStatistics) -> [StyledText] {
        let name = one.subject.stage.map { "  \($0)" } ?? one.subject.words
        let durations = one.durations
        return [
            "\(name)", "\(one.runs)", success(one), "\(durations?.p50.short ?? "—")", "\(durations?.p95.short ?? "—")",
            trend(durations?.trend),
            "\(Sparkline((durations?.last ?? []).map { Sparkline.Point($0) }).blocks(most: 20))",
            "\(one.rows?.read?.short ?? "—")", "\(one.wait?.short ?? "—")",
            one.retries > 0 ? paint.wait("\(one.retries)") : "0", last(one),
        ]
    }

    private func success(_ one: RunStatistics) -> StyledText {
        guard let rate = one.successRate else { return "—" }
        let text = "\((rate * 100).rounded(to: 1))%"
        return rate == 1 ? paint.good(text) : rate < 0.9 ? paint.bad(text) : paint.wait(text)
    }

    private func trend(_ trend: Double?) -> StyledText {
        guard let trend else { return "—" }
        let percent = Int((trend * 100).rounded())
        let text = percent > 0 ? "+\(percent)%" : percent < 0 ? "−\(-percent)%" : "="
        return percent >= 25 ? paint.wait(text) : "\(text)"
    }

    private func last(_ one: RunStatistics) -> StyledText {
        guard let last = one.last else { return "" }
        return paint.status(last.status, last.status.rawValue) + "  \(LocalTime.full(last.started))"
    }

    // MARK: - JSON

    private struct Line: Encodable {
        var pipeline: String
        var environment: String?
        var stage: String?
        var type: String?
        var from: String
        var to: String
        var runs: Int
        var succeeded: Int
        var failed: Int
        var cancelled: Int
        var running: Int?
        var notRun: Int?
        var successRate: Double?
        var p50Ms: Int64?
        var p95Ms: Int64?
        var trend: Double?
        var durationsMs: [Int64]
        var rowsRead: Int64?
        var rowsWritten: Int64?
        var rowsQuarantined: Int64?
        var rowsDuplicate: Int64?
        var rowsDropped: Int64?
        var waitMs: Int64?
        var longestWaitMs: Int64?
        var retries: Int
        var lastRun: String?
        var lastState: String?
        var lastStarted: String?

        init(_ one: RunStatistics, _ period: StatisticsPeriod) {
            (pipeline, environment, stage) = (
                one.subject.pipeline, one.subject.environment, one.subject.stage?.rawValue
            )
            type = one.stageType
            (from, to) = (UTC.isoSecond(period.from), UTC.isoSecond(period.to))
            (runs, succeeded, failed, cancelled) = (one.runs, one.succeeded, one.failed, one.cancelled)
            running = stage == nil ? one.running : nil
            notRun = stage == nil ? nil : one.unworked
            successRate = one.successRate
            (p50Ms, p95Ms) = (one.durations?.p50.milliseconds, one.durations?.p95.milliseconds)
            trend = one.durations?.trend
            durationsMs = (one.durations?.last ?? []).map { Int64(($0 * 1000).rounded()) }
            rowsRead = one.rows?.read
            // What a pipeline writes is not the sum of what its stages do.
            if stage != nil { rowsWritten = one.rows?.written }
            (rowsQuarantined, rowsDuplicate) = (one.rows?.quarantined, one.rows?.duplicates)
            rowsDropped = one.rows?.dropped
            (waitMs, longestWaitMs) = (one.wait?.milliseconds, one.longestWait?.milliseconds)
            retries = one.retries
            (lastRun, lastState) = (one.last?.run.rawValue, one.last?.status.rawValue)
            lastStarted = one.last.map { UTC.iso($0.started) }
        }
    }

    /// One for each pipeline, followed by its stages where they are shown.
    var jsonLines: [String] {
        report.pipelines.flatMap { pipeline in
            [pipeline] + (showsStages ? report.stages.filter { $0.subject.isOf(pipeline.subject) } : [])
        }.map { JSONText.encoded(Line($0, period.period)) }
    }
}

/// A period with its words, such as `the last 30 days` and `2026-10`.
struct PeriodWords {
    var period: StatisticsPeriod
    var words: String
}

extension StatisticsSubject {
    /// The pipeline with its environment.
    var words: String { pipeline + (environment.map { " (\($0))" } ?? "") }

    /// Whether it is a stage of a pipeline.
    func isOf(_ other: StatisticsSubject) -> Bool {
        pipeline == other.pipeline && environment == other.environment && stage != nil
    }
}
