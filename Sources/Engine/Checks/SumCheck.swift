import CaudalModel

/// `sum`: the sum of a column.
struct SumCheck: AggregateCheck {
    static let typeName = "sum"
    static let function = "sum"
    let column: String
}
