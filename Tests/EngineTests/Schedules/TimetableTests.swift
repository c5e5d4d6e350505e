import CaudalModel
import Engine
import Foundation
import Testing

@Suite("Timetables")
struct TimetableTests {
    @Test(
        "Fixed times run once where the clock changes, in a gap at its end; all others follow real time",
        arguments: [
            // Spring in Berlin: 2026-03-29, 02:00 becomes 03:00 at 01:00 UTC.
            ("30 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z", ["2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"]),
            (
                "0,30 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z",
                ["2026-03-29T01:00:00Z", "2026-03-30T00:00:00Z"]
            ),
            (
                "30 2,3 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z",
                ["2026-03-29T01:00:00Z", "2026-03-29T01:30:00Z"]
            ),
            (
                "*/30 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z",
                ["2026-03-30T00:00:00Z", "2026-03-30T00:30:00Z"]
            ),
            ("30 * * * *", "Europe/Berlin", "2026-03-29T00:00:00Z", ["2026-03-29T00:30:00Z", "2026-03-29T01:30:00Z"]),
            // Autumn: 2026-10-25, 03:00 becomes 02:00 at 01:00 UTC.
            ("30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z", ["2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"]),
            (
                "30 */2 * * *", "Europe/Berlin", "2026-10-25T00:00:00Z",
                ["2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z"]
            ),
            // Half an hour on Lord Howe, a day in Samoa.
            (
                "15 2 * * *", "Australia/Lord_Howe", "2026-10-03T12:00:00Z",
                ["2026-10-03T15:30:00Z", "2026-10-04T15:15:00Z"]
            ),
            ("0 12 * * *", "Pacific/Apia", "2011-12-29T12:00:00Z", ["2011-12-29T22:00:00Z", "2011-12-30T10:00:00Z"]),
        ])
    func clockChanges(cron: String, zone: String, after: String, expected: [String]) throws {
        let table = try Timetable(cron, zone)
        #expect(table.next(expected.count, after: after).map { iso($0.instant) } == expected)
    }

    @Test("What stands in a gap keeps the day that was meant")
    func gapDate() throws {
        let found = try Timetable("30 23 30 12 *", "Pacific/Apia").next(1, after: "2011-12-29T12:00:00Z")
        #expect(found.first?.date.description == "2011-12-30" && found.first?.isSkipped == true)
        #expect(found.map { iso($0.instant) } == ["2011-12-30T10:00:00Z"])
    }

    @Test("Backwards the same times are found as forwards, in every zone")
    func bothWays() throws {
        var generator = SeededGenerator(seed: 7)
        let crons = [
            "30 2 * * *", "*/20 1-3 * * *", "15 0,1,2,3,23 * * 0,6", "0 */5 L * *", "59 23 */3 * *", "7 * * * *",
        ]
        for name in ZoneLibrary().names.shuffled(using: &generator).prefix(60) {
            let cron = crons.randomElement(using: &generator) ?? ""
            let table = try Timetable(cron, name)
            let year = Int.random(in: 1972...2400, using: &generator)
            let start = Int64((year - 1970) * 31_556_952)
            var forwards: [Timetable.Occurrence] = []
            var at = start
            while let one = table.next(after: at), one.instant < start + 200 * 86_400 {
                #expect(one.instant > at)
                forwards.append(one)
                at = one.instant
            }
            var backwards: [Timetable.Occurrence] = []
            at = start + 200 * 86_400
            while let one = table.previous(before: at), one.instant > start {
                backwards.append(one)
                at = one.instant
            }
            #expect(forwards == backwards.reversed(), "\(cron) \(name) \(year)")
        }
    }

    @Test("A search over centuries takes no time, and one without an end has one", .timeLimit(.minutes(15)))
    func centuries() throws {
        let leapMonday = try Timetable("0 0 */28 2 MON", "America/New_York")
        #expect(
            leapMonday.next(2, after: "1990-03-01T00:00:00Z").map { iso($0.instant) }.first == "1993-02-01T05:00:00Z")
        let leapFriday = try Timetable("0 0 * 2 FRI#5", "Europe/Berlin")
        #expect(leapFriday.next(1, after: "2072-01-01T00:00:00Z").map(\.date.description) == ["2092-02-29"])
        #expect(leapFriday.next(1, after: "2093-01-01T00:00:00Z").map(\.date.description) == ["2104-02-29"])
        #expect(try Timetable("0 0 30 2 *", "Europe/Berlin").next(after: 0) == nil)
        #expect(try Timetable("0 0 30 2 *", "Europe/Berlin").previous(before: 0) == nil)
        #expect(try Timetable("30 2 * * *", "Europe/Berlin").next(1, after: "9999-03-27T12:00:00Z").count == 1)
    }

    @Test("A calendar leaves out days, and takes in others at the same time of the day")
    func calendar() throws {
        var calendar = ScheduleCalendar(businessDays: true)
        try calendar.skipped.insert(#require(LocalDate("2026-12-24")))
        calendar.skipped.insertYearly(month: 12, day: 25)
        try calendar.included.insert(#require(LocalDate("2026-12-27")))
        let table = try Timetable("0 6 * * *", "Europe/Berlin", calendar: calendar)
        let found = table.next(5, after: "2026-12-22T12:00:00Z")
        #expect(
            found.map(\.date.description) == ["2026-12-23", "2026-12-27", "2026-12-28", "2026-12-29", "2026-12-30"])
        let monthly = try Timetable("0 6 1 * *", "Europe/Berlin", calendar: calendar)
        #expect(monthly.next(2, after: "2026-12-10T00:00:00Z").map(\.date.description) == ["2026-12-27", "2027-01-01"])
        #expect(table.previous(before: instant("2026-12-28T04:00:00Z"))?.date.description == "2026-12-27")
    }

    @Test("Intervals count from their anchor in real time, and a calendar leaves out their days")
    func intervals() throws {
        let berlin = knownZone("Europe/Berlin")
        let table = Timetable(.every(seconds: 5400, anchor: instant("2026-01-01T00:10:00Z")), in: berlin)
        #expect(
            table.next(3, after: "2026-03-29T00:00:00Z").map { iso($0.instant) } == [
                "2026-03-29T00:10:00Z", "2026-03-29T01:40:00Z", "2026-03-29T03:10:00Z",
            ])
        #expect(
            table.previous(before: instant("2025-12-31T23:00:00Z")).map { iso($0.instant) } == "2025-12-31T22:40:00Z")
        let calendar = ScheduleCalendar(businessDays: true)
        let workdays = Timetable(.every(seconds: 7200, anchor: 0), in: berlin, calendar: calendar)
        // Friday 22:00 to Monday 00:00 in Berlin.
        #expect(
            workdays.next(2, after: "2026-07-03T19:00:00Z").map { iso($0.instant) } == [
                "2026-07-03T20:00:00Z", "2026-07-05T22:00:00Z",
            ])
        #expect(
            workdays.previous(before: instant("2026-07-05T22:00:00Z")).map { iso($0.instant) }
                == "2026-07-03T20:00:00Z")
    }
}

/// Random numbers from a seed: SplitMix64.
struct SeededGenerator: RandomNumberGenerator {
    var seed: UInt64

    init(seed: UInt64) { self.seed = seed }

    mutating func next() -> UInt64 {
        seed &+= 0x9E37_79B9_7F4A_7C15
        var mixed = (seed ^ seed >> 30) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
        return mixed ^ mixed >> 31
    }
}
