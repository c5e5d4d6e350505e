import CaudalModel

/// Decides what becomes of slots: the pure core of the scheduler.
///
/// It is asked at the start, when it said that it wants to be woken, when a run ends, when something arrives, and when an operator
/// has done something; being asked more often does no harm. It looks at everything between the last decided slot and now, so that
/// a start, a sleep of the machine, a stall and a clock that was set are the same to it. A slot that is decided stays so, also
/// when the clock goes back.
///
/// The caller records the decisions and ``Plan/decidedThrough`` in one transaction, and only then starts runs. What was recorded
/// as ``SlotDecision/Outcome/run(isCaughtUp:)`` and has no run when a scheduler starts is started then.
package struct SlotDecider: Sendable {
    /// A live run of a pipeline, however it was started.
    package struct BusyRun: Sendable, Hashable {
        /// What it is called in reasons, such as `run 20261123-060000-1a2b`.
        package var name: String
        /// Whether it was started to catch up with a slot.
        package var isCaughtUp: Bool

        package init(name: String, isCaughtUp: Bool = false) {
            self.name = name
            self.isCaughtUp = isCaughtUp
        }
    }

    /// What was decided.
    package struct Plan: Sendable {
        /// In the order in which they are to be recorded and done: by time.
        package var decisions: [SlotDecision] = []
        /// For each schedule of which slots were decided, how far that goes now.
        package var decidedThrough: [ScheduleKey: Int64] = [:]
        /// When to ask again at the latest, in milliseconds since 1970; nil when only an event can change anything.
        ///
        /// It may lie far away; clocks are set meanwhile, so that a caller never sleeps so long in one go.
        package var wake: Int64?
        /// Schedules whose last decided slot lies ahead of the clock, which was set back, with that slot's time.
        ///
        /// Until then they do not fire.
        package var ahead: [ScheduleKey: Int64] = [:]

        package init(decisions: [SlotDecision] = []) { self.decisions = decisions }
    }

    /// How late a slot may be found and still be on time.
    package var grace: Duration
    package static let usualGrace = Duration.seconds(60)
    /// How many slots of a schedule are caught up at most; where there are more, the last one alone.
    package var limit: Int

    package init(grace: Duration = usualGrace, limit: Int = 100) {
        self.grace = grace
        self.limit = limit
    }

    /// Decides about all slots up to `now`.
    ///
    /// `schedules`: in the order that counts where two are due at the same time.
    /// `now`: by the machine's clock, in milliseconds since 1970.
    /// `busy`: for each pipeline that has live runs, one of them.
    package func decide(_ schedules: [WatchedSchedule], now: Int64, busy: [String: BusyRun]) -> Plan {
        var round = DecisionRound(schedules: schedules, now: now, busy: busy)
        for index in schedules.indices { gather(index, &round) }
        round.begin()
        var plan = round.plan
        for watched in schedules {
            tellLate(watched, now: now, &plan)
            if watched.decidedThrough > now, watched.next(after: now) != nil {
                plan.ahead[watched.key] = watched.decidedThrough
            }
        }
        return plan
    }

    // MARK: - What is due

    /// Finds the slots of one schedule that are due, settles those that do not run, and leaves the others to be started.
    private func gather(_ index: Int, _ round: inout DecisionRound) {
        let watched = round.schedules[index]
        if let waiting = watched.waiting { round.takeWaiting(waiting, of: index) }
        if watched.timetable == nil { return round.takeArrivals(of: index) }
        let (newest, upcoming) = due(watched, now: round.now)
        if let upcoming, watched.schedule.isEnabled, watched.openPause == nil {
            round.wake(at: watched.start(of: upcoming))
        }
        guard let newest else { return }
        let chosen = chooseStarts(watched, newest: newest, now: round.now)
        var settled = watched.decidedThrough
        if watched.openPause != nil, let first = chosen.slots.first {
            // Nothing begins in a pause, and what stands behind it keeps its place.
            round.settle(watched, after: settled, before: first.planned, chosen.missed)
            return round.hold(first, watched)
        }
        for slot in chosen.slots {
            round.settle(watched, after: settled, before: slot.planned, chosen.missed)
            let start = watched.start(of: slot)
            // What a later slot has overtaken already is caught up with, however short the time was.
            let isOnTime = slot == newest && start >= round.now - grace.milliseconds
            round.starts.append(DecisionRound.Start(schedule: index, slot: slot, at: start, isOnTime: isOnTime))
            settled = slot.planned
        }
        round.settle(watched, after: settled, before: newest.planned + 1, chosen.missed)
        round.decidedThrough[watched.key] = newest.planned
    }

    /// The last slot that is due and not decided, and the first that is not due.
    private func due(_ watched: WatchedSchedule, now: Int64) -> (newest: Slot?, upcoming: Slot?) {
        guard let first = watched.next(after: watched.decidedThrough) else { return (nil, nil) }
        if first.planned > now { return (nil, first) }
        let second = watched.next(after: first.planned)
        // Most of the time there is one; after a long sleep not all of them are visited.
        let isOnly = second.map { $0.planned > now } ?? true
        let newest = isOnly ? first : watched.previous(before: now + 1) ?? first
        // A slot is never put off beyond the next one, so that the one before the last is due.
        if watched.start(of: newest) > now {
            return (newest == first ? nil : watched.previous(before: newest.planned), newest)
        }
        return (newest, isOnly ? second : watched.next(after: newest.planned))
    }

    /// The slots that are to be started, in order, and why the others are missed.
    private func chooseStarts(
        _ watched: WatchedSchedule, newest: Slot, now: Int64
    ) -> (slots: [Slot], missed: (Slot) -> MissReason) {
        let window = watched.schedule.catchUpWindow
        let oldest = now - window.milliseconds
        func reason(_ inWindow: MissReason) -> (Slot) -> MissReason {
            { $0.planned < oldest ? .tooOld(window: window) : inWindow }
        }
        guard watched.schedule.isEnabled else { return ([], reason(.notCaughtUp)) }
        var slots: [Slot] = []
        var next: Slot? = newest
        let most = watched.schedule.catchUp == .all ? limit + 1 : 1
        while let slot = next, slot.planned > watched.decidedThrough, slots.count < most {
            if let pause = watched.pauses.first(where: { $0.covers(slot.planned) }) {
                next = watched.previous(before: pause.from)
                continue
            }
            let isOnTime = watched.start(of: slot) >= now - grace.milliseconds
            guard isOnTime || slot.planned >= oldest && watched.schedule.catchUp != .none else { break }
            slots.append(slot)
            next = watched.previous(before: slot.planned)
        }
        if slots.count > limit { return ([slots[0]], reason(.tooMany(limit: limit))) }
        return (slots.reversed(), reason(watched.schedule.catchUp == .none ? .notCaughtUp : .laterOneRuns))
    }

    // MARK: - What comes later

    private func tellLate(_ watched: WatchedSchedule, now: Int64, _ plan: inout Plan) {
        guard let deadline = watched.schedule.deadline else { return }
        var begun: [Slot] = []
        var over: Set<Slot> = []
        for decision in plan.decisions where decision.slots.last.key == watched.key {
            switch decision.outcome {
            // One that waited is known already, and may have been told.
            case .run, .wait: if decision.slots.last != watched.waiting { begun.append(decision.slots.last) }
            // What waited and is given up now is told as that.
            case .skip, .miss: over.insert(decision.slots.last)
            case .late: break
            }
        }
        for slot in Set(watched.unfinished + begun).subtracting(over).sorted() {
            let end = slot.planned + deadline.milliseconds
            if now >= end {
                plan.decisions.append(SlotDecision(SlotSpan(slot), .late(by: .milliseconds(now - end))))
            } else {
                plan.wake = min(plan.wake ?? .max, end)
            }
        }
    }
}
