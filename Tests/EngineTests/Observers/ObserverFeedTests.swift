import CaudalModel
import Foundation
import GRDB
import Synchronization
import TestSupport
import Testing

@testable import Engine

@Suite("Observers are fed from the journal", .timeLimit(.minutes(15)))
struct ObserverFeedTests {
    /// A point in time that may come a while later, as long as a test lasts.
    private static let patience = Duration.seconds(60)

    @Test("A new observer hears of what is recorded from then on; one that wants the past hears of everything")
    func beginnings() async throws {
        let runs = try ObservedStore()
        try runs.begin("r1")
        try runs.record("before", of: "r1")
        let (fresh, historian) = (Listener("fresh"), Listener("historian", hearsPast: true))
        let feed = runs.feed(fresh, historian)
        feed.register()
        try runs.record("behind", of: "r1")
        #expect(await feed.settle(within: Self.patience) == [])
        #expect(fresh.texts == ["behind"])
        #expect(historian.texts == ["before", "behind"])
        #expect(historian.events.map(\.id) == ["r1/1", "r1/2"])
        #expect(await feed.settle(within: Self.patience) == [])
        #expect(fresh.texts.count == 1 && historian.texts.count == 2, "nothing comes twice")
    }

    @Test("An event comes with its run, and with the state of the run after it where that is wanted")
    func facts() async throws {
        let runs = try ObservedStore()
        let slot = ScheduleSlot(schedule: "nightly", planned: 0, localDate: "1970-01-01")
        try runs.begin("r1", at: 5, trigger: .schedule(slot))
        let process = ProcessIdentity(pid: 1, startTicks: 1, bootID: "b")
        try runs.record(.runStarted(process), of: "r1", at: 6)
        try runs.record("held", of: "r1", at: 7)
        try runs.record(.runEnded(.failed), of: "r1", at: 8)
        let (listener, plain) = (Listener(hearsPast: true, wantsState: true), Listener("plain", hearsPast: true))
        #expect(await runs.feed(listener, plain).settle(within: Self.patience) == [])
        let events = listener.events
        #expect(events.map(\.event.sequence) == [1, 2, 3] && events.map(\.event.time.wall) == [6, 7, 8])
        #expect(events.map(\.state?.status) == [.running, .running, .failed])
        #expect(events.map { $0.state?.unit(UnitID("a"))?.heldBy } == [nil, "held", "held"])
        #expect(plain.events.allSatisfy { $0.state == nil })
        let run = try #require(events.first).run
        #expect(run.pipeline == "small" && run.environment == "prod" && run.started == 5)
        #expect(run.trigger == .schedule(slot))
    }

    @Test("An observer of some kinds of events is not stopped by a damaged one of another kind")
    func kinds() async throws {
        let runs = try ObservedStore()
        try runs.begin("r1")
        try runs.record("held", of: "r1")
        try runs.record(.paused, of: "r1")
        try await DatabaseQueue(path: runs.store.folder.database).write { db in
            try db.execute(sql: "UPDATE events SET detail = '{' WHERE seq = 1")
        }
        let (some, all) = (Listener("some", hearsPast: true, kinds: ["paused"]), Listener("all", hearsPast: true))
        let lags = await runs.feed(some, all).settle(within: Self.patience)
        #expect(lags.map(\.observer) == ["all"] && some.texts == ["paused"] && all.texts == [])
    }

    @Test("A new run that does not concern an observer is passed over unread; one that is taken up again is read")
    func passingOver() async throws {
        let runs = try ObservedStore()
        let (concerned, other) = (Listener("concerned"), Listener("other", isConcerned: false))
        let feed = runs.feed(concerned, other)
        feed.register()
        for (run, plan) in [("begun", ObservedStore.plan), ("resumed", nil)] as [(RunID, RunPlan?)] {
            try runs.begin(run)
            feed.follow(run, plan: plan) { AsyncStream { $0.finish() } }
            try runs.record("of \(run)", of: run)
        }
        #expect(await feed.settle(within: Self.patience) == [])
        #expect(concerned.texts == ["of begun", "of resumed"])
        #expect(other.texts == ["of resumed"])
        #expect(try runs.store.unobserved(by: "other").isEmpty, "it does not come later either")
        // The same process takes it up again, perhaps with another plan.
        feed.follow("begun", plan: nil) { AsyncStream { $0.finish() } }
        try runs.record("again", of: "begun")
        #expect(await feed.settle(within: Self.patience) == [])
        #expect(other.texts == ["of resumed", "again"])
    }

    @Test("Events of runs that went on side by side come in the order of their times, those of a run in its own")
    func order() async throws {
        let runs = try ObservedStore()
        try runs.begin("r1", at: 10)
        try runs.begin("r2", at: 15)
        try runs.begin("r3", at: 100)
        for (text, run, time) in [
            ("a", "r1", 10), ("b", "r1", 20), ("c", "r1", 40), ("d", "r2", 30), ("e", "r2", 50),
            // The clock was set back.
            ("f", "r3", 100), ("g", "r3", 1), ("h", "r1", 110),
        ] as [(String, RunID, Int64)] {
            try runs.record(text, of: run, at: time)
        }
        let listener = Listener(hearsPast: true)
        #expect(await runs.feed(listener).settle(within: Self.patience) == [])
        #expect(listener.texts == ["a", "b", "d", "c", "e", "f", "g", "h"])
    }

    @Test("More events than are read at once come all, each once and in order")
    func manyEvents() async throws {
        let runs = try ObservedStore()
        try runs.begin("r1")
        var state = RunState(id: "r1", plan: ObservedStore.plan)
        let events = (1...1234).map { number in
            RunEvent(
                sequence: Int64(number), time: Moment(wall: 0, steady: 0),
                change: .unitHeld(UnitID("a"), reason: "\(number)"))
        }
        for event in events { state.apply(event) }
        try runs.store.record(events, remarks: [], of: state)
        let listener = Listener(hearsPast: true)
        #expect(await runs.feed(listener).settle(within: Self.patience) == [])
        #expect(listener.texts == (1...1234).map(String.init))
        #expect(try runs.store.note("count", of: "listener") == "1234")
    }

    @Test("What an observer throws is recorded; the event comes again before those behind it, other runs go on")
    func failures() async throws {
        let runs = try ObservedStore()
        for run in ["r1", "r2"] as [RunID] { try runs.begin(run) }
        for text in ["a", "bad", "c"] { try runs.record(text, of: "r1") }
        for text in ["x", "y"] { try runs.record(text, of: "r2") }
        let isBad = Mutex(true)
        let listener = Listener(hearsPast: true) { event in
            if case .unitHeld(_, "bad") = event.event.change, isBad.withLock({ $0 }) { throw Failure("no such door") }
        }
        let feed = runs.feed(listener)
        let reason = "event r1/2: no such door"
        #expect(await feed.settle(within: Self.patience) == [.init(observer: "listener", reason: reason)])
        #expect(Set(listener.texts) == ["a", "x", "y"])
        let status = try #require(try runs.store.observers().first)
        #expect(status.failures >= 1 && status.failure == reason && status.failedAt == 7)
        #expect(try runs.store.note("count", of: "listener") == "3", "what it noted before it threw is forgotten")

        isBad.withLock { $0 = false }
        #expect(await feed.settle(within: Self.patience) == [])
        #expect(listener.texts.suffix(2) == ["bad", "c"])
        #expect(try runs.store.note("count", of: "listener") == "5")
        let healed = try #require(try runs.store.observers().first)
        #expect(healed.failures == 0 && healed.failure == reason)
    }

    @Test("Notes are seen by the events that follow, and can be listed and taken away")
    func notes() async throws {
        struct Outbox: RunObserver {
            let name = "outbox"
            let hearsPast = true
            func take(_ event: ObservedEvent, _ notes: inout ObserverNotes) async throws {
                guard case .unitHeld(_, let text) = event.event.change else { return }
                if text == "send" {
                    let waiting = try notes.texts(beginning: "out/").values.sorted().joined(separator: "+")
                    for key in try notes.texts(beginning: "out/").keys { notes.keep(nil, key) }
                    notes.keep(waiting, "sent")
                } else {
                    notes.keep(text, "out/\(event.id)")
                }
            }
        }
        let runs = try ObservedStore()
        try runs.begin("r1")
        for text in ["a", "b"] { try runs.record(text, of: "r1") }
        let feed = runs.feed(Outbox())
        #expect(await feed.settle(within: Self.patience) == [])
        #expect(try runs.store.notes(of: "outbox") == ["out/r1/1": "a", "out/r1/2": "b"])
        for text in ["c", "send", "d"] { try runs.record(text, of: "r1") }
        #expect(await feed.settle(within: Self.patience) == [])
        #expect(try runs.store.notes(of: "outbox") == ["sent": "a+b+c", "out/r1/5": "d"])
    }

    @Test("Of several processes that feed one observer, each hands out what the others have not")
    func severalProcesses() async throws {
        let runs = try ObservedStore()
        for run in ["r1", "r2", "r3"] as [RunID] { try runs.begin(run) }
        let listener = Listener(hearsPast: true)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for run in ["r1", "r2", "r3"] as [RunID] {
                let feed = runs.feed(listener, of: try runs.reopened())
                group.addTask {
                    for number in 1...50 {
                        try runs.record("\(number)", of: run)
                        if number.isMultiple(of: 10) { _ = await feed.settle(within: Self.patience) }
                    }
                    #expect(await feed.settle(within: Self.patience) == [])
                }
            }
            try await group.waitForAll()
        }
        #expect(listener.texts.count == 150)
        for run in ["r1", "r2", "r3"] as [RunID] {
            #expect(listener.events.filter { $0.run.id == run }.map(\.event.sequence) == Array(1...50))
        }
        #expect(try runs.store.note("count", of: "listener") == "150")
    }

    @Test("Events that only a newer caudal knows are passed over, and a damaged one holds up its own run alone")
    func strangeRows() async throws {
        let runs = try ObservedStore()
        for run in ["r1", "r2", "r3"] as [RunID] {
            try runs.begin(run)
            for text in ["a", "b"] { try runs.record(text, of: run) }
        }
        let database = try DatabaseQueue(path: runs.store.folder.database)
        try await database.write { db in
            try db.execute(sql: "UPDATE events SET kind = 'teleported' WHERE run = 'r1' AND seq = 2")
            try db.execute(sql: "UPDATE events SET detail = '{' WHERE run = 'r2'")
        }
        let listener = Listener(hearsPast: true)
        let lags = await runs.feed(listener).settle(within: Self.patience)
        #expect(lags.count == 1 && lags.first?.reason.hasPrefix("event r2/1: ") == true, "\(lags)")
        #expect(listener.events.map(\.id) == ["r1/1", "r3/1", "r3/2"])
        #expect(try runs.store.unobserved(by: "listener").map(\.run) == ["r2"])
    }

    @Test("A run that is removed takes its cursors with it")
    func removed() async throws {
        let runs = try ObservedStore()
        try runs.begin("r1")
        try runs.record("a", of: "r1")
        #expect(await runs.feed(Listener(hearsPast: true)).settle(within: Self.patience) == [])
        try runs.store.forget("r1")
        // One of the same name, as no run has it, is heard from its beginning.
        try runs.begin("r1")
        try runs.record("b", of: "r1")
        let listener = Listener(hearsPast: true)
        #expect(await runs.feed(listener).settle(within: Self.patience) == [])
        #expect(listener.texts == ["b"])
    }
}
