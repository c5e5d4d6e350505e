import CaudalModel
import Engine
import Testing

/// What the help of a verb offers has its effect, or is refused with a reason.
@Suite("Flags of verbs", .timeLimit(.minutes(15)))
struct FlagsTests {
    /// A run in which `a` has failed, and which goes on until there is a file `open`.
    private func holding() async throws -> (CaudalProject, CaudalProject.Started) {
        let project = try CaudalProject(copying: [])
        try project.write(
            "p.yaml",
            """
            version: 1
            name: idle
            max_parallel: 3
            stages:
              a: {type: command, run: "exit 1"}
              b: {type: command, needs: a, run: "echo b >> ledger.txt"}
              pay: {type: command, needs: a, idempotent: false, run: "echo paid >> ledger.txt"}
              hold: {type: command, run: "until test -e open; do sleep 0.05; done"}
            """)
        let run = try await project.start("run", "p.yaml", "--plain")
        _ = await run.says("FAILED")
        return (project, run)
    }

    @Test("mark --dry-run tells what would follow in a run that goes on, and changes nothing")
    func markDryRun() async throws {
        let (project, run) = try await holding()
        let told = try await project.caudal("mark", "last", "a", "succeeded", "--reason", "asking", "--dry-run")
        #expect(told.status == 0)
        #expect(told.output.contains("b (blocked)"))
        try project.write("open", "")
        #expect(await run.child.exit().exit == .exited(1))
        #expect(!project.exists("ledger.txt"), "nothing ran")
    }

    @Test("JSON of a verb that steers a live run is its answer, and with --dry-run what would happen")
    func answers() async throws {
        let (project, run) = try await holding()
        let retry = try await project.caudal("retry", "last", "a", "--json")
        #expect(retry.output.contains(#""accepted":true"#), "\(retry)")
        let wrong = try await project.caudal("mark", "last", "none", "skipped", "--reason", "x", "--json")
        #expect(wrong.status == 1)
        #expect(wrong.output.contains(#""accepted":false"#), "\(wrong)")
        let marked = try await project.caudal("mark", "last", "a", "skipped", "--reason", "x", "--dry-run", "--json")
        #expect(marked.status == 0, "\(marked)")
        #expect(marked.output.contains(#""action":"counts as ended","command":["#), "\(marked)")
        #expect(marked.output.contains(#""run":"2"#) && marked.lines.count == 1, "\(marked)")
        #expect(try await project.caudal("retry", "last", "--changed").status == 64)
        let cancel = try await project.caudal("cancel", "last", "--json")
        #expect(cancel.output.contains(#""accepted":true"#), "\(cancel)")
        #expect(await run.child.exit().exit == .exited(3))
    }

    @Test(
        "Verbs offer no flag that means nothing to them",
        arguments: [
            (["quarantine", "show"], ["--dry-run", "--yes", "--changed"]), (["home"], ["--plain", "--json"]),
            (["cancel"], ["--read-only", "--ascii", "--plain"]),
        ])
    func offered(verb: [String], flags: [String]) async throws {
        let project = try CaudalProject(copying: [])
        let help = try await project.caudal(verb + ["--help"])
        #expect(help.status == 0)
        for flag in flags {
            #expect(!help.output.contains(flag), "\(verb) offers \(flag)")
            #expect(try await project.caudal(verb + [flag]).status == 64)
        }
    }
}
