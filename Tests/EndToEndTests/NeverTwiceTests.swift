import CaudalModel
import Engine
import Foundation
import TestSupport
import Testing

/// A stage that notes in a ledger when it begins, when it is asked to end, and when it has ended by itself.
struct Ledger {
    let project: CaudalProject
    /// Programs that take the place of others; gone with the ledger.
    private let tools: ScratchFolder?

    init(
        targets: String, stage rest: String, variables: [String: String] = [:], tools: ScratchFolder? = nil
    ) throws {
        self.tools = tools
        project = try CaudalProject(copying: [], variables: variables)
        try project.write(
            "p.yaml",
            """
            version: 1
            name: once
            targets: {there: \(targets)}
            stages:
              a:
                type: command
                run_on: there
                \(rest)
                run: |
                  trap 'echo ended >> ledger; exit 1' TERM
                  echo begin >> ledger
                  until test -e open; do sleep 0.05; done
                  echo end >> ledger
            """)
    }

    /// The path of a file beside these programs.
    func path(ofTool name: String) -> String { tools?.path(name) ?? name }

    /// What they wrote into it.
    func tool(_ name: String) throws -> String { try FileText.read(path(ofTool: name)) }

    var lines: [String] { (project.text("ledger") ?? "").split(separator: "\n").map(String.init) }

    func holds(_ lines: String...) async throws {
        try await wait(forFile: project.folder.path("ledger"), holding: lines.joined(separator: "\n") + "\n")
    }

    /// Lets the program end.
    func open() throws { try project.write("open", "") }
}

@Suite(
    "A cut network", .timeLimit(.minutes(15)), .enabled(if: SSHServer.absence == nil, "\(SSHServer.absence ?? "")"))
struct CutNetworkTests {
    /// A target behind a wire, whose client gives a dead connection up after a second.
    private func target(_ wire: Wire, silence: String? = nil) async throws -> String {
        try await SSHServer.shared().target(
            hosts: "[127.0.0.1]", port: wire.port, silence: silence,
            options: ["ServerAliveInterval=1", "ServerAliveCountMax=1", "ConnectTimeout=5"])
    }

    private func wire() async throws -> Wire { try await Wire(to: SSHServer.shared().port) }

    @Test("A retry first ends what the lost attempt still runs there")
    func retried() async throws {
        let wire = try await wire()
        let ledger = try await Ledger(targets: target(wire), stage: "retry: {limit: 1, delay: 0s}")
        let run = try await ledger.project.start("run", "p.yaml", "--plain")
        try await ledger.holds("begin")
        await wire.cut()
        await wire.mend()
        try await ledger.holds("begin", "ended", "begin")
        try ledger.open()
        #expect(await run.child.exit().exit == .exited(0))
        #expect(ledger.lines == ["begin", "ended", "begin", "end"])
    }

    @Test("While the machine cannot be asked, no retry begins, and says why; then one does")
    func unreachable() async throws {
        let wire = try await wire()
        let ledger = try await Ledger(targets: target(wire), stage: "retry: {limit: 300, delay: 1s, backoff: 1}")
        let run = try await ledger.project.start("run", "p.yaml", "--plain")
        try await ledger.holds("begin")
        await wire.cut()
        let told = await run.says("still runs cannot be told: 127.0.0.1 cannot be reached")
        #expect(told?.contains("/a#1") == true, "\(told ?? "it ended")")
        #expect(ledger.lines == ["begin"])
        await wire.mend()
        try await ledger.holds("begin", "ended", "begin")
        try ledger.open()
        #expect(await run.child.exit().exit == .exited(0))
        #expect(ledger.lines == ["begin", "ended", "begin", "end"])
    }

    @Test("A resumed run asks the machine that its dead process asked, whatever the file says by then")
    func resumed() async throws {
        let wire = try await wire()
        let ledger = try await Ledger(targets: target(wire), stage: "")
        let dead = try await ledger.project.start("run", "p.yaml", "--plain")
        try await ledger.holds("begin")
        await wire.cut()
        #expect(await dead.killHard() == .signaled(SIGKILL))
        try ledger.project.write(
            "p.yaml", ledger.project.read("p.yaml").replacing("run_on: there", with: "run_on: local"))
        let early = try await ledger.project.caudal("resume", "last", "--plain", "--yes")
        #expect(early.status != 0 && "\(early)".contains("127.0.0.1 cannot be reached"), "\(early)")
        #expect(ledger.lines == ["begin"])
        await wire.mend()
        let resumed = try await ledger.project.start("resume", "last", "--plain", "--yes")
        try await ledger.holds("begin", "ended", "begin")
        try ledger.open()
        #expect(await resumed.child.exit().exit == .exited(0))
        #expect(ledger.lines == ["begin", "ended", "begin", "end"])
    }

    @Test("What runs there ends by itself once nothing was heard of caudal for too long")
    func silence() async throws {
        let wire = try await wire()
        let ledger = try await Ledger(targets: target(wire, silence: "3s"), stage: "")
        let run = try await ledger.project.start("run", "p.yaml", "--plain")
        try await ledger.holds("begin")
        await wire.cut()
        try await ledger.holds("begin", "ended")
        #expect(await run.child.exit().exit == .exited(1))
        #expect(ledger.lines == ["begin", "ended"])
    }

    @Test("While somebody is there, a program runs longer than silence is borne")
    func heard() async throws {
        // On a busy machine ssh may take longer to begin than silence is borne, and has longer then.
        for silence in [1, 4, 16] {
            let ledger = try await Ledger(
                targets: SSHServer.shared().target(hosts: "[127.0.0.1]", silence: "\(silence)s"),
                stage: "timeout: \(4 * silence)s")
            let run = try await ledger.project.caudal("run", "p.yaml", "--plain")
            if run.output.contains("it did not begin within"), silence < 16 { continue }
            #expect(run.status == 1 && run.output.contains("it took longer than \(4 * silence)s"), "\(run)")
            #expect(ledger.lines == ["begin", "ended"])
            return
        }
    }
}

@Suite(
    "A controller that answers too late", .timeLimit(.minutes(15)),
    .enabled(if: SlurmCluster.absence == nil, "\(SlurmCluster.absence ?? "")"))
struct LateControllerTests {
    /// The cluster with an `sbatch` around the real one; `script` finds that as `$real`.
    private func ledger(_ script: String, stage: String) async throws -> Ledger {
        var variables = try await SlurmCluster.shared().variables
        let tools = try ScratchFolder()
        let sbatch = try tools.write("sbatch", "#!/bin/sh\nreal=/usr/bin/sbatch\n\(script)\n")
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: sbatch)
        variables["PATH"] = tools.path + ":/usr/local/bin:/usr/bin:/bin"
        return try Ledger(
            targets: "{type: slurm, memory: 50MB, cpus: 1, poll: 500ms}", stage: stage, variables: variables,
            tools: tools)
    }

    @Test("A job that was taken though sbatch failed is followed, and not submitted again")
    func takenUnsaid() async throws {
        let ledger = try await ledger(
            "$real \"$@\" > /dev/null; echo 'Socket timed out on send/recv operation' >&2; exit 1",
            stage: "retry: {limit: 2, delay: 0s}")
        let run = try await ledger.project.start("run", "p.yaml", "--plain")
        try await ledger.holds("begin")
        try ledger.open()
        #expect(await run.child.exit().exit == .exited(0))
        #expect(ledger.lines == ["begin", "end"])
        #expect(try await ledger.project.caudal("show", "last").output.contains("(there job "))
    }

    @Test("A job that is taken after it was given up ends without having begun")
    func takenLate() async throws {
        // What the first submission asks for is kept, and submitted when the second one runs.
        let ledger = try await ledger(
            """
            here=$(dirname "$0")
            if mkdir "$here/first" 2> /dev/null; then
              printf '%s\n' "$@" > "$here/words"
              while [ $# -gt 1 ]; do shift; done
              cp "$1" "$here/job.sh"
              echo 'Unable to contact slurm controller' >&2; exit 1
            fi
            exec $real "$@"
            """, stage: "retry: {limit: 2, delay: 0s}")
        let run = try await ledger.project.start("run", "p.yaml", "--plain")
        try await ledger.holds("begin")
        let words = try ledger.tool("words").split(separator: "\n").map(String.init)
        let late = try await SlurmCluster.shared()
            .ask(["sbatch", "--wait"] + words.dropLast() + [ledger.path(ofTool: "job.sh")])
        #expect(Int(late.split(separator: "\n").first ?? "") != nil, "\(late)")
        try ledger.open()
        #expect(await run.child.exit().exit == .exited(0))
        #expect(ledger.lines == ["begin", "end"])
    }

    @Test("A job that caudal did not live to note is found where it was submitted, though the stage runs here by now")
    func unnoted() async throws {
        let ledger = try await ledger("$real \"$@\"; kill -9 $PPID", stage: "")
        let dead = try await ledger.project.start("run", "p.yaml", "--plain")
        try await ledger.holds("begin")
        #expect(await dead.child.exit().exit == .signaled(SIGKILL))
        try ledger.project.write(
            "p.yaml", ledger.project.read("p.yaml").replacing("run_on: there", with: "run_on: local"))
        let resumed = try await ledger.project.start("resume", "last", "--plain", "--yes")
        try await ledger.holds("begin", "ended", "begin")
        try ledger.open()
        #expect(await resumed.child.exit().exit == .exited(0))
        #expect(ledger.lines == ["begin", "ended", "begin", "end"])
    }
}
