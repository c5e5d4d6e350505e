import Engine
import Foundation
import TestSupport
import Testing

/// Whoever wrote what stands at a path is known, whatever was removed, linked or set back since.
@Suite("Who wrote what stands there", .timeLimit(.minutes(10)), .enabled(if: Checkout.runsDuckDBTests))
struct WhoWroteItTests {
    private static let shared = """
        version: 1
        name: shared
        params: {day: {type: date}}
        datasets: {mid: {path: mid.csv}, out: {path: "out-${params.day}.csv"}}
        stages:
          mid: {type: command, output: mid, run: 'printf "day\\n%s\\n" ${params.day} > ${stage.output}'}
          out: {type: sql, output: out, query: select * from mid}
        """

    private func run(_ project: CaudalProject, day: Int, _ more: String...) async throws -> CaudalProject.Answer {
        try await project.caudal(["run", "p.yaml", "--plain", "--param", "day=2026-01-0\(day)"] + more)
    }

    @Test("A file of a run that was removed is still that run's, and no other day's")
    func pruned() async throws {
        let project = try CaudalProject(copying: [])
        try project.write("p.yaml", Self.shared)
        #expect(try await run(project, day: 1).status == 0)
        let first = try await project.lastRun()
        #expect(try await run(project, day: 2).status == 0)
        let second = try await project.lastRun()
        #expect(try await project.caudal("prune", second).status == 0)
        // By the first run's record alone, somebody would have changed the file by hand.
        let same = try await run(project, day: 2, "--select", "out")
        #expect(same.status == 0, "\(same)")
        let log = try await project.caudal("logs")
        #expect(log.output.contains("mid.csv: made by run \(second) (pruned)"), "\(log)")
        let other = try await run(project, day: 3, "--select", "out")
        #expect(other.status == 2, "\(other)")
        #expect(other.description.contains("written by run \(second) (pruned) for day=2026-01-02"), "\(other)")
        #expect(!project.exists("out-2026-01-03.csv"))
        // What is published there next is that run's.
        #expect(try await project.caudal("prune", first).status == 0)
        #expect(try await run(project, day: 3).status == 0)
        let third = try await project.lastRun()
        #expect(try await run(project, day: 3, "--select", "out").status == 0)
        #expect(try await project.caudal("logs").output.contains("mid.csv: made by run \(third) ("))
    }

    @Test("A file that was changed after its run was removed is nobody's")
    func prunedAndChanged() async throws {
        let project = try CaudalProject(copying: [])
        try project.write("p.yaml", Self.shared)
        #expect(try await run(project, day: 1).status == 0)
        #expect(try await project.caudal("prune", "last").status == 0)
        try project.write("mid.csv", "day\nby hand\n")
        #expect(try await run(project, day: 1, "--select", "out").status == 0)
        #expect(try await project.caudal("logs").output.contains("changed by hand since a run published it"))
    }

    @Test("A folder that a removed run published may be published again")
    func prunedFolder() async throws {
        let project = try CaudalProject(copying: [])
        try project.write(
            "p.yaml",
            "version: 1\nname: f\ndatasets: {parts: {path: parts, format: csv}}\nstages:\n"
                + "  a: {type: command, output: parts, run: 'mkdir $CAUDAL_OUTPUT; echo x > $CAUDAL_OUTPUT/a.csv'}\n")
        for _ in 1...2 {
            let run = try await project.caudal("run", "p.yaml", "--plain")
            #expect(run.status == 0, "\(run)")
            #expect(try await project.caudal("prune", "last").status == 0)
        }
    }

    // MARK: - Edited in place

    private static let held = """
        version: 1
        name: held
        datasets: {mid: {path: mid.csv}, out: {path: out.csv}}
        stages:
          mid: {type: command, output: mid, run: 'printf "n\\n1\\n" > ${stage.output}'}
          gate: {type: command, needs: mid, run: test -e open}
          out: {type: sql, output: out, needs: gate, query: select * from mid}
        """

    /// Writes into a file as an editor in place does, and sets its time back.
    private func edit(_ file: String, _ text: String, in project: CaudalProject) throws {
        let path = project.folder.path(file)
        let times = try FileManager.default.attributesOfItem(atPath: path)[.modificationDate]
        var before = stat()
        stat(path, &before)
        let handle = try #require(FileHandle(forWritingAtPath: path))
        try handle.write(contentsOf: Data(text.utf8))
        try handle.close()
        var wanted = [before.st_atim, before.st_mtim]
        #expect(times != nil && utimensat(AT_FDCWD, path, &wanted, 0) == 0)
    }

    @Test("An edit in place that set size and time back is noticed, by a retry and by a resumption of choice")
    func editedInPlace() async throws {
        let project = try CaudalProject(copying: [])
        try project.write("p.yaml", Self.held)
        #expect(try await project.caudal("run", "p.yaml", "--plain").status == 1)
        try project.write("open", "")
        try edit("mid.csv", "n\n2\n", in: project)
        let retry = try await project.caudal("retry", "last", "--plain")
        #expect(retry.status == 1, "\(retry)")
        #expect(retry.description.contains("is not the file that this run published"), "\(retry)")
        #expect(!project.exists("out.csv"))
        let restore = try await project.caudal("restore", "last", "mid", "--yes")
        #expect(restore.status != 0 && restore.description.contains("changed in place"), "\(restore)")
        #expect(try await project.caudal("retry", "last", "mid", "--downstream", "--plain", "--yes").status == 0)
        #expect(project.text("out.csv") == "n\n1\n")
    }

    @Test("Another name for a file, as a backup gives it, changes nothing of it")
    func linked() async throws {
        let project = try CaudalProject(copying: [])
        try project.write("p.yaml", Self.held)
        #expect(try await project.caudal("run", "p.yaml", "--plain").status == 1)
        try project.write("open", "")
        #expect(link(project.folder.path("mid.csv"), project.folder.path("backup.csv")) == 0)
        let retry = try await project.caudal("retry", "last", "--plain")
        #expect(retry.status == 0, "\(retry)")
        #expect(unlink(project.folder.path("backup.csv")) == 0)
        #expect(try await project.caudal("retry", "last", "out", "--plain", "--yes").status == 0)
    }

    @Test("A source that was edited in place with its time set back is none that a success may be reused for")
    func reused() async throws {
        let project = try CaudalProject(copying: [])
        try project.write(
            "p.yaml",
            """
            version: 1
            name: again
            datasets: {raw: {path: raw.csv}, out: {path: out.csv}}
            stages: {a: {type: sql, output: out, query: select * from raw}}
            """)
        try project.write("raw.csv", "n\n1\n")
        // Old enough for its fingerprint to be kept.
        try await Task.sleep(for: .seconds(2.2))
        for _ in 1...2 { #expect(try await project.caudal("run", "p.yaml", "--plain", "--reuse").status == 0) }
        try edit("raw.csv", "n\n2\n", in: project)
        #expect(try await project.caudal("run", "p.yaml", "--plain", "--reuse").status == 0)
        #expect(project.text("out.csv") == "n\n2\n")
    }

    // MARK: - Places

    @Test("A path through a link and up again is the place that every other program means")
    func aboveLink() async throws {
        let project = try CaudalProject(copying: [])
        try project.write("share/data/keep", "")
        try project.write("share/raw.csv", "n\n1\n")
        try project.write("raw.csv", "n\nwrong\n")
        #expect(symlink("share/data", project.folder.path("in")) == 0)
        func pipeline(_ output: String) -> String {
            """
            version: 1
            name: links
            datasets: {raw: {path: in/../raw.csv}, out: {path: \(output)}}
            stages: {a: {type: sql, output: out, query: select * from raw}}
            """
        }
        try project.write("p.yaml", pipeline("in/../out.csv"))
        #expect(try await project.caudal("run", "p.yaml", "--plain").status == 0)
        #expect(project.text("share/out.csv") == "n\n1\n" && !project.exists("out.csv"))
        try project.write("p.yaml", pipeline("share/raw.csv"))
        let over = try await project.caudal("validate", "p.yaml")
        #expect(over.status == 2 && over.description.contains("would write over it"), "\(over)")
        #expect(project.text("share/raw.csv") == "n\n1\n")
    }

    @Test("A pattern gives what stages made that its stage waits for by way of others")
    func distantWriters() async throws {
        let project = try CaudalProject(copying: [])
        try project.write("data/old.csv", "n\n5\n")
        try project.write(
            "p.yaml",
            """
            version: 1
            name: distant
            params: {name: {type: string, default: made}}
            datasets:
              made: {path: "data/${params.name}.csv"}
              every: {path: data/*.csv}
              out: {path: out.csv}
            stages:
              first: {type: command, output: made, run: 'printf "n\\n1\\n" > ${stage.output}'}
              second: {type: command, needs: first, run: 'true'}
              third: {type: command, needs: second, run: 'true'}
              out: {type: sql, output: out, needs: third, query: select sum(cast(n as integer)) as n from every}
            """)
        for _ in 1...2 {
            let run = try await project.caudal("run", "p.yaml", "--plain")
            #expect(run.status == 0, "\(run)")
            #expect(project.text("out.csv") == "n\n6\n")
        }
    }
}
