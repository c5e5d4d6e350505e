/// What was measured for a check, or for one part of it, and what it is judged by.
struct CheckMeasurement {
    let check: Check
    /// What was measured; nil where there was no value.
    let measure: Double?
    /// How many rows the check looked at.
    let total: Double
    /// The columns and types that the data really has.
    let columns: [Column]
    let now: Moment
    /// What earlier runs measured that did not fail the check, newest first.
    let past: (_ runs: Int) throws -> [Double]

    /// A result whose outcome does not follow from limits.
    func result(
        _ outcome: CheckResult.Outcome, _ message: String, measured: Double? = nil, total: Double? = nil
    ) -> CheckResult {
        check.result(outcome, message, measured: measured, total: total, now: now)
    }

    /// A result whose outcome follows from limits.
    ///
    /// `isSound`: whether the value is one that can lie within limits; an infinite sum lies in none.
    /// `show`: how a limit is written; nil takes the way of the check's kind.
    func bounded(
        _ value: Double, _ message: String, isSound: Bool = true, show: ((Double) -> String)? = nil
    ) -> CheckResult {
        var outcome = check.outcome(of: value)
        if outcome == .failed || !isSound { outcome = breach }
        var result = result(outcome, message, measured: value)
        // What breaks no more than the closer limits needs no waiver.
        if isSound, check.limits.contain(value) { result.waiver = nil }
        result.limits = check.limits
        result.warnLimits = check.warnLimits
        result.expectation = check.expectation(show: show)
        return result
    }

    /// What a breach means: a warning where the check says so or as long as it is waived.
    var breach: CheckResult.Outcome { check.isWaived(now) ? .warned : check.breach }
}

extension Check {
    fileprivate func isWaived(_ now: Moment) -> Bool { waiver.map { $0.until >= UTC.date(now.wall) } ?? false }

    /// What the check found, in words of the caller.
    func result(
        _ outcome: CheckResult.Outcome, _ message: String, measured: Double? = nil, total: Double? = nil, now: Moment
    ) -> CheckResult {
        let waiver = waiver.flatMap { waiver in
            isWaived(now) && outcome == .warned ? "waived until \(waiver.until): \(waiver.reason)" : nil
        }
        return CheckResult(
            id: id, kind: typeName, severity: severity, outcome: outcome,
            // What is not a number cannot be kept, and no history could use it.
            measured: measured.flatMap { $0.isFinite ? $0 : nil },
            expectation: expectation(), message: message, totalRows: total.map { Int64($0) }, waiver: waiver)
    }
}
