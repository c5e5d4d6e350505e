import CaudalModel
import Engine
import Foundation
import TestSupport
import Testing

/// The input of a fan-out is divided once, and the items write what they would write of the whole input.
@Suite("A divided input", .timeLimit(.minutes(15)), .enabled(if: Checkout.runsDuckDBTests))
struct DividedInputTests {
    /// A project whose stages do the same twice: a stage with a time limit reads its input whole.
    private func project(_ format: String) async throws -> CaudalProject {
        let project = try CaudalProject(copying: [])
        // Rows of one item stand alone, in short rows and in long ones; every hundredth repeats an id of another item.
        let made = try await project.run(
            Repository.path(".tools/duckdb/duckdb_cli/duckdb"),
            [
                "-no-init", "-c",
                """
                COPY (SELECT CASE WHEN i % 100 = 7 THEN i - 61 ELSE i END AS id,
                             list_extract(['north', '', NULL, 'é', 'e\u{301}', 'a/b', ' x', 'x ', 'X', '%2F', '..', '"q",'],
                                          1 + CASE WHEN i % 9000 < 3000 THEN 3 WHEN i % 7 = 0 THEN 5 ELSE i * 31 % 12 END) AS k,
                             list_extract([0.0::DOUBLE, -0.0::DOUBLE, 1.5, 'nan', 'inf', NULL, -1, 1e20, 0.1], 1 + i * 17 % 9) AS n,
                             md5(i::VARCHAR) || md5((i + 0.5)::VARCHAR) || md5((-i)::VARCHAR) AS filler
                      FROM range(120000) AS rows(i)) TO 'in.\(format)'
                """,
            ])
        #expect(made.status == 0, "\(made)")
        try project.write("names.csv", "k,name\nnorth,North\nX,Ten\n,nobody\na/b,both\n")
        let steps =
            "steps: [{deduplicate: {by: id}}, {cast: {id: integer}}, {derive: {m: \"id * 2\"}}, {filter: id % 5 <> 1}], checks: [{unique: id}]"
        let texts = "foreach: {k: {sql: select distinct k from src}}"
        let numbers = "foreach: {n: [0, \"1.50\", nan, inf, -1, 1e20, 0.1, 7, \"2e1\"]}"
        try project.write(
            "p.yaml",
            """
            version: 1
            name: p
            max_parallel: 1
            datasets:
              src: {path: in.\(format)}
              names: {path: names.csv}
              a1: {path: "a1/${item.k}.parquet"}
              a2: {path: "a2/${item.k}.parquet"}
              b1: {path: "b1/${item.n}.csv"}
              b2: {path: "b2/${item.n}.csv"}
              c1: {path: "c1/${item.k}.parquet"}
              c2: {path: "c2/${item.k}.parquet"}
            stages:
              whole: {type: process, input: src, output: a1, timeout: 1h, \(texts), \(steps)}
              divided: {type: process, input: src, output: a2, \(texts), \(steps)}
              numbers: {type: process, input: src, output: b1, timeout: 1h, \(numbers), \(steps)}
              parts: {type: process, input: src, output: b2, \(numbers), \(steps)}
              rich: {type: enrich, input: src, output: c1, timeout: 1h, \(texts), lookups: [{dataset: names, on: k, add: name}]}
              named: {type: enrich, input: src, output: c2, \(texts), lookups: [{dataset: names, on: k, add: name}]}
            """)
        return project
    }

    /// The files of a folder with their bytes, by name.
    private func contents(_ folder: String, of project: CaudalProject) throws -> [String: Data] {
        Dictionary(
            uniqueKeysWithValues: try project.files(in: folder).map { name in
                let last = PathText.lastComponent(of: name)
                return (last, try Data(contentsOf: URL(fileURLWithPath: project.folder.path("\(folder)/\(last)"))))
            })
    }

    private func lists(in project: CaudalProject) -> [String] {
        project.files(in: ".caudal").filter { $0.hasSuffix("parts/list.json") }
    }

    @Test("Items write the same bytes of their part as of the whole input", arguments: ["parquet", "csv"])
    func sameBytes(_ format: String) async throws {
        let project = try await project(format)
        // In CSV, all values are texts.
        let stages = format == "csv" ? "whole divided rich named" : "whole divided rich named numbers parts"
        let run = try await project.caudal("run", "p.yaml", "--plain", "--select", stages)
        #expect(run.status == 0, "\(run)")
        let logs = try await project.caudal("logs")
        let told = logs.lines.filter { $0.contains("src is divided among the items") }
        #expect(told.count == (format == "csv" ? 2 : 3), "\(logs)")
        for (one, other) in [("a1", "a2"), ("b1", "b2"), ("c1", "c2")] where format != "csv" || one != "b1" {
            let (whole, divided) = (try contents(one, of: project), try contents(other, of: project))
            #expect(whole.count >= 9 && whole == divided, "\(one), \(other)")
        }
        #expect(lists(in: project).isEmpty, "the copy is gone with the end of the run")
        // An item that is retried alone makes the same of the whole input.
        let before = try contents("a2", of: project)
        let again = try await project.caudal("retry", "last", "divided/north", "--yes", "--plain")
        #expect(again.status == 0, "\(again)")
        #expect(try contents("a2", of: project) == before)
    }

    @Test("A run that is killed while items work goes on with the parts, and writes the same bytes")
    func killed() async throws {
        let project = try await project("parquet")
        let process = try await project.start("run", "p.yaml", "--plain", "--select", "divided")
        #expect(await process.says("divided[north]  succeeded") != nil)
        await process.killHard()
        let resumed = try await project.caudal("resume", "last", "--plain")
        #expect(resumed.status == 0, "\(resumed)")
        let whole = try await project.caudal("run", "p.yaml", "--plain", "--select", "whole")
        #expect(whole.status == 0, "\(whole)")
        #expect(try contents("a1", of: project) == contents("a2", of: project))
        #expect(lists(in: project).isEmpty)
    }
}
