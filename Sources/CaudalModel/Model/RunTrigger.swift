/// What started a run.
package enum RunTrigger: Sendable, Hashable {
    /// A person, or a program of theirs.
    case manual
    /// A backfill, for one of its days.
    case backfill
    /// A schedule, for one of its slots.
    case schedule(ScheduleSlot)
    /// Something that only a newer caudal knows, as it was recorded.
    case other(String)
}

/// One of the times for which a schedule plans a run.
package struct ScheduleSlot: Sendable, Hashable, Codable {
    /// The name of the schedule, unique in its pipeline.
    package var schedule: String
    /// The planned time: milliseconds since 1970, a whole second.
    package var planned: Int64
    /// The date of the planned time in the schedule's time zone, as `2026-11-28`.
    package var localDate: String

    package init(schedule: String, planned: Int64, localDate: String) {
        self.schedule = schedule
        self.planned = planned
        self.localDate = localDate
    }
}

extension RunTrigger: CustomStringConvertible {
    /// As the run store has it: `manual`, `backfill`, or `schedule 2026-11-28T06:00:00Z 2026-11-28 nightly`.
    package var description: String {
        switch self {
        case .manual: "manual"
        case .backfill: "backfill"
        case .schedule(let slot):
            "schedule \(UTC.isoSecond(slot.planned)) \(slot.localDate) \(slot.schedule)"
        case .other(let text): text
        }
    }

    /// The trigger of a run as it was recorded; each description is read back as what it describes.
    package init(_ text: String) {
        // The name stands last and may hold blanks.
        let parts = text.split(separator: " ", maxSplits: 3, omittingEmptySubsequences: false).map(String.init)
        if parts.count == 4, parts[0] == "schedule", let planned = UTC.milliseconds(ofSecond: parts[1]) {
            self = .schedule(ScheduleSlot(schedule: parts[3], planned: planned, localDate: parts[2]))
            return
        }
        switch text {
        case "manual": self = .manual
        case "backfill": self = .backfill
        default: self = .other(text)
        }
    }
}
