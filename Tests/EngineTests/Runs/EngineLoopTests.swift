import CaudalModel
import Engine
import Synchronization
import TestSupport
import Testing

/// The real engine with simulated work: what the simulation of the machine leaves out is the actor around it, with its
/// mailbox, timers, stop requests and the hand-shake before a publication, under a scheduler that nobody controls.
@Suite("The engine's loop", .tags(.runs, .property), .timeLimit(.minutes(15)))
struct EngineLoopTests {
    @Test("Random runs with commands, full disks and resumptions break no promise")
    func randomRuns() async throws {
        try await OwnThread.run {
            var resumptions = 0
            for seed: UInt64 in 1...2000 {
                let world = EngineWorld(seed: seed)
                let end = try await world.live()
                resumptions += end.resumptions
                if let violation = world.violation {
                    Issue.record("seed \(seed): \(violation)")
                    return
                }
                try #require(end.state == world.journal.state, "seed \(seed): the state is not the fold of the journal")
                try #require(end.state.openAttempts == 0 && world.working == 0, "seed \(seed): something still works")
            }
            #expect(resumptions > 100, "the disk should have been full now and then")
        }
    }

    @Test("An engine whose task is cancelled ends, and publishes nothing any more")
    func cancelled() async throws {
        let runner = LatePublisher()
        let plan = RunPlan(pipeline: "p", maxParallel: 1, stages: [PlannedStage(id: "a")])
        let state = RunState(id: "cancelled", plan: plan)
        let journal = SimulatedJournal(state: state, failures: [])
        let engine = RunEngine(
            machine: RunMachine(state: state, seed: 1), journal: journal, runner: runner, writer: nil)
        let running = Task { try await engine.run(.start(.ofTest)) }
        for await _ in runner.beginnings { break }
        running.cancel()
        await #expect(throws: StoreError.self) { try await running.value }
        #expect(runner.hasPublished.withLock { $0 } == false)
    }
}

/// Publishes when it is told to stop.
private final class LatePublisher: AttemptRunner {
    let beginnings: AsyncStream<Void>
    let hasPublished = Mutex<Bool?>(nil)
    private let begin: AsyncStream<Void>.Continuation

    init() { (beginnings, begin) = AsyncStream<Void>.makeStream() }

    func wantsState(_ stage: StageID) -> Bool { false }
    func readsByPlace(_ stage: StageID) -> Bool { false }
    func forget(_ unit: UnitID) {}

    func run(
        _ order: AttemptOrder, control: AttemptControl, publish: @Sendable (PublishPlan, AttemptResult) async -> Bool
    ) async -> AttemptResult {
        let (stops, stop) = AsyncStream<Void>.makeStream()
        control.onStop { stop.finish() }
        begin.yield()
        for await _ in stops {}
        let isPublished = await publish(SimulatedDisk.plan(order.unit, order.number, files: 1), .succeeded)
        hasPublished.withLock { $0 = isPublished }
        return AttemptResult(ending: .stopped)
    }
}

/// A random plan and everything around its engine.
private final class EngineWorld: AttemptRunner {
    let journal: SimulatedJournal
    private let random: RandomPlan
    private let seed: UInt64
    private let shared: Mutex<Shared>

    private struct Shared {
        var chance: Chance
        var disk = SimulatedDisk()
        var working = 0
        var steady: Int64 = 1000
        var violation: RunInvariants.Violation?
    }

    init(seed: UInt64) {
        self.seed = seed
        var chance = Chance(seed: seed)
        random = RandomPlan(using: &chance, maxStages: 8)
        let failures: Set<Int> = chance.happens(30) ? [chance.number(2...25)] : []
        journal = SimulatedJournal(state: RunState(id: "looped", plan: random.plan), failures: failures)
        shared = Mutex(Shared(chance: chance.fork()))
    }

    /// The first promise that was broken.
    var violation: RunInvariants.Violation? { journal.violation ?? shared.withLock { $0.violation } }
    /// How many attempts are being made.
    var working: Int { shared.withLock { $0.working } }

    private func number(_ range: ClosedRange<Int>) -> Int { shared.withLock { $0.chance.number(range) } }

    /// Lets others go on for a while.
    private func wait(_ turns: Int) async { for _ in 0..<turns { await Task.yield() } }

    // MARK: - Runs

    /// Runs until it has ended, taking it up again as often as its journal could not be written.
    func live() async throws -> (state: RunState, resumptions: Int) {
        var first = RunInput.start(Self.process)
        for resumptions in 0..<3 {
            let engine = RunEngine(
                machine: RunMachine(state: journal.state, seed: seed), journal: journal, runner: self, writer: nil,
                environment: RunEngine.Environment(
                    now: { [self] in
                        shared.withLock { shared in
                            shared.steady += 1
                            return Moment(wall: 1_790_000_000_000 + shared.steady, steady: shared.steady)
                        }
                    },
                    sleep: { [self] in await wait(Int(min(40, $0.milliseconds / 100))) }, process: Self.process))
            let beginning = first
            async let running = engine.run(beginning)
            for _ in 0..<number(0...3) {
                await wait(number(0...60))
                _ = await engine.send(command(await engine.state), by: "operator")
            }
            // A pause that nobody ends would last for ever.
            _ = await engine.send(.unpause, by: "operator")
            do {
                return (try await running, resumptions)
            } catch let error as StoreError {
                guard error.problem == .full else { throw error }
                // As after a crash: what was recorded is finished, the rest begins anew.
                first = .resume(Self.process, settled: settled())
            }
        }
        throw Failure("seed \(seed): the run does not end")
    }

    private static let process = ProcessIdentity(pid: 1, startTicks: 1, bootID: "simulated")

    private func settled() -> [UnitID: AttemptResult] {
        var settled: [UnitID: AttemptResult] = [:]
        for stage in journal.state.stages {
            let units = stage.units
            for (id, unit) in units {
                guard let open = unit.openAttempt, let plan = open.publishing else { continue }
                shared.withLock { shared in for move in plan.moves { shared.disk.make(move) } }
                settled[id] = open.publishingResult
            }
        }
        return settled
    }

    private func command(_ state: RunState) -> RunCommand {
        shared.withLock { shared in
            let stage = shared.chance.pick(state.stages)
            let item = stage.items.isEmpty ? nil : shared.chance.pick(stage.items).item.key
            let unit = UnitID(stage.id, shared.chance.happens(50) ? item : nil)
            switch shared.chance.number(0...7) {
            case 0, 1: return .retry(stage.id, downstream: shared.chance.happens(50))
            case 2: return .retryFailed
            case 3, 4: return .cancel(unit)
            case 5: return .cancelRun
            case 6: return .pause
            default: return .mark(unit, .succeeded, reason: "known")
            }
        }
    }

    // MARK: - Attempts

    func wantsState(_ stage: StageID) -> Bool { false }
    func readsByPlace(_ stage: StageID) -> Bool { false }
    func forget(_ unit: UnitID) {}

    func run(
        _ order: AttemptOrder, control: AttemptControl, publish: @Sendable (PublishPlan, AttemptResult) async -> Bool
    ) async -> AttemptResult {
        shared.withLock { $0.working += 1 }
        defer { shared.withLock { $0.working -= 1 } }
        let (stops, stop) = AsyncStream<Void>.makeStream()
        control.onStop { stop.finish() }
        let canHang = random.plan.index(of: order.unit.stage).map { random.plan.stages[$0].timeout != nil } ?? false
        let script = Simulation.script(seed, order.unit, order.number - 1, canHang: canHang)
        if script == .hangs { for await _ in stops {} } else { await wait(number(0...30)) }
        if control.stopReason != nil { return AttemptResult(ending: .stopped) }
        var result = AttemptResult.succeeded
        if case .fails(let exit) = script {
            return AttemptResult(ending: .failed, failure: Failure("it failed"), exit: exit)
        }
        if order.purpose == .findItems {
            result.items = random.items[order.unit.stage]
            return result
        }
        let files = random.outputs[order.unit.stage] ?? 0
        guard files > 0 else { return result }
        let plan = SimulatedDisk.plan(order.unit, order.number, files: files)
        shared.withLock { $0.disk.stage(plan) }
        guard await publish(plan, result) else { return .failed("nothing could be recorded") }
        for move in plan.moves {
            if !journal.hasPublishing(order.unit, order.number) {
                let violation = RunInvariants.Violation("\(order.unit) publishes without a record")
                shared.withLock { $0.violation = $0.violation ?? violation }
            }
            shared.withLock { $0.disk.make(move) }
            await wait(number(0...2))
        }
        return result
    }
}
