import CaudalModel
import ArgumentParser
import Engine
import Foundation

/// `caudal schedule next`.
struct ScheduleNext: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "next", abstract: "Print the next times of a pipeline's schedules, or of a cron expression.",
        discussion: CommandHelp.paragraphs(
            """
            Clock changes follow Debian's rule: a fixed time fires once, also if the clock shows it twice, and when the clock
            leaves it out, at the end of the gap. A time with '*' in its minute or hour follows real time.

              caudal schedule next pipeline.yaml --count 3
              caudal schedule next --cron '30 6 * * MON-FRI' --timezone Europe/Berlin
            """))

    @Argument(help: "The pipeline, or its file (default: all pipelines of the project); not with --cron.")
    var pipeline: String?

    // The next word is the expression, even if it begins with a minus sign: it is refused as an expression then.
    @Option(
        parsing: .unconditional,
        help: "A cron expression: minute, hour, day, month, weekday; with six fields, the first one is for seconds."
    )
    var cron: String?

    @Option(help: "The time zone of --cron and --from, by its IANA name.")
    var timezone: String = "UTC"

    @Option(help: "Print times after this one, such as 2026-11-28T06:00:00Z or 06:00 by --timezone (default: now).")
    var from: String?

    @Option(help: .limit(of: "times"))
    var count: Int = 10

    @Flag(help: "Print earlier times instead, newest first.")
    var previous = false

    @Flag(help: .jsonLine(for: "time"))
    var json = false

    @Option(name: .environment, help: .environment)
    var environment: String?

    @OptionGroup var state: StateOptions

    func validate() throws {
        if pipeline != nil, cron != nil { throw ValidationError("name a pipeline, or give --cron, not both") }
        guard (1...100_000).contains(count) else { throw ValidationError("--count must be 1 to 100000") }
    }

    func run() async throws {
        let start = try from.map(instant) ?? SystemClock.now.wall.floored(by: 1000)
        let times = FiringTimes(try tables(), after: start, backwards: previous).first(count)
        if json {
            for time in times { Output.json(time.line) }
            return
        }
        if times.isEmpty { return Output.line("no schedule fires") }
        let rows = times.map { [$0.localText, $0.utcText, $0.key?.description ?? "", $0.note] }
        Output.table(rows, titles: ["LOCAL TIME", "UTC", cron == nil ? "SCHEDULE" : "", "NOTE"])
    }

    /// The timetables to print, by the names of their schedules.
    private func tables() throws -> [FiringTable] {
        if let cron { return [FiringTable(table: try table(of: cron))] }
        let pipelines = try pipelines()
        guard pipelines.contains(where: { !$0.schedules.isEmpty }) else {
            let name = pipelines.count == 1 ? pipelines[0].name : "no pipeline of the project"
            throw Self.refused(
                pipelines.count == 1 ? "\(name) has no schedule" : "\(name) has a schedule",
                remedy: "add 'schedule:' to \(pipeline ?? "a pipeline file in config/")")
        }
        let zones = ZoneLibrary()
        return pipelines.flatMap { pipeline in
            pipeline.schedules.compactMap { schedule in
                let key = ScheduleKey(pipeline: pipeline.name, schedule: schedule.name)
                // The reader of the file has refused zones that do not exist.
                guard schedule.isEnabled, let zone = zones.zone(named: schedule.timezone),
                    let table = Timetable(schedule, in: zone)
                else {
                    let why = schedule.isEnabled ? "waits for what others bring" : "is not enabled"
                    Output.error("note: schedule '\(key)' \(why)")
                    return nil
                }
                return FiringTable(key: key, table: table)
            }
        }
    }

    /// The pipelines that the user means.
    private func pipelines() throws -> [Pipeline] {
        let scheduled = try ScheduledProject(state)
        guard let pipeline else {
            let files = scheduled.read()
            let (pipelines, doubles) = files.scheduled
            for (path, fault) in files.compactMap({ file in file.fault.map { (file.path, $0) } }) + doubles {
                Output.error("note: \(PathText.relative(path, to: scheduled.files.root)): \(fault)")
            }
            return pipelines.map(\.pipeline)
        }
        if FileText.exists(PathText.absolute(pipeline, in: state.project.currentFolder)) {
            return [try state.project.load(pipeline, environment: environment).pipeline]
        }
        let (file, _) = try Output.reporting { try scheduled.pipeline(pipeline) }
        return [try state.project.load(file.path, environment: environment).pipeline]
    }

    private func table(of text: String) throws -> Timetable {
        let zone = try zone()
        do {
            let fields = text.split(whereSeparator: \.isWhitespace).count
            let expression = try CronExpression(text, hasSeconds: fields == 6)
            if let never = expression.neverHappens { throw Self.refused(never, remedy: "") }
            return Timetable(.cron(expression), in: zone)
        } catch let error as CronExpression.Fault {
            let place = "\n  \(text)\n  \(String(repeating: " ", count: error.offset))^"
            throw Self.refused(error.message, remedy: error.remedy, place)
        }
    }

    /// Prints an error, and gives the status of an invalid file.
    private static func refused(_ message: String, remedy: String, _ place: String = "") -> ExitCode {
        Output.error(message: "error: \(message)" + (remedy.isEmpty ? "" : "; \(remedy)") + place)
        return ExitStatus.invalid.code
    }

    /// Seconds since 1970 of a time by the clock of --timezone; a part of a second counts as passed.
    private func instant(_ text: String) throws -> Int64 {
        let time = try TypedTime(argument: text, of: "--from", now: SystemClock.now.wall, in: zone())
        let second = time.instant.floored(by: 1000)
        return second + (previous && second * 1000 < time.instant ? 1 : 0)
    }

    /// The zone of --timezone.
    private func zone() throws -> ZoneRules {
        let zones = ZoneLibrary()
        if let zone = zones.zone(named: timezone) { return zone }
        throw Self.refused("there is no time zone '\(timezone)'", remedy: zones.remedy(for: timezone))
    }
}

/// The timetable of a schedule, or of a cron expression.
private struct FiringTable {
    var key: ScheduleKey?
    var table: Timetable
}

/// The times of several timetables in one order.
private struct FiringTimes {
    /// One time at which a schedule fires.
    struct Time {
        let key: ScheduleKey?
        let occurrence: Timetable.Occurrence
        let zone: ZoneRules

        /// As printed for programs.
        struct Line: Encodable {
            var pipeline: String?
            var schedule: String?
            var utc: String
            var local: String
        }

        var utcText: String { UTC.isoSecond(occurrence.instant * 1000) }
        /// What the clock of the zone shows, with the offset.
        var localText: String {
            let offset = ZoneRules.text(ofOffset: zone.period(at: occurrence.instant).offset)
            return zone.local(at: occurrence.instant).description + offset
        }
        var line: Line { Line(pipeline: key?.pipeline, schedule: key?.schedule, utc: utcText, local: localText) }
        var note: String { occurrence.isSkipped ? "the clock leaves out \(occurrence.local.words)" : "" }
    }

    private var pending: [Time]
    private let tables: [FiringTable]
    private let isBackwards: Bool

    init(_ tables: [FiringTable], after start: Int64, backwards: Bool) {
        self.tables = tables
        isBackwards = backwards
        pending = []
        pending = tables.compactMap { time(of: $0, beyond: start) }
    }

    private func time(of entry: FiringTable, beyond instant: Int64) -> Time? {
        let found = isBackwards ? entry.table.previous(before: instant) : entry.table.next(after: instant)
        return found.map { Time(key: entry.key, occurrence: $0, zone: entry.table.zone) }
    }

    /// The first times, at most so many.
    func first(_ count: Int) -> [Time] {
        var (pending, times) = (pending, [Time]())
        while times.count < count {
            let order = pending.indices.sorted { pending[$0].occurrence.instant < pending[$1].occurrence.instant }
            guard let place = isBackwards ? order.last : order.first else { break }
            let time = pending.remove(at: place)
            times.append(time)
            if let entry = tables.first(where: { $0.key == time.key }),
                let next = self.time(of: entry, beyond: time.occurrence.instant)
            {
                pending.append(next)
            }
        }
        return times
    }
}
