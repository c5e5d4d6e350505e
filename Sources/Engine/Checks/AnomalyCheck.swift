import CaudalModel

/// `anomaly`: the distance of a figure from the median of past runs, in median absolute deviations.
struct AnomalyCheck: CheckKind {
    static let typeName = "anomaly"
    /// The kind that measures the figure.
    let followed: any FigureCheck
    /// How many past runs to compare with.
    let over: Int

    /// The figures of a column that can be followed.
    private static let ofColumns: [any (ColumnCheck & FigureCheck).Type] = [
        SumCheck.self, MeanCheck.self, DistinctCountCheck.self, CompletenessCheck.self,
    ]

    var columns: [String] { followed.columns }

    static func read(_ subject: CheckSubject, _ reader: inout MappingReader) -> [AnomalyCheck] {
        let over = reader.runs(default: 30)
        switch subject.node.content {
        case .scalar(RowCountCheck.typeName, _): return [AnomalyCheck(followed: RowCountCheck(), over: over)]
        case .mapping(let entries):
            guard entries.count == 1, case .scalar(let column, _) = entries[0].value.content, !column.isEmpty,
                let kind = ofColumns.first(where: { $0.typeName == entries[0].key.value })
            else { break }
            // A column's name may look like a reference.
            reader.problems.settle(entries[0].value.location)
            return [AnomalyCheck(followed: kind.init(column: column), over: over)]
        case .scalar, .sequence: break
        }
        reader.problems.report(
            "'anomaly' needs row_count, or one of {sum: column}, {mean: column}, {distinct_count: column} and "
                + "{completeness: column}", at: subject.node.location)
        return []
    }

    static func limits(_ reader: inout MappingReader) -> Check.Bounds {
        Check.Bounds(max: reader.number("max", in: 0.1...1000) ?? 3.5)
    }

    func fault(in check: Check, _ columns: CheckedColumns) -> ConfigError? { followed.fault(in: check, columns) }

    var reuseObstacle: String? { "looks at earlier runs" }

    func measure(_ data: CheckedData) -> String { followed.measure(data) }

    func judge(_ found: CheckMeasurement) throws -> CheckResult {
        let past = try found.past(over)
        guard let value = followed.figure(found) else {
            guard past.count >= Deviation.minimum else { return found.result(.passed, "no values") }
            return found.result(
                found.breach,
                "there is no value to take the \(followed.typeName) of; \(past.count.counted("earlier run")) had one")
        }
        guard value.isFinite else { return found.result(found.breach, "the value is \(value.rounded(to: 4))") }
        guard past.count >= Deviation.minimum, let median = past.median else {
            return found.result(
                .passed,
                "\(value.rounded(to: 4)); judged from \(Deviation.minimum) earlier runs on, there are \(past.count)",
                measured: value)
        }
        let distance = Deviation.distance(of: value, from: past, median: median)
        var result = found.bounded(
            distance,
            "\(value.rounded(to: 4)) lies \(Self.deviations(distance)) from the median \(median.rounded(to: 4)) of "
                + past.count.counted("run"))
        result.measured = value
        result.spreadLimits(around: median, by: Deviation.spread(of: past, median: median))
        return result
    }

    func outcome(ofRecorded value: Double?, rows: Double, past: [Double], _ check: Check) -> CheckResult.Outcome {
        let near = Array(past.suffix(over))
        guard near.count >= Deviation.minimum, let median = near.median else { return .passed }
        guard let value else { return check.breach }
        return check.outcome(of: Deviation.distance(of: value, from: near, median: median))
    }

    var runsOfParts: Int? { followed.runsOfParts == nil ? nil : over }

    func expectation(_ check: Check, _ limits: String) -> String { "\(limits) from the usual" }
    func text(ofLimit limit: Double, isFraction: Bool) -> String { Self.deviations(limit) }

    private static func deviations(_ number: Double) -> String { "\(number.rounded(to: 1)) deviations" }
}
