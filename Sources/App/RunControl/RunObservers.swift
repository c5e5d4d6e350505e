import Engine

extension RunServices {
    /// The services that this program opens runs with, including all observers.
    init(opening state: StateFolder, variables: [String: String]) throws(StoreError) {
        try self.init(
            state: state, variables: variables, observers: Self.observers(of: state, variables), notifies: true)
    }

    /// The observers of the runs of a state folder; a new one is added here.
    private static func observers(of state: StateFolder, _ variables: [String: String]) -> [any RunObserver] { [] }

    /// Gives observers some time to take in what was recorded, and reports those that have not caught up; then sends what is
    /// to be told, and waits for what is being sent.
    func settleObservers() async {
        for lag in await observers.settle() {
            let words = "observer \(lag.observer) was not told everything: \(lag.reason)"
            Output.error(message: words + "; the next run tells it the rest")
        }
        await outbox.settle(within: .seconds(5))
        await outbox.close()
        // A store that cannot be read has been reported with the run.
        guard let left = try? store.deliveries(in: [.waiting], limit: 100), let first = left.last else { return }
        Output.error(
            message: "\(left.count.counted("notification")) could not be sent yet (\(first.channel.kind): "
                + "\(first.failure ?? "not tried")); the next run tries again, or 'caudal notify send'")
    }
}
