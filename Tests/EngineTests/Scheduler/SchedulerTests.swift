import CaudalModel
import Foundation
import TestSupport
import Testing

@testable import Engine

@Suite("The scheduler", .timeLimit(.minutes(15)))
struct SchedulerTests {
    private static let daily = #"- {cron: "0 6 * * *"}"#

    @Test("A schedule begins when it is first seen; a slot that is due has its run, once")
    func once() throws {
        let bench = try SchedulerWorkbench(at: "2026-11-21T12:00:00Z")
        try bench.pipeline("sales", Self.daily)
        let first = try bench.step()
        #expect(first.wake.map(UTC.isoSecond) == "2026-11-22T06:00:00Z")
        #expect(try bench.ledger("sales").isEmpty)
        try bench.step(at: "2026-11-22T06:00:00Z")
        try bench.step(at: "2026-11-22T06:00:02Z")
        try bench.step(at: "2026-11-22T06:00:03Z")
        #expect(try bench.ledger("sales") == ["run 11-22T06:00 → succeeded"])
        #expect(bench.starter.orders.count == 1)
    }

    @Test("Killed between the decision and the start of its run, another scheduler starts it")
    func killedBetween() throws {
        let bench = try SchedulerWorkbench(at: "2026-11-21T12:00:00Z")
        try bench.pipeline("sales", Self.daily)
        try bench.step()
        bench.starter.fate = { _ in .dies }
        try bench.step(at: "2026-11-22T06:00:00Z")
        bench.killScheduler()
        bench.starter.fate = { _ in .run(milliseconds: 1000, .succeeded) }
        try bench.step(at: "2026-11-22T06:00:10Z")
        try bench.step(at: "2026-11-22T06:00:20Z")
        #expect(try bench.ledger("sales") == ["run 11-22T06:00 → succeeded"])
    }

    @Test("A slot whose process never begins a run is given up and told as failed")
    func neverBegins() throws {
        let bench = try SchedulerWorkbench(at: "2026-11-21T12:00:00Z")
        try bench.pipeline("sales", Self.daily)
        try bench.step()
        bench.starter.fate = { _ in .dies }
        for minute in 0..<8 { try bench.step(at: "2026-11-22T06:0\(minute):00Z") }
        #expect(try bench.ledger("sales") == ["failed 11-22T06:00"])
        #expect(bench.starter.orders.count == Scheduler.startLimit)
        #expect(bench.notes.contains { $0.contains("its process ended 3 times before a run had begun") })
    }

    @Test("What stands in the way of a start for a moment does not cost a slot its run")
    func startedAgainLater() throws {
        let bench = try SchedulerWorkbench(at: "2026-11-21T12:00:00Z")
        try bench.pipeline("sales", Self.daily)
        try bench.step()
        bench.starter.fate = { _ in .dies }
        for second in 10..<40 { try bench.step(at: "2026-11-22T06:00:\(second)Z") }
        #expect(bench.starter.orders.count == 2)
        bench.starter.fate = { _ in .run(milliseconds: 1000, .succeeded) }
        try bench.step(at: "2026-11-22T06:02:00Z")
        try bench.step(at: "2026-11-22T06:02:02Z")
        #expect(try bench.ledger("sales") == ["run 11-22T06:00 → succeeded"])
    }

    @Test("While a run is about to be taken up again, the next slot does not run beside it")
    func takenUpIsBusy() throws {
        let bench = try SchedulerWorkbench(at: "2026-11-21T12:00:00Z")
        try bench.pipeline("sales", #"- {cron: "* * * * *", overlap: skip}"#)
        try bench.step()
        bench.starter.fate = { _ in .isKilled(afterMilliseconds: 30_000) }
        try bench.step(at: "2026-11-21T12:01:00Z")
        bench.starter.fate = { _ in .run(milliseconds: 90_000, .succeeded) }
        // Nobody has looked since the process died: the slot and the dead run are found together.
        bench.killScheduler()
        try bench.step(at: "2026-11-21T12:02:00Z")
        #expect(bench.starter.orders.count == 2)
        #expect(try bench.ledger("sales") == ["run 11-21T12:01 → running", "skipped 11-21T12:02"])
    }

    @Test("A run whose process died is taken up again, and not without end")
    func takenUp() throws {
        let bench = try SchedulerWorkbench(at: "2026-11-21T12:00:00Z")
        try bench.pipeline("sales", Self.daily)
        try bench.step()
        bench.starter.fate = { _ in .isKilled(afterMilliseconds: 500) }
        try bench.step(at: "2026-11-22T06:00:00Z")
        for minute in 10..<40 { try bench.step(at: "2026-11-22T06:\(minute):00Z") }
        let resumed = bench.starter.orders.count { if case .resume = $0 { true } else { false } }
        #expect(resumed == Scheduler.startLimit)
        #expect(try bench.ledger("sales") == ["run 11-22T06:00 → interrupted"])
        let run = try #require(try bench.store.runs().first?.id)
        let ended = "run \(run) is interrupted: the process that took it up again ended (exit status 0); see "
        #expect(bench.notes.contains { $0.contains(ended) }, "\(bench.notes)")
        #expect(
            bench.notes.count {
                $0.contains(
                    "run \(run) was interrupted and is not taken up again: its process died 4 times; go on with it by "
                        + "'caudal resume \(run)', or end it by 'caudal cancel \(run)'")
            } == 1, "\(bench.notes)")
    }

    @Test("That a run is not taken up again any more is told to those who are told of failures, once")
    func givenUp() throws {
        let bench = try SchedulerWorkbench(at: "2026-11-21T12:00:00Z")
        try bench.pipeline("sales", Self.daily, more: "notify: {on: failed, file: told.jsonl}")
        try bench.step()
        bench.starter.fate = { _ in .isKilled(afterMilliseconds: 500) }
        try bench.step(at: "2026-11-22T06:00:00Z")
        for minute in 10..<40 { try bench.step(at: "2026-11-22T06:\(minute):00Z") }
        bench.killScheduler()
        try bench.step(at: "2026-11-22T07:00:00Z")
        let told = try bench.store.deliveries(limit: 10)
        #expect(told.count == 1 && told.first?.occasion == .failed)
        let text = told.first?.notice ?? ""
        #expect(text.contains("its process died 4 times, and it is not taken up again"), "\(text)")
    }

    @Test("A run that an operator has paused is not taken up again: it would go on unpaused")
    func pausedRun() throws {
        let bench = try SchedulerWorkbench(at: "2026-11-21T12:00:00Z")
        try bench.pipeline("sales", Self.daily)
        try bench.step()
        bench.starter.fate = { _ in .isKilledPaused(afterMilliseconds: 500) }
        try bench.step(at: "2026-11-22T06:00:00Z")
        for minute in 10..<20 { try bench.step(at: "2026-11-22T06:\(minute):00Z") }
        #expect(bench.starter.orders.count == 1)
        #expect(
            bench.notes.contains {
                $0.contains("was interrupted and is not taken up again: an operator has paused it; go on with it by")
            }, "\(bench.notes)")
    }

    @Test("Hidden files beside the pipelines are none")
    func hiddenFiles() throws {
        let bench = try SchedulerWorkbench(at: "2026-11-21T12:00:00Z")
        try bench.pipeline("sales", Self.daily)
        try bench.folder.write("config/.sales.yaml", "version: 1\nname: sales\n")
        try FileManager.default.createSymbolicLink(
            atPath: bench.folder.path("config/.#sales.yaml"), withDestinationPath: "nowhere")
        let files = ProjectFiles(root: bench.folder.path, chosenRoot: bench.folder.path, variables: [:])
        #expect(files.read(now: 0).map { PathText.lastComponent(of: $0.path) } == ["sales.yaml"])
    }

    @Test("A run is not taken up again where a stage would run twice that must not, and that is told")
    func harmful() throws {
        let bench = try SchedulerWorkbench(at: "2026-11-21T12:00:00Z")
        try bench.pipeline("sales", Self.daily, more: "notify: {on: failed, file: told.jsonl}")
        try bench.step()
        bench.starter.fate = { _ in .isKilledInHarm(afterMilliseconds: 500) }
        try bench.step(at: "2026-11-22T06:00:00Z")
        for minute in 10..<40 { try bench.step(at: "2026-11-22T06:\(minute):00Z") }
        #expect(bench.starter.orders.count == 1)
        let words = "its process died while 'only' ran, and running that twice does harm ('idempotent: false')"
        #expect(bench.notes.count { $0.contains("is not taken up again: " + words) } == 1, "\(bench.notes)")
        let told = try bench.store.deliveries(limit: 10)
        #expect(told.count == 1 && told.first?.notice.contains(words) == true, "\(told)")
    }

    @Test("While a file is not valid nothing of it is decided; mended, what was due is caught up")
    func invalidFile() throws {
        let bench = try SchedulerWorkbench(at: "2026-11-21T12:00:00Z")
        try bench.pipeline("sales", Self.daily)
        try bench.step()
        let good = try String(contentsOfFile: bench.folder.path("config/sales.yaml"), encoding: .utf8)
        try bench.folder.write("config/sales.yaml", good.replacing("type: command", with: "type: comand"))
        try bench.step(at: "2026-11-22T06:00:00Z")
        #expect(try bench.ledger("sales").isEmpty)
        #expect(bench.notes.contains { $0.contains("config/sales.yaml is not valid") })
        try bench.folder.write("config/sales.yaml", good)
        try bench.step(at: "2026-11-22T09:00:00Z")
        try bench.step(at: "2026-11-22T09:00:02Z")
        #expect(try bench.ledger("sales") == ["caught up 11-22T06:00 → succeeded"])
    }

    @Test("A pause skips its slots with the reason, and ends when it is resumed")
    func paused() throws {
        let bench = try SchedulerWorkbench(at: "2026-11-21T12:00:00Z")
        try bench.pipeline("sales", Self.daily)
        try bench.step()
        let key = ScheduleKey(pipeline: "sales", schedule: Schedule.usualName)
        #expect(try bench.store.pause(key, reason: "no data", by: "ann", at: bench.now))
        #expect(try !bench.store.pause(key, reason: "again", by: "bob", at: bench.now))
        try bench.step(at: "2026-11-22T06:00:00Z")
        try bench.step(at: "2026-11-22T08:00:00Z")
        #expect(try bench.store.resume(key, at: bench.now))
        try bench.step(at: "2026-11-22T08:00:01Z")
        try bench.step(at: "2026-11-23T06:00:00Z")
        try bench.step(at: "2026-11-23T06:00:02Z")
        #expect(try bench.ledger("sales") == ["skipped 11-22T06:00", "run 11-23T06:00 → succeeded"])
        let reason = try bench.store.slots(of: "sales", from: 0, through: .max).first { $0.outcome == .skipped }?.reason
        #expect(reason == "the schedule was paused: no data")
    }

    @Test("A run that is late is told once, and not when it has succeeded")
    func late() throws {
        let bench = try SchedulerWorkbench(at: "2026-11-21T12:00:00Z")
        try bench.pipeline("sales", #"- {cron: "0 6 * * *", deadline: 30m}"#)
        try bench.step()
        bench.starter.fate = { _ in .run(milliseconds: 45 * 60_000, .succeeded) }
        try bench.step(at: "2026-11-22T06:00:00Z")
        try bench.step(at: "2026-11-22T06:30:00Z")
        try bench.step(at: "2026-11-22T06:31:00Z")
        try bench.step(at: "2026-11-22T06:45:00Z")
        bench.starter.fate = { _ in .run(milliseconds: 60_000, .succeeded) }
        try bench.step(at: "2026-11-23T06:00:00Z")
        try bench.step(at: "2026-11-23T06:40:00Z")
        #expect(
            try bench.ledger("sales") == [
                "run 11-22T06:00 → succeeded", "late 11-22T06:00", "run 11-23T06:00 → succeeded",
            ])
    }

    @Test("A slot waits for a run that somebody else started, and begins when that has ended")
    func waits() throws {
        let bench = try SchedulerWorkbench(at: "2026-11-21T12:00:00Z")
        try bench.pipeline("sales", #"- {cron: "0 6 * * *", overlap: wait}"#)
        try bench.step()
        let other = RunID("20261122-050000-abcd")
        let plan = RunPlan(pipeline: "sales", maxParallel: 1, stages: [PlannedStage(id: "only", type: "command")])
        try bench.store.create(
            RunRecord(id: other, plan: plan, trigger: .manual, started: Moment(wall: bench.now, steady: 0)))
        try bench.store.folder.run(other).create()
        var lock = try RunLock.take(bench.store.folder.run(other))
        #expect(lock != nil)
        let waiting = try bench.step(at: "2026-11-22T06:00:00Z")
        #expect(waiting.isWatching && bench.starter.orders.isEmpty)
        // Its process dies: nothing is recorded of that.
        lock = nil
        try bench.step(at: "2026-11-22T07:00:00Z")
        try bench.step(at: "2026-11-22T07:00:02Z")
        #expect(try bench.ledger("sales") == ["wait 11-22T06:00", "run 11-22T06:00 → succeeded"])
    }

    @Test("A file that has settled starts one run for each content, and what was there before starts none")
    func arrivingFiles() throws {
        let bench = try SchedulerWorkbench(at: "2026-11-21T12:00:00Z")
        try bench.folder.write("inbox/old.csv", "a\n1\n")
        try bench.pipeline("sales", #"- {after: {files: "inbox/*.csv", settle: 10s}}"#)
        // The clock of the file system is the real one.
        let real = SystemClock.now.wall
        try bench.step(at: real)
        try bench.folder.write("inbox/new.csv", "a\n2\n")
        let early = try bench.step(at: real + 5000)
        #expect(early.isWatching && bench.starter.orders.isEmpty)
        try bench.step(at: real + 20_000)
        try bench.step(at: real + 30_000)
        #expect(bench.starter.orders.count == 1)
        #expect(try bench.explained("sales").map(\.arrivals) == [["inbox/new.csv"]])
        // The same content again, written anew.
        try bench.folder.write("inbox/new.csv", "a\n2\n")
        try bench.step(at: real + 60_000)
        #expect(bench.starter.orders.count == 1)
        try bench.folder.write("inbox/new.csv", "a\n3\n")
        bench.killScheduler()
        try bench.step(at: real + 90_000)
        try bench.step(at: real + 95_000)
        #expect(bench.starter.orders.count == 2)
    }

    @Test("A dataset starts one run for each time that it is published, also where a retry publishes it again")
    func publishedAgain() throws {
        let bench = try SchedulerWorkbench(at: "2026-11-21T12:00:00Z")
        try bench.pipeline("sales", "- {after: {datasets: load/o}}")
        try bench.step()
        let plan = RunPlan(pipeline: "load", maxParallel: 1, stages: [PlannedStage(id: "a", outputs: ["o"])])
        func result(_ hash: String) -> AttemptResult {
            var result = AttemptResult.succeeded
            result.artifacts = [
                Artifact(dataset: "o", path: "o.csv", sizeInBytes: 1, rowCount: nil, columns: [], contentHash: hash)
            ]
            return result
        }
        var state = try bench.store.record(
            "20261121-120100-aaaa", plan, started: bench.now + 60_000,
            [.runStarted(.ofTest)] + .attempt(UnitID("a"), result("xxh64:1")) + [.runEnded(.succeeded)])
        for time in ["2026-11-21T12:02:00Z", "2026-11-21T12:03:00Z", "2026-11-21T12:04:00Z"] {
            try bench.step(at: time)
        }
        #expect(bench.starter.orders.count == 1)
        let again: [RunChange] =
            [.runResumed(.ofTest), .unitReset(UnitID("a"))] + .attempt(UnitID("a"), number: 2, result("xxh64:2"))
            + [.runEnded(.succeeded)]
        for change in again {
            let event = RunEvent(
                sequence: state.lastSequence + 1, time: Moment(wall: bench.now + 30_000, steady: 0), change: change)
            state.apply(event)
            try bench.store.record([event], remarks: [], of: state)
        }
        for time in ["2026-11-21T12:05:00Z", "2026-11-21T12:06:00Z", "2026-11-21T12:07:00Z"] {
            try bench.step(at: time)
        }
        #expect(bench.starter.orders.count == 2)
        #expect(try bench.explained("sales").map(\.arrivals) == [["load/o"], ["load/o"]])
        bench.killScheduler()
        try bench.step(at: "2026-11-21T12:08:00Z")
        #expect(bench.starter.orders.count == 2)
    }

    @Test("Two files of one pipeline's name: the second is left out and told")
    func sameName() throws {
        let bench = try SchedulerWorkbench(at: "2026-11-21T12:00:00Z")
        try bench.pipeline("sales", Self.daily)
        let text = try String(contentsOfFile: bench.folder.path("config/sales.yaml"), encoding: .utf8)
        try bench.folder.write("config/zales.yaml", text)
        try bench.step()
        try bench.step(at: "2026-11-22T06:00:00Z")
        #expect(bench.starter.orders.count == 1)
        #expect(bench.notes.contains { $0.contains("config/zales.yaml is left out") })
    }

    @Test(
        "Four days of five pipelines, with kills of schedulers and of runs, sleeps and set clocks: the ledger is exact")
    func ledger() async throws {
        try await OwnThread.run { try fourDays(11) }
    }

    private func fourDays(_ seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        let bench = try SchedulerWorkbench(at: "2026-10-22T00:00:00Z")
        let schedules = [
            "nightly": #"- {cron: "30 2 * * *", timezone: Europe/Berlin, catch_up: all}"#,
            "hourly": #"- {cron: "0 * * * *", overlap: skip, catch_up: latest}"#,
            "often": #"- {every: 20m, overlap: wait, catch_up: none}"#,
            "workdays": #"- {cron: "0 9 * * MON-FRI", timezone: America/New_York, deadline: 2h, jitter: 5m}"#,
            "two":
                "- {name: early, cron: \"15 4 * * *\", catch_up: all}\n- {name: late, cron: \"45 20 * * *\", overlap: allow}",
        ]
        for (name, text) in schedules.sorted(by: { $0.key < $1.key }) { try bench.pipeline(name, text) }
        bench.starter.fate = { _ in
            switch random.next() % 20 {
            case 0: .dies
            case 1, 2: .isKilled(afterMilliseconds: Int64(random.next() % 600_000))
            case 3, 4, 5: .run(milliseconds: Int64(random.next() % 9_000_000), .failed)
            default: .run(milliseconds: Int64(random.next() % 2_400_000), .succeeded)
            }
        }
        let (start, end) = (bench.now, bench.now + 4 * 86_400_000)
        var chance = SplitMix64(seed: seed &* 77)
        while bench.now < end {
            let step = try bench.step()
            var next = min(step.wake ?? .max, bench.starter.nextEnd ?? .max, bench.now + 3_600_000)
            switch chance.next() % 40 {
            case 0: next = bench.now + Int64(chance.next() % 30_000_000)  // A sleep of the machine, or a downtime.
            case 1: bench.killScheduler()
            case 2: next = bench.now - Int64(chance.next() % 600_000)  // The clock is set back.
            default: break
            }
            _ = try bench.step(at: max(next, bench.now - 600_000) == bench.now ? bench.now + 1 : next)
        }
        for (name, _) in schedules {
            let files = ProjectFiles(root: bench.folder.path, chosenRoot: bench.folder.path, variables: [:])
            let pipeline = try #require(files.read(now: 0).compactMap(\.pipeline).first { $0.name == name })
            for schedule in pipeline.schedules {
                try check(schedule, of: name, in: bench, from: start, seed: seed)
            }
        }
    }

    /// Each slot up to the last decided one has one final decision, and one run at most.
    private func check(
        _ schedule: Schedule, of name: String, in bench: SchedulerWorkbench, from start: Int64, seed: UInt64
    ) throws {
        let key = ScheduleKey(pipeline: name, schedule: schedule.name)
        let through = try #require(try bench.store.scheduleRecord(key)?.decidedThrough)
        let zone = try #require(ZoneLibrary().zone(named: schedule.timezone))
        let watched = WatchedSchedule(
            pipeline: name, schedule: schedule, timetable: Timetable(schedule, in: zone), decidedThrough: start)
        let recorded = try bench.store.slots(of: name, from: 0, through: .max).filter { $0.key == key }
        var finals: [Int64: Int] = [:]
        for slot in recorded where ![.begun, .wait, .late].contains(slot.outcome) {
            var at: Slot? = slot.slots.first
            while let one = at, one.planned <= slot.slots.last.planned {
                finals[one.planned, default: 0] += 1
                at = watched.next(after: one.planned)
            }
        }
        let waiting = try bench.store.waitingSlot(of: key)
        var next = watched.next(after: start)
        var count = 0
        while let slot = next, slot.planned <= through {
            count += 1
            let expected = slot == waiting ? 0 : 1
            #expect(finals[slot.planned] ?? 0 == expected, "seed \(seed): \(slot)")
            next = watched.next(after: slot.planned)
        }
        #expect(
            finals.count <= count && count > 1, "seed \(seed): \(key) has \(finals.count) decisions for \(count) slots")
        let runs = recorded.compactMap(\.run)
        #expect(Set(runs).count == runs.count, "seed \(seed): a run of two slots")
        if schedule.deadline != nil {
            let late = recorded.filter { $0.outcome == .late }.map(\.slots.last)
            #expect(Set(late).count == late.count, "seed \(seed): late was told twice")
        }
    }
}
