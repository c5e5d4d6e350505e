import CaudalModel
import ArgumentParser
import CSystem
import Engine
import Foundation

/// `caudal schedule`: the scheduler itself.
struct ScheduleStart: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "start", abstract: "Run the scheduler of a project.",
        discussion: CommandHelp.paragraphs(
            """
            It ends on ctrl-C or SIGTERM; the runs that it has started go on. When it begins, it decides all slots since the last
            one that was decided, as each schedule's 'catch_up' says.
            """))

    @Flag(help: "Decide what is due, start it, and end; for cron and CI.")
    var once = false

    @Flag(help: "While another scheduler decides for the project, wait and take over when it ends.")
    var wait = false

    @OptionGroup var state: StateOptions

    func validate() throws {
        if once, wait { throw ValidationError("--once and --wait cannot be given together") }
    }

    func run() async throws {
        let project = try ScheduledProject(state)
        try await Output.reporting { try await run(project) }
    }

    private func run(_ project: ScheduledProject) async throws {
        let stop = cs_wake_create()
        guard stop >= 0 else { throw Failure("the system gives no event", errno: -stop) }
        let signals = [SIGINT, SIGTERM, SIGHUP].filter { cs_signals_are_ignored($0) == 0 }
        // The runs go on: nothing is ended but this process.
        let listener = SignalListener(signals) { _ in cs_wake(stop) }
        defer { withExtendedLifetime(listener) {} }
        let store = try RunStore(project.state)
        guard let lock = try takeLock(project.state, stop: stop) else { return }
        defer { withExtendedLifetime(lock) {} }
        Self.shorten(project.state.schedulerLog)
        let watch = ProcessWatch()
        let starter = ProcessSlotStarter(
            program: ProgramPath.own, state: project.state, root: state.project.chosenFolder,
            environment: state.variables
        ) { watch.loop?.watch($0) }
        let host = ProcessInfo.processInfo.hostName
        let scheduler = Scheduler(store: store, files: project.files, starter: starter, host: host, decidesOnce: once)
        let outbox = OutboxSender(
            store, reactor: ProcessReactor(), variables: state.variables, host: host, now: { SystemClock.now })
        // What others have left is sent too.
        outbox.wake()
        let upkeep = ProjectUpkeep(
            store: store, root: project.files.root, chosenRoot: state.project.chosenFolder, variables: state.variables)
        if once {
            for note in try scheduler.step(now: SystemClock.now).notes { Self.tell(note) }
            outbox.wake()
            // Behind what is due, which does not wait for it.
            for note in upkeep.carryOutIfDue(now: SystemClock.now) { Self.tell(note) }
            await outbox.settle(within: .seconds(5))
            await outbox.close()
            // Cron tells of a status: what is not valid runs no more.
            if project.read().contains(where: { $0.fault != nil }) { throw ExitStatus.failed.code }
            return
        }
        let loop = try SchedulerLoop(
            scheduler, lock: lock, store: store, files: project.files, stop: stop, tell: Self.tell,
            onNotices: { outbox.wake() })
        watch.loop = loop
        let count = project.read().reduce(0) { $0 + ($1.pipeline?.schedules.count ?? 0) }
        Self.tell("the scheduler of \(project.files.root) watches \(count.counted("schedule"))")
        // A task of its own, which goes on beside the loop: removing many runs takes its time.
        let keeping = Task.detached {
            repeat {
                for note in upkeep.carryOutIfDue(now: SystemClock.now) { Self.tell(note) }
                // Cut short when the scheduler ends.
            } while (try? await ContinuousClock().sleep(for: .seconds(600))) != nil
        }
        let outcome = Result { try loop.run() }
        keeping.cancel()
        await outbox.close()
        try outcome.get()
        Self.tell("the scheduler ends; runs that it started go on")
    }

    /// Takes the right to decide slots; nil when the user stops waiting for it.
    private func takeLock(_ state: StateFolder, stop: Int32) throws -> SchedulerLock? {
        var isWaiting = false
        while true {
            if let lock = try SchedulerLock.take(state, isOnce: once) { return lock }
            let holder = SchedulerLock.holder(state, now: SystemClock.now.wall)
            let who =
                holder.map { "process \($0.process) on \($0.host), since \(UTC.isoSecond($0.since))" }
                ?? "another process"
            guard wait else {
                throw ScheduleError.otherScheduler(who)
            }
            if !isWaiting { Self.tell("waiting for the scheduler that decides for this project: \(who)") }
            isWaiting = true
            // The end of the other one is known only by its lock, which gives no notice.
            var place = pollfd(fd: stop, events: Int16(POLLIN), revents: 0)
            if poll(&place, 1, 500) > 0 { return nil }
        }
    }

    /// What the loop watches; it is made after the starter that tells it of processes.
    private final class ProcessWatch { weak var loop: SchedulerLoop? }

    private static func tell(_ note: String) { Output.line("\(UTC.isoSecond(SystemClock.now.wall))  \(note)") }

    /// Keeps what was said before in a file beside, once there is much of it.
    private static func shorten(_ log: String) {
        if FileText.size(log) ?? 0 > 1_000_000 { rename(log, log + ".1") }
    }
}
