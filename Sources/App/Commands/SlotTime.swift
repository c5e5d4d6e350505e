import CaudalModel
import ArgumentParser
import Engine
import Foundation

/// A point in time, or a day, as a user writes it for a schedule.
struct SlotTime {
    /// The point in time, in seconds since 1970; of a day, its first.
    let instant: Int64
    /// The day, if the user named no time of day.
    let day: LocalDate?

    /// Reads `06:00`, `yesterday`, `yesterday 06:00`, `2026-11-28`, `2026-11-28 06:00` or `2026-11-28T06:00:00Z`.
    ///
    /// - Parameters:
    ///   - zone: Whose clock is meant, where the text has no offset.
    ///   - now: In milliseconds since 1970.
    /// - Throws: `ValidationError` for anything else.
    init(_ text: String, zone: ZoneRules, now: Int64) throws {
        if let date = ISO8601DateFormatter().date(from: text) {
            (instant, day) = (Int64(date.timeIntervalSince1970), nil)
            return
        }
        let today = zone.date(at: now.floored(by: 1000))
        var words = text.replacing("T", with: " ").split(separator: " ").map(String.init)
        var date = today
        if let first = words.first, let named = Self.date(first, today: today) {
            date = named
            words.removeFirst()
            if words.isEmpty {
                day = date
                instant = zone.firstInstant(of: date)
                return
            }
        }
        guard words.count == 1, let clock = Self.clock(words[0]) else {
            throw ValidationError(
                "'\(text)' is not a time; write it as 06:00, 'yesterday 06:00', 2026-11-28, '2026-11-28 06:00' or "
                    + "2026-11-28T06:00:00Z")
        }
        day = nil
        instant = zone.firstInstant(of: date, second: clock)
    }

    /// By the clock of a zone.
    func words(_ zone: ZoneRules) -> String { day?.description ?? zone.local(at: instant).words }

    private static func date(_ text: String, today: LocalDate) -> LocalDate? {
        switch text {
        case "today": today
        case "yesterday": LocalDate(days: today.days - 1)
        default: LocalDate(text)
        }
    }

    /// The seconds of the day of `06:00` or `06:00:30`.
    private static func clock(_ text: String) -> Int64? {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false).map { Int64($0) }
        guard parts.count == 2 || parts.count == 3, let hour = parts[0], let minute = parts[1] else { return nil }
        let second = parts.count == 3 ? parts[2] : 0
        guard let second, (0..<24).contains(hour), (0..<60).contains(minute), (0..<60).contains(second) else {
            return nil
        }
        return hour * 3600 + minute * 60 + second
    }
}
