import CaudalModel
import Engine
import Foundation
import TestSupport
import Testing

@Suite("A run goes on with a file that was changed", .timeLimit(.minutes(15)))
struct ChangedFileTests {
    private static let pipeline = """
        version: 1
        name: p
        stages:
          make: {type: command, run: "echo one"}
          test: {type: command, needs: make, run: "exit 3"}
          tell: {type: command, needs: test, run: "echo told"}
        """

    /// A project with a run of which `test` has failed.
    private func project() async throws -> CaudalProject {
        let project = try CaudalProject(copying: [])
        try project.write("p.yaml", Self.pipeline)
        #expect(try await project.caudal("run", "p.yaml", "--plain").status == 1)
        return project
    }

    @Test("Without anybody to ask, it says what was changed and ends with 64")
    func asks() async throws {
        let project = try await project()
        try project.write("p.yaml", Self.pipeline.replacing("exit 3", with: "exit 0"))
        let refused = try await project.caudal("retry", "last", "--plain")
        #expect(refused.status == 64, "\(refused)")
        #expect(refused.errors.contains("test changed\n    - run: exit 3\n    + run: exit 0"), "\(refused)")
        #expect(refused.errors.contains("confirm with --yes"), "\(refused)")
        #expect(try await project.caudal("show").output.contains("CHANGED FILE") == false)
    }

    @Test("With --yes it goes on, and the run's record tells the difference")
    func recorded() async throws {
        let project = try await project()
        try project.write("p.yaml", Self.pipeline.replacing("exit 3", with: "exit 0"))
        let done = try await project.caudal("retry", "last", "--plain", "--yes")
        #expect(done.status == 0 && done.output.contains("tell  succeeded"), "\(done)")
        let show = try await project.caudal("show")
        #expect(show.output.contains("CHANGED FILE") && show.output.contains("+ run: exit 0"), "\(show)")
        let json = try await project.caudal("show", "--json")
        #expect(json.output.contains("+ run: exit 0"), "\(json)")
        // The file as it is now is the run's: nothing is left to ask.
        let again = try await project.caudal("retry", "last", "tell", "--plain")
        #expect(again.status == 0, "\(again)")
    }

    @Test("What had succeeded before the file was changed can be made again also after a retry that left it as it was")
    func changedBefore() async throws {
        let project = try await project()
        let changed = Self.pipeline.replacing("exit 3", with: "exit 0").replacing("echo one", with: "echo two")
        try project.write("p.yaml", changed)
        let first = try await project.caudal("retry", "last", "--plain", "--yes")
        #expect(first.status == 0 && first.errors.contains("because it had succeeded: make"), "\(first)")
        let dry = try await project.caudal("retry", "last", "--changed", "--dry-run")
        #expect(dry.output.contains("Runs again:  make (succeeded), test (succeeded), tell (succeeded)"), "\(dry)")
        let again = try await project.caudal("retry", "last", "--changed", "--plain")
        #expect(again.status == 0 && again.output.contains("make  succeeded"), "\(again)")
        let settled = try await project.caudal("retry", "last", "tell", "--plain")
        #expect(settled.status == 0 && !settled.errors.contains("had succeeded"), "\(settled)")
        // As the run has made it now: what was there before the first change is a change again.
        try project.write("p.yaml", changed.replacing("echo two", with: "echo one"))
        let back = try await project.caudal("retry", "last", "tell", "--plain", "--yes")
        #expect(back.errors.contains("because it had succeeded: make"), "\(back)")
    }

    @Test("The dashboard's question tells what was changed, and is the only one", .timeLimit(.minutes(15)))
    func dashboard() async throws {
        let project = try CaudalProject(copying: [])
        try project.write("p.yaml", Self.pipeline)
        #expect(try await project.caudal("run", "p.yaml", "--plain").exit == .exited(1))
        try project.write("p.yaml", Self.pipeline.replacing("exit 3", with: "exit 0"))
        let terminal = try await TerminalSession(
            project, columns: 100, rows: 40, command: "\(CaudalProject.program) watch last")
        try await terminal.waits(for: "FAILED ✗")
        try await terminal.press("R")
        try await terminal.waits(
            for: "p.yaml has changed since the run began:", "- run: exit 3", "+ run: exit 0", "Cancel",
            "Runs again:  test (failed), tell (blocked)", "Stays:       make: succeeded")
        try await terminal.press("Tab", "Enter")
        try await terminal.waits(for: "SUCCEEDED ✓")
        try await terminal.press("q")
        try await terminal.waits(for: "ended with 0")
        let screen = try await terminal.screen()
        #expect(!screen.contains("continue?"), "nothing was asked a second time:\n\(screen)")
        try await terminal.close()
    }

    @Test("--as-started keeps the definition that the run has")
    func asStarted() async throws {
        let project = try await project()
        try project.write("p.yaml", Self.pipeline.replacing("exit 3", with: "exit 0"))
        let done = try await project.caudal("retry", "last", "--plain", "--as-started")
        #expect(done.status == 1 && done.output.contains("exit status 3"), "\(done)")
    }

    @Test("A changed stage that had succeeded is named, and --changed runs it and what follows")
    func outdated() async throws {
        let project = try await project()
        try project.write(
            "p.yaml",
            Self.pipeline.replacing("exit 3", with: "exit 0").replacing("echo one", with: "echo two"))
        let dry = try await project.caudal("retry", "last", "--dry-run")
        #expect(dry.output.contains("not rerun, because it had succeeded: make (--changed"), "\(dry)")
        let kept = try await project.caudal("retry", "last", "--plain", "--yes", "--changed")
        #expect(kept.status == 0, "\(kept)")
        #expect(try await project.caudal("logs", "--stage", "make").output.contains("two"))
    }

    @Test("A new layout, a comment or another order of a stage's keys is no change")
    func layout() async throws {
        let project = try await project()
        try project.write(
            "p.yaml",
            Self.pipeline.replacing(
                "{type: command, needs: make, run: \"exit 3\"}",
                with: "{run: exit 3, needs: make, type: command} # so"))
        let again = try await project.caudal("retry", "last", "--plain")
        #expect(again.status == 1 && again.output.contains("exit status 3"), "\(again)")
    }

    @Test("The value of a variable that is a secret by its name is not shown")
    func secret() async throws {
        let project = try await project()
        try project.write("p.yaml", Self.pipeline + "\nenv: {API_TOKEN: dont-tell-anybody, PLACE: here}\n")
        let dry = try await project.caudal("retry", "last", "--dry-run")
        #expect(dry.output.contains("+ the pipeline's env.API_TOKEN: ••••"), "\(dry)")
        #expect(dry.output.contains("+ the pipeline's env.PLACE: here"), "\(dry)")
    }

    @Test("Another pipeline in the same file is refused")
    func otherPipeline() async throws {
        let project = try await project()
        try project.write("p.yaml", Self.pipeline.replacing("name: p", with: "name: q"))
        let refused = try await project.caudal("retry", "last", "--plain", "--yes")
        #expect(refused.status == 1 && refused.errors.contains("now holds the pipeline 'q'"), "\(refused)")
    }

    @Test("A stage may be added, and one that failed may go; one that has published may not")
    func addedAndRemoved() async throws {
        let project = try await project()
        try project.write(
            "p.yaml",
            """
            version: 1
            name: p
            datasets: {made: {path: made.csv}}
            stages:
              make: {type: command, run: "echo one"}
              fill: {type: command, needs: make, output: made, run: "echo a > ${stage.output}"}
              tell: {type: command, needs: fill, run: "exit 4"}
            """)
        let moved = try await project.caudal("resume", "last", "--dry-run")
        #expect(moved.output.contains("fill added") && moved.output.contains("test removed"), "\(moved)")
        let dry = try await project.caudal("retry", "last", "--select", "fill+", "--dry-run")
        #expect(dry.output.contains("fill added") && dry.output.contains("test removed"), "\(dry)")
        let done = try await project.caudal("retry", "last", "--select", "fill+", "--yes", "--plain")
        #expect(done.status == 1 && done.output.contains("exit status 4"), "\(done)")
        #expect(project.text("made.csv") == "a\n")
        try project.write("p.yaml", Self.pipeline)
        let refused = try await project.caudal("retry", "last", "--yes", "--plain")
        #expect(refused.status == 1 && refused.errors.contains("'fill', which published"), "\(refused)")
    }
}
