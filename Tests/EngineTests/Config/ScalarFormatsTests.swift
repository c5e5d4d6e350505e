import Engine
import Testing

@Suite(.timeLimit(.minutes(15))) struct ScalarFormatsTests {
    @Test(
        "A duration is numbers with units",
        arguments: [
            ("500ms", 500), ("30s", 30_000), ("10m", 600_000), ("1h30m", 5_400_000), ("2d", 172_800_000),
            ("1.5s", 1500), ("1h 30m", 5_400_000), ("0s", 0), ("30", nil), ("", nil), ("s", nil), ("-5s", nil),
            ("5 parsecs", nil), ("1e3s", nil), ("5S", nil), ("1..5s", nil), ("٣s", nil), ("1h30", nil),
            ("99999999999999d", nil), ("\n5s", nil),
        ] as [(String, Int?)])
    func durations(_ text: String, _ milliseconds: Int?) {
        #expect(ScalarFormats.duration(text) == milliseconds.map { .milliseconds($0) })
    }

    @Test(
        "A size is a number with a unit",
        arguments: [
            ("512MB", 512_000_000), ("1.5GB", 1_500_000_000), ("2GiB", 2_147_483_648), ("64 kb", 64_000), ("7B", 7),
            ("512", nil), ("MB", nil), ("-1MB", nil), ("9999999999TB", nil), ("1e3MB", nil),
        ] as [(String, Int64?)])
    func sizes(_ text: String, _ bytes: Int64?) { #expect(ScalarFormats.size(text) == bytes) }

    @Test(
        "A percentage is a number with a percent sign",
        arguments: [
            ("5%", 0.05), ("100%", 1), ("0.5%", 0.005), ("0.7%", 7.0 / 1000), ("33.3%", 333.0 / 1000), ("1e1%", 0.1),
            ("5", nil), ("%", nil), ("nan%", nil), ("x%", nil),
        ]
            as [(String, Double?)])
    func percentages(_ text: String, _ part: Double?) { #expect(ScalarFormats.percentage(text) == part) }
}
