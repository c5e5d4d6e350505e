import Engine
import Testing

@Suite(.timeLimit(.minutes(15))) struct SQLTextTests {
    private let place = SourceLocation(file: "p.yaml", line: 1, column: 1)

    private func query(_ text: String) throws -> Located<Template> { Located(try Template(parsing: text), at: place) }

    @Test("References become bound values, and semicolons at the end go")
    func bound() throws {
        let text = "select * from t where day = ${params.day} and x = ${item.it's} ;\n; "
        #expect(
            SQLText.bound(try query(text).value)
                == "select * from t where day = getvariable('param_day') and x = getvariable('item_it''s')")
    }

    @Test("References in quotation marks are found, because no value can be bound there")
    func quoted() throws {
        let text = "select '${params.a}', \"${item.b}\", ${params.c}, '$${params.d}' -- ${params.e}"
        #expect(SQLText.quotedReferences(in: try query(text).value) == [.param("a"), .item("b")])
    }
}
