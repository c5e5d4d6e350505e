import CaudalModel
import ArgumentParser
import Engine
import Foundation

/// `caudal failures`: what fails most often.
struct FailuresCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "failures", abstract: "List failures by how often they were seen, with the odds of a retry.",
        discussion: CommandHelp.paragraphs(
            """
            Failures of a stage are the same when their messages are, but for numbers, paths, addresses, times, ids and quoted
            data. Each counts once for a run. ONE RETRY says how often the first retry cleared it, where there was one. Runs
            that were removed count too.
            """))

    @Argument(help: "Only this pipeline.")
    var pipeline: String?

    @Option(help: "Only failures of this stage.")
    var stage: String?

    @Option(help: ArgumentHelp("Only failures of the last days (default: all).", valueName: "n"))
    var days: Int?

    @Option(name: .limit, help: .limit(of: "failures"))
    var limit = 20

    @Flag(help: .jsonLine(for: "failure"))
    var json = false

    @Option(help: .color)
    var color: Paint.Choice = .auto

    @OptionGroup var state: StateOptions

    func validate() throws {
        if let days, !(1...PeriodOptions.mostDays).contains(days) {
            throw ValidationError("--days must be from 1 to \(PeriodOptions.mostDays)")
        }
        if limit < 1 { throw ValidationError("--limit must be 1 or more") }
    }

    private struct Line: Encodable {
        var pipeline: String
        var stage: String
        var fingerprint: String
        var message: String
        var runs: Int
        var first: String
        var last: String
        var lastRun: String
        var retried: Int
        var cleared: Int
        var clearedByOneRetry: Int
        var oddsOfRetry: Double?
        var lastClearedBy: String?
    }

    func run() async throws {
        let store = try state.openStore()
        let since = days.map { SystemClock.now.wall - Int64($0) * 86_400_000 } ?? 0
        let found = try Output.reporting {
            try store.failureHistories(
                pipeline: pipeline, stage: stage.map { StageID($0) }, since: since, limit: limit)
        }
        if found.isEmpty {
            try KnownNames.check(pipeline: pipeline, in: store)
            try KnownNames.check(stage: stage, of: pipeline, in: store)
        }
        if json { return found.forEach { Output.json(Self.line($0)) } }
        if found.isEmpty { return Output.line("nothing has failed" + (days.map { " in the last \($0) days" } ?? "")) }
        let paint = Paint(color)
        let rows = found.map { one -> [StyledText] in
            [
                "\(one.runs)", "\(one.pipeline)/\(one.stage)", "\(UTC.date(one.first, in: .current))",
                "\(LocalTime.full(one.last))",
                Self.odds(one, paint), "\(one.cleared) of \(one.runs)", "\(one.lastClearedBy ?? "—")",
                "\(one.message.split(whereSeparator: \.isNewline).first.map(String.init)?.shortened(to: 100) ?? "")",
            ]
        }
        Output.table(
            rows, titles: ["RUNS", "STAGE", "SINCE", "LAST", "ONE RETRY", "CLEARED", "LAST BY", "MESSAGE"], paint)
    }

    private static func odds(_ one: FailureHistory, _ paint: Paint) -> StyledText {
        guard let odds = one.oddsOfRetry else { return paint.dim("not tried") }
        let text = "\(one.clearedByOneRetry) of \(one.retried)"
        return odds >= 0.5 ? paint.good(text) : odds == 0 ? paint.bad(text) : paint.wait(text)
    }

    private static func line(_ one: FailureHistory) -> Line {
        Line(
            pipeline: one.pipeline, stage: one.stage.rawValue, fingerprint: one.fingerprint, message: one.message,
            runs: one.runs, first: UTC.iso(one.first), last: UTC.iso(one.last), lastRun: one.lastRun.rawValue,
            retried: one.retried, cleared: one.cleared, clearedByOneRetry: one.clearedByOneRetry,
            oddsOfRetry: one.oddsOfRetry, lastClearedBy: one.lastClearedBy)
    }
}
