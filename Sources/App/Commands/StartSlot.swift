import CaudalModel
import ArgumentParser
import Engine
import Foundation

/// `caudal schedule start-slot`: begins the run of a slot that the scheduler has decided to run.
///
/// Only the scheduler calls it.
struct StartSlot: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "start-slot", abstract: "Begin the run of a slot (called by the scheduler).", shouldDisplay: false)

    @Argument(help: "The number of the decision.")
    var slot: Int64

    @Argument(help: "The pipeline file.")
    var file: String

    @OptionGroup var state: StateOptions

    func run() async throws {
        let folder = try state.existingStateFolder()
        // Two processes for one slot: the first one begins its run.
        guard let lock = try FileLock.take(folder.slotLock(slot)) else { return }
        defer { withExtendedLifetime(lock) {} }
        let store = try RunStore(folder)
        guard let due = try store.slot(slot), due.outcome.isToRun, due.run == nil else { return }
        let session: RunSession
        let services: RunServices
        do {
            let due = SlotRun(due, file: file, options: state)
            guard let begun = try await due.begin() else { return }
            (session, services) = begun
        } catch let error as StoreError where [.busy, .slotTaken].contains(error.problem) {
            // The scheduler looks again whether the slot has its run.
            throw error
        } catch {
            let (outcome, reason) = Self.verdict(on: error)
            try store.settle(slot: slot, as: outcome, reason)
            // A file that cannot be removed is left: nobody waits for its lock.
            try? FileManager.default.removeItem(atPath: folder.slotLock(slot))
            throw error
        }
        // Whoever looks from now on finds the run.
        try? FileManager.default.removeItem(atPath: folder.slotLock(slot))
        try await Self.carryOut(session, services)
    }

    /// What an error makes of a slot.
    private static func verdict(on error: any Error) -> (RecordedSlot.Outcome, String) {
        switch error {
        case let error as InvalidPipeline:
            let first = error.errors.first.map { "\($0.location): \($0.message)" } ?? "it cannot be read"
            let more = error.errors.count > 1 ? " (and \((error.errors.count - 1).counted("more problem")))" : ""
            return (.failed, "the pipeline file is not valid: \(first)\(more)")
        case RunControlError.pathTaken(let conflict, let root):
            return (.skipped, RunControlError.pathTaken(conflict, root: root).failure.message)
        case let error as SlotRun.AlreadyDone: return (.skipped, error.description)
        default: return (.failed, error.reason)
        }
    }

    /// Runs to the end, and exits the program with the status of the run.
    ///
    /// Nothing is printed: whoever looks finds everything in the run.
    private static func carryOut(_ session: RunSession, _ services: RunServices) async throws {
        let interruption = Interruption(cancelling: session.engine)
        defer { withExtendedLifetime(interruption) {} }
        let state = try await session.run { Output.error("caudal: \($0)") }
        await services.settleObservers()
        let status = ExitStatus(state.status)
        if status != .succeeded { throw status.code }
    }
}

/// The run of a slot: the pipeline with what its schedule says.
struct SlotRun {
    /// Someone else has done what the slot is for.
    struct AlreadyDone: Error, CustomStringConvertible {
        let run: RunID
        var description: String { "run \(run) has succeeded with the same parameters since then" }
    }

    private let due: RecordedSlot
    private let file: String
    private let options: StateOptions

    init(_ due: RecordedSlot, file: String, options: StateOptions) {
        (self.due, self.file, self.options) = (due, file, options)
    }

    /// Checks everything that can be checked before a run, and begins it.
    ///
    /// - Throws: ``InvalidPipeline``, ``RunControlError``, ``ScheduleError``, ``AlreadyDone``, or an error of the store.
    func begin() async throws -> (RunSession, RunServices)? {
        let (loaded, schedule) = try read()
        let services = try options.services(root: loaded.pipeline.root)
        let plan = try plan(loaded, schedule, services)
        if due.outcome == .caughtUp, let run = try runThatDidIt(loaded, plan, services) { throw AlreadyDone(run: run) }
        let examination = services.examination(of: loaded, plan: plan)
        _ = try await examination.check(Set(plan.stages.map(\.id)), needsServers: true)
        let overlap: Overlap =
            switch schedule.overlap {
            case .skip: .refuse
            case .wait: .wait
            case .allow: .allow
            }
        let session = try await RunSession.start(loaded, plan: plan, decision: due.id, in: services, overlap: overlap)
        return (session, services)
    }

    /// The pipeline, in the environment of its schedule.
    private func read() throws -> (LoadedPipeline, Schedule) {
        let loaded = try options.project.read(file)
        guard let schedule = loaded.pipeline.schedules.first(where: { $0.name == due.key.schedule }) else {
            throw ScheduleError.scheduleRemoved(due.key.schedule)
        }
        guard let environment = schedule.environment else { return (loaded, schedule) }
        return (try options.project.read(file, environment: environment), schedule)
    }

    private func plan(_ loaded: LoadedPipeline, _ schedule: Schedule, _ services: RunServices) throws -> RunPlan {
        let slot = due.slots.last
        var parameters = schedule.parameters
        if case .after(let awaited) = schedule.trigger, let name = awaited.parameter {
            parameters[name] = try services.store.arrival(of: due.key, at: slot.planned) ?? parameters[name]
        }
        let request = RunRequest(
            parameters: parameters,
            slot: ScheduleSlot(
                schedule: schedule.name, planned: slot.planned.floored(by: 1000) * 1000,
                localDate: slot.date.description))
        let planner = Planner(loaded, request: request, now: services.now(), machine: MachineResources.total)
        return try services.store.withUsualDurations(try planner.plan(), of: loaded)
    }

    /// The run that has done the slot's work while nothing could run: one that was made for its day, by hand or by a backfill.
    private func runThatDidIt(
        _ loaded: LoadedPipeline, _ plan: RunPlan, _ services: RunServices
    ) throws -> RunID? {
        // Without a date among the parameters every run looks like the slot's.
        guard loaded.pipeline.parameters.contains(where: { $0.kind == .date }) else { return nil }
        let runs = plan.repetitions(among: try services.store.pastRuns(of: loaded.pipeline.name), loaded.recorded)
        let planned = UTC.compact(due.slots.last.planned)
        return runs.first { run in
            if case .schedule = run.trigger { return false }
            return run.status == .succeeded && run.id.rawValue >= planned
        }?.id
    }
}
