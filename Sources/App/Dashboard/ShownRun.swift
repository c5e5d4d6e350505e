import CaudalModel
import Engine
import Foundation

/// A run for the dashboard, whichever process runs it.
struct ShownRun: Sendable {
    /// The state of the run when it was opened.
    let initial: RunState
    let folder: RunFolder
    /// Whether this process runs it, so that leaving the screen needs a decision.
    let isOwn: Bool
    /// Whether the run was live when it was opened.
    let isLive: Bool
    /// The updates from then on, for one reader; subscribed when the run was opened, so that none is missed.
    let updates: AsyncStream<RunUpdate>
    /// Tells the reader of the updates what keeps the run from going on, or from being followed.
    let report: @Sendable (RunUpdate) -> Void
    /// Sends a command to the run; returns nil if the run is not live.
    let send: @Sendable (RunCommand) async throws(ControlError) -> CommandAnswer?
    /// How often a unit that failed had failed before in the same way, in words.
    let failureWords: @Sendable (UnitID, UnitState, RunState) throws(StoreError) -> String?
    /// Looks up what the inspector shows besides the state of the run.
    let details: @Sendable (UnitDetails.Key, RunState, RunFolder) -> UnitDetails
    /// The files that it needs besides; nil for one that is only looked at.
    let files: RunFiles?
    /// The runs of the same project.
    let past: PastRuns
    /// The run as it went, if it is shown so.
    var replay: RunReplay?

    /// A run of this process; created before the run begins, so that it gets all events.
    init(_ session: RunSession, in store: RunStore, _ files: RunFiles) {
        let engine = session.engine
        (initial, folder, isOwn, isLive) = (session.initial, session.folder, true, true)
        let (batches, notices) = (engine.hub.batches(), engine.hub.notices())
        let (stream, continuation) = AsyncStream<RunUpdate>.makeStream()
        // A detached task: waking the main actor for every batch would cost more than drawing.
        // It does not end before its reader: what the session failed of may come last.
        let (id, report) = (session.id, { @Sendable (update: RunUpdate) in _ = continuation.yield(update) })
        let task = Task.detached {
            async let heard: Void = { for await notice in notices { continuation.yield(.notice(notice)) } }()
            async let _: Void = { if let error = await store.loss(of: id) { report(.fault(error)) } }()
            for await events in batches { continuation.yield(.events(events)) }
            await heard
        }
        continuation.onTermination = { _ in task.cancel() }
        (updates, self.report) = (stream, report)
        send = { command async throws(ControlError) in await engine.send(command, by: Operator.name) }
        (failureWords, past) = (Self.failureWords(in: store), PastRuns(store: store, files: files))
        details = { [places = StagePlaces()] in UnitDetails($0, of: $1, in: $2, store, places) }
        self.files = files
    }

    /// A run of another process, or one that is not live.
    init(_ follower: RunFollower, folder: RunFolder, _ files: RunFiles?) {
        (self.folder, self.files) = (folder, files)
        (initial, isOwn, isLive) = (follower.initial, false, follower.isLive)
        (updates, report) = (follower.updates(), { _ in })
        (failureWords, past) = (Self.failureWords(in: follower.store), PastRuns(store: follower.store, files: files))
        let store = follower.store
        details = { [places = StagePlaces()] in UnitDetails($0, of: $1, in: $2, store, places) }
        send = { command async throws(ControlError) in
            try await ControlClient(folder).ask(command, by: Operator.sender(via: "dashboard"))
        }
    }

    /// A run that has ended, shown as it went.
    init(replaying follower: RunFollower, folder: RunFolder) throws(StoreError) {
        let run = follower.initial
        let replay = RunReplay(run.id, try follower.store.plan(of: run.id), follower.past)
        (self.folder, self.replay, initial, isOwn, isLive) = (folder, replay, replay.run, false, true)
        (updates, report) = (AsyncStream { $0.finish() }, { _ in })
        (failureWords, past) = (Self.failureWords(in: follower.store), PastRuns(store: follower.store, files: nil))
        details = { [store = follower.store, places = StagePlaces()] in UnitDetails($0, of: $1, in: $2, store, places) }
        // Never used, because a replay is read-only.
        send = { _ in nil }
        files = nil
    }

    private static func failureWords(
        in store: RunStore
    ) -> @Sendable (UnitID, UnitState, RunState) throws(StoreError) -> String? {
        { id, unit, run throws(StoreError) in try store.failureHistory(of: id, unit, in: run)?.words(in: .current) }
    }
}

extension ShownRun {
    /// Previews the reopening of the run.
    ///
    /// - Throws: What makes the pipeline file unusable.
    func previewReopening(_ run: RunState) throws -> ReopenPreview {
        try files?.previewReopening(run) ?? ReopenPreview(state: run, file: run.plan.file, change: nil)
    }
}
