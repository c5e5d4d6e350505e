import CaudalModel

/// The measurement of a check, or of one part of it, with what it is judged by.
struct CheckMeasurement {
    let check: Check
    /// The measure; nil when there was no value.
    let measure: Double?
    /// The measure as it was given, with all of its digits.
    let digits: String?
    /// The number of rows that the check looked at.
    let total: Double
    /// The actual columns and types of the data.
    let columns: [Column]
    let now: Moment
    /// The values of earlier runs that did not fail the check, newest first.
    let past: (_ runs: Int) throws -> [Double]

    /// A result whose outcome does not follow from limits.
    func result(
        _ outcome: CheckResult.Outcome, _ message: String, measured: Double? = nil, total: Double? = nil
    ) -> CheckResult {
        check.result(outcome, message, measured: measured, total: total, now: now)
    }

    /// A result whose outcome follows from limits.
    ///
    /// - Parameters:
    ///   - digits: The value with all of its digits, where floating point may round it.
    ///   - isSound: Whether the value can be within limits at all; an infinite sum cannot.
    func bounded(
        _ value: Double, _ message: String, digits: String? = nil, isSound: Bool = true
    ) -> CheckResult {
        var outcome = check.outcome(of: value, digits: digits)
        if outcome == .failed || !isSound { outcome = breach }
        var result = result(outcome, message, measured: value)
        // A breach of the warning limits alone needs no waiver.
        if isSound, check.limits.contain(value, digits: digits) { result.waiver = nil }
        result.limits = check.limits
        result.warnLimits = check.warnLimits
        return result
    }

    /// The outcome of a breach: a warning if the check says so or while it is waived.
    var breach: CheckResult.Outcome { check.isWaived(now) ? .warned : check.breach }
}

extension Check {
    fileprivate func isWaived(_ now: Moment) -> Bool { waiver.map { $0.until >= UTC.date(now.wall) } ?? false }

    /// The result with the caller's words.
    func result(
        _ outcome: CheckResult.Outcome, _ message: String, measured: Double? = nil, total: Double? = nil, now: Moment
    ) -> CheckResult {
        let waiver = waiver.flatMap { waiver in
            isWaived(now) && outcome == .warned ? "waived until \(waiver.until): \(waiver.reason)" : nil
        }
        return CheckResult(
            id: id, kind: typeName, severity: severity, outcome: outcome,
            // NaN and infinity cannot be stored, and would be of no use in a history.
            measured: measured.flatMap { $0.isFinite ? $0 : nil },
            expectation: expectation(), message: message, totalRows: total.map { Int64($0) }, waiver: waiver)
    }
}
