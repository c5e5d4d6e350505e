import Engine
import TestSupport
import Testing

@Suite("The dashboard in a real terminal", .timeLimit(.minutes(15)))
struct DashboardTests {
    @Test(
        "A run fails, the operator sees why, retries, and leaves a clean terminal", .timeLimit(.minutes(15)),
        arguments: [(columns: 80, rows: 24), (columns: 120, rows: 40)])
    func failureInspectionRetry(size: (columns: Int, rows: Int)) async throws {
        let project = try CaudalProject()
        let terminal = try await TerminalSession(
            project, columns: size.columns, rows: size.rows,
            command: "\(CaudalProject.program) run config/demo.yaml --param rows=20000")
        try await terminal.waits(for: "publish", "FAILED ✗")
        try await terminal.press("e", "Enter")
        try await terminal.waits(for: "INSPECT", "503")
        try await terminal.press("r")
        try await terminal.waits(for: "Retry publish?", "attempt 2")
        try await terminal.press("Tab", "Enter")
        try await terminal.waits(for: "SUCCEEDED")
        try await terminal.press("q")
        try await terminal.waits(for: "ended with 0", "succeeded in", "rows in")
        let screen = try await terminal.screen()
        #expect(!screen.contains("INSPECT"), "the dashboard has gone from the screen")
        let runs = try await project.caudal("runs", "--json")
        #expect(runs.output.contains("\"state\":\"succeeded\""), "\(runs)")
        try await terminal.close()
    }

    @Test("A run that is faster than the screen is shown whole, from its first event", .timeLimit(.minutes(15)))
    func fastRun() async throws {
        let project = try CaudalProject(copying: [])
        try project.write(
            "fast.yaml",
            "version: 1\nname: fast\nstages:\n  first: {type: command, run: /bin/true}\n"
                + "  second: {type: command, needs: first, run: /bin/true}\n")
        for _ in 0..<5 {
            let terminal = try await TerminalSession(
                project, columns: 100, rows: 30, command: "\(CaudalProject.program) run fast.yaml")
            try await terminal.waits(for: "SUCCEEDED")
            let screen = try await terminal.screen()
            #expect(!screen.contains("0/1"), "an attempt was missed:\n\(screen)")
            try await terminal.press("q")
            try await terminal.waits(for: "ended with 0")
            try await terminal.close()
        }
    }

    @Test("The screen survives any size, and quits from a small one", .timeLimit(.minutes(15)))
    func resizing() async throws {
        let project = try CaudalProject()
        let terminal = try await TerminalSession(
            project, columns: 100, rows: 30, command: "\(CaudalProject.program) run config/pipeline_config.yaml")
        try await terminal.waits(for: "SUCCEEDED")
        for (columns, rows, text) in [(200, 60, "INSPECT"), (40, 10, "LOG"), (12, 2, "sales"), (80, 24, "quality")] {
            try await terminal.resize(columns: columns, rows: rows)
            try await terminal.waits(for: text)
        }
        try await terminal.press("q")
        try await terminal.waits(for: "ended with 0")
        try await terminal.close()
    }

    @Test("Cancelling from the dashboard stops everything and says so", .timeLimit(.minutes(15)))
    func cancelling() async throws {
        let project = try CaudalProject(copying: [])
        try project.write(
            "sleep.yaml", "version: 1\nname: sleep\nstages:\n  wait: {type: command, run: sleep 1000}\n")
        let terminal = try await TerminalSession(
            project, columns: 100, rows: 30, command: "\(CaudalProject.program) run sleep.yaml")
        try await terminal.waits(for: "RUNNING", "wait")
        try await terminal.press("X")
        try await terminal.waits(for: "Cancel the run?")
        try await terminal.press("Tab", "Enter")
        try await terminal.waits(for: "CANCELLED")
        try await terminal.press("q")
        try await terminal.waits(for: "ended with 3")
        try await terminal.close()
    }
}
