import CaudalModel

/// The decisions of one time that ``SlotDecider`` is asked, while they are made.
struct DecisionRound {
    /// A slot for which a run would be started if nothing were in the way.
    struct Start {
        /// The place of its schedule.
        var schedule: Int
        var slot: Slot
        var at: Int64
        var isOnTime: Bool
        /// Whether it was decided to wait before.
        var hasWaited = false
    }

    let schedules: [WatchedSchedule]
    let now: Int64
    private var busy: [String: SlotDecider.BusyRun]
    var starts: [Start] = []
    /// For each schedule of which slots are decided, how far that goes.
    var decidedThrough: [ScheduleKey: Int64] = [:]
    private var decisions: [(at: Int64, decision: SlotDecision)] = []
    private var wake: Int64?
    /// Slots that wait, by the place of their schedule.
    private var waiting: [Int: Slot] = [:]

    init(schedules: [WatchedSchedule], now: Int64, busy: [String: SlotDecider.BusyRun]) {
        self.schedules = schedules
        self.now = now
        self.busy = busy
    }

    /// What was decided, by time.
    var plan: SlotDecider.Plan {
        let inOrder = decisions.enumerated().sorted { ($0.element.at, $0.offset) < ($1.element.at, $1.offset) }
        var plan = SlotDecider.Plan(decisions: inOrder.map(\.element.decision))
        (plan.decidedThrough, plan.wake) = (decidedThrough, wake)
        return plan
    }

    /// Asks to be woken at a point in time.
    mutating func wake(at instant: Int64) { wake = min(wake ?? .max, instant) }

    /// Looks whether a slot that waits can begin, or has to go on waiting.
    mutating func takeWaiting(_ slot: Slot, of index: Int) {
        let watched = schedules[index]
        if !watched.schedule.isEnabled {
            decide(slot, at: slot.planned, .skip(.disabled))
        } else if busy[watched.pipeline] == nil, watched.openPause == nil {
            starts.append(
                Start(schedule: index, slot: slot, at: slot.planned, isOnTime: true, hasWaited: true))
        } else {
            waiting[index] = slot
        }
    }

    /// Leaves what has arrived to be started; while the schedule is paused or not enabled it stays undecided.
    mutating func takeArrivals(of index: Int) {
        let watched = schedules[index]
        guard watched.schedule.isEnabled, watched.openPause == nil else { return }
        for slot in watched.arrivals.sorted() {
            starts.append(Start(schedule: index, slot: slot, at: slot.planned, isOnTime: true))
        }
    }

    /// Settles the slots between two points in time that do not run.
    mutating func settle(
        _ watched: WatchedSchedule, after: Int64, before: Int64, _ missed: (Slot) -> MissReason
    ) {
        var (from, next) = (after, watched.next(after: after))
        while let first = next, first.planned < before {
            let outcome = outcome(of: first, watched, missed)
            // As many slots as share the decision make a span; it ends where a pause begins or ends, or the reason changes.
            let end = self.end(of: outcome, from: first.planned, before: before, watched)
            let last = watched.previous(before: end) ?? first
            decisions.append((last.planned, SlotDecision(count(first, last, watched), outcome)))
            from = max(last.planned, from)
            next = watched.next(after: from)
        }
    }

    private func outcome(
        of slot: Slot, _ watched: WatchedSchedule, _ missed: (Slot) -> MissReason
    ) -> SlotDecision.Outcome {
        if !watched.schedule.isEnabled { return .skip(.disabled) }
        if let pause = watched.pauses.first(where: { $0.covers(slot.planned) }) { return .skip(.paused(pause.reason)) }
        return .miss(missed(slot))
    }

    /// Where slots begin to have another decision.
    private func end(
        of outcome: SlotDecision.Outcome, from start: Int64, before: Int64, _ watched: WatchedSchedule
    ) -> Int64 {
        if case .skip(.disabled) = outcome { return before }
        var end = before
        for pause in watched.pauses {
            for edge in [pause.from, pause.until ?? .max] where edge > start { end = min(end, edge) }
        }
        let oldest = now - watched.schedule.catchUpWindow.milliseconds
        if case .miss(.tooOld) = outcome { end = min(end, oldest) }
        return end
    }

    /// The span from a slot to another, with how many there are.
    private func count(_ first: Slot, _ last: Slot, _ watched: WatchedSchedule) -> SlotSpan {
        var (count, at) = (1, first)
        // An exact number is not needed; counting seconds over years would take as long as they are many.
        while at.planned < last.planned, count < 10_000, let next = watched.next(after: at.planned) {
            count += 1
            at = next
        }
        return SlotSpan(first: first, last: last, count: count, isAtLeast: at.planned < last.planned)
    }

    /// Starts what can be started, in the order of time.
    mutating func begin() {
        var held: Set<Int> = []
        let inOrder = starts.enumerated().sorted {
            ($0.element.at, $0.element.schedule, $0.offset) < ($1.element.at, $1.element.schedule, $1.offset)
        }
        for start in inOrder.map(\.element) where !held.contains(start.schedule) {
            let watched = schedules[start.schedule]
            guard let run = busy[watched.pipeline], watched.schedule.overlap != .allow else {
                decide(start.slot, at: start.at, .run(isCaughtUp: !start.isOnTime))
                // What others of the pipeline find in their way from now on.
                busy[watched.pipeline] = SlotDecider.BusyRun(
                    name: "the run of \(UTC.iso(start.slot.planned)) by '\(watched.schedule.name)'",
                    isCaughtUp: !start.isOnTime)
                continue
            }
            if start.hasWaited {
                // Another schedule of the pipeline came first.
                waiting[start.schedule] = start.slot
            } else if watched.timetable == nil {
                held.insert(start.schedule)
            } else if watched.schedule.catchUp == .all,
                !start.isOnTime || run.isCaughtUp || waiting[start.schedule] != nil
            {
                // One after another: it stays undecided until the run has ended.
                held.insert(start.schedule)
                hold(start.slot, watched)
            } else if watched.schedule.overlap == .skip {
                decide(start.slot, at: start.at, .skip(.overlap(with: run.name)))
            } else {
                if let older = waiting[start.schedule] {
                    decide(older, at: start.at, .skip(.superseded(by: start.slot)))
                }
                waiting[start.schedule] = start.slot
                decide(start.slot, at: start.at, .wait(behind: run.name))
            }
        }
    }

    /// Leaves a slot and all behind it undecided.
    mutating func hold(_ slot: Slot, _ watched: WatchedSchedule) {
        decisions.removeAll {
            let first = $0.decision.slots.first
            return first.key == watched.key && first.planned > slot.planned
        }
        let before = watched.previous(before: slot.planned)?.planned ?? watched.decidedThrough
        decidedThrough[watched.key] = before > watched.decidedThrough ? before : nil
    }

    private mutating func decide(_ slot: Slot, at instant: Int64, _ outcome: SlotDecision.Outcome) {
        decisions.append((instant, SlotDecision(SlotSpan(slot), outcome)))
    }
}
