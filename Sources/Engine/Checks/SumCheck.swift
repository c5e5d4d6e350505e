import CaudalModel

/// `sum`: the sum of a column.
struct SumCheck: AggregateCheck {
    static let typeName = "sum"
    static func aggregate(_ value: String, _ type: ColumnType, _ sql: any SQLDialect) -> String {
        sql.sum(of: value, type)
    }
    static let isExact = true
    let column: String

    func measure(_ data: CheckedData) -> String {
        let type = data.type(of: column)
        let sum = Self.aggregate(data.sql.name(column), type, data.sql)
        return type == .number ? data.number(sum) : data.sql.cast(data.aggregate(sum), to: .text)
    }

    func fault(in check: Check, _ columns: CheckedColumns) -> ConfigError? {
        if let fault = numericFault(in: check, columns) { return fault }
        let written = [check.limits, check.warnLimits].compactMap { $0?.exactMin ?? $0?.exactMax }.first
        guard let written, columns.type(of: column) == .number else { return nil }
        return ConfigError(
            "check '\(check.id)' compares the sum of '\(column)', which is floating point, with \(written), which has more "
                + "digits than that", remedy: "cast the column to integer or decimal in a process stage",
            at: check.location)
    }
}
