import CaudalModel
import Engine
import Foundation
import TestSupport
import Testing

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
        /// Whether the cluster has a job of a run that goes on.
        ///
        /// What was being submitted as Caudal died may come later than what ends it: it ends without having begun anything.
        func keepsJob(of run: String) async throws -> Bool {
            for _ in 0..<50 where try await !hasJob(of: run) { return false }
            return true
        }
        private func hasJob(of run: String) async throws -> Bool {
            switch self {
            case .ssh: false
            case .slurm:
                try await SlurmCluster.shared().ask(
                    "squeue", "--noheader", "--format=%j", "--states=PENDING,CONFIGURING,RUNNING"
                )
                .contains(run)
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

    /// That no item of a run that was ended came to its own end, though the door is open.
    private func noneEnded(_ project: CaudalProject) throws {
        for name in project.files(in: "ran") where name != ".keep" {
            // What was ended as it began may have made its file and not have written its line.
            let ledger = try project.read("ran/" + name)
            #expect(ledger == "begin\n" || ledger.isEmpty, "\(name): \(ledger)")
        }
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
        #expect(try await !kind.keepsJob(of: run))
        try noneEnded(project)
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
        #expect(try await !kind.keepsJob(of: run))
        try noneEnded(project)
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
            #expect(try await !kind.keepsJob(of: run))
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

    @Test(
        "A program that a cluster asks to end has not succeeded, though it ends well",
        .enabled(if: Kind.slurm.absence == nil))
    func endedWell() async throws {
        let cluster = try await SlurmCluster.shared()
        let project = try CaudalProject(copying: [], variables: cluster.variables)
        try project.write(
            "p.yaml",
            """
            version: 1
            name: well
            targets: {there: {type: slurm, memory: 50MB, poll: 500ms}}
            datasets: {o: {path: o.csv}}
            stages:
              a:
                type: command
                run_on: there
                output: o
                run: |
                  trap 'exit 0' TERM
                  echo half > ${stage.output}
                  echo begin >> ledger
                  while :; do sleep 0.05 || :; done
            """)
        let started = try await project.start("run", "p.yaml", "--plain")
        try await wait(forFile: project.folder.path("ledger"), holding: "begin")
        let jobs = cluster.ask("squeue", "--noheader", "--format=%A %Z %k").split(separator: "\n")
        let run = try #require(
            FileManager.default.contentsOfDirectory(atPath: project.folder.path(".caudal/runs")).first)
        let job = try #require(jobs.first { $0.contains(run) }?.split(separator: " ").first, "\(jobs)")
        _ = cluster.ask("scancel", String(job))
        #expect(await started.says("was ended by others (CANCELLED)") != nil)
        #expect(await started.child.exit().exit == .exited(1))
        #expect(!project.exists("o.csv"))
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
