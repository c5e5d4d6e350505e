/// When a schedule fires, as crontab writes it: minute, hour, day of the month, month, day of the week.
///
/// Read as Debian's cron reads it, with what others have besides: `L`, `LW`, `L-3` and `15W` in the day of the month, `5#2` and
/// `5L` in the day of the week, `?`, `H`, ranges over the end of a field, macros such as `@daily`, and seconds as a field before
/// the five. It says which local times fit and knows nothing of zones; ``Timetable`` does.
package struct CronExpression: Sendable, Hashable {
    /// What is wrong with one, and where.
    package struct Fault: Error, Sendable, Hashable {
        package var message: String
        package var remedy: String
        /// The character at which it stands, from 0.
        package var offset: Int
    }

    /// The fields, in their order.
    package enum Field: Int, Sendable, CaseIterable { case second, minute, hour, day, month, weekday }

    /// One part of a field's list, as it was written; for telling what is odd about it.
    package struct Part: Sendable, Hashable {
        /// What it says.
        package enum Kind: Sendable, Hashable {
            /// `*` and `?`, every `step`.
            case all(step: Int)
            case value(Int)
            /// From `low` to `high`, every `step`; beyond the end of the field when `high` is below `low`.
            ///
            /// `isOpen`: only the first was written, and the last is that of the field: `5/15`.
            case range(low: Int, high: Int, step: Int, isOpen: Bool)
            /// What depends on the month: `L`, `LW`, `15W`, `5#2`, `5L`.
            case special
        }

        package var field: Field
        package var kind: Kind
        /// As it was written.
        package var text: String
        /// The character at which it stands, from 0.
        package var offset: Int
    }

    /// As it was written.
    package let text: String
    /// The parts of all fields, in their order; those of the expression that a macro stands for, all at its place.
    package let parts: [Part]
    /// Whether it has a field for seconds.
    package let hasSeconds: Bool
    /// Whether it names times of the day: neither its minute nor its hour begins with `*`.
    ///
    /// Such times are met once a day whatever the clocks do. All others follow real time. The rule is that of Debian's cron.
    package let isFixed: Bool
    /// Whether a day must fit both of its fields; otherwise one of them is enough.
    ///
    /// Debian's rule is that one is enough unless one of them begins with `*`. `15W`, `5#2` and `5L` name days of the month
    /// already, so what stands beside them narrows it.
    package let needsBothDays: Bool

    // A bit for each value that fits.
    let seconds: UInt64
    let minutes: UInt64
    let hours: UInt64
    private let months: UInt64
    private let days: DayRule
    private let weekdays: WeekdayRule

    /// Reads an expression.
    ///
    /// `hasSeconds`: whether six fields are written, the first for seconds; else there are five.
    /// `seed`: what `H` is drawn from: the same value for the same seed, another one for others.
    ///
    /// - Throws: ``Fault`` with what is wrong, where, and what to write.
    package init(_ text: String, hasSeconds: Bool = false, seed: String = "") throws(Fault) {
        var reader = CronReader(text: text, hasSeconds: hasSeconds, seed: seed)
        let read = try reader.read()
        self.text = text
        self.hasSeconds = hasSeconds
        parts = read.parts
        isFixed = !read.stars.contains(.minute) && !read.stars.contains(.hour)
        seconds = read.masks[.second] ?? 1
        minutes = read.masks[.minute] ?? 0
        hours = read.masks[.hour] ?? 0
        months = read.masks[.month] ?? 0
        days = read.days
        weekdays = WeekdayRule(mask: read.masks[.weekday] ?? 0, nth: read.nth, last: read.last)
        needsBothDays =
            read.stars.contains(.day) || read.stars.contains(.weekday) || !days.nearest.isEmpty || days.hasLastWorkday
            || !read.nth.isEmpty || !read.last.isEmpty
    }

    /// A sentence when no day of any year fits; nil when there are some.
    package var neverHappens: String? {
        // Years begin on seven weekdays and have a leap day or not; 28 of them have all kinds.
        let fits = (2001...2028).contains { year in (1...12).contains { days(ofMonth: $0, year: year) != 0 } }
        if fits { return nil }
        let hasDay = (2001...2028).contains { year in
            (1...12).contains { months & 1 << $0 != 0 && days.days(MonthShape(year: year, month: $0)) != 0 }
        }
        return hasDay
            ? "no day of any year fits both the day of the month and the day of the week of 'cron': it never happens"
            : "no month of this 'cron' has such a day: it never happens"
    }

    /// The days of a month that fit, a bit for each, from bit 1.
    package func days(ofMonth month: Int, year: Int) -> UInt32 {
        guard months & 1 << month != 0 else { return 0 }
        let shape = MonthShape(year: year, month: month)
        let byDay = days.days(shape)
        let byWeekday = weekdays.days(shape)
        return needsBothDays ? byDay & byWeekday : byDay | byWeekday
    }
}

/// How long a month is and on which day of the week it begins.
package struct MonthShape {
    /// The number of days.
    package let length: Int
    /// The day of the week of its first day, from 0 for Sunday.
    package let first: Int

    package init(year: Int, month: Int) {
        self = Self.all[((year % 400 + 400) % 400) * 12 + month - 1]
    }

    /// The months of 400 years: then the calendar repeats itself.
    private static let all: [MonthShape] = (0..<4800).map { MonthShape(counting: $0 / 12 + 2000, $0 % 12 + 1) }

    private init(counting year: Int, _ month: Int) {
        first = LocalDate.weekday(UTC.days(year: year, month: month, day: 1) ?? 0)
        switch month {
        case 2: length = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        case 4, 6, 9, 11: length = 30
        default: length = 31
        }
    }

    /// A bit for each of its days, from bit 1.
    package var days: UInt32 { (1 << UInt32(length + 1)) &- 2 }

    /// The day of the week of one of its days, from 0 for Sunday.
    func weekday(of day: Int) -> Int { (first + day - 1) % 7 }
}

/// Which days of a month a day field means.
struct DayRule: Sendable, Hashable {
    /// A bit for each plain day, from bit 1.
    var mask: UInt32 = 0
    /// How many days before the last, for each `L` and `L-3`.
    var beforeLast: Set<Int> = []
    /// The days of `15W`.
    var nearest: Set<Int> = []
    /// `LW`.
    var hasLastWorkday = false

    private var isPlain: Bool { beforeLast.isEmpty && nearest.isEmpty && !hasLastWorkday }

    func days(_ month: MonthShape) -> UInt32 {
        var days = mask & month.days
        if isPlain { return days }
        for count in beforeLast where count < month.length { days |= 1 << UInt32(month.length - count) }
        // A month without the day has no weekday near it.
        for day in nearest where day <= month.length { days |= 1 << UInt32(Self.workday(near: day, month)) }
        if hasLastWorkday { days |= 1 << UInt32(Self.workday(near: month.length, month)) }
        return days
    }

    /// The day from Monday to Friday that is nearest, within the month.
    private static func workday(near day: Int, _ month: MonthShape) -> Int {
        switch month.weekday(of: day) {
        case 6: day > 1 ? day - 1 : day + 2
        case 0: day < month.length ? day + 1 : day - 2
        default: day
        }
    }
}

/// Which days of a month a weekday field means.
struct WeekdayRule: Sendable, Hashable {
    /// A day of the week and which of the month's it is, from 1.
    struct Nth: Sendable, Hashable {
        var weekday: Int
        var number: Int
    }

    /// For each day of the week that a month may begin with, the days of the month that plain weekdays are.
    private let patterns: [UInt32]
    private let nth: [Nth]
    /// Days of the week of which the last in the month is meant.
    private let last: [Int]

    init(mask: UInt64, nth: [Nth], last: [Int]) {
        self.nth = nth
        self.last = last
        patterns = (0..<7).map { first in
            var days: UInt32 = 0
            for day in 1...31 where mask & 1 << UInt64((first + day - 1) % 7) != 0 { days |= 1 << UInt32(day) }
            return days
        }
    }

    func days(_ month: MonthShape) -> UInt32 {
        var days = patterns[month.first]
        for one in nth { days |= 1 << UInt32(Self.firstDay(one.weekday, month) + 7 * (one.number - 1)) }
        for weekday in last {
            let first = Self.firstDay(weekday, month)
            days |= 1 << UInt32(first + (month.length - first) / 7 * 7)
        }
        return days & month.days
    }

    private static func firstDay(_ weekday: Int, _ month: MonthShape) -> Int { (weekday - month.first + 7) % 7 + 1 }
}
