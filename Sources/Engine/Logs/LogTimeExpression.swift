import CaudalModel

/// A point in time as it is typed: `2h`, `today`, `yesterday 06:00`, `2026-11-28 06:00`, `2026-11-28T06:00:00+02:00`.
package enum LogTimeExpression {
    /// What can be typed, for messages.
    package static let examples =
        "2h, today, 'yesterday 06:00', 06:30, 2026-11-28, '2026-11-28 06:00' or 2026-11-28T06:00:00Z"

    /// The point in time in milliseconds since 1970; nil when the text is none.
    ///
    /// A duration is counted back from now. A time without an offset is one of the zone's clock: the first point in
    /// time at which it is shown, or the end of a gap that it lies in.
    ///
    /// - Parameters:
    ///   - now: Milliseconds since 1970.
    ///   - isEnd: Whether a day without a time stands for its end.
    package static func instant(_ text: String, now: Int64, in zone: ZoneRules, isEnd: Bool = false) -> Int64? {
        let text = text.trimmingPrefix(while: \.isWhitespace).lowercased()
        if text == "now" { return now }
        let span = text.hasSuffix(" ago") ? String(text.dropLast(4)) : text
        if let age = ScalarFormats.duration(span) { return now - age.milliseconds }
        let today = zone.date(at: now.floored(by: 1000))
        var rest = Substring(text)
        var day: LocalDate?
        for (word, days) in [("today", 0), ("yesterday", -1)] where rest.hasPrefix(word) {
            day = LocalDate(days: today.days + days)
            rest = rest.dropFirst(word.count)
        }
        if day == nil, let date = LocalDate(String(rest.prefix(10))) {
            day = date
            rest = rest.dropFirst(10)
        }
        guard let day else { return time(rest, on: today, in: zone) }
        if rest.isEmpty {
            let midnight = LocalTime(seconds: Int64(day.days + (isEnd ? 1 : 0)) * 86_400)
            return zone.firstInstant(of: midnight) * 1000 - (isEnd ? 1 : 0)
        }
        guard rest.first == " " || rest.first == "t" else { return nil }
        return time(rest.dropFirst(), on: day, in: zone)
    }

    /// `06:00`, `06:00:30`, `06:00:30.5`, each perhaps with `z` or an offset.
    private static func time(_ text: Substring, on day: LocalDate, in zone: ZoneRules) -> Int64? {
        let clock = text.prefix { $0.isASCII && ($0.isNumber || $0 == ":" || $0 == ".") }
        let parts = clock.split(separator: ":", omittingEmptySubsequences: false)
        guard (2...3).contains(parts.count), parts[0].count == 2, parts[1].count == 2,
            let hour = Int64(parts[0]), let minute = Int64(parts[1]), hour < 24, minute < 60
        else { return nil }
        var milliseconds: Int64 = 0
        if parts.count == 3 {
            guard parts[2].prefix(while: { $0 != "." }).count == 2, let second = Double(parts[2]), second < 60
            else { return nil }
            milliseconds = Int64((second * 1000).rounded(.down))
        }
        let local = Int64(day.days) * 86_400 + hour * 3600 + minute * 60
        switch text.dropFirst(clock.count) {
        case "": return zone.firstInstant(of: LocalTime(seconds: local)) * 1000 + milliseconds
        case "z": return local * 1000 + milliseconds
        case let offset:
            guard let seconds = seconds(ofOffset: offset) else { return nil }
            return (local - seconds) * 1000 + milliseconds
        }
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
