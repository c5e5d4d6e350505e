import Testing

/// Only what a person presses key by one key acts.
@Suite("Keys in a real terminal", .timeLimit(.minutes(15)))
struct PressedKeysTests {
    private func sleeping() throws -> CaudalProject {
        let project = try CaudalProject(copying: [])
        try project.write(
            "sleep.yaml", "version: 1\nname: sleep\nstages:\n  wait: {type: command, run: sleep 1000}\n")
        return project
    }

    private static let table = "SKU\tMAX QTY\tX\n1001\t5\tX\n"

    @Test("Text that is pasted cancels nothing, whether the terminal marks it or not", arguments: [true, false])
    func pasted(marked: Bool) async throws {
        let project = try sleeping()
        let terminal = try await TerminalSession(
            project, columns: 100, rows: 30, command: "\(CaudalProject.program) run sleep.yaml")
        try await terminal.waits(for: "RUNNING", "wait")
        try await terminal.paste(Self.table, marked: marked)
        try await terminal.waits(for: "ignored pasted text", "RUNNING")
        // Without marks, a key would come so soon here that it counts as a part of the paste.
        if marked {
            try await terminal.press("/")
            try await terminal.waits(for: "find a stage:")
            try await terminal.paste(Self.table, marked: marked)
            try await terminal.waits(for: "find a stage: SKU MAX QTY X 1001 5 X", "RUNNING")
        }
        _ = try await project.caudal("cancel", "last")
        try await terminal.waits(for: "CANCELLED ⊗")
        try await terminal.close()
    }

    @Test("A question takes no keys that were pressed before it was shown")
    func early() async throws {
        let terminal = try await TerminalSession(
            sleeping(), columns: 100, rows: 30, command: "\(CaudalProject.program) run sleep.yaml")
        try await terminal.waits(for: "RUNNING", "wait")
        try await terminal.pressAtOnce("X", "Tab", "Enter")
        try await terminal.waits(for: "Cancel the run?", "❯ No", "RUNNING")
        try await terminal.press("Escape", "q")
        try await terminal.waits(for: "Leave while the run is live?")
        try await terminal.press("BTab", "Enter")
        try await terminal.waits(for: "ended with 3")
        try await terminal.close()
    }

    @Test("M gives the mouse away and takes it back, and leaving gives it back to the terminal")
    func mouse() async throws {
        let terminal = try await TerminalSession(
            sleeping(), columns: 100, rows: 30, command: "\(CaudalProject.program) run sleep.yaml")
        try await terminal.waits(for: "RUNNING", "wait")
        #expect(try await terminal.hasMouse())
        // What the footer says of it is gone after seconds, which may be before a busy machine looks.
        for hasMouse in [false, true, false] {
            try await terminal.press("M")
            try await terminal.waits(forMouse: hasMouse)
        }
        try await terminal.press("C-r")
        try await terminal.resize(columns: 90, rows: 24)
        try await terminal.press("?")
        try await terminal.waits(for: "Help")
        #expect(try await !terminal.hasMouse(), "drawing anew keeps what M chose")
        try await terminal.press("Escape")
        try await terminal.waits(without: "Help")
        try await terminal.press("M")
        try await terminal.waits(forMouse: true)
        try await terminal.press("X")
        try await terminal.waits(for: "Cancel the run?")
        try await terminal.press("Tab")
        try await terminal.waits(for: "❯ Yes")
        try await terminal.press("Enter")
        try await terminal.waits(for: "CANCELLED ⊗")
        try await terminal.press("q")
        try await terminal.waits(for: "ended with 3")
        #expect(try await !terminal.hasMouse())
        try await terminal.close()
    }
}
