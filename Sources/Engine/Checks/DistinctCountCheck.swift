import CaudalModel

/// `distinct_count`: how many values a column has.
struct DistinctCountCheck: ColumnCheck, FigureCheck {
    static let typeName = "distinct_count"
    let column: String

    static func limits(_ reader: inout MappingReader) -> Check.Bounds {
        reader.whole(reader.figureLimits(of: typeName))
    }

    func measure(_ data: CheckedData) -> String { data.number("count(DISTINCT \(data.sql.name(column)))") }

    func judge(_ found: CheckMeasurement) -> CheckResult {
        let count = found.measure ?? 0
        return found.bounded(count, CheckText.counted(count, "distinct value"))
    }

    func expectation(_ check: Check, _ limits: String) -> String { "\(limits) distinct \(column)" }

    func text(ofLimit limit: Double, isFraction: Bool) -> String { CheckText.number(limit) }
}
