import CaudalModel

/// `freshness`: the age of the newest value, in seconds.
struct FreshnessCheck: ColumnCheck {
    static let typeName = "freshness"
    let column: String

    static func limits(_ reader: inout MappingReader) -> Check.Bounds {
        if let age = reader.duration("max_age") { return Check.Bounds(max: age.seconds) }
        if reader.node("max_age") == nil {
            reader.problems.report("'freshness' needs 'max_age', such as 24h", at: reader.location)
        }
        return Check.Bounds()
    }

    var reuseObstacle: String? { "looks at the clock" }

    func fault(in check: Check, _ columns: CheckedColumns) -> ConfigError? {
        let type = columns.type(of: column)
        guard type.neverBecomes(.timestamp) else { return nil }
        return ConfigError(
            "check '\(check.id)' needs times, and '\(column)' is \(type)", remedy: "name a column of dates or times",
            at: check.location)
    }

    func measure(_ data: CheckedData) -> String {
        let moment = data.sql.exactCast(data.sql.name(column), from: data.type(of: column), to: .timestamp)
        return data.sql.seconds(data.aggregate("max(\(moment))"))
    }

    /// How far in the future, in seconds, a newest value may be: clocks differ, and so do the dates of time zones.
    private static let futureLimit = 86_400.0

    func judge(_ found: CheckMeasurement) -> CheckResult {
        guard let newest = found.measure else {
            return found.result(found.breach, "there is no value to tell the age from", total: found.total)
        }
        let age = Double(found.now.wall) / 1000 - newest
        if age < -Self.futureLimit {
            return found.result(
                found.breach,
                "the newest value lies \(CheckText.age(-age)) in the future, and tells nothing of the age",
                measured: age)
        }
        return found.bounded(age, "the newest value is \(CheckText.age(age)) old")
    }

    func outcome(ofRecorded value: Double?, rows: Double, past: [Double], _ check: Check) -> CheckResult.Outcome {
        guard let value, value >= -Self.futureLimit else { return check.breach }
        return check.outcome(of: value)
    }

    func expectation(_ check: Check, _ limits: String) -> String { "\(column) \(limits) old" }
    func text(ofLimit limit: Double, isFraction: Bool) -> String { CheckText.age(limit) }
    static func text(ofMeasured value: Double) -> String { CheckText.age(value) }
}
