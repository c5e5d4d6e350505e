import CaudalModel

/// The events of several runs in the order of their times; those of one run stay in the order of its journal.
///
/// A run is opened when the time of its beginning has come, and only some events of it are in memory at once: however
/// many runs there are to read, those count that went on side by side.
struct JournalMerge: Sendable {
    /// An entry with its run.
    struct Item: Sendable {
        var run: ObservedRun
        var entry: JournalEntry
    }

    /// Reads the journals.
    private struct Source: Sendable {
        let run: ObservedRun
        var page: ArraySlice<JournalEntry>
        var last: Int64
    }

    private let store: RunStore
    /// The runs that were not opened yet, in the order in which they began, with the last event that is known of each.
    private var waiting: ArraySlice<(run: RunID, seen: Int64)>
    /// The first of those, once it was looked at.
    private var next: Source?
    private var open: [Source] = []
    /// Runs that cannot be read, and why.
    private(set) var faults: [(run: RunID, error: StoreError)] = []

    /// How many events of a run are read at once.
    private static let pageSize = 200

    /// `runs`: in the order in which they began, each with the last event that is known already.
    init(_ runs: [(run: RunID, seen: Int64)], in store: RunStore) {
        self.store = store
        waiting = runs[...]
    }

    /// The next entry; nil at the end of all.
    mutating func read() -> Item? {
        while true {
            lookAhead()
            let first = open.indices.min { time(of: open[$0]) < time(of: open[$1]) }
            if let begun = next, first.map({ begun.run.started <= time(of: open[$0]) }) ?? true {
                open.append(begun)
                next = nil
                continue
            }
            guard let first else { return nil }
            guard let entry = open[first].page.popFirst() else { preconditionFailure("an open run has an entry") }
            let run = open[first].run
            open[first].last = entry.sequence
            refill(first)
            return Item(run: run, entry: entry)
        }
    }

    /// Takes no more of a run.
    mutating func leaveOut(_ run: RunID) { open.removeAll { $0.run.id == run } }

    private func time(of source: Source) -> Int64 { source.page.first?.time.wall ?? .max }

    /// Finds the next run that has something to read.
    private mutating func lookAhead() {
        while next == nil, let (id, seen) = waiting.popFirst() {
            do throws(StoreError) {
                // A run may have been removed meanwhile.
                guard let run = try store.observedRun(id) else { continue }
                let page = try store.journal(of: id, after: seen, limit: Self.pageSize)
                if !page.isEmpty { next = Source(run: run, page: page[...], last: seen) }
            } catch {
                faults.append((id, error))
            }
        }
    }

    /// Reads on in a run, which leaves the open ones at its end.
    private mutating func refill(_ index: Int) {
        guard open[index].page.isEmpty else { return }
        let id = open[index].run.id
        do throws(StoreError) {
            open[index].page = try store.journal(of: id, after: open[index].last, limit: Self.pageSize)[...]
        } catch {
            faults.append((id, error))
        }
        if open[index].page.isEmpty { open.remove(at: index) }
    }
}
