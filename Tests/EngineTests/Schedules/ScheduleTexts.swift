import CaudalModel
import Engine

/// Seconds since 1970 of `2026-03-08T05:30:00Z`.
func instant(_ text: String) -> Int64 {
    let date = LocalDate(String(text.prefix(10)))
    let clock = text.dropFirst(11).prefix(8).split(separator: ":").compactMap { Int64($0) }
    guard let date, clock.count == 3, text.hasSuffix("Z") else { preconditionFailure("'\(text)' is no point in time") }
    return Int64(date.days) * 86_400 + clock[0] * 3600 + clock[1] * 60 + clock[2]
}

/// `2026-03-08T05:30:00Z`.
func iso(_ instant: Int64) -> String { LocalTime(seconds: instant).description + "Z" }

/// The zone of a name that every machine knows.
func knownZone(_ name: String) -> ZoneRules {
    guard let zone = ZoneLibrary().zone(named: name) else { preconditionFailure("there is no zone '\(name)'") }
    return zone
}

extension Timetable {
    /// The timetable of an expression in a zone.
    init(_ cron: String, _ name: String = "UTC", seconds: Bool = false, calendar: ScheduleCalendar? = nil) throws {
        self.init(.cron(try CronExpression(cron, hasSeconds: seconds)), in: knownZone(name), calendar: calendar)
    }

    /// The next occurrences after a point in time.
    func next(_ count: Int, after text: String) -> [Occurrence] {
        var occurrences: [Occurrence] = []
        var after = instant(text)
        while occurrences.count < count, let occurrence = next(after: after) {
            occurrences.append(occurrence)
            after = occurrence.instant
        }
        return occurrences
    }
}
