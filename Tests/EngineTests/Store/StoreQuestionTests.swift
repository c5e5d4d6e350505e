import CaudalModel
import Engine
import Testing
import TestSupport

@Suite("Queries over the run store", .timeLimit(.minutes(15)))
struct StoreQuestionTests {
    private func ask(_ sql: String, limit: Duration? = nil) throws -> [[StoreValue]] {
        let folder = try OwnFolder()
        let store = try RunStore(StateFolder(path: folder.path))
        var rows: [[StoreValue]] = []
        try StoreQuestion(store.folder).ask(sql, limit: limit, head: { _ in }) { row in
            rows.append(row)
            return true
        }
        return rows
    }

    @Test("A query is answered from the views")
    func answer() throws {
        #expect(try ask("SELECT count(*), 'x' FROM runs") == [[.integer(0), .text("x")]])
    }

    @Test(
        "What is wrong with a query is told by its kind",
        arguments: [
            ("DELETE FROM main.runs", .noQuery),
            ("SELECT 1; SELECT 2", .notOneStatement),
            ("SELECT * FROM rums", .unknownTable("rums", message: "no such table: rums")),
            ("SELECT pipelin FROM runs", .unknownColumn("pipelin", message: "no such column: pipelin")),
            ("SELECT zeroblob(60000000)", .valueTooLong(limit: 50_000_000)),
            ("SELECT * FROM", .failed("incomplete input")),
        ] as [(String, StoreQuestionError)])
    func faults(sql: String, error: StoreQuestionError) {
        #expect(throws: error) { try ask(sql) }
    }

    @Test("A query that uses up its time is ended")
    func time() {
        let endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
        #expect(throws: StoreQuestionError.tookTooLong(limit: .milliseconds(50))) {
            try ask(endless, limit: .milliseconds(50))
        }
    }

    @Test("Unknown names come with those that are there")
    func suggestions() {
        let table = StoreQuestionError.unknownTable("rums", message: "no such table: rums")
        #expect(table.failure.message == "no such table: rums; did you mean 'runs'?")
        #expect(table.failure.remedy?.hasPrefix("there are runs, stages, ") == true)
        let column = StoreQuestionError.unknownColumn("pipelin", message: "no such column: pipelin")
        #expect(column.failure.message == "no such column: pipelin; did you mean 'pipeline'?")
    }
}
