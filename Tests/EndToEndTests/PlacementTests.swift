import CaudalModel
import Engine
import Foundation
import TestSupport
import Testing

/// A pipeline whose stages run where one line says.
private enum PlacedProject {
    static let rows = "id,name\n1,a\n2,b\n2,b\n"

    static func make(_ place: String, variables: [String: String] = [:]) throws -> CaudalProject {
        let project = try CaudalProject(copying: [], variables: variables)
        try project.write("rows.csv", rows)
        try project.write(
            "p.yaml",
            """
            version: 1
            name: placed
            \(place)
            datasets:
              rows: {path: rows.csv}
              copied: {path: out/copied.csv}
              kept: {path: out/kept.parquet}
              sums: {path: "out/sums-${item.name}.csv"}
            stages:
              copy:
                type: command
                inputs: rows
                output: copied
                run: 'cat "$CAUDAL_INPUT_ROWS" > ${stage.output}; echo copied'
                checks: {row_count: {min: 3, max: 3}}
              keep: {type: process, input: copied, output: kept, steps: [{deduplicate: {by: [id]}}]}
              sums:
                type: sql
                foreach: {name: [a, b]}
                inputs: kept
                output: sums
                query: "select count(*) as n from kept where name = ${item.name}"
            """)
        return project
    }

    /// What a run of it published.
    static func published(_ project: CaudalProject) async throws -> [String] {
        var found = try await project.query("select * from 'out/kept.parquet' order by id")
        for name in ["copied.csv", "sums-a.csv", "sums-b.csv"] { found.append(try project.read("out/" + name)) }
        return found
    }

    /// The places that a run's report tells, without what differs each time.
    static func places(_ project: CaudalProject) async throws -> Set<String> {
        let report = try await project.caudal("report", "last", "--format", "json")
        let matches = report.output.matches(of: #/"place"\s*:\s*"([^"(]*)/#)
        return Set(matches.map { String($0.output.1).trimmed })
    }
}

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

@Suite("Stages on other machines", .timeLimit(.minutes(5)))
struct TargetTests {
    enum Kind: String, CaseIterable, Sendable {
        case ssh, slurm
        /// A fake of a cluster.
        case kubernetes

        static let here = allCases.filter { $0.absence == nil }
        /// Those where jobs go on when Caudal dies.
        static let clusters = here.filter { $0 != .ssh }
        var absence: String? {
            switch self {
            case .ssh: SSHServer.absence
            case .slurm: SlurmCluster.absence
            case .kubernetes: FakeKubernetes.absence
            }
        }
        func line() async throws -> String {
            let target =
                switch self {
                case .ssh: try await SSHServer.shared().target()
                case .slurm: "{type: slurm, memory: 50MB, cpus: 1, poll: 500ms}"
                case .kubernetes: FakeKubernetes.target()
                }
            return "max_parallel: 8\nrun_on: there\ntargets: {there: \(target)}"
        }
        func variables() async throws -> [String: String] {
            switch self {
            case .ssh: [:]
            case .slurm: try await SlurmCluster.shared().variables
            case .kubernetes: try await FakeKubernetes.shared().variables
            }
        }
        /// Whether the cluster still has a job of a run that has not ended.
        func hasJob(of run: String) async throws -> Bool {
            switch self {
            case .ssh: false
            case .slurm: try await SlurmCluster.shared().ask("squeue", "--noheader", "--format=%j").contains(run)
            case .kubernetes:
                try await FakeKubernetes.shared().ask(
                    "get", "pods", "--selector=caudal.run=\(run)", "--output=jsonpath={.items[*].status.phase}"
                ).contains(/Pending|Running/)
            }
        }
        var places: Set<String> { self == .ssh ? ["127.0.0.1", "localhost"] : ["node1", "node2"] }
    }

    @Test("Commands and data stages publish the same as on this machine", arguments: Kind.here)
    func sameResults(kind: Kind) async throws {
        let plain = try PlacedProject.make("")
        let expected = try await plain.caudal("run", "p.yaml", "--plain")
        #expect(expected.status == 0, "\(expected)")
        let project = try PlacedProject.make(try await kind.line(), variables: try await kind.variables())
        let ran = try await project.caudal("run", "p.yaml", "--plain")
        #expect(ran.status == 0, "\(ran)")
        #expect(try await PlacedProject.published(project) == PlacedProject.published(plain))
        let places = try await PlacedProject.places(project)
        #expect(!places.isEmpty && places.isSubset(of: kind.places), "\(places)")
        #expect(try await project.caudal("show", "last").output.contains("(there job "))
    }

    /// Items that note how often each of them ran, and go on until a file is there.
    private func items(_ kind: Kind, count: Int, rest: String = "") async throws -> CaudalProject {
        let project = try CaudalProject(copying: [], variables: try await kind.variables())
        try project.write("ran/.keep", "")
        let numbers = (1...count).map(String.init).joined(separator: ", ")
        try project.write(
            "p.yaml",
            """
            version: 1
            name: items
            \(try await kind.line())
            stages:
              a:
                type: command
                foreach: {n: [\(numbers)]}
                \(rest)
                run: |
                  echo begin >> ran/$CAUDAL_ITEM_N
                  until test -e open; do sleep 0.05; done
                  echo end >> ran/$CAUDAL_ITEM_N
            """)
        return project
    }

    /// Starts the run and waits until so many items have begun.
    private func begins(_ project: CaudalProject, items: Int = 1) async throws -> CaudalProject.Started {
        let started = try await project.start("run", "p.yaml", "--plain")
        try await wait(forChangeIn: project.folder.path("ran")) {
            project.files(in: "ran").filter { $0 != ".keep" && project.text("ran/" + $0) == "begin\n" }.count >= items
        }
        return started
    }

    @Test(
        "Jobs of a cluster go on while caudal is dead: none is lost, none runs twice", arguments: Kind.clusters)
    func resumedJobs(kind: Kind) async throws {
        let project = try await items(kind, count: 50)
        let dead = try await begins(project)
        #expect(await dead.killHard() == .signaled(SIGKILL))
        try project.write("open", "")
        let resumed = try await project.caudal("resume", "last", "--plain", "--yes")
        #expect(resumed.status == 0, "\(resumed)")
        let ran = project.files(in: "ran").filter { $0 != ".keep" }
        #expect(ran.count == 50)
        for name in ran { #expect(try project.read("ran/" + name) == "begin\nend\n", "item \(name)") }
    }

    @Test(
        "What runs by ssh ends with caudal, and runs again when the run is resumed",
        .enabled(if: Kind.ssh.absence == nil))
    func resumedConnections() async throws {
        let project = try await items(.ssh, count: 4)
        let dead = try await begins(project, items: 4)
        #expect(await dead.killHard() == .signaled(SIGKILL))
        let resumed = try await project.start("resume", "last", "--plain", "--yes")
        try await wait(forFile: project.folder.path("ran/1"), holding: "begin\nbegin")
        try project.write("open", "")
        #expect(await resumed.child.exit().exit == .exited(0))
        for name in 1...4 {
            let ledger = try project.read("ran/\(name)")
            #expect(ledger.hasSuffix("begin\nend\n") && ledger.filter { $0 == "d" }.count == 1, "\(name): \(ledger)")
        }
    }

    @Test("A run that is cancelled ends what runs there", arguments: Kind.here)
    func cancelled(kind: Kind) async throws {
        let project = try await items(kind, count: 6)
        let started = try await begins(project)
        #expect(try await project.caudal("cancel", "last").status == 0)
        #expect(await started.child.exit().exit == .exited(3))
        try project.write("open", "")
        let run = try #require(
            FileManager.default.contentsOfDirectory(atPath: project.folder.path(".caudal/runs")).first)
        #expect(try await !kind.hasJob(of: run))
        for name in project.files(in: "ran") where name != ".keep" {
            #expect(try project.read("ran/" + name) == "begin\n")
        }
    }

    @Test("A job is taken up again though the pipeline runs its stages here by now", arguments: Kind.clusters)
    func resumedHere(kind: Kind) async throws {
        let project = try await items(kind, count: 2)
        let dead = try await begins(project, items: 2)
        #expect(await dead.killHard() == .signaled(SIGKILL))
        try project.write("p.yaml", project.read("p.yaml").replacing("run_on: there", with: ""))
        try project.write("open", "")
        let resumed = try await project.caudal("resume", "last", "--plain", "--yes")
        #expect(resumed.status == 0, "\(resumed)")
        for name in 1...2 { #expect(try project.read("ran/\(name)") == "begin\nend\n") }
    }

    @Test("A pool is held by a job whose caudal died, until the run is cancelled or resumed", arguments: Kind.clusters)
    func pool(kind: Kind) async throws {
        let project = try await items(kind, count: 1, rest: "pool: wh")
        try project.write("p.yaml", try project.read("p.yaml") + "\npools: {wh: 1}\n")
        let dead = try await begins(project)
        #expect(await dead.killHard() == .signaled(SIGKILL))
        try project.write(
            "q.yaml",
            "version: 1\nname: q\npools: {wh: 1}\nstages: {b: {type: command, pool: wh, run: 'cat ran/1'}}\n")
        let waiting = try await project.start("run", "q.yaml", "--plain")
        let line = try #require(await waiting.says("waits"))
        #expect(line.contains("pool wh 1/1") && line.contains("left behind; resume or cancel it"), "\(line)")
        let runs = try FileManager.default.contentsOfDirectory(atPath: project.folder.path(".caudal/runs")).sorted()
        let cancelled = try await project.caudal("cancel", try #require(runs.first))
        #expect(cancelled.status == 0, "\(cancelled)")
        #expect(await waiting.child.exit().exit == .exited(0))
    }

    @Test("A run that is cancelled after its caudal died ends its jobs", arguments: Kind.clusters)
    func cancelledLater(kind: Kind) async throws {
        let project = try await items(kind, count: 6)
        let dead = try await begins(project)
        #expect(await dead.killHard() == .signaled(SIGKILL))
        let cancelled = try await project.caudal("cancel", "last")
        #expect(cancelled.status == 0, "\(cancelled)")
        try project.write("open", "")
        let run = try #require(
            FileManager.default.contentsOfDirectory(atPath: project.folder.path(".caudal/runs")).first)
        #expect(try await !kind.hasJob(of: run))
        for name in project.files(in: "ran") where name != ".keep" {
            #expect(try project.read("ran/" + name) == "begin\n")
        }
    }

    @Test("A time limit reaches what runs there", arguments: Kind.here)
    func timedOut(kind: Kind) async throws {
        // The limit counts from the submission: on a busy machine a job may wait longer than that, and has longer then.
        for seconds in [6, 24, 96] {
            let project = try await items(kind, count: 1, rest: "timeout: \(seconds)s")
            let ran = try await project.caudal("run", "p.yaml", "--plain")
            #expect(ran.status == 1 && ran.output.contains("it took longer than"), "\(ran)")
            let run = try #require(
                FileManager.default.contentsOfDirectory(atPath: project.folder.path(".caudal/runs")).first)
            #expect(ProcessTable.marked("CAUDAL_RUN_ID", beginning: run).isEmpty)
            #expect(try await !kind.hasJob(of: run))
            // It had begun, and nothing of it is there any more that could see the door open.
            if project.text("ran/1") == "begin\n" { return }
        }
        Issue.record("the item did not begin within 96 seconds")
    }

    @Test("A machine that cannot be reached is left out", .enabled(if: Kind.ssh.absence == nil))
    func unreachable() async throws {
        let project = try CaudalProject(copying: [])
        let target = try await SSHServer.shared().target(hosts: "[127.0.0.9, 127.0.0.1]", slots: 1)
        try project.write(
            "p.yaml",
            """
            version: 1
            name: partly
            max_parallel: 4
            targets: {there: \(target)}
            stages: {a: {type: command, run_on: there, foreach: {n: [1, 2, 3]}, run: echo done}}
            """)
        let ran = try await project.caudal("run", "p.yaml", "--plain")
        #expect(ran.status == 0, "\(ran)")
        #expect(try await project.caudal("logs").output.contains("127.0.0.9 cannot be reached"))
    }

    @Test(
        "A folder that the other machine does not see is named",
        .enabled(if: SSHServer.hidingAbsence == nil, "\(SSHServer.hidingAbsence ?? "")"))
    func notShared() async throws {
        let project = try CaudalProject(copying: [])
        let server = try await SSHServer.shared()
        try project.write(
            "p.yaml",
            """
            version: 1
            name: blind
            targets: {there: \(server.target(identity: server.blindIdentity))}
            stages: {a: {type: command, run_on: there, run: echo done}}
            """)
        let ran = try await project.caudal("run", "p.yaml", "--plain")
        #expect(ran.status == 1 && ran.output.contains("the attempt's folder is not shared"), "\(ran)")
        #expect(ran.output.contains("does not see"), "\(ran)")
    }

    @Test("Targets of the user's own settings serve every pipeline", .enabled(if: Kind.ssh.absence == nil))
    func sharedTargets() async throws {
        let project = try CaudalProject(copying: [])
        let target = try await SSHServer.shared().target()
        try project.write(".config/caudal/targets.yaml", "targets: {mine: \(target)}\n")
        try project.write(
            "p.yaml", "version: 1\nname: own\nstages: {a: {type: command, run_on: mine, run: echo done}}\n")
        let ran = try await project.caudal("run", "p.yaml", "--plain")
        #expect(ran.status == 0, "\(ran)")
    }

    @Test("The loss of a node is told, and a retry runs on another one", .enabled(if: Kind.slurm.absence == nil))
    func lostNode() async throws {
        let cluster = try await SlurmCluster.shared()
        let project = try CaudalProject(copying: [], variables: cluster.variables)
        try project.write(
            "p.yaml",
            """
            version: 1
            name: lost
            targets: {there: {type: slurm, memory: 50MB, poll: 500ms, options: [--nodelist=node2]}}
            stages:
              a:
                type: command
                run_on: there
                run: "echo begin >> ledger; until test -e open; do sleep 0.05; done"
            """)
        let started = try await project.start("run", "p.yaml", "--plain")
        try await wait(forFile: project.folder.path("ledger"), holding: "begin")
        try cluster.kill(node: 2)
        let told = await started.says("was lost (NODE_FAIL)")
        #expect(told != nil)
        try project.write("open", "")
        try cluster.start(node: 2)
        #expect(await started.child.exit().exit == .exited(1))
    }
}

@Suite(
    "Caudal in a container", .timeLimit(.minutes(5)),
    .enabled(if: ContainerBench.absence == nil, "\(ContainerBench.absence ?? "")"))
struct ImageTests {
    @Test("The sales pipeline runs in the image, with a root that nobody writes to")
    func salesPipeline() async throws {
        let bench = try ContainerBench.shared()
        let image = try bench.caudal(CaudalProject.program)
        let project = try CaudalProject()
        let ran = bench.run([
            "--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--network",
            "none", "--user", "\(geteuid()):\(getegid())", "--volume", "\(project.folder.path):/project", image, "run",
            "config/pipeline_config.yaml", "--plain", "--param", "day=2026-11-23",
        ])
        #expect(ran.status == 0, "\(ran.text)")
        #expect(project.exists("data/outputs"))
        // It runs as its own user unless it is told another.
        #expect(bench.run(["--network", "none", "--entrypoint", "id", image, "-u"]).text.trimmed == "10001")
    }
}
