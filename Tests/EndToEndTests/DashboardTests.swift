import CaudalModel
import Engine
import Foundation
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
        try await terminal.waits(for: "SUCCEEDED ✓")
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
            try await terminal.waits(for: "SUCCEEDED ✓")
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
        try await terminal.waits(for: "SUCCEEDED ✓")
        for (columns, rows, text) in [(200, 60, "INSPECT"), (40, 10, "3 log"), (12, 2, "sales"), (80, 24, "quality")] {
            try await terminal.resize(columns: columns, rows: rows)
            try await terminal.waits(for: text)
        }
        try await terminal.press("q")
        try await terminal.waits(for: "ended with 0")
        try await terminal.close()
    }

    @Test("After a storm of sizes the picture is that of a fresh start")
    func storm() async throws {
        let project = try CaudalProject(copying: [])
        try project.write(
            "p.yaml",
            "version: 1\nname: p\nstages:\n"
                + (1...40).map { "  stage_\($0): {type: command, run: exit \($0 % 3)}\n" }.joined())
        _ = try await project.caudal("run", "p.yaml", "--plain")
        func open() async throws -> TerminalSession {
            let terminal = try await TerminalSession(
                project, columns: 120, rows: 40, command: "\(CaudalProject.program) watch last")
            try await terminal.waits(for: "FAILED ✗")
            return terminal
        }
        let (shaken, fresh) = (try await open(), try await open())
        for step in 0..<150 {
            try await shaken.resize(columns: 1 + step * 61 % 300, rows: 1 + step * 37 % 100)
        }
        try await shaken.resize(columns: 120, rows: 40)
        try await shaken.waits(for: "FAILED ✗", "4 INSPECT", "q quit")
        // The clock goes on, and a message ends with its time.
        func picture(_ terminal: TerminalSession) async throws -> String {
            try await terminal.screen().split(separator: "\n", omittingEmptySubsequences: false)
                .map { $0.replacing(/\d\d:\d\d/, with: "") }.joined(separator: "\n")
        }
        let wanted = try await picture(fresh)
        // Its last pictures may still be under way: each look takes a moment.
        var shown = ""
        for _ in 0..<100 where shown != wanted { shown = try await picture(shaken) }
        #expect(shown == wanted)
        try await shaken.close()
        try await fresh.close()
    }

    @Test(
        "A signal that ends the program at once leaves the terminal as it was", arguments: [SIGSEGV, SIGQUIT, SIGABRT])
    func crash(signal: Int32) async throws {
        let project = try CaudalProject(copying: [])
        try project.write("p.yaml", "version: 1\nname: p\nstages:\n  wait: {type: command, run: 'true'}\n")
        _ = try await project.caudal("run", "p.yaml", "--plain")
        let terminal = try await TerminalSession(
            project, columns: 100, rows: 30,
            command: "SWIFT_BACKTRACE=enable=no sh -c 'echo $$ > pid; exec \(CaudalProject.program) watch last'")
        try await terminal.waits(for: "SUCCEEDED ✓")
        #expect(try await terminal.modes() == "101")
        kill(try #require(Int32(try project.read("pid").trimmed)), signal)
        try await terminal.waits(for: "ended with \(128 + signal)")
        // What was written before these words may still be under way: each look takes a moment.
        var modes = ""
        for _ in 0..<100 where modes != "010" { modes = try await terminal.modes() }
        #expect(modes == "010")
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
        try await terminal.waits(for: "CANCELLED ⊗")
        try await terminal.press("q")
        try await terminal.waits(for: "ended with 3")
        try await terminal.close()
    }
}
