import Engine
import Foundation
import TestSupport
import Testing

/// `restore`, `diff`, and what versions take.
@Suite("Versions of what runs published", .timeLimit(.minutes(10)))
struct VersionVerbsTests {
    private func project(keeping versions: Int = 3) throws -> CaudalProject {
        let project = try CaudalProject(copying: [])
        try project.write(
            "p.yaml",
            """
            version: 1
            name: t
            params: {v: {type: integer, default: 1}}
            keep_versions: \(versions)
            datasets: {a: {path: out/a.csv}, b: {path: out/b.parquet}}
            stages:
              a: {type: command, output: a, run: 'printf "id,x\\n1,%s\\n2,2\\n" ${params.v} > ${stage.output}'}
              b: {type: sql, output: b, query: "select id::int as id, x::int as x from a", checks: [{unique: id}]}
            """)
        return project
    }

    /// Runs for several values; the runs' ids in the order of the values.
    private func run(_ project: CaudalProject, _ values: Int...) async throws -> [String] {
        for value in values {
            #expect(try await project.caudal("run", "p.yaml", "--plain", "--param", "v=\(value)").status == 0)
        }
        let ids = try await project.caudal("sql", "--format", "csv", "select id from runs order by started, id")
        return Array(ids.lines.dropFirst())
    }

    @Test("An earlier run's files are published again, which its journal and 'show' tell")
    func restore() async throws {
        let project = try project()
        let ids = try await run(project, 1, 5)
        let dry = try await project.caudal("restore", ids[0], "a", "--dry-run")
        #expect(dry.output == "would publish out/a.csv again\n")
        #expect(project.text("out/a.csv") == "id,x\n1,5\n2,2\n")
        let restored = try await project.caudal("restore", ids[0])
        #expect(restored.status == 0, "\(restored)")
        #expect(project.text("out/a.csv") == "id,x\n1,1\n2,2\n")
        #expect(try await project.query("select x from 'out/b.parquet' order by id") == ["1", "2"])
        #expect(try await project.caudal("show", ids[0]).output.contains("RESTORED"))
        let events = try await project.caudal("show", ids[0], "--follow", "--json")
        #expect(events.lines.last?.contains("\"kind\":\"restored\"") == true)
        // The run that was published over keeps its own.
        #expect(try await project.caudal("restore", ids[1], "a").status == 0)
        #expect(project.text("out/a.csv") == "id,x\n1,5\n2,2\n")
        let again = try await project.caudal("restore", ids[1], "a")
        #expect(again.output.contains("1 file is in place"), "\(again)")
    }

    @Test("A restoration that ended in the middle does not pass for one, until it is finished")
    func unfinishedRestoration() async throws {
        let project = try project()
        let ids = try await run(project, 1, 5)
        try FileManager.default.removeItem(atPath: project.folder.path("out/b.parquet"))
        try project.write("out/b.parquet/theirs", "x")
        let failed = try await project.caudal("restore", ids[0], "--yes")
        #expect(failed.status == 1 && failed.errors.contains("is a folder"), "\(failed)")
        #expect(project.text("out/a.csv") == "id,x\n1,1\n2,2\n", "the first file was published again")
        let shown = try await project.caudal("show", ids[0])
        #expect(shown.output.contains("RESTORE NOT FINISHED") && !shown.output.contains("RESTORED"), "\(shown)")
        #expect(shown.output.contains("finish it with: caudal restore \(ids[0])"), "\(shown)")
        // Only that it is done is missing then.
        try FileManager.default.removeItem(atPath: project.folder.path("out/b.parquet"))
        let version = try #require(
            project.files(in: ".caudal/runs/\(ids[0])/versions").first { $0.hasSuffix("b.parquet") })
        try FileManager.default.copyItem(
            atPath: project.folder.path(".caudal/runs/\(ids[0])/versions/\(version)"),
            toPath: project.folder.path("out/b.parquet"))
        #expect(try await project.caudal("restore", ids[0]).status == 0)
        let finished = try await project.caudal("show", ids[0])
        #expect(finished.output.contains("RESTORED") && !finished.output.contains("NOT FINISHED"), "\(finished)")
        #expect(finished.output.contains("  out/a.csv") && finished.output.contains("  out/b.parquet"))
        #expect(try await project.caudal("restore", ids[0]).output.contains("2 files are in place"))
    }

    @Test("An earlier run's files are published again from the dashboard")
    func restoreOnTheScreen() async throws {
        let project = try project()
        _ = try await run(project, 1, 5)
        try project.write("out/b.parquet", "changed by hand")
        let terminal = try await TerminalSession(
            project, columns: 120, rows: 40, command: "\(CaudalProject.program) watch last")
        try await terminal.waits(for: "SUCCEEDED ✓")
        try await terminal.press("H")
        try await terminal.waits(for: "Runs of t", "v=1")
        try await terminal.press("v")
        try await terminal.waits(
            for: "Publish the versions of run", "out/b.parquet, which no run published as it is",
            "publishes  out/a.csv  13 B")
        #expect(project.text("out/a.csv") == "id,x\n1,5\n2,2\n")
        try await terminal.press("Tab", "Enter")
        try await terminal.waits(for: "published 2 files of run")
        #expect(project.text("out/a.csv") == "id,x\n1,1\n2,2\n")
        #expect(try await project.query("select x from 'out/b.parquet' order by id") == ["1", "2"])
        // What is there already needs no question.
        try await terminal.press("H")
        try await terminal.waits(for: "Runs of t", "v=1")
        try await terminal.press("v")
        try await terminal.waits(for: "all 2 files of run", "are in place")
        try await terminal.close()
    }

    @Test("What would be lost is asked about, and a version that is kept no more is refused")
    func restoreRefuses() async throws {
        let project = try project(keeping: 1)
        let ids = try await run(project, 1, 5)
        let gone = try await project.caudal("restore", ids[0])
        #expect(gone.status == 1 && gone.errors.contains("is not kept any more"), "\(gone)")
        try project.write("out/other.csv", "by hand")
        #expect(rename(project.folder.path("out/other.csv"), project.folder.path("out/a.csv")) == 0)
        let asked = try await project.caudal("restore", ids[1], "a")
        #expect(asked.status == 64, "\(asked)")
        #expect(asked.errors.contains("this would be lost: out/a.csv, which no run published as it is"), "\(asked)")
        #expect(project.text("out/a.csv") == "by hand")
        #expect(try await project.caudal("restore", ids[1], "a", "--yes").status == 0)
        #expect(project.text("out/a.csv") == "id,x\n1,5\n2,2\n")
        let unknown = try await project.caudal("restore", ids[1], "bb")
        #expect(unknown.errors.contains("did you mean 'b'?"), "\(unknown)")
    }

    /// A fan-out with an item for each key, and what reads the files of all of them.
    private func fanOut(_ more: String = "") throws -> CaudalProject {
        let project = try CaudalProject(copying: [])
        try project.write(
            "p.yaml",
            """
            version: 1
            name: parts
            keep_versions: 3
            datasets:
              given: {path: given.csv}
              part: {path: "out/part-${item.k}.parquet"}
              sum: {path: sum.csv}
            stages:
              part:
                type: sql
                query: select k, v::int as v from given
                output: part
                foreach: {k: {sql: select distinct k from given order by 1}}
            \(more)
              sum: {type: sql, output: sum, query: 'select count(*) as n, max(v) as v from part'}

            """)
        return project
    }

    /// Runs once for each text of the given file; the runs' ids in order.
    private func run(_ project: CaudalProject, given texts: String...) async throws -> [String] {
        for text in texts {
            try project.write("given.csv", text)
            let run = try await project.caudal("run", "p.yaml", "--plain")
            #expect(run.status == 0, "\(run)")
        }
        let ids = try await project.caudal("sql", "--format", "csv", "select id from runs order by started, id")
        return Array(ids.lines.dropFirst())
    }

    @Test(
        "Files of items that the run did not have are put away with what is restored, and come back with their own run")
    func restoreOfFewerItems() async throws {
        let project = try fanOut()
        let ids = try await run(project, given: "k,v\na,1\n", "k,v\na,5\nb,9\n")
        try project.write("out/part-of-others.txt", "no run made it")
        let dry = try await project.caudal("restore", ids[0], "part", "--dry-run")
        #expect(
            dry.output == "would publish out/part-a.parquet again\n"
                + "would put away out/part-b.parquet: run \(ids[0]) had no such file\n", "\(dry)")
        #expect(project.exists("out/part-b.parquet"))
        let restored = try await project.caudal("restore", ids[0], "part", "--json")
        #expect(restored.status == 0 && restored.output.contains("\"putAway\":true"), "\(restored)")
        #expect(project.files(in: "out") == ["part-a.parquet", "part-of-others.txt"])
        let show = try await project.caudal("show", ids[0])
        #expect(show.output.contains("out/part-b.parquet  put away"), "\(show)")
        // What reads the dataset reads the restored run's, and not the version that the newest run keeps of the other item.
        let read = try await project.caudal("run", "p.yaml", "--select", "sum", "--plain")
        #expect(read.status == 0 && project.text("sum.csv") == "n,v\n1,1\n", "\(read)")
        #expect(
            try await project.caudal("restore", ids[0], "part").output
                == "1 file is in place, as run \(ids[0]) published it\n")
        let back = try await project.caudal("restore", ids[1], "part")
        #expect(back.status == 0, "\(back)")
        #expect(try await project.query("select v from 'out/part-*.parquet' order by v") == ["5", "9"])
    }

    @Test("A file of another item that no run keeps is not put away without a question")
    func restoreLosesNothing() async throws {
        let project = try fanOut()
        let ids = try await run(project, given: "k,v\na,1\n", "k,v\na,5\nb,9\n")
        try FileManager.default.removeItem(atPath: project.folder.path("out/part-b.parquet"))
        try project.write("out/part-b.parquet", "by hand")
        let asked = try await project.caudal("restore", ids[0], "part")
        #expect(asked.status == 64, "\(asked)")
        #expect(
            asked.errors.contains("this would be lost: out/part-b.parquet, which no run published as it is"), "\(asked)"
        )
        #expect(project.text("out/part-b.parquet") == "by hand")
        #expect(try await project.caudal("restore", ids[0], "part", "--yes").status == 0)
        #expect(!project.exists("out/part-b.parquet"))
    }

    @Test("Items that a stage which adds to its output has no longer stay")
    func restoreOfAddedItems() async throws {
        let project = try fanOut("    mode: merge\n    key: k")
        let ids = try await run(project, given: "k,v\na,1\n", "k,v\na,5\nb,9\n")
        #expect(try await project.caudal("restore", ids[0], "part").status == 0)
        #expect(project.files(in: "out") == ["part-a.parquet", "part-b.parquet"])
    }

    @Test("Rows that were added, removed and changed are told by the key of a check, by another one, or as whole rows")
    func diff() async throws {
        let project = try project()
        let ids = try await run(project, 1, 5)
        let keyed = try await project.caudal("diff", ids[0], ids[1], "b")
        #expect(keyed.output.contains("2 → 2 rows: 0 added, 0 removed, 1 changed (by id)"), "\(keyed)")
        #expect(keyed.output.contains("~ id=1  x: 1 → 5"), "\(keyed)")
        let whole = try await project.caudal("diff", ids[0], ids[1], "a", "--exit-code")
        #expect(whole.status == 1)
        #expect(whole.output.contains("1 added, 1 removed (whole rows compared)"), "\(whole)")
        let json = try await project.caudal("diff", ids[0], ids[1], "a", "--key", "id", "--json")
        #expect(
            json.output.contains("\"changed\":1") && json.output.contains("\"changedColumns\":{\"x\":1}"), "\(json)")
        let same = try await project.caudal("diff", ids[0], ids[0], "b", "--exit-code")
        #expect(same.status == 0 && same.output.contains("no difference"), "\(same)")
        let noKey = try await project.caudal("diff", ids[0], ids[1], "a", "--key", "x")
        #expect(noKey.status == 0, "x is unique in both")
        let missing = try await project.caudal("diff", ids[0], ids[1], "a", "--key", "idd")
        #expect(missing.status == 1 && missing.errors.contains("did you mean 'id'?"), "\(missing)")
    }

    @Test("What versions take is told, and given back")
    func room() async throws {
        let project = try project(keeping: 2)
        let ids = try await run(project, 1, 5)
        let runs = try await project.caudal("runs")
        #expect(runs.output.contains("KEPT"), "\(runs)")
        #expect(try await project.caudal("doctor").output.contains("kept by 1 run for files that were replaced since"))
        let dropped = try await project.caudal("prune", "--keep-versions", "1")
        #expect(dropped.output.contains("dropped the versions of 1 run of t"), "\(dropped)")
        #expect(!project.exists(".caudal/runs/\(ids[0])/versions") && project.exists(".caudal/runs/\(ids[1])/versions"))
        #expect(!(try await project.caudal("runs").output.contains("KEPT")))
    }
}
