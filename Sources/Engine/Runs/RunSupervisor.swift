package import CaudalModel
import DequeModule
import Synchronization

/// A run that a supervisor carries through, whichever process works on it.
package protocol SupervisedRun: Sendable {
    /// Which run it is.
    var id: RunID { get }

    /// Runs until everything has ended.
    ///
    /// - Throws: What kept the run from being recorded.
    func runToEnd() async throws -> RunState

    /// Asks it to stop everything; its end is the answer.
    func cancel(by: String) async

    /// Waits until the run has ended or was given up.
    func waitForEnd() async
}

extension RunSession: SupervisedRun {
    package func runToEnd() async throws -> RunState { try await run() }
    package func cancel(by: String) async { _ = await engine.send(.cancelRun, by: by) }
    package func waitForEnd() async { await engine.waitForEnd() }
}

/// What became of an order to a supervisor.
package enum SupervisedEnding: Sendable {
    /// Its run has ended.
    case ended(RunState)
    /// There was nothing to run, for a reason in words.
    case skipped(String)
    /// It had no run yet when all were stopped.
    case stopped
    /// Its run could not be opened, or not be recorded to its end: then it has an id.
    case failed(RunID?, any Error)
}

/// Carries many runs through in one process, so many at once: it starts them in the order in which they were ordered,
/// can stop all of them, and tells what became of each.
///
/// `Key`: what the orders are told apart by.
package final class RunSupervisor<Key: Sendable>: Sendable {
    /// Opens a run and lets the supervisor carry it through: see ``Place/run(_:)``.
    ///
    /// What it holds until it returns, such as a lock, it holds until the run has ended.
    package typealias Work = @Sendable (Place) async throws -> SupervisedEnding

    /// Where an order runs its run.
    package struct Place: Sendable {
        fileprivate let supervisor: RunSupervisor
        fileprivate let opened = Opened()

        /// Runs until the end; stopping all runs stops this one too.
        ///
        /// - Throws: What kept the run from being recorded.
        package func run(_ run: any SupervisedRun) async throws -> SupervisedEnding {
            opened.id.withLock { $0 = run.id }
            supervisor.add(run)
            defer { supervisor.remove(run) }
            return .ended(try await run.runToEnd())
        }
    }

    /// The run that an order has opened.
    fileprivate final class Opened: Sendable {
        let id = Mutex<RunID?>(nil)
    }

    private struct Order {
        var key: Key
        var work: Work
    }

    private struct Contents {
        var waiting: Deque<Order> = []
        var isClosed = false
        var live: [RunID: any SupervisedRun] = [:]
        /// Who wants everything to stop.
        var stopper: String?
    }

    /// What the loop is woken for.
    private enum Message: Sendable {
        case changed
        case ended(Key, SupervisedEnding)
    }

    private let limit: Int
    private let contents = Mutex(Contents())
    /// The buffer has no limit: an order has two messages.
    private let messages: AsyncStream<Message>
    private let message: AsyncStream<Message>.Continuation

    /// `limit`: how many runs there are at once.
    package init(limit: Int) {
        precondition(limit > 0, "a supervisor of no runs waits for ever")
        self.limit = limit
        (messages, message) = AsyncStream<Message>.makeStream(bufferingPolicy: .unbounded)
    }

    /// Orders a run, which begins when its turn has come.
    package func order(_ key: Key, _ work: @escaping Work) {
        contents.withLock { $0.waiting.append(Order(key: key, work: work)) }
        message.yield(.changed)
    }

    /// Says that no more orders come: ``run(ended:)`` returns once all have ended.
    package func close() {
        contents.withLock { $0.isClosed = true }
        message.yield(.changed)
    }

    /// Carries out what was and is ordered, until it was closed and everything has ended; it is called once.
    ///
    /// `ended`: told what became of each order, as soon as it is known.
    package func run(ended: (Key, SupervisedEnding) -> Void) async {
        await withDiscardingTaskGroup { group in
            var running = 0
            for await message in messages {
                if case .ended(let key, let ending) = message {
                    running -= 1
                    ended(key, ending)
                }
                while running < limit, let order = contents.withLock({ $0.waiting.popFirst() }) {
                    running += 1
                    group.addTask { self.message.yield(.ended(order.key, await self.carryOut(order))) }
                }
                if running == 0, contents.withLock({ $0.isClosed && $0.waiting.isEmpty }) { return }
            }
        }
    }

    private func carryOut(_ order: Order) async -> SupervisedEnding {
        if isStopping { return .stopped }
        let place = Place(supervisor: self)
        do {
            return try await order.work(place)
        } catch {
            return .failed(place.opened.id.withLock { $0 }, error)
        }
    }

    // MARK: - Stopping

    /// Whether all runs are being stopped.
    package var isStopping: Bool { contents.withLock { $0.stopper != nil } }

    /// Stops all runs, and lets no more begin; it does not wait, and may be called on any thread.
    package func stopAll(by stopper: String) {
        let runs = contents.withLock { contents in
            contents.stopper = contents.stopper ?? stopper
            return Array(contents.live.values)
        }
        // Nothing waits for the answers: the ends of the runs are the answers.
        for run in runs { Task.detached { await run.cancel(by: stopper) } }
    }

    /// Waits until no run goes on that did when it was called.
    package func waitForEnd() async {
        for run in contents.withLock({ Array($0.live.values) }) { await run.waitForEnd() }
    }

    private func add(_ run: any SupervisedRun) {
        let stopper = contents.withLock { contents in
            contents.live[run.id] = run
            return contents.stopper
        }
        if let stopper { Task.detached { await run.cancel(by: stopper) } }
    }

    private func remove(_ run: any SupervisedRun) { contents.withLock { $0.live[run.id] = nil } }
}
