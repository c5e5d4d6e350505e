/// Days on which a schedule does not fire, and days on which it does whatever its day fields say.
package struct ScheduleCalendar: Sendable, Equatable {
    /// Whether Saturdays and Sundays are left out.
    package var businessDays: Bool
    /// Days that are left out.
    package var skipped: DaySet
    /// Days that are taken in, at the schedule's times of the day; they count more than all else.
    package var included: DaySet

    package init(businessDays: Bool = false, skipped: DaySet = DaySet(), included: DaySet = DaySet()) {
        self.businessDays = businessDays
        self.skipped = skipped
        self.included = included
    }

    /// What is left of the days of a month that fit, and what comes to them; a bit for each, from bit 1.
    package func narrowed(_ days: UInt32, year: Int, month: Int) -> UInt32 {
        // Searches pass many months in which nothing fits.
        if days == 0, included.isEmpty { return 0 }
        var days = days
        if !skipped.isEmpty { days &= ~skipped.days(year: year, month: month) }
        if businessDays { days &= Self.workdays.days(MonthShape(year: year, month: month)) }
        return included.isEmpty ? days : days | included.days(year: year, month: month)
    }

    /// Whether a schedule without day fields fires on a day.
    package func allows(_ date: LocalDate) -> Bool {
        let parts = date.parts
        return narrowed(.max, year: parts.year, month: parts.month) & 1 << UInt32(parts.day) != 0
    }

    private static let workdays = WeekdayRule(mask: 0b011_1110, nth: [], last: [])
}

/// Days of the calendar: single ones, and those that come every year.
package struct DaySet: Sendable, Equatable {
    /// By year and month, a bit for each day, from bit 1.
    private var single: [Int: UInt32] = [:]
    /// By month.
    private var yearly: [Int: UInt32] = [:]

    package init() {}

    /// Whether there are none.
    package var isEmpty: Bool { single.isEmpty && yearly.isEmpty }

    /// Adds a day.
    package mutating func insert(_ date: LocalDate) {
        let parts = date.parts
        single[parts.year * 12 + parts.month, default: 0] |= 1 << UInt32(parts.day)
    }

    /// Adds a day of every year.
    package mutating func insertYearly(month: Int, day: Int) { yearly[month, default: 0] |= 1 << UInt32(day) }

    /// The days of a month that are in it, a bit for each, from bit 1; also those that the month does not have.
    package func days(year: Int, month: Int) -> UInt32 {
        (single[year * 12 + month] ?? 0) | (yearly[month] ?? 0) & MonthShape(year: year, month: month).days
    }
}
