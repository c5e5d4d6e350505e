import CaudalModel
import Engine
import TestSupport
import Testing

@Suite(.tags(.duckDB), .timeLimit(.minutes(15))) struct EnrichStageTests {
    private let bench: StageWorkbench

    init() throws { bench = try StageWorkbench() }

    /// Looks prices up by `k`, and gives the rows without the column that the workbench adds.
    private func rows(
        _ input: [[String?]], _ prices: [[String?]], _ settings: String
    ) async throws -> [[String?]] {
        let outcome = try await bench.run(
            """
            datasets:
              raw: {path: raw.parquet}
              prices: {path: prices.parquet}
              out: {path: out.parquet}
            stages:
              enrich:
                type: enrich
                input: raw
                output: out
                lookups: [{dataset: prices, on: k, add: price, \(settings)}]
            """,
            [
                try bench.source("raw", [Column("k", .text), Column("d", .date)], input),
                try bench.source(
                    "prices",
                    [Column("k", .text), Column("price", .integer), Column("begin", .date), Column("end", .date)],
                    prices),
            ])
        return outcome.rows.map { [$0[0], $0[1], $0[3]] }
    }

    private let history = "valid: {from: begin, to: end, at: d}"

    @Test(
        "Where rows of a lookup hold at different times, 'duplicates' chooses among those that hold",
        arguments: [("first", ["10", "20", "20"]), ("last", ["10", "21", "21"])])
    func historyWithDuplicates(_ duplicates: String, _ expected: [String]) async throws {
        let found = try await rows(
            [
                ["a", "2026-01-15"], ["a", "2026-02-15"], ["a", "2026-02-15"], ["a", "2025-01-01"],
                ["b", "2026-01-15"],
            ],
            [
                ["a", "10", "2026-01-01", "2026-02-01"], ["a", "20", "2026-02-01", nil],
                ["a", "21", "2026-02-01", "2026-03-01"],
            ], "duplicates: \(duplicates), \(history)")
        #expect(found.map { $0[2] } == expected + [nil, nil])
    }

    @Test("The default stands where nothing is found, and not for what the row found does not have")
    func defaults() async throws {
        let found = try await rows(
            [["a", nil], ["b", nil], [nil, nil]], [["a", nil, nil, nil]], "default: 7")
        #expect(found.map { $0[2] } == [nil, "7", "7"])
    }

    @Test("A row of a lookup that never holds is nobody's rival")
    func emptyPeriods() async throws {
        let prices = [
            ["a", "10", "2026-01-01", nil], ["a", "20", "2026-02-01", "2026-02-01"],
            ["a", "30", "2026-03-01", "2026-02-01"],
        ]
        #expect(try await rows([["a", "2026-02-01"]], prices, history) == [["a", "2026-02-01", "10"]])
        await #expect(throws: Failure.self) {
            try await rows([], prices + [["a", "40", "2026-04-01", "2026-04-02"]], history)
        }
    }
}
