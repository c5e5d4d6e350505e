package import CaudalModel

/// A point in time, or a day, as a user types it: `2h`, `today`, `yesterday 06:00`, `2026-11-28T06:00:00+02:00`.
///
/// Everything that takes a time on the command line reads it here.
package struct TypedTime: Sendable, Hashable {
    /// Milliseconds since 1970; of a day, its beginning.
    package let instant: Int64
    /// The last millisecond that is meant: of a day, its end; otherwise the same as `instant`.
    package let end: Int64
    /// The day, if no time of day was typed.
    package let day: LocalDate?
    /// The second point in time that a time of the clock may mean, where the clock is set back over it.
    package private(set) var again: Int64?

    /// What can be typed, for messages.
    package static let examples =
        "2h, today, 'yesterday 06:00', 06:30, 2026-11-28, '2026-11-28 06:00' or 2026-11-28T06:00:00Z"

    private init(_ instant: Int64) { (self.instant, end, day) = (instant, instant, nil) }

    private init(_ day: LocalDate, in zone: ZoneRules) {
        self.day = day
        instant = zone.firstInstant(of: day) * 1000
        end = zone.firstInstant(of: LocalDate(days: day.days + 1)) * 1000 - 1
    }

    /// Reads a text; nil when it is no time.
    ///
    /// A duration is counted back from now. A time without an offset is one of the zone's clock: the first point in
    /// time at which it is shown, or the end of a gap that it lies in. Less than a millisecond counts as one.
    ///
    /// - Parameters:
    ///   - now: Milliseconds since 1970.
    ///   - zone: Whose clock is meant, where the text has no offset.
    package init?(_ text: String, now: Int64, in zone: ZoneRules) {
        let text = text.trimmingPrefix(while: \.isWhitespace).lowercased()
        let span = text.hasSuffix(" ago") ? String(text.dropLast(4)) : text
        if text == "now" {
            self.init(now)
        } else if let age = ScalarFormats.duration(span) {
            self.init(now - age.milliseconds)
        } else {
            let today = zone.date(at: now.floored(by: 1000))
            let (day, rest) = Self.day(text, today: today)
            if let day, rest.isEmpty {
                self.init(day, in: zone)
                return
            }
            // Of a day and a time, a blank or a T stands between them.
            guard day == nil || rest.first == " " || rest.first == "t",
                let instant = Self.instant(day == nil ? rest : rest.dropFirst(), on: day ?? today, in: zone)
            else { return nil }
            self.init(instant)
            let seconds = instant.floored(by: 1000)
            let second = zone.secondInstant(of: zone.local(at: seconds)).map { $0 * 1000 + instant - seconds * 1000 }
            // An offset says which of the two is meant.
            if !rest.contains(where: { "z+".contains($0) }), !rest.dropFirst().contains("-") { again = second }
        }
    }

    /// The times that are meant when whole minutes count, each with its first and last millisecond.
    package var minutes: [ClosedRange<Int64>] {
        guard day == nil else { return [instant...end] }
        return [instant, again].compactMap { $0 }.map { $0...($0 + 59_999) }
    }

    /// By the clock of a zone.
    package func words(_ zone: ZoneRules) -> String {
        day?.description ?? zone.local(at: instant.floored(by: 1000)).words
    }

    /// The day that a text begins with, and what follows.
    private static func day(_ text: String, today: LocalDate) -> (LocalDate?, rest: Substring) {
        for (word, days) in [("today", 0), ("yesterday", -1)] where text.hasPrefix(word) {
            return (LocalDate(days: today.days + days), text.dropFirst(word.count))
        }
        guard let date = LocalDate(String(text.prefix(10))) else { return (nil, text[...]) }
        return (date, text.dropFirst(10))
    }

    /// `06:00`, `06:00:30`, `06:00:30.5`, each perhaps with `z` or an offset, in milliseconds since 1970.
    private static func instant(_ text: Substring, on day: LocalDate, in zone: ZoneRules) -> Int64? {
        let clock = text.prefix { $0.isASCII && ($0.isNumber || $0 == ":" || $0 == ".") }
        let parts = clock.split(separator: ":", omittingEmptySubsequences: false)
        guard (2...3).contains(parts.count), (1...2).contains(parts[0].count), parts[1].count == 2,
            let hour = Int64(parts[0]), let minute = Int64(parts[1]), hour < 24, minute < 60
        else { return nil }
        guard let milliseconds = parts.count == 3 ? milliseconds(ofSeconds: parts[2]) : 0 else { return nil }
        let local = Int64(day.days) * 86_400 + hour * 3600 + minute * 60
        switch text.dropFirst(clock.count) {
        case "": return zone.firstInstant(of: LocalTime(seconds: local)) * 1000 + milliseconds
        case "z": return local * 1000 + milliseconds
        case let offset:
            guard let seconds = seconds(ofOffset: offset) else { return nil }
            return (local - seconds) * 1000 + milliseconds
        }
    }

    /// The milliseconds of `30` and `30.5`.
    private static func milliseconds(ofSeconds text: Substring) -> Int64? {
        let parts = text.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts[0].count == 2, let whole = Int64(parts[0]), whole < 60 else { return nil }
        guard parts.count == 2 else { return whole * 1000 }
        guard !parts[1].isEmpty, parts[1].allSatisfy(\.isNumber),
            let fraction = Int64(parts[1].prefix(3).padded(to: 3))
        else { return nil }
        return whole * 1000 + fraction + (parts[1].dropFirst(3).contains { $0 != "0" } ? 1 : 0)
    }

    /// The seconds of `+02:00`, `-0330` or `+02`.
    private static func seconds(ofOffset text: Substring) -> Int64? {
        let digits = text.dropFirst().filter { $0 != ":" }
        guard let sign = text.first, sign == "+" || sign == "-", digits.count == 4 || digits.count == 2,
            digits.allSatisfy({ $0.isASCII && $0.isNumber }), let hours = Int64(digits.prefix(2)), hours < 15,
            let minutes = digits.count == 4 ? Int64(digits.suffix(2)) : 0, minutes < 60
        else { return nil }
        return (hours * 3600 + minutes * 60) * (sign == "-" ? -1 : 1)
    }
}

extension Substring {
    /// The text with zeros behind it.
    fileprivate func padded(to count: Int) -> String {
        self + String(repeating: "0", count: Swift.max(0, count - self.count))
    }
}
