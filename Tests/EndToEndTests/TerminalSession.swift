import CaudalModel
import Engine
import Foundation
import TestSupport
import Testing

/// A real terminal of a given size with a program in it, driven by keys.
///
/// It is a tmux server of its own. Whoever waits for a text looks at the screen after each piece of output; nobody
/// sleeps.
final class TerminalSession: Sendable {
    private let project: CaudalProject
    private let socket: String
    private let outputs: AsyncStream<Void>

    /// Opens a terminal in the project's folder and runs `command` in it.
    init(_ project: CaudalProject, columns: Int, rows: Int, command: String) async throws {
        self.project = project
        socket = project.folder.path("terminal-\(UUID().uuidString.prefix(8))")
        let fifo = socket + ".output"
        mkfifo(fifo, 0o600)
        let (stream, arrival) = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))
        outputs = stream
        // A thread of its own, because opening and reading a named pipe wait for its writer.
        Thread.detachNewThread {
            let descriptor = open(fifo, O_RDONLY)
            var buffer = [UInt8](repeating: 0, count: 65_536)
            while read(descriptor, &buffer, buffer.count) > 0 { arrival.yield() }
            _ = Foundation.close(descriptor)
            arrival.finish()
        }
        // The session waits for its pipe before the program begins, so that nothing of its output is missed.
        let go = socket + ".go"
        mkfifo(go, 0o600)
        let line = "read _ < '\(go)'; \(command); echo \"ended with $?\"; sleep 1000"
        try await tmux(
            "new-session", "-d", "-x", String(columns), "-y", String(rows),
            "env TERM=screen-256color sh -c \(quoted(line))")
        try await tmux("pipe-pane", "-O", "exec cat > '\(fifo)'")
        _ = try await project.run("/bin/sh", ["-c", "echo > '\(go)'"])
    }

    private func quoted(_ text: String) -> String { "'" + text.replacingOccurrences(of: "'", with: "'\\''") + "'" }

    @discardableResult
    private func tmux(_ arguments: String...) async throws -> String {
        // The server outlives the command that starts it, on purpose: it is marked as nobody's child.
        let marker = "\(ProcessLaunch.markerVariable)=terminal"
        let answer = try await project.run(
            "/usr/bin/env", [marker, "tmux", "-f", "/dev/null", "-S", socket] + arguments)
        guard answer.exit == .exited(0) else { throw Failure("tmux \(arguments): \(answer.errors)") }
        return answer.output
    }

    /// The screen as text.
    func screen() async throws -> String { try await tmux("capture-pane", "-p") }

    /// Whether the second screen, the cursor and the mouse are on: three digits.
    func modes() async throws -> String {
        try await tmux("display-message", "-p", "#{alternate_on}#{cursor_flag}#{mouse_any_flag}").trimmed
    }

    /// Waits until the screen shows every one of some texts.
    func waits(for texts: String...) async throws {
        try await waits { screen in texts.allSatisfy(screen.contains) }
    }

    /// Waits until the screen does not show a text any more.
    func waits(without text: String) async throws { try await waits { !$0.contains(text) } }

    /// Waits until the program wants clicks and the wheel, or does not want them any more.
    func waits(forMouse isOn: Bool) async throws { try await waits { _ in try await hasMouse() == isOn } }

    private func waits(until isSo: (String) async throws -> Bool) async throws {
        while true {
            let screen = try await screen()
            if try await isSo(screen) { return }
            var iterator = outputs.makeAsyncIterator()
            if await iterator.next() != nil { continue }
            // An error that is thrown after the time limit of a test is told to nobody.
            if Task.isCancelled { Issue.record("the test waits for what the terminal does not show:\n\(screen)") }
            throw Failure("the terminal ended and shows\n\(screen)")
        }
    }

    /// Presses keys, as tmux names them.
    func press(_ keys: String...) async throws { for key in keys { try await tmux("send-keys", key) } }

    /// Presses keys so fast that they are there at once.
    func pressAtOnce(_ keys: String...) async throws {
        _ = try await project.run("/usr/bin/env", ["tmux", "-S", socket, "send-keys"] + keys)
    }

    /// Pastes text as a terminal does it that marks what is pasted where it was asked to, or as one that does not.
    func paste(_ text: String, marked: Bool) async throws {
        try project.write("pasted.txt", text)
        try await tmux("load-buffer", project.folder.path("pasted.txt"))
        if marked { try await tmux("paste-buffer", "-p") } else { try await tmux("paste-buffer") }
    }

    /// Whether the program has asked for clicks and the wheel.
    func hasMouse() async throws -> Bool {
        try await tmux("display-message", "-p", "#{mouse_any_flag}").hasPrefix("1")
    }

    func resize(columns: Int, rows: Int) async throws {
        try await tmux("resize-window", "-x", String(columns), "-y", String(rows))
    }

    /// Ends the terminal and everything in it.
    func close() async throws { try await tmux("kill-server") }
}
