import CaudalModel
import Engine
import Foundation
import TestSupport
import Testing

/// What an operator is told, asked and spared while nobody looks.
@Suite("The night shift", .timeLimit(.minutes(15)))
struct NightShiftTests {
    private func project(_ stages: String, top: String = "") throws -> CaudalProject {
        let project = try CaudalProject(copying: [])
        try project.write("p.yaml", "version: 1\nname: night\nmax_parallel: 4\n\(top)\nstages:\n\(stages)\n")
        return project
    }

    /// A command that waits until the test makes a file.
    private static func gate(_ name: String) -> String { "\"until test -e \(name); do sleep 0.02; done\"" }

    @Test("A live run does not run a stage again that says that twice does harm, unless it is named or agreed to")
    func harmfulOnLiveRun() async throws {
        let project = try project(
            """
              root: {type: command, run: echo root}
              harm: {type: command, run: echo x >> harm.txt, idempotent: false, needs: root}
              hold: {type: command, run: \(Self.gate("open")), needs: harm}
            """)
        let run = try await project.start("run", "p.yaml", "--plain")
        #expect(await run.says("hold  started") != nil)
        _ = try await project.caudal("cancel", "last", "hold")
        _ = try await project.caudal("pause", "last")
        for arguments in [["last", "root", "--downstream"], ["last", "--select", "root+"]] {
            let answer = try await project.run(CaudalProject.program, ["retry"] + arguments)
            #expect(answer.exit == .exited(64), "\(answer)")
            #expect(answer.errors.contains("harm has run before") && answer.errors.contains("--yes"), "\(answer)")
        }
        #expect(try project.read("harm.txt") == "x\n")
        #expect(await run.child.exit().exit == .exited(3))
    }

    @Test("A retry on a live run says that its file has changed, and that the run keeps what it has")
    func changedUnderLiveRun() async throws {
        let project = try project(
            """
              bad: {type: command, run: exit 1}
              hold: {type: command, run: \(Self.gate("open"))}
            """)
        let run = try await project.start("run", "p.yaml", "--plain")
        #expect(await run.says("FAILED") != nil)
        try project.write("p.yaml", try project.read("p.yaml").replacing("exit 1", with: "exit 0"))
        let answer = try await project.caudal("retry", "last", "bad")
        #expect(answer.exit == .exited(0), "\(answer)")
        #expect(answer.errors.contains("p.yaml has changed since the run began"), "\(answer)")
        try project.write("open", "")
        #expect(await run.child.exit().exit == .exited(1))
    }

    @Test("A run that is cancelled counts as cancelled, whatever had failed in it before")
    func cancelledAfterFailure() async throws {
        let project = try project(
            """
              bad: {type: command, run: exit 1}
              hold: {type: command, run: \(Self.gate("open"))}
            """)
        let run = try await project.start("run", "p.yaml", "--plain")
        #expect(await run.says("FAILED") != nil)
        #expect(try await project.caudal("cancel", "last").exit == .exited(0))
        #expect(await run.child.exit().exit == .exited(3))
        #expect(try await project.caudal("runs").output.contains("cancelled"))
    }

    @Test("show says why each stage waits, and that a run is paused")
    func waiting() async throws {
        let project = try project(
            """
              hold: {type: command, run: \(Self.gate("open")), pool: wh}
              next: {type: command, run: echo next, pool: wh}
              later: {type: command, run: echo later, needs: hold}
            """, top: "pools: {wh: 1}")
        let run = try await project.start("run", "p.yaml", "--plain")
        #expect(await run.says("hold   started") != nil)
        _ = try await project.caudal("pause", "last")
        let paused = try await project.caudal("show").output
        #expect(paused.contains("paused") && paused.contains("caudal unpause"), "\(paused)")
        _ = try await project.caudal("unpause", "last")
        let shown = try await project.caudal("show").output
        #expect(shown.contains("waits: pool wh 1/1") && shown.contains("waits: needs hold"), "\(shown)")
        let json = try await project.caudal("show", "--json").output
        #expect(json.contains(#""state" : "running""#) && json.contains(#""waits" : "needs hold""#), "\(json)")
        try project.write("open", "")
        #expect(await run.child.exit().exit == .exited(0))
    }

    @Test("A terminal that goes leaves a run of printed lines going on")
    func hangup() async throws {
        let project = try project("  hold: {type: command, run: \(Self.gate("open"))}")
        let run = try await project.start("run", "p.yaml", "--plain")
        #expect(await run.says("started") != nil)
        kill(run.child.identity.pid, SIGHUP)
        #expect(try await project.caudal("runs").output.contains("running"))
        try project.write("open", "")
        #expect(await run.child.exit().exit == .exited(0))
    }

    @Test("What a dead process left running still holds its slot, and whoever waits is told of it")
    func orphansHoldSlots() async throws {
        let project = try project(
            "  hold: {type: command, run: \"touch begun; until test -e open; do sleep 0.02; done\", pool: wh}",
            top: "pools: {wh: 1}")
        let dead = try await project.start("run", "p.yaml", "--plain")
        // Its process is recorded once it has its slot and runs.
        try await wait(forChangeIn: project.folder.path) { project.exists("begun") }
        #expect(await dead.killHard() == .signaled(9))
        let id = try #require(try await project.caudal("runs").lines.last?.split(separator: " ").first)
        let second = try await project.start("run", "p.yaml", "--plain")
        let line = try #require(await second.says("waits"))
        #expect(line.contains("pool wh 1/1, held by what run \(id) left behind; resume or cancel it"), "\(line)")
        try project.write("open", "")
        #expect(await second.child.exit().exit == .exited(0))
    }

    @Test("The log tells who took a run up again and what that ended; what was half written is removed")
    func resumption() async throws {
        let project = try project(
            "  hold: {type: command, output: out, run: \"echo half > ${stage.output}; until test -e open; do sleep 0.02; done\"}",
            top: "datasets: {out: {path: out.csv}}")
        let dead = try await project.start("run", "p.yaml", "--plain")
        #expect(await dead.says("hold  started") != nil)
        func half() -> [String] { project.files(in: ".caudal").filter { $0.contains("/staging/hold/1/") } }
        while half().isEmpty {}
        #expect(await dead.killHard() == .signaled(9))
        let early = try await project.caudal("retry", "last", "hold")
        #expect(early.exit == .exited(1) && early.errors.contains("was interrupted"), "\(early)")
        let resumed = try await project.start("resume", "last", "--plain")
        #expect(await resumed.says("attempt 2") != nil)
        try project.write("open", "")
        #expect(await resumed.child.exit().exit == .exited(0))
        let logs = try await project.caudal("logs").output
        #expect(logs.contains("taken up again by tester"), "\(logs)")
        let ended = logs.split(separator: "\n").first { $0.contains("ended what the dead process had left running: ") }
        #expect(ended?.contains("sh (") == true, "\(logs)")
        #expect(half().isEmpty)
        #expect(try project.read("out.csv") == "half\n")
    }

    @Test("Peak memory is that of the command, and nothing where it had less than caudal itself")
    func peakMemory() async throws {
        let project = try project(
            """
              large: {type: command, run: dd if=/dev/zero of=/dev/null bs=200M count=1}
              small: {type: command, run: "true"}
              killed: {type: command, run: kill -9 $$, allow_failure: true}
            """)
        let run = try await project.caudal("run", "p.yaml", "--plain")
        #expect(run.output.contains("killed by signal 9 (KILL, often out of memory)"), "\(run)")
        #expect(!run.output.contains("at a peak of"), "\(run)")
        let answer = try await project.caudal(
            "sql", "select stage, peak_memory > 150000000 as large from attempts order by stage", "--format", "csv")
        #expect(answer.lines == ["stage,large", "killed,", "large,1", "small,"], "\(answer)")
    }
}
