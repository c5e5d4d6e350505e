extension CronExpression {
    /// The days of a month that are to be looked at, a bit for each, from bit 1.
    package typealias Days = (_ year: Int, _ month: Int) -> UInt32

    /// How far a search goes: the calendar repeats itself after 400 years.
    private static let horizon = 401

    /// The first local time that fits and comes after `time`, or nil when there is none before `end`.
    ///
    /// `days`: which days fit; nil for those that the expression says.
    ///
    /// - Complexity: A step for each month in which no day fits.
    package func next(after time: LocalTime, before end: LocalTime = .never, days: Days? = nil) -> LocalTime? {
        let day = time.seconds.floored(by: 86_400)
        let first = LocalDate(days: Int(day)).parts
        var (year, month) = (first.year, first.month)
        var open = days?(year, month) ?? self.days(ofMonth: month, year: year)
        open &= UInt32.max << UInt32(first.day)
        if open & 1 << UInt32(first.day) != 0 {
            if let second = nextSecond(after: Int(time.seconds - day * 86_400)) {
                let found = LocalTime(seconds: day * 86_400 + Int64(second))
                return found < end ? found : nil
            }
            open &= ~(1 << UInt32(first.day))
        }
        var start = Int(day) - first.day
        while open == 0 {
            (year, month) = month == 12 ? (year + 1, 1) : (year, month + 1)
            start = (UTC.days(year: year, month: month, day: 1) ?? 0) - 1
            guard year - first.year < Self.horizon, Int64(start) * 86_400 < end.seconds else { return nil }
            open = days?(year, month) ?? self.days(ofMonth: month, year: year)
        }
        let found = LocalTime(seconds: Int64(start + open.trailingZeroBitCount) * 86_400 + Int64(firstSecond))
        return found < end ? found : nil
    }

    /// The last local time that fits and comes before `time`, or nil when there is none from `start` on.
    ///
    /// `days`: which days fit; nil for those that the expression says.
    package func previous(before time: LocalTime, from start: LocalTime = .ever, days: Days? = nil) -> LocalTime? {
        let day = time.seconds.floored(by: 86_400)
        let first = LocalDate(days: Int(day)).parts
        var (year, month) = (first.year, first.month)
        var open = days?(year, month) ?? self.days(ofMonth: month, year: year)
        open &= (1 << UInt32(first.day + 1)) &- 1
        if open & 1 << UInt32(first.day) != 0 {
            if let second = previousSecond(before: Int(time.seconds - day * 86_400)) {
                let found = LocalTime(seconds: day * 86_400 + Int64(second))
                return found >= start ? found : nil
            }
            open &= ~(1 << UInt32(first.day))
        }
        var base = Int(day) - first.day
        while open == 0 {
            guard Int64(base + 1) * 86_400 > start.seconds, first.year - year < Self.horizon else { return nil }
            (year, month) = month == 1 ? (year - 1, 12) : (year, month - 1)
            base = (UTC.days(year: year, month: month, day: 1) ?? 0) - 1
            open = days?(year, month) ?? self.days(ofMonth: month, year: year)
        }
        let last = 31 - open.leadingZeroBitCount
        let found = LocalTime(seconds: Int64(base + last) * 86_400 + Int64(lastSecond))
        return found >= start ? found : nil
    }

    /// Whether a time of the day fits, whatever the day.
    package func fits(secondOfDay second: Int) -> Bool { nextSecond(after: second - 1) == second }

    private var firstSecond: Int { hours.lowest * 3600 + minutes.lowest * 60 + seconds.lowest }
    private var lastSecond: Int { hours.highest * 3600 + minutes.highest * 60 + seconds.highest }

    /// The first second of a day that fits and comes after `second`.
    private func nextSecond(after second: Int) -> Int? {
        guard second >= 0 else { return firstSecond }
        let (hour, minute) = (second / 3600, second / 60 % 60)
        if hours.has(hour) {
            if minutes.has(minute), let found = seconds.lowest(above: second % 60) {
                return hour * 3600 + minute * 60 + found
            }
            if let found = minutes.lowest(above: minute) { return hour * 3600 + found * 60 + seconds.lowest }
        }
        return hours.lowest(above: hour).map { $0 * 3600 + minutes.lowest * 60 + seconds.lowest }
    }

    /// The last second of a day that fits and comes before `second`.
    private func previousSecond(before second: Int) -> Int? {
        let (hour, minute) = (second / 3600, second / 60 % 60)
        if hours.has(hour) {
            if minutes.has(minute), let found = seconds.highest(below: second % 60) {
                return hour * 3600 + minute * 60 + found
            }
            if let found = minutes.highest(below: minute) { return hour * 3600 + found * 60 + seconds.highest }
        }
        return hours.highest(below: hour).map { $0 * 3600 + minutes.highest * 60 + seconds.highest }
    }
}

extension LocalTime {
    /// Later than any time that is asked for.
    package static let never = LocalTime(seconds: .max)
    /// Earlier than any time that is asked for.
    package static let ever = LocalTime(seconds: .min)
}

/// Numbers from 0 to 63 as bits.
extension UInt64 {
    fileprivate func has(_ number: Int) -> Bool { self & 1 << UInt64(number) != 0 }
    fileprivate var lowest: Int { trailingZeroBitCount }
    fileprivate var highest: Int { 63 - leadingZeroBitCount }

    fileprivate func lowest(above number: Int) -> Int? {
        let rest = self & ~((1 << UInt64(number + 1)) &- 1)
        return rest == 0 ? nil : rest.lowest
    }

    fileprivate func highest(below number: Int) -> Int? {
        let rest = self & ((1 << UInt64(number)) &- 1)
        return rest == 0 ? nil : rest.highest
    }
}
