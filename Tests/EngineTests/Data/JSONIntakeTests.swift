import CaudalModel
import Engine
import TestSupport
import Testing

@Suite(.tags(.duckDB), .timeLimit(.minutes(15))) struct JSONIntakeTests {
    private let bench: StageWorkbench
    private let pipeline = """
        datasets:
          raw: {path: raw.jsonl, schema: schema.json}
          good: {path: good.parquet}
        stages:
          validate: {type: validate, input: raw, output: good, quarantine: bad.csv}
        """

    init() throws { bench = try StageWorkbench() }

    /// Validates lines of JSON and gives what came out, with the quarantine's rows.
    private func validate(
        _ schema: String, _ lines: [String], keys: [Column] = []
    ) async throws -> (outcome: StageWorkbench.Outcome, bad: [[String?]]) {
        try bench.folder.write("schema.json", schema)
        let outcome = try await bench.run(pipeline, [try bench.foreign("raw", lines: lines, keys: keys)])
        let bad = try #require(outcome.staged.first { $0.hasSuffix("bad.csv") })
        let rows = try await DuckDB(in: bench.folder).rows(
            "SELECT \"row\", \"column\", rule, value, raw FROM read_csv('\(bad)', all_varchar = true)")
        return (outcome, rows)
    }

    @Test("Values keep the types of JSON: a text is no number, null is a value, and a missing key is none")
    func types() async throws {
        let lines = [
            #"{"id": 1, "price": 2, "name": "x"}"#, #"{"id": 2.0, "price": 1.5, "name": ""}"#,
            #"{"id": "3", "name": "x"}"#,
            #"{"id": 4, "name": null}"#, #"{"id": 5}"#, #"{"id": true, "name": "x"}"#,
            #"{"id": 7, "name": "ünï", "price": null}"#,
        ]
        let (outcome, bad) = try await validate(
            #"{"required": ["name"], "properties": {"id": {"type": "integer"}, "price": {"type": ["number", "null"]}, "name": {"type": "string"}}}"#,
            lines, keys: [Column("id", .other("JSON"))])
        #expect(outcome.rows == [["1", "2.0", "x"], ["2", "1.5", ""], ["7", nil, "ünï"]])
        #expect(outcome.columns == [Column("id", .integer), Column("price", .number), Column("name", .text)])
        #expect(
            bad == [
                ["3", "id", "type: integer", "\"3\"", lines[2]], ["4", "name", "type: string", "null", lines[3]],
                ["5", "name", "required", nil, lines[4]], ["6", "id", "type: integer", "true", lines[5]],
            ])
    }

    @Test("A line that is malformed or no object is kept as it stands and counted; blank lines are passed over")
    func brokenLines() async throws {
        let lines = [
            #"{"a": 1}"#, "", #"{"a": 2"#, "   ", "[1]", "5", "null", "\u{e9}{", #"{"a": 3}{"a": 4}"#, #"{"a": 5}"#,
        ]
        let (outcome, bad) = try await validate("{}", lines, keys: [Column("a", .integer)])
        #expect(outcome.rows == [["1"], ["5"]])
        #expect(outcome.account?.read == 8)
        #expect(outcome.account?.quarantined == 6)
        #expect(
            bad.map { [$0[0], $0[2], $0[4]] } == [
                ["2", "malformed line: no json", #"{"a": 2"#], ["3", "malformed line: no object, but array", "[1]"],
                ["4", "malformed line: no object, but ubigint", "5"],
                ["5", "malformed line: no object, but null", "null"], ["6", "malformed line: no json", "\u{e9}{"],
                ["7", "malformed line: no json", #"{"a": 3}{"a": 4}"#],
            ])
    }

    @Test("A comma that nothing follows is no JSON, wherever it stands, and one in a text is a part of it")
    func looseCommas() async throws {
        let lines = [
            #"{"a": 1,}"#, #"{"a": 2, "b": [1, ]}"#, #"{"a": 3, "b": ",}"}"#, #"{"a": 4, "b": "x\",]"}"#,
            #"{"a": 5, "b": {"c": 1 ,}}"#, #"{"a": 6, "b": [",]", "\\"]}"#,
        ]
        let (outcome, bad) = try await validate(
            "{}", lines, keys: [Column("a", .integer), Column("b", .other("JSON"))])
        #expect(outcome.rows.map { $0[0] } == ["3", "4", "6"])
        let rule = "malformed line: a comma without anything behind it"
        #expect(
            bad.map { [$0[0], $0[2], $0[4]] } == [
                ["1", rule, lines[0]], ["2", rule, lines[1]], ["5", rule, lines[4]],
            ])
    }

    @Test("NaN and Infinity are no JSON, wherever they stand, and in a text they are a part of it")
    func endlessNumbers() async throws {
        let lines = [
            #"{"a": 1, "b": NaN}"#, #"{"a": 2, "b": [1, -inf]}"#, #"{"a": 3, "b": ": nan"}"#,
            #"{"a": 4, "b": "x\", inf"}"#,
            #"{"a": 5, "b": {"c" :Infinity}}"#, #"{"a": 6, "nan": "inf"}"#,
        ]
        let (outcome, bad) = try await validate(
            "{}", lines, keys: [Column("a", .integer), Column("b", .other("JSON")), Column("nan", .text)])
        #expect(outcome.rows.map { $0[0] } == ["3", "4", "6"])
        let rule = "malformed line: NaN or Infinity, which JSON does not have"
        #expect(bad.map { [$0[0], $0[2]] } == [["1", rule], ["2", rule], ["5", rule]])
    }

    @Test("A key that is forbidden or stands twice is a fault of its row alone")
    func extraKeys() async throws {
        let lines = [#"{"a": 1}"#, #"{"a": 2, "b/c": {"x": 1}}"#, #"{"a": 3, "a": 4}"#, #"{}"#]
        let (outcome, bad) = try await validate(
            #"{"properties": {"a": {"type": "integer"}}, "additionalProperties": false}"#, lines)
        #expect(outcome.rows == [["1"], [nil]])
        #expect(
            bad.map { Array($0.prefix(4)) } == [
                ["2", "b/c", "additionalProperties: false", #"{"x":1}"#], ["3", "a", "key stands twice", "3"],
            ])
    }

    @Test(
        "A column may have any name, also one that the quarantine uses itself",
        arguments: [
            "row", "file", "json", "raw", "bad", "v", "ordinal", "a\"b", "a'b; DROP TABLE x; --", "~/.", "🙂", "a\nb",
            "a\r\nb", "a'\u{301}b", "a\"\u{301}b",
        ])
    func names(_ name: String) async throws {
        let key = JSONText.quoted(name)
        let lines = ["{\(key): 1}", "{\(key): \"x\"}"]
        let (outcome, bad) = try await validate(#"{"properties": {\#(key): {"type": "integer"}}}"#, lines)
        #expect(outcome.rows == [["1"]])
        #expect(bad == [["2", name, "type: integer", "\"x\"", lines[1]]])
    }

    @Test("Moments are exact, whatever RFC 3339 allows, and leave no valid row without a value")
    func moments() async throws {
        let good = [
            "2026-11-23T06:00:00Z", "2026-11-23t06:00:00.25+02:00", "1998-12-31T23:59:60Z",
            "1985-04-12T00:59:59.999999999999999Z",
        ]
        let bad = ["2026-11-23 06:00:00", "2026-11-23T06:00:00", "1998-12-31T22:59:60Z"]
        let (outcome, _) = try await validate(
            #"{"properties": {"at": {"type": "string", "format": "date-time"}}}"#,
            (good + bad).map { "{\"at\": \"\($0)\"}" })
        #expect(
            outcome.rows == [
                ["2026-11-23 06:00:00"], ["2026-11-23 04:00:00.25"], ["1999-01-01 00:00:00"],
                ["1985-04-12 00:59:59.999999"],
            ])
    }

    @Test("A column of which the schema says nothing has the type that its values have")
    func undescribed() async throws {
        let (outcome, _) = try await validate(
            "{}", [#"{"n": 1, "d": 1.5, "t": "x", "o": {"a": [1]}}"#, #"{"n": null, "t": "y"}"#],
            keys: [Column("n", .integer), Column("d", .number), Column("t", .text), Column("o", .other("STRUCT"))])
        #expect(outcome.columns.map(\.type) == [.integer, .number, .text, .text])
        #expect(outcome.rows == [["1", "1.5", "x", #"{"a":[1]}"#], [nil, nil, "y", nil]])
    }
}
