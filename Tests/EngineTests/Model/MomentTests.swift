import CaudalModel
import Engine
import Foundation
import Testing

@Suite(.timeLimit(.minutes(15))) struct MomentTests {
    @Test(
        "UTC text",
        arguments: [
            (0, "1970-01-01T00:00:00.000Z"), (1_795_392_000_123, "2026-11-23T00:00:00.123Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"), (-1, "1969-12-31T23:59:59.999Z"),
            (253_402_300_799_999, "9999-12-31T23:59:59.999Z"),
        ] as [(Int64, String)])
    func iso(_ milliseconds: Int64, _ text: String) {
        #expect(UTC.iso(milliseconds) == text)
        #expect(LogLineParser.time(of: text) == milliseconds)
    }

    @Test("Every day of four hundred years is read back as it was written")
    func everyDay() {
        for day in Int64(-10_957)..<135_140 {
            let milliseconds = day * 86_400_000
            #expect(UTC.milliseconds(ofDate: UTC.date(milliseconds)) == milliseconds)
        }
    }

    @Test(
        "What is no date is refused",
        arguments: ["2026-02-29", "2026-13-01", "2026-00-01", "2026-1-01", "26-01-01", "2026-01-01T", "", "2026-+1-01"])
    func noDates(_ text: String) { #expect(UTC.milliseconds(ofDate: text) == nil) }

    @Test("Run ids sort by the time of start and hold no letters that look alike")
    func runIDs() {
        var random = SplitMix64(seed: 7)
        var earlier = RunID(startedAt: Moment(wall: 1_795_392_000_000, steady: 0), random: 0)
        #expect(earlier.rawValue == "20261123-000000-2222")
        for step in 1...500 {
            let id = RunID(
                startedAt: Moment(wall: 1_795_392_000_000 + Int64(step) * 7, steady: 0), random: random.next())
            #expect(earlier < id)
            #expect(id.rawValue.count == 20 && !id.rawValue.dropFirst(16).contains { "lo01".contains($0) })
            earlier = id
        }
    }

    @Test(
        "Durations in a few characters",
        arguments: [
            (0, "0ms"), (34, "34ms"), (99, "99ms"), (100, "0.1s"), (9949, "9.9s"), (9960, "10s"), (12_400, "12s"),
            (59_600, "1:00"), (252_000, "4:12"), (3_600_000, "1h00"), (3_720_000, "1h02"), (86_400_000, "1d00h"),
            (273_600_000, "3d04h"), (-5, "0ms"),
        ])
    func shortDurations(_ milliseconds: Int, _ text: String) {
        #expect(Duration.milliseconds(milliseconds).short == text)
    }

    @Test(
        "Counts and sizes in a few characters",
        arguments: [
            (0, "0", "0 B"), (812, "812", "812 B"), (18_400, "18.4k", "18.4 kB"), (999_999, "1.0M", "1.0 MB"),
            (1_234_567, "1.2M", "1.2 MB"), (-1500, "-1.5k", "-1.5 kB"),
        ] as [(Int64, String, String)])
    func shortCounts(_ number: Int64, _ count: String, _ size: String) {
        #expect(number.short == count)
        #expect(number.shortBytes == size)
    }

    @Test("Thousands stand apart")
    func grouped() {
        #expect(Int64(1_234_567).grouped == "1,234,567")
        #expect(Int64(-999).grouped == "-999")
        #expect(Int64.min.grouped == "-9,223,372,036,854,775,808")
    }
}
