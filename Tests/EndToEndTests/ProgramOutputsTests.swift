import CaudalModel
import Engine
import Foundation
import TestSupport
import Testing

/// What programs make of their outputs: in the background, as something that is no file, or at a place that is none.
@Suite("Outputs of programs", .timeLimit(.minutes(15)))
struct ProgramOutputsTests {
    /// A pipeline with one command that writes one output.
    private func project(_ run: String, output: String = "o.csv", more: String = "") throws -> CaudalProject {
        let project = try CaudalProject(copying: [])
        try project.write(
            "p.yaml",
            """
            version: 1
            name: outputs
            datasets: {o: {path: "\(output)", format: csv}}
            stages:
              a:
                type: command
                output: o
                run: \(run)
                \(more)
            """)
        return project
    }

    // MARK: - Who still writes

    @Test(
        "An output that another process still writes when the program has ended is published whole",
        arguments: [
            "seq 50000 > >(while read l; do echo v$l; done > $CAUDAL_OUTPUT)",
            "(sleep 0.7; seq 50000) > $CAUDAL_OUTPUT &",
            // What the writer reads from goes on as well.
            "(seq 25000; sleep 0.7; seq 25000) | cat > $CAUDAL_OUTPUT & disown; exit 0",
            "setsid bash -c 'sleep 0.7; seq 50000' > $CAUDAL_OUTPUT & exit 0",
            // Two writers, one after the other.
            "(seq 25000 > $CAUDAL_OUTPUT; sleep 0.1; seq 25000 >> $CAUDAL_OUTPUT) & exit 0",
        ])
    func background(run: String) async throws {
        let project = try project(#"["bash", "-c", "\#(run)"]"#)
        let answer = try await project.caudal("run", "p.yaml", "--plain")
        #expect(answer.status == 0, "\(answer)")
        #expect(project.text("o.csv")?.split(separator: "\n").count == 50_000)
    }

    @Test("The time limit counts on while somebody writes, and then nothing is published")
    func timeLimit() async throws {
        let project = try project(#"["sh", "-c", "sleep 1000 > $CAUDAL_OUTPUT & exit 0"]"#, more: "timeout: 3s")
        let answer = try await project.caudal("run", "p.yaml", "--plain")
        #expect(answer.status == 1 && answer.output.contains("took longer than 3s"), "\(answer)")
        #expect(!project.exists("o.csv"))
        let log = try await project.caudal("logs").output
        #expect(log.contains("its output is still written by sleep ("), "\(log)")
    }

    @Test(
        "A program that ends well only because it was asked to stop has not made its output",
        arguments: ["", "retry: 1"])
    func politeProgram(more: String) async throws {
        let project = try project(
            #"["sh", "-c", "trap 'echo half > $CAUDAL_OUTPUT; exit 0' TERM; sleep 1000 & wait"]"#,
            more: "timeout: 1s\n    " + more.replacing("1", with: "{limit: 1, delay: 0s}"))
        let answer = try await project.caudal("run", "p.yaml", "--plain")
        #expect(answer.status == 1 && answer.output.contains("took longer than 1s"), "\(answer)")
        #expect(!project.exists("o.csv"))
        #expect(answer.output.contains("attempt 2") == !more.isEmpty, "\(answer)")
    }

    @Test(
        "A script fails at its first line that fails, unless it says otherwise",
        arguments: [
            ("exit-of-line; echo late >> $CAUDAL_OUTPUT", true),
            ("sh -c 'echo half; exit 3' > $CAUDAL_OUTPUT\necho done", false),
            ("set +e\nfalse\necho done > $CAUDAL_OUTPUT", true), ("false || true\necho done > $CAUDAL_OUTPUT", true),
            ("if false; then\n  exit 4\nfi\necho done > $CAUDAL_OUTPUT", true),
        ])
    func scripts(script: String, succeeds: Bool) async throws {
        let lines = script.split(separator: "\n").map { "          \($0)" }.joined(separator: "\n")
        let project = try project("|\n\(lines)")
        let answer = try await project.caudal("run", "p.yaml", "--plain")
        #expect(answer.status == (succeeds ? 0 : 1) && project.exists("o.csv") == succeeds, "\(answer)")
    }

    @Test("Cancelling ends who still writes, and then nothing is published")
    func cancelled() async throws {
        let project = try project(#"["sh", "-c", "sleep 1000 > $CAUDAL_OUTPUT & touch begun; exit 0"]"#)
        let run = try await project.start("run", "p.yaml", "--plain")
        _ = try await project.run("/bin/sh", ["-c", "until test -e begun; do sleep 0.02; done"])
        let cancelled = try await project.caudal("cancel", "last")
        #expect(cancelled.status == 0, "\(cancelled)")
        #expect(await run.child.exit().exit == .exited(3))
        #expect(!project.exists("o.csv"))
    }

    @Test("What is left behind and ended is told where the run is told")
    func leftBehind() async throws {
        let project = try project(
            #"["sh", "-c", "echo x > $CAUDAL_OUTPUT; sleep 1000 & until grep -q sleep /proc/$!/comm; do :; done"]"#)
        let answer = try await project.caudal("run", "p.yaml", "--plain")
        #expect(answer.status == 0 && answer.output.contains("note: left behind and ended: sleep ("), "\(answer)")
        #expect(try await project.caudal("show").output.contains("left behind and ended: sleep ("))
    }

    // MARK: - What is no file

    @Test(
        "An output that is no file and no folder of files fails its stage, and says what it is",
        arguments: [
            ("mkfifo ${stage.output}", "the output o.csv is a named pipe"),
            ("mkdir ${stage.output} && mkfifo ${stage.output}/p", "the output o.csv holds p, which is a named pipe"),
            (
                "d=$(dirname ${stage.output}); echo x > $d/real; ln -s real ${stage.output}",
                "the output o.csv is a symbolic link"
            ),
            ("ln -s nowhere ${stage.output}", "the output o.csv is a symbolic link"),
            (
                "mkdir ${stage.output} && ln -s ../x ${stage.output}/l",
                "the output o.csv holds l, which is a symbolic link"
            ),
        ])
    func noFile(run: String, fault: String) async throws {
        let project = try project("\"\(run)\"", more: "checks: [{row_count: {min: 0}}]")
        let answer = try await project.caudal("run", "p.yaml", "--plain")
        #expect(answer.status == 1 && answer.output.contains(fault), "\(answer)")
        #expect(!project.exists("o.csv"))
    }

    @Test("A folder with a link to a file of its own is published as it is")
    func linkInFolder() async throws {
        let project = try project(
            "\"mkdir ${stage.output} && echo x > ${stage.output}/v1 && ln -s v1 ${stage.output}/latest\"",
            output: "site")
        let answer = try await project.caudal("run", "p.yaml", "--plain")
        #expect(answer.status == 0, "\(answer)")
        #expect(project.text("site/latest") == "x\n")
    }

    // MARK: - Where it is published

    @Test("A place that is neither a file nor a folder is not written over", arguments: ["pipe", "link"])
    func noPlace(output: String) async throws {
        let project = try project("echo x > ${stage.output}", output: output)
        _ = try await project.run("/usr/bin/mkfifo", ["pipe"])
        try FileManager.default.createSymbolicLink(
            atPath: project.folder.path("link"), withDestinationPath: "pipe")
        for verb in ["validate", "run"] {
            let answer = try await project.caudal(verb, "p.yaml")
            #expect(answer.status == 2 && answer.errors.contains("\(output) is a named pipe"), "\(answer)")
        }
        #expect(FileKind(project.folder.path("pipe")) == .pipe)
    }

    @Test("A link to a file stays one, and the file that it leads to is replaced in one step")
    func link() async throws {
        let project = try project("echo new > ${stage.output}", output: "latest.csv")
        try project.write("data/real.csv", "old\n")
        let link = project.folder.path("latest.csv")
        try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: "data/real.csv")
        let answer = try await project.caudal("run", "p.yaml", "--plain")
        #expect(answer.status == 0, "\(answer)")
        #expect(try FileManager.default.destinationOfSymbolicLink(atPath: link) == "data/real.csv")
        #expect(try project.read("data/real.csv") == "new\n")
        #expect(project.files(in: "data") == ["real.csv"])
    }

    @Test("A pipeline that a stage runs gets nothing of what is the stage's own: its output, its parameters, its item")
    func pipelineInStage() async throws {
        let project = try CaudalProject(copying: [])
        try project.write(
            "inner.yaml",
            """
            version: 1
            name: inner
            stages:
              note: {type: command, run: 'env | grep -E "^CAUDAL_(OUTPUT|PARAM|ITEM)" > note.txt || true'}
            """)
        try project.write(
            "outer.yaml",
            """
            version: 1
            name: outer
            params: {day: {type: date, default: 2026-01-01}}
            datasets: {o: {path: "out-${item.k}.txt", format: csv}}
            stages:
              all:
                type: command
                output: o
                foreach: {k: [one]}
                run: 'echo whole > "$CAUDAL_OUTPUT"; \(CaudalProject.program) run inner.yaml --plain'
            """)
        let run = try await project.caudal("run", "outer.yaml", "--plain")
        #expect(run.status == 0, "\(run)")
        #expect(try project.read("note.txt").isEmpty)
        #expect(try project.read("out-one.txt") == "whole\n")
    }
}
