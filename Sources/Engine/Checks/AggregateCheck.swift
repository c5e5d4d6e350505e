import CaudalModel

/// A kind that computes one number from all numbers of a column.
protocol AggregateCheck: ColumnCheck, FigureCheck {
    /// The SQL aggregate function.
    static func aggregate(_ value: String, _ type: ColumnType, _ sql: any SQLDialect) -> String

    /// Whether it is compared with all of its digits.
    static var isExact: Bool { get }
}

extension AggregateCheck {
    static func limits(_ reader: inout MappingReader) -> Check.Bounds {
        reader.figureLimits(of: typeName, isExact: isExact)
    }

    static var isExact: Bool { false }

    func fault(in check: Check, _ columns: CheckedColumns) -> ConfigError? { numericFault(in: check, columns) }

    /// The fault of a column that holds no numbers.
    func numericFault(in check: Check, _ columns: CheckedColumns) -> ConfigError? {
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
        let digits = Self.isExact ? found.digits : nil
        let isLong = value.isFinite && abs(value) >= 1e15
        var shown = digits.flatMap { isLong ? $0 : nil } ?? value.rounded(to: 4)
        // A sum such as 0.30000000000000004 is shown with what makes it too large.
        if let rounded = Double(shown), found.check.outcome(of: rounded) != found.check.outcome(of: value) {
            shown = value.plain
        }
        return found.bounded(value, "the \(typeName) is \(shown)", digits: digits, isSound: value.isFinite)
    }

    func outcome(ofRecorded value: Double?, rows: Double, past: [Double], _ check: Check) -> CheckResult.Outcome {
        value.map { check.outcome(of: $0) } ?? check.breach
    }

    func expectation(_ check: Check, _ limits: String) -> String { "\(typeName) of \(column) \(limits)" }
}
