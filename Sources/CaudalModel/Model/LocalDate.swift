/// A day of the calendar, of whichever zone.
package struct LocalDate: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// Days since 1970-01-01, which is 0.
    package var days: Int

    package init(days: Int) { self.days = days }

    /// The date of a year, month and day, or nil when there is no such date.
    package init?(year: Int, month: Int, day: Int) {
        guard let days = UTC.days(year: year, month: month, day: day) else { return nil }
        self.days = days
    }

    /// Reads `2026-11-23`; nil for anything else.
    package init?(_ text: String) {
        guard let milliseconds = UTC.milliseconds(ofDate: text) else { return nil }
        days = Int(milliseconds / 86_400_000)
    }

    /// Year, month and day.
    package var parts: (year: Int, month: Int, day: Int) {
        let fields = UTC.fields(Int64(days) * 86_400_000)
        return (fields.year, fields.month, fields.day)
    }

    /// The day of the week, from 0 for Sunday.
    package var weekday: Int { Self.weekday(days) }

    /// `2026-11-23`.
    package var description: String { UTC.date(Int64(days) * 86_400_000) }

    package static func < (one: LocalDate, other: LocalDate) -> Bool { one.days < other.days }

    /// The day of the week of a count of days since 1970-01-01, which was a Thursday.
    static func weekday(_ days: Int) -> Int {
        let rest = (days + 4) % 7
        return rest < 0 ? rest + 7 : rest
    }
}

/// Written as `2026-11-23`.
extension LocalDate: Codable {
    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        guard let date = LocalDate(text) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "'\(text)' is no date")
        }
        self = date
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}

/// What a clock on a wall shows: a count of seconds since 1970-01-01 00:00 as if there were no zones.
///
/// It is no point in time: a zone may show it twice, or never.
package struct LocalTime: Hashable, Comparable, Sendable, CustomStringConvertible {
    package var seconds: Int64

    package init(seconds: Int64) { self.seconds = seconds }

    /// The day.
    package var date: LocalDate { LocalDate(days: Int(seconds.floored(by: 86_400))) }

    /// `2026-11-23T06:00:00`.
    package var description: String { String(UTC.iso(seconds * 1000).prefix(19)) }

    /// `06:00`, with seconds where there are some.
    package var clock: String { String(words.dropFirst(11)) }

    /// `2026-11-23 06:00`, with seconds where there are some.
    package var words: String {
        let text = description
        return "\(text.prefix(10)) \(text.dropFirst(11).prefix(seconds % 60 == 0 ? 5 : 8))"
    }

    package static func < (one: LocalTime, other: LocalTime) -> Bool { one.seconds < other.seconds }
}

extension Int64 {
    /// The quotient, rounded down also below zero.
    package func floored(by divisor: Int64) -> Int64 {
        let quotient = self / divisor
        return self % divisor < 0 ? quotient - 1 : quotient
    }
}
