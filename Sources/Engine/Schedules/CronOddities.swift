import CaudalModel

/// What is odd about an expression whatever its zone.
struct CronOddities {
    let expression: CronExpression

    var all: [ScheduleOddity] {
        expression.parts.flatMap { steps($0) + missingDays($0) + wholeRange($0) } + bothDays
    }

    // MARK: - Steps

    private func steps(_ part: CronExpression.Part) -> [ScheduleOddity] {
        switch part.kind {
        case .all(let step):
            return uneven(part, from: part.field.range.lowerBound, step: step)
        case .range(let low, let high, let step, let isOpen):
            if isOpen, step > 0, low + step > part.field.range.upperBound {
                return [
                    ScheduleOddity(
                        .odd, "'\(part.text)' is \(part.field.name) \(low) alone: no step fits behind it",
                        remedy: "write '\(low)'", offset: part.offset)
                ]
            }
            if low > high, step > 1 {
                let values = part.field.values(from: low, to: high, step: step).map(part.field.text)
                return [
                    ScheduleOddity(
                        .odd,
                        "'\(part.text)' goes over the end of the \(part.field.name): it is \(values.formattedAsList)",
                        remedy: "write '\(values.joined(separator: ","))'", offset: part.offset)
                ]
            }
            let isWhole = low == part.field.range.lowerBound && high == part.field.range.upperBound
            return isOpen || isWhole ? uneven(part, from: low, step: step) : []
        case .value, .special: return []
        }
    }

    /// Steps that do not fit their field, where the field before the larger one goes round.
    private func uneven(_ part: CronExpression.Part, from low: Int, step: Int) -> [ScheduleOddity] {
        let (field, range) = (part.field, part.field.range)
        guard step > 1, goesRound(field) else { return [] }
        if step > range.upperBound - range.lowerBound {
            return [
                ScheduleOddity(
                    .odd, "'\(part.text)' is \(field.name) \(field.text(low)) alone: no step fits behind it",
                    remedy: "write '\(field.text(low))'", offset: part.offset)
            ]
        }
        let last = low + (range.upperBound - low) / step * step
        if field == .day {
            return [
                ScheduleOddity(
                    .odd, "'\(part.text)' begins anew with every month: after day \(last) comes day \(low)",
                    remedy: "write 'every: \(step)d' for the same distance", offset: part.offset)
            ]
        }
        let distance = low + range.count - last
        guard distance != step else { return [] }
        return [
            ScheduleOddity(
                .odd,
                "'\(part.text)' is uneven: after \(field.name) \(field.text(last)) comes \(field.text(low)),"
                    + " \(distance.counted(field.unit)) later",
                remedy: field.evenRemedy(step), offset: part.offset)
        ]
    }

    /// Whether the last value of a field is followed by its first: what is larger is not chosen.
    private func goesRound(_ field: CronExpression.Field) -> Bool {
        switch field {
        case .second: expression.isAny(.minute)
        case .minute: expression.isAny(.hour)
        case .hour: expression.isAny(.day) && expression.isAny(.month) && expression.isAny(.weekday)
        case .day, .month, .weekday: true
        }
    }

    // MARK: - Days

    private static let names = CronExpression.Field.month.names

    private func missingDays(_ part: CronExpression.Part) -> [ScheduleOddity] {
        if part.field == .weekday, part.kind == .special, part.text.hasSuffix("#5") {
            return [
                ScheduleOddity(
                    .odd, "'\(part.text)' is in some months alone: most have four",
                    remedy: "write, say, '5L' for the last Friday of a month", offset: part.offset)
            ]
        }
        guard part.field == .day, let day = day(of: part), day > 28 else { return [] }
        let lacking = (1...12).filter { expression.has(month: $0) && MonthShape(year: 2025, month: $0).length < day }
        guard !lacking.isEmpty else { return [] }
        let months = lacking.map { Self.names[$0 - 1] }.formattedAsList
        let isLeap = day == 29
        return [
            ScheduleOddity(
                .odd,
                isLeap
                    ? "FEB has a day 29 in leap years alone"
                    : "there is no day \(day) in \(months): it does not run then",
                remedy: "write 'L' for the last day of a month", offset: part.offset)
        ]
    }

    /// The day of the month that a part names.
    private func day(of part: CronExpression.Part) -> Int? {
        switch part.kind {
        case .value(let day): day
        case .special: Int(part.text.filter { $0 != "W" && $0 != "w" })
        case .all, .range: nil
        }
    }

    /// A range from a day to itself is all of them.
    private func wholeRange(_ part: CronExpression.Part) -> [ScheduleOddity] {
        guard case .range = part.kind, part.field == .weekday || part.field == .month else { return [] }
        let ends = part.text.split(separator: "/")[0].split(separator: "-").map { $0.uppercased() }
        let sundays: Set = ["0", "7", "SUN"]
        guard ends.count == 2,
            ends[0] == ends[1] || part.field == .weekday && ends[0] == "SUN" && sundays.contains(ends[1])
        else { return [] }
        return [
            ScheduleOddity(
                .odd, "'\(part.text)' is every \(part.field == .month ? "month" : "day of the week")",
                remedy: "write '\(ends[0])' for that one alone", offset: part.offset)
        ]
    }

    private var bothDays: [ScheduleOddity] {
        guard !expression.needsBothDays, !expression.isAny(.day), !expression.isAny(.weekday) else { return [] }
        return [
            ScheduleOddity(
                .odd,
                "the day of the month and the day of the week are both given: it runs on days that fit one of them",
                remedy: "leave one of them '*' unless that is meant", offset: expression.offset(of: .weekday))
        ]
    }
}

extension CronExpression.Field {
    /// A value in the words of its field.
    fileprivate func text(_ value: Int) -> String {
        names.isEmpty ? String(value) : names[value - range.lowerBound]
    }

    /// What a distance between two values is counted in.
    fileprivate var unit: String {
        switch self {
        case .second, .minute, .hour, .month: name
        case .day, .weekday: "day"
        }
    }

    /// How to have the same distance everywhere.
    fileprivate func evenRemedy(_ step: Int) -> String? {
        switch self {
        case .second: "write 'every: \(step)s' for the same distance"
        case .minute: "write 'every: \(step)m' for the same distance"
        case .hour: "write 'every: \(step)h' for the same distance"
        case .day, .month, .weekday: nil
        }
    }
}
