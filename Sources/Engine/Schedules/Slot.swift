package import CaudalModel

/// A time at which a schedule fires: what is decided once, and never again.
package struct Slot: Sendable, Hashable, Comparable, Codable, CustomStringConvertible {
    /// The pipeline.
    package var pipeline: String
    /// The name of the schedule.
    package var schedule: String
    /// The planned point in time, in milliseconds since 1970; the start may be put off by `jitter`.
    package var planned: Int64
    /// The date that was meant, by the clock of the schedule's zone.
    package var date: LocalDate

    package init(pipeline: String, schedule: String, planned: Int64, date: LocalDate) {
        self.pipeline = pipeline
        self.schedule = schedule
        self.planned = planned
        self.date = date
    }

    /// Which schedule it is of.
    package var key: ScheduleKey { ScheduleKey(pipeline: pipeline, schedule: schedule) }

    /// `sales/daily 2026-11-28T06:00:00.000Z`.
    package var description: String { "\(pipeline)/\(schedule) \(UTC.iso(planned))" }

    package static func < (one: Slot, other: Slot) -> Bool {
        (one.planned, one.pipeline, one.schedule) < (other.planned, other.pipeline, other.schedule)
    }
}

/// Which schedule of which pipeline.
package struct ScheduleKey: Sendable, Hashable, Codable, CustomStringConvertible {
    package var pipeline: String
    package var schedule: String

    /// `sales`, or `sales/nightly` for a schedule with a name of its own.
    package var description: String {
        schedule == Schedule.usualName ? pipeline : "\(pipeline)/\(schedule)"
    }

    package init(pipeline: String, schedule: String) {
        self.pipeline = pipeline
        self.schedule = schedule
    }
}

/// Slots of one schedule that follow each other and share a decision.
package struct SlotSpan: Sendable, Hashable, Codable {
    package var first: Slot
    package var last: Slot
    /// How many there are, the first and the last among them.
    package var count: Int
    /// Whether there may be more than ``count``: counting stops there.
    package var isAtLeast: Bool

    /// A single slot.
    package init(_ slot: Slot) { self.init(first: slot, last: slot, count: 1) }

    package init(first: Slot, last: Slot, count: Int, isAtLeast: Bool = false) {
        self.first = first
        self.last = last
        self.count = count
        self.isAtLeast = isAtLeast
    }
}

/// What becomes of slots.
package struct SlotDecision: Sendable, Hashable {
    /// The kinds of decision.
    package enum Outcome: Sendable, Hashable {
        /// A run is started for the slot.
        ///
        /// `isCaughtUp`: whether its time had passed while nothing could run.
        case run(isCaughtUp: Bool)
        /// A run is started when the one that is in the way has ended; until then the slot is open.
        case wait(behind: String)
        /// It was not to run.
        case skip(SkipReason)
        /// It was to run and could not.
        case miss(MissReason)
        /// Its run has not succeeded in time; told once, besides one of the others.
        case late(by: Duration)

        /// Whether the slot is done with: no other decision will be made about it, besides ``late(by:)``.
        package var isFinal: Bool {
            switch self {
            case .run, .skip, .miss: true
            case .wait, .late: false
            }
        }
    }

    package var slots: SlotSpan
    package var outcome: Outcome

    package init(_ slots: SlotSpan, _ outcome: Outcome) {
        self.slots = slots
        self.outcome = outcome
    }
}

/// Why a slot was not to run.
package enum SkipReason: Sendable, Hashable, CustomStringConvertible {
    /// A run of the pipeline was going on.
    case overlap(with: String)
    /// It waited for a run to end, and a newer slot came.
    case superseded(by: Slot)
    /// The schedule was paused.
    case paused(String)
    /// The schedule has `enabled: false`.
    case disabled

    /// A sentence without a full stop.
    package var description: String {
        switch self {
        case .overlap(let run): "\(run) was still going on, and 'overlap' is skip"
        case .superseded(let slot):
            "the slot of \(UTC.iso(slot.planned)) came while it waited, and only the newest waits"
        case .paused(let reason): reason.isEmpty ? "the schedule was paused" : "the schedule was paused: \(reason)"
        case .disabled: "the schedule has 'enabled: false'"
        }
    }
}

/// Why a slot could not run.
package enum MissReason: Sendable, Hashable, CustomStringConvertible {
    /// Nothing is caught up.
    case notCaughtUp
    /// A later slot runs in its place.
    case laterOneRuns
    /// More slots had passed than are caught up, so that the last one alone runs.
    case tooMany(limit: Int)
    /// Its time had passed for longer than what is caught up.
    case tooOld(window: Duration)

    /// A sentence without a full stop.
    package var description: String {
        switch self {
        case .notCaughtUp: "nothing was there to run it at its time, and 'catch_up' is none"
        case .laterOneRuns: "nothing was there to run it at its time, and 'catch_up' is latest"
        case .tooMany(let limit):
            "nothing was there to run it at its time, and more than \(limit) had passed: the latest runs alone"
        case .tooOld(let window):
            "nothing was there to run it at its time, which is longer ago than 'catch_up_window' (\(window.written))"
        }
    }
}
