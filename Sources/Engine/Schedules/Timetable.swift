package import CaudalModel

/// The points in time at which a schedule fires: its rule in its zone, with its calendar.
///
/// Points in time are seconds since 1970-01-01 00:00 UTC. Where the clock changes, Debian's rule holds: fixed times
/// (``CronExpression/isFixed``) are met once, in a gap at its end and of two equal times at the first; all others follow real
/// time.
package struct Timetable: Sendable, Equatable {
    /// When it fires.
    package enum Rule: Sendable, Equatable {
        case cron(CronExpression)
        /// Every so many seconds, one of them at `anchor`.
        case every(seconds: Int64, anchor: Int64)
    }

    /// A point in time at which it fires.
    package struct Occurrence: Sendable, Hashable {
        /// The point in time.
        package var instant: Int64
        /// The time that was meant: what the clock shows, or what it left out.
        package var local: LocalTime
        /// Whether the clock left out the time that was meant, so that it is met when the clock goes on.
        package var isSkipped: Bool

        /// The day that was meant.
        package var date: LocalDate { local.date }
    }

    package let rule: Rule
    package let zone: ZoneRules
    package let calendar: ScheduleCalendar?

    package init(_ rule: Rule, in zone: ZoneRules, calendar: ScheduleCalendar? = nil) {
        self.rule = rule
        self.zone = zone
        self.calendar = calendar
    }

    /// How far is looked for an occurrence: the calendar repeats itself after 400 years.
    private static let horizon: Int64 = 401 * 366 * 86_400

    /// The first occurrence after a point in time, or nil when there is none ever.
    package func next(after instant: Int64) -> Occurrence? {
        switch rule {
        case .cron(let expression): next(expression, after: instant)
        case .every(let seconds, let anchor): next(every: seconds, from: anchor, after: instant)
        }
    }

    /// The last occurrence before a point in time, or nil when there was none ever.
    package func previous(before instant: Int64) -> Occurrence? {
        switch rule {
        case .cron(let expression): previous(expression, before: instant)
        case .every(let seconds, let anchor): previous(every: seconds, from: anchor, before: instant)
        }
    }

    // MARK: - Cron

    private func next(_ expression: CronExpression, after instant: Int64) -> Occurrence? {
        var period = zone.period(at: instant + 1)
        while true {
            if period.start > instant, let occurrence = inGap(before: period, expression) { return occurrence }
            let start = max(max(instant + 1, period.start) + period.offset, firstNew(of: period, expression))
            let end = period.end == .max ? LocalTime.never : LocalTime(seconds: period.end + period.offset)
            if let local = local(after: LocalTime(seconds: start - 1), before: end, expression) {
                return Occurrence(instant: local.seconds - period.offset, local: local, isSkipped: false)
            }
            guard period.end != .max, period.end - instant < Self.horizon else { return nil }
            period = zone.period(at: period.end)
        }
    }

    private func previous(_ expression: CronExpression, before instant: Int64) -> Occurrence? {
        var period = zone.period(at: instant - 1)
        while true {
            let end = min(instant, period.end) + period.offset
            let start =
                period.start == .min
                ? LocalTime.ever
                : LocalTime(seconds: max(period.start + period.offset, firstNew(of: period, expression)))
            let local = expression.previous(before: LocalTime(seconds: end), from: start, days: days(expression))
            if let local, local.seconds - period.offset > period.start {
                return Occurrence(instant: local.seconds - period.offset, local: local, isSkipped: false)
            }
            if let occurrence = inGap(before: period, expression) { return occurrence }
            if let local { return Occurrence(instant: period.start, local: local, isSkipped: false) }
            guard period.start != .min, instant - period.start < Self.horizon else { return nil }
            period = zone.period(at: period.start - 1)
        }
    }

    /// What a fixed time that the clock leaves out becomes: one occurrence, when the period begins.
    private func inGap(before period: ZoneRules.Period, _ expression: CronExpression) -> Occurrence? {
        guard expression.isFixed, !period.gap.isEmpty else { return nil }
        let local = local(
            after: LocalTime(seconds: period.gap.lowerBound - 1), before: LocalTime(seconds: period.gap.upperBound),
            expression)
        return local.map { Occurrence(instant: period.start, local: $0, isSkipped: true) }
    }

    /// The first local time of a period that a fixed time is met at: what the clock shows again was met before.
    private func firstNew(of period: ZoneRules.Period, _ expression: CronExpression) -> Int64 {
        expression.isFixed && !period.overlap.isEmpty ? period.overlap.upperBound : .min
    }

    /// The first local time of an expression between two others, on the days that the calendar leaves.
    func local(after time: LocalTime, before end: LocalTime, _ expression: CronExpression) -> LocalTime? {
        expression.next(after: time, before: end, days: days(expression))
    }

    private func days(_ expression: CronExpression) -> CronExpression.Days? {
        guard let calendar else { return nil }
        return { calendar.narrowed(expression.days(ofMonth: $1, year: $0), year: $0, month: $1) }
    }

    // MARK: - Intervals

    private func next(every step: Int64, from anchor: Int64, after instant: Int64) -> Occurrence? {
        var after = instant
        while after - instant < Self.horizon {
            let found = anchor + ((after - anchor).floored(by: step) + 1) * step
            let local = zone.local(at: found)
            guard let calendar, !calendar.allows(local.date) else {
                return Occurrence(instant: found, local: local, isSkipped: false)
            }
            guard let date = allowed(after: local.date, by: 1, calendar) else { return nil }
            after = max(found, zone.firstInstant(of: date) - 1)
        }
        return nil
    }

    private func previous(every step: Int64, from anchor: Int64, before instant: Int64) -> Occurrence? {
        var before = instant
        while instant - before < Self.horizon {
            let found = anchor + (before - 1 - anchor).floored(by: step) * step
            let local = zone.local(at: found)
            guard let calendar, !calendar.allows(local.date) else {
                return Occurrence(instant: found, local: local, isSkipped: false)
            }
            guard let date = allowed(after: local.date, by: -1, calendar) else { return nil }
            before = min(found, zone.firstInstant(of: LocalDate(days: date.days + 1)))
        }
        return nil
    }

    /// The next day in a direction that the calendar allows.
    private func allowed(after date: LocalDate, by step: Int, _ calendar: ScheduleCalendar) -> LocalDate? {
        var date = date
        for _ in 0..<146_097 {
            date.days += step
            if calendar.allows(date) { return date }
        }
        return nil
    }
}

extension Timetable {
    /// The timetable of a schedule in its zone, or nil for one that waits for what others bring.
    package init?(_ schedule: Schedule, in zone: ZoneRules) {
        switch schedule.trigger {
        case .cron(let expression): self.init(.cron(expression), in: zone, calendar: schedule.calendar)
        case .every(let seconds, let anchor):
            self.init(
                .every(seconds: seconds, anchor: zone.firstInstant(of: anchor)), in: zone, calendar: schedule.calendar)
        case .after: return nil
        }
    }
}
