import Engine
import Foundation

/// What is heard of a run that another process runs.
enum RunUpdate: Sendable {
    case events([RunEvent])
    /// A process holds the run from now on.
    case alive
    /// No process holds the run any more.
    case gone
    /// Something that concerns the run and is no event of it.
    case notice(EventHub.Notice)
    /// The journal cannot be read: nothing more will be heard.
    case fault(StoreError)
}

/// Listens to a run that another process runs, or may run again.
///
/// The journal is asked some times a second whether anything was committed, which costs next to nothing; the process
/// that runs the run knows nothing of it.
struct RunFollower: Sendable {
    /// The run as it stood when the following began; what comes later is news.
    let initial: RunState
    /// The events that made it so.
    let past: [RunEvent]
    /// Whether a process held the run then.
    let isLive: Bool
    private let follower: JournalFollower

    init(_ id: RunID, in store: RunStore) throws(StoreError) {
        // In this order: a run that ends in between has its end among the events.
        isLive = store.folder.run(id).isLive
        past = try store.events(of: id)
        initial = RunState(id: id, plan: try store.plan(of: id), events: past)
        follower = try JournalFollower(id, after: initial.lastSequence, in: store)
    }

    /// What happens from now on; it ends when the task that reads it does, or with a fault of the journal.
    func news() -> AsyncStream<RunUpdate> {
        let (follower, wasLive) = (follower, isLive)
        let (stream, continuation) = AsyncStream<RunUpdate>.makeStream()
        // A task of its own, because reading the journal waits for the disk.
        let task = Task.detached {
            var isLive = wasLive
            do throws(StoreError) {
                while !Task.isCancelled {
                    let news = try follower.look()
                    if news.isLive, !isLive { continuation.yield(.alive) }
                    if !news.events.isEmpty { continuation.yield(.events(news.events)) }
                    if !news.isLive, isLive { continuation.yield(.gone) }
                    isLive = news.isLive
                    // A sleep that is cut short ends the loop.
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
