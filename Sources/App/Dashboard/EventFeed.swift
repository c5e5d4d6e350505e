import Synchronization

/// Collects updates of a run until the screen is ready to draw them.
final class EventFeed: Sendable {
    private let updates = Mutex<[RunUpdate]>([])
    private let handler = Mutex<(@Sendable () -> Void)?>(nil)

    /// Called when an update arrives and none was pending.
    var onPost: (@Sendable () -> Void)? {
        get { handler.withLock { $0 } }
        set { handler.withLock { $0 = newValue } }
    }

    func post(_ update: RunUpdate) {
        let isFirst = updates.withLock { updates -> Bool in
            defer { updates.append(update) }
            return updates.isEmpty
        }
        if isFirst { onPost?() }
    }

    func drain() -> [RunUpdate] {
        updates.withLock { updates in
            defer { updates = [] }
            return updates
        }
    }
}
