import CaudalModel
import Engine
import Foundation
import TestSupport
import Testing

/// What happens to Jobs in a fake of a Kubernetes cluster, with a real kubectl between it and Caudal.
@Suite(
    "Kubernetes, by a fake of it", .timeLimit(.minutes(5)),
    .enabled(if: FakeKubernetes.absence == nil, "\(FakeKubernetes.absence ?? "")"))
struct KubernetesTests {
    private func ledger(
        _ cluster: FakeKubernetes, _ stage: String = "", target more: String = "", tools: ScratchFolder? = nil
    ) throws -> Ledger {
        var variables = cluster.variables
        if let tools { variables["PATH"] = tools.path + ":/usr/local/bin:/usr/bin:/bin" }
        return try Ledger(targets: FakeKubernetes.target(more), stage: stage, variables: variables, tools: tools)
    }

    /// Runs a pipeline of one command to its end.
    private func run(
        _ cluster: FakeKubernetes, _ command: String, stage: String = "", target more: String = "",
        file: String = "p.yaml"
    ) async throws -> (CaudalProject, CaudalProject.Answer) {
        let project = try CaudalProject(copying: [], variables: cluster.variables)
        try project.write(
            file,
            """
            version: 1
            name: one
            targets: {there: \(FakeKubernetes.target(more))}
            stages:
              a:
                type: command
                run_on: there
                \(stage)
                run: |
                  \(command.replacing("\n", with: "\n      "))
            """)
        return (project, try await project.caudal("run", file, "--plain"))
    }

    /// Does something with a cluster of its own.
    private func withCluster(_ body: (FakeKubernetes) async throws -> Void) async throws {
        let cluster = try await FakeKubernetes()
        do { try await body(cluster) } catch {
            await cluster.stop()
            throw error
        }
        await cluster.stop()
    }

    // MARK: - Submitting

    @Test("A project is run whatever signs its path has")
    func oddPath() async throws {
        try await withCluster { cluster in
            let (_, run) = try await run(cluster, "echo done", file: #"a "b", c's $d/p.yaml"#)
            #expect(run.status == 0, "\(run)")
        }
    }

    @Test("A job that was taken though its answer was lost is followed, and not made again")
    func takenUnsaid() async throws {
        try await withCluster { cluster in
            try cluster.happens("lose-answers")
            let ledger = try ledger(cluster, "retry: {limit: 2, delay: 0s}")
            let run = try await ledger.project.start("run", "p.yaml", "--plain")
            try await ledger.holds("begin")
            try ledger.open()
            #expect(await run.child.exit().exit == .exited(0))
            #expect(ledger.lines == ["begin", "end"])
            #expect(try cluster.made().count == 1)
            let shown = try await ledger.project.caudal("show", "last").output
            #expect(shown.contains(/on node[12] \(there job caudal-/), "\(shown)")
        }
    }

    @Test("A server that answers slowly is waited for")
    func slow() async throws {
        try await withCluster { cluster in
            try cluster.happens("slow", "2")
            let (_, ran) = try await run(cluster, "echo done")
            #expect(ran.status == 0, "\(ran)")
            #expect(try cluster.made().count == 1)
        }
    }

    @Test("While the server does not answer nothing begins, and a retry begins once it does")
    func down() async throws {
        try await withCluster { cluster in
            try cluster.happens("down")
            let ledger = try ledger(cluster, "retry: {limit: 30, delay: 1s, backoff: 1}")
            let run = try await ledger.project.start("run", "p.yaml", "--plain")
            let told = await run.says("Kubernetes does not take the job")
            #expect(told?.contains("unable to handle the request") == true, "\(told ?? "it ended")")
            #expect(ledger.lines == [])
            try cluster.happens("down", "0")
            try await ledger.holds("begin")
            try ledger.open()
            #expect(await run.child.exit().exit == .exited(0))
            #expect(ledger.lines == ["begin", "end"])
        }
    }

    @Test(
        "What the cluster does not want is told, and nothing is left of it",
        arguments: [
            (", namespace: nowhere", "does not take the job: Error from server (NotFound)"),
            (", service_account: nobody", "does not take the job: Error from server (Forbidden)"),
            (", context: other", "kubectl does not know the context 'other'"),
            (", mount: /elsewhere", "the claim 'shared' is mounted at /elsewhere, which does not have it"),
        ])
    func refused(target: String, message: String) async throws {
        try await withCluster { cluster in
            let (_, ran) = try await run(cluster, "echo done", target: target)
            #expect(ran.status == 1 && ran.output.contains(message), "\(ran)")
            #expect(try cluster.made() == [])
        }
    }

    @Test("Neither the manifest nor a command line has the values of a stage's variables")
    func secrets() async throws {
        try await withCluster { cluster in
            let tools = try ScratchFolder()
            let kubectl = try tools.write(
                "kubectl", "#!/bin/sh\necho \"$@\" >> '\(tools.path)/words'\nexec /usr/bin/kubectl \"$@\"\n")
            try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: kubectl)
            let ledger = try ledger(cluster, "env: {TOKEN: pineapple-1}", tools: tools)
            let run = try await ledger.project.start("run", "p.yaml", "--plain")
            try await ledger.holds("begin")
            let manifest = cluster.ask("get", "jobs.batch,pods", "--output=json")
            #expect(manifest.contains("caudal.run") && !manifest.contains("pineapple"))
            #expect(manifest.contains("\"caudal.attempt\": \"1\"") && manifest.contains("\"caudal.stage\": \"a\""))
            let words = try ledger.tool("words")
            #expect(words.contains("create") && !words.contains("pineapple"), "\(words)")
            try ledger.open()
            #expect(await run.child.exit().exit == .exited(0))
        }
    }

    // MARK: - Caudal dies

    @Test("A job goes on while caudal is dead, and resume takes its result and the rest of its log")
    func resumed() async throws {
        try await withCluster { cluster in
            let ledger = try ledger(cluster)
            let dead = try await ledger.project.start("run", "p.yaml", "--json")
            _ = await dead.says("attempt_spawned")
            try await ledger.holds("begin")
            #expect(await dead.killHard() == .signaled(SIGKILL))
            try ledger.open()
            let resumed = try await ledger.project.caudal("resume", "last", "--plain", "--yes")
            #expect(resumed.status == 0, "\(resumed)")
            #expect(ledger.lines == ["begin", "end"])
            #expect(try cluster.made().count == 1)
        }
    }

    @Test("A job of whose making caudal did not live to hear is taken up")
    func unnoted() async throws {
        try await withCluster { cluster in
            let tools = try ScratchFolder()
            let kubectl = try tools.write(
                "kubectl",
                """
                #!/bin/sh
                /usr/bin/kubectl "$@"; status=$?
                [ "$1" = create ] && kill -9 $PPID
                exit $status

                """)
            try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: kubectl)
            let ledger = try ledger(cluster, tools: tools)
            let dead = try await ledger.project.start("run", "p.yaml", "--plain")
            try await ledger.holds("begin")
            #expect(await dead.child.exit().exit == .signaled(SIGKILL))
            try ledger.open()
            let resumed = try await ledger.project.caudal("resume", "last", "--plain", "--yes")
            #expect(resumed.status == 0, "\(resumed)")
            #expect(ledger.lines == ["begin", "end"])
            #expect(try cluster.made().count == 1)
        }
    }

    @Test("While the server does not answer a run is not resumed; kubectl's current context does not matter")
    func resumedLater() async throws {
        try await withCluster { cluster in
            let ledger = try ledger(cluster)
            let dead = try await ledger.project.start("run", "p.yaml", "--json")
            _ = await dead.says("attempt_spawned")
            try await ledger.holds("begin")
            #expect(await dead.killHard() == .signaled(SIGKILL))
            // Another cluster, which knows of no jobs, is the current one by now.
            let other = try await FakeKubernetes()
            let theirs = try FileText.read(other.settings)
            let found = try #require(theirs.firstMatch(of: /http:[^"]*/)?.output)
            let both = try FileText.read(cluster.settings)
                .replacing("\"current-context\": \"fake\"", with: "\"current-context\": \"other\"")
                .replacing(
                    "\"clusters\": [",
                    with: "\"clusters\": [{\"name\": \"o\", \"cluster\": {\"server\": \"\(found)\"}}, "
                )
                .replacing(
                    "\"contexts\": [",
                    with:
                        "\"contexts\": [{\"name\": \"other\", \"context\": {\"cluster\": \"o\", \"user\": \"nobody\"}}, "
                )
            try FileText.write(both, to: cluster.settings)
            #expect(cluster.ask("config", "current-context") == "other")
            try cluster.happens("down")
            let early = try await ledger.project.caudal("resume", "last", "--plain", "--yes")
            #expect(early.status != 0 && "\(early)".contains("Kubernetes does not answer"), "\(early)")
            try cluster.happens("down", "0")
            try ledger.open()
            let resumed = try await ledger.project.caudal("resume", "last", "--plain", "--yes")
            #expect(resumed.status == 0, "\(resumed)")
            #expect(ledger.lines == ["begin", "end"])
            #expect(try other.made() == [])
            await other.stop()
        }
    }

    // MARK: - What the cluster does

    @Test("A job that is killed for its memory says so, and its log has the beginning of its last line")
    func outOfMemory() async throws {
        try await withCluster { cluster in
            let project = try CaudalProject(copying: [], variables: cluster.variables)
            try project.write(
                "p.yaml",
                """
                version: 1
                name: one
                targets: {there: \(FakeKubernetes.target())}
                stages: {a: {type: command, run_on: there, run: "echo whole; printf half; touch ready; sleep 100"}}
                """)
            let run = try await project.start("run", "p.yaml", "--plain")
            try await wait(forFile: project.folder.path("ready"))
            try cluster.happens("oom")
            let told = await run.says("used more memory than its limit (OOMKilled)")
            #expect(told != nil)
            #expect(await run.child.exit().exit == .exited(1))
            let shown = try await project.caudal("show", "last").output
            #expect(shown.contains("raise 'memory' of the target 'there'"), "\(shown)")
            #expect(try await project.caudal("logs").output.contains("half"))
        }
    }

    @Test(
        "What takes a job away is told, and a retry begins it again",
        arguments: [
            ("evict", "was evicted on node", ["begin", "ended", "begin", "end"]),
            ("preempt", "made room for another one", ["begin", "ended", "begin", "end"]),
            ("vanish", "was deleted by others, and left no result", ["begin", "begin", "end"]),
        ])
    func takenAway(word: String, message: String, lines: [String]) async throws {
        try await withCluster { cluster in
            let ledger = try ledger(cluster, "retry: {limit: 1, delay: 0s}")
            let run = try await ledger.project.start("run", "p.yaml", "--plain")
            try await ledger.holds("begin")
            try cluster.happens(word)
            #expect(await run.says(message) != nil)
            try await wait(
                forFile: ledger.project.folder.path("ledger"), holding: lines.dropLast().joined(separator: "\n"))
            try ledger.open()
            #expect(await run.child.exit().exit == .exited(0))
            #expect(ledger.lines == lines)
            #expect(try cluster.made().count == 2)
        }
    }

    @Test("A lost node is told, no retry begins as long as its pod may go on, and one does when it has gone")
    func lostNode() async throws {
        try await withCluster { cluster in
            let ledger = try ledger(cluster, "retry: {limit: 60, delay: 1s, backoff: 1}")
            let run = try await ledger.project.start("run", "p.yaml", "--plain")
            try await ledger.holds("begin")
            try cluster.happens("lose-node")
            #expect(await run.says("was lost (NodeLost") != nil)
            #expect(await run.says("still runs cannot be told: jobs caudal-") != nil)
            #expect(ledger.lines == ["begin"])
            try cluster.happens("lose-node", "0")
            try await ledger.holds("begin", "begin")
            try ledger.open()
            #expect(await run.child.exit().exit == .exited(0))
            #expect(ledger.lines == ["begin", "begin", "end"])
            #expect(try cluster.made().count == 2)
        }
    }

    @Test("A job that no node takes says why it waits, and a cancel takes it back", arguments: [false, true])
    func pending(isDown: Bool) async throws {
        try await withCluster { cluster in
            try cluster.happens("hold")
            let ledger = try ledger(cluster)
            let run = try await ledger.project.start("run", "p.yaml", "--json")
            #expect(await run.says("attempt_spawned") != nil)
            while try cluster.made().isEmpty {}
            if isDown { try cluster.happens("down") }
            #expect(try await ledger.project.caudal("cancel", "last").status == 0)
            #expect(await run.child.exit().exit == .exited(3))
            if !isDown { #expect(cluster.ask("get", "jobs.batch,pods", "--output=name") == "") }
            // Whatever becomes of what is left there: it was taken back.
            try cluster.happens("down", "0")
            try cluster.happens("hold", "0")
            let name = cluster.ask("get", "pods", "--output=jsonpath={.items[*].metadata.name}")
            if isDown { try await ended(name, cluster) }
            #expect(ledger.lines == [])
        }
    }

    /// Waits until a pod has ended.
    private func ended(_ pod: String, _ cluster: FakeKubernetes) async throws {
        while !cluster.ask("get", "pods", pod, "--output=jsonpath={.status.phase}").contains(/Failed|Succeeded/) {}
        let status = "{.status.containerStatuses[0].state.terminated.exitCode}"
        #expect(cluster.ask("get", "pods", pod, "--output=jsonpath=\(status)") == "125")
    }

    @Test(
        "A job that cannot begin is given up, with the cluster's own words",
        arguments: [
            (FakeKubernetes.target(image: "missing:1"), "cannot begin (ImagePullBackOff: Back-off pulling image"),
            (FakeKubernetes.target(image: "Bad:1"), "cannot begin (InvalidImageName"),
            (
                FakeKubernetes.target(claim: "no-such", ", start: 1s"),
                "did not begin within 1s (Unschedulable: 0/2 nodes are available: persistentvolumeclaim"
            ),
            (FakeKubernetes.target(memory: "100GB", ", start: 1s"), "nodes are available: 2 Insufficient memory"),
            (FakeKubernetes.target(", node_selector: {pool: small}, start: 1s"), "didn't match Pod's node affinity"),
        ])
    func cannotBegin(target: String, message: String) async throws {
        try await withCluster { cluster in
            let project = try CaudalProject(copying: [], variables: cluster.variables)
            try project.write(
                "p.yaml",
                "version: 1\nname: one\ntargets: {there: \(target)}\nstages: {a: {type: command, run_on: there, run: echo}}\n"
            )
            let ran = try await project.caudal("run", "p.yaml", "--plain")
            #expect(ran.status == 1 && ran.output.contains(message), "\(ran)")
            #expect(cluster.ask("get", "jobs.batch,pods", "--output=name") == "")
        }
    }

    @Test("A job that others delete is told, with how its program ended")
    func deletedByOthers() async throws {
        try await withCluster { cluster in
            let ledger = try ledger(cluster)
            let run = try await ledger.project.start("run", "p.yaml", "--plain")
            try await ledger.holds("begin")
            _ = cluster.ask("delete", "jobs.batch", "--all", "--wait=false")
            #expect(await run.says("was deleted by others") != nil)
            #expect(await run.child.exit().exit == .exited(1))
            #expect(ledger.lines == ["begin", "ended"])
        }
    }
}
