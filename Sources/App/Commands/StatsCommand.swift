import CaudalModel
import ArgumentParser
import Engine

/// `caudal stats`: how runs went over weeks and months.
struct StatsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "stats",
        abstract: "Show how runs went: success rate, durations, rows, waiting, retries; and audits.",
        discussion: CommandHelp.paragraphs(
            """
            'caudal stats' prints a line for each pipeline, 'caudal stats PIPELINE' also one for each of its stages;
            'caudal stats summary --help' lists the options.
            """),
        subcommands: [StatsSummary.self, StatsRows.self, StatsChecks.self, StatsRetries.self],
        defaultSubcommand: StatsSummary.self)

    /// Its words on the command line.
    static let path = "caudal stats"

    /// Reports a verb that does not stand right behind `stats`: what stands before it would be lost.
    static func misplacedVerb(in words: [String]) -> VerbWords.Fault? {
        let verbs = Self.configuration.subcommands.compactMap { $0.configuration.commandName }
        guard let verb = words.dropFirst(2).first(where: verbs.contains) else { return nil }
        return VerbWords.Fault(description: "write '\(path) \(verb)' first, and its options and names behind it")
    }
}

/// `caudal stats [PIPELINE]`.
struct StatsSummary: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "summary", abstract: "Show how runs went, by pipeline and by stage.",
        discussion: CommandHelp.paragraphs(
            """
            Without a pipeline, the command prints a line for each pipeline; with one, also a line for each of its stages.
            SUCCESS leaves out runs that were cancelled. P50 and P95 are durations of successes; TREND compares the median of
            the newer half with that of the older half. WAIT is how long attempts waited for a slot, on average.
            """))

    @Argument(help: "Only this pipeline, by stage.")
    var pipeline: String?

    @Flag(help: "Print the stages of every pipeline.")
    var stages = false

    @OptionGroup var period: PeriodOptions

    @Flag(help: "Print one line of JSON for each pipeline and each stage.")
    var json = false

    @Option(help: .color)
    var color: Paint.Choice = .auto

    @OptionGroup var state: StateOptions

    func run() async throws {
        let store = try state.openStore()
        try check(pipeline, in: store)
        let chosen = period.chosen
        let report = try Output.reporting { try StatisticsReport(chosen.period, pipeline: pipeline, in: store) }
        let text = StatsText(
            report: report, period: chosen, showsStages: stages || pipeline != nil, paint: Paint(color))
        if json { return text.jsonLines.forEach { Output.json($0 + "\n") } }
        if report.pipelines.isEmpty { return Output.error("no runs in \(chosen.words)") }
        for line in text.lines { Output.line(line) }
    }

    private func check(_ pipeline: String?, in store: RunStore) throws {
        guard let pipeline else { return }
        let names = try Output.reporting { try store.pipelines() }
        if names.contains(pipeline) { return }
        let verbs = StatsCommand.configuration.subcommands.compactMap { $0.configuration.commandName }
        let suggestion = Suggestion.phrase(for: pipeline, among: names + verbs)
        Output.error(message: "error: there are no runs of a pipeline '\(pipeline)'" + suggestion)
        throw ExitStatus.failed.code
    }
}

/// The options that choose which runs count.
struct PeriodOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Runs of the last days.", valueName: "n"))
    var days: Int?

    @Option(help: ArgumentHelp("Runs of a month, such as 2026-10, in UTC.", valueName: "month"))
    var month: String?

    /// The period without options, in days.
    static let usualDays = 30
    /// The longest one.
    static let mostDays = 36_500
    private static let day: Int64 = 86_400_000

    func validate() throws {
        if days != nil, month != nil { throw ValidationError("--days and --month cannot be given together") }
        if let days, !(1...Self.mostDays).contains(days) {
            throw ValidationError("--days must be from 1 to \(Self.mostDays)")
        }
        if month != nil, monthPeriod == nil {
            throw ValidationError("'\(month ?? "")' is not a month; write it as 2026-10")
        }
    }

    var chosen: PeriodWords {
        if let period = monthPeriod { return PeriodWords(period: period, words: month ?? "") }
        let days = days ?? Self.usualDays
        let now = SystemClock.now.wall
        // A run that begins meanwhile counts too.
        return PeriodWords(
            period: StatisticsPeriod(from: now - Int64(days) * Self.day, to: now + Self.day),
            words: days == 1 ? "the last day" : "the last \(days) days")
    }

    private var monthPeriod: StatisticsPeriod? {
        guard let month, let from = UTC.milliseconds(ofDate: month + "-01") else { return nil }
        let fields = UTC.fields(from)
        let next = fields.month == 12 ? (fields.year + 1, 1) : (fields.year, fields.month + 1)
        guard let end = UTC.days(year: next.0, month: next.1, day: 1) else { return nil }
        return StatisticsPeriod(from: from, to: Int64(end) * Self.day)
    }
}
