import CaudalModel
import Engine

/// A scheduler with its store, its runs and a machine that sleeps, dies and has its clock set; without anything real.
///
/// The store is a ledger: each slot must get its one final decision in its turn, whatever happens.
struct SimulatedScheduler {
    /// What the store knows of a schedule besides the ``WatchedSchedule``.
    private struct Ledger {
        /// The slot that is to be decided next.
        var expected: Slot?
        /// Slots that were told to be late.
        var late: Set<Slot> = []
    }

    private struct Run {
        var slot: Slot?
        var name: String
        var isCaughtUp: Bool
        /// By the true clock.
        var end: Int64
    }

    private let decider = SlotDecider()
    private var generator: SeededGenerator
    private(set) var watched: [WatchedSchedule]
    private var ledgers: [Ledger]
    private var runs: [String: [Run]] = [:]
    /// Recorded and not started: what a scheduler that was killed leaves.
    private var unstarted: [(slot: Slot, isCaughtUp: Bool)] = []
    /// True time, in milliseconds since 1970.
    private(set) var time: Int64
    /// How far the machine's clock is ahead of the true one.
    private var skew: Int64 = 0
    private var isAsleep = false
    /// The next true time at which the zone's clock changes; most sleeps end shortly before.
    private let zone: ZoneRules
    /// What went wrong first.
    private(set) var fault: String?
    /// How many slots have a final decision.
    private(set) var decided = 0
    /// How many runs were started.
    private(set) var started = 0

    init(_ schedules: [WatchedSchedule], zone: ZoneRules, start: Int64, seed: UInt64) {
        watched = schedules
        self.zone = zone
        time = start
        generator = SeededGenerator(seed: seed)
        ledgers = schedules.map { Ledger(expected: $0.next(after: $0.decidedThrough)) }
    }

    private var now: Int64 { time + skew }

    /// Lives until a true time.
    mutating func live(until end: Int64) {
        while time < end, fault == nil {
            endRuns()
            let wake = step()
            pass(wake)
        }
        // A machine that works as it should from now on decides what was left.
        skew = max(skew, 0)
        for index in watched.indices { resume(index) }
        for _ in 0..<400 where fault == nil {
            time += 60_000
            runs = [:]
            for index in watched.indices { watched[index].unfinished = [] }
            record(decider.decide(watched, now: now, busy: [:]), starts: true)
        }
        for (index, ledger) in ledgers.enumerated() {
            guard let slot = ledger.expected, slot.planned <= now else { continue }
            // One that lies in the shadow of jitter is not due yet.
            if watched[index].start(of: slot) <= now { fail("\(slot) is lost") }
        }
    }

    /// Asks, records and starts, unless the machine dies in between; tells when it wants to be woken.
    private mutating func step() -> Int64? {
        for one in unstarted { start(one.slot, isCaughtUp: one.isCaughtUp) }
        unstarted = []
        let plan = decider.decide(watched, now: now, busy: busy)
        switch Int.random(in: 0..<100, using: &generator) {
        case 0..<2: return plan.wake
        case 2..<4: record(plan, starts: false)
        default: record(plan, starts: true)
        }
        return plan.wake
    }

    private var busy: [String: SlotDecider.BusyRun] {
        runs.compactMapValues { runs in
            runs.first.map { SlotDecider.BusyRun(name: $0.name, isCaughtUp: $0.isCaughtUp) }
        }
    }

    // MARK: - The machine

    private mutating func endRuns() {
        for (pipeline, running) in runs {
            for run in running where run.end <= time {
                if let slot = run.slot, let index = index(of: slot) {
                    watched[index].unfinished.removeAll { $0 == slot }
                }
            }
            let rest = running.filter { $0.end > time }
            runs[pipeline] = rest.isEmpty ? nil : rest
        }
    }

    private mutating func pass(_ wake: Int64?) {
        let ends = runs.values.joined().map(\.end).min() ?? .max
        let next = min(wake.map { $0 - skew } ?? .max, ends)
        let latency = Int64.random(in: 1...3000, using: &generator)
        // Without anything to wait for somebody looks in once a day.
        var to = max(time + 1, next == .max ? time + 86_400_000 : next + latency)
        switch Int.random(in: 0..<1000, using: &generator) {
        case 0..<40: to = time + Int64.random(in: 1...7_200_000, using: &generator)
        case 40..<45: to = max(to, time + Int64.random(in: 1...20 * 86_400_000, using: &generator))
        case 120..<280:
            // Months asleep, most of the time until shortly before the clock changes.
            to = max(to, time + Int64.random(in: 1...400 * 86_400_000, using: &generator))
            let change = zone.period(at: to / 1000).end
            if change != .max, Bool.random(using: &generator) {
                to = max(to, change * 1000 - Int64.random(in: 1...40 * 3_600_000, using: &generator))
            }
        case 65..<75: skew += Int64.random(in: -7_200_000...7_200_000, using: &generator)
        case 75..<78: skew += Int64.random(in: -3 * 86_400_000...3 * 86_400_000, using: &generator)
        case 78..<90: skew = 0
        case 90..<95:
            if let index = watched.indices.randomElement(using: &generator) { pause(index) }
        case 95..<115: for index in watched.indices { resume(index) }
        case 115..<120:
            // Somebody starts a run by hand.
            let end = time + Int64.random(in: 1...14_400_000, using: &generator)
            runs[watched[0].pipeline, default: []].append(Run(slot: nil, name: "run x", isCaughtUp: false, end: end))
        default: break
        }
        time = to
    }

    private mutating func pause(_ index: Int) {
        guard watched[index].openPause == nil else { return }
        watched[index].pauses.append(.init(from: now, reason: "a reason"))
    }

    private mutating func resume(_ index: Int) {
        guard let last = watched[index].pauses.indices.last, watched[index].pauses[last].until == nil else { return }
        watched[index].pauses[last].until = max(now, watched[index].pauses[last].from)
        let through = watched[index].decidedThrough
        watched[index].pauses.removeAll { ($0.until ?? .max) < through }
    }

    // MARK: - The store

    private mutating func record(_ plan: SlotDecider.Plan, starts: Bool) {
        for decision in plan.decisions {
            guard let index = index(of: decision.slots.first) else { return fail("\(decision) is of no schedule") }
            enter(decision, of: index)
            if case .run(let isCaughtUp) = decision.outcome {
                if starts {
                    start(decision.slots.first, isCaughtUp: isCaughtUp)
                } else {
                    unstarted.append((decision.slots.first, isCaughtUp))
                }
            }
        }
        for (key, through) in plan.decidedThrough {
            guard let index = watched.firstIndex(where: { $0.key == key }) else { return fail("\(key) is unknown") }
            if through <= watched[index].decidedThrough { fail("\(key) went back") }
            watched[index].decidedThrough = through
        }
        for (index, ledger) in ledgers.enumerated() where ledger.expected != nil {
            if watched[index].next(after: watched[index].decidedThrough) != ledger.expected {
                fail("\(watched[index].key) is decided through \(UTC.iso(watched[index].decidedThrough))")
            }
        }
    }

    private mutating func enter(_ decision: SlotDecision, of index: Int) {
        let slots = decision.slots
        if case .late = decision.outcome {
            guard watched[index].unfinished.contains(slots.first), ledgers[index].late.insert(slots.first).inserted
            else {
                return fail("\(slots.first) is told to be late, and is none or was told before")
            }
            watched[index].unfinished.removeAll { $0 == slots.first }
            return
        }
        let hasWaited = slots.first == watched[index].waiting
        if hasWaited, slots.count == 1 {
            guard decision.outcome.isFinal else { return fail("\(slots.first) waits twice") }
            watched[index].waiting = nil
            if case .skip = decision.outcome { watched[index].unfinished.removeAll { $0 == slots.first } }
            decided += 1
        } else {
            guard slots.first == ledgers[index].expected else {
                return fail("\(slots.first) is decided, and \(String(describing: ledgers[index].expected)) was to be")
            }
            ledgers[index].expected = watched[index].next(after: slots.last.planned)
            if decision.outcome.isFinal { decided += slots.count }
            if slots.count < 100 { checkCount(slots, of: index) }
        }
        switch decision.outcome {
        case .run, .wait:
            if slots.count != 1 { fail("\(slots) are begun together") }
            if !hasWaited { watched[index].unfinished.append(slots.first) }
            if case .wait = decision.outcome { watched[index].waiting = slots.first }
            if watched[index].openPause != nil, !hasWaited || decision.outcome.isFinal {
                fail("\(slots.first) is begun in a pause")
            }
        case .skip, .miss, .late: break
        }
    }

    private mutating func checkCount(_ slots: SlotSpan, of index: Int) {
        var (count, at) = (1, slots.first)
        while at < slots.last, let next = watched[index].next(after: at.planned) { (count, at) = (count + 1, next) }
        if count != slots.count || at != slots.last { fail("\(slots) are \(count)") }
    }

    private mutating func start(_ slot: Slot, isCaughtUp: Bool) {
        guard let index = index(of: slot) else { return fail("\(slot) is of no schedule") }
        started += 1
        if watched[index].schedule.overlap != .allow, unstarted.isEmpty, runs[slot.pipeline] != nil {
            fail("\(slot) begins beside another run")
        }
        let isLong = Int.random(in: 0..<20, using: &generator) == 0
        let end = time + Int64.random(in: 1...(isLong ? 200_000_000 : 600_000), using: &generator)
        runs[slot.pipeline, default: []].append(
            Run(slot: slot, name: "run \(started)", isCaughtUp: isCaughtUp, end: end))
    }

    private func index(of slot: Slot) -> Int? { watched.firstIndex { $0.key == slot.key } }

    private mutating func fail(_ text: String) {
        if fault == nil { fault = "\(UTC.iso(time)) (clock \(UTC.iso(now))): \(text)" }
    }
}
