import CaudalModel
import Engine
import Testing

/// A run that no process runs is taken up again on the screen that shows it.
@Suite("Runs that are taken up on the screen", .timeLimit(.minutes(15)))
struct TakenUpTests {
    /// A pipeline whose second stage fails as long as there is no file `ok`, and whose last one waits for a file `open`.
    private static let pipeline = """
        version: 1
        name: gates
        overlap: wait
        datasets: {out: {path: out.csv}}
        stages:
          make: {type: command, run: echo one}
          test: {type: command, needs: make, run: "test -e ok && echo fine > ${stage.output}", output: out}
          tell: {type: command, needs: test, run: "until test -e open; do sleep 0.05; done"}
        """

    private func failed() async throws -> CaudalProject {
        let project = try CaudalProject(copying: [])
        try project.write("config/gates.yaml", Self.pipeline)
        #expect(try await project.caudal("run", "config/gates.yaml", "--plain").exit == .exited(1))
        return project
    }

    private func terminal(_ project: CaudalProject, _ arguments: String) async throws -> TerminalSession {
        try await TerminalSession(project, columns: 100, rows: 30, command: "\(CaudalProject.program) \(arguments)")
    }

    @Test("What is selected stays, the run is this process's own then, and its status is the program's")
    func selection() async throws {
        let project = try await failed()
        let screen = try await terminal(project, "watch last")
        try await screen.waits(for: "FAILED ✗")
        try await screen.press("e", "Enter")
        try await screen.waits(for: "INSPECT  test", "esc back")
        try project.write("ok", "")
        try await screen.press("R")
        try await screen.waits(for: "Retry everything that failed?")
        try await screen.press("Tab", "Enter")
        try await screen.waits(for: "RUNNING", "INSPECT  test", "esc back")
        try await screen.press("q")
        try await screen.waits(for: "Leave while the run is live?")
        try await screen.press("Escape")
        try project.write("open", "")
        try await screen.waits(for: "SUCCEEDED ✓", "INSPECT  test")
        try await screen.press("q")
        try await screen.waits(for: "ended with 0", "3 succeeded")
        try await screen.close()
    }

    @Test("A file that was changed once more after the question is not run: the question is asked anew")
    func changedOnceMore() async throws {
        let project = try await failed()
        try project.write("open", "")
        let screen = try await terminal(project, "watch last")
        try await screen.waits(for: "FAILED ✗")
        try await screen.press("R")
        try await screen.waits(for: "Retry everything that failed?")
        try project.write("config/gates.yaml", Self.pipeline.replacing("test -e ok &&", with: "true &&"))
        try await screen.press("Tab", "Enter")
        try await screen.waits(for: "nothing was run: press the key again", "FAILED ✗")
        try await screen.press("R")
        try await screen.waits(for: "has changed since the run began:", "+ run: true &&")
        try await screen.press("Tab", "Enter")
        try await screen.waits(for: "SUCCEEDED ✓")
        try await screen.press("q")
        try await screen.waits(for: "ended with 0")
        try await screen.close()
    }

    @Test("A run that waits for another one's paths says so on the screen, and leaving ends the waiting")
    func waiting() async throws {
        let project = try await failed()
        let screen = try await terminal(project, "watch last")
        try await screen.waits(for: "FAILED ✗")
        try project.write("ok", "")
        let other = try await project.start("run", "config/gates.yaml", "--plain")
        #expect(await other.says("tell") != nil)
        try await screen.press("R")
        try await screen.waits(for: "Retry everything that failed?")
        try await screen.press("Tab", "Enter")
        try await screen.waits(for: "waiting for run", "q stops waiting")
        try await screen.press("q")
        try await screen.waits(for: "ended with 0")
        try project.write("open", "")
        #expect(await other.child.exit().exit == .exited(0))
        let runs = try await project.caudal("runs", "--status", "failed", "--json")
        #expect(runs.lines.count == 1, "the run that was watched is as it was: \(runs)")
        try await screen.close()
    }

    @Test("From the list a failed run is asked about once, and taken up in its dashboard")
    func fromTheList() async throws {
        let project = try await failed()
        try project.write("ok", "")
        try project.write("open", "")
        let screen = try await terminal(project, "")
        try await screen.waits(for: "PIPELINES", "gates")
        try await screen.press("Tab", "r")
        try await screen.waits(for: "Retry everything that failed in gates?")
        try await screen.press("Tab", "Enter")
        try await screen.waits(for: "SUCCEEDED ✓", "GRAPH")
        try await screen.press("q")
        try await screen.waits(for: "PIPELINES", "succeeded")
        try await screen.press("q")
        try await screen.waits(for: "ended with 0")
        try await screen.close()
    }
}
