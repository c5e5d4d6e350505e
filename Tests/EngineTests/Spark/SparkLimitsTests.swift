import CaudalModel
@testable import Engine
import TestSupport
import Testing

/// What stages on Spark are not given is said before anything runs, with its place and a remedy; no Spark is needed for that.
@Suite("Spark: what is refused", .timeLimit(.minutes(1)))
struct SparkLimitsTests {
    private static let columns = [
        Column("n", .integer), Column("x", .number), Column("d", .decimal(precision: 10, scale: 2)), Column("s", .text),
        Column("b", .boolean), Column("day", .date), Column("t", .timestamp),
    ]

    /// What is said of an expression; nil where it comes out alike.
    private func obstacle(_ text: String) throws -> String? {
        let expression = try ExpressionParser.parse(text)
        let typing = ExpressionTyping(columns: Self.columns)
        _ = try typing.type(of: expression)
        return SparkDialect().obstacle(to: try typing.withSettledTimes(expression), typing)?.message
    }

    @Test(
        "Expressions that come out differently",
        arguments: [
            "cast(x as text)", "s || x", "concat(s, x)", "cast(s as integer)", "cast(d as integer)",
            "cast(n as boolean)",
            "round(n * 0.9)", "round(x, n)", "round(x, -1)", "substr(s, 0)", "substr(s, n)", "substr(s, 1, -1)",
            "split_part(s, '', 1)", "split_part(s, '-', 0)", "replace(s, '', 'x')", "replace(s, s, 'x')",
            "regexp_matches(s, '(?i)a')", "regexp_matches(s, s)", "regexp_replace(s, 'a*', 'x')",
            "case when x > 1 then s || x else s end",
        ])
    func refused(_ text: String) throws {
        let message = try #require(try obstacle(text))
        #expect(message.hasPrefix("on Spark, "), "\(message)")
    }

    @Test(
        "Expressions that come out alike",
        arguments: [
            "n + 1", "x / n", "round(x, 2)", "round(x)", "s || n", "s || d", "cast(x as integer)", "cast(s as number)",
            "cast(s as date)", "cast(t as date)", "lower(s)", "substr(s, 2, 3)", "split_part(s, '-', -1)",
            "replace(s, 'a', '')",
            "regexp_matches(s, '^[a-z]+$')", "regexp_replace(s, '[0-9]+', '\\0')", "s like 'a%'", "coalesce(x, 0)",
            "n % 3",
            "case when b then 1 else 0 end", "days_between(day, date_of(t))", "n in (1, 2)", "sha256(s)",
        ])
    func allowed(_ text: String) throws {
        #expect(try obstacle(text) == nil)
    }

    @Test("Casts of steps that round or are written differently")
    func casts() {
        let sql = SparkDialect()
        let decimal = ColumnType.decimal(precision: 10, scale: 2)
        for (old, new) in [
            (ColumnType.number, ColumnType.text), (.number, decimal), (decimal, .decimal(precision: 10, scale: 1)),
            (.integer, .boolean),
        ] {
            #expect(sql.obstacle(toCast: old, to: new) != nil, "\(old) to \(new)")
        }
        for (old, new) in [
            (ColumnType.text, ColumnType.integer), (.text, decimal), (.text, .timestamp), (.integer, .text),
            (.number, .integer), (.timestamp, .date),
        ] {
            #expect(sql.obstacle(toCast: old, to: new) == nil, "\(old) to \(new)")
        }
    }

    @Test("DuckDB is refused nothing")
    func duckDB() throws {
        let typing = ExpressionTyping(columns: Self.columns)
        let expression = try ExpressionParser.parse("cast(x as text) || regexp_replace(s, '(?i)a*', 'x')")
        #expect(DuckDBDialect().obstacle(to: expression, typing) == nil)
        #expect(DuckDBDialect().obstacle(toCast: .number, to: .text) == nil)
    }

    @Test("Stages that a pipeline's engine cannot have are refused with file, line, column and remedy")
    func stages() throws {
        let folder = try ScratchFolder()
        let loaded = try LoadedPipeline(
            yaml: """
                engine: spark
                datasets:
                  rows: {path: rows.parquet}
                  berlin: {path: berlin.csv, timezone: Europe/Berlin}
                  out: {path: out.parquet}
                  two: {path: two.parquet}
                  three: {path: three.parquet}
                stages:
                  add: {type: sql, inputs: [rows], output: out, mode: merge, key: [n], query: SELECT 1 AS n}
                  zone: {type: process, input: berlin, output: two, steps: [{filter: n > 0}]}
                  fine: {type: process, input: rows, output: three, engine: duckdb, steps: [{filter: n > 0}]}
                  tell: {type: command, run: 'true'}
                """, in: folder)
        func faults(_ id: StageID) throws -> [ConfigError] {
            SparkStageLimits.faults(of: try #require(loaded.pipeline.stage(id)), in: loaded.pipeline)
        }
        #expect(try faults("add").map(\.message) == ["stage 'add' cannot run on Spark: it adds to what its output has"])
        #expect(
            try faults("zone").map(\.message) == [
                "stage 'zone' cannot run on Spark: the times of 'berlin' are of a zone"
            ])
        #expect(try faults("zone").allSatisfy { $0.remedy?.contains("engine: duckdb") == true && $0.location.line > 1 })
        #expect(loaded.pipeline.stages.map(\.engine) == [.spark, .spark, .duckdb, .duckdb])
    }

    @Test(
        "What the file says of Spark that cannot be",
        arguments: [
            ("engine: sparks", "'engine' must be duckdb, spark or auto"),
            ("spark: {remote: 'http://a'}", "Spark Connect server"),
            ("spark: {remote: 'sc://a:1/;token=x'}", "a token must not be written"),
            ("spark: {remote: 'sc://a', master: local}", "exclude each other"),
            ("spark: {conf: {spark.sql.ansi.enabled: false}}", "is set by caudal"),
        ])
    func settings(_ line: String, _ message: String) throws {
        let folder = try ScratchFolder()
        do {
            _ = try LoadedPipeline(
                yaml: "\(line)\ndatasets: {a: {path: a.parquet}}\nstages: {c: {type: command, run: 'true'}}", in: folder
            )
            Issue.record("it was taken")
        } catch let invalid as InvalidPipeline {
            #expect(invalid.errors.contains { $0.message.contains(message) }, "\(invalid.errors.map(\.message))")
        }
    }
}
