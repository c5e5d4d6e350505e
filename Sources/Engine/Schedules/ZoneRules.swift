package import CaudalModel

/// The clock of a time zone: how far it is ahead of UTC, and when that changes.
///
/// A value that is made once from what the system knows of the zone; afterwards no file is needed. Points in time
/// are seconds since 1970-01-01 00:00 UTC.
package struct ZoneRules: Sendable, Equatable {
    /// A time in which the clock is not changed.
    package struct Period: Sendable, Equatable {
        /// When it begins; `Int64.min` for the first.
        package var start: Int64
        /// When the next one begins; `Int64.max` for the last.
        package var end: Int64
        /// How many seconds the clock is ahead of UTC.
        package var offset: Int64
        /// How many it was ahead in the period before.
        package var offsetBefore: Int64

        /// The local times that the clock leaves out when the period begins; empty when it leaves out none.
        package var gap: Range<Int64> { jump(from: offsetBefore, to: offset) }
        /// The local times that the clock shows a second time when the period begins.
        package var overlap: Range<Int64> { jump(from: offset, to: offsetBefore) }

        private func jump(from low: Int64, to high: Int64) -> Range<Int64> {
            start == .min || low >= high ? 0..<0 : start + low..<start + high
        }
    }

    /// The name, such as `Europe/Berlin`.
    package let name: String
    /// When each period but the first begins.
    private let starts: [Int64]
    /// The offset of each period, one more than ``starts``.
    private let offsets: [Int64]
    /// From here on all repeats itself every 400 years, as the calendar does; nil where nothing changes any more.
    private let cycle: Int64?

    /// Seconds of 400 years.
    private static let cycleLength: Int64 = 146_097 * 86_400

    /// The zone with these changes, in order.
    ///
    /// `first`: the offset before the first change.
    /// `yearly`: what happens every year after the last change.
    package init(
        name: String, first: Int64, changes: [(at: Int64, offset: Int64)], yearly: YearlyChanges? = nil
    ) {
        self.name = name
        var starts: [Int64] = []
        var offsets = [first]
        func add(_ at: Int64, _ offset: Int64) {
            // A change of the name alone, as from one standard time to another, is none of the clock.
            guard offset != offsets.last, at > starts.last ?? .min else { return }
            starts.append(at)
            offsets.append(offset)
        }
        for change in changes { add(change.at, change.offset) }
        let last = changes.last?.at ?? 0
        let year = UTC.fields(last * 1000).year
        if let yearly, !yearly.changes(in: year).isEmpty {
            for year in year...year + 402 {
                for change in yearly.changes(in: year) where change.at > last { add(change.at, change.offset) }
            }
            cycle = Int64(UTC.days(year: year + 1, month: 1, day: 1) ?? 0) * 86_400
        } else {
            cycle = nil
        }
        self.starts = starts
        self.offsets = offsets
    }

    /// The zone of UTC.
    package static let utc = ZoneRules(name: "UTC", first: 0, changes: [])

    /// The period that a point in time lies in.
    ///
    /// - Complexity: O(log n) for n changes, also in other centuries.
    package func period(at instant: Int64) -> Period {
        if let cycle, instant >= cycle + Self.cycleLength {
            let shift = (instant - cycle).floored(by: Self.cycleLength) * Self.cycleLength
            var period = period(at: instant - shift)
            period.start += shift
            period.end += shift
            return period
        }
        var (low, high) = (0, starts.count)
        while low < high {
            let middle = (low + high) / 2
            if starts[middle] <= instant { low = middle + 1 } else { high = middle }
        }
        return Period(
            start: low == 0 ? .min : starts[low - 1], end: low == starts.count ? .max : starts[low],
            offset: offsets[low], offsetBefore: offsets[max(0, low - 1)])
    }

    /// What the clock shows at a point in time.
    package func local(at instant: Int64) -> LocalTime {
        LocalTime(seconds: instant + period(at: instant).offset)
    }

    /// The date that the clock has at a point in time.
    package func date(at instant: Int64) -> LocalDate { local(at: instant).date }

    /// When a day begins: the first point in time at which the clock shows its midnight, or has gone past it.
    package func firstInstant(of date: LocalDate) -> Int64 {
        firstInstant(of: LocalTime(seconds: Int64(date.days) * 86_400))
    }

    /// The first point in time at which the clock shows `time`, or has gone past it.
    package func firstInstant(of time: LocalTime) -> Int64 {
        // No clock was ever further from UTC than this.
        var period = period(at: time.seconds - 100_000)
        while period.end != .max, period.end + period.offset <= time.seconds { period = self.period(at: period.end) }
        return max(period.start, time.seconds - period.offset)
    }

    /// The second point in time at which the clock shows `time`, where it was set back over it; nil elsewhere.
    package func secondInstant(of time: LocalTime) -> Int64? {
        let period = period(at: firstInstant(of: time))
        guard period.end != .max else { return nil }
        let next = self.period(at: period.end)
        let instant = time.seconds - next.offset
        return next.offset < period.offset && (next.start..<next.end).contains(instant) ? instant : nil
    }

    /// How far a clock is ahead of UTC: `+02:00`, `-03:30`.
    package static func text(ofOffset offset: Int64) -> String {
        let minutes = abs(offset) / 60
        func two(_ number: Int64) -> String { number < 10 ? "0\(number)" : "\(number)" }
        return (offset < 0 ? "-" : "+") + two(minutes / 60) + ":" + two(minutes % 60)
    }
}

/// What a zone's clock does every year: the last line of a file of tzdata, in the form of POSIX's `TZ`.
///
/// Source: RFC 9636, section 3.3.1.
package struct YearlyChanges: Sendable, Equatable {
    /// A day of the year and the time at which the clock is changed.
    struct Rule: Sendable, Equatable {
        enum Day: Sendable, Equatable {
            /// The `week`-th `weekday` of a month, the fifth being the last.
            case weekday(month: Int, week: Int, weekday: Int)
            /// Days from 1, in which 29 February is never counted.
            case withoutLeapDay(Int)
            /// Days from 0, in which it is.
            case withLeapDay(Int)
        }

        var day: Day
        /// Seconds from midnight, also below zero and beyond a day.
        var time: Int64

        /// The local time, as seconds.
        func local(in year: Int) -> Int64 {
            let start = UTC.days(year: year, month: 1, day: 1) ?? 0
            let days: Int
            switch day {
            case .weekday(let month, let week, let weekday):
                let shape = MonthShape(year: year, month: month)
                let first = (weekday - shape.first + 7) % 7
                let inMonth = min(first + 7 * (week - 1), first + (shape.length - 1 - first) / 7 * 7)
                days = (UTC.days(year: year, month: month, day: 1) ?? 0) + inMonth
            case .withoutLeapDay(let number):
                days = start + number - 1 + (number >= 60 && MonthShape(year: year, month: 2).length == 29 ? 1 : 0)
            case .withLeapDay(let number): days = start + number
            }
            return Int64(days) * 86_400 + time
        }
    }

    /// Seconds ahead of UTC outside of summer time.
    let standard: Int64
    private let summer: (offset: Int64, start: Rule, end: Rule)?

    /// Reads `CET-1CEST,M3.5.0,M10.5.0/3`; nil for anything else.
    package init?(_ text: String) {
        var scanner = PosixScanner(rest: Substring(text))
        guard scanner.skipName(), let west = scanner.takeTime() else { return nil }
        standard = -west
        if scanner.rest.isEmpty {
            summer = nil
            return
        }
        guard scanner.skipName() else { return nil }
        var offset = standard + 3600
        if scanner.rest.first != "," {
            guard let west = scanner.takeTime() else { return nil }
            offset = -west
        }
        guard let start = scanner.takeRule(), let end = scanner.takeRule(), scanner.rest.isEmpty else { return nil }
        summer = (offset, start, end)
    }

    /// The changes that fall into a year of the local clock, in order.
    func changes(in year: Int) -> [(at: Int64, offset: Int64)] {
        guard let summer else { return [] }
        return [
            (at: summer.start.local(in: year) - standard, offset: summer.offset),
            (at: summer.end.local(in: year) - summer.offset, offset: standard),
        ].sorted { $0.at < $1.at }
    }

    package static func == (one: YearlyChanges, other: YearlyChanges) -> Bool {
        one.standard == other.standard && one.summer?.offset == other.summer?.offset
            && one.summer?.start == other.summer?.start && one.summer?.end == other.summer?.end
    }
}

/// Takes the pieces of a `TZ` text from its front.
private struct PosixScanner {
    var rest: Substring

    mutating func skipName() -> Bool {
        if rest.first == "<" {
            guard let end = rest.firstIndex(of: ">") else { return false }
            rest = rest[rest.index(after: end)...]
            return true
        }
        let name = rest.prefix { $0.isASCII && $0.isLetter }
        rest = rest.dropFirst(name.count)
        return name.count >= 3
    }

    /// `2`, `-3:30`, `+1:2:3` as seconds.
    mutating func takeTime() -> Int64? {
        var sign: Int64 = 1
        if let first = rest.first, "+-".contains(first) {
            sign = first == "-" ? -1 : 1
            rest = rest.dropFirst()
        }
        guard let hours = takeNumber() else { return nil }
        var seconds = Int64(hours) * 3600
        for unit in [Int64(60), 1] where rest.first == ":" {
            rest = rest.dropFirst()
            guard let number = takeNumber() else { return nil }
            seconds += Int64(number) * unit
        }
        return sign * seconds
    }

    /// `,M3.5.0/2`.
    mutating func takeRule() -> YearlyChanges.Rule? {
        guard take(",") else { return nil }
        let day: YearlyChanges.Rule.Day
        if take("M") {
            guard let month = takeNumber(), take("."), let week = takeNumber(), take("."), let weekday = takeNumber(),
                (1...12).contains(month), (1...5).contains(week), (0...6).contains(weekday)
            else { return nil }
            day = .weekday(month: month, week: week, weekday: weekday)
        } else if take("J") {
            guard let number = takeNumber() else { return nil }
            day = .withoutLeapDay(number)
        } else {
            guard let number = takeNumber() else { return nil }
            day = .withLeapDay(number)
        }
        guard take("/") else { return YearlyChanges.Rule(day: day, time: 7200) }
        return takeTime().map { YearlyChanges.Rule(day: day, time: $0) }
    }

    private mutating func take(_ character: Character) -> Bool {
        guard rest.first == character else { return false }
        rest = rest.dropFirst()
        return true
    }

    private mutating func takeNumber() -> Int? {
        let digits = rest.prefix { $0.isASCII && $0.isNumber }
        rest = rest.dropFirst(digits.count)
        return digits.count < 5 ? Int(digits) : nil
    }
}
