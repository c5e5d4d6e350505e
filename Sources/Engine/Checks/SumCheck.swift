import CaudalModel

/// `sum`: the sum of a column.
struct SumCheck: AggregateCheck {
    static let typeName = "sum"
    static func aggregate(_ value: String, _ type: ColumnType, _ sql: any SQLDialect) -> String {
        sql.sum(of: value, type)
    }
    let column: String
}
