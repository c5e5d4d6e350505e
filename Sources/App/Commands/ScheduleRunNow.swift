import CaudalModel
import ArgumentParser
import Engine
import Foundation

/// `caudal schedule run-now`.
struct ScheduleRunNow: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run-now", abstract: "Run a pipeline as its schedule would, now or for an earlier slot.",
        discussion: CommandHelp.paragraphs(
            """
            The run has the schedule's parameters and environment, and its slot is now. --slot makes up for a slot that was missed,
            skipped or failed: 'today' is the date of that slot. The scheduler's own slots are not changed by it.

              caudal schedule run-now sales
              caudal schedule run-now sales nightly --slot 2026-11-28T06:00:00Z
            """))

    @OptionGroup var choice: ScheduleChoice

    @Option(help: "The planned time of a slot, such as 2026-11-28T06:00:00Z, or 06:00 by the schedule's clock.")
    var slot: String?

    @OptionGroup var show: ShowOptions
    @OptionGroup var state: StateOptions

    func run() async throws {
        let runner = try await Output.reporting { try await prepare() }
        try await runner.run()
    }

    /// Begins the run of the slot.
    func prepare() async throws -> SessionRunner {
        try show.checkSettings()
        let project = try ScheduledProject(state)
        let (file, schedule) = try project.schedule(choice.pipeline, choice.schedule)
        let (key, store) = try project.chosen(choice)
        let zone = try project.zone(of: schedule)
        let now = SystemClock.now.wall
        var planned = now.floored(by: 1000) * 1000
        var date = zone.date(at: planned / 1000)
        if let slot {
            let wanted = try TypedTime(argument: slot, of: "--slot", now: now, in: zone)
            let table = Timetable(schedule, in: zone)
            let found = [wanted.instant, wanted.again].compactMap { $0?.floored(by: 1000) }.compactMap { second in
                table?.next(after: second - 1).flatMap { $0.instant <= second ? $0 : nil }
            }
            guard let occurrence = found.first else {
                throw ScheduleError.noSlot(key, at: wanted.words(zone), text: slot)
            }
            if occurrence.instant * 1000 > now {
                throw ValidationError(
                    "the slot of \(wanted.words(zone)) has not come yet: leave --slot out to run now, or take an earlier one"
                )
            }
            (planned, date) = (occurrence.instant * 1000, occurrence.date)
        }
        let due = Slot(pipeline: key.pipeline, schedule: key.schedule, planned: planned, date: date)
        let (id, lock) = try store.recordRun(of: due, by: Operator.name, at: now)
        defer { withExtendedLifetime(lock) {} }
        do {
            guard let recorded = try store.slot(id),
                let (session, services) = try await SlotRun(recorded, file: file.path, options: state).begin()
            else { throw ScheduleError.slotRemoved }
            try? FileManager.default.removeItem(atPath: project.state.slotLock(id))
            return SessionRunner(session: session, options: show, services: services)
        } catch {
            // Whoever called sees it, and nobody else is to be told.
            try store.settle(
                slot: id, as: .skipped, "\(Operator.name) started it, and it could not begin: \(error.reason)")
            throw error
        }
    }
}
