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

    /// What a lookup by one key finds, and what the same lookup finds as a join, which it is as soon as there are two keys.
    private func foundTwice(
        _ keys: [String?], as type: ColumnType, in lookup: [String?], as other: ColumnType, _ settings: String = ""
    ) async throws -> (place: [[String?]], join: [[String?]]) {
        func rows(_ on: String) async throws -> [[String?]] {
            let outcome = try await bench.run(
                """
                datasets:
                  raw: {path: raw.parquet}
                  names: {path: names.parquet}
                  out: {path: out.parquet}
                stages:
                  enrich:
                    type: enrich
                    input: raw
                    output: out
                    lookups: [{dataset: names, on: \(on), add: [place, name]\(settings)}]
                """,
                [
                    try bench.source(
                        "raw", [Column("k", type), Column("same", .integer)], keys.map { [$0, "1"] }),
                    try bench.source(
                        "names",
                        [
                            Column("k", other), Column("same", .integer), Column("place", .integer),
                            Column("name", .text),
                        ],
                        lookup.enumerated().map { place, key in
                            [key, "1", place % 3 == 2 ? nil : "\(place)", key.map { "name of \($0)" }]
                        }),
                ])
            return outcome.rows
        }
        return (try await rows("k"), try await rows("[k, same]"))
    }

    private static let texts: [String?] = [
        "a", "A", "", nil, " a", "a ", "é", "e\u{301}", "ä", "\\", "\"", "'", "a\nb", "NULL", "7", "07", "7.0", "1e1",
        "true", "\u{212A}", "K", "\u{1F600}", String(repeating: "long ", count: 100),
    ]

    @Test("A lookup by places finds what a join finds, in the order of the input, for hostile texts")
    func hostileKeys() async throws {
        let keys = Self.texts + Self.texts.reversed() + ["b", "nothing"]
        for settings in [", duplicates: first", ", duplicates: last", ", duplicates: first, default: 7"] {
            let found = try await foundTwice(
                keys, as: .text, in: Self.texts + [nil, "a", "é", nil], as: .text, settings)
            #expect(found.place == found.join, "\(settings)")
            #expect(found.place.map { $0[0] } == keys)
            let named = found.place.count { $0.last.flatMap { $0 }?.hasPrefix("name of ") == true }
            #expect(named == 2 * (Self.texts.count - 1), "\(settings)")
        }
    }

    @Test(
        "A lookup by places finds what a join finds among keys of two types",
        arguments: [(ColumnType.text, ColumnType.integer), (.integer, .text), (.integer, .integer), (.text, .date)])
    func keysOfTwoTypes(_ type: ColumnType, _ other: ColumnType) async throws {
        let numbers: [String?] = ["7", "-1", "0", nil, "9223372036854775807", "12"]
        let texts: [String?] = [
            "07", "7", " 7", "7.0", "-1", "-0", "x", "", nil, "1e1", "9223372036854775807", "2026-11-30",
        ]
        let days: [String?] = ["2026-11-30", "2026-01-01", nil]
        func values(_ type: ColumnType) -> [String?] { type == .text ? texts : type == .date ? days : numbers }
        let found = try await foundTwice(
            values(type), as: type, in: values(other), as: other, ", duplicates: last")
        #expect(found.place == found.join)
        #expect(found.place.contains { $0.last.flatMap { $0 } != nil })
    }

    @Test("A lookup by places finds the last of 255, 256 and 257 keys", arguments: [255, 256, 257, 1_000])
    func manyKeys(_ count: Int) async throws {
        let keys = (1...count).map { "key \($0)" }
        let found = try await foundTwice(Array(keys.reversed()), as: .text, in: keys, as: .text)
        #expect(found.place == found.join)
        #expect(found.place.first?.last == "name of key \(count)")
    }
}
