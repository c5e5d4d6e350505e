import Engine
import Foundation
import TestSupport
import Testing

/// A pattern over the files of a fan-out that had no items.
@Suite("A pattern over no items", .timeLimit(.minutes(15)), .enabled(if: Checkout.runsDuckDBTests))
struct NoItemsPatternTests {
    private static func project(rows: String) throws -> CaudalProject {
        let project = try CaudalProject(copying: [])
        try project.write(
            "p.yaml",
            """
            version: 1
            name: parts
            datasets:
              given: {path: given.csv}
              part: {path: "out/part-${item.k}.csv"}
              all: {path: "out/part-*.csv"}
              sum: {path: sum.csv}
            stages:
              part:
                {type: process, input: given, output: part, foreach: {k: {sql: select distinct k from given order by 1}}}
              sum: {type: sql, output: sum, query: 'select count(*) as n, max(v) as v from "all"'}
            """)
        try project.write("given.csv", "k,v\n" + rows)
        return project
    }

    @Test("gives no rows, with the columns that there would have been")
    func firstRun() async throws {
        let project = try Self.project(rows: "")
        let answer = try await project.caudal("run", "p.yaml", "--plain")
        #expect(answer.status == 0, "\(answer)")
        #expect(project.text("sum.csv") == "n,v\n0,\n")
    }

    @Test("gives none of an earlier run's items")
    func secondRun() async throws {
        let project = try Self.project(rows: "a,1\nb,2\n")
        let first = try await project.caudal("run", "p.yaml", "--plain")
        #expect(project.text("sum.csv") == "n,v\n2,2\n", "\(first)")
        try project.write("given.csv", "k,v\n")
        let second = try await project.caudal("run", "p.yaml", "--plain")
        #expect(second.status == 0, "\(second)")
        #expect(project.text("sum.csv") == "n,v\n0,\n")
    }

    @Test("gives no file that lies there from a time whose runs nobody knows")
    func forgottenRun() async throws {
        let project = try Self.project(rows: "")
        try FileManager.default.createDirectory(
            atPath: project.folder.path("out"), withIntermediateDirectories: true)
        try project.write("out/part-OLD.csv", "k,v\nz,9\n")
        let answer = try await project.caudal("run", "p.yaml", "--plain")
        #expect(answer.status == 0, "\(answer)")
        #expect(project.text("sum.csv") == "n,v\n0,\n")
    }
}
