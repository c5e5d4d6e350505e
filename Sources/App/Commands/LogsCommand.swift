import CaudalModel
import ArgumentParser
import Engine
import Foundation

/// `caudal logs`: prints log lines of runs.
struct LogsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "logs", abstract: "Print log lines of runs that match all filters.",
        discussion: CommandHelp.paragraphs(
            """
            Without --run, --since or --until, the command prints the log of the newest run. Lines of several runs are
            mixed in the order of their times.

            A time is a duration before now (2h), today, yesterday, a time of day (06:30), a day (2026-11-28), or a day
            with a time, perhaps with an offset. A day alone stands for its beginning in --since, and for its end in
            --until.
            """))

    @Option(help: "Only runs of this pipeline.")
    var pipeline: String?

    @Option(help: "Only this run: its ID, the start or end of the ID, or 'last'; several times for several runs.")
    var run: [String] = []

    @Option(help: "Only lines of this stage, or of an item as STAGE/ITEM.")
    var stage: UnitArgument?

    @Option(help: "Only lines of this item of the stage.")
    var item: String?

    @Option(help: "Only lines of this attempt, counted from 1.")
    var attempt: Int?

    @Option(help: "Only lines of this level or above: debug, info, warn, error.")
    var level: String?

    @Option(help: "Only lines from this time on, such as 2h, today or '2026-11-28 06:00'.")
    var since: String?

    @Option(help: "Only lines up to this time.")
    var until: String?

    @Option(help: "The time zone of times that are read and printed, such as Europe/Berlin (default: the system's).")
    var timezone: String?

    @Option(help: "Only lines whose text matches this regular expression.")
    var grep: String?

    @Flag(name: .shortAndLong, help: "Match capitals and small letters alike.")
    var ignoreCase = false

    @Flag(name: [.customShort("v"), .long], help: "Only lines that do not match --grep.")
    var invertMatch = false

    @Option(name: [.customShort("C"), .long], help: "Print this number of lines around each match of --grep.")
    var context: Int?

    @Option(name: [.customShort("n"), .long], help: "Print only this number of the newest lines that match.")
    var tail: Int?

    @Flag(name: .shortAndLong, help: "Print the number of matching lines instead; the lines of a stack trace are one.")
    var count = false

    @Flag(
        name: .shortAndLong,
        help: "Keep printing new lines: with --run until the runs end, otherwise also those of runs that start later.")
    var follow = false

    @Option(help: "How lines are printed: text, json (as they are stored), or csv.")
    var output: LogFormat.Form?

    @Flag(help: "The same as --output json.")
    var json = false

    @Option(help: "Fields of lines that are JSON to print as well, separated by commas, such as user.id,took.")
    var fields: String?

    @Option(help: .color)
    var color: Paint.Choice = .auto

    @Flag(help: "Print to the terminal without a pager.")
    var noPager = false

    @OptionGroup var state: StateOptions

    func validate() throws {
        if grep == nil, ignoreCase || invertMatch || context != nil {
            throw ValidationError("-i, -v and -C belong to --grep")
        }
        if let context, context < 0 { throw ValidationError("--context must not be negative") }
        if let tail, tail < 0 { throw ValidationError("--tail must not be negative") }
        if let attempt, attempt < 1 { throw ValidationError("--attempt is counted from 1") }
        if count, follow || tail != nil { throw ValidationError("--count cannot be combined with --follow or --tail") }
        if tail != nil, context != nil { throw ValidationError("--tail cannot be combined with --context") }
        if follow, until != nil { throw ValidationError("--follow cannot be combined with --until") }
        if json, let output, output != .json {
            throw ValidationError("--json and --output \(output) contradict each other")
        }
        if item != nil, stage == nil { throw ValidationError("--item needs the --stage that it belongs to") }
        if let item, let own = stage?.unit.item, own.rawValue != item {
            throw ValidationError("--stage \(stage?.unit.description ?? "") and --item \(item) contradict each other")
        }
    }

    func run() async throws {
        let zone = try chosenZone()
        let query = try makeQuery(zone)
        var format = try makeFormat(zone)
        let store = try state.openStore(evenIfFull: !follow)
        let runs = try Output.reporting { try chosenRuns(store, query) }
        let ids = runs.map(\.run.id)
        if ids.isEmpty { try KnownNames.check(pipeline: pipeline, in: store) }
        if let unit, !ids.isEmpty { try KnownNames.check(unit, of: ids, in: store) }
        if ids.isEmpty, count { return Output.line("0") }
        if ids.isEmpty, !follow { return Output.error("no runs" + (pipeline.map { " of \($0)" } ?? "")) }
        format.showsRun = runs.count > 1 || follow && run.isEmpty
        // Looked at before anything is printed, which may take long: what begins meanwhile is followed.
        let history = follow && run.isEmpty ? try Output.reporting { try newRuns(store) } : []
        let printer = LogPrinter(
            runs: runs, query: query, format: format,
            output: LogOutput(pager: usesPager ? LogPager(variables: state.variables) : nil))
        if count { return Output.line(plain: String(await printer.count())) }
        if !format.header.isEmpty { printer.output.add(Array(format.header.utf8)[...]) }
        if let tail { printer.printNewest(tail) } else { await printer.printAll() }
        if follow {
            try await printer.follow(in: store, behind: history, newRuns: run.isEmpty ? { try newRuns(store) } : nil)
        }
        printer.output.finish()
    }

    private var usesPager: Bool { !noPager && !follow && !count }

    private var unit: UnitID? { stage.map { UnitID($0.unit.stage, $0.unit.item ?? item.map { ItemKey($0) }) } }

    private func chosenZone() throws -> ZoneRules {
        let zones = ZoneLibrary()
        let name = timezone ?? TimeZone.current.identifier
        if let zone = zones.zone(named: name) { return zone }
        // A zone of the system that has no name, such as TZ=CET-1, keeps its present offset.
        guard let timezone else {
            return ZoneRules(name: name, first: Int64(TimeZone.current.secondsFromGMT()), changes: [])
        }
        throw ValidationError("there is no time zone '\(timezone)'; \(zones.remedy(for: timezone))")
    }

    private func makeFormat(_ zone: ZoneRules) throws -> LogFormat {
        var format = LogFormat(zone: zone)
        format.form = json ? .json : output ?? .text
        format.isColoured = Paint(color).isOn
        format.isTerminal = isatty(STDOUT_FILENO) == 1
        for name in fields?.split(separator: ",", omittingEmptySubsequences: false) ?? [] {
            guard let field = LogField(String(name)) else {
                throw ValidationError("'--fields \(fields ?? "")' has an empty name")
            }
            format.fields.append(field)
        }
        return format
    }

    private func makeQuery(_ zone: ZoneRules) throws -> LogQuery {
        var query = LogQuery()
        if let level {
            guard let found = LogLevel(named: level) else {
                throw ValidationError("'\(level)' is not debug, info, warn or error")
            }
            query.level = found
        }
        (query.stage, query.item, query.attempt) = (unit?.stage, unit?.item, attempt)
        query.since = try since.map { try instant($0, "--since", zone) }
        query.until = try until.map { try instant($0, "--until", zone, isEnd: true) }
        query.isInverted = invertMatch
        query.context = context ?? 0
        if let grep {
            do throws(LogPattern.Fault) {
                query.pattern = try LogPattern(grep, ignoresCase: ignoreCase) {
                    Output.error("error: '--grep \(grep)' has too many ways to match one line and was stopped")
                    Output.error("  a nested repetition, such as (a+)+, tries every way to divide the line")
                    _exit(ExitStatus.failed.rawValue)
                }
            } catch {
                throw ValidationError(
                    "'--grep \(grep)' is not a regular expression: \(error.message), at character \(error.place)")
            }
        }
        return query
    }

    private func instant(_ text: String, _ option: String, _ zone: ZoneRules, isEnd: Bool = false) throws -> Int64 {
        let now = SystemClock.now.wall
        let time = try TypedTime(argument: text, of: option, now: now, in: zone)
        return isEnd ? time.end : time.instant
    }

    private func chosenRuns(_ store: RunStore, _ query: LogQuery) throws -> [RecordedLog] {
        if !run.isEmpty {
            let ids = Set(try run.map { try store.find($0, pipeline: pipeline) })
            return try ids.sorted().map { try store.log(of: $0) }
        }
        if query.since != nil || query.until != nil {
            return try store.logs(of: pipeline, from: query.since, to: query.until)
        }
        return try store.newestLogs(of: pipeline, count: 1)
    }

    private func newRuns(_ store: RunStore) throws -> [RecordedLog] { try store.newestLogs(of: pipeline, count: 100) }
}

extension LogFormat.Form: ExpressibleByArgument {}

/// Prints the logs of runs.
struct LogPrinter {
    let runs: [RecordedLog]
    let query: LogQuery
    let format: LogFormat
    let output: LogOutput
    /// The positions at which what was printed ends.
    private let ends = Ends()

    private final class Ends { var positions: [RunID: LogPosition] = [:] }

    init(runs: [RecordedLog], query: LogQuery, format: LogFormat, output: LogOutput) {
        self.runs = runs
        self.query = query
        self.format = format
        self.output = output
    }

    /// Prints all lines that match.
    func printAll() async {
        let format = format
        let outcome = await LogMerge(runs.map(\.run), query) { format.renderer() }.read { output.add($0) }
        ends.positions = outcome.ends
        output.flush()
        if !outcome.isStopped { Self.tell(outcome.damage, runs) }
    }

    /// The number of records that match.
    func count() async -> Int {
        let outcome = await LogMerge(runs.map(\.run), query) { SilentLogRenderer() }.read { _ in true }
        Self.tell(outcome.damage, runs)
        return outcome.matches
    }

    /// Prints the newest lines that match.
    func printNewest(_ count: Int) {
        let format = format
        for run in runs where run.run.isLive { ends.positions[run.run.id] = LogFollower.end(of: run.run) }
        let found = LogBackward.newest(count, of: runs.map { ($0.run, $0.ended) }, query) { format.renderer() }
        output.add(found.output[...])
        output.flush()
        Self.tell(found.damage, runs)
    }

    /// Prints lines as they are written.
    ///
    /// - Parameters:
    ///   - history: The runs that were there before: of those only live ones are followed.
    ///   - newRuns: Gives the newest runs; nil to end with those that are printed.
    func follow(
        in store: RunStore, behind history: [RecordedLog], newRuns: (() throws -> [RecordedLog])?
    ) async throws {
        let format = format
        var follower = LogFollower(query) { format.renderer() }
        let change = try Output.reporting { try StoreChange(store) }
        var known = Set((runs + history).map(\.run.id))
        for run in runs where run.run.isLive { follower.add(run.run, from: ends.positions[run.run.id]) }
        while output.isOpen, newRuns != nil || !follower.runs.isEmpty {
            if let newRuns, try Output.reporting({ try change.hasChanged() }) {
                for run in try Output.reporting(newRuns) where known.insert(run.run.id).inserted || run.run.isLive {
                    follower.add(run.run, from: ends.positions[run.run.id])
                }
            }
            // Looked at before the lines, so that those written just before the end are not missed.
            let ended = follower.runs.filter { !store.folder.run($0).isLive }
            output.add(follower.look(ended: ended, now: SystemClock.now.wall)[...])
            output.flush()
            for run in ended { follower.remove(run) }
            // Soon enough for a reader: a look at a log that has not grown takes a few microseconds.
            try await Task.sleep(for: .milliseconds(50))
        }
    }

    private static func tell(_ damage: [(run: RunID, damage: LogDamage)], _ runs: [RecordedLog]) {
        for run in runs where run.ended != nil && LogFiles.segments(in: run.run.folder).isEmpty {
            Output.error("note: the log of run \(run.run.id) is gone: there is no segment in \(run.run.folder)")
        }
        for (run, damage) in damage {
            let lines = damage.lines.counted("damaged place")
            Output.error(
                "note: the log of run \(run) has \(lines), around which it was read; the first is at byte "
                    + "\(damage.offset) of \(damage.path)")
        }
    }
}

/// Prints nothing.
private struct SilentLogRenderer: LogRenderer {
    mutating func append(_ line: LogLine, isContext: Bool, to output: inout [UInt8]) {}
    mutating func appendGap(to output: inout [UInt8]) {}
}
