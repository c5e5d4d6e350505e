import CaudalModel
import Engine
import Foundation
import Testing
import TestSupport

/// What every executor is asked to do, in its own language.
enum Chore: Sendable {
    case succeed, fail
    /// Runs until it is stopped.
    case runForever
    case floodErrors
    case missingProgram
}

/// A place in which programs run, and why it is not there.
enum Place: String, CaseIterable, Sendable {
    case local, sandbox, container, ssh, slurm
    /// A fake of a cluster.
    case kubernetes

    var absence: String? {
        switch self {
        case .local: nil
        case .sandbox: Bubblewrap.absence
        case .container: ContainerBench.absence
        case .ssh: SSHServer.absence
        case .slurm: SlurmCluster.absence
        case .kubernetes: FakeKubernetes.absence
        }
    }

    /// The executor of this place for a trial; its project is the trial's folder.
    func executor(_ trial: AttemptTrial, reactor: ProcessReactor = ProcessReactor()) async throws -> any ProgramExecutor
    {
        var variables = ["PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": trial.folder.path]
        var targets: [String: Target] = [:]
        let placement: Placement
        func add(_ kind: Target.Kind) -> Placement {
            targets["there"] = Target(name: "there", kind: kind, location: .whole("targets.yaml"))
            return .target("there")
        }
        switch self {
        case .local: placement = .local
        case .sandbox: placement = .sandbox(SandboxSettings())
        case .container:
            variables.merge(try ContainerBench.shared().variables) { $1 }
            placement = .container(ContainerSettings(image: ContainerBench.image, pull: .never))
        case .ssh: placement = add(.ssh(try await SSHServer.shared().settings()))
        case .slurm:
            variables.merge(try await SlurmCluster.shared().variables) { $1 }
            placement = add(.slurm(SlurmSettings(memory: 50_000_000, cpus: 1, poll: .milliseconds(500))))
        case .kubernetes:
            variables.merge(try await FakeKubernetes.shared().variables) { $1 }
            placement = add(FakeKubernetes.kind)
        }
        let host = ProgramHost(reactor: reactor, folder: trial.folder.path, environment: variables)
        return try ProgramExecutors(host, targets: targets).executor(for: placement)
    }
}

/// An executor in the suite that all of them pass, with a command or with DuckDB as its program.
struct ExecutorUnderTest: Sendable, CustomTestStringConvertible {
    let place: Place
    let isDuckDB: Bool

    /// Those whose programs are here; ``Places`` says why the others are not.
    static let available: [ExecutorUnderTest] = Place.allCases.filter { $0.absence == nil }.flatMap { place in
        [false, true].filter { !$0 || Checkout.runsDuckDBTests }.map { ExecutorUnderTest(place: place, isDuckDB: $0) }
    }

    var testDescription: String { "\(place.rawValue)\(isDuckDB ? ", DuckDB" : "")" }

    func run(_ chore: Chore, _ trial: AttemptTrial) async throws -> Execution {
        let executor = try await place.executor(trial)
        func shell(_ line: String) async -> Execution { await trial.shell(line, executor: executor) }
        func duckDB(_ sql: String, program: String? = nil) async throws -> Execution {
            try await trial.duckDB([sql], program: program, executor: executor)
        }
        switch (isDuckDB, chore) {
        case (false, .succeed): return await shell("echo done")
        case (false, .fail): return await shell("echo wrong >&2; exit 3")
        case (false, .runForever): return await trial.run(["/bin/sleep", "1000"], executor: executor)
        case (false, .floodErrors): return await shell("seq 1 20000 >&2; exit 1")
        case (false, .missingProgram): return await trial.run(["/nowhere/program"], executor: executor)
        case (true, .succeed): return try await duckDB("SELECT 1 AS one")
        case (true, .fail): return try await duckDB("SELECT nothing_of_the_kind")
        case (true, .runForever):
            return try await duckDB(
                "SELECT count(*) FROM range(1000000000) a, range(1000000) b WHERE a.range % 7 = b.range % 5")
        case (true, .floodErrors): return try await duckDB("SELECT error(repeat('x', 2000000))")
        case (true, .missingProgram): return try await duckDB("SELECT 1", program: "/nowhere/program")
        }
    }
}

@Suite("Every executor", .tags(.duckDB), .timeLimit(.minutes(15)))
struct ExecutorConformanceTests {
    @Test("Work that goes well has no failure and a clean exit", arguments: ExecutorUnderTest.available)
    func success(executor: ExecutorUnderTest) async throws {
        let execution = try await executor.run(.succeed, AttemptTrial())
        #expect(execution.failure == nil)
        #expect(execution.exit == .exited(0))
        #expect((execution.usage != nil) == [.local, .sandbox, .container].contains(executor.place))
    }

    @Test(
        "Work that goes wrong fails with a message and leaves its words in the log",
        arguments: ExecutorUnderTest.available)
    func failure(executor: ExecutorUnderTest) async throws {
        let trial = try AttemptTrial()
        let execution = try await executor.run(.fail, trial)
        #expect(execution.failure != nil)
        #expect(execution.exit != nil && execution.exit != .exited(0))
        #expect(!trial.lines(.stderr).isEmpty)
        #expect(!execution.lastLines.isEmpty)
    }

    @Test("A program that is not there is named", arguments: ExecutorUnderTest.available)
    func missingProgram(executor: ExecutorUnderTest) async throws {
        let execution = try await executor.run(.missingProgram, AttemptTrial())
        let failure = try #require(execution.failure)
        #expect(failure.message.contains("/nowhere/program"))
        if executor.place == .local { #expect(failure.message.contains("/nowhere/program is not there")) }
        #expect(execution.exit == nil || execution.exit == .exited(127))
    }

    @Test(
        "A stop ends the work soon, with its true exit and without blaming its memory",
        arguments: ExecutorUnderTest.available)
    func stop(executor: ExecutorUnderTest) async throws {
        let trial = try AttemptTrial()
        async let execution = executor.run(.runForever, trial)
        await trial.hasStarted()
        trial.control.requestStop(.cancelled)
        let ended = try await execution
        let failure = try #require(ended.failure)
        #expect(ended.exit == .signaled(SIGTERM))
        #expect(failure.remedy == nil, "nobody has to do anything about work that was stopped: \(failure)")
        #expect(trial.spawned.allSatisfy { !ProcessWatch.isAlive($0.pid) })
    }

    @Test(
        "A stop that comes before the process exists ends it as soon as it does", arguments: ExecutorUnderTest.available
    )
    func stopBeforeStart(executor: ExecutorUnderTest) async throws {
        let trial = try AttemptTrial()
        trial.control.requestStop(.timedOut)
        let execution = try await executor.run(.runForever, trial)
        #expect(execution.failure != nil)
        #expect(trial.control.stopReason == .timedOut)
        #expect(trial.spawned.allSatisfy { !ProcessWatch.isAlive($0.pid) })
    }

    @Test("A second stop changes neither the reason nor the end", arguments: ExecutorUnderTest.available)
    func stopTwice(executor: ExecutorUnderTest) async throws {
        let trial = try AttemptTrial()
        async let execution = executor.run(.runForever, trial)
        await trial.hasStarted()
        trial.control.requestStop(.timedOut)
        trial.control.requestStop(.cancelled)
        let ended = try await execution
        #expect(ended.exit == .signaled(SIGTERM))
        #expect(trial.control.stopReason == .timedOut)
    }

    @Test("A flood of errors leaves a short message and few last lines", arguments: ExecutorUnderTest.available)
    func floodOfErrors(executor: ExecutorUnderTest) async throws {
        let execution = try await executor.run(.floodErrors, AttemptTrial())
        let failure = try #require(execution.failure)
        #expect(failure.message.utf8.count < 2000)
        #expect(execution.lastLines.count <= AttemptResult.lastLineLimit)
        #expect(!execution.lastLines.isEmpty, "\(execution)")
        #expect(execution.lastLines.allSatisfy { $0.utf8.count < 2000 })
    }

    @Test("Many attempts at once do not mix their outputs", arguments: ExecutorUnderTest.available)
    func manyAtOnce(executor: ExecutorUnderTest) async throws {
        let width = executor.place != .local ? 6 : executor.isDuckDB ? 8 : 200
        let reactor = ProcessReactor()
        try await withThrowingTaskGroup(of: String?.self) { group in
            for number in 0..<width {
                group.addTask {
                    let trial = try AttemptTrial()
                    let place = try await executor.place.executor(trial, reactor: reactor)
                    if executor.isDuckDB {
                        let execution = try await trial.duckDB(["SELECT \(number) AS it"], executor: place)
                        let isRight = execution.readings?.rows.first?.integer("it") == Int64(number)
                        return isRight ? nil : "\(execution)"
                    }
                    let execution = await trial.shell("echo out \(number); echo err \(number) >&2", executor: place)
                    let isRight =
                        execution.failure == nil && trial.lines() == ["out \(number)"]
                        && trial.lines(.stderr) == ["err \(number)"]
                    return isRight ? nil : "\(execution) \(trial.records.map(\.message))"
                }
            }
            for try await fault in group { #expect(fault == nil) }
        }
    }

    // MARK: - Commands

    static let commands = ExecutorUnderTest.available.filter { !$0.isDuckDB }
    /// Slurm's nodes have processes of their own: what is left elsewhere comes back to this process, which ends it itself.
    static let shell = commands.filter { $0.place == .slurm }

    @Test("A command has its variables, the project's folder and nothing to read", arguments: commands)
    func surroundings(executor: ExecutorUnderTest) async throws {
        let trial = try AttemptTrial()
        let place = try await executor.place.executor(trial)
        let odd = "a 'b' \"c\" $(d)\nsecond"
        let line = #"printf '%s' "$ODD" > odd; pwd; cat; echo "$CAUDAL_STAGE $CAUDAL_ATTEMPT""#
        let execution = await trial.shell(line, environment: ["ODD": odd], executor: place)
        #expect(execution.failure == nil)
        #expect(try trial.folder.text("odd") == odd)
        #expect(trial.lines() == [trial.folder.path, "stage 1"])
    }

    @Test("A command that is stopped may clean up, and its own exit status counts", arguments: commands)
    func graceful(executor: ExecutorUnderTest) async throws {
        let trial = try AttemptTrial()
        let place = try await executor.place.executor(trial)
        let line = "trap 'echo cleaned; exit 9' TERM; \(AttemptTrial.ready); while :; do sleep 0.05; done"
        async let execution = trial.shell(line, executor: place)
        await trial.isReady()
        trial.control.requestStop(.cancelled)
        let ended = await execution
        #expect(ended.exit == .exited(9), "\(ended) \(trial.records.map(\.message))")
        #expect(trial.lines() == ["cleaned"])
    }

    @Test("A command that does not end when asked to is killed after its grace", arguments: commands)
    func stubborn(executor: ExecutorUnderTest) async throws {
        let trial = try AttemptTrial(grace: .seconds(1))
        let place = try await executor.place.executor(trial)
        let line = "trap '' TERM; \(AttemptTrial.ready); while :; do sleep 0.05; done"
        async let execution = trial.shell(line, executor: place)
        await trial.isReady()
        trial.control.requestStop(.timedOut)
        let ended = await execution
        #expect(ended.failure != nil)
        #expect([.signaled(SIGKILL), .signaled(SIGTERM)].contains(ended.exit))
        #expect(trial.records.contains { $0.message.contains("cleaned") } == false)
    }

    @Test("A command that a signal ends is told by it", arguments: commands)
    func signaled(executor: ExecutorUnderTest) async throws {
        let trial = try AttemptTrial()
        let execution = await trial.shell("kill -9 $$", executor: try await executor.place.executor(trial))
        #expect(execution.exit == .signaled(SIGKILL))
        #expect(execution.failure?.message.hasPrefix("killed by signal 9 (KILL, often out of memory)") == true)
    }

    @Test("A command does not ignore SIGINT", arguments: commands)
    func heeded(executor: ExecutorUnderTest) async throws {
        let trial = try AttemptTrial()
        let place = try await executor.place.executor(trial)
        _ = await trial.shell("kill -INT $$; echo goes on", executor: place)
        #expect(trial.lines() == [])
    }

    @Test("What a command leaves running ends before it counts as ended, and is named", arguments: shell)
    func left(executor: ExecutorUnderTest) async throws {
        let trial = try AttemptTrial()
        let place = try await executor.place.executor(trial)
        let line =
            "(trap 'echo ended > mark' TERM; sleep 600 & : > ready; wait) & setsid sleep 601 & "
            + "while [ ! -e ready ]; do sleep 0.05; done"
        let execution = await trial.shell(line, executor: place)
        #expect(execution.exit == .exited(0))
        #expect(FileText.exists(trial.folder["mark"]))
        let told = trial.records.map(\.message).first { $0.hasPrefix("left behind and ended: ") } ?? ""
        #expect(
            told.contains("sh (") && told.components(separatedBy: "sleep (").count == 3,
            "\(trial.records.map(\.message))")
    }

    @Test("Who still writes the output in the background is waited for", arguments: shell)
    func written(executor: ExecutorUnderTest) async throws {
        let trial = try AttemptTrial()
        let place = try await executor.place.executor(trial)
        let execution = await trial.shell(
            "(sleep 1.5; echo late) > work/out.txt & while [ ! -e work/out.txt ]; do sleep 0.05; done", executor: place)
        #expect(execution.exit == .exited(0))
        let written = try FileText.read(trial.folder["work/out.txt"])
        #expect(written == "late\n", "\(trial.records.map(\.message))")
    }
}

/// Says in the list of tests which places could not be tried, and why.
@Suite("The places of executors")
struct ExecutorPlaceTests {
    private func isTried(_ place: Place) -> Bool { ExecutorUnderTest.available.contains { $0.place == place } }

    @Test("Sandboxes are tried", .enabled(if: Bubblewrap.absence == nil, "\(Bubblewrap.absence ?? "")"))
    func sandboxes() { #expect(isTried(.sandbox)) }

    @Test("Containers are tried", .enabled(if: ContainerBench.absence == nil, "\(ContainerBench.absence ?? "")"))
    func containers() { #expect(isTried(.container)) }

    @Test("Machines are tried by ssh", .enabled(if: SSHServer.absence == nil, "\(SSHServer.absence ?? "")"))
    func ssh() { #expect(isTried(.ssh)) }

    @Test("A cluster is tried", .enabled(if: SlurmCluster.absence == nil, "\(SlurmCluster.absence ?? "")"))
    func slurm() { #expect(isTried(.slurm)) }

    @Test(
        "A fake of a Kubernetes cluster is tried",
        .enabled(if: FakeKubernetes.absence == nil, "\(FakeKubernetes.absence ?? "")"))
    func kubernetes() { #expect(isTried(.kubernetes)) }
}
