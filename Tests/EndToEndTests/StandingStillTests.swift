import CaudalModel
import Engine
import TestSupport
import Testing

@Suite("A run never stands still without saying why", .timeLimit(.minutes(15)))
struct StandingStillTests {
    private func project() throws -> CaudalProject {
        let project = try CaudalProject(copying: [])
        try project.write(
            "p.yaml",
            """
            version: 1
            name: halted
            stages:
              a: {type: command, run: "until test -e open; do sleep 0.02; done"}
              b: {type: command, needs: a, run: touch b-ran}
            """)
        return project
    }

    @Test("Whoever takes a paused run up ends the pause and is told so, beforehand too")
    func resumed() async throws {
        let project = try project()
        let dead = try await project.start("run", "p.yaml", "--plain")
        #expect(await dead.says("a  started") != nil)
        #expect(try await project.caudal("pause", "last").status == 0)
        #expect(await dead.says("paused: nothing new starts; continue it with: caudal unpause") != nil)
        _ = await dead.killHard()
        try project.write("open", "")
        let told = try await project.caudal("resume", "last", "--dry-run")
        #expect(told.output.contains("the run was paused; continuing it ends the pause"), "\(told)")
        let resumed = try await project.caudal("resume", "last", "--plain", "--yes")
        #expect(resumed.status == 0 && resumed.output.contains("tester: unpause"), "\(resumed)")
        #expect(project.exists("b-ran"))
    }

    @Test("A run that was paused and cancelled goes on when it is retried")
    func retried() async throws {
        let project = try project()
        let run = try await project.start("run", "p.yaml", "--plain")
        #expect(await run.says("a  started") != nil)
        #expect(try await project.caudal("pause", "last").status == 0)
        #expect(try await project.caudal("cancel", "last").status == 0)
        #expect(await run.child.exit().exit == .exited(3))
        try project.write("open", "")
        let retried = try await project.caudal("retry", "last", "--plain")
        #expect(retried.status == 0 && retried.output.contains("no longer paused"), "\(retried)")
    }
}
