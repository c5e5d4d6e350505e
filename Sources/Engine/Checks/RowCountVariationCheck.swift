import CaudalModel

/// `row_count_variation`: the deviation of the number of rows from the median of past runs, as a fraction from 0.
struct RowCountVariationCheck: CheckKind {
    static let typeName = "row_count_variation"
    /// How many past runs to compare with.
    let over: Int

    static func read(_ subject: CheckSubject, _ reader: inout MappingReader) -> [RowCountVariationCheck] {
        [RowCountVariationCheck(over: reader.runs(default: 7))]
    }

    /// The fraction in the check's value, `10%`; in `warn` it is called `max`.
    static func limits(_ reader: inout MappingReader) -> Check.Bounds {
        let own = reader.node(typeName) == nil ? nil : reader.percentage(typeName, in: 0...100)
        let bounds = Check.Bounds(max: own ?? reader.percentage("max", in: 0...100))
        if !reader.has(typeName), !reader.has("max") {
            reader.problems.report("'row_count_variation' needs a percentage, such as 10%", at: reader.location)
        }
        return bounds
    }

    var reuseObstacle: String? { "looks at earlier runs" }

    func measure(_ data: CheckedData) -> String { "CAST(\(data.rows()) AS DOUBLE)" }

    func judge(_ found: CheckMeasurement) throws -> CheckResult {
        let rows = found.total
        let past = try found.past(over)
        let counted = CheckText.counted(rows, "row")
        guard let median = past.median else {
            return found.result(
                .passed, "\(counted); no earlier run to compare with yet", measured: rows, total: rows)
        }
        let change = Deviation.change(of: rows, from: median)
        var result = found.bounded(
            change,
            "\(counted), \(CheckText.percent(change)) from the median \(CheckText.number(median)) of "
                + past.count.counted("run"))
        result.measured = rows
        result.spreadLimits(around: median, by: median)
        return result
    }

    func outcome(ofRecorded value: Double?, rows: Double, past: [Double], _ check: Check) -> CheckResult.Outcome {
        guard let value, let median = Array(past.suffix(over)).median else { return .passed }
        return check.outcome(of: Deviation.change(of: value, from: median))
    }

    var runsOfParts: Int? { over }

    func expectation(_ check: Check, _ limits: String) -> String {
        "\(limits) from the last \(over == 1 ? "run" : over.counted("run"))"
    }

    func text(ofLimit limit: Double, isFraction: Bool) -> String { CheckText.percent(limit) }
}
