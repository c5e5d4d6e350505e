package import CaudalModel

/// Hands observers what the journals of a project's runs hold, and remembers how far each has come.
///
/// Each observer has its own deliveries, so that none waits for another one. With its first run the process also makes
/// up for what observers have missed: events of runs whose process was killed, or ended before they were done.
package final class ObserverFeed: Sendable {
    /// An observer that was not handed everything.
    package struct Lag: Sendable, Hashable {
        package var observer: String
        package var reason: String
    }

    private let deliveries: [ObserverDelivery]

    /// `sleep`: waits between two tries, and ends early when its task is cancelled.
    package init(
        _ observers: [any RunObserver], of store: RunStore, now: @escaping @Sendable () -> Moment,
        // The sleep is cut short on purpose.
        sleep: @escaping @Sendable (Duration) async -> Void = { try? await ContinuousClock().sleep(for: $0) }
    ) {
        deliveries = observers.map { ObserverDelivery(to: $0, from: store, now: now, sleep: sleep) }
    }

    /// Makes observers known to the store before something happens: those that are new hear of what follows.
    package func register() {
        // Where that fails, it is tried again when there is something to hand out, and recorded then.
        for delivery in deliveries { try? delivery.register() }
    }

    /// Hands out what a run of this process records from now on, and what was missed before.
    ///
    /// `plan`: that of a run that only begins; observers whom it does not concern hear nothing of it.
    /// `news`: ends with the run; what it brings only says that something was recorded.
    package func follow(_ run: RunID, plan: RunPlan?, _ news: () -> AsyncStream<[RunEvent]>) {
        guard !deliveries.isEmpty else { return }
        let (deliveries, news) = (deliveries, news())
        for delivery in deliveries { delivery.begin(with: run, plan) }
        let concerned = deliveries.filter { delivery in plan.map(delivery.isConcerned(by:)) ?? true }
        // A task of its own: nothing waits for it, and it ends with the run.
        Task.detached {
            for await _ in news {
                for delivery in concerned { delivery.wake(for: run) }
            }
            for delivery in deliveries { delivery.wake(for: run) }
        }
    }

    /// Waits until every observer has everything that was recorded before the call, also by other processes.
    ///
    /// `limit`: how long at most; what an observer has not by then comes with the next start.
    /// - Returns: The observers that lack something, and why.
    package func settle(within limit: Duration = .seconds(5)) async -> [Lag] {
        await withTaskGroup(of: Lag?.self) { group in
            for delivery in deliveries { group.addTask { await delivery.settle(within: limit) } }
            return await group.reduce(into: []) { $0 += [$1].compactMap(\.self) }.sorted { $0.observer < $1.observer }
        }
    }
}
