import CaudalModel
import Engine

/// Everything outside a run's machine: clock, executors, disk, leases, operator and sudden death, all from one seed.
struct SimulatedWorld {
    typealias Violation = RunInvariants.Violation

    /// Where an attempt stands.
    private enum Phase {
        /// It works until its time comes; never, when it hangs.
        case working(until: Int64?, AttemptResult)
        /// It waits until its moves are recorded.
        case asking(AttemptResult, PublishPlan)
        case moving(AttemptResult, PublishPlan, next: Int, until: Int64)
    }

    private struct Attempt {
        let number: Int
        var phase: Phase
    }

    /// What comes next.
    private enum Occurrence {
        case attempt(UnitID)
        case timer(RunTimer)
        case lease(UnitID)
        case command
    }

    private let random: RandomPlan
    private let settings: Simulation.Settings
    let journal: SimulatedJournal
    private var driver: RunDriver
    private var chance: Chance
    private var now = Moment(wall: 1_790_000_000_000, steady: 1_000_000)
    private var attempts: [UnitID: Attempt] = [:]
    private var timers: [RunTimer: Int64] = [:]
    private var leaseRequests: [UnitID: Int64] = [:]
    private var leases: Set<UnitID> = []
    /// Every attempt that was ever launched, by whichever process.
    private var launched: Set<String> = []
    private var disk = SimulatedDisk()
    private var commandTimes: [Int64] = []
    /// After how many steps the process is killed.
    private var deaths: [Int] = []
    private var steps = 0
    private(set) var crashes = 0

    init(_ random: RandomPlan, settings: Simulation.Settings, chance: Chance) {
        self.random = random
        self.settings = settings
        self.chance = chance
        let state = RunState(id: "simulated", plan: random.plan)
        var failures: Set<Int> = []
        if settings.crashes {
            var times: [Int] = []
            for _ in 0..<self.chance.number(0...2) { times.append(self.chance.number(1...60)) }
            deaths = times.sorted()
            if self.chance.happens(20) { failures.insert(self.chance.number(1...40)) }
        }
        if settings.commands {
            var times: [Int64] = []
            for _ in 0..<self.chance.number(0...4) { times.append(now.steady + Int64(self.chance.number(0...6000))) }
            commandTimes = times.sorted()
        }
        journal = SimulatedJournal(state: state, failures: failures)
        driver = RunDriver(machine: RunMachine(state: state, seed: settings.seed), journal: journal)
    }

    /// Lives until the run has ended and nobody wants anything more of it.
    mutating func live() throws(Violation) {
        try take([.start(Self.process)])
        while true {
            if journal.state.status != .running {
                try checkEnd()
                guard !commandTimes.isEmpty else { return }
                commandTimes.removeFirst()
                try take([command()])
                continue
            }
            guard let (time, occurrence) = next() else {
                guard journal.state.isPaused else { throw Violation("the run is stuck: nothing will ever happen") }
                try take([.command(.unpause, by: "operator", token: 0)])
                continue
            }
            pass(until: time)
            try occur(occurrence)
        }
    }

    private static let process = ProcessIdentity(pid: 1, startTicks: 1, bootID: "simulated")

    // MARK: - Time

    private mutating func pass(until time: Int64) {
        let waited = max(0, time - now.steady)
        now.steady += waited
        now.wall += waited
        // Somebody sets the clock; nothing may depend on it.
        let jump: Int64 = chance.happens(2) ? chance.happens(50) ? 3_600_000 : -3_600_000 : 0
        if settings.clockJumps { now.wall += jump }
    }

    private func next() -> (Int64, Occurrence)? {
        var best: (time: Int64, name: String, occurrence: Occurrence)?
        func consider(_ time: Int64, _ name: @autoclosure () -> String, _ occurrence: Occurrence) {
            if let found = best, found.time < time { return }
            let name = name()
            // Dictionaries have no order, and the same seed must give the same run.
            if let found = best, found.time == time, found.name < name { return }
            best = (time, name, occurrence)
        }
        for (id, attempt) in attempts {
            switch attempt.phase {
            case .working(let until?, _), .moving(_, _, _, let until): consider(until, "a\(id)", .attempt(id))
            case .working(nil, _), .asking: break
            }
        }
        for (timer, due) in timers { consider(due, "t\(timer)", .timer(timer)) }
        for (id, due) in leaseRequests { consider(due, "l\(id)", .lease(id)) }
        if let due = commandTimes.first, best != nil { consider(due, "c", .command) }
        return best.map { ($0.time, $0.occurrence) }
    }

    private mutating func occur(_ occurrence: Occurrence) throws(Violation) {
        switch occurrence {
        case .timer(let timer):
            timers[timer] = nil
            try take([.timerFired(timer)])
        case .lease(let id):
            leaseRequests[id] = nil
            if chance.happens(70) {
                leases.insert(id)
                try take([.leaseGranted(id)])
            } else {
                try take([.leaseRefused(id, reason: "another run has it")])
            }
        case .command:
            commandTimes.removeFirst()
            try take([command()])
        case .attempt(let id): try proceed(id)
        }
    }

    // MARK: - The engine's loop

    private mutating func take(_ inputs: [RunInput]) throws(Violation) {
        steps += 1
        guard steps < 4000 else { throw Violation("the run does not end") }
        let step: RunStep
        do throws(StoreError) { step = try driver.take(inputs, at: now) } catch {
            // Nothing can be recorded: what may be moved is moved, everything else is ended.
            return try die(finishingMoves: true)
        }
        if let violation = journal.violation { throw violation }
        if let last = step.events.last, last.sequence > journal.state.lastSequence {
            throw Violation("event \(last.sequence) is shown and was never recorded")
        }
        guard journal.state == driver.machine.state else {
            throw Violation("after event \(journal.state.lastSequence) the live state is not the fold of the journal")
        }
        if let death = deaths.first, steps >= death {
            deaths.removeFirst()
            return try die(finishingMoves: false)
        }
        for action in step.actions { try perform(action) }
        try checkNothingIdles()
    }

    /// Whatever may start has started: no slot is lost, neither to what has ended nor to what waits for its next try.
    private func checkNothingIdles() throws(Violation) {
        let state = journal.state
        // What waits for a lease holds its slots.
        let holders = Array(attempts.keys) + leaseRequests.keys
        guard state.status == .running, !state.isPaused, holders.count < state.number(of: .maxParallel) else { return }
        for (id, unit) in units(of: state) where unit.status == .queued && !rules(of: id).needsLease {
            // Items of a fan-out that begins anew are kept only to go on counting their attempts.
            if id.item != nil, state.stage(id.stage)?.hasItems == false { continue }
            if id.item != nil, let limit = rules(of: id).fanOut?.maxParallel,
                holders.count(where: { $0.stage == id.stage && $0.item != nil }) >= limit
            {
                continue
            }
            throw Violation("\(id) waits while \(holders.count) of \(state.number(of: .maxParallel)) slots are taken")
        }
    }

    private mutating func perform(_ action: RunAction) throws(Violation) {
        switch action {
        case .launch(let id, let number, let purpose): try launch(id, number, purpose)
        case .stop(let id, let number, _):
            guard let attempt = attempts[id], attempt.number == number, case .working = attempt.phase else { return }
            let until = now.steady + Int64(chance.number(0...500))
            attempts[id]?.phase = .working(until: until, AttemptResult(ending: .stopped))
        case .startTimer(let timer, let delay): timers[timer] = now.steady + delay.milliseconds
        case .cancelTimer(let timer): timers[timer] = nil
        case .requestLease(let id): leaseRequests[id] = now.steady + Int64(chance.number(0...50))
        case .releaseLease(let id): leases.remove(id)
        case .publish(let id, let number):
            guard let attempt = attempts[id], attempt.number == number,
                case .asking(let result, let plan) = attempt.phase
            else { throw Violation("\(id) is told to publish and did not ask") }
            attempts[id]?.phase = .moving(result, plan, next: 0, until: now.steady)
        case .finish: break
        }
    }

    // MARK: - Attempts

    private mutating func launch(_ id: UnitID, _ number: Int, _ purpose: AttemptPurpose) throws(Violation) {
        guard attempts[id] == nil else { throw Violation("\(id) is launched while it runs") }
        guard let unit = journal.state.unit(id), unit.openAttempt?.number == number else {
            throw Violation("\(id) attempt \(number) is launched without a record")
        }
        guard launched.insert("\(id)#\(number)").inserted else {
            throw Violation("\(id) attempt \(number) is launched twice")
        }
        let planned = rules(of: id)
        guard !planned.needsLease || leases.contains(id) else { throw Violation("\(id) runs without its lease") }
        let tries = unit.attempts.count { $0.result != nil && $0.result?.ending != .interrupted }
        let script = Simulation.script(settings.seed, id, tries, canHang: planned.timeout != nil)
        let until = now.steady + Int64(chance.number(1...900))
        switch script {
        case .hangs: attempts[id] = Attempt(number: number, phase: .working(until: nil, .succeeded))
        case .fails(let exit):
            let result = AttemptResult(ending: .failed, failure: Failure("it failed"), exit: exit)
            attempts[id] = Attempt(number: number, phase: .working(until: until, result))
        case .succeeds:
            var result = AttemptResult.succeeded
            if purpose == .findItems { result.items = random.items[id.stage] }
            attempts[id] = Attempt(number: number, phase: .working(until: until, result))
        }
    }

    /// An attempt's time has come: it ends, asks to publish, or makes its next move.
    private mutating func proceed(_ id: UnitID) throws(Violation) {
        guard let attempt = attempts[id] else { return }
        switch attempt.phase {
        case .working(_, let result):
            let files = result.items == nil ? random.outputs[id.stage] ?? 0 : 0
            guard result.ending == .succeeded, files > 0 else {
                attempts[id] = nil
                return try take([.attemptEnded(id, attempt: attempt.number, result)])
            }
            let plan = SimulatedDisk.plan(id, attempt.number, files: files)
            disk.stage(plan)
            attempts[id]?.phase = .asking(result, plan)
            try take([.publishing(id, attempt: attempt.number, plan, result)])
        case .moving(let result, let plan, let next, _):
            guard next < plan.moves.count else {
                attempts[id] = nil
                return try take([.attemptEnded(id, attempt: attempt.number, result)])
            }
            try move(plan.moves[next], of: id, attempt.number)
            let until = now.steady + Int64(chance.number(0...5))
            attempts[id]?.phase = .moving(result, plan, next: next + 1, until: until)
        case .asking: break
        }
    }

    private mutating func move(_ move: PublishPlan.Move, of id: UnitID, _ number: Int) throws(Violation) {
        guard journal.hasPublishing(id, number) else { throw Violation("\(id) publishes without a record") }
        disk.make(move)
    }

    private func rules(of id: UnitID) -> PlannedStage {
        guard let index = random.plan.index(of: id.stage) else { preconditionFailure("\(id) is not planned") }
        return random.plan.stages[index]
    }

    // MARK: - Operators

    private mutating func command() -> RunInput {
        let state = journal.state
        let stage = chance.pick(state.stages)
        let item = stage.items.isEmpty ? nil : chance.pick(stage.items).item.key
        let unit = UnitID(stage.id, chance.happens(50) ? item : nil)
        let command: RunCommand =
            switch chance.number(0...10) {
            case 0, 1: .retry(stage.id, downstream: chance.happens(50))
            case 2: item.map { .retryItems(stage.id, [$0], downstream: chance.happens(50)) } ?? .retryFailed
            case 3, 4: .retryFailed
            case 5: .cancel(unit)
            case 6: chance.happens(30) ? .cancelRun : .cancel(unit)
            case 7: .pause
            case 8: .unpause
            case 9: .setLimit(chance.pick(state.plan.limits), chance.number(1...5))
            default: .mark(unit, chance.pick([.succeeded, .skipped]), reason: "known")
            }
        return .command(command, by: "operator", token: 0)
    }

    // MARK: - Death

    /// The process dies; another one takes the run up.
    private mutating func die(finishingMoves: Bool) throws(Violation) {
        crashes += 1
        if finishingMoves {
            for (id, attempt) in attempts {
                if case .moving(_, let plan, let next, _) = attempt.phase {
                    for each in plan.moves.dropFirst(next) { try move(each, of: id, attempt.number) }
                }
            }
        }
        attempts = [:]
        timers = [:]
        leaseRequests = [:]
        leases = []
        now.wall += Int64(chance.number(0...10_000))
        // The machine may have been started anew: its steady clock begins at nought.
        now.steady = chance.happens(20) ? 500 : now.steady + Int64(chance.number(0...10_000))
        if let earliest = commandTimes.first {
            let shift = now.steady - earliest
            commandTimes = commandTimes.map { $0 + shift }
        }
        let state = journal.state
        var settled: [UnitID: AttemptResult] = [:]
        for (id, unit) in units(of: state) {
            guard let open = unit.openAttempt, let plan = open.publishing else { continue }
            for each in plan.moves { try move(each, of: id, open.number) }
            settled[id] = open.publishingResult
        }
        driver = RunDriver(machine: RunMachine(state: state, seed: settings.seed), journal: journal)
        // A process that died before the run's first event was recorded leaves nothing to resume but the plan.
        let wasStarted = state.startedAt != nil
        guard wasStarted else { return try take([.start(Self.process)]) }
        var inputs = [RunInput.resume(Self.process, settled: settled)]
        if settings.commands, chance.happens(20) {
            let plan = edited(state.plan)
            let change = PlanChange(plan: plan, differences: state.plan.differences(to: plan))
            inputs.append(.changePlan(change, by: "simulated"))
        }
        try take(inputs)
    }

    /// A plan as somebody may have edited it: other work, other needs, other rules.
    private mutating func edited(_ plan: RunPlan) -> RunPlan {
        var stages = plan.stages
        for index in stages.indices where chance.happens(30) {
            stages[index].definitionText += "\nrun: \(chance.number(0...9))"
            // Names count upwards from what has no needs, so that no edit makes a cycle.
            let earlier = stages.map(\.id).filter {
                $0 < stages[index].id && $0.rawValue.count <= stages[index].id.rawValue.count
            }
            if chance.happens(40) { stages[index].upstream = earlier.filter { _ in chance.happens(30) } }
            if chance.happens(20) { stages[index].when = chance.pick([.allSucceeded, .allDone, .anyFailed]) }
            if chance.happens(10) { stages[index].skipReason = "its condition is false" }
        }
        return RunPlan(pipeline: plan.pipeline, maxParallel: chance.number(1...4), pools: plan.pools, stages: stages)
    }

    private func units(of state: RunState) -> [(UnitID, UnitState)] {
        state.stages.flatMap { stage in
            [(UnitID(stage.id), stage.unit)] + stage.items.map { (UnitID(stage.id, $0.item.key), $0.unit) }
        }
    }

    // MARK: - The end

    private func checkEnd() throws(Violation) {
        guard attempts.isEmpty else { throw Violation("the run ended while \(attempts.keys.sorted()) ran") }
        guard leases.isEmpty else { throw Violation("the run ended and holds leases of \(leases.sorted())") }
        for timer in timers.keys where timer != .leases { throw Violation("the run ended and left timer \(timer)") }
        for (id, unit) in units(of: journal.state) {
            let files = (0..<(random.outputs[id.stage] ?? 0)).map { disk.content["\(id).\($0)"] }
            let isWorker = id.item != nil || random.items[id.stage] == nil
            guard isWorker, let first = files.first else { continue }
            guard files.allSatisfy({ $0 == first }) else {
                throw Violation("\(id) left outputs of different attempts: \(files)")
            }
            let published = unit.attempts.last { $0.result?.ending == .succeeded }?.number
            guard first == published else {
                throw Violation("\(id) last succeeded in attempt \(published ?? 0); attempt \(first ?? 0) is in place")
            }
        }
    }
}
