import CaudalModel

/// `mean`: the mean of a column.
struct MeanCheck: AggregateCheck {
    static let typeName = "mean"
    static let function = "avg"
    let column: String
}
