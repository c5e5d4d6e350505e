import CaudalModel
import Engine
import Testing

@Suite("Odd schedules")
struct ScheduleOddityTests {
    private static func oddities(_ cron: String, _ zone: String = "UTC") throws -> [ScheduleOddity] {
        try Timetable(cron, zone).oddities(from: instant("2026-01-15T00:00:00Z"))
    }

    @Test(
        "What people do not expect is told with its place",
        arguments: [
            ("0 0 31 * *", 4, "there is no day 31 in FEB, APR, JUN, SEP and NOV: it does not run then"),
            ("0 0 30 * *", 4, "there is no day 30 in FEB: it does not run then"),
            ("0 0 29 1-3 *", 4, "FEB has a day 29 in leap years alone"),
            ("0 0 1,15,31 4,5 *", 9, "there is no day 31 in APR: it does not run then"),
            ("0 0 31W 6 1", 4, "no month of this 'cron' has such a day"),
            ("*/7 * * * *", 0, "'*/7' is uneven: after minute 56 comes 0, 4 minutes later"),
            ("3/7 * * * *", 0, "'3/7' is uneven: after minute 59 comes 3, 4 minutes later"),
            ("0 */5 * * *", 2, "'*/5' is uneven: after hour 20 comes 0, 4 hours later"),
            ("0 0 */2 * *", 4, "'*/2' begins anew with every month: after day 31 comes day 1"),
            ("0 0 1 */5 *", 6, "'*/5' is uneven: after month NOV comes JAN, 2 months later"),
            ("0 0 * * */2", 8, "'*/2' is uneven: after weekday SAT comes SUN, 1 day later"),
            ("59/15 * * * *", 0, "'59/15' is minute 59 alone: no step fits behind it"),
            ("*/90 * * * *", 0, "'*/90' is minute 0 alone: no step fits behind it"),
            ("0 0 * * THU-TUE/2", 8, "'THU-TUE/2' goes over the end of the weekday: it is THU, SAT and TUE"),
            ("0 0 * * SUN-SUN", 8, "'SUN-SUN' is every day of the week"),
            ("0 0 * * SUN-7", 8, "'SUN-7' is every day of the week"),
            ("0 0 1 JAN-JAN *", 6, "'JAN-JAN' is every month"),
            ("0 0 13 * FRI", 9, "the day of the month and the day of the week are both given"),
            ("0 0 * * FRI#5", 8, "'FRI#5' is in some months alone: most have four"),
            ("0 0 30 2 *", 4, "no month of this 'cron' has such a day: it never happens"),
        ])
    func odd(cron: String, offset: Int, message: String) throws {
        let found = try Self.oddities(cron)
        #expect(found.contains { $0.offset == offset && $0.message.hasPrefix(message) }, "\(found)")
    }

    @Test(
        "What is as people expect it is not told of",
        arguments: [
            "0 6 * * *", "*/15 * * * *", "5/15 * * * *", "0 */6 * * *", "0 8-17/3 * * MON-FRI", "0 0 L * *",
            "0 0 1 */3 *",
            "*/7 9 * * *", "0 */5 * * MON", "0 0 28 * *", "0 0 1-31 * *", "0 0 31 JAN,DEC *", "@daily", "H H * * *",
            "0 22-4 * * *", "0 0 8-14 * FRI#2", "0-59 * * * *", "0 0 29 3-12 *", "*/7 9 * * SUN-SAT",
        ])
    func usual(cron: String) throws { #expect(try Self.oddities(cron) == []) }

    @Test(
        "Times that clock changes touch are told with the next date",
        arguments: [
            (
                "30 2 * * *",
                [
                    "the clock of Europe/Berlin leaves out 2026-03-29 02:30: it runs once, at 03:00",
                    "the clock of Europe/Berlin shows 2026-10-25 02:30 twice: it runs the first time alone",
                ]
            ),
            (
                "*/30 2 * * *",
                [
                    "the clock of Europe/Berlin leaves out 2026-03-29 02:00 and 02:30: it does not run then",
                    "the clock of Europe/Berlin shows 2026-10-25 02:00 and 02:30 twice: it runs both times",
                ]
            ),
            (
                "*/5 1-3 * * *",
                [
                    "the clock of Europe/Berlin leaves out 2026-03-29 02:00 and later times: it does not run then",
                    "the clock of Europe/Berlin shows 2026-10-25 02:00 and later times twice: it runs both times",
                ]
            ),
            ("30 2 25 10 *", ["the clock of Europe/Berlin shows 2026-10-25 02:30 twice: it runs the first time alone"]),
            ("*/30 * * * *", []), ("30 4 * * *", []), ("30 2 * * MON", []),
        ])
    func clockChanges(cron: String, expected: [String]) throws {
        let found = try Self.oddities(cron, "Europe/Berlin")
        #expect(found.map(\.message) == expected)
        #expect(found.allSatisfy { $0.weight == .clockChange && $0.offset == cron.firstHourOffset })
        #expect(try Self.oddities(cron, "UTC") == [] && Self.oddities(cron, "Asia/Kolkata") == [])
    }

    @Test("Whole days as an interval drift where clocks change; a calendar without days never fires")
    func intervals() throws {
        let from = instant("2026-01-15T00:00:00Z")
        let daily = Timetable(.every(seconds: 86_400, anchor: 0), in: knownZone("Europe/Berlin"))
        #expect(daily.oddities(from: from).map(\.offset) == [0])
        #expect(daily.oddities(from: from).first?.message.contains("from 2026-03-29 on") == true)
        #expect(Timetable(.every(seconds: 86_400, anchor: 0), in: .utc).oddities(from: from) == [])
        #expect(Timetable(.every(seconds: 900, anchor: 0), in: knownZone("Europe/Berlin")).oddities(from: from) == [])
        let saturdays = try Timetable("0 0 * * SAT", calendar: ScheduleCalendar(businessDays: true))
        #expect(saturdays.oddities(from: from).map(\.weight) == [.never])
    }
}

extension String {
    /// Where the hour of an expression stands.
    fileprivate var firstHourOffset: Int { prefix { $0 != " " }.count + 1 }
}
