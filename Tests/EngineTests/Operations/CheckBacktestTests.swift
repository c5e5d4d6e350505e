import CaudalModel
import Engine
import TestSupport
import Testing

@Suite("Backtesting thresholds", .timeLimit(.minutes(15)))
struct CheckBacktestTests {
    private func backtest(_ check: String, _ points: [CheckPoint]) throws -> CheckBacktest {
        CheckBacktest(try Check(yaml: check), stage: "s", points: points)
    }

    private func points(
        _ values: [Double?], kind: String, total: Int64? = nil, outcome: CheckResult.Outcome = .passed,
        part: String? = nil
    ) -> [CheckPoint] {
        values.enumerated().map { index, value in
            CheckPoint(
                run: RunID("run-\(index)"), started: 0, stage: "s", check: "c", part: part, kind: kind,
                outcome: outcome, measured: value, totalRows: total, expectation: "")
        }
    }

    @Test("Each recorded value is judged by the thresholds as they are now")
    func counts() throws {
        let test = try backtest(
            "{not_null: a, max_failing: 10, warn: {max_failing: 5}}", points([0, 5, 6, 10, 11], kind: "not_null"))
        #expect(test.outcomes == [.passed: 2, .warned: 2, .failed: 1])
        #expect(test.recorded == [.passed: 5])
        #expect(test.breaches.map(\.point.run.rawValue) == ["run-2", "run-3", "run-4"])
    }

    @Test("A limit in parts of the rows is held against the recorded rows")
    func fractions() throws {
        let test = try backtest(
            "{unique: a, max_failing: 5%}", points([5, 6], kind: "unique", total: 100))
        #expect(test.outcomes == [.passed: 1, .failed: 1])
    }

    @Test("What is no more than a warning never fails")
    func severity() throws {
        let test = try backtest(
            "{freshness: t, max_age: 1h, severity: warn}", points([60, 7200, nil], kind: "freshness"))
        #expect(test.outcomes == [.passed: 1, .warned: 2], "no value at all is too old")
    }

    @Test("Variation looks at the runs before each one, and what failed is no example")
    func variation() throws {
        let test = try backtest(
            "{row_count_variation: 10%}", points([100, 105, 200, 102], kind: "row_count_variation"))
        #expect(test.outcomes == [.passed: 3, .failed: 1])
        #expect(test.breaches.map(\.point.measured) == [200])
    }

    @Test("An anomaly is judged from five earlier runs on")
    func anomaly() throws {
        let early = try backtest("{anomaly: row_count}", points([10, 11, 10, 11, 900], kind: "anomaly"))
        #expect(early.outcomes == [.passed: 5])
        let late = try backtest("{anomaly: row_count}", points([10, 11, 10, 11, 10, 900], kind: "anomaly"))
        #expect(late.outcomes == [.passed: 5, .failed: 1])
    }

    @Test("Parts have histories of their own, and what could not run or was another kind is not judged")
    func apart() throws {
        let variation = "{row_count_variation: 10%}"
        let north = points([100, 100], kind: "row_count_variation", part: "region=north")
        let south = points([5, 5], kind: "row_count_variation", part: "region=south")
        #expect(try backtest(variation, north + south).outcomes == [.passed: 4])
        let broken = points([nil], kind: "row_count_variation", outcome: .error)
        let other = points([3], kind: "row_count")
        let test = try backtest(variation, broken + other)
        #expect(test.outcomes == [.error: 1])
        #expect(test.otherKinds == ["row_count"])
    }
}
