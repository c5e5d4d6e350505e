import CaudalModel
import Foundation
import TestSupport
import Testing

@testable import Engine

@Suite("The outbox", .timeLimit(.minutes(15)))
struct DeliveriesTests {
    private static func delivery(_ id: String, to target: String = "t", at time: Int64 = 10) -> Delivery {
        Delivery(
            id: id, event: "e-\(id)", occasion: .failed, pipeline: "p", run: "r1", stage: "a", target: target,
            channel: NotificationChannel(kind: "file", settings: ["path": "x"]), file: "p.yaml", root: "/",
            notice: "{}",
            created: time)
    }

    /// A process that there is not any more.
    private static let dead = ProcessIdentity(pid: 999_999_999, startTicks: 1, bootID: ProcessTable.bootID)

    private static func store() throws -> (RunStore, ScratchFolder) {
        let folder = try ScratchFolder()
        return (try RunStore(StateFolder(path: folder.path)), folder)
    }

    @Test("What is added twice is there once")
    func twice() throws {
        let (store, folder) = try Self.store()
        defer { withExtendedLifetime(folder) {} }
        #expect(try store.add([Self.delivery("1"), Self.delivery("2")]) == 2)
        #expect(try store.add([Self.delivery("2"), Self.delivery("3")]) == 1)
        #expect(try store.deliveries(of: "r1").map(\.id) == ["1", "2", "3"])
    }

    @Test("What is for one target is taken in order, one at a time; other targets do not wait")
    func order() throws {
        let (store, folder) = try Self.store()
        defer { withExtendedLifetime(folder) {} }
        try store.add([Self.delivery("1"), Self.delivery("2"), Self.delivery("3", to: "other")])
        let own = ProcessTable.own
        #expect(try store.takeDelivery(for: own, at: 10)?.delivery.id == "1")
        #expect(try store.takeDelivery(for: own, at: 10)?.delivery.id == "3")
        #expect(try store.takeDelivery(for: own, at: 10) == nil)
        try store.recordSent("1", at: 11)
        #expect(try store.takeDelivery(for: own, at: 11)?.delivery.id == "2")
    }

    @Test("What failed is tried when its time has come, before what follows for its target")
    func later() throws {
        let (store, folder) = try Self.store()
        defer { withExtendedLifetime(folder) {} }
        try store.add([Self.delivery("1"), Self.delivery("2")])
        let own = ProcessTable.own
        _ = try store.takeDelivery(for: own, at: 10)
        try store.recordFailure("no answer", of: "1", next: 500, at: 20)
        #expect(try store.takeDelivery(for: own, at: 499) == nil)
        #expect(try store.nextDelivery() == 500)
        // It is let go before the next one is taken.
        do {
            let taken = try #require(try store.takeDelivery(for: own, at: 500))
            #expect(taken.delivery.id == "1" && taken.delivery.tries == 1 && taken.delivery.failure == "no answer")
            #expect(!taken.isTakenOver)
        }
        try store.recordFailure("gone", of: "1", next: nil, at: 600)
        #expect(try store.takeDelivery(for: own, at: 600)?.delivery.id == "2")
        let ended = try #require(try store.deliveries(in: [.givenUp], limit: 9).first)
        #expect(ended.id == "1" && ended.failure == "gone" && ended.tries == 2 && ended.done == 600)
    }

    @Test("What a process took is taken over when it has died, and not before")
    func takeover() throws {
        let (store, folder) = try Self.store()
        defer { withExtendedLifetime(folder) {} }
        try store.add([Self.delivery("1")])
        #expect(try store.takeDelivery(for: Self.dead, at: 10) != nil)
        let taken = try #require(try store.takeDelivery(for: ProcessTable.own, at: 10))
        #expect(taken.delivery.id == "1" && taken.isTakenOver)
        #expect(try store.takeDelivery(for: Self.dead, at: 10) == nil)
        #expect(try store.nextDelivery() == nil)
    }

    @Test("What a process of another container is sending is not taken over while that lives, and then it is")
    func otherContainer() throws {
        let (store, folder) = try Self.store()
        defer { withExtendedLifetime(folder) {} }
        try store.add([Self.delivery("1"), Self.delivery("2", to: "other")])
        let other = try RunStore(StateFolder(path: folder.path))
        var taken = try other.takeDelivery(for: Self.dead, at: 10)
        #expect(taken?.delivery.id == "1")
        #expect(
            try store.takeDelivery(for: ProcessTable.own, at: 10)?.delivery.id == "2", "it cannot be seen, and lives")
        #expect(try store.takeDelivery(for: ProcessTable.own, at: 10) == nil)
        #expect(try store.nextDelivery() == nil)
        taken = nil
        #expect(taken == nil)
        #expect(try store.takeDelivery(for: ProcessTable.own, at: 10)?.isTakenOver == true)
    }

    @Test("A line is written into no data, and not into the pipeline file, whatever its path has become")
    func data() async throws {
        let (store, folder) = try Self.store()
        let project = try ScratchFolder()
        defer { withExtendedLifetime(folder) {} }
        var result = AttemptResult.succeeded
        result.artifacts = [
            Artifact(dataset: "o", path: "out", sizeInBytes: 1, rowCount: nil, columns: [], contentHash: nil)
        ]
        result.reads = [InputVersion(dataset: "i", path: "in.csv", sizeInBytes: 1, contentHash: nil)]
        let plan = RunPlan(pipeline: "p", maxParallel: 1, stages: [PlannedStage(id: "a")])
        try store.record("r1", plan, [.runStarted(.ofTest)] + .attempt(UnitID("a"), result))
        try project.write("p.yaml", "version: 1")
        let carrier = DeliveryCarrier(store: store, reactor: ProcessReactor(), variables: [:], host: "h")
        let notice = Notice(id: "1", occasion: .failed, pipeline: "p", at: 0, root: project.path, host: "h")
        func outcome(_ path: String) async -> DeliveryCarrier.Outcome {
            var delivery = Self.delivery("1")
            delivery.channel = NotificationChannel(kind: "file", settings: ["path": path])
            (delivery.root, delivery.notice) = (project.path, JSONText.encoded(notice))
            return await carrier.carry(delivery, isTakenOver: false, at: 0)
        }
        for (path, what) in [
            ("out/told.jsonl", "what a run has published"), ("in.csv", "what the run has read"),
            ("./p.yaml", "the pipeline file"), ("\(folder.path)/x.jsonl", "in the folder of runs"),
        ] {
            guard case .refused(let reason) = await outcome(path) else {
                Issue.record("\(path) was not refused")
                continue
            }
            #expect(reason.contains(what), "\(reason)")
        }
        #expect(try String(contentsOfFile: project.path("p.yaml"), encoding: .utf8) == "version: 1")
        #expect(await outcome("told.jsonl") == .sent)
    }

    @Test("The date of a run without a slot is that of the pipeline's time zone, as for its stages")
    func date() async throws {
        let (store, folder) = try Self.store()
        let project = try ScratchFolder()
        defer { withExtendedLifetime(folder) {} }
        var plan = RunPlan(pipeline: "p", maxParallel: 1, stages: [])
        plan.timeZone = "Pacific/Auckland"
        // 13:04 in UTC is after midnight there.
        try store.record("r1", plan, started: 1_795_439_040_000, [.runStarted(.ofTest)])
        #expect(try store.plan(of: "r1").timeZone == plan.timeZone)
        let notice = Notice(id: "1", occasion: .failed, pipeline: "p", at: 0, root: project.path, host: "h")
        var delivery = Self.delivery("1")
        delivery.channel = NotificationChannel(kind: "file", settings: ["path": "${schedule.date}.jsonl"])
        (delivery.root, delivery.notice) = (project.path, JSONText.encoded(notice))
        let carrier = DeliveryCarrier(store: store, reactor: ProcessReactor(), variables: [:], host: "h")
        #expect(await carrier.carry(delivery, isTakenOver: false, at: 0) == .sent)
        #expect(FileText.exists(project.path("2026-11-24.jsonl")))
    }

    @Test("Several takers at once never take one twice")
    func atOnce() async throws {
        let (store, folder) = try Self.store()
        defer { withExtendedLifetime(folder) {} }
        let other = try RunStore(StateFolder(path: folder.path))
        try store.add((1...60).map { Self.delivery("\($0)", to: "t\($0 % 20)") })
        let taken = try await withThrowingTaskGroup(of: [String].self) { group in
            for number in 0..<6 {
                let store = number % 2 == 0 ? store : other
                group.addTask {
                    var ids: [String] = []
                    while ids.count < 60 {
                        do {
                            guard let next = try store.takeDelivery(for: ProcessTable.own, at: 10) else {
                                if try store.nextDelivery() == nil,
                                    try store.deliveries(in: [.waiting], limit: 1).isEmpty
                                {
                                    break
                                }
                                await Task.yield()
                                continue
                            }
                            ids.append(next.delivery.id)
                            try store.recordSent(next.delivery.id, at: 11)
                        } catch let error as StoreError where error.problem == .busy {
                            continue
                        }
                    }
                    return ids
                }
            }
            return try await group.reduce(into: []) { $0 += $1 }
        }
        #expect(taken.count == 60 && Set(taken).count == 60)
    }

    @Test("With a run goes what was told of it, besides what is still to be told")
    func removal() throws {
        let (store, folder) = try Self.store()
        defer { withExtendedLifetime(folder) {} }
        let plan = RunPlan(pipeline: "p", maxParallel: 1, stages: [PlannedStage(id: "a")])
        try store.record("r1", plan, [.runStarted(.ofTest), .runEnded(.succeeded)])
        try store.add([Self.delivery("1"), Self.delivery("2", to: "other")])
        try store.recordSent("1", at: 11)
        try store.forget("r1")
        #expect(try store.deliveries(limit: 9).map(\.id) == ["2"])
    }

    @Test("Lateness ends with the first success of a run of the same schedule, and with no other one")
    func lateness() throws {
        let (store, folder) = try Self.store()
        defer { withExtendedLifetime(folder) {} }
        let pipeline = Pipeline(
            name: "p", file: "p.yaml", root: "/srv", maxParallel: 1,
            notifications: [
                NotificationRule(
                    occasions: [.late], channel: NotificationChannel(kind: "file", settings: ["path": "a"]))
            ])
        let plan = RunPlan(pipeline: "p", maxParallel: 1, stages: [PlannedStage(id: "a")])
        func run(_ id: RunID, by schedule: String?, from start: Int64) throws {
            var decision: Int64?
            if let schedule {
                let date = try #require(LocalDate("2026-11-29"))
                let slot = Slot(pipeline: "p", schedule: schedule, planned: start, date: date)
                decision = try store.recordRun(of: slot, by: "x", at: start).id
            }
            let events = [RunChange.runStarted(.ofTest), .runEnded(.succeeded)].enumerated().map {
                RunEvent(
                    sequence: Int64($0.offset + 1), time: Moment(wall: start + Int64($0.offset) * 1000, steady: 0),
                    change: $0.element)
            }
            try store.create(
                RunRecord(
                    id: id, plan: plan, trigger: .manual, started: Moment(wall: start, steady: 0), decision: decision))
            try store.record(events, remarks: [], of: RunState(id: id, plan: plan, events: events))
        }
        let slot = ScheduleSlot(schedule: "slow", planned: 1_000_000, localDate: "2026-11-29")
        try store.tell(
            SlotNotice(.late, slot, reason: "it has not succeeded"), of: pipeline, environment: nil, at: 1_060_000,
            host: "h")
        for (id, schedule, start) in [
            ("early", "slow", 990_000), ("quick", "quick", 1_070_000), ("by-hand", nil, 1_080_000),
            ("slow", "slow", 1_090_000), ("next", "slow", 1_100_000),
        ] as [(RunID, String?, Int64)] {
            try run(id, by: schedule, from: start)
            #expect(try store.toldOfSlots(endedBy: id, at: start + 1000) == (id == "slow" ? [.late] : []), "\(id)")
        }
        for removed in ["slow", "next"] as [RunID] { try store.forget(removed) }
        try run("after", by: "slow", from: 1_200_000)
        let ended = try store.toldOfSlots(endedBy: "after", at: 1_201_000)
        #expect(ended.isEmpty, "it was told before the run was removed")
    }

    @Test("A scheduler tells of a slot once, to those who want to hear of it")
    func slots() throws {
        let (store, folder) = try Self.store()
        defer { withExtendedLifetime(folder) {} }
        func rule(_ occasions: NotificationRule.Occasion..., path: String, stage: StageID? = nil) -> NotificationRule {
            NotificationRule(
                occasions: occasions, channel: NotificationChannel(kind: "file", settings: ["path": path]), stage: stage
            )
        }
        let pipeline = Pipeline(
            name: "p", file: "p.yaml", root: "/srv", maxParallel: 1,
            notifications: [rule(.late, .missed, path: "a"), rule(.failed, path: "b"), rule(.missed, path: "c")])
        let slot = ScheduleSlot(schedule: "nightly", planned: 1_795_932_000_000, localDate: "2026-11-29")
        let missed = SlotNotice(.missed, slot, reason: "nothing could run from 05:00 to 08:00")
        #expect(try store.tell(missed, of: pipeline, environment: nil, at: 50, host: "h") == 2)
        #expect(try store.tell(missed, of: pipeline, environment: nil, at: 60, host: "h") == 0)
        let late = SlotNotice(.late, slot, run: "r1", reason: "its run has not succeeded by 06:30")
        #expect(try store.tell(late, of: pipeline, environment: nil, at: 70, host: "h") == 1)
        let told = try store.deliveries(limit: 9).reversed().map { ($0.occasion, $0.channel.settings["path"], $0.run) }
        #expect(told.map(\.0) == [.missed, .missed, .late] && told.map(\.1) == ["a", "c", "a"])
        #expect(told.map(\.2) == [nil, nil, "r1"])
        let text = try #require(try store.deliveries(limit: 9).last?.notice)
        let notice = try JSONDecoder().decode(Notice.self, from: Data(text.utf8))
        #expect(
            NoticeText(notice).plain == """
                p missed a run
                planned for 2026-11-29 06:00 UTC by schedule nightly
                nothing could run from 05:00 to 08:00
                at 1970-01-01 00:00 UTC
                on h in /srv

                """)
    }

    @Test("The pauses grow, and stay within half an hour")
    func pauses() {
        let pauses = (1...12).map { OutboxSender.pause(afterTries: $0).milliseconds / 1000 }
        #expect(pauses == [1, 3, 10, 30, 60, 300, 900, 1800, 1800, 1800, 1800, 1800])
    }

    // MARK: - Failures

    private static func failing(_ message: String) -> AttemptResult { .failed(message) }

    @Test("A failure is recorded with what cleared it, and its history is told in words")
    func histories() throws {
        let (store, folder) = try Self.store()
        defer { withExtendedLifetime(folder) {} }
        let plan = RunPlan(pipeline: "p", maxParallel: 1, stages: [PlannedStage(id: "a")])
        let unit = UnitID("a")
        func failure(_ number: Int, _ rows: Int) -> [RunChange] {
            [
                .attemptStarted(unit, attempt: number),
                .attemptEnded(unit, attempt: number, Self.failing("row \(rows) is bad")),
            ]
        }
        let success: (Int) -> [RunChange] = {
            [
                .attemptStarted(unit, attempt: $0), .attemptEnded(unit, attempt: $0, .succeeded),
                .unitEnded(unit, .succeeded, reason: nil),
            ]
        }
        let day: Int64 = 86_400_000
        // Its own retry clears it.
        try store.record("r1", plan, started: 0, failure(1, 5) + [.retryScheduled(unit, delay: .zero)] + success(2))
        // An operator's retry clears it.
        let ended: [RunChange] = [.unitEnded(unit, .failed, reason: "x"), .runEnded(.failed)]
        let retried: [RunChange] = [.commandReceived(.retry("a", downstream: false), by: "ann"), .unitReset(unit)]
        try store.record("r2", plan, started: day, failure(1, 6) + ended + retried + success(2))
        // The second one does.
        try store.record(
            "r3", plan, started: 2 * day, failure(1, 7) + ended + retried + failure(2, 8) + ended + retried + success(3)
        )
        // Nobody has.
        try store.record("r4", plan, started: 3 * day, failure(1, 9) + failure(2, 10) + ended)

        let last = try #require(try store.lastFailure(of: "a", in: "r4"))
        #expect(last.tries == 2 && last.attempt == 1 && last.unit == unit)
        let history = try store.failureHistory(of: last.fingerprint, stage: "a", pipeline: "p")
        #expect(history.runs == 4 && history.first == 1000 && history.lastRun == "r4")
        #expect(history.cleared == 3 && history.clearedByOneRetry == 2 && history.lastClearedBy == "ann")
        #expect(history.words() == "seen 4 times since 1970-01-01, 2 cleared by one retry, 1 by several, last by ann")
        let before = try store.failureHistory(of: last.fingerprint, stage: "a", pipeline: "p", except: "r4")
        #expect(before.runs == 3)
        #expect(try store.failureHistories(pipeline: "p").map(\.runs) == [4])
        #expect(try store.failureHistories(pipeline: "q").isEmpty)
        let none = try store.failureHistory(of: "nope", stage: "a", pipeline: "p")
        #expect(none.runs == 0 && none.words() == "not seen before")
    }

    @Test("What an operator stops is no failure; what he marks is cleared, and by no retry")
    func stopped() throws {
        let (store, folder) = try Self.store()
        defer { withExtendedLifetime(folder) {} }
        let plan = RunPlan(pipeline: "p", maxParallel: 1, stages: [PlannedStage(id: "a")])
        let unit = UnitID("a")
        try store.record(
            "r1", plan,
            [
                .attemptStarted(unit, attempt: 1), .stopRequested(unit, attempt: 1, .cancelled),
                .attemptEnded(unit, attempt: 1, AttemptResult(ending: .stopped)),
            ])
        #expect(try store.lastFailure(of: "a", in: "r1") == nil)
        try store.record(
            "r2", plan,
            .attempt(unit, Self.failing("x")) + [
                .commandReceived(.mark(unit, .succeeded, reason: "by hand"), by: "bob"),
                .unitMarked(unit, .succeeded, reason: "by hand"),
            ])
        let history = try store.failureHistory(
            of: FailureFingerprint("x").id, stage: "a", pipeline: "p")
        #expect(history.runs == 1 && history.cleared == 0)
        #expect(history.words().hasSuffix("never cleared by a retry"))
    }

    @Test("A run with many items that fail alike counts once")
    func items() throws {
        let (store, folder) = try Self.store()
        defer { withExtendedLifetime(folder) {} }
        let plan = RunPlan(
            pipeline: "p", maxParallel: 1,
            stages: [PlannedStage(id: "a", fanOut: .init(maxParallel: nil, onFailure: .proceed))])
        let items = ["x", "y"].map { Item(key: ItemKey($0), values: ["k": $0]) }
        let attempts = items.flatMap { item in
            [RunChange].attempt(UnitID("a", item.key), Self.failing("row \(item.key) 7 is bad"))
        }
        try store.record(
            "r1", plan,
            Array([RunChange].attempt(UnitID("a"), .succeeded).prefix(2)) + [.itemsFound("a", items)] + attempts)
        let found = try store.failureHistories(pipeline: "p")
        #expect(found.map(\.runs) == [1, 1] || found.map(\.runs) == [1])
        #expect(try store.lastFailure(of: "a", in: "r1")?.unit.item == "x")
    }
}
