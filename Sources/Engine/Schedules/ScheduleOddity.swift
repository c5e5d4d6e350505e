import CaudalModel

/// Something about a schedule that people do not expect of it; for `validate`.
package struct ScheduleOddity: Sendable, Hashable {
    /// How much it matters.
    package enum Weight: Sendable, Hashable {
        /// It never fires.
        case never
        /// It fires at other times than it seems to.
        case odd
        /// It will be different once, on a day that is named.
        case clockChange
    }

    package var weight: Weight
    /// A sentence without a full stop.
    package var message: String
    /// What to write instead, if there is something.
    package var remedy: String?
    /// The character of the expression at which it stands, from 0.
    package var offset: Int

    package init(_ weight: Weight, _ message: String, remedy: String? = nil, offset: Int = 0) {
        self.weight = weight
        self.message = message
        self.remedy = remedy
        self.offset = offset
    }
}

extension Timetable {
    /// What is odd about it, in the order of its text.
    ///
    /// `from`: the point in time behind which clock changes are looked for, in seconds since 1970.
    package func oddities(from: Int64) -> [ScheduleOddity] {
        switch rule {
        case .every(let seconds, _): return next(after: from) == nil ? [noDayLeft] : oddInterval(seconds, from: from)
        case .cron(let expression):
            if next(after: from) == nil {
                guard let never = expression.neverHappens else { return [noDayLeft] }
                return [ScheduleOddity(.never, never, offset: expression.offset(of: .day))]
            }
            let changes = ClockChangeSearch(expression: expression, table: self).oddities(from: from)
            return (CronOddities(expression: expression).all + changes).sorted { $0.offset < $1.offset }
        }
    }

    private var noDayLeft: ScheduleOddity {
        ScheduleOddity(.never, "its calendar leaves out all its days: it never happens")
    }

    /// Whole days of real time are no days of a clock that is changed.
    private func oddInterval(_ seconds: Int64, from: Int64) -> [ScheduleOddity] {
        let change = zone.period(at: from).end
        guard seconds % 86_400 == 0, change != .max, change < from + 2 * 366 * 86_400 else { return [] }
        let text = Duration.seconds(seconds).written
        return [
            ScheduleOddity(
                .clockChange,
                "'every: \(text)' counts real time: from \(zone.date(at: change)) on the clock of \(zone.name) shows"
                    + " another time when it runs",
                remedy: "write 'cron', such as \"0 0 * * *\", for the same time of every day")
        ]
    }
}

extension CronExpression {
    /// Where a field begins.
    func offset(of field: Field) -> Int { parts.first { $0.field == field }?.offset ?? 0 }

    /// Whether a field is `*` and nothing else.
    func isAny(_ field: Field) -> Bool {
        parts.filter { $0.field == field }.allSatisfy { $0.kind == .all(step: 1) }
    }

    /// Whether a month is one of its months.
    func has(month: Int) -> Bool {
        parts.contains { part in
            guard part.field == .month else { return false }
            switch part.kind {
            case .all(let step): return (month - 1) % step == 0
            case .value(let value): return value == month
            case .range(let low, let high, let step, _):
                return Field.month.values(from: low, to: high, step: step).contains(month)
            case .special: return false
            }
        }
    }
}
