import Engine
import Foundation
import GRDB
import TestSupport
import Testing

/// A table that every day loads: no run reads another's rows unawares.
@Suite("Whose rows a table has", .timeLimit(.minutes(10)), .enabled(if: Checkout.runsDuckDBTests))
struct WhoseTablesTests {
    private static func project(mode: String = "mode: replace", overlap: String = "refuse") throws -> CaudalProject {
        let project = try CaudalProject(copying: [])
        try project.write(
            "p.yaml",
            """
            version: 1
            name: days
            overlap: \(overlap)
            params: {day: {type: date, default: 2026-01-01}}
            connections: {local: {type: sqlite, path: shop.db}}
            datasets:
              rows: {path: "rows-${params.day}.csv"}
              sales: {connection: local, table: sales}
              back: {path: "back-${params.day}.csv"}
            stages:
              rows: {type: command, output: rows, run: "printf 'id,day\\\\na,${params.day}\\\\n' > $CAUDAL_OUTPUT"}
              load: {type: load, input: rows, output: sales, \(mode)}
              gate:
                type: command
                needs: load
                run: "test ! -e broken || exit 1; while test -e closed; do sleep 0.05; done"
              back: {type: sql, output: back, query: select * from sales, needs: gate}
            """)
        return project
    }

    /// A run of the second day that failed behind its load, and one of the third that loaded the table since.
    private static func overtaken(_ project: CaudalProject) async throws -> String {
        try project.write("broken", "")
        let first = try await project.caudal("run", "p.yaml", "--plain", "--param", "day=2026-01-02")
        #expect(first.status == 1, "\(first)")
        try FileManager.default.removeItem(atPath: project.folder.path("broken"))
        let run = try #require(
            try FileManager.default.contentsOfDirectory(atPath: project.folder.path(".caudal/runs")).first)
        let second = try await project.caudal("run", "p.yaml", "--plain", "--param", "day=2026-01-03")
        #expect(second.status == 0, "\(second)")
        return run
    }

    @Test("A run that loads a table which a live run loads is refused, and told which")
    func claims() async throws {
        let project = try Self.project()
        try project.write("closed", "")
        let first = try await project.start("run", "p.yaml", "--plain", "--param", "day=2026-01-02")
        _ = await first.says("gate  started")
        let second = try await project.caudal("run", "p.yaml", "--plain", "--param", "day=2026-01-03")
        #expect(second.status == 1, "\(second)")
        #expect(second.errors.contains("is live and writes the table sales of shop.db too"), "\(second)")
        try FileManager.default.removeItem(atPath: project.folder.path("closed"))
        _ = await first.says("succeeded in")
    }

    @Test("A retry does not read the rows that another run has loaded since, and says how to load its own again")
    func retry() async throws {
        let project = try Self.project()
        let run = try await Self.overtaken(project)
        let retried = try await project.caudal("retry", run, "--plain")
        #expect(retried.status == 1, "\(retried)")
        #expect((retried.output + retried.errors).contains("does not hold what this run loaded"), "\(retried)")
        #expect((retried.output + retried.errors).contains("'caudal retry \(run) load --downstream'"), "\(retried)")
        #expect(!project.exists("back-2026-01-02.csv"))
        let again = try await project.caudal("retry", run, "load", "--downstream", "--plain", "--yes")
        #expect(again.status == 0, "\(again)")
        #expect(project.text("back-2026-01-02.csv") == "id,day\na,2026-01-02\n")
    }

    @Test("Rows of others beside appended ones are no fault")
    func append() async throws {
        let project = try Self.project(mode: "mode: append")
        let run = try await Self.overtaken(project)
        let retried = try await project.caudal("retry", run, "--plain")
        #expect(retried.status == 0, "\(retried)")
        #expect(project.text("back-2026-01-02.csv") == "id,day\na,2026-01-02\na,2026-01-03\n")
    }

    @Test("A stage that is run alone reads a table that a run like it loaded, says which, and refuses another's")
    func selection() async throws {
        let project = try Self.project()
        let loaded = try await project.caudal("run", "p.yaml", "--plain", "--param", "day=2026-01-03")
        #expect(loaded.status == 0, "\(loaded)")
        let other = try await project.caudal(
            "run", "p.yaml", "--plain", "--select", "back", "--param", "day=2026-01-04")
        #expect(other.status == 2, "\(other)")
        #expect(other.errors.contains("the table local.sales was loaded by run"), "\(other)")
        #expect(other.errors.contains("day=2026-01-03, and this run has day=2026-01-04"), "\(other)")
        #expect(!project.exists("back-2026-01-04.csv"))
        let dry = try await project.caudal(
            "run", "p.yaml", "--dry-run", "--select", "back", "--param", "day=2026-01-03")
        #expect(dry.output.contains("reads local.sales: made by run"), "\(dry)")
        let same = try await project.caudal("run", "p.yaml", "--plain", "--select", "back", "--param", "day=2026-01-03")
        #expect(same.status == 0, "\(same)")
        let lineage = try await project.caudal("lineage", "back-2026-01-03.csv")
        #expect(lineage.output.contains("by run"), "\(lineage)")
    }

    @Test("A table whose load nobody recorded is from outside")
    func outside() async throws {
        let project = try Self.project()
        let loaded = try await project.caudal("run", "p.yaml", "--plain", "--param", "day=2026-01-03")
        #expect(loaded.status == 0, "\(loaded)")
        let database = try DatabaseQueue(path: project.folder.path("shop.db"))
        try await database.write { try $0.execute(sql: "DELETE FROM caudal_loads") }
        try database.close()
        let answer = try await project.caudal("run", "p.yaml", "--plain", "--select", "back")
        #expect(answer.status == 0, "\(answer)")
        #expect(answer.output.contains("local.sales: no run made it"), "\(answer)")
    }

    @Test("A table whose load is that of a run which cannot be read is not taken for anybody's")
    func damaged() async throws {
        let project = try Self.project()
        let loaded = try await project.caudal("run", "p.yaml", "--plain", "--param", "day=2026-01-03")
        #expect(loaded.status == 0, "\(loaded)")
        let history = try DatabaseQueue(path: project.folder.path(".caudal/caudal.db"))
        try await history.write { db in
            try db.execute(sql: "DELETE FROM artifacts; UPDATE runs SET plan = '{\"damaged\": true}'")
        }
        try history.close()
        let answer = try await project.caudal(
            "run", "p.yaml", "--plain", "--select", "back", "--param", "day=2026-01-04")
        #expect(answer.status != 0 && answer.errors.contains("is damaged"), "\(answer)")
        #expect(!project.exists("back-2026-01-04.csv"))
    }
}
