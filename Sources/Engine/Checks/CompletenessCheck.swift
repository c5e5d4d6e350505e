import CaudalModel

/// `completeness`: the fraction of rows with a value, from 0 to 1.
struct CompletenessCheck: ColumnCheck, FigureCheck {
    static let typeName = "completeness"
    let column: String

    static func limits(_ reader: inout MappingReader) -> Check.Bounds {
        let bounds = Check.Bounds(min: reader.percentage("min"), max: reader.percentage("max"))
        if !reader.has("min"), !reader.has("max") {
            reader.problems.report("'completeness' needs 'min', such as 95%", at: reader.location)
        }
        return reader.ordered(bounds)
    }

    func measure(_ data: CheckedData) -> String {
        "CAST(\(data.aggregate("count(\(data.sql.name(column)))")) AS DOUBLE)"
    }

    func failingRows(_ data: CheckedData) -> FailingRows? {
        data.failingRows(
            where: "\(data.sql.name(column)) IS NULL", count: "\(data.totalName) - \(data.measureName)")
    }

    func figure(_ found: CheckMeasurement) -> Double? { found.total == 0 ? 1 : (found.measure ?? 0) / found.total }

    func judge(_ found: CheckMeasurement) -> CheckResult {
        let (part, total) = (figure(found) ?? 1, found.total)
        let words =
            total == 0
            ? "no rows"
            : "\(CheckText.percent(part)) of \(CheckText.counted(total, "row")) \(total == 1 ? "has" : "have") a value"
        var result = found.bounded(part, words)
        result.failingRows = Int64(total - (found.measure ?? 0))
        result.totalRows = Int64(total)
        return result
    }

    func expectation(_ check: Check, _ limits: String) -> String { "\(limits) of \(column) filled" + check.filterWords }
    func text(ofLimit limit: Double, isFraction: Bool) -> String { CheckText.percent(limit) }
    static func text(ofMeasured value: Double) -> String { CheckText.percent(value) }
}
