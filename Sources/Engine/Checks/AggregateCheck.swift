import CaudalModel

/// A kind that computes one number from all numbers of a column.
protocol AggregateCheck: ColumnCheck, FigureCheck {
    /// The SQL aggregate function.
    static func aggregate(_ value: String, _ type: ColumnType, _ sql: any SQLDialect) -> String
}

extension AggregateCheck {
    static func limits(_ reader: inout MappingReader) -> Check.Bounds { reader.figureLimits(of: typeName) }

    func fault(in check: Check, _ columns: CheckedColumns) -> ConfigError? {
        let type = columns.type(of: column)
        if type.isNumeric { return nil }
        return ConfigError(
            "check '\(check.id)' needs a number, and '\(column)' is \(type)", remedy: "cast it in a process stage",
            at: check.location)
    }

    func measure(_ data: CheckedData) -> String {
        data.number(Self.aggregate(data.sql.name(column), data.type(of: column), data.sql))
    }

    func judge(_ found: CheckMeasurement) -> CheckResult {
        guard let value = found.measure else {
            return found.result(found.breach, "there is no value to take the \(typeName) of", total: found.total)
        }
        return found.bounded(value, "the \(typeName) is \(value.rounded(to: 4))", isSound: value.isFinite)
    }

    func outcome(ofRecorded value: Double?, rows: Double, past: [Double], _ check: Check) -> CheckResult.Outcome {
        value.map(check.outcome) ?? check.breach
    }

    func expectation(_ check: Check, _ limits: String) -> String { "\(typeName) of \(column) \(limits)" }
}
