import CaudalModel
import Engine
import Testing

@Suite(.timeLimit(.minutes(15))) struct ExpressionParserTests {
    private static let columns = [
        Column("a", .integer), Column("b", .integer), Column("price", .number), Column("name", .text),
        Column("day", .date), Column("at", .timestamp), Column("ok", .boolean),
        Column("amount", .decimal(precision: 9, scale: 2)),
    ]

    private func sql(_ text: String) throws -> String {
        DuckDBDialect().expression(try ExpressionParser.parse(text), references: [.param("n"): .integer])
    }

    private func type(_ text: String) throws -> ColumnType? {
        try ExpressionTyping(columns: Self.columns, references: [.param("n"): .integer]).type(
            of: ExpressionParser.parse(text))
    }

    @Test(
        "Operators bind as in SQL",
        arguments: [
            ("a + b * 2", #""a" + ("b" * 2)"#),
            ("a - b - 1", #"("a" - "b") - 1"#),
            ("(a + b) * 2", #"("a" + "b") * 2"#),
            ("a = 1 or b = 2 and ok", #"("a" = 1) OR (("b" = 2) AND "ok")"#),
            ("not ok and ok", #"(NOT "ok") AND "ok""#),
            ("not a = b", #"NOT ("a" = "b")"#),
            ("-a * b", #"(-"a") * "b""#),
            ("- - a", #"-(-"a")"#),
            ("-2 - -3", "CAST((-2) AS BIGINT) - (-3)"),
            ("a * (2 * 3)", #""a" * (CAST(2 AS BIGINT) * 3)"#),
            ("a between 1 and 2 and ok", #"("a" BETWEEN 1 AND 2) AND "ok""#),
            ("a not in (1, b + 1)", #""a" NOT IN (1, "b" + 1)"#),
            ("name not like 'A%'", #""name" NOT LIKE 'A%'"#),
            ("a is not null", #""a" IS NOT NULL"#),
            ("a <> b", #""a" <> "b""#), ("a != b", #""a" <> "b""#), ("a == b", #""a" = "b""#),
            ("a || name = 'x'", #"(CAST("a" AS VARCHAR) || CAST("name" AS VARCHAR)) = 'x'"#),
            ("a / b", #"CAST("a" AS DOUBLE) / NULLIF(CAST("b" AS DOUBLE), 0)"#),
            ("a % b", #""a" % NULLIF("b", 0)"#),
            ("CASE WHEN ok THEN 1 END", #"CASE WHEN "ok" THEN 1 END"#),
            ("cast(a as decimal(10, 2))", #"CAST("a" AS DECIMAL(10,2))"#),
            ("date '2026-11-23'", "CAST('2026-11-23' AS DATE)"),
            ("1.5e3", "CAST('1500.0' AS DOUBLE)"),
            ("9223372036854775807", "9223372036854775807"),
            ("a + ${params.n}", #""a" + CAST(getvariable('param_n') AS BIGINT)"#),
        ])
    func precedence(_ text: String, _ expected: String) throws { #expect(try sql(text) == expected) }

    @Test(
        "Hostile names and texts stay inside their quotation marks",
        arguments: [
            ("\"a\"\"; drop table x; --\"", #""a""; drop table x; --""#),
            ("name = 'it''s; --'", #""name" = 'it''s; --'"#),
            ("'\"'", #"'"'"#), ("''", "''"), ("'\\'", #"'\'"#), ("\"select\"", #""select""#),
            ("'a\0b'", "('a' || chr(0) || 'b')"), ("größe > 1", #""größe" > 1"#),
            ("${item.x'y}", "getvariable('item_x''y')"),
        ])
    func quoting(_ text: String, _ expected: String) throws { #expect(try sql(text) == expected) }

    @Test(
        "A fault is told with its character",
        arguments: [
            ("", "an expression is missing", 0), ("a +", "a value is missing before the end", 3),
            ("a b", "'b' does not fit here", 2), ("(a", "')' is missing after the parenthesis, not the end", 2),
            ("'x", "this text is never closed", 0), ("a ; b", "';' has no meaning here", 2),
            ("foo(a)", "there is no function 'foo'", 0), ("a in ()", "a value is missing before ')'", 6),
            ("a like b", "'like' needs a text such as 'A%'", 7), ("a not b", "'not' here needs in, between or like", 6),
            ("a = b = 1", "comparisons cannot be chained", 6), ("select", "'select' is a keyword", 0),
            ("case end", "'case' needs at least one 'when … then …'", 0), ("cast(a as x)", "'x' is not a type", 10),
            (
                "${foo.x}",
                "'${foo.x}' is not known; use ${params.x}, ${env.X}, ${run.id}, ${run.started}, ${schedule.time}, ${schedule.date}, ${item.x}, ${input.x} or ${stage.output}, or write '$${foo.x}' for the text itself",
                0
            ),
            ("$x", "'$' has no meaning here", 0), ("1e999", "'1e999' is not a number that fits", 0),
            ("abs()", "'abs' takes 1 arguments, not 0", 0), ("日 + ", "a value is missing before the end", 4),
        ])
    func faults(_ text: String, _ message: String, _ offset: Int) {
        let fault = #expect(throws: ExpressionFault.self) { try ExpressionParser.parse(text) }
        #expect(fault?.message == message)
        #expect(fault?.offset == offset)
    }

    @Test("Nesting has an end and does not overflow the stack", arguments: ["(", "not ", "-", "abs(", "case when "])
    func nesting(_ piece: String) {
        let fault = #expect(throws: ExpressionFault.self) {
            try ExpressionParser.parse(String(repeating: piece, count: 50_000) + "a")
        }
        #expect(fault?.message == "this is nested too deeply")
    }

    @Test(
        "Types follow from the columns",
        arguments: [
            ("a + b", .integer), ("a + price", .number), ("a / b", .number), ("a || b", .text), ("a > price", .boolean),
            ("day >= at", .boolean), ("coalesce(a, price)", .number), ("null", nil), ("coalesce(null, name)", .text),
            ("case when ok then 1 else 2.5 end", .number), ("round(price)", .number), ("floor(price)", .integer),
            ("length(name)", .integer), ("year(at)", .integer), ("date_of(at)", .date), ("cast(name as date)", .date),
            ("nullif(a, 0)", .integer), ("-price", .number), ("${params.n} + 1", .integer), ("${item.x}", .text),
            ("amount + 1", .number), ("abs(amount)", .decimal(precision: 9, scale: 2)),
        ] as [(String, ColumnType?)])
    func types(_ text: String, _ expected: ColumnType?) throws { #expect(try type(text) == expected) }

    @Test(
        "What does not fit its type is refused at its character, with a way out",
        arguments: [
            ("a + name", "'+' needs a number, and 'name' is text", 4),
            ("a = name", "integer cannot be compared with text", 2),
            ("not a", "'not' needs boolean, and 'a' is integer", 4), ("pric > 1", "there is no column 'pric'", 0),
            ("Price > 1", "there is no column 'Price'", 0),
            ("year(name)", "'year' needs a date, and 'name' is text", 5),
            ("upper(a)", "'upper' needs text, and 'a' is integer", 6),
            ("a in (1, name)", "integer cannot be compared with text", 9),
            ("a between 1 and name", "integer cannot be compared with text", 16),
            ("case when a then 1 end", "'when' needs boolean, and 'a' is integer", 10),
            ("coalesce(a, name)", "'coalesce' mixes integer and text", 12),
            ("a and ok", "'and' needs boolean, and 'a' is integer", 0),
            ("greatest(ok, a)", "'greatest' mixes boolean and integer", 13),
        ])
    func misfits(_ text: String, _ message: String, _ offset: Int) {
        let fault = #expect(throws: ExpressionFault.self) { try type(text) }
        #expect(fault?.message == message)
        #expect(fault?.offset == offset)
        #expect(fault?.remedy != nil)
    }

    @Test(
        "Of whole numbers with more than 64 bits the way out is one without a loss",
        arguments: ["wide + 1", "abs(wide)", "wide > 1", "1 = wide", "wide > 1.5", "wide in (1, 2)", "n < wide"])
    func wideNumbers(_ text: String) throws {
        let typing = ExpressionTyping(columns: [Column("wide", .other("UBIGINT")), Column("n", .number)])
        let expression = try ExpressionParser.parse(text)
        let fault = #expect(throws: ExpressionFault.self) { try typing.type(of: expression) }
        #expect(fault?.remedy?.contains("cast(… as integer)") == true, "\(fault?.remedy ?? "")")
        let cast = text.replacing("wide", with: "cast(wide as integer)")
        #expect(throws: Never.self) { try typing.type(of: ExpressionParser.parse(cast)) }
    }

    @Test("The columns and references of an expression are found, each column once")
    func mentions() throws {
        let expression = try ExpressionParser.parse(
            "case when a in (b, 1) then concat(name, ${item.x}) else cast(a as text) || ${params.n} end")
        #expect(expression.columns == ["a", "b", "name"])
        #expect(expression.references == [.item("x"), .param("n")])
    }
}
