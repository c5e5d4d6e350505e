import CaudalModel
import Engine
import Testing

@Suite("Schedules in pipeline files")
struct ScheduleEntryReaderTests {
    /// The schedules of a file that has these lines, and what is said of them, each with its line and column.
    private static func read(_ lines: String, head: String = "") throws -> (schedules: [Schedule], told: [String]) {
        let problems = ConfigProblems()
        let text = """
            version: 1
            name: sales
            params: {day: {type: date, default: today}, mode: {type: enum, values: [full, part], default: full}, file: {type: string, default: none}}
            environments: {prod: {max_parallel: 1}}
            \(head)
            stages: {a: {type: command, run: ./a}}
            schedule:
            """
        let source = ConfigSource(file: "p.yaml", text: text + "\n" + lines)
        let node = try #require(source.read(problems))
        var reader = PipelineReader(
            problems: problems, stageTypes: StageTypes.readers, checks: CheckKinds.read,
            schedules: ScheduleEntryReader.reader(now: Moment(wall: instant("2026-01-15T00:00:00Z") * 1000, steady: 0)),
            notifications: NotificationRulesReader.read)
        let pipeline = reader.read(node, file: "p.yaml", folder: "/", defaultParallel: 1)
        let told = problems.errors
        return (
            pipeline.schedules, told.map { String($0.oneLine.dropFirst("p.yaml:".count)) }
        )
    }

    @Test("Every key is read")
    func everything() throws {
        let (schedules, told) = try Self.read(
            """
              - name: nightly
                cron: "0 30 2 * * MON-FRI"
                seconds: true
                timezone: Europe/Berlin
                params: {mode: part, day: yesterday}
                environment: prod
                calendar: {business_days: true, skip: [2026-12-24..2026-12-26, 01-01], include: 2026-12-27}
                jitter: 5m
                catch_up: all
                catch_up_window: 2d
                overlap: wait
                deadline: 1h
                enabled: false
              - {name: often, every: 90m, anchor: 00:05}
              - {name: behind, after: {datasets: [other/table], files: "inbox/*.csv", settle: 30s, param: file}}
            """)
        // Clock changes are notes; nothing else is said.
        #expect(told.allSatisfy { $0.contains("note: the clock of Europe/Berlin") })
        #expect(schedules.map(\.name) == ["nightly", "often", "behind"])
        let nightly = try #require(schedules.first)
        #expect(nightly.timezone == "Europe/Berlin" && nightly.parameters == ["mode": "part", "day": "yesterday"])
        #expect(nightly.environment == "prod" && nightly.jitter == .seconds(300) && nightly.catchUp == .all)
        #expect(nightly.catchUpWindow == .seconds(172_800) && nightly.overlap == .wait && !nightly.isEnabled)
        #expect(nightly.deadline == .seconds(3600))
        let table = try #require(Timetable(nightly, in: knownZone("Europe/Berlin")))
        #expect(
            table.next(3, after: "2026-12-22T12:00:00Z").map { iso($0.instant) } == [
                "2026-12-23T01:30:00Z", "2026-12-27T01:30:00Z", "2026-12-28T01:30:00Z",
            ])
        let often = try #require(Timetable(schedules[1], in: .utc))
        #expect(often.next(1, after: "2026-01-01T00:00:00Z").map { iso($0.instant) } == ["2026-01-01T00:05:00Z"])
        guard case .after(let arrivals) = schedules[2].trigger else { return #expect(Bool(false), "no arrivals") }
        #expect(arrivals.datasets.map(\.value) == [.init(pipeline: "other", dataset: "table")])
        #expect(arrivals.files.map(\.value) == ["inbox/*.csv"] && arrivals.settle == .seconds(30))
        #expect(arrivals.parameter == "file")
    }

    @Test("What is left out has its usual value; the zone is that of the pipeline")
    func usual() throws {
        let (schedules, told) = try Self.read("  cron: 0 6 * * *", head: "timezone: America/Bogota")
        #expect(told == [])
        let schedule = try #require(schedules.first)
        #expect(schedule.name == "default" && schedule.timezone == "America/Bogota" && schedule.isEnabled)
        #expect(schedule.catchUp == .latest && schedule.overlap == .skip && schedule.jitter == .zero)
        #expect(schedule.catchUpWindow == .seconds(86_400) && schedule.deadline == nil && schedule.environment == nil)
        #expect(try Self.read("  every: 15m").schedules.first?.timezone == "UTC")
        #expect(try Self.read("  after: other/table").schedules.count == 1)
    }

    @Test("Another time is another schedule; what does not decide when it fires changes nothing")
    func definition() throws {
        func definition(_ lines: String, head: String = "") throws -> String {
            try #require(try Self.read(lines, head: head).schedules.first).definition
        }
        let usual = try definition("  {cron: 0 6 * * *, overlap: wait}")
        #expect(try definition("  {overlap: skip, cron: \"0 6 * * *\", enabled: false}") == usual)
        #expect(try definition("  {cron: 0 7 * * *}") != usual)
        #expect(try definition("  {cron: 0 6 * * *, calendar: {skip: 12-24}}") != usual)
        #expect(try definition("  {cron: 0 6 * * *}", head: "timezone: Asia/Tokyo") != usual)
    }

    @Test(
        "A fault is told with its place and its remedy",
        arguments: [
            (
                "  {cron: 0 6 * 13 *}",
                "8:16: error: the month of 'cron' cannot be '13'; write 1 to 12, or JAN to DEC, '*', a list or a range"
            ),
            (
                "  {cron: \"0 6 * * 1,MONL\"}",
                "8:21: error: the weekday of 'cron' cannot be 'MONL'; write '1L'"
            ),
            (
                "  {cron: 0 0 6 * * *}",
                "8:20: error: '0 0 6 * * *' is not a cron expression: it has six fields; write five, or 'seconds: true' where"
                    + " the first is for seconds"
            ),
            ("  {cron: 0 0 30 2 *}", "8:14: error: no month of this 'cron' has such a day: it never happens"),
            (
                "  {name: x}",
                "8:3: error: the schedule needs 'cron', 'every' or 'after'; write, say, cron: \"0 6 * * *\""
            ),
            (
                "  {cron: 0 6 * * *, every: 5m}",
                "8:21: error: the schedule has 'cron' and 'every'; make a schedule of each"
            ),
            ("  {every: 5}", "8:11: error: 'every' must be a duration, not '5'; add a unit, such as 5s or 5m"),
            ("  {every: 1500ms}", "8:11: error: 'every' must be whole seconds, not '1.5s'"),
            ("  {every: 5m, seconds: true}", "8:15: error: 'seconds' can only be given with 'cron'"),
            ("  {cron: 0 6 * * *, anchor: 00:05}", "8:29: error: 'anchor' can only be given with 'every'"),
            (
                "  {every: 5m, anchor: noon}",
                "8:23: error: 'anchor' must be a time of the schedule's zone, not 'noon'; write, say, 00:05, 2026-01-05 or"
                    + " 2026-01-05T00:05"
            ),
            ("  {every: 5m, jitter: 5m}", "8:15: error: 'jitter' must be shorter than 'every'; remove it"),
            (
                "  {every: 5m, timezone: Europe/Berln}",
                "8:25: error: there is no time zone 'Europe/Berln'; did you mean 'Europe/Berlin'?"
            ),
            (
                "  {every: 5m, params: {dya: today}}",
                "8:24: error: there is no parameter 'dya'; did you mean 'day'?"
            ),
            (
                "  {every: 5m, params: {mode: most}}",
                "8:30: error: the value of parameter 'mode' is not valid: 'most' is not one of full, part"
            ),
            ("  {every: 5m, environment: prd}", "8:28: error: there is no environment 'prd'; did you mean 'prod'?"),
            (
                "  {every: 5m, calendar: {skip: 2026-02-30}}",
                "8:32: error: '2026-02-30' is no date; write 2026-12-24, 12-24 for every year, or 2026-12-24..2027-01-01"
            ),
            (
                "  {every: 5m, calendar: {skip: 2026-03-01..2026-02-01}}",
                "8:32: error: '2026-03-01..2026-02-01' is no stretch of days of up to ten years; write the earlier day first"
            ),
            ("  {every: 5m, catch_up: some}", "8:25: error: 'catch_up' must be none, latest or all, not 'some'"),
            (
                "  {every: 5m, catch_up: none, catch_up_window: 1h}",
                "8:31: error: 'catch_up_window' means nothing with 'catch_up: none'; remove it"
            ),
            (
                "  {every: 5m, catch_up_window: 30s}",
                "8:15: error: 'catch_up_window' must be 1m or longer: a start within a minute is in time anyway; write 'catch_up: none' to catch nothing up"
            ),
            (
                "  {after: orders}",
                "8:11: error: 'orders' is no dataset of a pipeline; write the pipeline's name before it, such as sales/orders"
            ),
            (
                "  {after: a/b, overlap: skip}",
                "8:16: error: 'overlap: skip' means nothing with 'after': whatever arrives has its run; remove it"
            ),
            (
                "  {after: sales/a}",
                "8:11: error: 'sales/a' is a dataset of this pipeline: each run would start the next one, without end;"
                    + " name a dataset of another pipeline"
            ),
            ("  {after: {files: in, param: md}}", "8:30: error: there is no parameter 'md'; there is day, mode, file"),
            (
                "  {after: {files: in, param: day}}",
                "8:30: error: the parameter 'day' is not text, and 'after' gives it the path of a file or the name of a run;"
                    + " declare it with 'type: string'"
            ),
            (
                "  {after: {settle: 5s}}",
                "8:11: error: 'after' needs 'datasets' or 'files'; write, say, after: {files: inbox/*.csv}"
            ),
            ("  {every: 5m, enabled: maybe}", "8:24: error: 'enabled' must be true or false, not 'maybe'"),
            ("  {every: 5m, deadlin: 5m}", "8:15: error: the schedule has no key 'deadlin'; did you mean 'deadline'?"),
            ("  [{every: 5m}, {every: 6m, name: b}]", "8:4: error: the schedule needs 'name'"),
            (
                "  [{every: 5m, name: b}, {every: 6m, name: b}]",
                "8:44: error: there are two schedules 'b'; give each a 'name' of its own"
            ),
            ("  [5]", "8:4: error: the schedule must be a mapping, not '5'"),
        ])
    func faults(lines: String, expected: String) throws {
        let (_, told) = try Self.read(lines)
        #expect(told.contains(expected), "\(told)")
    }

    @Test("What is odd is a warning, and a clock change a note, at their places")
    func oddities() throws {
        let (schedules, told) = try Self.read("  {cron: \"30 2 31 * *\", timezone: Europe/Berlin}")
        #expect(schedules.count == 1)
        #expect(
            told == [
                "8:14: note: the clock of Europe/Berlin shows 2027-10-31 02:30 twice: it runs the first time alone",
                "8:14: note: the clock of Europe/Berlin leaves out 2030-03-31 02:30: it runs once, at 03:00",
                "8:16: warning: there is no day 31 in FEB, APR, JUN, SEP and NOV: it does not run then; write 'L' for the last"
                    + " day of a month",
            ])
    }
}
