extension RunCommand {
    /// What was asked for, such as `retry publish` and `mark load succeeded`.
    package var words: String {
        switch self {
        case .retry(let stage, let downstream): "retry \(stage)" + (downstream ? " and downstream" : "")
        case .retryItems(let stage, let items, let downstream):
            "retry \(stage)[" + items.prefix(3).map(\.rawValue).joined(separator: ", ")
                + (items.count > 3 ? ", …" : "") + "]" + (downstream ? " and downstream" : "")
        case .retryStages(let stages): "retry " + stages.map(\.rawValue).joined(separator: ", ")
        case .retryFailed: "retry what failed"
        case .mark(let unit, let outcome, _): "mark \(unit) \(outcome.rawValue)"
        case .cancel(let unit): "cancel \(unit)"
        case .cancelRun: "cancel"
        case .pause: "pause"
        case .unpause: "unpause"
        case .setLimit(let limit, let number): "set \(limit.name) to \(number)"
        }
    }
}
