import CaudalModel
import Engine
import Foundation
import TestSupport
import Testing

@Suite("Several screens on one project", .timeLimit(.minutes(15)))
struct SeveralScreensTests {
    private func project() throws -> CaudalProject {
        let project = try CaudalProject(copying: [])
        try project.write(
            "config/gates.yaml",
            """
            version: 1
            name: gates
            stages:
              first: {type: command, run: "until test -e open; do sleep 0.05; done"}
              last: {type: command, run: echo last, needs: first}
            """)
        try project.write(
            "config/quick.yaml",
            """
            version: 1
            name: quick
            stages:
              only: {type: command, run: echo quick}
            """)
        return project
    }

    private func terminal(_ project: CaudalProject, _ arguments: String) async throws -> TerminalSession {
        try await TerminalSession(
            project, columns: 120, rows: 40, command: "\(CaudalProject.program) \(arguments)")
    }

    @Test(
        "Two dashboards and a headless run at once: no lock errors, and each sees the truth", .timeLimit(.minutes(15)))
    func together() async throws {
        let project = try project()
        let owner = try await terminal(project, "run config/gates.yaml")
        try await owner.waits(for: "RUNNING", "first")
        let watcher = try await terminal(project, "watch last")
        try await watcher.waits(for: "RUNNING", "watching pid")
        for _ in 1...3 {
            let quick = try await project.caudal("run", "config/quick.yaml", "--plain")
            #expect(quick.exit == .exited(0), "\(quick)")
        }
        try await watcher.press("P")
        try await owner.waits(for: "PAUSED")
        try await watcher.waits(for: "PAUSED")
        try await owner.press("P")
        try await watcher.waits(for: "RUNNING")
        try project.write("open", "")
        try await owner.waits(for: "SUCCEEDED ✓")
        try await watcher.waits(for: "SUCCEEDED ✓")
        try await watcher.press("q")
        try await watcher.waits(for: "ended with 0", "2 succeeded")
        try await owner.press("q")
        try await owner.waits(for: "ended with 0")
        let runs = try await project.caudal("runs", "--status", "succeeded", "--json")
        #expect(runs.lines.count == 4, "\(runs)")
        try await owner.close()
        try await watcher.close()
    }

    @Test("A replay tells how many errors there were up to then, as the live run did", .timeLimit(.minutes(15)))
    func errorsOfReplay() async throws {
        let project = try CaudalProject(copying: [])
        try project.write(
            "p.yaml",
            """
            version: 1
            name: p
            stages:
              quiet: {type: command, run: sleep 0.3}
              loud: {type: command, needs: quiet, run: "echo ERROR one; echo WARN two; echo ERROR three"}
            """)
        let run = try await project.caudal("run", "p.yaml", "--plain")
        #expect(run.status == 0, "\(run)")
        let replay = try await terminal(project, "replay last --speed 64")
        try await replay.waits(for: "replay", "SUCCEEDED", "err 2", "warn 1")
        try await replay.press(",", ",", ",", ",", ",", ",", ",", ",", ",", ",", ",", ",")
        try await replay.waits(for: "RUNNING")
        try await replay.waits(without: "err ")
        try await replay.close()
    }

    @Test("A watcher cancels the run of another process, which ends with status 3", .timeLimit(.minutes(15)))
    func cancelFromWatcher() async throws {
        let project = try project()
        let run = try await project.start("run", "config/gates.yaml", "--plain")
        #expect(await run.says("started") != nil)
        let watcher = try await terminal(project, "watch last")
        try await watcher.waits(for: "watching pid")
        try await watcher.press("X")
        try await watcher.waits(for: "Cancel the run?")
        try await watcher.press("Tab", "Enter")
        try await watcher.waits(for: "CANCELLED ⊗")
        #expect(await run.child.exit().exit == .exited(3))
        try await watcher.close()
    }

    @Test("A watcher sees the run's process die, and takes an ended run up again itself", .timeLimit(.minutes(15)))
    func deathWhileWatched() async throws {
        let project = try project()
        let run = try await project.start("run", "config/gates.yaml", "--plain")
        #expect(await run.says("started") != nil)
        let watcher = try await terminal(project, "watch last")
        try await watcher.waits(for: "watching pid")
        await run.killHard()
        try await watcher.waits(for: "INTERRUPTED", "caudal resume")
        #expect(try await project.caudal("cancel", "last").exit == .exited(0))
        try await watcher.waits(for: "CANCELLED ⊗")
        try await watcher.waits(without: "watching pid")
        try project.write("open", "")
        try await watcher.press("R")
        try await watcher.waits(for: "Retry everything")
        try await watcher.press("Tab", "Enter")
        try await watcher.waits(for: "SUCCEEDED ✓")
        try await watcher.press("q")
        try await watcher.waits(for: "ended with 0")
        try await watcher.close()
    }

    @Test("What was asked of a run whose process has gone meanwhile is asked again")
    func goneWhileAsking() async throws {
        let project = try CaudalProject(copying: [])
        try project.write("p.yaml", "version: 1\nname: p\nstages:\n  a: {type: command, run: test -e open}\n")
        // A screen keeps the ended run open, until its terminal closes.
        let owner = try await terminal(project, "run p.yaml")
        try await owner.waits(for: "FAILED ✗", "the run has ended")
        let watcher = try await terminal(project, "watch last")
        try await watcher.waits(for: "FAILED ✗", "watching pid")
        try await watcher.press("R")
        try await watcher.waits(for: "Retry everything")
        try await owner.close()
        try project.write("open", "")
        // It is asked again as soon as it is known that this process would take the run up.
        try await watcher.waits(for: "Retry everything", "the run has changed meanwhile")
        try await watcher.waits(without: "watching pid")
        try await watcher.press("Tab", "Enter")
        try await watcher.waits(for: "SUCCEEDED ✓")
        try await watcher.press("q")
        try await watcher.waits(for: "ended with 0")
        try await watcher.close()
    }

    @Test("The list sees runs of others come and go, and runs a pipeline itself", .timeLimit(.minutes(15)))
    func list() async throws {
        let project = try project()
        let list = try await terminal(project, "")
        try await list.waits(for: "PIPELINES", "gates", "quick", "never run")
        let run = try await project.start("run", "config/gates.yaml", "--plain")
        try await list.waits(for: "1 running")
        try project.write("open", "")
        #expect(await run.child.exit().exit == .exited(0))
        try await list.waits(for: "succeeded")
        try await list.press("j", "Enter")
        try await list.waits(for: "Run quick?")
        try await list.press("Tab", "Enter")
        try await list.waits(for: "SUCCEEDED ✓")
        try await list.press("q")
        try await list.waits(for: "PIPELINES", "2 runs")
        try await list.press("Tab", "Enter")
        try await list.waits(for: "SUCCEEDED ✓", "GRAPH")
        try await list.press("q")
        try await list.waits(for: "PIPELINES")
        try await list.press("q")
        try await list.waits(for: "ended with 0")
        try await list.close()
    }

    @Test("Without a terminal 'caudal' alone prints its help", .timeLimit(.minutes(15)))
    func help() async throws {
        let answer = try await project().caudal()
        #expect(answer.exit == .exited(0))
        #expect(answer.output.contains("SUBCOMMANDS"))
    }
}

@Suite("The state folder is removed under the screens", .timeLimit(.minutes(5)))
struct RemovedStateTests {
    @Test("Each screen says so: what it shows is not known any more, and nothing ends green")
    func removed() async throws {
        let project = try CaudalProject(copying: [])
        try project.write("p.yaml", "version: 1\nname: p\nstages:\n  a: {type: command, run: exec sleep 600}\n")
        func terminal(_ arguments: String) async throws -> TerminalSession {
            try await TerminalSession(
                project, columns: 120, rows: 30, command: "\(CaudalProject.program) \(arguments)")
        }
        let owner = try await terminal("run p.yaml")
        try await owner.waits(for: "RUNNING")
        let watcher = try await terminal("watch last")
        try await watcher.waits(for: "watching pid")
        let home = try await terminal("home")
        try await home.waits(for: "1 running")
        try FileManager.default.removeItem(atPath: project.folder.path(".caudal"))
        try await owner.waits(for: "UNKNOWN", "records were removed or replaced")
        try await watcher.waits(for: "UNKNOWN", "records were removed or replaced")
        try await watcher.waits(without: "watching pid")
        try await home.waits(for: "0 runs")
        try await watcher.press("X")
        try await watcher.waits(for: "records were removed or replaced")
        try await watcher.press("q")
        // The operator can still end what goes on.
        try await owner.press("x")
        try await owner.waits(for: "Cancel a?")
        try await owner.press("Tab", "Enter")
        try await owner.waits(for: "so that what ran was stopped")
        try await owner.press("q")
        try await owner.waits(for: "ended with 1")
        for screen in [owner, watcher, home] { try await screen.close() }
    }
}
