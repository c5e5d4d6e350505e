import CaudalModel
import ArgumentParser
import Engine
import Foundation

/// `caudal schedule status`.
struct ScheduleStatus: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status", abstract: "Show what is due next, and how the last slots went.",
        discussion: CommandHelp.paragraphs(
            """
            The exit status is 1 when nothing would run by itself: no scheduler decides for the project, or a pipeline file is not
            valid.

            Marks of slots, oldest first: \(SlotMark.legend).
            """))

    @Argument(help: "Only this pipeline, or its file.")
    var pipeline: String?

    @Flag(help: .jsonLine(for: "schedule"))
    var json = false

    @Option(help: .color)
    var color: Paint.Choice = .auto

    @OptionGroup var state: StateOptions

    func run() async throws {
        let project = try ScheduledProject(state)
        try Output.reporting {
            let only = try pipeline.map { try project.pipeline($0).1.name }
            let now = SystemClock.now.wall
            var overview = try ScheduleOverview(project.read(), project.existingStore(), now: now)
            overview.entries.removeAll { only != nil && $0.key.pipeline != only }
            if json {
                for entry in overview.entries { Output.json(ScheduleLine(entry, holder: overview.holder)) }
            } else {
                printTable(overview, now: now, root: project.files.root)
            }
            if overview.holder == nil || !overview.faults.isEmpty { throw ExitStatus.failed.code }
        }
    }

    private func printTable(_ overview: ScheduleOverview, now: Int64, root: String) {
        let paint = Paint(color)
        if overview.entries.isEmpty {
            Output.line("no pipeline in \(root)/config has a schedule")
        } else {
            let rows = overview.entries.map { entry in
                let words = ScheduleWords(entry)
                return [entry.key.description, words.next(now: now), words.standing, SlotMark.strip(entry, count: 10)]
            }
            Output.table(rows, titles: ["SCHEDULE", "NEXT", "STATE", "LAST SLOTS"])
        }
        for (file, fault) in overview.faults {
            let name = PathText.relative(file, to: root)
            Output.error(message: "error: \(name) is not valid, and nothing of it runs by itself: \(fault)")
        }
        if let holder = overview.holder {
            let how = holder.isOnce ? "called by cron, last" : "since"
            Output.line("scheduler: process \(holder.process) on \(holder.host), \(how) \(UTC.isoSecond(holder.since))")
        } else {
            Output.line(paint.bad("scheduler: none runs; start it with 'caudal schedule'"))
        }
    }
}

/// A schedule as printed for programs.
struct ScheduleLine: Encodable {
    /// A decision about slots.
    struct Decision: Encodable {
        var planned: String
        var local_date: String
        var slots: Int
        var outcome: String
        var reason: String?
        var decided: String
        var run: String?
        var run_status: String?
        var late: Bool

        init(_ slot: RecordedSlot, late: Bool) {
            planned = UTC.isoSecond(slot.slots.last.planned)
            local_date = slot.slots.last.date.description
            slots = slot.slots.count
            outcome = slot.outcome.rawValue
            reason = slot.reason.isEmpty ? nil : slot.reason
            decided = UTC.iso(slot.decidedAt)
            run = slot.run?.rawValue
            run_status = slot.runStatus?.rawValue
            self.late = late
        }
    }

    var pipeline: String
    var schedule: String
    var file: String
    var timezone: String
    var state: String
    var next: String?
    var paused_since: String?
    var paused_by: String?
    var pause_reason: String?
    var scheduler: Int32?
    var recent: [Decision]

    init(_ entry: ScheduleOverview.Entry, holder: SchedulerLock.Holder?) {
        pipeline = entry.key.pipeline
        schedule = entry.key.schedule
        file = entry.file
        timezone = entry.schedule.timezone
        state = entry.standing.rawValue
        next = entry.next.map(UTC.isoSecond)
        paused_since = entry.pause.map { UTC.isoSecond($0.from) }
        paused_by = entry.pause?.by
        pause_reason = entry.pause?.reason
        scheduler = holder?.process
        recent = entry.recent.map { Decision($0, late: entry.late.contains($0.slots.last)) }
    }
}
