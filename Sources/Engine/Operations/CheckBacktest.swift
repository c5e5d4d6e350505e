/// What the thresholds of a check would have said about what was measured in past runs.
///
/// Only what was recorded is judged anew: the measured values. Who changes which rows a check looks at needs new runs.
package struct CheckBacktest: Sendable {
    /// A value that would have warned or failed.
    package struct Breach: Sendable {
        package var point: CheckPoint
        package var outcome: CheckResult.Outcome
    }

    package let check: Check
    package let stage: StageID
    /// How many runs and values there were.
    package private(set) var runs = 0
    package private(set) var values = 0
    /// How many values would have given each outcome.
    package private(set) var outcomes: [CheckResult.Outcome: Int] = [:]
    /// How many gave each when they were measured.
    package private(set) var recorded: [CheckResult.Outcome: Int] = [:]
    /// Values that cannot be judged, because a check of another kind had this name then, and its kind.
    package private(set) var otherKinds: Set<String> = []
    /// Oldest first.
    package private(set) var breaches: [Breach] = []

    /// Judges what was recorded of one check, oldest run first.
    package init(_ check: Check, stage: StageID, points: [CheckPoint]) {
        self.check = check
        self.stage = stage
        var usable: [CheckPoint] = []
        for point in points {
            if point.kind == check.typeName { usable.append(point) } else { otherKinds.insert(point.kind) }
        }
        runs = Set(usable.map(\.run)).count
        values = usable.count
        // Each part of the data and each item has a history of its own.
        for series in Dictionary(grouping: usable, by: \.key).values { judge(series) }
        breaches.sort { $0.point.run < $1.point.run }
    }

    private mutating func judge(_ series: [CheckPoint]) {
        var past: [Double] = []
        for point in series {
            let outcome = outcome(of: point, past: past)
            outcomes[outcome, default: 0] += 1
            recorded[point.outcome, default: 0] += 1
            if outcome == .warned || outcome == .failed { breaches.append(Breach(point: point, outcome: outcome)) }
            // As in a run: what failed is no example for those that follow.
            if outcome == .passed || outcome == .warned, let measured = point.measured { past.append(measured) }
        }
    }

    private func outcome(of point: CheckPoint, past: [Double]) -> CheckResult.Outcome {
        if point.outcome == .error { return .error }
        return check.kind.outcome(
            ofRecorded: point.measured, rows: Double(point.totalRows ?? 0), past: past, check)
    }

    /// The limits in words.
    package var expectation: String {
        var text = check.expectation()
        if check.kind.countsFailingRows, let max = check.limits.max, max > 0 {
            text += ", at most \(check.text(ofLimit: max)) failing"
        }
        return text
    }
}

extension CheckPoint {
    /// What was measured, as people write it.
    package var valueText: String { measured.map { Self.text(of: $0, kind: kind) } ?? "—" }

    /// A measured value as people write it, for a kind of check.
    package static func text(of value: Double, kind: String) -> String {
        CheckKinds.named(kind)?.text(ofMeasured: value) ?? CheckText.number(value)
    }
}
