import CaudalModel
import ArgumentParser
import Engine
import Foundation

/// `caudal schedule pause`.
struct SchedulePause: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pause", abstract: "Keep a schedule from firing, until it is resumed.",
        discussion: CommandHelp.paragraphs(
            """
            Slots of the time in which it is paused are skipped, with the reason. Live runs continue.
            """))

    @OptionGroup var choice: ScheduleChoice

    @Option(help: "Why; it is shown wherever the pause is.")
    var reason: String = ""

    @OptionGroup var state: StateOptions

    func run() async throws {
        try Output.reporting {
            let (key, store) = try ScheduledProject(state).chosen(choice)
            let now = SystemClock.now.wall
            let reason = SecretMasker(secrets: SecretNames().secrets(in: state.variables)).masked(reason)
            if try store.pause(key, reason: reason, by: Operator.name, at: now) {
                Output.line("\(key) is paused; go on with 'caudal schedule resume \(choice.words)'")
            } else {
                let pause = try store.pauses(of: key, after: now).first { $0.until == nil }
                Output.line(
                    "\(key) was paused already" + (pause.map { ", by \($0.by), \(UTC.isoSecond($0.from))" } ?? ""))
            }
        }
    }
}

/// `caudal schedule resume`.
struct ScheduleResume: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "resume", abstract: "Let a paused schedule fire again.",
        discussion: CommandHelp.paragraphs(
            "It fires at its next time; slots of the time in which it was paused stay skipped."))

    @OptionGroup var choice: ScheduleChoice
    @OptionGroup var state: StateOptions

    func run() async throws {
        try Output.reporting {
            let (key, store) = try ScheduledProject(state).chosen(choice)
            let wasPaused = try store.resume(key, at: SystemClock.now.wall)
            Output.line(wasPaused ? "\(key) fires again" : "\(key) was not paused")
        }
    }
}

extension ScheduledProject {
    /// The schedule that the user chose, and the store, which is made where there is none.
    func chosen(_ choice: ScheduleChoice) throws -> (ScheduleKey, RunStore) {
        let known = try known(choice.pipeline, choice.schedule)
        let inFile = known.filter { $0.schedule != nil }
        let candidates = inFile.isEmpty ? known : inFile
        if candidates.count > 1 {
            throw ScheduleError.severalSchedules(candidates.map(\.key.schedule), pipeline: candidates[0].key.pipeline)
        }
        guard let chosen = candidates.first else {
            // Says that the pipeline has none.
            let (file, schedule) = try schedule(choice.pipeline, choice.schedule)
            return (
                ScheduleKey(pipeline: file.pipeline?.name ?? choice.pipeline, schedule: schedule.name),
                try RunStore(state)
            )
        }
        if let note = chosen.note { Output.error("note: \(note)") }
        return (chosen.key, try RunStore(state))
    }
}

extension ScheduleChoice {
    /// As the user would type it again.
    var words: String { ([pipeline] + (schedule.map { [$0] } ?? [])).joined(separator: " ") }
}
