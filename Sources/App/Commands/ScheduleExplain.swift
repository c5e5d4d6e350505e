import CaudalModel
import ArgumentParser
import Engine
import Foundation

/// `caudal schedule explain`.
struct ScheduleExplain: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain", abstract: "Say why a pipeline ran at a time, or did not.",
        discussion: CommandHelp.paragraphs(
            """
            It prints every slot of the time, or of the day, with what was decided about it and why.

              caudal schedule explain sales 06:00
              caudal schedule explain sales 'yesterday 06:00'
              caudal schedule explain sales 2026-11-28
            """))

    @Argument(help: "The pipeline, or its file.")
    var pipeline: String

    @Argument(
        help:
            "A time or a day by the schedule's clock, such as 06:00, 'yesterday 06:00', 2026-11-28 or 2026-11-28T06:00:00Z."
    )
    var time: String

    @Option(help: "Only this schedule of the pipeline.")
    var schedule: String?

    @Flag(help: .jsonLine(for: "slot"))
    var json = false

    @OptionGroup var state: StateOptions

    func run() async throws {
        try Output.reporting {
            let project = try ScheduledProject(state)
            let known = try project.known(pipeline, schedule)
            if known.isEmpty {
                throw Failure("\(pipeline) has no schedule: it runs only when somebody starts it")
            }
            let store = try project.existingStore()
            let now = SystemClock.now.wall
            for one in known {
                if let schedule = one.schedule {
                    try explain(schedule, one.key, project, store, now: now)
                } else if let store {
                    try explainRecorded(one, project, store, now: now)
                }
            }
        }
    }

    /// Prints what is recorded of a schedule that the file has no more: when it would fire is not known.
    private func explainRecorded(
        _ one: KnownSchedule, _ project: ScheduledProject, _ store: RunStore, now: Int64
    ) throws {
        let record = try store.scheduleRecord(one.key)
        let zone = record?.timezone.flatMap { ZoneLibrary().zone(named: $0) } ?? .utc
        let wanted = try TypedTime(argument: time, now: now, in: zone)
        let slots = try wanted.minutes.flatMap {
            try SlotExplanation.recorded(one.key, in: zone, from: $0.lowerBound, through: $0.upperBound, store)
        }
        // Of a schedule that went long ago nothing is to be said, unless it was asked for.
        if slots.isEmpty, schedule == nil, !one.isUnreadable { return }
        Output.error("note: \(one.note ?? "")")
        if json { return slots.forEach { Output.json(ExplainedSlot($0, one.key)) } }
        for slot in slots { Self.tell([slot], one.key) }
        if slots.isEmpty {
            let through = record.map { "; its slots are decided up to \(UTC.isoSecond($0.decidedThrough))" } ?? ""
            Output.line("\(one.key): nothing is recorded of \(wanted.words(zone)) (\(zone.name))\(through)")
        }
    }

    private func explain(
        _ schedule: Schedule, _ key: ScheduleKey, _ project: ScheduledProject, _ store: RunStore?, now: Int64
    ) throws {
        let zone = try project.zone(of: schedule)
        let wanted = try TypedTime(argument: time, now: now, in: zone)
        // A minute has a slot wherever in it the schedule fires.
        let slots = try wanted.minutes.flatMap {
            try SlotExplanation.slots(
                of: key, schedule, in: zone, from: $0.lowerBound, through: $0.upperBound, store, now: now)
        }
        if json {
            for slot in slots { Output.json(ExplainedSlot(slot, key)) }
            return
        }
        if slots.isEmpty {
            Output.line("\(key) has no slot at \(wanted.words(zone)) (\(zone.name))")
            try printNeighbours(of: wanted.instant.floored(by: 1000), schedule, key, zone)
        }
        var rest = slots[...]
        while let first = rest.first {
            // Neighbours of which the same is to be said are told once.
            let alike = rest.prefix {
                $0.decisions == first.decisions && $0.openReason == first.openReason && $0.arrivals == first.arrivals
            }
            Self.tell(alike, key)
            rest = rest.dropFirst(alike.count)
        }
        if slots.count >= SlotExplanation.usualLimit {
            Output.line("only the first \(slots.count) slots are told; name a later time for those behind them")
        }
    }

    private func printNeighbours(
        of instant: Int64, _ schedule: Schedule, _ key: ScheduleKey, _ zone: ZoneRules
    ) throws {
        guard let table = Timetable(schedule, in: zone) else {
            return Output.line("  it fires when something arrives, and nothing had arrived then")
        }
        let previous = table.previous(before: instant).map {
            "the last one before is \(zone.local(at: $0.instant).words)"
        }
        let next = table.next(after: instant).map { "the next one is \(zone.local(at: $0.instant).words)" }
        Output.line(plain: "  " + [previous, next].compactMap { $0 }.joined(separator: ", "))
    }

    private static func tell(_ slots: ArraySlice<SlotExplanation>, _ key: ScheduleKey) {
        guard let slot = slots.first, let last = slots.last else { return }
        let local = slot.zone.local(at: slot.planned.floored(by: 1000)).words
        var line = "\(key)  \(local) \(slot.zone.name)  (\(UTC.isoSecond(slot.planned)))"
        if slots.count > 1 {
            let end = slot.zone.local(at: last.planned.floored(by: 1000)).words
            line = "\(key)  \(local) to \(end) \(slot.zone.name), \(slots.count) slots"
        }
        Output.line(plain: line)
        for source in slot.arrivals { Output.line("  \(source) has arrived") }
        if let reason = slot.openReason { Output.line("  \(reason)") }
        for decision in slot.decisions {
            let count =
                decision.slots.count == 1
                ? "" : ", with \(decision.slots.isAtLeast ? "at least " : "")\(decision.slots.count) slots"
            let reason = decision.reason.isEmpty ? "" : ": \(decision.reason)"
            Output.line("  \(UTC.isoSecond(decision.decidedAt))  \(decision.outcome.rawValue)\(count)\(reason)")
            if let run = decision.run {
                Output.line("      run \(run) \(decision.runStatus?.rawValue ?? "was removed")")
            } else if decision.outcome.isToRun {
                Output.line("      its run has not begun yet")
            }
        }
    }

    /// A slot as printed for programs.
    private struct ExplainedSlot: Encodable {
        var pipeline: String
        var schedule: String
        var planned: String
        var local: String
        /// What arrived, for a schedule that waits for that.
        var arrived: [String]
        var decisions: [ScheduleLine.Decision]
        var open: String?

        init(_ slot: SlotExplanation, _ key: ScheduleKey) {
            pipeline = key.pipeline
            schedule = key.schedule
            planned = UTC.isoSecond(slot.planned)
            local = slot.zone.local(at: slot.planned.floored(by: 1000)).description
            arrived = slot.arrivals
            let isLate = slot.decisions.contains { $0.outcome == .late }
            decisions = slot.decisions.map { ScheduleLine.Decision($0, late: isLate) }
            open = slot.openReason
        }
    }
}
