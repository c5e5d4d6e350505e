import CaudalModel

/// `row_count`: the number of rows.
struct RowCountCheck: FigureCheck {
    static let typeName = "row_count"

    static func read(_ subject: CheckSubject, _ reader: inout MappingReader) -> [RowCountCheck] { [RowCountCheck()] }

    private static let range = 0...1e15

    /// `row_count: {min: 1, max: 100}`, `row_count: 100`, or the bounds as keys beside it.
    static func limits(_ reader: inout MappingReader) -> Check.Bounds {
        if let node = reader.node("row_count"), case .scalar(let text, _) = node.content, !text.isEmpty {
            if let exact = Double(text), range.contains(exact), exact == exact.rounded() {
                return Check.Bounds(min: exact, max: exact)
            }
            reader.problems.report(
                "'row_count' must be a whole number or {min: …, max: …}, not '\(text)'", at: node.location)
            return Check.Bounds()
        }
        let bounds: Check.Bounds
        if var inner = reader.mapping("row_count", subject: "'row_count'", kind: "row_count") {
            bounds = inner.whole(inner.bounds(in: range))
            inner.finish()
        } else {
            bounds = reader.whole(reader.bounds(in: range))
        }
        if bounds.isEmpty { reader.problems.report("'row_count' needs 'min', 'max' or both", at: reader.location) }
        return bounds
    }

    func measure(_ data: CheckedData) -> String { "CAST(\(data.rows()) AS DOUBLE)" }

    func figure(_ found: CheckMeasurement) -> Double? { found.total }

    func judge(_ found: CheckMeasurement) -> CheckResult {
        found.bounded(found.total, CheckText.counted(found.total, "row"))
    }

    var runsOfParts: Int? { 7 }

    func expectation(_ check: Check, _ limits: String) -> String {
        limits + ((check.limits.max ?? check.limits.min) == 1 ? " row" : " rows")
    }

    func text(ofLimit limit: Double, isFraction: Bool) -> String { CheckText.number(limit) }
}
