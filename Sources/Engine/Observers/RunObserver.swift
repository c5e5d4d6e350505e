package import CaudalModel

/// Receives every event of the runs of a project, from their journals.
///
/// An observer receives each event at least once, in the order of its run; events of concurrent runs come in the order
/// of their times. An event comes again when the process was killed after its effect and before its cursor was moved;
/// ``ObservedEvent/id`` identifies it. What an observer keeps in its
/// ``ObserverNotes`` is changed in the transaction that moves the cursor, and so exactly once.
///
/// Observers work apart from runs: however long one takes, and whatever it throws, no run waits for it or fails.
package protocol RunObserver: Sendable {
    /// The name under which the run store has its cursors and notes; under a new name it is a new observer.
    var name: String { get }

    /// Whether an observer that is new to a store receives the events before it, or only those from then on.
    var hearsPast: Bool { get }

    /// Whether it needs the state of the run after each event, for which the run's journal is read from its beginning.
    var wantsState: Bool { get }

    /// The kinds of events that it may want, as ``EventRow`` names them; nil for all. Others are not even decoded.
    var kinds: Set<String>? { get }

    /// Whether a run with this plan can bring it anything; the events of others are not even read.
    func concerns(_ plan: RunPlan) -> Bool

    /// Whether it receives events of a kind; all others are skipped.
    func wants(_ change: RunChange) -> Bool

    /// Handles one event, on a thread that it may block.
    ///
    /// - Throws: Any error; the changes of its notes are dropped then, and it receives the event again later, before the
    ///   following events of the run.
    func take(_ event: ObservedEvent, _ notes: inout ObserverNotes) async throws
}

extension RunObserver {
    package var hearsPast: Bool { false }
    package var wantsState: Bool { false }
    package var kinds: Set<String>? { nil }
    package func concerns(_ plan: RunPlan) -> Bool { true }
    package func wants(_ change: RunChange) -> Bool { true }
}

/// An event as an observer receives it.
package struct ObservedEvent: Sendable {
    package let run: ObservedRun
    package let event: RunEvent
    /// The state of the run after the event, for an observer that needs it.
    package let state: RunState?

    package init(run: ObservedRun, event: RunEvent, state: RunState? = nil) {
        self.run = run
        self.event = event
        self.state = state
    }

    /// Identifies the event, such as `20261128-060000-k3f9/17`; the same each time it is delivered.
    package var id: String { "\(run.id)/\(event.sequence)" }
}

/// What an observer keeps in the run store: texts by keys.
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
