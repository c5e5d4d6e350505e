package import Foundation

/// A point in time on two clocks: the wall clock that people read, and a monotonic one.
package struct Moment: Hashable, Codable, Sendable {
    /// Milliseconds since 1970-01-01 00:00 UTC by the wall clock, which may be set back or forward.
    package var wall: Int64
    /// Milliseconds since boot; only differences between moments of one boot are meaningful.
    package var steady: Int64

    package init(wall: Int64, steady: Int64) {
        self.wall = wall
        self.steady = steady
    }

    /// The wall clock as a date.
    package var date: Date { Date(timeIntervalSince1970: Double(wall) / 1000) }

    /// The time since `earlier` by the monotonic clock; never negative.
    package func since(_ earlier: Moment) -> Duration { .milliseconds(max(0, steady - earlier.steady)) }
}

extension Duration {
    /// Whole milliseconds, rounded toward zero.
    package var milliseconds: Int64 {
        let (seconds, attoseconds) = components
        return seconds * 1000 + attoseconds / 1_000_000_000_000_000
    }

    /// Seconds with their fraction.
    package var seconds: Double {
        let (seconds, attoseconds) = components
        return Double(seconds) + Double(attoseconds) / 1e18
    }
}

/// Calendar arithmetic in UTC without locale or time zone tables.
package enum UTC {
    /// Year, month, day, hour, minute, second and millisecond of a count of milliseconds since 1970.
    ///
    /// Method: H. Hinnant, "chrono-compatible low-level date algorithms", `civil_from_days`.
    package static func fields(
        _ milliseconds: Int64
    ) -> (year: Int, month: Int, day: Int, hour: Int, minute: Int, second: Int, millisecond: Int) {
        let days = milliseconds.floorDivided(by: 86_400_000)
        let rest = Int(milliseconds - days * 86_400_000)
        let shifted = Int(days) + 719_468
        let era = Int64(shifted).floorDivided(by: 146_097)
        let dayOfEra = shifted - Int(era) * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        let year = yearOfEra + Int(era) * 400 + (month <= 2 ? 1 : 0)
        return (year, month, day, rest / 3_600_000, rest / 60_000 % 60, rest / 1000 % 60, rest % 1000)
    }

    /// Days since 1970-01-01 of a date in the Gregorian calendar, or nil when there is no such date.
    package static func days(year: Int, month: Int, day: Int) -> Int? {
        guard (1...12).contains(month), (1...length(ofMonth: month, year: year)).contains(day) else { return nil }
        let shiftedYear = month <= 2 ? year - 1 : year
        let era = Int(Int64(shiftedYear).floorDivided(by: 400))
        let yearOfEra = shiftedYear - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }

    private static func length(ofMonth month: Int, year: Int) -> Int {
        switch month {
        case 2: return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        case 4, 6, 9, 11: return 30
        default: return 31
        }
    }

    /// `2026-11-23T06:00:00.123Z`.
    package static func iso(_ milliseconds: Int64) -> String {
        let f = fields(milliseconds)
        return date(milliseconds) + "T" + two(f.hour) + ":" + two(f.minute) + ":" + two(f.second) + "."
            + padded(f.millisecond, 3) + "Z"
    }

    /// `2026-11-23T06:00:00Z`, without what is left of the second.
    package static func isoSecond(_ milliseconds: Int64) -> String { iso(milliseconds).dropLast(5) + "Z" }

    /// Milliseconds since 1970 of `2026-11-23T06:00:00Z`, or nil when the text is not such a time.
    package static func milliseconds(ofSecond text: String) -> Int64? {
        let parts = text.split(separator: "T", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 2, parts[1].utf8.count == 9, let day = milliseconds(ofDate: parts[0]) else { return nil }
        let fields = parts[1].dropLast().split(separator: ":").compactMap { Int64($0) }
        guard fields.count == 3 else { return nil }
        let time = day + ((fields[0] * 60 + fields[1]) * 60 + fields[2]) * 1000
        // What is written otherwise, or is no time of day, is not what it would be written as.
        return isoSecond(time) == text ? time : nil
    }

    /// `2026-11-23`.
    package static func date(_ milliseconds: Int64) -> String {
        let f = fields(milliseconds)
        return padded(f.year, 4) + "-" + two(f.month) + "-" + two(f.day)
    }

    /// The date before a date, such as `2026-11-22`; a text that is no date stays as it is.
    package static func dayBefore(_ date: String) -> String {
        milliseconds(ofDate: date).map { Self.date($0 - 86_400_000) } ?? date
    }

    /// The date in a zone at a point in time.
    package static func date(_ milliseconds: Int64, in zone: TimeZone) -> String {
        let moment = Date(timeIntervalSince1970: Double(milliseconds) / 1000)
        return date(milliseconds + Int64(zone.secondsFromGMT(for: moment)) * 1000)
    }

    /// `20261123-060000`, the first part of a run id.
    package static func compact(_ milliseconds: Int64) -> String {
        let f = fields(milliseconds)
        return padded(f.year, 4) + two(f.month) + two(f.day) + "-" + two(f.hour) + two(f.minute) + two(f.second)
    }

    /// Milliseconds since 1970 of `2026-11-23`, or nil when the text is not such a date.
    package static func milliseconds(ofDate text: String) -> Int64? {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        // `Int` accepts a sign, which a date must not have.
        guard parts.count == 3, parts[0].count == 4, parts[1].count == 2, parts[2].count == 2, !text.contains("+"),
            let year = Int(parts[0]), let month = Int(parts[1]), let day = Int(parts[2]),
            let days = days(year: year, month: month, day: day)
        else { return nil }
        return Int64(days) * 86_400_000
    }

    private static func two(_ number: Int) -> String { padded(number, 2) }

    private static func padded(_ number: Int, _ width: Int) -> String {
        let text = String(number)
        return String(repeating: "0", count: max(0, width - text.count)) + text
    }
}

extension Int64 {
    fileprivate func floorDivided(by divisor: Int64) -> Int64 {
        let quotient = self / divisor
        return self % divisor < 0 ? quotient - 1 : quotient
    }
}
