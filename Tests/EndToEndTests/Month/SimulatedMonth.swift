import CaudalModel
import Foundation
import Synchronization
import TestSupport

@testable import Engine

/// A month in which five pipelines run by themselves.
///
/// Scheduler, rules of runs, run store and logs are those of the program; the clock, the processes and what programs do
/// come from a seed. Once the machine sleeps, once a schedule is paused, schedulers and processes of runs are killed,
/// and in the end an operator retries a run.
final class SimulatedMonth: SlotStarter {
    private typealias Pipelines = MonthPipelines

    /// A run in a process that lives.
    private final class Process {
        let run: RunID
        let slot: Int64
        let pipeline: String
        var driver: RunDriver
        let writer: LogWriter
        let lock: RunLock
        /// What is going on, and when it ends.
        var attempts: [UnitID: (number: Int, ends: Int64, work: MonthPipelines.Work, index: Int)] = [:]
        var timers: [RunTimer: Int64] = [:]
        var hasEnded = false

        init(run: RunID, slot: Int64, pipeline: String, driver: RunDriver, writer: LogWriter, lock: RunLock) {
            (self.run, self.slot, self.pipeline, self.driver, self.writer, self.lock) = (
                run, slot, pipeline, driver, writer, lock
            )
        }

        var next: Int64? { (attempts.values.map(\.ends) + timers.values).min() }
    }

    /// What befalls the machine, by hours since the beginning.
    private enum Fate: Sendable {
        case schedulerIsKilled
        /// The processes of all runs that are under way die.
        case runsAreKilled
        case sleep(hours: Int64)
        case pause, resume
    }

    /// The pause of `stock`, in hours.
    static let paused: Range<Int64> = 14 * 24..<15 * 24
    /// When the machine sleeps, in hours.
    static let asleep: Range<Int64> = 12 * 24 + 2..<12 * 24 + 12
    static let pauseReason = "the warehouse counts by hand"
    static let retryReason = "ana: the price list was corrected"
    static let days: Int64 = 30

    private static let fates: [(at: Int64, Fate)] = {
        func hour(_ day: Int64, _ hour: Int64) -> Int64 { day * 24 + hour }
        let length = asleep.upperBound - asleep.lowerBound
        let all: [(at: Int64, Fate)] = [
            (hour(3, 5), .schedulerIsKilled), (hour(5, 6), .runsAreKilled), (hour(9, 13), .schedulerIsKilled),
            (asleep.lowerBound, .sleep(hours: length)), (paused.lowerBound, .pause), (paused.upperBound, .resume),
            (hour(17, 4), .runsAreKilled), (hour(21, 0), .schedulerIsKilled),
        ]
        return all.sorted { $0.at < $1.at }
    }()

    let store: RunStore
    /// Milliseconds since 1970.
    let begin: Int64
    private(set) var ledger = MonthLedger()
    private(set) var now: Int64
    private let files: ProjectFiles
    private let services: RunServices
    private let clock: Clock
    private var scheduler: Scheduler?
    private var pipelines: MonthPipelines
    private var processes: [Int32: Process] = [:]
    /// Processes that ended, and that their scheduler has not heard of.
    private var finished: [(process: Int32, exit: ProcessExit)] = []
    /// The processes that the present scheduler has started.
    private var children: Set<Int32> = []
    private var nextProcess: Int32 = 100
    private var problem: (any Error)?
    /// Whether the scheduler has something to look at.
    private var hasNews = false

    /// Shows what the simulation says, to whoever asks for the time.
    private final class Clock: Sendable {
        private let shown: Mutex<Int64>
        init(_ time: Int64) { shown = Mutex(time) }
        var now: Moment { shown.withLock { Moment(wall: $0, steady: $0) } }
        func set(_ time: Int64) { shown.withLock { $0 = time } }
    }

    /// Writes the pipeline files into the folder.
    init(in folder: String, begin: Int64, seed: UInt64) throws {
        self.begin = begin
        now = begin
        let clock = Clock(begin)
        self.clock = clock
        pipelines = MonthPipelines(begin: begin, seed: seed)
        let config = folder + "/config"
        try FileManager.default.createDirectory(atPath: config, withIntermediateDirectories: true)
        for (name, text) in Pipelines.files { try Data(text.utf8).write(to: URL(filePath: "\(config)/\(name).yaml")) }
        files = ProjectFiles(root: folder, chosenRoot: folder, variables: [:])
        services = try RunServices(
            state: StateFolder(path: folder + "/.caudal"), variables: [:], now: { clock.now }, notifies: true)
        store = services.store
        services.observers.register()
    }

    /// Lives through the month, and until everything has ended that began in it.
    ///
    /// - Throws: Whatever the scheduler, the store or a run throws.
    func live() async throws {
        let end = begin + Self.days * Pipelines.day
        var fates = Self.fates.map { (at: begin + $0.at * Pipelines.hour, $0.1) }[...]
        scheduler = newScheduler()
        var wake: Int64? = now
        var day: Int64 = 0
        while true {
            let nextOfRuns = processes.values.compactMap(\.next).min()
            let nextOfScheduler = now < end || !finished.isEmpty ? wake : nil
            guard let time = [nextOfRuns, nextOfScheduler, fates.first?.at].compactMap({ $0 }).min() else { break }
            pass(to: max(now, time))
            hasNews = wake.map { $0 <= now } ?? false
            if let fate = fates.first, fate.at <= now {
                fates.removeFirst()
                try happen(fate.1)
                hasNews = true
            }
            for (id, process) in processes where process.next.map({ $0 <= now }) ?? false { try proceed(id, process) }
            if hasNews, now < end {
                wake = try scheduler?.step(now: clock.now).wake
                if let problem { throw problem }
            } else {
                finished = []
            }
            // What is to be told is told meanwhile, and not after all of it.
            if (now - begin) / Pipelines.day > day {
                day = (now - begin) / Pipelines.day
                try await tell()
            }
        }
        try retryLastFailure()
        try await tell()
        try store.makeDurable()
    }

    private func tell() async throws {
        for lag in await services.observers.settle(within: .seconds(60)) { throw Failure("\(lag)") }
        if let error = await services.outbox.settle(within: .seconds(60)) { throw error }
    }

    private func pass(to time: Int64) {
        now = time
        clock.set(time)
    }

    private func newScheduler() -> Scheduler { Scheduler(store: store, files: files, starter: self) }

    private func happen(_ fate: Fate) throws {
        let stock = ScheduleKey(pipeline: "stock", schedule: "default")
        switch fate {
        case .schedulerIsKilled:
            scheduler = newScheduler()
            (children, finished) = ([], [])
        case .runsAreKilled:
            for (id, process) in processes where !process.attempts.isEmpty {
                processes[id] = nil
                if children.contains(id) { finished.append((id, .signaled(9))) }
            }
        case .sleep(let hours): pass(to: now + hours * Pipelines.hour)
        case .pause: _ = try store.pause(stock, reason: Self.pauseReason, by: "ana", at: now)
        case .resume: _ = try store.resume(stock, at: now)
        }
    }

    // MARK: - Processes

    func start(_ order: SlotOrder) throws(Failure) -> Int32 {
        do {
            let process =
                switch order {
                case .begin(let slot, let file): try begin(slot, file)
                case .resume(let run): try takeUp(run, by: "the scheduler")
                }
            nextProcess += 1
            processes[nextProcess] = process
            children.insert(nextProcess)
            return nextProcess
        } catch {
            problem = error
            throw Failure("\(error)")
        }
    }

    func ended() -> [(process: Int32, exit: ProcessExit)] {
        defer { finished = [] }
        for one in finished { children.remove(one.process) }
        return finished
    }

    private func begin(_ number: Int64, _ file: String) throws -> Process {
        guard let slot = try store.slot(number), let found = files.read(now: now).first(where: { $0.path == file }),
            let pipeline = found.pipeline
        else { throw Failure("no slot \(number) of \(file)") }
        let planned = ScheduleSlot(
            schedule: slot.key.schedule, planned: slot.slots.last.planned, localDate: slot.slots.last.date.description)
        let upstream = pipeline.upstream
        let plan = RunPlan(
            pipeline: pipeline.name, file: file, root: pipeline.root, maxParallel: pipeline.maxParallel,
            stages: pipeline.stages.map {
                PlannedStage(
                    id: $0.id, type: $0.definition.typeName, upstream: (upstream[$0.id] ?? []).sorted(), retry: $0.retry
                )
            }, slot: planned, notifications: pipeline.notifications.isEmpty ? nil : pipeline.notifications)
        let id = RunID(startedAt: clock.now, random: UInt64(ledger.runs.count))
        try store.create(
            RunRecord(id: id, plan: plan, trigger: .schedule(planned), started: clock.now, decision: number))
        ledger.begin(.init(id: id, pipeline: pipeline.name, planned: planned.planned, began: now))
        let process = try process(of: RunState(id: id, plan: plan))
        try take([.start(.ofTest)], in: process)
        return process
    }

    private func takeUp(_ run: RunID, by user: String, _ commands: [RunInput] = []) throws -> Process {
        let process = try process(of: try store.state(of: run))
        try take([.resume(.ofTest, settled: [:], by: user)] + commands, in: process)
        return process
    }

    private func process(of state: RunState) throws -> Process {
        let folder = store.folder.run(state.id)
        try folder.create()
        guard let lock = try RunLock.take(folder) else { throw Failure("run \(state.id) is held") }
        let driver = RunDriver(machine: RunMachine(state: state, seed: 1), journal: store)
        let writer = try LogWriter(folder: folder.logs) { fatalError("\($0)") }
        return Process(
            run: state.id, slot: state.plan.slot?.planned ?? now, pipeline: state.plan.pipeline, driver: driver,
            writer: writer, lock: lock)
    }

    /// The time of something in a process has come.
    private func proceed(_ id: Int32, _ process: Process) throws {
        if let (unit, attempt) = process.attempts.first(where: { $0.value.ends <= now }) {
            process.attempts[unit] = nil
            let remarks = write(attempt.work.lines, of: unit, attempt.number, process)
            ledger.change(process.run) {
                $0.attempts[attempt.index].ending = attempt.work.result.ending
                $0.attempts[attempt.index].rows = attempt.work.result.rows
                $0.attempts[attempt.index].lines = attempt.work.lines
                $0.attempts[attempt.index].printed = now
            }
            try take([.attemptEnded(unit, attempt: attempt.number, attempt.work.result)], remarks, in: process)
        } else if let (timer, _) = process.timers.first(where: { $0.value <= now }) {
            process.timers[timer] = nil
            try take([.timerFired(timer)], in: process)
        }
        guard process.hasEnded else { return }
        processes[id] = nil
        hasNews = true
        if children.contains(id) { finished.append((id, .exited(0))) }
    }

    private func write(
        _ lines: [String], of unit: UnitID, _ attempt: Int, _ process: Process
    ) -> [LogChannel.Remark] {
        let channel = LogChannel(
            pipeline: process.pipeline, run: process.run, unit: unit, attempt: attempt, stream: .stdout)
        var block: [UInt8] = []
        let remarks = lines.compactMap { line in
            var line = line
            return line.withUTF8 { channel.append($0, time: now, to: &block) }
        }
        process.writer.append(block)
        return remarks
    }

    private func take(_ inputs: [RunInput], _ remarks: [LogChannel.Remark] = [], in process: Process) throws {
        let step = try process.driver.take(inputs, remarks: remarks, at: clock.now)
        for action in step.actions {
            switch action {
            case .launch(let unit, let number, _):
                let work = pipelines.work(process.pipeline, unit.stage, slot: process.slot, now: now)
                var index = 0
                ledger.change(process.run) { run in
                    index = run.attempts.count
                    run.attempts.append(.init(stage: unit.stage, began: now, lines: [], printed: now))
                }
                process.attempts[unit] = (number, now + work.duration, work, index)
            case .startTimer(let timer, let delay): process.timers[timer] = now + delay.milliseconds
            case .cancelTimer(let timer): process.timers[timer] = nil
            case .finish:
                process.hasEnded = true
                ledger.change(process.run) { $0.ended = now }
            case .stop, .requestLease, .releaseLease, .publish:
                throw Failure("nothing of the month asks for \(action)")
            }
        }
    }

    // MARK: - An operator

    /// Retries the last run that failed for want of a price, which is there now.
    private func retryLastFailure() throws {
        guard let failed = ledger.runs(of: "prices").last(where: { !$0.hasSucceeded }) else {
            throw Failure("nothing failed")
        }
        pass(to: now + Pipelines.hour)
        let process = try takeUp(
            failed.id, by: Self.retryReason, [.command(.retryFailed, by: Self.retryReason, token: 1)])
        ledger.change(failed.id) { $0.retriedBy = "ana" }
        // Its slot is that of a day without a price; the work of today has one.
        for (unit, attempt) in process.attempts {
            var work = attempt.work
            work.result = AttemptResult(ending: .succeeded, exit: .exited(0), duration: .milliseconds(work.duration))
            work.lines = ["every row has a price"]
            process.attempts[unit] = (attempt.number, attempt.ends, work, attempt.index)
        }
        while let next = process.next {
            pass(to: next)
            try proceed(0, process)
        }
    }
}
