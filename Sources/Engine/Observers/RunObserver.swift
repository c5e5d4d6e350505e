/// Somebody who hears of everything that happens to the runs of a project, from their journals.
///
/// An observer is handed each event at least once, in the order of its run; events of runs that went on side by side
/// come in the order of their times. An event whose effect was made and whose cursor was not moved, because the process
/// was killed in between, comes again: ``ObservedEvent/id`` tells that it is the same. What an observer keeps in its
/// ``ObserverNotes`` is changed in the transaction that moves the cursor, and so exactly once.
///
/// Observers work apart from runs: however long one takes, and whatever it throws, no run waits for it or fails.
package protocol RunObserver: Sendable {
    /// The name under which the run store has its cursors and notes; under a new name it is a new observer.
    var name: String { get }

    /// Whether an observer that is new to a store is handed what happened before; else it hears of what happens from
    /// then on.
    var hearsPast: Bool { get }

    /// Whether it wants to know how the run stood after each event, which takes reading the run's journal from its
    /// beginning.
    var wantsState: Bool { get }

    /// Whether it is handed events of a kind; the others are passed over.
    func wants(_ change: RunChange) -> Bool

    /// Takes one event in, on a thread where it may wait.
    ///
    /// - Throws: Anything; what it changed in its notes is forgotten then, and the event is handed to it again later,
    ///   before those that came behind it in the run.
    func take(_ event: ObservedEvent, _ notes: inout ObserverNotes) async throws
}

extension RunObserver {
    package var hearsPast: Bool { false }
    package var wantsState: Bool { false }
    package func wants(_ change: RunChange) -> Bool { true }
}

/// An event as an observer is handed it.
package struct ObservedEvent: Sendable {
    package let run: ObservedRun
    package let event: RunEvent
    /// How the run stood after the event, for an observer that wants to know.
    package let state: RunState?

    package init(run: ObservedRun, event: RunEvent, state: RunState? = nil) {
        self.run = run
        self.event = event
        self.state = state
    }

    /// What no other event has, such as `20261128-060000-k3f9/17`: the same whenever the event is handed out.
    package var id: String { "\(run.id)/\(event.sequence)" }
}

/// What an observer remembers in the run store: texts by their keys.
///
/// Changes are seen by the events that follow, and recorded together with the cursors.
package struct ObserverNotes: Sendable {
    private(set) var changes: [String: String?] = [:]
    private let store: RunStore
    private let observer: String

    /// The notes as they were recorded last.
    init(of observer: String, in store: RunStore) {
        self.store = store
        self.observer = observer
    }

    /// The text under a key; nil where there is none.
    package func text(_ key: String) throws(StoreError) -> String? {
        if let change = changes[key] { return change }
        return try store.note(key, of: observer)
    }

    /// The texts under all keys that begin with a text.
    package func texts(beginning prefix: String) throws(StoreError) -> [String: String] {
        var texts = try store.notes(of: observer, beginning: prefix)
        for (key, text) in changes where key.hasPrefix(prefix) { texts[key] = text }
        return texts
    }

    /// Keeps a text under a key; nil takes away what is there.
    package mutating func keep(_ text: String?, _ key: String) { changes[key] = .some(text) }
}
