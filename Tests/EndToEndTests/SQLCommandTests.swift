import Foundation
import Testing

@Suite("SQL over what was recorded", .timeLimit(.minutes(15)))
struct SQLCommandTests {
    private func project() async throws -> CaudalProject {
        let project = try CaudalProject(copying: [])
        try project.write("in.csv", "id\n1\n2\n")
        try project.write(
            "p.yaml",
            """
            version: 1
            name: p
            params: {api_token: {type: string, default: hunter2hunter2}, day: {type: date, default: 2026-11-23}}
            datasets: {in: {path: in.csv}, out: {path: out.csv}}
            stages:
              copy: {type: process, input: in, output: out, steps: [{trim: all}], checks: [{row_count: 2}]}
              fail: {type: command, needs: copy, run: "echo 'ERROR a, \\"b\\"' >&2; exit 3", allow_failure: true}
            """)
        let run = try await project.caudal("run", "p.yaml")
        #expect(run.status == 0, "\(run)")
        return project
    }

    @Test("Every view answers, with the columns that the list of views says")
    func views() async throws {
        let project = try await project()
        let list = try await project.caudal("sql")
        let views = list.output.split(separator: "\n")
        #expect(views.count == 8, "\(list)")
        for view in views {
            let name = view.prefix { $0 != "(" }
            let columns = view.dropFirst(name.count + 1).dropLast().replacing(" ", with: "")
            let answer = try await project.caudal("sql", "select * from \(name) limit 1", "--format", "csv")
            #expect(answer.status == 0, "\(answer)")
            let lines = answer.output.split(separator: "\n")
            #expect(lines.first == columns)
            // No schedule started this run.
            #expect(lines.count >= (name == "slots" ? 1 : 2), "\(name) holds what this run recorded: \(answer)")
        }
    }

    @Test("Answers come as a table, as CSV and as lines of JSON")
    func formats() async throws {
        let project = try await project()
        let question = "select stage, ending, rows_written, null as missing from attempts order by stage"
        let table = try await project.caudal("sql", question)
        #expect(table.output.hasPrefix("stage  ending     rows_written  missing\ncopy   succeeded  2"), "\(table)")
        let json = try await project.caudal("sql", question, "--format", "json")
        #expect(
            json.output.hasPrefix(#"{"stage":"copy","ending":"succeeded","rows_written":2,"missing":null}"#), "\(json)")
        let csv = try await project.caudal(
            "sql", "select message from logs where stage = 'fail' limit 1", "--format", "csv")
        #expect(csv.output.contains(#""ERROR a, ""b""""#), "\(csv)")
        let runs = try await project.caudal("sql", "select state, parameters from runs", "--format", "json")
        #expect(runs.output.contains("succeeded") && runs.output.contains("2026-11-23"), "\(runs)")
        #expect(!runs.output.contains("hunter2"), "a parameter that is secret by its name is hidden")
    }

    @Test(
        "Nothing can be written, and the message says so",
        arguments: [
            "delete from runs", "update main.runs set status = 'x'", "drop table main.events", "create table t (a)",
            "insert into main.runs default values", "attach 'other.db' as o", "vacuum", "pragma user_version = 9",
            "select 1; delete from main.runs",
        ])
    func readOnly(statement: String) async throws {
        let project = try await project()
        let answer = try await project.caudal("sql", statement)
        #expect(answer.status == 1, "\(answer)")
        #expect(answer.errors.hasPrefix("error: "), "\(answer)")
        #expect(!project.exists("other.db"))
        let runs = try await project.caudal("sql", "select count(*), max(state) from runs", "--format", "csv")
        #expect(runs.output.hasSuffix("\n1,succeeded\n"), "\(runs)")
    }

    @Test("A wrong name is told with what there is")
    func wrongNames() async throws {
        let project = try await project()
        let table = try await project.caudal("sql", "select * from stage")
        #expect(table.errors.contains("no such table: stage; did you mean 'stages'?"), "\(table)")
        let column = try await project.caudal("sql", "select pipelin from runs")
        #expect(column.errors.contains("did you mean 'pipeline'?"), "\(column)")
        let elsewhere = try await CaudalProject(copying: []).caudal("sql", "select 1")
        #expect(elsewhere.status == 1 && elsewhere.errors.contains("there are no runs here"), "\(elsewhere)")
    }
}
