import CaudalModel
import Foundation
import Testing

@testable import App
@testable import Engine

@Suite("The list of pipelines and runs", .timeLimit(.minutes(15)))
struct HomeTests {
    /// 2026-11-23 13:04:00 UTC.
    private static let now = Moment(wall: 1_795_439_040_000, steady: 100_000)

    private static func run(
        _ name: String, _ status: RunState.Status, minutesAgo: Int64, seconds: Double? = nil, isLive: Bool = false
    ) -> RunSummary {
        let started = now.wall - minutesAgo * 60_000
        let duration = seconds.map { Duration.milliseconds(Int64($0 * 1000)) }
        return RunSummary(
            id: RunID(startedAt: Moment(wall: started, steady: 0), random: UInt64(minutesAgo)), pipeline: name,
            file: "config/\(name).yaml", status: status, trigger: .manual, started: started,
            ended: duration.map { started + $0.milliseconds }, duration: duration,
            liveSince: isLive ? Moment(wall: started, steady: now.steady - minutesAgo * 60_000) : nil, stageCount: 6,
            parameters: ["day": "2026-11-23"], isLive: isLive)
    }

    func state(rows: Int = 24, columns: Int = 80) -> HomeState {
        let sales = (1...12).map { number in
            Self.run(
                "sales", number == 4 ? .failed : .succeeded, minutesAgo: Int64(number * 60),
                seconds: 40 + Double(number))
        }
        let stock = [
            Self.run("stock", .running, minutesAgo: 2, isLive: true), Self.run("stock", .running, minutesAgo: 1500),
            Self.run("stock", .cancelled, minutesAgo: 3000, seconds: 7),
        ]
        var state = HomeState(root: "/home/ann/shop", now: Self.now, rows: rows, columns: columns)
        state.overview.pipelines = [
            .init(
                name: "broken.yaml", file: "config/broken.yaml", fault: "line 3: there is no stage type 'sq'", runs: []),
            .init(name: "new", file: "config/new.yaml", stageCount: 3, runs: []),
            .init(name: "sales", file: "config/sales.yaml", stageCount: 6, runs: sales),
            .init(name: "stock", file: "config/stock.yaml", stageCount: 6, runs: stock),
        ]
        state.overview.runs = (sales + stock).sorted { $0.started > $1.started }
        return state
    }

    @Test("A day is that of the times on the screen, and today in the form that of the pipeline")
    func zones() throws {
        let east = try #require(TimeZone(identifier: "Pacific/Auckland"))
        var evening = Self.run("sales", .failed, minutesAgo: 0)
        evening.parameters = [:]
        #expect(HomeFilter("day:2026-11-24 state:failed", zone: east).fits(evening))
        #expect(!HomeFilter("day:2026-11-23", zone: east).fits(evening))
        #expect(HomeFilter("day:2026-11-23", zone: .gmt).fits(evening))
        let since = Parameter(name: "since", kind: .date, defaultValue: "today", location: .whole("p.yaml"))
        for (zone, today) in [(east, "2026-11-24"), (.gmt, "2026-11-23")] {
            var form = ParameterForm([since], zone: zone)
            #expect(form.recorded(now: Self.now) == ["since": today])
            form.go(to: 0)
            form.turn(1, now: Self.now)
            #expect(form.arguments == ["since=" + LocalDate(days: (LocalDate(today)?.days ?? 0) + 1).description])
        }
    }

    /// Presses keys, and looks at runs as the list does: `load` has failed in each, which stands as the list says.
    func press(_ keys: [Key], _ state: inout HomeState, harmful: Bool = false) -> [HomeEffect] {
        let reducer = HomeReducer()
        var effects: [HomeEffect] = []
        for key in keys {
            guard let effect = reducer.press(key, &state).first else { continue }
            guard case .prepare(let id, let request) = effect else {
                effects.append(effect)
                continue
            }
            guard let summary = state.overview.runs.first(where: { $0.id == id }) else { continue }
            var sample = SampleRun(
                stages: [SampleRun.stage("load", idempotent: !harmful), SampleRun.stage("mail")], id: id)
            sample.fail("load", after: 10, Failure("exit status 1"), lines: [])
            if summary.trueStatus == .interrupted { sample.start("mail") }
            if [.failed, .cancelled].contains(summary.trueStatus) { sample.happen(.runEnded(.failed)) }
            let isLive = summary.trueStatus == .running
            let reader = ConfirmationBuilder(
                run: sample.state, isLive: isLive, now: state.now, files: { _ in [] },
                previewReopening: { ReopenPreview(state: $0, file: $0.plan.file, change: nil) })
            reducer.ask(reader.build(request), of: sample.state, isLive: isLive, &state)
        }
        return effects
    }

    @Test("Runs that are too old for the list count as well")
    func olderRuns() {
        var state = state(rows: 40, columns: 120)
        state.overview.olderRuns = 191
        let text = HomeScreen.draw(state).text
        #expect(text.contains("206 runs") && text.contains("15 of 206"), "\(text)")
    }

    @Test("It is drawn at every size", arguments: [(40, 10), (80, 24), (120, 40), (200, 60)])
    func screens(columns: Int, rows: Int) throws {
        let drawn = HomeScreen.draw(state(rows: rows, columns: columns), zone: .gmt).styledText
        try Golden.compare(drawn, with: "home-\(columns)x\(rows).txt")
    }

    // MARK: - Schedules

    /// The list with schedules: one that is due, one that is paused, one whose slots went badly.
    func scheduled(rows: Int = 24, columns: Int = 80, hasScheduler: Bool = true) throws -> HomeState {
        var state = state(rows: rows, columns: columns)
        func entry(
            _ pipeline: String, _ cron: String, _ recent: [(RecordedSlot.Outcome, RunState.Status?)],
            paused: WatchedSchedule.Pause? = nil, late: Bool = false
        ) throws -> ScheduleOverview.Entry {
            let schedule = Schedule(
                name: Schedule.usualName, trigger: .cron(try CronExpression(cron)),
                location: .whole("config/\(pipeline).yaml"))
            let table = try #require(Timetable(schedule, in: .utc))
            var at = Self.now.wall / 1000
            let slots = recent.enumerated().compactMap { number, slot -> RecordedSlot? in
                guard let before = table.previous(before: at) else { return nil }
                at = before.instant
                let planned = Slot(
                    pipeline: pipeline, schedule: schedule.name, planned: at * 1000, date: before.date)
                return RecordedSlot(
                    id: Int64(100 - number), slots: SlotSpan(planned), outcome: slot.0,
                    reason: slot.0 == .missed ? "nothing was there to run it at its time, and 'catch_up' is none" : "",
                    decidedAt: at * 1000, starts: 1, run: slot.1 == nil ? nil : RunID("r"), runStatus: slot.1)
            }
            return ScheduleOverview.Entry(
                key: ScheduleKey(pipeline: pipeline, schedule: schedule.name), schedule: schedule, zone: .utc,
                file: "/home/ann/shop/config/\(pipeline).yaml",
                next: table.next(after: Self.now.wall / 1000).map { $0.instant * 1000 }, pause: paused,
                recent: slots, late: late ? [slots[1].slots.last] : [], isKnown: true, decidedThrough: Self.now.wall)
        }
        let pause = WatchedSchedule.Pause(from: Self.now.wall - 7_200_000, reason: "no data until Monday", by: "ann")
        for index in state.overview.pipelines.indices {
            switch state.overview.pipelines[index].name {
            case "new": state.overview.pipelines[index].schedules = [try entry("new", "0 6 * * MON", [], paused: pause)]
            case "sales":
                state.overview.pipelines[index].schedules = [
                    try entry(
                        "sales", "0 * * * *",
                        [
                            (.missed, nil), (.run, .succeeded), (.run, .failed), (.skipped, nil),
                            (.caughtUp, .succeeded),
                        ],
                        late: true)
                ]
            case "stock":
                state.overview.pipelines[index].schedules = [try entry("stock", "30 4 24 12 *", [(.run, .running)])]
            default: break
            }
        }
        state.selection = .pipeline("config/sales.yaml")
        if hasScheduler {
            state.overview.scheduler = SchedulerLock.Holder(
                process: 4711, host: "etl-1", since: Self.now.wall - 60_000, isOnce: false)
        }
        return state
    }

    @Test(
        "What runs by itself is shown with its next time and its last slots",
        arguments: [(40, 10), (80, 24), (120, 40), (200, 60)])
    func scheduledScreens(columns: Int, rows: Int) throws {
        var state = try scheduled(rows: rows, columns: columns)
        state.selection = .pipeline("config/sales.yaml")
        try Golden.compare(
            HomeScreen.draw(state, zone: .gmt).styledText, with: "home-scheduled-\(columns)x\(rows).txt")
    }

    @Test("Where nothing starts what is due, the screen says so")
    func noScheduler() throws {
        var state = try scheduled(hasScheduler: false)
        state.selection = .pipeline("config/sales.yaml")
        let text = HomeScreen.draw(state, zone: .gmt).text
        #expect(text.contains("no scheduler runs; start it with: caudal schedule"))
        #expect(text.contains("no scheduler runs   "))
    }

    @Test("p pauses the schedules of a pipeline after a question, and resumes them where all are paused")
    func pausing() throws {
        var state = try scheduled()
        let sales = ScheduleKey(pipeline: "sales", schedule: Schedule.usualName)
        let new = ScheduleKey(pipeline: "new", schedule: Schedule.usualName)
        state.selection = .pipeline("config/sales.yaml")
        #expect(press([.character("p"), .enter], &state).isEmpty, "no comes first")
        #expect(press([.character("p"), .tab, .enter], &state) == [.pause([sales], true)])
        state.selection = .pipeline("config/new.yaml")
        _ = press([.character("p")], &state)
        #expect(state.question?.lines == ["Paused 2 h ago by ann: no data until Monday"])
        #expect(press([.tab, .enter], &state) == [.pause([new], false)])
        state.selection = .pipeline("config/sales.yaml")
        #expect(press([.character("n"), .tab, .enter], &state) == [.runScheduled(sales)])
        let place = try #require(state.overview.pipelines.firstIndex { $0.name == "sales" })
        var other = state.overview.pipelines[place].schedules[0]
        other.key = ScheduleKey(pipeline: "sales", schedule: "nightly")
        state.overview.pipelines[place].schedules.append(other)
        _ = press([.character("n")], &state)
        #expect(state.question?.lines.contains("Also: 'nightly', by caudal schedule run-now sales NAME.") == true)
        _ = press([.escape], &state)
        state.selection = .pipeline("config/broken.yaml")
        #expect(press([.character("p")], &state).isEmpty && state.question == nil)
        #expect(state.standingToast?.text == "broken.yaml has no schedule")
    }

    @Test("A pipeline is run only after a question that is answered with yes")
    func running() {
        var state = state()
        #expect(press([.down, .down, .down, .enter, .enter], &state).isEmpty, "no comes first")
        #expect(press([.enter, .tab, .enter], &state) == [.run("config/sales.yaml")])
    }

    /// The list with a pipeline that takes a day, which must be given, a region and a number.
    func withParameters(rows: Int = 24, columns: Int = 80) throws -> HomeState {
        var state = state(rows: rows, columns: columns)
        let place = try #require(state.overview.pipelines.firstIndex { $0.name == "new" })
        func parameter(_ name: String, _ kind: Parameter.Kind, _ value: String?, _ about: String = "") -> Parameter {
            Parameter(
                name: name, kind: kind, defaultValue: value, description: about, location: .whole("config/new.yaml"))
        }
        state.overview.pipelines[place].parameters = [
            parameter("day", .date, nil, "whose orders are loaded"), parameter("region", .choice(["eu", "us"]), "eu"),
            parameter("limit", .integer, "100"),
        ]
        state.selection = .pipeline("config/new.yaml")
        return state
    }

    @Test("How long a run should take is told by those with the values that are typed")
    func estimate() {
        var state = state(rows: 40, columns: 120)
        guard let place = state.overview.pipelines.firstIndex(where: { $0.name == "sales" }) else { return }
        state.overview.pipelines[place].parameters = [
            Parameter(
                name: "size", kind: .choice(["large", "small"]), defaultValue: "large", location: .whole("f.yaml"))
        ]
        state.overview.pipelines[place].runs = (1...12).map { number in
            var run = Self.run("sales", .succeeded, minutesAgo: Int64(number), seconds: number % 3 == 0 ? 2 : 90)
            run.parameters = ["size": number % 3 == 0 ? "small" : "large"]
            return run
        }
        state.selection = .pipeline("config/sales.yaml")
        _ = press([.enter], &state)
        func screen() -> String { HomeScreen.draw(state, zone: .gmt).text }
        #expect(screen().contains("Should take: 1:30, as in 8 runs with the same values"), "\(screen())")
        _ = press([.up, .right], &state)
        #expect(screen().contains("Should take: 2.0s, as in 4 runs with the same values"), "\(screen())")
    }

    @Test("A pipeline with parameters asks for them; what is not given is its default")
    func parameters() throws {
        var state = try withParameters()
        _ = press([.enter], &state)
        #expect(state.question?.form.place == 0)
        let typed = "2026-11-22".map { Key.character($0) }
        #expect(press(typed + [.enter, .right, .enter, .enter], &state).isEmpty)
        #expect(state.question?.form.place == nil)
        #expect(press([.enter], &state) == [.run("config/new.yaml", parameters: ["day=2026-11-22", "region=us"])])
        #expect(state.question == nil)
    }

    @Test("A value that does not fit is told and nothing runs; days and numbers go up and down")
    func unfitParameters() throws {
        var state = try withParameters()
        _ = press([.enter, "x", .enter, .enter, .left, .enter], &state)
        #expect(press([.enter], &state).isEmpty)
        #expect(state.question?.form.place == 0)
        #expect(state.toast?.text == "day: 'x' is not a date; write it as 2026-11-23, today or yesterday")
        let typed = "today".map { Key.character($0) }
        _ = press([.control("u")] + typed + [.left, .enter, .enter, .enter], &state)
        #expect(
            press([.enter], &state) == [.run("config/new.yaml", parameters: ["day=2026-11-22", "limit=99"])])
    }

    @Test("Where every parameter has a default, yes and enter are enough, and the values are reached upwards")
    func defaultParameters() throws {
        var state = try withParameters()
        let place = try #require(state.overview.pipelines.firstIndex { $0.name == "new" })
        state.overview.pipelines[place].parameters.removeFirst()
        #expect(press([.enter, .tab, .enter], &state) == [.run("config/new.yaml")])
        _ = press([.enter, .up, .backspace], &state)
        #expect(state.question?.form.fields.map(\.text) == ["eu", "10"])
        #expect(press([.enter, .enter], &state) == [.run("config/new.yaml", parameters: ["limit=10"])])
    }

    @Test("The form is drawn at every size", arguments: [(40, 10), (80, 24), (120, 40), (200, 60)])
    func formScreens(columns: Int, rows: Int) throws {
        var state = try withParameters(rows: rows, columns: columns)
        _ = press([.enter, "x"], &state)
        try Golden.compare(
            HomeScreen.draw(state, zone: .gmt).styledText, with: "home-form-\(columns)x\(rows).txt")
    }

    @Test(
        "A form that is taller than the screen is scrolled: the field is seen, the answers too, and how many there are above and below",
        arguments: [(40, 10), (60, 20), (80, 24), (120, 40)])
    func tallForm(columns: Int, rows: Int) throws {
        var state = try withParameters(rows: rows, columns: columns)
        let place = try #require(state.overview.pipelines.firstIndex { $0.name == "new" })
        let count = 48
        state.overview.pipelines[place].parameters = (1...count).map { number in
            Parameter(
                name: "value\(number)", kind: .string, defaultValue: "v\(number)", location: .whole("config/new.yaml"))
        }
        _ = press([.enter], &state)
        for step in 0...count {
            let text = HomeScreen.draw(state, zone: .gmt).text
            let chosen = state.question?.form.place
            #expect(text.contains("No") && text.contains("Yes"), "\(text)")
            if let chosen {
                #expect(text.contains("❯ value\(chosen + 1) "), "field \(chosen + 1): \(text)")
                let shown = (1...count).filter { text.contains(" value\($0) ") }
                let (above, below) = ((shown.first ?? 1) - 1, count - (shown.last ?? count))
                #expect(above == 0 || text.contains("↑ \(above.counted("field")) above"), "\(above): \(text)")
                #expect(below == 0 || text.contains("↓ \(below.counted("field")) below"), "\(below): \(text)")
            }
            #expect((chosen == nil) == (step == 0), "\(step)")
            _ = press([.up], &state)
        }
    }

    @Test(
        "The help of the list scrolls by lines and pages and by the wheel, and stops at its end",
        arguments: [(40, 10), (60, 14)])
    func scrolledHelp(columns: Int, rows: Int) {
        var state = state(rows: rows, columns: columns)
        _ = press(["?"], &state)
        for key in [Key.down, .wheelDown(row: 4, column: 9), .pageDown, " "] {
            let before = HomeScreen.draw(state).text
            _ = press([key], &state)
            #expect(state.helpScroll != nil && HomeScreen.draw(state).text != before, "\(key)")
        }
        for _ in 0..<200 { _ = press(["j"], &state) }
        let end = HomeScreen.draw(state).text
        #expect(!end.contains("below"), "\(end)")
        _ = press(["k"], &state)
        #expect(HomeScreen.draw(state).text != end, "one step back is seen at once")
    }

    @Test("A file that is wrong is not run: it is said what is wrong")
    func fault() {
        var state = state()
        #expect(press([.enter], &state).isEmpty)
        #expect(state.question == nil)
        #expect(state.standingToast?.text.contains("no stage type 'sq'") == true)
    }

    @Test("Enter on a run opens it")
    func opening() throws {
        var state = state()
        let newest = try #require(state.runs.first?.id)
        #expect(press([.tab, .enter], &state) == [.open(newest)])
    }

    @Test("What r does depends on how the run stands")
    func retrying() throws {
        var state = state()
        func press(on status: RunState.Status) throws -> (RunID, [HomeEffect]) {
            let id = try #require(state.runs.first { $0.trueStatus == status }?.id)
            state.asking = nil
            state.selection = .run(id)
            return (id, self.press([.character("r"), .tab, .enter], &state))
        }
        for status in [RunState.Status.failed, .cancelled] {
            let (id, effects) = try press(on: status)
            #expect(effects == [.reopen(id, .retryFailed, agreed: Self.nothing)])
        }
        let (dead, resumed) = try press(on: .interrupted)
        #expect(resumed == [.reopen(dead, nil, agreed: Self.nothing)])
        let (live, asked) = try press(on: .running)
        #expect(asked == [.ask(live, .retryFailed)])
        state.asking = nil
        state.selection = .run(try #require(state.runs.first { $0.trueStatus == .succeeded }).id)
        #expect(self.press([.character("r")], &state).isEmpty)
        #expect(!state.isAsking, "what succeeded is not retried")
    }

    private static let nothing = ReopenAgreement(differences: [], harmful: [])

    @Test(
        "What does harm when it runs twice is run again only after its name was typed, from any row",
        arguments: [RunState.Status.failed, .cancelled, .running, .interrupted])
    func harmful(status: RunState.Status) throws {
        var state = state()
        let id = try #require(state.runs.first { $0.trueStatus == status }?.id)
        state.selection = .run(id)
        // What an interrupted run had under way, and what had failed before, is asked about by the same rule.
        let early = press([.character("r"), .tab, .enter], &state, harmful: true)
        if status == .interrupted {
            // It goes on with what was under way, which does no harm; what had failed stays as it is.
            #expect(early == [.reopen(id, nil, agreed: Self.nothing)] && !state.isAsking)
            return
        }
        #expect(early.isEmpty)
        #expect(state.standingToast?.text == "type load to confirm")
        #expect(HomeScreen.draw(state, zone: .gmt).text.contains("running it twice does harm: load"))
        let effects = press("load".map { .character($0) } + [.enter], &state, harmful: true)
        #expect(effects.count == 1)
        #expect(!state.isAsking)
    }

    @Test("What goes on in a question stays in it: a filter, a move and a quit do nothing there")
    func keysInQuestion() throws {
        var state = state()
        state.selection = .run(try #require(state.runs.first { $0.trueStatus == .failed }?.id))
        #expect(press([.character("r"), .character("q"), .down, .character("/"), .escape], &state).isEmpty)
        #expect(!state.isAsking && !state.isTyping)
    }

    @Test(
        "A filter chooses by state, day and parameters, and turns words round",
        arguments: [
            ("state:fail", 0, 1), ("!state:succeeded sales", 0, 1), ("day:2026-11-23 !sales", 1, 3), ("day:2025", 0, 0),
            ("state:interrupted", 0, 1), ("!stock", 3, 12), ("nothing:here", 0, 0), ("!", 4, 15),
        ])
    func filterByField(text: String, pipelines: Int, runs: Int) {
        var state = state()
        state.filter = text
        #expect((state.pipelines.count, state.runs.count) == (pipelines, runs))
    }

    @Test("Lists say how many lines they hide, by the filter and by their height, above and below")
    func hidden() {
        var state = state(rows: 20, columns: 80)
        func rules() -> [Substring] {
            HomeScreen.draw(state, zone: .gmt).text.split(separator: "\n").filter {
                $0.contains(" RUNS ") || $0.contains(" PIPELINES ")
            }
        }
        #expect(rules()[0].contains(" 4 ━") && rules()[1].contains("↓ 7 more  15 ─"), "\(rules())")
        state.selection = .run(state.runs[8].id)
        #expect(rules()[1].contains("↑ 4 more  ↓ 3 more  15 ━"), "\(rules())")
        state.filter = "sales"
        #expect(rules()[0].contains(" 1 of 4 ") && rules()[1].contains("more  12 of 15 "), "\(rules())")
    }

    @Test("A filter keeps what holds all of its words; esc shows all again")
    func filter() {
        var state = state()
        let all = state.listed.count
        _ = press([.character("/")] + "stock canc".map { .character($0) } + [.enter], &state)
        #expect(state.pipelines.isEmpty)
        #expect(state.runs.map(\.trueStatus) == [.cancelled])
        _ = press([.escape], &state)
        #expect(state.listed.count == all)
    }

    @Test("A read-only list starts nothing")
    func readOnly() {
        var state = HomeState(root: "/", now: Self.now, rows: 24, columns: 80, isReadOnly: true)
        state.overview = self.state().overview
        let effects = press([.down, .enter, .tab, .enter, .character("r"), .tab, .enter], &state)
        #expect(effects.allSatisfy { if case .open = $0 { true } else { false } }, "\(effects)")
    }

    @Test("Any keys in any order leave a state that can be drawn at any size")
    func anyKeys() {
        let keys: [Key] =
            [.up, .down, .tab, .enter, .escape, .pageDown, .pageUp, .home, .end, .backspace]
            + "jkgG/r?hlxq ".map { .character($0) }
        var random = SplitMix64(seed: 7)
        var state = state()
        for step in 0..<2000 {
            _ = HomeReducer().press(keys[Int(random.next() % UInt64(keys.count))], &state)
            if step % 10 == 0 {
                state.rows = Int(random.next() % 60)
                state.columns = Int(random.next() % 200)
                _ = HomeScreen.draw(state)
            }
        }
    }

    @Test("What needs attention comes first, then what runs, then the others; a run that goes on tells how it stands")
    func order() {
        var state = state()
        func pipeline(_ name: String, _ statuses: [RunState.Status]) -> ProjectOverview.Pipeline {
            let runs = statuses.enumerated().map { place, status in
                Self.run(name, status, minutesAgo: Int64(place * 60 + 5), isLive: status == .running)
            }
            return .init(name: name, file: "config/\(name).yaml", runs: runs)
        }
        state.overview = ProjectOverview(pipelines: [
            pipeline("a", [.succeeded]), pipeline("b", [.failed, .running]), pipeline("c", []),
            pipeline("d", [.failed, .succeeded]),
        ])
        #expect(state.pipelines.map(\.name) == ["d", "b", "a", "c"])
        #expect(state.pipelines[1].current?.trueStatus == .running)
    }
}
