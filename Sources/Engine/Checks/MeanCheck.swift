import CaudalModel

/// `mean`: the mean of a column.
struct MeanCheck: AggregateCheck {
    static let typeName = "mean"
    static func aggregate(_ value: String, _ type: ColumnType, _ sql: any SQLDialect) -> String {
        sql.mean(of: value, type)
    }
    let column: String
}
