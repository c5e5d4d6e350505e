import CaudalModel
import Engine
import TestSupport
import Testing

@Suite(.tags(.duckDB), .timeLimit(.minutes(15))) struct CheckTests {
    private let bench: StageWorkbench

    init() throws { bench = try StageWorkbench() }

    private static let columns = [
        Column("id", .integer), Column("region", .text), Column("price", .number), Column("day", .timestamp),
    ]
    private static let rows: [[String?]] = [
        ["1", "north", "10.5", "2026-11-22 18:00:00"], ["2", "south", "0", "2026-11-22 12:00:00"],
        ["2", "moon", nil, "2026-11-01 00:00:00"], [nil, nil, "-4", nil], [nil, "north", "99.5", nil],
    ]

    private struct History: CheckHistory {
        let values: [Double]
        func measures(of check: String, part: String?, stage: StageID, limit: Int) -> [Double] {
            Array(values.prefix(limit))
        }
        func parts(of check: String, stage: StageID, runs: Int) -> Set<ExactText> { [] }
    }

    private func results(
        _ checks: [String], rows: [[String?]] = rows, columns: [Column] = columns, history: [Double] = []
    ) async throws -> [CheckResult] {
        let list = checks.map { "      - {\($0)}\n" }.joined()
        let yaml = """
            datasets:
              sales: {path: sales.parquet}
              regions: {path: regions.parquet}
            stages:
              quality:
                type: check
                input: sales
                checks:
            \(list)
            """
        let sources = [
            try bench.source("sales", columns, rows),
            try bench.source("regions", [Column("region", .text)], [["north"], ["south"], [nil]]),
        ]
        return try await bench.run(yaml, sources, history: History(values: history)).checks
    }

    @Test("Every kind of check passes, warns or fails as its data has it, all in one run")
    func everyKind() async throws {
        let expected: [(String, CheckResult.Outcome, String)] = [
            ("not_null: region", .failed, "1 row without a value of 5"),
            ("not_null: id, max_failing: 2", .passed, "2 rows without a value of 5"),
            ("not_null: id, id: part, max_failing: 40%", .passed, "2 rows without a value of 5"),
            ("not_null: id, id: too_many, max_failing: 39%, severity: warn", .warned, "2 rows without a value of 5"),
            ("completeness: price, min: 80%", .passed, "80% of 5 rows have a value"),
            ("completeness: price, id: c2, min: 81%", .failed, "80% of 5 rows have a value"),
            ("completeness: price, id: c3, min: 50%, warn: {min: 90%}", .warned, "80% of 5 rows have a value"),
            ("unique: id", .failed, "1 row repeats a key of 5"),
            ("unique: [id, region]", .passed, "every key stands once of 5"),
            ("accepted_values: region, in: [north, south]", .failed, "1 row with other values of 5"),
            ("accepted_values: region, id: a2, in: [north, south, moon]", .passed, "0 rows with other values of 5"),
            ("range: price, min: 0", .failed, "1 row out of range of 5"),
            ("range: price, id: r2, min: -4, max: 99.5", .passed, "0 rows out of range of 5"),
            ("range: price, id: r3, max: 50, where: region = 'south'", .passed, "0 rows out of range of 1"),
            ("range: day, min: 2026-11-22", .failed, "1 row out of range of 5"),
            ("matches: region, pattern: \"^[a-z]{5}$\"", .failed, "1 row does not match of 5"),
            ("row_count: {min: 5, max: 5}", .passed, "5 rows"),
            ("row_count: 4, id: rc2", .failed, "5 rows"),
            ("row_count: {max: 2}, id: rc3, severity: warn, where: price > 5", .passed, "2 rows"),
            ("row_count_variation: 10%", .passed, "5 rows, 0% from the median 5 of 3 runs"),
            ("freshness: day, max_age: 6h", .passed, "the newest value is 6 h old"),
            ("freshness: day, id: f2, max_age: 5h", .failed, "the newest value is 6 h old"),
            (
                "schema: {id: integer, region: text, price: number, day: timestamp, x_: any}", .passed,
                "5 columns as expected"
            ),
            (
                "schema: {id: text, gone: any}, id: s2", .failed,
                "'id' is integer, not text, 'gone' is missing, 'region' (text) is new, 'price' (number) is new, 'day' (timestamp) is new, 'x_' (text) is new"
            ),
            ("foreign_key: region, dataset: regions", .failed, "1 row without a counterpart of 5"),
            ("distinct_count: region, min: 3, max: 3", .passed, "3 distinct values"),
            ("distinct_count: region, id: dc2, max: 1e20", .passed, "3 distinct values"),
            ("sum: price, max: 106", .passed, "the sum is 106"),
            ("mean: price, min: 27", .failed, "the mean is 26.5"),
            ("anomaly: row_count", .passed, "5; judged from 5 earlier runs on, there are 3"),
            ("sql: \"select * from input where price < 0\"", .failed, "1 row returned of 5"),
            ("sql: select * from regions where region = 'moon', id: q2", .passed, "no failing rows of 5"),
        ]
        let results = try await results(expected.map(\.0), history: [5, 5, 4])
        #expect(results.count == expected.count)
        for (result, (text, outcome, message)) in zip(results, expected) {
            #expect(result.outcome == outcome, "\(text): \(result.message)")
            #expect(result.message == message, "\(text)")
        }
    }

    @Test("Failing rows are kept with their numbers and values")
    func samples() async throws {
        let results = try await results([
            "not_null: region", "unique: id", "range: price, min: 0", "foreign_key: region, dataset: regions",
            "completeness: price, min: 90%", "sql: select id from input where price < 0",
        ])
        #expect(results.map { $0.samples.map(\.row) } == [[4], [2, 3], [4], [3], [3], [nil]])
        #expect(results[0].samples.first?.values == [nil, nil, "-4.0", nil, "x"])
        #expect(results[0].samples.first?.columns == ["region", "id", "price", "day", "x_"])
        #expect(results[5].samples.first?.columns == ["id"])
    }

    @Test("A check that cannot run is an error, never passed, and harms no other")
    func errors() async throws {
        let results = try await results([
            "matches: region, pattern: \"(x{100}){100}\"", "unique: id",
            "sql: select id from input where error('nowhere') is null",
            "not_null: price",
            "matches: region, id: second, pattern: \"(y{200}){200}\"", "row_count: 5",
        ])
        #expect(results.map(\.outcome) == [.error, .failed, .error, .failed, .error, .passed])
        #expect(results[0].message.contains("repetition"), "\(results[0].message)")
        #expect(results[2].message.contains("nowhere"), "\(results[2].message)")
        #expect(results[4].message.contains("repetition"), "\(results[4].message)")
    }

    @Test("No rows: nothing fails that asks for rows to be right, and what asks for rows fails")
    func noRows() async throws {
        let results = try await results(
            [
                "not_null: region", "completeness: price, min: 95%", "unique: id", "range: price, min: 0",
                "row_count: {min: 1}", "freshness: day, max_age: 1h", "mean: price, min: 1",
                "unique: region, max_failing: 1%",
            ], rows: [])
        #expect(results.map(\.outcome) == [.passed, .passed, .passed, .passed, .failed, .failed, .failed, .passed])
        #expect(results[6].message == "there is no value to take the mean of")
    }

    @Test("A figure of values fails without any value, and an anomaly of one does as soon as it has a history")
    func noValues() async throws {
        let rows: [[String?]] = [["1", "a", nil, nil], ["2", "b", nil, nil]]
        let checks = [
            "mean: price, min: 1", "sum: price, min: 1, severity: warn", "anomaly: {mean: price}",
            "anomaly: {sum: price}, severity: warn",
        ]
        let first = try await results(checks, rows: rows)
        #expect(first.map(\.outcome) == [.failed, .warned, .passed, .passed], "\(first.map(\.message))")
        #expect(first[1].message == "there is no value to take the sum of")
        let later = try await results(checks, rows: rows, history: [5, 5, 5, 5, 5])
        #expect(later.map(\.outcome) == [.failed, .warned, .failed, .warned], "\(later.map(\.message))")
        #expect(later[2].message == "there is no value to take the mean of; 5 earlier runs had one")
    }

    @Test("A newest value more than a day ahead of now is a breach, and no negative age")
    func future() async throws {
        // Now is 2026-11-23 00:00.
        let checks = ["freshness: day, max_age: 1h", "freshness: day, id: f2, max_age: 1h, severity: warn"]
        let near = try await results(checks, rows: [["1", "a", "1", "2026-11-23 23:00:00"]])
        #expect(near.map(\.outcome) == [.passed, .passed], "\(near.map(\.message))")
        let far = try await results(checks, rows: [["1", "a", "1", "2026-11-27 09:36:00"]])
        #expect(far.map(\.outcome) == [.failed, .warned], "\(far.map(\.message))")
        #expect(far[0].message == "the newest value lies 4.4 days in the future, and tells nothing of the age")
    }

    @Test("A check by parts judges the whole when there are no rows, and so no parts")
    func noParts() async throws {
        let results = try await results(
            [
                "row_count: {min: 1}, partition_by: region", "not_null: id, partition_by: region",
                "mean: price, min: 1, partition_by: region", "row_count: {max: 9}, id: most, partition_by: region",
            ], rows: [])
        #expect(results.map(\.outcome) == [.failed, .passed, .failed, .passed], "\(results.map(\.message))")
        #expect(results.map(\.partition) == [nil, nil, nil, nil])
        #expect(results[0].message == "0 rows")
    }

    @Test("What is not a number fails the checks of numbers, and harms no other check")
    func notANumber() async throws {
        let rows: [[String?]] = [["1", "a", "nan", "infinity"], ["2", "b", "1", nil], ["3", "c", "inf", nil]]
        let results = try await results(
            [
                "range: price, min: 0", "mean: price, min: 0", "sum: price, max: 5", "not_null: price", "row_count: 3",
                "freshness: day, max_age: 1h",
            ],
            rows: rows)
        #expect(
            results.map(\.outcome) == [.failed, .failed, .failed, .passed, .passed, .failed],
            "\(results.map(\.message))")
        let measured = results.compactMap(\.measured)
        #expect(measured.count >= 2 && measured.allSatisfy(\.isFinite), "\(measured)")
    }

    @Test("Values of numbers are compared as numbers, however they are written")
    func acceptedNumbers() async throws {
        let results = try await results(
            ["accepted_values: price, in: [1, 2.50]", "accepted_values: id, id: ints, in: [1, 2]"],
            rows: [["1", nil, "1", nil], ["2", nil, "2.5", nil]])
        #expect(results.map(\.outcome) == [.passed, .passed], "\(results.map(\.message))")
    }

    @Test("A partitioned check is judged part by part")
    func parts() async throws {
        let results = try await results(["row_count: {min: 2}, partition_by: region"])
        #expect(results.map(\.partition) == ["region=", "region=moon", "region=north", "region=south"])
        #expect(results.map(\.outcome) == [.failed, .failed, .passed, .failed])
    }

    @Test("A waived breach warns until its day has passed, and then fails")
    func waivers() async throws {
        let results = try await results([
            "unique: id, waive: {until: 2026-11-23, reason: known}",
            "unique: id, id: over, waive: {until: 2026-11-22, reason: known}",
        ])
        #expect(results.map(\.outcome) == [.warned, .failed])
        #expect(results.map(\.waiver) == ["waived until 2026-11-23: known", nil])
    }

    @Test("Variation and anomaly compare with earlier runs")
    func history() async throws {
        let results = try await results(
            ["row_count_variation: 10%", "anomaly: row_count", "anomaly: {mean: price}, max: 4"],
            history: [26, 27, 26, 27, 26.5, 26])
        #expect(results.map(\.outcome) == [.failed, .failed, .passed], "\(results.map(\.message))")
    }
}
