import CaudalModel
import Engine
import TestSupport
import Testing

@Suite("Words for times and counts", .timeLimit(.minutes(15)))
struct WordsTests {
    @Test(
        "A duration is written as a file writes it",
        arguments: [
            (Duration.seconds(1), "1s"), (.milliseconds(500), "500ms"), (.milliseconds(1500), "1.5s"),
            (.seconds(600), "10m"), (.seconds(5400), "1h30m"), (.seconds(90_061), "1d1h1m1s"), (.zero, "0s"),
        ])
    func written(duration: Duration, text: String) {
        #expect(duration.written == text)
        #expect(ScalarFormats.duration(text) == duration)
    }

    @Test("A count of one has a word of one")
    func counts() {
        #expect(1.counted("stage") == "1 stage")
        #expect(0.counted("stage") == "0 stages")
        #expect(12.counted("item") == "12 items")
    }

    @Test("What an anomaly check and an age expect has its unit")
    func expectations() throws {
        func expectation(_ check: String) throws -> String? {
            CheckJudge(
                checks: [try Check(yaml: check)], columns: [], stage: "s", history: NoCheckHistory(),
                now: Moment(wall: 0, steady: 0)
            ).results(DataReadings(output: []), errors: [], found: []).first?.expectation
        }
        #expect(try expectation("{anomaly: row_count}") == "at most 3.5 deviations from the usual")
        #expect(try expectation("{freshness: day, max_age: 24h}") == "day at most 24 h old")
    }
}
