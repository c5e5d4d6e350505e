import CaudalModel
import Engine
import Foundation
import TestSupport
import Testing

@Suite("Stages in containers and sandboxes", .timeLimit(.minutes(5)))
struct PlacementTests {
    /// A place on this machine, and why it cannot be tried.
    enum Kind: String, CaseIterable, Sendable {
        case sandbox, container

        static let here = allCases.filter { $0.absence == nil }
        var absence: String? { self == .sandbox ? Bubblewrap.absence : ContainerBench.absence }
        var line: String {
            self == .sandbox ? "sandbox: true" : "container: {image: \(ContainerBench.image), pull: never}"
        }
        func variables() throws -> [String: String] {
            self == .sandbox ? [:] : try ContainerBench.shared().variables
        }
    }

    @Test("Commands and data stages publish the same as without", arguments: Kind.here)
    func sameResults(kind: Kind) async throws {
        let plain = try PlacedProject.make("")
        let expected = try await plain.caudal("run", "p.yaml", "--plain")
        #expect(expected.status == 0, "\(expected)")
        let project = try PlacedProject.make(kind.line, variables: kind.variables())
        let ran = try await project.caudal("run", "p.yaml", "--plain")
        #expect(ran.status == 0, "\(ran)")
        #expect(try await PlacedProject.published(project) == PlacedProject.published(plain))
        if kind == .container {
            #expect(try await project.caudal("show", "last").output.contains("on a podman container"))
        }
    }

    @Test("Variables of a line are those of Caudal, and links lead where they do here", arguments: Kind.here)
    func surroundings(kind: Kind) async throws {
        var variables = try kind.variables()
        variables["FOO"] = "it's \"here\""
        let project = try CaudalProject(copying: [], variables: variables)
        let outside = try ScratchFolder()
        try outside.write("in.csv", "a\n1\n")
        try FileManager.default.createSymbolicLink(
            atPath: project.folder.path("in.csv"), withDestinationPath: outside.path + "/in.csv")
        try project.write(
            "p.yaml",
            """
            version: 1
            name: apart
            \(kind.line)
            datasets: {in: {path: in.csv}, out: {path: out.csv}}
            stages:
              a: {type: command, inputs: in, output: out, env: {FOO: inner}, run: 'cat ${input.in} > ${stage.output}; echo "${env.FOO} $FOO"'}
            """)
        let ran = try await project.caudal("run", "p.yaml", "--plain")
        #expect(ran.status == 0, "\(ran)")
        #expect(try project.read("out.csv") == "a\n1\n")
        #expect(try await project.caudal("logs", "--run", "last").output.contains(#"it's "here" inner"#))
    }

    @Test("What Caudal records, and what lies outside of the project, cannot be touched", arguments: Kind.here)
    func isolation(kind: Kind) async throws {
        let project = try CaudalProject(copying: [], variables: kind.variables())
        let outside = try ScratchFolder()
        try outside.write("secret", "s")
        try project.write(
            "p.yaml",
            """
            version: 1
            name: apart
            \(kind.line)
            stages:
              a:
                type: command
                run: |
                  touch .caudal/mine && echo state is open
                  ls .caudal/runs/*/socket .caudal/*.db .caudal/runs/*/parameters.json && echo state is open
                  cat \(outside.path)/secret && echo outside is open
                  ls -A /sys/class/net 2>/dev/null | grep -v lo && echo the network is open
                  echo "variable $CAUDAL_DUCKDB"
                  touch mine
            """)
        let ran = try await project.caudal("run", "p.yaml", "--plain")
        #expect(ran.status == 0, "\(ran)")
        let log = try await project.caudal("logs").output
        #expect(!log.contains("is open"), "\(log)")
        #expect(log.contains("variable ") && !log.contains("variable /"))
        #expect(project.exists("mine"))
    }

    /// A stage that tells when it has begun and goes on until a file is there.
    private func patient(_ kind: Kind, timeout: String = "") throws -> CaudalProject {
        let project = try CaudalProject(copying: [], variables: kind.variables())
        try project.write(
            "p.yaml",
            """
            version: 1
            name: patient
            \(kind.line)
            stages:
              a:
                type: command
                \(timeout)
                run: "echo begin >> ledger; until test -e open; do sleep 0.05; done; echo end >> ledger"
            """)
        return project
    }

    private func run(_ project: CaudalProject) async throws -> CaudalProject.Started {
        let started = try await project.start("run", "p.yaml", "--plain")
        try await wait(forFile: project.folder.path("ledger"), holding: "begin")
        return started
    }

    private func containers(of project: CaudalProject) throws -> [String] {
        let runs = try FileManager.default.contentsOfDirectory(atPath: project.folder.path(".caudal/runs"))
        return try runs.flatMap { try ContainerBench.shared().containers(of: $0) }
    }

    @Test("What a killed caudal left running is ended before the stage runs again", arguments: Kind.here)
    func resumed(kind: Kind) async throws {
        let project = try patient(kind)
        let dead = try await run(project)
        #expect(await dead.killHard() == .signaled(SIGKILL))
        if kind == .container { #expect(try containers(of: project).count == 1) }
        let resumed = try await project.start("resume", "last", "--plain", "--yes")
        try await wait(forFile: project.folder.path("ledger"), holding: "begin\nbegin")
        if kind == .container { #expect(try containers(of: project).count == 1) }
        try project.write("open", "")
        #expect(await resumed.child.exit().exit == .exited(0))
        #expect(try project.read("ledger") == "begin\nbegin\nend\n")
        if kind == .container { #expect(try containers(of: project).isEmpty) }
    }

    @Test(
        "A container of a stage that runs elsewhere by now is ended too", .enabled(if: Kind.container.absence == nil))
    func resumedElsewhere() async throws {
        let project = try patient(.container)
        let dead = try await run(project)
        #expect(await dead.killHard() == .signaled(SIGKILL))
        #expect(try containers(of: project).count == 1)
        try project.write("p.yaml", project.read("p.yaml").replacing(Kind.container.line, with: ""))
        let resumed = try await project.start("resume", "last", "--plain", "--yes")
        try await wait(forFile: project.folder.path("ledger"), holding: "begin\nbegin")
        #expect(try containers(of: project).isEmpty)
        try project.write("open", "")
        #expect(await resumed.child.exit().exit == .exited(0))
    }

    @Test("A container that was about to be made leaves nothing behind", .enabled(if: Kind.container.absence == nil))
    func killedInMaking() async throws {
        for _ in 1...3 {
            let project = try patient(.container)
            try project.write("open", "")
            let dead = try await project.start("run", "p.yaml", "--plain")
            // Its monitor is there before it is made.
            var run = ""
            while run.isEmpty || monitors(of: run).isEmpty {
                run =
                    (try? FileManager.default.contentsOfDirectory(atPath: project.folder.path(".caudal/runs")))?.first
                    ?? ""
                await Task.yield()
            }
            _ = await dead.killHard()
            let resumed = try await project.caudal("resume", "last", "--plain", "--yes")
            #expect(resumed.status == 0, "\(resumed)")
            #expect(try containers(of: project).isEmpty)
            #expect(monitors(of: run).isEmpty)
        }
    }

    /// The numbers of the processes that watch the containers of a run.
    private func monitors(of run: String) -> [String] {
        let all = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return all.filter { Int($0) != nil }.filter { pid in
            let words = (try? String(contentsOfFile: "/proc/\(pid)/cmdline", encoding: .utf8)) ?? ""
            return words.contains("conmon\0") && words.contains("\0caudal-\(run)-")
        }
    }

    @Test("A run that is cancelled leaves nothing behind", arguments: Kind.here)
    func cancelled(kind: Kind) async throws {
        let project = try patient(kind)
        let started = try await run(project)
        #expect(try await project.caudal("cancel", "last").status == 0)
        #expect(await started.child.exit().exit == .exited(3))
        try project.write("open", "")
        #expect(try project.read("ledger") == "begin\n")
        if kind == .container { #expect(try containers(of: project).isEmpty) }
    }

    @Test("A time limit reaches what runs inside", arguments: Kind.here)
    func timedOut(kind: Kind) async throws {
        let project = try patient(kind, timeout: "timeout: 1s")
        let ran = try await project.caudal("run", "p.yaml", "--plain")
        #expect(ran.status == 1 && ran.output.contains("it took longer than 1s"), "\(ran)")
        if kind == .container { #expect(try containers(of: project).isEmpty) }
    }

    @Test(
        "What keeps a container from running is told", .enabled(if: Kind.container.absence == nil),
        arguments: [
            (
                "{image: localhost/no-such:1, pull: never}", "true",
                "podman could not run the container (exit status 125)"
            ),
            ("{image: \(ContainerBench.image), pull: never}", "[no-such]", "there is no program 'no-such' in"),
            ("{image: \(ContainerBench.image), pull: never}", "[/tmp]", "'/tmp' cannot be executed in"),
            (
                "{image: \(ContainerBench.image), pull: never, mounts: [/no/such]}", "true",
                "podman could not run the container"
            ),
        ])
    func explained(container: String, command: String, message: String) async throws {
        let project = try CaudalProject(copying: [], variables: ContainerBench.shared().variables)
        try project.write(
            "p.yaml",
            "version: 1\nname: told\nstages: {a: {type: command, container: \(container), run: \(command)}}\n")
        let ran = try await project.caudal("run", "p.yaml", "--plain")
        #expect(ran.status == 1 && ran.output.contains(message), "\(ran)")
    }
}
