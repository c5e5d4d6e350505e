import Foundation
import Testing

@Suite("Questions about past runs", .timeLimit(.minutes(15)))
struct PastRunsTests {
    /// A project whose check stage has seen four days: 10, 11, 10 and 20 rows, two of the last without a total.
    private func project(limits: String = "{not_null: total, max_failing: 1, severity: warn}") async throws
        -> CaudalProject
    {
        let project = try CaudalProject(copying: [])
        try project.write("p.yaml", pipeline("{row_count_variation: 20%, severity: warn}, \(limits)"))
        for (rows, missing) in [(10, 0), (11, 0), (10, 1), (20, 2)] {
            let lines = (1...rows).map { "\($0),\($0 <= missing ? "" : "1.5")\n" }
            try project.write("in.csv", "id,total\n" + lines.joined())
            let run = try await project.caudal("run", "p.yaml")
            #expect(run.status == 0, "\(run)")
        }
        return project
    }

    private func pipeline(_ checks: String) -> String {
        """
        version: 1
        name: p
        datasets: {in: {path: in.csv}}
        stages: {look: {type: check, input: in, checks: [\(checks)]}}
        """
    }

    @Test("The checks of a run stand in a table with what they measured, and the rows that fail below")
    func table() async throws {
        let project = try await project()
        let answer = try await project.caudal("checks", "last")
        #expect(answer.status == 0)
        #expect(answer.output.contains("warned   look/row_count_variation  20"), "\(answer)")
        #expect(
            answer.output.contains("100% from the median 10 of 3 runs"), "it says how many runs it rests on: \(answer)")
        #expect(answer.output.contains("2 of 20"))
        #expect(answer.output.contains("row 1  total=null  id=1"))
        let json = try await project.caudal("checks", "--json")
        #expect(json.output.split(separator: "\n").count == 2)
        #expect(json.output.contains("\"outcome\":\"warned\""))
    }

    @Test("A check's history has a line for each run, and median and deviation of all")
    func history() async throws {
        let project = try await project()
        let answer = try await project.caudal("checks", "--history", "row_count_variation")
        #expect(answer.output.contains("p / look / row_count_variation"))
        #expect(answer.output.split(separator: "\n").count { $0.contains("passed") || $0.contains("warned") } == 4)
        #expect(answer.output.contains("▁▁▁█  median 10.5, MAD 0.5, 10 to 20 in 4 runs"), "\(answer)")
        let unknown = try await project.caudal("checks", "--history", "row_count_variatoin")
        #expect(unknown.status == 1)
        #expect(unknown.errors.contains("did you mean 'row_count_variation'?"), "\(unknown)")
    }

    @Test("Runs of one environment are no history for those of another")
    func environments() async throws {
        let project = try CaudalProject(copying: [])
        try project.write(
            "p.yaml",
            pipeline("{row_count_variation: 20%}")
                + "\nenvironments: {dev: {datasets: {in: {path: dev.csv}}}, prod: {datasets: {in: {path: prod.csv}}}}\n"
        )
        func rows(_ count: Int) -> String { "id\n" + (1...count).map { "\($0)\n" }.joined() }
        try project.write("dev.csv", rows(10))
        try project.write("prod.csv", rows(1000))
        try project.write("in.csv", rows(500))
        for environment in ["dev", "dev", "prod", "dev", "prod"] {
            let run = try await project.caudal("run", "p.yaml", "--env", environment)
            #expect(run.status == 0, "\(environment): \(run)")
        }
        #expect(try await project.caudal("run", "p.yaml").status == 0)
        let checks = try await project.caudal("checks", "last").output
        #expect(checks.contains("no earlier run to compare with yet"), "\(checks)")
        let history = try await project.caudal("checks", "--history", "row_count_variation").output
        #expect(history.contains("p (dev) / look") && history.contains("10 to 10 in 3 runs"), "\(history)")
        #expect(history.contains("p (prod) / look") && history.contains("in 2 runs"), "\(history)")
    }

    @Test("How many rows a query read is not made up, and one row is not several")
    func unknownRows() async throws {
        let project = try CaudalProject(copying: [])
        try project.write("in.csv", "id,k\n1,a\n2,b\n")
        try project.write("names.csv", "k,name\na,A\n")
        try project.write(
            "p.yaml",
            """
            version: 1
            name: p
            datasets: {in: {path: in.csv}, names: {path: names.csv}, named: {path: named.csv}, one: {path: one.csv}}
            stages:
              name: {type: enrich, input: in, output: named, lookups: [{dataset: names, on: k, add: [name]}]}
              count: {type: sql, output: one, query: select count(*) as n from named}
            """)
        let run = try await project.caudal("run", "p.yaml", "--plain")
        #expect(run.status == 0, "\(run)")
        #expect(run.output.contains("? in, 1 out"), "\(run)")
        #expect(run.output.contains("name: 2 rows in = 2 out"), "\(run)")
        #expect(try await project.caudal("show").output.contains("? in, 1 out"))
        let logs = try await project.caudal("logs").output
        #expect(logs.contains("? rows in, 1 out") && logs.contains("1 row is not in names"), "\(logs)")
        let report = try await project.caudal("report", "--format", "json").output
        #expect(!report.contains("\"read\":1,") && !report.contains("\"read\" : 1,"), "\(report)")
        let rows = try await project.caudal(
            "sql", "select rows_read, rows_written from attempts where stage = 'count'", "--format", "csv")
        #expect(rows.output.contains(",1"), "\(rows)")
    }

    @Test("A backtest tells how often other thresholds would have warned or failed")
    func backtest() async throws {
        let project = try await project()
        try project.write(
            "new.yaml",
            pipeline("{row_count_variation: 5%, warn: {max: 1%}}, {not_null: total, max_failing: 0}"))
        let answer = try await project.caudal("checks", "--backtest", "new.yaml")
        #expect(answer.status == 0, "\(answer)")
        let rows = answer.output.split(separator: "\n").map { $0.split(separator: " ") }
        #expect(
            rows.first { $0.first == "look/row_count_variation" }?[1...6] == ["4", "4", "2", "0", "2", "0"], "\(answer)"
        )
        #expect(
            rows.first { $0.first == "look/not_null_total" }?[1...6] == ["4", "4", "2", "0", "2", "0"], "\(answer)")
        #expect(answer.output.contains("look/not_null_total would have failed in"))
        let wrong = try await project.caudal("checks", "last", "--backtest", "new.yaml")
        #expect(wrong.status == 64)
    }

    @Test("A waived breach is shown as waived everywhere and fails nothing; the day after, it fails")
    func waivers() async throws {
        let project = try await project(limits: "{unique: id}")
        try project.write("in.csv", "id,total\n1,1\n1,2\n")
        for (until, status) in [("2099-12-31", Int32(0)), ("2020-01-01", 1)] {
            try project.write(
                "p.yaml",
                pipeline("{unique: id, waive: {until: \(until), reason: doubled by the source}}"))
            let run = try await project.caudal("run", "p.yaml", "--plain")
            #expect(run.status == status, "\(run)")
            #expect(run.output.contains("1 waived") == (status == 0), "\(run)")
            let words = status == 0 ? "waived" : "failed"
            let checks = try await project.caudal("checks")
            #expect(checks.output.contains("\(words)   look/unique_id"), "\(checks)")
            let show = try await project.caudal("show")
            #expect(show.output.contains(words), "\(show)")
            let report = try await project.caudal("report", "--format", "markdown")
            #expect(report.output.contains("| \(words) |"), "\(report)")
            #expect(report.output.contains("waived until 2099-12-31: doubled by the source") == (status == 0))
        }
    }

    @Test("A report goes to standard output or into a file whose ending tells its form")
    func report() async throws {
        let project = try await project()
        let page = try await project.caudal("report")
        #expect(page.output.hasPrefix("<!DOCTYPE html>") && page.output.contains("All 1 stage succeeded"), "\(page)")
        let file = try await project.caudal("report", "last", "--output", "out.md")
        #expect(file.status == 0 && file.output.isEmpty, "\(file)")
        #expect(project.text("out.md")?.hasPrefix("# p: succeeded") == true)
        let json = try await project.caudal("report", "--format", "json")
        let object = try JSONSerialization.jsonObject(with: Data(json.output.utf8)) as? [String: Any]
        #expect((object?["history"] as? [Any])?.count == 2)
        let nowhere = try await project.caudal("report", "--output", "missing/out.html")
        #expect(nowhere.status == 1 && nowhere.errors.contains("missing/out.html"), "\(nowhere)")
    }
}
