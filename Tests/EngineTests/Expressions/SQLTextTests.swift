import CaudalModel
import Engine
import Testing

@Suite(.timeLimit(.minutes(15))) struct SQLTextTests {
    private let place = SourceLocation(file: "p.yaml", line: 1, column: 1)

    private func query(_ text: String) throws -> Located<Template> { Located(try Template(parsing: text), at: place) }

    @Test("References become bound values, and semicolons at the end go")
    func bound() throws {
        let text = "select * from t where day = ${params.day} and x = ${item.it's} ;\n; "
        #expect(
            DuckDBDialect().bound(try query(text).value)
                == "select * from t where day = getvariable('param_day') and x = getvariable('item_it''s')")
    }

    @Test(
        "A comment behind the last semicolon goes with it, and a text that looks like one stays",
        arguments: [
            ("select 1 as x; -- c", "select 1 as x"), ("select 1; -- a\n; -- b", "select 1"),
            ("select 1 -- c", "select 1 -- c"),
            ("select '; -- x'", "select '; -- x'"), ("select \"a; --b\" from t", "select \"a; --b\" from t"),
            ("select $$; -- x$$", "select $$; -- x$$"),
        ])
    func comments(text: String, wanted: String) throws {
        #expect(DuckDBDialect().bound(try query(text).value) == wanted)
    }

    @Test("References in quotation marks are found, because no value can be bound there")
    func quoted() throws {
        let text = "select '${params.a}', \"${item.b}\", ${params.c}, '$${params.d}' -- ${params.e}"
        #expect(SQLText.quotedReferences(in: try query(text).value) == [.param("a"), .item("b")])
    }

    @Test("Texts with dollars and backslashes, and comments in comments, end where they end for the engine")
    func ends() {
        let parts: [(String, [String])] = [
            (#"select e'a\' b' as x"#, ["select ", #"e'a\' b'"#, " as x"]),
            (#"E'a\\' b"#, [#"E'a\\'"#, " b"]),
            (#"'a\' b"#, [#"'a\'"#, " b"]),
            ("nice'a' ", ["nice", "'a'", " "]),
            ("a $$ it's\n.b $$ c", ["a ", "$$ it's\n.b $$", " c"]),
            ("$q$ $$ ' $q$;", ["$q$ $$ ' $q$", ";"]),
            ("a$$b $1 $2", ["a$$b $1 $2"]),
            ("/* /* ' */ ; */ x", ["/* /* ' */ ; */", " x"]),
            ("-- it's\r x", ["-- it's\r", " x"]),
            ("'e\u{301}' '\u{301}' \"", ["'e\u{301}'", " ", "'\u{301}'", " ", "\""]),
        ]
        for (query, expected) in parts { #expect(SQLText.parts(of: query).map(\.sql) == expected, "\(query)") }
    }

    @Test("A quotation mark behind a backslash is doubled, a comment within one is none, and nothing moves")
    func plainQuotes() {
        #expect(
            SQLText.withPlainEnds(#"e'\'' || e'\\' || '\' || $$\'$$"#) == #"e'''' || e'\\' || '\' || $$\'$$"#)
        #expect(SQLText.withPlainEnds("a /* b /* ; */ c */ d /**/ --/*") == "a /* b    ;    c */ d /**/ --/*")
        #expect(SQLText.withPlainEnds(#"E'it\'s' -- \'"#) == #"E'it''s' -- \'"#)
    }

    @Test("Lines of a text stay where they are when a query is moved")
    func indented() {
        #expect(SQLText.indented("a\n$$b\nc$$\nd", by: 2) == "  a\n  $$b\nc$$\n  d")
    }
}
