import CaudalModel
import Engine
import TestSupport
import Testing

/// What does not fit the columns of the data is found before anything runs, at its place in the file.
@Suite(.timeLimit(.minutes(15))) struct ColumnFaultTests {
    private static let columns = [
        Column("id", .integer), Column("price", .number), Column("region", .text), Column("day", .date),
    ]

    /// The fault of a process stage with one step, as `line:column: message`.
    private func fault(step: String) throws -> String? {
        let pipeline = try Pipeline(
            yaml: """
                datasets:
                  raw: {path: raw.parquet}
                  out: {path: out.parquet}
                stages:
                  process:
                    type: process
                    input: raw
                    output: out
                    steps:
                      - \(step)
                """)
        let source = DataSource(dataset: "raw", files: [], format: .parquet, columns: Self.columns, isOwn: true)
        let stage = try #require(pipeline.stages.first)
        do throws(ConfigError) {
            _ = try stage.type.outputColumns(StageTyping(sources: ["raw": source], root: "", sql: DuckDBDialect()))
            return nil
        } catch {
            return "\(error.location.line):\(error.location.column): \(error.message)"
                + (error.remedy.map { "; \($0)" } ?? "")
        }
    }

    @Test(
        "A step that does not fit the columns is refused at its place",
        arguments: [
            ("derive: {total: prise * 2}", "12:25: there is no column 'prise'; did you mean 'price'?"),
            ("derive: {total: \"id + prise\"}", "12:31: there is no column 'prise'; did you mean 'price'?"),
            ("derive: {total: id + region}", "12:30: '+' needs a number, and 'region' is text; use cast(… as number)"),
            ("filter: id + 1", "12:17: a filter must be true or false for each row"),
            ("filter: Region = 'x'", "12:17: there is no column 'Region'; it is written 'region'"),
            ("select: [id, zebra]", "12:22: there is no column 'zebra'; the columns are id, price, region, day"),
            ("drop: pric", "12:15: there is no column 'pric'; did you mean 'price'?"),
            (
                "fill_missing: {id: 0.5}",
                "12:24: 'id' is integer, and the value to fill it with is number; write a value of that type, or cast the column first"
            ),
            (
                "fill_missing: {price: none}",
                "12:24: 'price' is number, and the value to fill it with is text; write a value of that type, or cast the column first"
            ),
            ("fill_missing: {price: null}", "12:24: a missing 'price' cannot be filled with nothing"),
            ("rename: {id: price}", "12:22: there would be two columns 'price'"),
            ("trim: [id]", "12:16: only texts are trimmed, and 'id' is not text"),
            ("split: {column: id, separator: '-', into: [a]}", "12:25: only texts are split, and 'id' is integer"),
            ("split: {column: region, separator: '-', into: [id]}", "12:56: there is a column 'id' already"),
            ("split: {column: region, separator: '-', into: [p, p]}", "12:59: 'p' is named twice"),
            ("deduplicate: {by: [ID]}", "12:28: there is no column 'ID'; it is written 'id'"),
            ("cast: {dai: text}", "12:16: there is no column 'dai'; did you mean 'day'?"),
            (
                "cast: {id: date}",
                "12:16: 'id' is integer, which does not become date; cast it to text first, or make the value with 'derive'"
            ),
            ("derive: {t: cast(day as integer)}", "12:21: date does not become integer"),
            (
                "derive: {t: \"regexp_matches(region, '(')\"}",
                "12:45: the pattern '(' cannot be used: a '(' is not closed; write '\\(' for the character"
            ),
            ("drop: [id, price, region, day]", "12:35: no column is left; keep one of them"),
        ])
    func steps(_ step: String, _ expected: String) throws {
        let found = try fault(step: step)
        #expect(found == expected)
    }

    @Test(
        "A check that does not fit the columns is refused at its place",
        arguments: [
            ("unique: idd", "10:10: check 'unique_idd' names a column 'idd' that is not there; did you mean 'id'?"),
            (
                "sum: region, min: 1",
                "10:10: check 'sum_region' needs a number, and 'region' is text; cast it in a process stage"
            ),
            ("unique: id, where: price", "10:29: 'where' must be true or false for each row"),
            ("unique: id, where: prise > 1", "10:29: there is no column 'prise'; did you mean 'price'?"),
            (
                "unique: id, partition_by: x",
                "10:10: check 'unique_id' names a column 'x' that is not there; there is id, price, region, day"
            ),
            (
                "range: price, min: low",
                "10:10: check 'range_price' compares 'price', which is number, with 'low'; write a number"
            ),
            (
                "range: day, max: 5",
                "10:10: check 'range_day' compares 'day', which is date, with '5'; write a date such as 2026-11-23"
            ),
            (
                "range: day, min: 2026-13-05",
                "10:10: check 'range_day' compares 'day', which is date, with '2026-13-05'; write a date such as 2026-11-23"
            ),
            (
                "range: region, min: 1, max: z",
                "10:10: check 'range_region' compares 'region' with a number and with 'z'; write two numbers, two dates or two texts"
            ),
            (
                "freshness: id, max_age: 1h",
                "10:10: check 'freshness_id' needs times, and 'id' is integer; name a column of dates or times"
            ),
            ("freshness: region, max_age: 1h", nil), ("range: region, min: a, max: b", nil),
            ("range: region, min: 5", nil), ("range: day, min: 2026-01-01", nil), ("anomaly: {mean: price}", nil),
        ] as [(String, String?)])
    func checks(_ check: String, _ expected: String?) throws {
        let pipeline = try Pipeline(
            yaml: """
                datasets:
                  raw: {path: raw.parquet}
                stages:
                  quality:
                    type: check
                    input: raw
                    checks:
                      - {\(check)}
                """)
        let faults = CheckCompiler.faults(
            of: try #require(pipeline.stages.first).checks, columns: Self.columns, references: [:])
        let messages = faults.map {
            "\($0.location.line):\($0.location.column): \($0.message)" + ($0.remedy.map { "; \($0)" } ?? "")
        }
        #expect(messages.first == expected)
    }
}
