package import CaudalModel

/// A decision about slots as it is recorded.
package struct RecordedSlot: Sendable, Hashable, Identifiable {
    /// What became of the slots.
    package enum Outcome: String, Sendable, Codable, CaseIterable {
        /// A run is started.
        case run
        /// A run is started later than planned, because nothing could run at the planned time.
        case caughtUp = "caught up"
        /// A run is started when another one has ended.
        case wait
        /// The slot was not to run, for example because its schedule was paused.
        case skipped
        /// The slot was to run, and its time passed while nothing could run.
        case missed
        /// The slot's run had not succeeded by its deadline; recorded in addition to another outcome.
        case late
        /// The slot was to run, and its run could not begin.
        case failed
        /// Not a slot: the time from which on the schedule is known as it is now.
        case begun

        /// Whether the slot has a run, or will have one.
        package var isToRun: Bool { self == .run || self == .caughtUp }
    }

    /// The number of the decision; later decisions have higher ones.
    package var id: Int64
    /// The slots; for most decisions one.
    package var slots: SlotSpan
    package var outcome: Outcome
    /// A sentence without a full stop; empty if the outcome says everything.
    package var reason: String
    /// When it was decided, in milliseconds since 1970.
    package var decidedAt: Int64
    /// How often a process was started for it.
    package var starts: Int
    /// Its run, once it has begun.
    package var run: RunID?
    /// The status of its run, as far as it is recorded; see ``RunSummary/trueStatus``.
    package var runStatus: RunState.Status?

    package var key: ScheduleKey { slots.last.key }
    /// Whether it had a run, which was removed since.
    package var hasLostItsRun: Bool { run != nil && runStatus == nil }
}

extension SlotDecision.Outcome {
    /// As it is recorded.
    package var recorded: (outcome: RecordedSlot.Outcome, reason: String) {
        switch self {
        case .run(let isCaughtUp):
            isCaughtUp ? (.caughtUp, "nothing was there to run it at its time") : (.run, "")
        case .wait(let run): (.wait, "\(run) was still going on, and 'overlap' is wait")
        case .skip(let reason): (.skipped, reason.description)
        case .miss(let reason): (.missed, reason.description)
        case .late(let duration):
            (
                .late,
                "its run had not succeeded at its deadline" + (duration < .seconds(1) ? "" : ", \(duration.short) ago")
            )
        }
    }
}

/// How far the slots of a schedule are decided.
package struct ScheduleRecord: Sendable, Hashable {
    package var definition: String
    package var decidedThrough: Int64

    /// The IANA name of the zone whose clock it went by.
    package var timezone: String? {
        definition.split(separator: "\n").last { $0.hasPrefix("timezone: ") }.map { String($0.dropFirst(10)) }
    }
}
