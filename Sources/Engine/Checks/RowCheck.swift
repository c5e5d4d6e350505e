import CaudalModel

/// A kind that counts failing rows, of which `max_failing` are allowed.
protocol RowCheck: CheckKind {
    /// The message for a number of failing rows, such as `3 rows out of range`.
    func words(ofFailing rows: Double) -> String
}

extension RowCheck {
    static func limits(_ reader: inout MappingReader) -> Check.Bounds {
        guard let text = reader.text("max_failing") else { return Check.Bounds(max: 0) }
        if let part = ScalarFormats.percentage(text.value), (0...1).contains(part) {
            return Check.Bounds(max: part, areFractions: true)
        }
        if let count = Int64(text.value), count >= 0 { return Check.Bounds(max: Double(count)) }
        reader.problems.report(
            "'max_failing' must be a number of rows or a percentage, not '\(text.value)'", at: text.location)
        return Check.Bounds(max: 0)
    }

    var countsFailingRows: Bool { true }

    // Failing rows may be counted separately from all rows, so that one count may exist without the other.
    func isMeasured(_ measure: Double?, total: Double?) -> Bool { measure != nil && total != nil }

    func judge(_ found: CheckMeasurement) -> CheckResult {
        let failing = found.measure ?? 0
        let value = limited(failing, of: found.total, found.check)
        var result = found.bounded(value, "\(words(ofFailing: failing)) of \(CheckText.number(found.total))")
        result.measured = failing
        if found.check.limits.areFractions { result.scaleLimits { $0 * found.total } }
        result.failingRows = Int64(failing)
        result.totalRows = Int64(found.total)
        return result
    }

    func outcome(ofRecorded value: Double?, rows: Double, past: [Double], _ check: Check) -> CheckResult.Outcome {
        value.map { check.outcome(of: limited($0, of: rows, check)) } ?? .passed
    }

    /// The value to compare with the limits: the number of failing rows, or their fraction of all rows.
    private func limited(_ failing: Double, of total: Double, _ check: Check) -> Double {
        guard check.limits.areFractions else { return failing }
        return total == 0 ? 0 : failing / total
    }
}

/// A kind that decides for each row by itself whether it fails.
protocol SingleRowCheck: RowCheck {
    /// SQL that is true for a failing row; for a row without the value it may be NULL.
    func failing(_ data: CheckedData) -> String
}

extension SingleRowCheck {
    func measure(_ data: CheckedData) -> String { "CAST(\(data.rows(failing(data))) AS BIGINT)" }
    func failingRows(_ data: CheckedData) -> FailingRows? { data.failingRows(where: failing(data)) }
}
