import CaudalModel
import Engine
import TestSupport
import Testing

@Suite(.tags(.duckDB), .timeLimit(.minutes(15))) struct ValidateStageTests {
    private let bench: StageWorkbench

    init() throws { bench = try StageWorkbench() }

    /// Validates a CSV with one column `v` besides its number, and gives the numbers of the rows that are valid.
    private func valid(_ rules: String, _ values: [String], isStrict: Bool = false) async throws -> [String] {
        try bench.folder.write("schema.json", #"{"properties": {"v": \#(rules)}}"#)
        let csv =
            "n,v\n"
            + values.map { "\"\($0.replacing("\"", with: "\"\""))\",\"\($0.replacing("\"", with: "\"\""))\"\n" }
            .joined()
        let outcome = try await bench.run(
            """
            datasets:
              raw: {path: raw.csv, schema: schema.json}
              good: {path: good.parquet}
            stages:
              validate: {type: validate, input: raw, output: good, strict_formats: \(isStrict)}
            """, [try bench.foreign("raw", csv: csv)])
        return outcome.rows.compactMap(\.[0])
    }

    @Test(
        "Tricky values keep or break a rule as JSON Schema has it",
        arguments: [
            (
                #"{"type": "integer"}"#,
                [
                    "1", "-5", "1.0", "1e3", "9223372036854775807", "9223372036854775807.0", "1.50e1", "-1200e-2",
                    "0e-9", ".0",
                    "7.", "100.00E-2",
                ],
                [
                    "1.5", "x", "0x10", "1_000", "nan", "inf", "9223372036854775808000", "--1", "9007199254740992.5",
                    "100000000000000000.5", "9223372036854775806.5", "1e-400", "0.99999999999999999999", "1.05e1",
                    "-100e-3", "1e-99999999999999999999",
                ]
            ),
            (#"{"type": "number"}"#, ["1.5", "-0.0", "1e-3", "10"], ["nan", "inf", "-inf", "1_0", "x", "1,5"]),
            (#"{"type": "boolean"}"#, ["true", "false"], ["TRUE", "1", "yes", "t"]),
            (#"{"type": "integer", "minimum": 0, "maximum": 10}"#, ["0", "10"], ["-1", "11"]),
            (#"{"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1}"#, ["0.5"], ["0", "1"]),
            (
                #"{"type": "number", "multipleOf": 0.01}"#,
                ["0.07", "19.99", "0", "1.14", "1.39", "7.81", "119000.19", "1056000.29", "-4.35"],
                ["0.005", "1.001", "0.00000000001", "100.0000000000001"]
            ),
            (#"{"type": "number", "multipleOf": 0.001}"#, ["0.003", "4.017", "1e-3"], ["0.0005", "1e-4"]),
            (
                #"{"type": "integer", "multipleOf": 3}"#, ["9007199254740993", "6"],
                ["9007199254740994", "9223372036854775807"]
            ),
            (
                #"{"type": "integer", "maximum": 9007199254740992}"#, ["9007199254740992"], ["9007199254740993"]
            ),
            (#"{"type": "integer", "exclusiveMinimum": 9007199254740992}"#, ["9007199254740993"], ["9007199254740992"]),
            (#"{"type": "integer", "const": 9007199254740992}"#, ["9007199254740992"], ["9007199254740993"]),
            (#"{"type": "string", "minLength": 2, "maxLength": 3}"#, ["ab", "ñañ", "日本"], ["a", "abcd"]),
            (#"{"type": "string", "pattern": "^[A-Z]-[0-9]+$"}"#, ["A-1"], ["a-1", "A-", "xA-1"]),
            (#"{"enum": ["a", "it's", 5]}"#, ["a", "it's", "5", "5.0"], ["b", "A"]),
            (#"{"const": "x\"y"}"#, ["x\"y"], ["xy"]),
            (
                #"{"type": "string", "format": "date"}"#, ["2026-02-28", "2024-02-29"],
                ["2026-02-30", "26-02-01", "yesterday", "2026-2-1"]
            ),
            (
                #"{"type": "string", "format": "date-time"}"#,
                ["2026-11-23T06:00:00Z", "2026-11-23 06:00:00", "2026-11-23T06:00:00+02:00"],
                ["2026-13-01T00:00:00Z", "noon", "2026-11-23T25:00:00Z"]
            ),
            (
                #"{"type": "string", "format": "email"}"#, ["a.b@example.org", "a@b"],
                ["a", "@b.c", "a@", "a b@c.d", "a@b@c"]
            ),
            (
                #"{"type": "string", "format": "uri"}"#, ["https://a.b/c?d#e", "urn:x:y", "https://[::1]:80/"],
                ["a b", "//x", "http:a b", "http://a:b/%6"]
            ),
            (
                #"{"type": "string", "format": "uuid"}"#, ["123e4567-e89b-12d3-a456-426614174000"],
                ["123e4567e89b12d3a456426614174000"]
            ),
            (#"{"type": ["integer", "boolean"]}"#, ["1", "true"], ["x", "1.5"]),
        ] as [(String, [String], [String])])
    func rules(_ rules: String, _ good: [String], _ bad: [String]) async throws {
        #expect(try await valid(rules, good + bad) == good)
    }

    @Test("With strict formats a date and time is written as RFC 3339 has it")
    func strict() async throws {
        let good = ["2026-11-23T06:00:00Z", "2026-11-23t06:00:00.25+02:00"]
        let bad = ["2026-11-23 06:00:00", "2026-11-23T06:00:00", "2026-02-30T06:00:00Z", "2026-11-23T24:00:00Z"]
        #expect(try await valid(#"{"type": "string", "format": "date-time"}"#, good + bad, isStrict: true) == good)
    }

    @Test("Every row is accounted for, typed or put aside, broken lines too, and offsets become UTC")
    func account() async throws {
        try bench.folder.write(
            "schema.json",
            #"{"required": ["id"], "properties": {"id": {"type": "integer"}, "at": {"type": "string", "format": "date-time"}}}"#
        )
        let csv = "id,at\n1,2026-11-23T06:00:00+02:00\n,2026-11-23T06:00:00Z\n3\n4,2026-11-23T06:00:00Z,extra\nx,\n6,\n"
        let outcome = try await bench.run(
            """
            datasets:
              raw: {path: raw.csv, schema: schema.json}
              good: {path: good.parquet}
            stages:
              validate: {type: validate, input: raw, output: good}
            """, [try bench.foreign("raw", csv: csv)])
        #expect(outcome.rows == [["1", "2026-11-23 04:00:00"], ["6", nil]])
        #expect(outcome.columns == [Column("id", .integer), Column("at", .timestamp)])
        #expect(outcome.account == RowAccount(read: 6, written: 2, quarantined: 4, steps: outcome.account?.steps ?? []))
        #expect(outcome.checks.first?.outcome == .warned)
        #expect(outcome.checks.first?.message == "4 of 6 rows are invalid (66.67%)")
        let samples = outcome.checks.first?.samples ?? []
        #expect(Set(samples.map(\.row)) == [2, 3, 4, 5], "\(samples)")
    }
}
