import Engine
import Testing

@Suite("Backtesting thresholds", .timeLimit(.minutes(15)))
struct CheckBacktestTests {
    private func check(
        _ kind: Check.Kind, max: Double, areFractions: Bool = false, warn: Double? = nil,
        severity: Check.Severity = .error
    ) -> Check {
        Check(
            id: "c", kind: kind, severity: severity, limits: Check.Bounds(max: max, areFractions: areFractions),
            warnLimits: warn.map { Check.Bounds(max: $0, areFractions: areFractions) }, location: .whole("p.yaml"))
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
    func counts() {
        let test = CheckBacktest(
            check(.notNull(column: "a"), max: 10, warn: 5), stage: "s",
            points: points([0, 5, 6, 10, 11], kind: "not_null"))
        #expect(test.outcomes == [.passed: 2, .warned: 2, .failed: 1])
        #expect(test.recorded == [.passed: 5])
        #expect(test.breaches.map(\.point.run.rawValue) == ["run-2", "run-3", "run-4"])
    }

    @Test("A limit in parts of the rows is held against the recorded rows")
    func fractions() {
        let test = CheckBacktest(
            check(.unique(columns: ["a"]), max: 0.05, areFractions: true), stage: "s",
            points: points([5, 6], kind: "unique", total: 100))
        #expect(test.outcomes == [.passed: 1, .failed: 1])
    }

    @Test("What is no more than a warning never fails")
    func severity() {
        let test = CheckBacktest(
            check(.freshness(column: "t"), max: 3600, severity: .warn), stage: "s",
            points: points([60, 7200, nil], kind: "freshness"))
        #expect(test.outcomes == [.passed: 1, .warned: 2], "no value at all is too old")
    }

    @Test("Variation looks at the runs before each one, and what failed is no example")
    func variation() {
        let test = CheckBacktest(
            check(.rowCountVariation(over: 7), max: 0.1), stage: "s",
            points: points([100, 105, 200, 102], kind: "row_count_variation"))
        #expect(test.outcomes == [.passed: 3, .failed: 1])
        #expect(test.breaches.map(\.point.measured) == [200])
    }

    @Test("An anomaly is judged from five earlier runs on")
    func anomaly() {
        let check = check(.anomaly(measure: .rowCount, over: 30), max: 3.5)
        let early = CheckBacktest(check, stage: "s", points: points([10, 11, 10, 11, 900], kind: "anomaly"))
        #expect(early.outcomes == [.passed: 5])
        let late = CheckBacktest(check, stage: "s", points: points([10, 11, 10, 11, 10, 900], kind: "anomaly"))
        #expect(late.outcomes == [.passed: 5, .failed: 1])
    }

    @Test("Parts have histories of their own, and what could not run or was another kind is not judged")
    func apart() {
        let variation = check(.rowCountVariation(over: 7), max: 0.1)
        let north = points([100, 100], kind: "row_count_variation", part: "region=north")
        let south = points([5, 5], kind: "row_count_variation", part: "region=south")
        #expect(CheckBacktest(variation, stage: "s", points: north + south).outcomes == [.passed: 4])
        let broken = points([nil], kind: "row_count_variation", outcome: .error)
        let other = points([3], kind: "row_count")
        let test = CheckBacktest(variation, stage: "s", points: broken + other)
        #expect(test.outcomes == [.error: 1])
        #expect(test.otherKinds == ["row_count"])
    }
}
