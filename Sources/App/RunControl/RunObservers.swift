import Engine

extension RunServices {
    /// The services that this program opens runs with, including all observers.
    init(opening state: StateFolder, variables: [String: String]) throws(StoreError) {
        try self.init(state: state, variables: variables, observers: Self.observers(of: state, variables))
    }

    /// The observers of the runs of a state folder; a new one is added here.
    private static func observers(of state: StateFolder, _ variables: [String: String]) -> [any RunObserver] { [] }

    /// Gives observers some time to take in what was recorded, and reports those that have not caught up.
    func settleObservers() async {
        for lag in await observers.settle() {
            let words = "observer \(lag.observer) was not told everything: \(lag.reason)"
            Output.error(message: words + "; the next run tells it the rest")
        }
    }
}
