import CaudalModel
import Dispatch
import Synchronization

/// What one observer is handed by this process.
///
/// A task works while something is due. It has a thread of its own, so that an observer that waits keeps nothing else
/// waiting, and the lock of the observer, so that no two processes hand it the same.
final class ObserverDelivery: Sendable {
    /// What is to be looked at.
    private struct Round {
        var runs: Set<RunID>
        /// Whether all runs of the store are.
        var isForAll: Bool
    }

    private struct Contents {
        var due = Round(runs: [], isForAll: false)
        /// Runs of this process that do not concern the observer.
        var passedOver: Set<RunID> = []
        var hasBegun = false
        var isWorking = false
        /// Whether a caller waits for the end, so that it does not rest in between.
        var isSettling = false
        var rest: Task<Void, Never>?
        /// Those who wait for the end; they are told why the observer lacks something, nil where it does not.
        var settling: [AsyncStream<String?>.Continuation] = []
        /// How often in a row it has failed.
        var failures = 0
        /// Why the observer was not handed everything.
        var problem: String?
    }

    /// What keeps a round from being finished.
    private enum Obstacle: Error {
        /// Another process has the observer's lock, or the store's.
        case busy
        case failed(String)
    }

    private let observer: any RunObserver
    private let store: RunStore
    private let now: @Sendable () -> Moment
    private let sleep: @Sendable (Duration) async -> Void
    private let thread: ObserverThread
    private let contents = Mutex(Contents())

    /// How long it rests after a round, so that a flood of events does not make a flood of rounds.
    private static let rest = Duration.milliseconds(100)
    /// How long a round may take before other processes may have given up waiting for its end.
    private static let longRound = Duration.seconds(1)

    init(
        to observer: any RunObserver, from store: RunStore, now: @escaping @Sendable () -> Moment,
        sleep: @escaping @Sendable (Duration) async -> Void
    ) {
        self.observer = observer
        self.store = store
        self.now = now
        self.sleep = sleep
        thread = ObserverThread(observer.name)
    }

    func register() throws(StoreError) {
        try store.register(observer: observer.name, hearsPast: observer.hearsPast, at: now())
    }

    // MARK: - What is due

    /// Whether the observer may want to hear of a run.
    func isConcerned(by plan: RunPlan) -> Bool { observer.concerns(plan) }

    /// Makes up for everything that was missed, once in a process.
    ///
    /// `run`: a run of this process; `plan`: its plan, where it only begins.
    func begin(with run: RunID, _ plan: RunPlan?) {
        post { contents in
            // A run that this process takes up again may go on with another plan.
            if let plan, !isConcerned(by: plan) {
                contents.passedOver.insert(run)
            } else {
                contents.passedOver.remove(run)
            }
            if !contents.hasBegun { contents.due.isForAll = true }
            contents.hasBegun = true
        }
    }

    /// Says that something was recorded of a run.
    func wake(for run: RunID) { post { $0.due.runs.insert(run) } }

    /// Waits until everything was handed out that is there now; see ``ObserverFeed/settle(within:)``.
    func settle(within limit: Duration) async -> ObserverFeed.Lag? {
        let (endings, end) = AsyncStream<String?>.makeStream()
        post { contents in
            contents.due.isForAll = true
            contents.isSettling = true
            contents.settling.append(end)
            contents.rest?.cancel()
        }
        // A task of its own: an observer that does not come back cannot be waited for.
        let timer = Task.detached {
            // Cut short by the end of the work, which is what it waits for.
            try? await ContinuousClock().sleep(for: limit)
            end.yield(self.contents.withLock { $0.problem } ?? "it takes too long")
        }
        defer { timer.cancel() }
        for await reason in endings { return reason.map { ObserverFeed.Lag(observer: observer.name, reason: $0) } }
        return nil
    }

    private func post(_ change: (inout Contents) -> Void) {
        let mustBegin = contents.withLock { contents in
            change(&contents)
            let isDue = contents.due.isForAll || !contents.due.runs.isEmpty
            defer { contents.isWorking = contents.isWorking || isDue }
            return isDue && !contents.isWorking
        }
        // A task of its own, which ends when nothing is due: the caller continues at once.
        if mustBegin { Task.detached(executorPreference: thread) { await self.work() } }
    }

    // MARK: - Work

    private func work() async {
        var states: [RunID: RunState] = [:]
        while let round = takeRound() {
            do throws(Obstacle) {
                try await handOut(round, &states)
                contents.withLock { ($0.failures, $0.problem) = (0, nil) }
                await rest(Self.rest)
            } catch {
                guard await restAfter(error, putBack: round) else { return }
            }
        }
    }

    /// What is due now; nil when nothing is, and the work is done.
    private func takeRound() -> Round? {
        contents.withLock { contents in
            guard contents.due.isForAll || !contents.due.runs.isEmpty else {
                endWork(&contents)
                return nil
            }
            defer { contents.due = Round(runs: [], isForAll: false) }
            return contents.due
        }
    }

    private func endWork(_ contents: inout Contents) {
        for end in contents.settling { end.yield(contents.problem) }
        (contents.isWorking, contents.isSettling, contents.settling) = (false, false, [])
    }

    private func rest(_ duration: Duration) async {
        let sleep = sleep
        let rest = contents.withLock { contents -> Task<Void, Never>? in
            if contents.isSettling { return nil }
            // A task of its own, so that ``settle(within:)`` can end it.
            contents.rest = Task { await sleep(duration) }
            return contents.rest
        }
        await rest?.value
        contents.withLock { $0.rest = nil }
    }

    /// Waits after a round that came to nothing.
    ///
    /// - Returns: Whether to continue; false when a caller waits for the end of an observer that fails.
    private func restAfter(_ obstacle: Obstacle, putBack round: Round) async -> Bool {
        contents.withLock { contents in
            contents.due.runs.formUnion(round.runs)
            contents.due.isForAll = contents.due.isForAll || round.isForAll
        }
        guard case .failed(let reason) = obstacle else {
            await sleep(Self.rest)
            return true
        }
        // If the store cannot be written, the caller of `settle` reports the failure.
        try? store.recordFailure(of: observer.name, reason, at: now())
        let (failures, goesOn) = contents.withLock { contents in
            contents.failures += 1
            contents.problem = reason
            if contents.isSettling { endWork(&contents) }
            return (contents.failures, contents.isWorking)
        }
        if goesOn { await rest(.seconds(min(60, 1 << min(failures - 1, 6)))) }
        return goesOn
    }

    /// Hands out what a round is about.
    private func handOut(_ round: Round, _ states: inout [RunID: RunState]) async throws(Obstacle) {
        guard let lock = try ask({ () throws(StoreError) in try store.observerLock(observer.name) }) else {
            throw .busy
        }
        defer { withExtendedLifetime(lock) {} }
        try ask { () throws(StoreError) in try register() }
        var runs = round.isForAll ? nil : round.runs
        while true {
            let begun = ContinuousClock.now
            try await handOut(runs, &states)
            // A process that waited for the lock meanwhile may have left what it recorded to this one.
            if ContinuousClock.now - begun < Self.longRound { break }
            runs = nil
        }
        try ask { () throws(StoreError) in
            let status = try store.observers().first { $0.name == observer.name }
            if let status, status.failures > 0 { try store.clearFailures(of: observer.name) }
        }
    }

    /// Hands out everything that the observer was not handed of some runs, or of all.
    private func handOut(_ runs: Set<RunID>?, _ states: inout [RunID: RunState]) async throws(Obstacle) {
        let unobserved = try ask { () throws(StoreError) in try store.unobserved(by: observer.name, among: runs) }
        let passedOver = contents.withLock { $0.passedOver }
        var merge = JournalMerge(
            unobserved.filter { !passedOver.contains($0.run) }.map { ($0.run, $0.seen) }, in: store)
        var seen = Dictionary(uniqueKeysWithValues: unobserved.map { ($0.run, $0.seen) })
        var step = Step(notes: ObserverNotes(of: observer.name, in: store))
        for unread in unobserved where passedOver.contains(unread.run) {
            step.move(unread.run, from: unread.seen, to: unread.last)
        }
        var faults: [String] = []
        while let item = merge.read() {
            let (run, entry) = (item.run.id, item.entry)
            do {
                try await take(entry, of: item.run, &step.notes, &states)
            } catch {
                // What follows in this run waits for this event; other runs go on.
                faults.append("event \(run)/\(entry.sequence): \(error.reason)")
                states[run] = nil
                merge.leaveOut(run)
                continue
            }
            step.move(run, from: seen[run] ?? 0, to: entry.sequence)
            if step.isDue { try await record(&step, &seen) }
        }
        try await record(&step, &seen)
        // Those of runs that go on are used again; the others may be many.
        states = states.filter { runs?.contains($0.key) == true }
        faults += merge.faults.map { "run \($0.run): \($0.error)" }
        guard let first = faults.first else { return }
        throw .failed(first + (faults.count > 1 ? " (and \(faults.count - 1) more)" : ""))
    }

    /// Hands the observer one event, if it wants it; what it changed in its notes holds only where it does not throw.
    private func take(
        _ entry: JournalEntry, of run: ObservedRun, _ notes: inout ObserverNotes, _ states: inout [RunID: RunState]
    ) async throws {
        guard observer.wantsState || observer.kinds?.contains(entry.kind) ?? true, let event = try entry.event() else {
            return
        }
        if observer.wantsState {
            var state =
                try states.removeValue(forKey: run.id)
                ?? RunState(
                    id: run.id, plan: store.plan(of: run.id),
                    events: store.events(of: run.id).prefix { $0.sequence < event.sequence })
            state.apply(event)
            states[run.id] = state
        }
        guard observer.wants(event.change) else { return }
        var changed = notes
        try await observer.take(ObservedEvent(run: run, event: event, state: states[run.id]), &changed)
        notes = changed
        if case .runEnded = event.change { states[run.id] = nil }
    }

    /// What was handed out and is not recorded yet.
    private struct Step {
        var notes: ObserverNotes
        var cursors: [RunID: (from: Int64, to: Int64)] = [:]
        private var begun = ContinuousClock.now
        private var count = 0

        init(notes: ObserverNotes) { self.notes = notes }

        mutating func move(_ run: RunID, from seen: Int64, to sequence: Int64) {
            cursors[run] = (seen, sequence)
            count += 1
        }

        /// Whether it is time to record it: an effect that takes its time is recorded at once, so that it is seldom made
        /// twice, and many that take none are recorded together.
        var isDue: Bool { count >= 500 || ContinuousClock.now - begun > .milliseconds(20) }
    }

    private func record(_ step: inout Step, _ seen: inout [RunID: Int64]) async throws(Obstacle) {
        guard !step.cursors.isEmpty else { return }
        while true {
            do throws(StoreError) {
                if try store.advance(observer.name, step.cursors, notes: step.notes.changes) { break }
            } catch {
                guard error.problem == .busy else { throw .failed(error.description) }
                // What was handed out already is not to be handed out again for a lock that will be free.
                await sleep(Self.rest)
                continue
            }
            throw .busy
        }
        for (run, cursor) in step.cursors { seen[run] = cursor.to }
        step = Step(notes: ObserverNotes(of: observer.name, in: store))
    }

    /// Asks something of the store.
    private func ask<Value>(_ action: () throws(StoreError) -> Value) throws(Obstacle) -> Value {
        do throws(StoreError) {
            return try action()
        } catch {
            throw error.problem == .busy ? .busy : .failed(error.description)
        }
    }
}

/// The thread on which an observer works and may wait.
private final class ObserverThread: TaskExecutor {
    private let queue: DispatchQueue

    init(_ observer: String) { queue = DispatchQueue(label: "caudal observer \(observer)") }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        queue.async { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }
}
