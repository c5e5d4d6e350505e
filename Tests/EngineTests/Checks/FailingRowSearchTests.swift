import CaudalModel
import Engine
import TestSupport
import Testing

/// Failing rows are found wherever they stand: many of them, few of them, and many at the end of the data.
@Suite("The search for failing rows", .tags(.duckDB), .timeLimit(.minutes(15)))
struct FailingRowSearchTests {
    private let bench: StageWorkbench

    init() throws { bench = try StageWorkbench() }

    private static let count = 40_000
    private static let columns = [
        Column("half", .text), Column("late", .text), Column("few", .text), Column("pair", .integer),
        Column("end", .integer), Column("two", .integer),
    ]

    /// The rows; every number counts rows from 1.
    private static let rows: [[String?]] = (1...count).map { row in
        [
            row % 2 == 0 ? nil : "a", row > count - 2_000 ? nil : "b", [7, 20_000, 39_999].contains(row) ? nil : "c",
            "\((row + 1) / 2)", row > count - 5_000 ? "0" : "\(row)", row == 39_990 ? "5" : "\(row)",
        ]
    }

    private static let expected: [(check: String, failing: Int64, rows: [Int64])] = [
        ("not_null: half, max_failing: 100%", 20_000, (1...100).map { 2 * $0 }),
        ("completeness: half, min: 0%", 20_000, (1...100).map { 2 * $0 }),
        ("not_null: half, id: odd, where: pair % 2 = 0", 10_000, (1...100).map { 4 * $0 }),
        ("not_null: late", 2_000, (38_001...38_100).map { $0 }),
        ("not_null: few", 3, [7, 20_000, 39_999]),
        ("accepted_values: few, in: [c]", 0, []),
        ("matches: half, pattern: b", 20_000, (0...99).map { 2 * $0 + 1 }),
        ("unique: pair", 20_000, (1...100).map { $0 }),
        ("unique: [pair, late], id: both", 19_000, (1...100).map { $0 }),
        ("unique: end", 4_999, (35_001...35_100).map { $0 }),
        ("unique: two", 1, [5, 39_990]),
        ("unique: two, id: none, where: two <> 5", 0, []),
    ]

    private func found(in source: DataSource) async throws -> [CheckResult] {
        let list = Self.expected.map { "      - {\($0.check)}\n" }.joined()
        let yaml = """
            datasets: {sales: {path: sales.parquet}}
            stages:
              quality:
                type: check
                input: sales
                checks:
            \(list)
            """
        return try await bench.run(yaml, [source]).checks
    }

    @Test(
        "The first failing rows of each check are kept, whatever the format",
        arguments: [Dataset.Format.csv, .parquet])
    func everywhere(_ format: Dataset.Format) async throws {
        var source = try bench.source("sales", Self.columns, Self.rows)
        if format == .parquet {
            var script = SQLScript(title: "the rows as Parquet")
            let file = bench.folder.path("sales.parquet")
            script.add("write", .write("FROM \(source.fromClause(DuckDBDialect()))", to: .init(file, .parquet)))
            _ = try await DuckDB(in: bench.folder).run(script)
            source.files = [file]
            source.format = .parquet
        }
        let results = try await found(in: source)
        #expect(results.count == Self.expected.count)
        for (result, expected) in zip(results, Self.expected) {
            #expect(result.failingRows == expected.failing, "\(expected.check): \(result.message)")
            #expect(result.samples.map(\.row) == expected.rows, "\(expected.check)")
            #expect(result.samples.allSatisfy { $0.columns.count == Self.columns.count + 1 })
        }
    }
}
