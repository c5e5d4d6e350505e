import CaudalModel

/// Looks for the next times that a clock leaves out or shows twice.
struct ClockChangeSearch {
    let expression: CronExpression
    let table: Timetable

    /// How far it looks, in seconds.
    private static let horizon: Int64 = 10 * 366 * 86_400

    func oddities(from: Int64) -> [ScheduleOddity] {
        // A schedule that fires every hour follows real time and is not affected.
        guard expression.isFixed || !expression.isAny(.hour) else { return [] }
        var found: [ScheduleOddity] = []
        var (hasGap, hasOverlap) = (false, false)
        var period = table.zone.period(at: from)
        while period.end != .max, period.end < from + Self.horizon, !hasGap || !hasOverlap {
            period = table.zone.period(at: period.end)
            if !hasGap, let text = times(in: period.gap) {
                hasGap = true
                found.append(gap(text, period))
            }
            if !hasOverlap, let text = times(in: period.overlap) {
                hasOverlap = true
                found.append(overlap(text))
            }
        }
        return found
    }

    private func gap(_ text: String, _ period: ZoneRules.Period) -> ScheduleOddity {
        let after = LocalTime(seconds: period.start + period.offset).words
        let what = expression.isFixed ? "it runs once, at \(after.suffix(5))" : "it does not run then"
        return ScheduleOddity(
            .clockChange, "the clock of \(table.zone.name) leaves out \(text): \(what)",
            offset: expression.offset(of: .hour))
    }

    private func overlap(_ text: String) -> ScheduleOddity {
        let what = expression.isFixed ? "it runs the first time alone" : "it runs both times"
        return ScheduleOddity(
            .clockChange, "the clock of \(table.zone.name) shows \(text) twice: \(what)",
            offset: expression.offset(of: .hour))
    }

    /// The first time that fits in a stretch of local times, and whether there are more.
    private func times(in range: Range<Int64>) -> String? {
        let end = LocalTime(seconds: range.upperBound)
        guard !range.isEmpty,
            let first = table.local(after: LocalTime(seconds: range.lowerBound - 1), before: end, expression)
        else { return nil }
        guard let second = table.local(after: first, before: end, expression) else { return first.words }
        let more = table.local(after: second, before: end, expression) != nil
        return first.words + (more ? " and later times" : " and \(second.words.dropFirst(11))")
    }
}
