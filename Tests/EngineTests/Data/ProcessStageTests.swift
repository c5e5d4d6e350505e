import CaudalModel
import Engine
import TestSupport
import Testing

@Suite(.tags(.duckDB), .timeLimit(.minutes(15))) struct ProcessStageTests {
    private let bench: StageWorkbench

    init() throws { bench = try StageWorkbench() }

    private func rows(
        _ steps: String, _ columns: [Column], _ rows: [[String?]], parameters: [String: String] = [:]
    ) async throws -> [[String?]] {
        try await bench.run(
            """
            params:
              least: {type: integer, default: 0}
            datasets:
              raw: {path: raw.parquet}
              out: {path: out.parquet}
            stages:
              process: {type: process, input: raw, output: out, steps: [\(steps), {drop: x_}]}
            """, [try bench.source("raw", columns, rows)], parameters: parameters
        ).rows
    }

    @Test("A missing key is nobody's duplicate, and what is no number is a duplicate of its like")
    func duplicates() async throws {
        let columns = [Column("k", .number), Column("n", .integer)]
        let data: [[String?]] = [["nan", "1"], [nil, "2"], ["nan", "3"], [nil, "4"], ["0", "5"], ["-0", "6"]]
        let first = try await rows("{deduplicate: {by: k}}", columns, data)
        #expect(first.map(\.[1]) == ["1", "2", "4", "5"])
        let last = try await rows("{deduplicate: {by: [k], keep: last}}", columns, data)
        #expect(last.map(\.[1]) == ["2", "3", "4", "6"])
    }

    @Test("A cast that does not fit fails the stage and says which value it was")
    func failingCast() async throws {
        let failure = await #expect(throws: Failure.self) {
            try await rows("{cast: {s: integer}}", [Column("s", .text)], [["1"], ["twelve"]])
        }
        let message = try #require(failure?.message)
        #expect(message.contains("column 's' has the value 'twelve', which does not fit integer"), "\(message)")
        #expect(message.contains("let a validate stage put them aside"))
    }

    @Test("A cast meets only the rows that the filters before it left, whatever is filtered after it")
    func castBehindFilter() async throws {
        let found = try await rows(
            "{filter: \"regexp_matches(s, '^[0-9]+$')\"}, {cast: {s: integer}}, {deduplicate: {by: k}}, {filter: s > 0 or k = 1}",
            [Column("k", .integer), Column("s", .text)], [["1", "x"], ["1", "2"], ["2", "3"], ["2", nil]])
        #expect(found == [["1", "2"], ["2", "3"]])
    }

    @Test("A parameter is bound and never becomes SQL")
    func boundValues() async throws {
        let columns = [Column("n", .integer)]
        let found = try await rows(
            "{filter: 'n >= ${params.least}'}", columns, [["1"], ["5"], [nil]], parameters: ["least": "2"])
        #expect(found == [["5"]])
        await #expect(throws: Failure.self) {
            try await rows("{filter: 'n >= ${params.least}'}", columns, [["1"]], parameters: ["least": "0 or true"])
        }
    }

    @Test("A derivation can use the one before it, and dividing by zero gives no value")
    func derivations() async throws {
        let found = try await rows(
            "{derive: {d: n * 2, e: d + 1, n: 10 / n}}", [Column("n", .integer)], [["4"], ["0"], [nil]])
        #expect(found == [["2.5", "8", "9"], [nil, "0", "1"], [nil, nil, nil]])
    }

    @Test(
        "Integers written in an expression have 64 bits",
        arguments: [
            ("2147483647 + 1", "2147483648"), ("100000 * 100000 + n", "10000000003"),
            ("-2147483647 - coalesce(null, 9)", "-2147483656"),
            ("(case when n > 1 then 2147483647 else 1 end) * 2", "4294967294"),
        ])
    func longIntegers(_ expression: String, _ expected: String) async throws {
        let found = try await rows("{derive: {d: '\(expression)'}}", [Column("n", .integer)], [["3"]])
        #expect(found == [["3", expected]])
    }

    @Test("Names and values that look like SQL are only names and values")
    func hostileNames() async throws {
        let name = "a\"; drop table t; --"
        let quoted = "'\(name)'"
        let found = try await rows(
            "{map_values: {column: \(quoted), values: {\"it's\": \"'; --\"}}}, {rename: {\(quoted): b}}, {filter: \"b <> '--'\"}",
            [Column(name, .text)], [["it's"], ["--"], ["x"]])
        #expect(found == [["'; --"], ["x"]])
    }

    @Test("A text on several lines is data, which the layout of the query leaves as it is")
    func textsOnSeveralLines() async throws {
        let found = try await rows(
            "{derive: {d: \"'a\\n.b\\n  c'\"}}, {sql: \"select *, 'x\\n.y' as e from input\"}", [Column("n", .integer)],
            [["1"]])
        #expect(found == [["1", "a\n.b\n  c", "x\n.y"]])
    }

    @Test("Trimming takes tabs and line ends as well as spaces, and only around a text")
    func trimming() async throws {
        let found = try await rows("{trim: all}", [Column("s", .text)], [["\t a b\t\r\n"], ["\u{a0}"], [nil], ["x"]])
        #expect(found == [["a b"], [""], [nil], ["x"]])
    }

    @Test("Mapping values with 'otherwise' leaves a missing value missing")
    func mappingMissing() async throws {
        let found = try await rows(
            "{map_values: {column: s, values: {a: b}, otherwise: z}}", [Column("s", .text)], [["a"], [nil], [""]])
        #expect(found == [["b"], [nil], ["z"]])
    }

    @Test("No rows give no rows, with the columns they would have")
    func noRows() async throws {
        #expect(try await rows("{derive: {d: n + 1}}, {deduplicate: {by: n}}", [Column("n", .integer)], []) == [])
    }
}
