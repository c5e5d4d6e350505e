import CaudalModel
import Foundation
import TestSupport
import Testing

@Suite("Runs in a process of their own", .timeLimit(.minutes(5)))
struct DetachedRunTests {
    private func project() throws -> CaudalProject {
        let project = try CaudalProject(copying: [])
        try project.write(
            "p.yaml",
            """
            version: 1
            name: p
            stages:
              first: {type: command, run: "until test -e open; do sleep 0.05; done"}
              last: {type: command, run: echo last > last.txt, needs: first}
            """)
        return project
    }

    @Test("The run begins, is named, and goes on when the command that began it has ended")
    func named() async throws {
        let project = try project()
        let answer = try await project.caudal("run", "p.yaml", "--detach")
        #expect(answer.exit == .exited(0) && answer.output.contains("goes on by itself"), "\(answer)")
        let words = try #require(answer.output.firstRange(of: "caudal watch ")).upperBound
        let id = answer.output[words...].prefix { !$0.isWhitespace }
        #expect(try await project.caudal("runs", "--status", "running", "--json").lines.count == 1)
        try project.write("open", "")
        let followed = try await project.caudal("show", String(id), "--follow")
        #expect(followed.exit == .exited(0) && project.text("last.txt") == "last\n", "\(followed)")
    }

    @Test("What keeps a run from beginning is said by the command, with its status")
    func refused() async throws {
        let project = try project()
        try project.write("bad.yaml", "version: 1\nname: b\nstages:\n  a: {type: nothing}\n")
        let bad = try await project.caudal("run", "bad.yaml", "--detach")
        #expect(bad.exit == .exited(2) && bad.errors.contains("nothing"), "\(bad)")
        let wrong = try await project.caudal("run", "p.yaml", "--detach", "--param", "day=1")
        #expect(wrong.status != 0 && wrong.errors.contains("day"), "\(wrong)")
        #expect(!wrong.output.contains("goes on"))
        #expect(try await project.caudal("run", "p.yaml", "--detach", "--dry-run").status != 0)
        #expect(try await project.caudal("run", "p.yaml", "--detach", "--json").output.contains(#"{"run":""#))
        try project.write("open", "")
        #expect(try await project.caudal("show", "last", "--follow").exit == .exited(0))
    }

    @Test("In a terminal its dashboard is opened; when the terminal closes, the run goes on")
    func watched() async throws {
        let project = try project()
        let first = try await TerminalSession(
            project, columns: 100, rows: 30, command: "\(CaudalProject.program) run p.yaml --detach")
        try await first.waits(for: "RUNNING", "watching pid")
        try await first.close()
        let second = try await TerminalSession(
            project, columns: 100, rows: 30, command: "\(CaudalProject.program) watch last")
        try await second.waits(for: "RUNNING", "watching pid")
        try project.write("open", "")
        try await second.waits(for: "SUCCEEDED ✓")
        try await second.press("q")
        try await second.waits(for: "ended with 0")
        try await second.close()
    }
}
