import Engine
import Foundation
import TestSupport
import Testing

@Suite("What a dead run left running", .timeLimit(.minutes(5)))
struct LeftBehindTests {
    /// Work that tells when it begins and ends.
    private static let work =
        "echo begin >> ledger; until test -e open; do /usr/bin/sleep 0.02; done; echo end >> ledger"

    private func project(_ run: String) throws -> CaudalProject {
        let project = try CaudalProject(copying: [])
        try project.write("work.sh", Self.work)
        try project.write("p.yaml", "version: 1\nname: left\nstages:\n  a: {type: command, run: \"\(run)\"}\n")
        return project
    }

    private func waits(for lines: Int, _ project: CaudalProject) async throws {
        _ = try await project.run(
            "/bin/sh", ["-c", "until test \"$(cat ledger 2>/dev/null | wc -l)\" -ge \(lines); do sleep 0.02; done"])
    }

    @Test(
        "Is ended before the stage runs again, whatever it made of its environment",
        arguments: [
            "env -i /bin/sh work.sh", "exec env -i /bin/sh work.sh", "env -i setsid /bin/sh work.sh; true",
            "env -i /bin/sh work.sh & wait", "env -i /bin/sh -c '/bin/sh work.sh; true'",
        ])
    func resumed(run: String) async throws {
        let project = try project(run)
        let dead = try await project.start("run", "p.yaml", "--plain")
        try await waits(for: 1, project)
        #expect(await dead.killHard() == .signaled(9))
        let resumed = try await project.start("resume", "last", "--plain", "--yes")
        try await waits(for: 2, project)
        try project.write("open", "")
        #expect(await resumed.child.exit().exit == .exited(0))
        #expect(try project.read("ledger") == "begin\nbegin\nend\n")
    }

    @Test("Is ended when the run is cancelled")
    func cancelled() async throws {
        let project = try project("env -i /bin/sh work.sh")
        let dead = try await project.start("run", "p.yaml", "--plain")
        try await waits(for: 1, project)
        #expect(await dead.killHard() == .signaled(9))
        let cancelled = try await project.caudal("cancel", "last")
        #expect(
            cancelled.status == 0 && cancelled.errors.contains("ended what the dead process had left"), "\(cancelled)")
        let left = try await project.run("/bin/sh", ["-c", "grep -lz 'work.sh' /proc/[0-9]*/cmdline | head -n 1"])
        #expect(left.output.isEmpty || project.exists("ledger"))
        #expect(try project.read("ledger") == "begin\n")
    }
}
