import Engine

extension RunServices {
    /// What this program needs to open runs: with everybody who hears of them.
    init(opening state: StateFolder, variables: [String: String]) throws(StoreError) {
        try self.init(state: state, variables: variables, observers: Self.observers(of: state, variables))
    }

    /// Who hears of the runs of a state folder; a new observer is listed here.
    private static func observers(of state: StateFolder, _ variables: [String: String]) -> [any RunObserver] { [] }

    /// Lets observers take in what was recorded, for a while, and says which of them lack something.
    func settleObservers() async {
        for lag in await observers.settle() {
            let words = "observer \(lag.observer) was not told everything: \(lag.reason)"
            Output.error(message: words + "; the next run tells it the rest")
        }
    }
}
