import CaudalModel
import ArgumentParser
import Engine

/// `caudal stats rows`.
struct StatsRows: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rows", abstract: "Count the rows and bytes of a period, by pipeline and stage.",
        discussion: CommandHelp.paragraphs(
            """
            Every stage counts once in each run, with its last success; what was reused does not count. The line of a pipeline
            has the rows that its first stages read.
            """))

    @OptionGroup var options: AuditOptions

    private struct Line: Encodable {
        var pipeline: String
        var environment: String?
        var stage: String?
        var from: String
        var to: String
        var read: Int64?
        var written: Int64?
        var quarantined: Int64?
        var duplicates: Int64?
        var dropped: Int64?
        var files: Int
        var bytes: Int64
    }

    func run() async throws {
        let store = try options.store()
        let chosen = options.period.chosen
        let report = try Output.reporting {
            try StatisticsReport(chosen.period, pipeline: options.pipeline, in: store)
        }
        let paint = Paint(options.color)
        let titles = ["PIPELINE", "READ", "WRITTEN", "QUARANTINED", "DUPLICATES", "DROPPED", "FILES", "BYTES"]
        var rows: [[StyledText]] = []
        for pipeline in report.pipelines {
            let own = report.attempts.filter {
                $0.subject.isOf(pipeline.subject) && ($0.rows != nil || $0.files > 0)
            }
            let total = Line(
                pipeline: pipeline.subject.pipeline, environment: pipeline.subject.environment,
                from: UTC.isoSecond(chosen.period.from), to: UTC.isoSecond(chosen.period.to),
                read: pipeline.rows?.read, files: own.reduce(0) { $0 + $1.files },
                bytes: own.reduce(0) { $0 + $1.bytes })
            let lines = [total] + own.map { Self.line($0, like: total) }
            if options.json { lines.forEach { Output.json($0) } }
            rows += lines.map(Self.cells)
        }
        if options.json { return }
        if rows.isEmpty { return Output.error("no runs in \(chosen.words)") }
        Output.line(paint.dim("rows of \(chosen.words)"))
        Output.table(rows, titles: titles, paint)
    }

    private static func line(_ figures: AttemptFigures, like total: Line) -> Line {
        var line = total
        line.stage = figures.subject.stage?.rawValue
        (line.read, line.written) = (figures.rows?.read, figures.rows?.written)
        (line.quarantined, line.duplicates) = (figures.rows?.quarantined, figures.rows?.duplicates)
        line.dropped = figures.rows?.dropped
        (line.files, line.bytes) = (figures.files, figures.bytes)
        return line
    }

    private static func cells(_ line: Line) -> [StyledText] {
        func count(_ number: Int64?) -> StyledText { "\(number?.grouped ?? (line.stage == nil ? "" : "—"))" }
        let name = line.stage.map { "  \($0)" } ?? line.pipeline + (line.environment.map { " (\($0))" } ?? "")
        return [
            "\(name)", count(line.read), count(line.written), count(line.quarantined), count(line.duplicates),
            count(line.dropped), "\(Int64(line.files).grouped)", "\(line.bytes.shortBytes)",
        ]
    }
}

/// `caudal stats checks`.
struct StatsChecks: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "checks", abstract: "List the checks that do not pass, and since when.",
        discussion: CommandHelp.paragraphs(
            """
            Each check counts by its last result in the period; the time since when it does not pass may lie before the period.
            'caudal checks --history CHECK' shows what it measured. Exit status: 1 if a check has failed and is not waived.
            """))

    @OptionGroup var options: AuditOptions

    private struct Line: Encodable {
        var pipeline: String
        var environment: String?
        var stage: String
        var item: String?
        var check: String
        var part: String?
        var outcome: String
        var since: String
        var sinceRun: String
        var runs: Int
        var lastPassed: String?
        var lastPassedRun: String?
        var run: String
        var measured: Double?
        var expectation: String
        var message: String
        var waiver: String?
    }

    func run() async throws {
        let store = try options.store()
        let chosen = options.period.chosen
        let checks = try Output.reporting { try store.failingChecks(in: chosen.period, pipeline: options.pipeline) }
        if options.json {
            for check in checks { Output.json(Self.line(check)) }
        } else if checks.isEmpty {
            Output.line("every check passed in its last run of \(chosen.words)")
        } else {
            let paint = Paint(options.color)
            let rows = checks.map { one -> [StyledText] in
                let word = one.last.waiver == nil ? one.last.outcome.rawValue : "waived"
                return [
                    paint.outcome(one.last.outcome, word), "\(Self.name(one))", "\(LocalTime.full(one.sinceTime))",
                    "\(one.runs)", "\(one.passedTime.map { LocalTime.full($0) } ?? "never")", "\(one.message)",
                ]
            }
            Output.table(rows, titles: ["OUTCOME", "CHECK", "SINCE", "RUNS", "LAST PASSED", "FOUND"], paint)
        }
        let isBad = checks.contains { $0.last.outcome != .warned && $0.last.waiver == nil }
        if isBad { throw ExitStatus.failed.code }
    }

    private static func name(_ one: FailingCheck) -> String {
        let subject = StatisticsSubject(pipeline: one.pipeline, environment: one.key.environment)
        return "\(subject.words)/\(one.key.stage)\(one.key.item.map { "[\($0)]" } ?? "")/\(one.key.check)"
            + (one.key.part.map { " (\($0))" } ?? "")
    }

    private static func line(_ one: FailingCheck) -> Line {
        Line(
            pipeline: one.pipeline, environment: one.key.environment, stage: one.key.stage.rawValue,
            item: one.key.item?.rawValue, check: one.key.check, part: one.key.part,
            outcome: one.last.waiver == nil ? one.last.outcome.rawValue : "waived", since: UTC.iso(one.sinceTime),
            sinceRun: one.since.rawValue, runs: one.runs, lastPassed: one.passedTime.map(UTC.iso),
            lastPassedRun: one.passed?.rawValue, run: one.last.run.rawValue, measured: one.last.measured,
            expectation: one.last.expectation, message: one.message, waiver: one.last.waiver)
    }
}

/// `caudal stats retries`.
struct StatsRetries: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "retries", abstract: "List who retried or marked what, why, and what came of it.",
        discussion: CommandHelp.paragraphs(
            """
            WHY is the failure that was there, or the reason that was given for a mark. The retries that a stage has by itself
            are counted by 'caudal stats'.
            """))

    @OptionGroup var options: AuditOptions

    private struct Line: Encodable {
        struct Cause: Encodable {
            var stage: String
            var item: String?
            var message: String
            var fingerprint: String
            var result: String
        }

        var at: String
        var by: String
        var pipeline: String
        var environment: String?
        var run: String
        var command: String
        var reason: String?
        var causes: [Cause]
    }

    func run() async throws {
        let store = try options.store()
        let chosen = options.period.chosen
        let records = try Output.reporting { try store.retryRecords(in: chosen.period, pipeline: options.pipeline) }
        if options.json {
            for record in records { Output.json(Self.line(record)) }
            return
        }
        if records.isEmpty { return Output.line("nobody retried or marked anything in \(chosen.words)") }
        let paint = Paint(options.color)
        let rows = records.map { record -> [StyledText] in
            [
                "\(LocalTime.full(record.at))", "\(record.by.prefix { $0 != "," })",
                "\(record.pipeline) ▸ \(record.run)",
                "\(record.command.words)", Self.result(record, paint),
                "\(Self.why(record).shortened(to: 100))",
            ]
        }
        Output.table(rows, titles: ["WHEN", "WHO", "RUN", "WHAT", "RESULT", "WHY"], paint)
    }

    private static func result(_ record: RetryRecord, _ paint: Paint) -> StyledText {
        if case .mark = record.command { return paint.dim("marked") }
        if record.causes.isEmpty { return paint.dim("—") }
        // The worst first, with counts where not all came to the same.
        let counts = [RetryRecord.Cause.Result.failedAgain, .open, .cleared].map { result in
            (result: result, count: record.causes.count { $0.result == result })
        }.filter { $0.count > 0 }
        let words = counts.map { counts.count == 1 ? $0.result.rawValue : "\($0.count) \($0.result.rawValue)" }
            .joined(separator: ", ")
        return switch counts[0].result {
        case .failedAgain: paint.bad(words)
        case .open: paint.wait(words)
        case .cleared: paint.good(words)
        }
    }

    private static func why(_ record: RetryRecord) -> String {
        if case .mark(_, _, let reason) = record.command { return reason }
        guard let first = record.causes.first else { return "nothing had failed" }
        let more = record.causes.count - 1
        return "\(first.unit): \(first.message)" + (more > 0 ? " (and \(more) more)" : "")
    }

    private static func line(_ record: RetryRecord) -> Line {
        var reason: String?
        if case .mark(_, _, let text) = record.command { reason = text }
        return Line(
            at: UTC.iso(record.at), by: record.by, pipeline: record.pipeline, environment: record.environment,
            run: record.run.rawValue, command: record.command.words, reason: reason,
            causes: record.causes.map {
                Line.Cause(
                    stage: $0.unit.stage.rawValue, item: $0.unit.item?.rawValue, message: $0.message,
                    fingerprint: $0.fingerprint, result: $0.result.rawValue)
            })
    }
}

/// The options that all audits have.
struct AuditOptions: ParsableArguments {
    @Argument(help: "Only this pipeline.")
    var pipeline: String?

    @OptionGroup var period: PeriodOptions

    @Flag(help: "Print one object of JSON a line.")
    var json = false

    @Option(help: .color)
    var color: Paint.Choice = .auto

    @OptionGroup var state: StateOptions

    /// The run store of the project; ends the program for a pipeline that never ran.
    func store() throws -> RunStore {
        let store = try state.openStore()
        try KnownNames.check(pipeline: pipeline, in: store)
        return store
    }
}
