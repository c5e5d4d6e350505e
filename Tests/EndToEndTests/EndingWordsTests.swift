import CaudalModel
import Engine
import TestSupport
import Testing

@Suite("How endings are told", .timeLimit(.minutes(15)))
struct EndingWordsTests {
    /// A project with a pipeline `p.yaml` of these stages.
    private func project(_ stages: String) throws -> CaudalProject {
        let project = try CaudalProject(copying: [])
        try project.write("p.yaml", "version: 1\nname: p\nstages:\n\(stages)\n")
        return project
    }

    @Test("An allowed failure is told as one, on paper and on the screen", .timeLimit(.minutes(15)))
    func allowedFailure() async throws {
        let project = try project(
            """
              make: {type: command, run: "true"}
              extra: {type: command, needs: make, run: "exit 3", allow_failure: true}
            """)
        let run = try await project.caudal("run", "p.yaml", "--plain")
        #expect(run.exit == .exited(0), "\(run)")
        #expect(run.output.contains("extra  failed (allowed) in "), "\(run)")
        #expect(run.output.contains("1 succeeded, 1 failed (allowed)"), "\(run)")
        #expect(run.output.contains("extra failed (allowed): exit status 3"), "\(run)")
        #expect(!run.output.contains("FAILED"), "\(run)")
        let shown = try await project.caudal("show")
        #expect(shown.output.contains("failed (allowed)") && !shown.output.contains("FAILED"), "\(shown)")
        let terminal = try await TerminalSession(
            project, columns: 120, rows: 40, command: "\(CaudalProject.program) watch last")
        try await terminal.waits(for: "SUCCEEDED ✓", "✗ 1 allowed", "extra failed (allowed)")
        try await terminal.press("e", "Enter")
        try await terminal.waits(for: "✗ FAILED (ALLOWED)")
        let screen = try await terminal.screen()
        #expect(screen.contains("failed    (allowed) exit stat"), "\(screen)")
        try await terminal.close()
    }

    @Test("A report of a run with an allowed failure says that it succeeded, and what failed")
    func allowedFailureInReport() async throws {
        let project = try project(
            """
              make: {type: command, run: "true"}
              extra: {type: command, needs: make, run: "exit 3", allow_failure: true}
              tell: {type: report, needs: extra, when: all_done, formats: [markdown, json], output_dir: out}
            """)
        let run = try await project.caudal("run", "p.yaml", "--plain")
        #expect(run.exit == .exited(0), "\(run)")
        let text = try project.read("out/p-latest.md")
        #expect(text.hasPrefix("# p: succeeded so far\n"), "\(text)")
        #expect(text.contains("; extra failed, which is allowed."), "\(text)")
        #expect(text.contains("1 of 2 stages succeeded in "), "\(text)")
        #expect(text.contains("| extra | failed (allowed) |"), "\(text)")
        #expect(try project.read("out/p-latest.json").contains("\"allowed\" : true"))
    }

    @Test("Of a fan-out that stops at a failure, the items that were cancelled are counted")
    func cancelledItems() async throws {
        let project = try project(
            """
              each:
                type: command
                foreach: {x: [a, b, c, d, e, f], max_parallel: 1, on_failure: stop}
                run: "test ${item.x} != c"
            """)
        let run = try await project.caudal("run", "p.yaml", "--plain")
        #expect(run.output.contains("1 of 6 items failed: c; 3 cancelled"), "\(run)")
    }

    @Test("Whoever cancelled something that ran is named", .timeLimit(.minutes(15)))
    func whoCancelled() async throws {
        let project = try project(
            """
              wait: {type: command, run: sleep 1000}
              each: {type: command, foreach: {x: [a]}, run: sleep 1000}
            """)
        let run = try await project.start("run", "p.yaml", "--plain")
        var lines: [String] = []
        for await line in run.lines {
            lines.append(line)
            if lines.count(where: { $0.hasSuffix("started") && !$0.contains("each  started") }) == 2 { break }
        }
        // What is asked between the two is no cancelling.
        _ = try await project.caudal("cancel", "last", "wait")
        _ = try await project.caudal("pause", "last")
        _ = try await project.caudal("cancel", "last")
        #expect(await run.child.exit().exit == .exited(3), "\(lines)")
        let shown = try await project.caudal("show", "--follow")
        for name in ["wait  ", "each[a]  "] {
            let line = shown.lines.first { $0.contains("\(name)cancelled") }
            #expect(line?.contains(": cancelled by tester@") == true, "\(shown)")
        }
    }

    @Test("Where nothing has run yet, it is told how to run something", .timeLimit(.minutes(15)))
    func noRuns() async throws {
        let project = try CaudalProject(copying: [])
        let none = try await project.caudal("show")
        #expect(none.exit == .exited(1) && none.errors.contains("there are no runs here"), "\(none)")
        #expect(none.errors.contains("caudal run FILE"), "\(none)")
        // A run that was removed leaves its store.
        try project.write(
            "p.yaml", "version: 1\nname: p\nstages:\n  make: {type: command, run: \"true\"}\n")
        #expect(try await project.caudal("run", "p.yaml", "--plain").exit == .exited(0))
        let removed = try await project.caudal("prune", "--keep", "0")
        let empty = try await project.caudal("show")
        #expect(empty.exit == .exited(1), "\(removed) \(empty)")
        #expect(empty.errors.contains("there are no runs yet in "), "\(empty)")
        #expect(empty.errors.contains("caudal run FILE"), "\(empty)")
        #expect(try await project.caudal("show", "x7").errors.contains("there is no run 'x7'"))
    }
}
