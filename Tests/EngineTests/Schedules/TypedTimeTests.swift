import CaudalModel
import Engine
import Testing

@Suite("Times as they are typed", .timeLimit(.minutes(15))) struct TypedTimeTests {
    /// 2026-11-28T13:30:00Z, a Saturday.
    private let now: Int64 = 1_795_872_600_000

    private func text(_ expression: String, _ zone: String = "UTC", isEnd: Bool = false) throws -> String? {
        let zone = try #require(ZoneLibrary().zone(named: zone))
        return TypedTime(expression, now: now, in: zone).map { UTC.iso(isEnd ? $0.end : $0.instant) }
    }

    @Test(
        "An expression is one point in time",
        arguments: [
            ("now", "2026-11-28T13:30:00.000Z"), ("2h", "2026-11-28T11:30:00.000Z"),
            ("90m ago", "2026-11-28T12:00:00.000Z"),
            ("1d12h", "2026-11-27T01:30:00.000Z"), ("today", "2026-11-28T00:00:00.000Z"),
            ("yesterday", "2026-11-27T00:00:00.000Z"), ("Yesterday 06:30", "2026-11-27T06:30:00.000Z"),
            ("06:30", "2026-11-28T06:30:00.000Z"), ("6:30", "2026-11-28T06:30:00.000Z"),
            ("06:30:15.5", "2026-11-28T06:30:15.500Z"),
            ("2026-03-01", "2026-03-01T00:00:00.000Z"), ("2026-03-01 07:08", "2026-03-01T07:08:00.000Z"),
            ("2026-03-01T07:08:09", "2026-03-01T07:08:09.000Z"),
            ("2026-03-01T07:08:09.123Z", "2026-03-01T07:08:09.123Z"),
            // Less than a millisecond is not lost: a time that has passed has passed.
            ("2026-03-01T07:08:09.1230001Z", "2026-03-01T07:08:09.124Z"),
            ("2026-03-01T07:08+02:00", "2026-03-01T05:08:00.000Z"),
            ("2026-03-01 07:08-0330", "2026-03-01T10:38:00.000Z"),
        ])
    func instants(_ expression: String, _ expected: String) throws { #expect(try text(expression) == expected) }

    @Test(
        "A time without an offset is one of the zone's clock",
        arguments: [
            ("today", "Europe/Berlin", "2026-11-27T23:00:00.000Z"),
            ("06:30", "America/New_York", "2026-11-28T11:30:00.000Z"),
            // Tokyo is a day ahead at this time of day only from 15:00 UTC on.
            ("today", "Asia/Tokyo", "2026-11-27T15:00:00.000Z"),
            ("2026-07-01 12:00", "Europe/Berlin", "2026-07-01T10:00:00.000Z"),
            // The clock goes from 02:00 to 03:00: what it leaves out is the end of the gap.
            ("2026-03-29 02:30", "Europe/Berlin", "2026-03-29T01:00:00.000Z"),
            // It shows 02:30 twice: the first one.
            ("2026-10-25 02:30", "Europe/Berlin", "2026-10-25T00:30:00.000Z"),
            ("2026-07-01T12:00:00Z", "Europe/Berlin", "2026-07-01T12:00:00.000Z"),
        ])
    func zones(_ expression: String, _ zone: String, _ expected: String) throws {
        #expect(try text(expression, zone) == expected)
    }

    @Test("A day stands for its end where the end of a range is asked for")
    func ends() throws {
        #expect(try text("yesterday", isEnd: true) == "2026-11-27T23:59:59.999Z")
        #expect(try text("2026-10-25", "Europe/Berlin", isEnd: true) == "2026-10-25T22:59:59.999Z")
        #expect(try text("06:30", isEnd: true) == "2026-11-28T06:30:00.000Z")
    }

    @Test("A day is told from a time of it, by the clock of a zone")
    func days() throws {
        let zone = try #require(ZoneLibrary().zone(named: "Europe/Berlin"))
        let day = try #require(TypedTime("yesterday", now: now, in: zone))
        #expect(day.day == LocalDate("2026-11-27") && day.words(zone) == "2026-11-27")
        let time = try #require(TypedTime("2026-11-20T05:00:00Z", now: now, in: zone))
        #expect(time.day == nil && time.words(zone) == "2026-11-20 06:00")
        // A day lasts as long as the clock of the zone makes it: 25 hours here.
        let long = try #require(TypedTime("2026-10-25", now: now, in: zone))
        #expect(long.end - long.instant == 25 * 3_600_000 - 1)
    }

    @Test(
        "Anything else is no time",
        arguments: [
            "", "soon", "2", "2x", "2026-13-01", "2026-02-30", "25:00", "06:60", "006:30", "2026-03-01x", "2026-03-01 ",
            "today06:00",
            "06:30+25:00", "06:30:15.", "06:30:15.5.5", "06:30+1", "-2h", "06:30:61", "1e400h",
        ])
    func refused(_ expression: String) throws { #expect(try text(expression) == nil) }

    @Test("A time that the clock shows twice means both points in time; with an offset, and elsewhere, it is one")
    func shownTwice() throws {
        let berlin = try #require(ZoneLibrary().zone(named: "Europe/Berlin"))
        func minutes(_ text: String) throws -> [String] {
            try #require(TypedTime(text, now: 0, in: berlin)).minutes.map { UTC.isoSecond($0.lowerBound) }
        }
        #expect(try minutes("2026-10-25 02:30") == ["2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z"])
        #expect(try minutes("2026-10-25 02:30+01:00") == ["2026-10-25T01:30:00Z"])
        #expect(try minutes("2026-10-25 01:30") == ["2026-10-24T23:30:00Z"])
        #expect(try minutes("2026-10-25 03:00") == ["2026-10-25T02:00:00Z"])
        #expect(try minutes("2026-03-29 02:30") == ["2026-03-29T01:00:00Z"])
        #expect(try minutes("2026-10-25").count == 1)
    }
}
