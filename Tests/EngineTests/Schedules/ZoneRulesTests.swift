import CaudalModel
import Engine
import Foundation
import Testing

@Suite("Time zones")
struct ZoneRulesTests {
    @Test(
        "A zone's clock is that of Foundation, also in other centuries",
        arguments: [
            "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "America/Santiago",
            "Europe/Dublin",
            "Asia/Tehran", "Pacific/Apia", "America/Sao_Paulo", "UTC",
        ])
    func offsets(name: String) throws {
        let rules = knownZone(name)
        let other = try #require(TimeZone(identifier: name))
        for instant in stride(from: Int64(0), to: 7_000_000_000, by: 7 * 3600 * 13) {
            let offset = other.secondsFromGMT(for: Date(timeIntervalSince1970: Double(instant)))
            guard rules.period(at: instant).offset != Int64(offset) else { continue }
            Issue.record("\(name) at \(iso(instant)): \(rules.period(at: instant).offset), not \(offset)")
            return
        }
    }

    @Test("Where the system has no tzdata, zones come from the program's own data")
    func withoutTzdata() throws {
        let own = try #require(ZoneLibrary(folder: "/nowhere").zone(named: "Europe/Berlin"))
        let system = knownZone("Europe/Berlin")
        for instant in stride(
            from: instant("1996-01-01T00:00:00Z"), to: instant("2190-01-01T00:00:00Z"), by: 86_400 * 5)
        {
            #expect(own.period(at: instant) == system.period(at: instant), "\(iso(instant))")
        }
        #expect(ZoneLibrary(folder: "/nowhere").zone(named: "UTC")?.period(at: 0).offset == 0)
        #expect(ZoneLibrary(folder: "/nowhere").names.contains("Europe/Berlin"))
    }

    @Test("Periods follow each other without a hole, in every zone and century")
    func periods() throws {
        let library = ZoneLibrary()
        let names = library.names
        #expect(names.count > 400)
        for name in names {
            let rules = try #require(library.zone(named: name), "\(name)")
            // The last of these centuries begin where the table of changes ends and its rule repeats itself.
            for century in ["19", "20", "24", "28"] {
                var period = rules.period(at: instant("\(century)20-01-01T00:00:00Z"))
                while period.end < instant("\(century)70-01-01T00:00:00Z") {
                    let next = rules.period(at: period.end)
                    guard next.start == period.end, next.offsetBefore == period.offset, next.offset != period.offset,
                        rules.period(at: next.end - 1) == next
                    else {
                        Issue.record("\(name): \(period) and \(next)")
                        break
                    }
                    period = next
                }
            }
        }
    }

    @Test("The first point in time of a local time is behind a gap, and of two the first")
    func firstInstants() {
        let berlin = knownZone("Europe/Berlin")
        for (local, expected) in [
            ("2026-03-29T02:30:00Z", "2026-03-29T01:00:00Z"), ("2026-10-25T02:30:00Z", "2026-10-25T00:30:00Z"),
            ("2026-07-01T00:00:00Z", "2026-06-30T22:00:00Z"), ("2026-03-29T03:00:00Z", "2026-03-29T01:00:00Z"),
        ] {
            #expect(iso(berlin.firstInstant(of: LocalTime(seconds: instant(local)))) == expected, "\(local)")
        }
    }

    @Test(
        "What is no zone is none",
        arguments: [
            "", "Mars/Olympus", "../../etc/passwd", "/etc/localtime", "europe", "GMT+3", "posix/UTC", "zone.tab",
            "Europe",
            "tzdata.zi", "Europe/Berlin\0",
        ])
    func unknown(name: String) { #expect(ZoneLibrary().zone(named: name) == nil) }

    @Test(
        "The remedy for a slip is the name that was meant",
        arguments: [
            ("europe/berlin", "did you mean 'Europe/Berlin'?"), ("Europe/Berln", "did you mean 'Europe/Berlin'?"),
            ("Berlin", "did you mean 'Europe/Berlin'?"), ("new york", "did you mean 'America/New_York'?"),
            ("Mars/Olympus", "write one such as UTC or Europe/Berlin"),
        ])
    func remedies(name: String, remedy: String) { #expect(ZoneLibrary().remedy(for: name) == remedy) }

    @Test(
        "The yearly changes of POSIX are read",
        arguments: [
            ("CET-1CEST,M3.5.0,M10.5.0/3", "2030-03-31T01:00:00Z", "2030-10-27T01:00:00Z"),
            ("EST5EDT,M3.2.0,M11.1.0", "2030-03-10T07:00:00Z", "2030-11-03T06:00:00Z"),
            ("IST-1GMT0,M10.5.0,M3.5.0/1", "2030-03-31T01:00:00Z", "2030-10-27T01:00:00Z"),
            ("<-02>2<-01>,M3.5.0/-1,M10.5.0/0", "2030-03-31T01:00:00Z", "2030-10-27T01:00:00Z"),
            ("A" + "BC0DEF,J60/0,J300/0", "2030-03-01T00:00:00Z", "2030-10-26T23:00:00Z"),
            ("ABC0DEF,59/0,299/0", "2032-02-29T00:00:00Z", "2032-10-25T23:00:00Z"),
        ])
    func yearly(form: String, first: String, second: String) throws {
        let yearly = try #require(YearlyChanges(form))
        let rules = ZoneRules(name: "X", first: 0, changes: [(at: 0, offset: 1)], yearly: yearly)
        let period = rules.period(at: instant(first) - 1)
        #expect(iso(period.end) == first && iso(rules.period(at: period.end).end) == second)
    }
}
