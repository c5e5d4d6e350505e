import Engine
import Foundation
import TestSupport
import Testing

/// What a user has chosen for all screens, in the real terminal.
@Suite("Settings of screens, on the screen", .timeLimit(.minutes(15)))
struct SettingsTests {
    private func project() throws -> CaudalProject {
        let project = try CaudalProject(copying: [])
        try project.write(
            "p.yaml", "version: 1\nname: p\nstages:\n  load: {type: command, run: exit 3}\n")
        return project
    }

    @Test("Keys have the user's names and do what they say; a theme is drawn")
    func keys() async throws {
        let project = try project()
        try project.write("settings.yaml", "theme: light\nkeys:\n  retry: ctrl-t\n  quit: Q\n")
        let terminal = try await TerminalSession(
            project, columns: 100, rows: 30,
            command: "CAUDAL_SETTINGS=settings.yaml \(CaudalProject.program) run p.yaml")
        try await terminal.waits(for: "FAILED ✗", "ctrl-t retries it", "Q quit")
        try await terminal.press("C-t")
        try await terminal.waits(for: "Retry load?")
        try await terminal.press("Escape", "q", "Q")
        try await terminal.waits(for: "ended with 1")
        try await terminal.close()
    }

    @Test("A file of settings that is wrong is refused with its place, before anything runs")
    func refused() async throws {
        let project = try project()
        try project.write("settings.yaml", "keys:\n  retry: q\n")
        let terminal = try await TerminalSession(
            project, columns: 100, rows: 30,
            command: "CAUDAL_SETTINGS=settings.yaml \(CaudalProject.program) run p.yaml")
        try await terminal.waits(for: "settings.yaml:2:10: error: 'q' is already the key of 'quit'", "ended with 2")
        try await terminal.close()
        let runs = try await project.caudal("runs")
        #expect(!runs.output.contains("failed") && !runs.output.contains("interrupted"), "\(runs)")
    }

    @Test("A terminal that this machine has not heard of is taken for xterm")
    func unknownTerminal() async throws {
        let terminal = try await TerminalSession(
            project(), columns: 80, rows: 24, command: "TERM=unheard-of \(CaudalProject.program) run p.yaml")
        try await terminal.waits(for: "FAILED ✗", "1 GRAPH")
        try await terminal.press("q")
        try await terminal.waits(for: "ended with 1")
        try await terminal.close()
    }
}
