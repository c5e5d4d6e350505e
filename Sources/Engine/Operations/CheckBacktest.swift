package import CaudalModel

/// Applies the current limits of a check to the values recorded in past runs.
///
/// Only recorded values are judged again. If the check now looks at other rows, only new runs can show the effect.
package struct CheckBacktest: Sendable {
    /// A value that would have warned or failed.
    package struct Breach: Sendable {
        package var point: CheckPoint
        package var outcome: CheckResult.Outcome
    }

    package let check: Check
    package let stage: StageID
    /// The number of runs and of values.
    package private(set) var runs = 0
    package private(set) var values = 0
    /// The number of values with each outcome by the current limits.
    package private(set) var outcomes: [CheckResult.Outcome: Int] = [:]
    /// The number of values with each outcome when they were recorded.
    package private(set) var recorded: [CheckResult.Outcome: Int] = [:]
    /// The kinds of checks that had this id before and whose values cannot be judged.
    package private(set) var otherKinds: Set<String> = []
    /// The breaches, oldest first.
    package private(set) var breaches: [Breach] = []

    /// Judges the recorded values of one check, oldest run first.
    package init(_ check: Check, stage: StageID, points: [CheckPoint]) {
        self.check = check
        self.stage = stage
        var usable: [CheckPoint] = []
        for point in points {
            if point.kind == check.typeName { usable.append(point) } else { otherKinds.insert(point.kind) }
        }
        runs = Set(usable.map(\.run)).count
        values = usable.count
        // Each part of the data and each item has its own history.
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
            // As in a run: failed values are not part of the history for later ones.
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
    /// The measured value, as text.
    package var valueText: String { measured.map { Self.text(of: $0, kind: kind) } ?? "—" }

    /// A measured value as text, for a kind of check.
    package static func text(of value: Double, kind: String) -> String {
        CheckKinds.named(kind)?.text(ofMeasured: value) ?? CheckText.number(value)
    }
}
