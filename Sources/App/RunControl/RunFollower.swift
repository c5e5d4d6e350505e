import CaudalModel
import Engine
import Foundation

/// An update about a run.
enum RunUpdate: Sendable {
    case events([RunEvent])
    /// A process has started to run the run.
    case alive
    /// The process that ran the run has ended.
    case gone
    /// A message about the run that is not one of its events.
    case notice(EventHub.Notice)
    /// What is known of the run may not be true any more: its journal cannot be read, or is another one.
    case fault(StoreError)
    /// The run's session in this process has ended with an error; this is the last update.
    case failed(StoreError)
}

/// Follows a run that another process runs, or may reopen.
///
/// It polls the journal for new commits several times a second, which is cheap and does not involve the process that
/// runs the run.
struct RunFollower: Sendable {
    /// The state of the run when following began; later events are updates.
    let initial: RunState
    /// The events up to that state.
    let past: [RunEvent]
    /// Whether the run was live then.
    let isLive: Bool
    /// Where it is recorded.
    let store: RunStore
    private let follower: JournalFollower

    init(_ id: RunID, in store: RunStore) throws(StoreError) {
        self.store = store
        // In this order, so that the end of a run that ends in between is among the events.
        isLive = store.folder.run(id).isLive
        past = try store.events(of: id)
        initial = RunState(id: id, plan: try store.plan(of: id), events: past)
        follower = try JournalFollower(id, after: initial.lastSequence, in: store)
    }

    /// The updates from now on.
    ///
    /// The stream ends with the task that reads it, or after a fault of the journal.
    func updates() -> AsyncStream<RunUpdate> {
        let (follower, wasLive) = (follower, isLive)
        let (stream, continuation) = AsyncStream<RunUpdate>.makeStream()
        // A detached task, because reading the journal waits for the disk.
        let task = Task.detached {
            var isLive = wasLive
            do throws(StoreError) {
                while !Task.isCancelled {
                    let update = try follower.look()
                    if update.isLive, !isLive { continuation.yield(.alive) }
                    if !update.events.isEmpty { continuation.yield(.events(update.events)) }
                    if !update.isLive, isLive { continuation.yield(.gone) }
                    isLive = update.isLive
                    // A cancelled sleep ends the loop.
                    try? await Task.sleep(for: JournalFollower.pause(isLive: isLive))
                }
            } catch {
                continuation.yield(.fault(error))
            }
            continuation.finish()
        }
        continuation.onTermination = { _ in task.cancel() }
        return stream
    }
}
