import Engine
import Foundation

/// A run as the dashboard sees it, whichever process runs it.
struct ShownRun: Sendable {
    /// The run as it stood when it was opened.
    let initial: RunState
    let folder: RunFolder
    /// Whether this process runs it, so that leaving the screen is a decision.
    let isOwn: Bool
    /// Whether any process held it when it was opened.
    let isLive: Bool
    /// What happens from then on, for one reader; listened to from the beginning, so that nothing is missed between.
    let news: AsyncStream<RunUpdate>
    /// Asks something of the run; nil when no process runs it.
    let send: @Sendable (RunCommand) async throws(Failure) -> CommandAnswer?
    /// Finds out what taking the run up again comes to when no process runs it.
    let reopening: @Sendable (RunState) throws -> ReopenPreview

    /// A run of this process; made before it begins, it hears everything.
    init(_ session: RunSession) {
        let engine = session.engine
        (initial, folder, isOwn, isLive) = (session.initial, session.folder, true, true)
        let (batches, notices) = (engine.hub.batches(), engine.hub.notices())
        let (stream, continuation) = AsyncStream<RunUpdate>.makeStream()
        // A task of its own, off the main actor: waking it for every batch would cost more than drawing.
        let task = Task.detached {
            async let heard: Void = { for await notice in notices { continuation.yield(.notice(notice)) } }()
            for await events in batches { continuation.yield(.events(events)) }
            await heard
            continuation.finish()
        }
        continuation.onTermination = { _ in task.cancel() }
        news = stream
        send = { command async throws(Failure) in await engine.send(command, by: Operator.name) }
        // Not asked for: this process runs it.
        reopening = { ReopenPreview(state: $0, file: $0.plan.file, change: nil) }
    }

    /// A run that another process runs, or that none does.
    init(
        _ follower: RunFollower, folder: RunFolder, reopening: @escaping @Sendable (RunState) throws -> ReopenPreview
    ) {
        (self.folder, self.reopening) = (folder, reopening)
        (initial, isOwn, isLive) = (follower.initial, false, follower.isLive)
        news = follower.news()
        send = { command async throws(Failure) in
            try await ControlClient(folder).ask(command, by: Operator.here("dashboard"))
        }
    }
}
