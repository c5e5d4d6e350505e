import CaudalModel
import Foundation
import Synchronization
import TestSupport

@testable import Engine

/// A run store in a folder of its own, in which tests record runs without running anything.
struct ObservedStore {
    let folder: ScratchFolder
    let store: RunStore

    init() throws {
        folder = try ScratchFolder()
        store = try RunStore(StateFolder(path: folder.path))
    }

    /// Another connection, as another process has it.
    func reopened() throws -> RunStore { try RunStore(store.folder) }

    static let plan = RunPlan(
        pipeline: "small", file: "small.yaml", environment: "prod", maxParallel: 1,
        stages: [PlannedStage(id: "a", type: "command")])

    /// Records the beginning of a run.
    func begin(_ id: RunID, at time: Int64 = 0, trigger: RunTrigger = .manual) throws {
        try store.create(
            RunRecord(id: id, plan: Self.plan, trigger: trigger, started: Moment(wall: time, steady: time)))
    }

    /// Records that an attempt is held up, with a text by which a test knows the event.
    func record(_ text: String, of run: RunID, at time: Int64 = 0) throws {
        try record(.unitHeld(UnitID("a"), reason: text), of: run, at: time)
    }

    func record(_ change: RunChange, of run: RunID, at time: Int64 = 0) throws {
        var state = RunState(id: run, plan: Self.plan, events: try store.events(of: run))
        let event = RunEvent(
            sequence: state.lastSequence + 1, time: Moment(wall: time, steady: time), change: change)
        state.apply(event)
        try store.record([event], remarks: [], of: state)
    }

    /// What hands events to observers, without waiting between two tries.
    func feed(_ observers: any RunObserver..., of store: RunStore? = nil) -> ObserverFeed {
        ObserverFeed(
            observers, of: store ?? self.store, now: { Moment(wall: 7, steady: 7) }, sleep: { _ in await Task.yield() })
    }
}

/// Keeps what it was handed, and fails when a test wants it to.
final class Listener: RunObserver {
    let name: String
    let hearsPast: Bool
    let wantsState: Bool
    let kinds: Set<String>?
    private let concern: Bool
    private let heard = Mutex<[ObservedEvent]>([])
    private let failure: @Sendable (ObservedEvent) throws -> Void

    init(
        _ name: String = "listener", hearsPast: Bool = false, wantsState: Bool = false,
        kinds: Set<String>? = nil, isConcerned: Bool = true,
        failure: @escaping @Sendable (ObservedEvent) throws -> Void = { _ in }
    ) {
        (self.name, self.hearsPast, self.wantsState, self.failure) = (name, hearsPast, wantsState, failure)
        (self.kinds, concern) = (kinds, isConcerned)
    }

    func concerns(_ plan: RunPlan) -> Bool { concern }

    func take(_ event: ObservedEvent, _ notes: inout ObserverNotes) async throws {
        // Counted before it may fail: what is counted then must be forgotten.
        notes.keep(String((Int(try notes.text("count") ?? "") ?? 0) + 1), "count")
        try failure(event)
        heard.withLock { $0.append(event) }
    }

    var events: [ObservedEvent] { heard.withLock { $0 } }
    /// The texts of what it heard.
    var texts: [String] {
        events.map { event in
            if case .unitHeld(_, let reason) = event.event.change { reason } else { "\(event.event.change)" }
        }
    }
}
