import CaudalModel
import Engine
import Foundation
import Testing
import TestSupport

@Suite("After a crash", .timeLimit(.minutes(15)))
struct RunRecoveryTests {
    @Test("What the dead run left running is ended, wherever it hid, and nothing of another run")
    func leftovers() async throws {
        let (dead, other) = (try AttemptTrial(), try AttemptTrial())
        let line = """
            (setsid sh -c 'echo $$ > escaped; exec sleep 1000' > /dev/null 2>&1 &)
            while [ ! -s escaped ]; do sleep 0.01; done
            \(AttemptTrial.ready); sleep 1000
            """
        async let first = dead.shell(line)
        async let second = other.shell(line)
        await dead.isReady()
        await other.isReady()
        try Leftovers(of: dead.control.run).end()
        #expect(await first.exit == .signaled(SIGKILL))
        let escaped = try #require(Int32(other.folder.text("escaped").trimmed))
        #expect(ProcessWatch.isAlive(escaped))
        other.control.requestStop(.cancelled)
        _ = await second
        #expect(!ProcessWatch.isAlive(escaped))
    }

    private func leftovers(of process: ProcessIdentity, _ trial: AttemptTrial) throws -> Leftovers {
        try Leftovers(of: state(process), in: StateFolder(path: trial.folder["state"]).run("without-a-marker"))
    }

    /// A run of another name in which a process works, or in which none is known to.
    private func state(_ process: ProcessIdentity?) -> RunState {
        let plan = RunPlan(pipeline: "p", maxParallel: 1, stages: [PlannedStage(id: "a")])
        var changes: [RunChange] = [.runStarted(ProcessTable.own), .attemptStarted(UnitID("a"), attempt: 1)]
        if let process { changes.append(.attemptSpawned(UnitID("a"), attempt: 1, .process(process))) }
        return RunState(
            id: "without-a-marker", plan: plan,
            events: changes.enumerated().map {
                RunEvent(sequence: Int64($0 + 1), time: Moment(wall: 0, steady: 0), change: $1)
            })
    }

    @Test("The group that was recorded is ended with its descendants, though nothing carries the run's marker")
    func recordedGroup() async throws {
        let trial = try AttemptTrial()
        let line = """
            env -i /bin/sh -c 'setsid /bin/sh -c "echo \\$\\$ > escaped; exec sleep 1000" & wait' &
            while [ ! -s escaped ]; do sleep 0.01; done
            \(AttemptTrial.ready); wait
            """
        async let execution = trial.shell(line)
        await trial.isReady()
        let process = try #require(trial.spawned.first)
        let escaped = try #require(Int32(trial.folder.text("escaped").trimmed))
        var stranger = process
        stranger.startTicks += 1
        #expect(try leftovers(of: stranger, trial).isEmpty, "the number was given to somebody else")
        stranger = process
        stranger.bootID = "another boot"
        #expect(try leftovers(of: stranger, trial).isEmpty)
        let ended = try leftovers(of: process, trial).end()
        #expect(ended.contains { $0.pid == escaped } && ended.contains { $0.pid == process.pid }, "\(ended)")
        #expect(!ProcessWatch.isAlive(escaped))
        #expect(await execution.exit == .signaled(SIGKILL))
    }

    @Test("A process is noted before its program begins, and is found though the journal never heard of it")
    func noted() async throws {
        let trial = try AttemptTrial()
        let folder = StateFolder(path: trial.folder["state"]).run("without-a-marker")
        try folder.create()
        let reactor = ProcessReactor()
        func launch(_ script: String, attempt: Int) throws -> ProcessLaunch {
            ProcessLaunch(
                program: "/usr/bin/env", arguments: ["-i", "/bin/sh", "-c", script], variables: [:],
                folder: folder.path,
                marker: "without-a-marker/a#\(attempt)", ledger: try SpawnLedger(folder.spawned))
        }
        // An attempt that has ended is none of what is looked for.
        let ended = try launch("echo $$ > told; cat spawned >> told", attempt: 2)
        _ = try await reactor.run(ended) { _, _ in }
        let lines = try FileText.read(folder.path + "/told").split(separator: "\n")
        #expect(lines.count == 2 && lines[1].hasPrefix(lines[0] + " "), "\(lines)")
        let child = try await reactor.start(try launch("sleep 1000 & wait", attempt: 1)) { _, _ in }
        let found = try Leftovers(of: state(nil), in: folder).end()
        #expect(found.contains { $0.pid == child.identity.pid }, "\(found)")
        #expect(await child.exit().exit == .signaled(SIGKILL))
    }

    @Test("A program that cannot be noted does not run")
    func unnoted() async throws {
        let trial = try AttemptTrial()
        let folder = StateFolder(path: trial.folder["state"]).run("without-a-marker")
        try folder.create()
        try FileManager.default.createSymbolicLink(
            atPath: folder.path + "/spawned", withDestinationPath: "/dev/full")
        let launch = ProcessLaunch(
            program: "/usr/bin/touch", arguments: ["ran"], variables: [:], folder: folder.path, marker: "r/a#1",
            ledger: try SpawnLedger(folder.spawned))
        let reactor = ProcessReactor()
        await #expect(throws: Failure.self) { try await reactor.run(launch) { _, _ in } }
        #expect(!FileText.exists(folder.path + "/ran"))
    }

    @Test("A process is known again by its number, its start and its boot")
    func identity() async throws {
        let trial = try AttemptTrial()
        async let execution = trial.run(["/bin/sleep", "1000"])
        await trial.hasStarted()
        let process = try #require(trial.spawned.first)
        #expect(ProcessTable.isAlive(process))
        var other = process
        other.startTicks += 1
        #expect(!ProcessTable.isAlive(other))
        other = process
        other.bootID = "another boot"
        #expect(!ProcessTable.isAlive(other))
        trial.control.requestStop(.cancelled)
        _ = await execution
        #expect(!ProcessTable.isAlive(process))
    }

    @Test("A publish that was recorded and not made is made, and its attempt has succeeded")
    func publishing() throws {
        let folder = try OwnFolder()
        try folder.write("new", to: "staging/a.csv")
        let moves = try Publisher.plan([
            StagedOutput(dataset: "a", staged: folder["staging/a.csv"], target: folder["a.csv"])
        ])
        let lost = PublishPlan(moves: [.init(staged: folder["staging/b.csv"], target: folder["b.csv"], inode: 1)])
        let now = Moment(wall: 0, steady: 0)
        let changes: [RunChange] = [
            .attemptStarted(UnitID("a"), attempt: 1), .publishing(UnitID("a"), attempt: 1, moves, .succeeded),
            .attemptStarted(UnitID("b"), attempt: 1), .publishing(UnitID("b"), attempt: 1, lost, .succeeded),
            .attemptStarted(UnitID("c"), attempt: 1),
        ]
        let state = RunState(
            id: "r",
            plan: RunPlan(
                pipeline: "p", maxParallel: 1,
                stages: [PlannedStage(id: "a"), PlannedStage(id: "b"), PlannedStage(id: "c")]),
            events: changes.enumerated().map { RunEvent(sequence: Int64($0 + 1), time: now, change: $1) })
        let settled = RunRecovery.finishPublishing(state)
        #expect(try folder.text("a.csv") == "new")
        #expect(settled[UnitID("a")] == .succeeded)
        #expect(settled[UnitID("b")]?.ending == .interrupted)
        #expect(settled[UnitID("c")] == nil)
    }
}
