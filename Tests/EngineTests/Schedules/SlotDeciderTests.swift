import CaudalModel
import Engine
import Testing

/// A schedule of the pipeline `sales` in UTC, every slot of which is decided through a time.
private func watched(
    _ cron: String = "0 6 * * *", decided: String = "2026-11-20T12:00:00Z", named name: String = "daily",
    _ change: (inout Schedule) -> Void = { _ in }
) throws -> WatchedSchedule {
    var schedule = Schedule(
        name: name, trigger: .cron(try CronExpression(cron)),
        location: SourceLocation(file: "p.yaml", line: 1, column: 1))
    schedule.catchUpWindow = .seconds(30 * 86_400)
    change(&schedule)
    return WatchedSchedule(
        pipeline: "sales", schedule: schedule, timetable: Timetable(schedule, in: .utc),
        decidedThrough: instant(decided) * 1000)
}

/// What was decided, a line each: `run 11-21T06:00`, `miss 3 from 11-21T06:00 to 11-23T06:00: …`.
private func lines(_ plan: SlotDecider.Plan) -> [String] {
    func short(_ slot: Slot) -> String { String(UTC.iso(slot.planned).dropFirst(5).prefix(11)) }
    return plan.decisions.map { decision in
        let slots = decision.slots
        let many = "\(slots.count) from \(short(slots.first)) to \(short(slots.last))"
        let time = slots.count == 1 ? short(slots.first) : many
        switch decision.outcome {
        case .run(let isCaughtUp): return (isCaughtUp ? "catch up " : "run ") + time
        case .wait(let run): return "wait \(time): \(run)"
        case .skip(let reason): return "skip \(time): \(reason)"
        case .miss(let reason): return "miss \(time): \(reason)"
        case .late(let by): return "late \(time): \(by.written)"
        }
    }
}

private func decide(
    _ schedules: WatchedSchedule..., now: String, busy: SlotDecider.BusyRun? = nil, limit: Int = 100
) -> SlotDecider.Plan {
    SlotDecider(limit: limit).decide(
        schedules, now: instant(now) * 1000, busy: busy.map { ["sales": $0] } ?? [:])
}

private func wake(_ plan: SlotDecider.Plan) -> String? { plan.wake.map { iso($0 / 1000) } }

@Suite("Decisions about slots")
struct SlotDeciderTests {
    @Test("A slot that is due runs, and the next one is waited for")
    func due() throws {
        let plan = decide(try watched(), now: "2026-11-21T06:00:03Z")
        #expect(lines(plan) == ["run 11-21T06:00"])
        #expect(plan.decidedThrough.values.map { iso($0 / 1000) } == ["2026-11-21T06:00:00Z"])
        #expect(wake(plan) == "2026-11-22T06:00:00Z")
        #expect(plan.decisions.first?.slots.first.date.description == "2026-11-21")
    }

    @Test("Before its time nothing is decided, and asking twice decides nothing twice")
    func early() throws {
        let plan = decide(try watched(), now: "2026-11-21T05:59:59Z")
        #expect(plan.decisions.isEmpty && plan.decidedThrough.isEmpty && wake(plan) == "2026-11-21T06:00:00Z")
        let again = decide(try watched(decided: "2026-11-21T06:00:00Z"), now: "2026-11-21T06:00:04Z")
        #expect(again.decisions.isEmpty && wake(again) == "2026-11-22T06:00:00Z")
    }

    @Test("What passed while nothing could run is caught up as the schedule says")
    func catchUp() throws {
        let missed = "nothing was there to run it at its time, "
        for (catchUp, expected) in [
            (Schedule.CatchUp.none, ["miss 3 from 11-21T06:00 to 11-23T06:00: \(missed)and 'catch_up' is none"]),
            (
                .latest,
                ["miss 2 from 11-21T06:00 to 11-22T06:00: \(missed)and 'catch_up' is latest", "catch up 11-23T06:00"]
            ),
            (.all, ["catch up 11-21T06:00"]),
        ] {
            let plan = decide(try watched { $0.catchUp = catchUp }, now: "2026-11-23T12:00:00Z")
            #expect(lines(plan) == expected, "\(catchUp)")
        }
        let beside = decide(
            try watched {
                $0.catchUp = .all
                $0.overlap = .allow
            }, now: "2026-11-23T06:00:05Z")
        #expect(lines(beside) == ["catch up 11-21T06:00", "catch up 11-22T06:00", "run 11-23T06:00"])
    }

    @Test("All are caught up one after another; what comes meanwhile takes its turn behind them")
    func queue() throws {
        let schedule = try watched("0 * * * *", decided: "2026-11-21T05:30:00Z") { $0.catchUp = .all }
        let first = decide(schedule, now: "2026-11-21T07:30:00Z")
        #expect(lines(first) == ["catch up 11-21T06:00"])
        #expect(first.decidedThrough.values.map { iso($0 / 1000) } == ["2026-11-21T06:00:00Z"])
        let run = SlotDecider.BusyRun(name: "run a", isCaughtUp: true)
        let behind = try watched("0 * * * *", decided: "2026-11-21T06:00:00Z") { $0.catchUp = .all }
        let meanwhile = decide(behind, now: "2026-11-21T08:00:02Z", busy: run)
        #expect(meanwhile.decisions.isEmpty && meanwhile.decidedThrough.isEmpty)
        #expect(lines(decide(behind, now: "2026-11-21T08:00:02Z")) == ["catch up 11-21T07:00"])
        // On time, beside a run that catches up nothing, it is skipped as ever.
        let onTime = try watched("0 * * * *", decided: "2026-11-21T07:00:00Z") { $0.catchUp = .all }
        let skipped = decide(onTime, now: "2026-11-21T08:00:02Z", busy: SlotDecider.BusyRun(name: "run b"))
        #expect(lines(skipped) == ["skip 11-21T08:00: run b was still going on, and 'overlap' is skip"])
    }

    @Test("More than are caught up at most: the latest runs, the rest is recorded")
    func bound() throws {
        let missed = "nothing was there to run it at its time, and more than 2 had passed: the latest runs alone"
        for (decided, expected) in [
            ("2026-11-21T12:00:00Z", ["catch up 11-22T06:00"]),
            ("2026-11-20T12:00:00Z", ["miss 2 from 11-21T06:00 to 11-22T06:00: \(missed)", "catch up 11-23T06:00"]),
        ] {
            let plan = decide(
                try watched(decided: decided) { $0.catchUp = .all }, now: "2026-11-23T12:00:00Z", limit: 2)
            #expect(lines(plan) == expected)
        }
        let years = decide(try watched("* * * * *") { $0.catchUp = .all }, now: "2029-11-23T12:00:30Z")
        #expect(years.decisions.count == 3 && years.decisions.first?.slots.isAtLeast == true)
        #expect(lines(years).last == "run 11-23T12:00")
    }

    @Test("What is older than the window is missed, and its reason says so")
    func window() throws {
        let old = "nothing was there to run it at its time, which is longer ago than 'catch_up_window' (1d12h)"
        let schedule = try watched {
            $0.catchUpWindow = .seconds(129_600)
            $0.catchUp = .all
            $0.overlap = .allow
        }
        #expect(
            lines(decide(schedule, now: "2026-11-23T12:00:00Z")) == [
                "miss 11-21T06:00: \(old)", "catch up 11-22T06:00", "catch up 11-23T06:00",
            ])
        let one = try watched(decided: "2026-11-21T03:00:00Z") { $0.catchUpWindow = .seconds(3600) }
        #expect(lines(decide(one, now: "2026-11-21T07:00:00Z")) == ["catch up 11-21T06:00"])
        #expect(lines(decide(one, now: "2026-11-21T07:00:01Z")).map { $0.prefix(16) } == ["miss 11-21T06:00"])
    }

    @Test("A run in the way: skipped, waited for, or not minded")
    func overlap() throws {
        let run = SlotDecider.BusyRun(name: "run a")
        for (overlap, expected) in [
            (Schedule.Overlap.skip, "skip 11-21T06:00: run a was still going on, and 'overlap' is skip"),
            (.wait, "wait 11-21T06:00: run a"), (.allow, "run 11-21T06:00"),
        ] {
            let plan = decide(try watched { $0.overlap = overlap }, now: "2026-11-21T06:00:03Z", busy: run)
            #expect(lines(plan) == [expected])
        }
    }

    @Test("What waits begins when the run has ended; only the newest waits")
    func waiting() throws {
        var schedule = try watched(decided: "2026-11-21T06:00:00Z") { $0.overlap = .wait }
        schedule.waiting = Slot(
            pipeline: "sales", schedule: "daily", planned: instant("2026-11-21T06:00:00Z") * 1000,
            date: try #require(LocalDate("2026-11-21")))
        let run = SlotDecider.BusyRun(name: "run a")
        #expect(decide(schedule, now: "2026-11-21T09:00:00Z", busy: run).decisions.isEmpty)
        let begun = decide(schedule, now: "2026-11-21T09:00:00Z")
        #expect(lines(begun) == ["run 11-21T06:00"] && begun.decidedThrough.isEmpty)
        #expect(
            lines(decide(schedule, now: "2026-11-22T06:00:01Z", busy: run)) == [
                "skip 11-21T06:00: the slot of 2026-11-22T06:00:00.000Z came while it waited, and only the newest waits",
                "wait 11-22T06:00: run a",
            ])
        #expect(
            lines(decide(schedule, now: "2026-11-22T06:00:01Z")) == [
                "run 11-21T06:00", "wait 11-22T06:00: the run of 2026-11-21T06:00:00.000Z by 'daily'",
            ])
        schedule.pauses = [.init(from: instant("2026-11-21T07:00:00Z") * 1000)]
        #expect(decide(schedule, now: "2026-11-21T09:00:00Z").decisions.isEmpty)
    }

    @Test("Where all are caught up, a newer slot takes its turn behind the one that waits")
    func waitingForAll() throws {
        var hourly = try watched("0 * * * *", decided: "2026-11-21T06:00:00Z") {
            $0.overlap = .wait
            $0.catchUp = .all
        }
        hourly.waiting = Slot(
            pipeline: "sales", schedule: "daily", planned: instant("2026-11-21T06:00:00Z") * 1000,
            date: try #require(LocalDate("2026-11-21")))
        let run = SlotDecider.BusyRun(name: "run a")
        let meanwhile = decide(hourly, now: "2026-11-21T08:00:01Z", busy: run)
        #expect(meanwhile.decisions.isEmpty && meanwhile.decidedThrough.isEmpty)
        #expect(lines(decide(hourly, now: "2026-11-21T08:00:01Z")) == ["run 11-21T06:00"])
        hourly.waiting = nil
        #expect(lines(decide(hourly, now: "2026-11-21T08:00:01Z")) == ["catch up 11-21T07:00"])
    }

    @Test("Two schedules of a pipeline stand in each other's way, in the order of their times")
    func twoSchedules() throws {
        let daily = try watched()
        let hourly = try watched("0 * * * *", decided: "2026-11-21T05:00:00Z", named: "hourly")
        #expect(
            lines(decide(daily, hourly, now: "2026-11-21T06:00:02Z")) == [
                "run 11-21T06:00",
                "skip 11-21T06:00: the run of 2026-11-21T06:00:00.000Z by 'daily' was still going on, and 'overlap' is skip",
            ])
        #expect(lines(decide(hourly, daily, now: "2026-11-21T06:00:02Z"))[0] == "run 11-21T06:00")
    }

    @Test("Paused times are skipped with the reason, also when nobody was there, and nothing of them is caught up")
    func paused() throws {
        var schedule = try watched { $0.catchUp = .all }
        schedule.pauses = [
            .init(
                from: instant("2026-11-21T05:00:00Z") * 1000, until: instant("2026-11-22T20:00:00Z") * 1000,
                reason: "stock-taking")
        ]
        #expect(
            lines(decide(schedule, now: "2026-11-23T06:00:00Z")) == [
                "skip 2 from 11-21T06:00 to 11-22T06:00: the schedule was paused: stock-taking", "run 11-23T06:00",
            ])
        // What was to be caught up before the pause waits for its end, and what stands behind it too.
        let from = instant("2026-11-22T05:00:00Z") * 1000
        schedule.pauses = [.init(from: from)]
        let held = decide(schedule, now: "2026-11-23T06:00:00Z")
        #expect(held.decisions.isEmpty && held.decidedThrough.isEmpty && held.wake == nil)
        schedule.pauses = [.init(from: from, until: instant("2026-11-23T05:00:00Z") * 1000)]
        #expect(
            lines(decide(schedule, now: "2026-11-23T06:00:00Z")) == [
                "catch up 11-21T06:00", "skip 11-22T06:00: the schedule was paused",
            ])
        schedule.decidedThrough = instant("2026-11-21T06:00:00Z") * 1000
        schedule.pauses = [.init(from: from)]
        #expect(
            lines(decide(schedule, now: "2026-11-23T06:00:00Z")) == [
                "skip 2 from 11-22T06:00 to 11-23T06:00: the schedule was paused"
            ])
    }

    @Test("A schedule that is not enabled skips, and wakes nobody")
    func disabled() throws {
        let plan = decide(try watched { $0.isEnabled = false }, now: "2026-11-22T12:00:00Z")
        #expect(lines(plan) == ["skip 2 from 11-21T06:00 to 11-22T06:00: the schedule has 'enabled: false'"])
        #expect(plan.wake == nil)
    }

    @Test("A clock that goes back decides nothing again, and it is told how long that lasts")
    func backwards() throws {
        let plan = decide(try watched(decided: "2027-01-01T06:00:00Z"), now: "2026-11-21T12:00:00Z")
        #expect(plan.decisions.isEmpty && wake(plan) == "2027-01-02T06:00:00Z")
        #expect(plan.ahead.values.map { iso($0 / 1000) } == ["2027-01-01T06:00:00Z"])
        #expect(decide(try watched(), now: "2026-11-21T12:00:00Z").ahead.isEmpty)
    }

    @Test("A deadline is told once, when it has passed, for what runs and what waits")
    func deadline() throws {
        var schedule = try watched { $0.deadline = .seconds(1800) }
        let begun = decide(schedule, now: "2026-11-21T06:00:03Z")
        #expect(lines(begun) == ["run 11-21T06:00"] && wake(begun) == "2026-11-21T06:30:00Z")
        schedule.decidedThrough = instant("2026-11-21T06:00:00Z") * 1000
        schedule.unfinished = begun.decisions.map(\.slots.first)
        #expect(wake(decide(schedule, now: "2026-11-21T06:10:00Z")) == "2026-11-21T06:30:00Z")
        let late = decide(schedule, now: "2026-11-21T06:30:10Z")
        #expect(lines(late) == ["late 11-21T06:00: 10s"] && wake(late) == "2026-11-22T06:00:00Z")
        schedule.unfinished = []
        #expect(decide(schedule, now: "2026-11-21T06:30:10Z").decisions.isEmpty)
        let caughtUp = decide(try watched { $0.deadline = .seconds(60) }, now: "2026-11-21T07:00:00Z")
        #expect(lines(caughtUp) == ["catch up 11-21T06:00", "late 11-21T06:00: 59m"])
    }

    @Test("Jitter puts a start off, always by the same time, and never beyond the next slot")
    func jitter() throws {
        let schedule = try watched("0 * * * *") { $0.jitter = .seconds(7200) }
        var (at, offsets) = (schedule.decidedThrough, Set<Int64>())
        for _ in 0..<200 {
            let slot = try #require(schedule.next(after: at))
            let start = schedule.start(of: slot)
            #expect(start >= slot.planned && start < slot.planned + 3_600_000 && start == schedule.start(of: slot))
            offsets.insert((start - slot.planned) / 60_000)
            at = slot.planned
        }
        #expect(offsets.count > 40)
        let slot = try #require(schedule.next(after: schedule.decidedThrough))
        let start = schedule.start(of: slot)
        let decider = SlotDecider()
        let early = decider.decide([schedule], now: start - 1, busy: [:])
        #expect(early.decisions.isEmpty && early.wake == start)
        #expect(lines(decider.decide([schedule], now: start, busy: [:])) == ["run 11-20T13:00"])
    }

    @Test("Whatever arrives has its run: one after another, also after a downtime, a pause, and a clock set back")
    func arrivals() throws {
        let arrivals = Schedule.Arrivals(datasets: [], files: [], settle: .seconds(10))
        let location = SourceLocation(file: "p.yaml", line: 1, column: 1)
        let start = instant("2026-11-21T06:00:00Z") * 1000
        let slots = try [0, 5000, 9000].map {
            Slot(
                pipeline: "sales", schedule: "inbox", planned: start + $0, date: try #require(LocalDate("2026-11-21")))
        }
        var watched = WatchedSchedule(
            pipeline: "sales",
            schedule: Schedule(name: "inbox", trigger: .after(arrivals), location: location), timetable: nil,
            decidedThrough: start + 100_000_000, arrivals: slots.reversed())
        let day = start + 86_400_000
        let plan = SlotDecider().decide([watched], now: day, busy: [:])
        #expect(plan.decisions.map(\.slots.first) == [slots[0]] && plan.wake == nil && plan.decidedThrough.isEmpty)
        #expect(lines(plan) == ["run 11-21T06:00"])
        watched.arrivals.removeAll { $0 == slots[0] }
        let busy = ["sales": SlotDecider.BusyRun(name: "run a")]
        #expect(SlotDecider().decide([watched], now: day, busy: busy).decisions.isEmpty)
        let next = SlotDecider().decide([watched], now: day, busy: [:])
        #expect(next.decisions.map(\.slots.first) == [slots[1]])
        watched.schedule.overlap = .allow
        let beside = SlotDecider().decide([watched], now: day, busy: busy)
        #expect(beside.decisions.map(\.slots.first) == [slots[1], slots[2]])
        watched.pauses = [.init(from: start)]
        #expect(SlotDecider().decide([watched], now: day, busy: [:]).decisions.isEmpty)
    }
}
