import CaudalModel
import Engine
import Foundation
import Testing
import TestSupport

/// Work that another program looks after, and that goes on when Caudal dies.
@Suite("Work that outlives its engine", .tags(.runs), .timeLimit(.minutes(15)))
struct RecoveredWorkTests {
    private static let process = ProcessIdentity(pid: 1, startTicks: 1, bootID: "boot")
    private static let job = WorkIdentity.job(kind: "batch", id: "17")

    private func moment(_ seconds: Int64) -> Moment { Moment(wall: seconds * 1000, steady: seconds * 1000) }

    /// A run whose engine died 10 s after its only attempt began, given what the attempt had told.
    private func died(timeout: Duration? = nil, _ inputs: [RunInput]) -> RunState {
        var stage = PlannedStage(id: "a")
        stage.timeout = timeout
        let plan = RunPlan(pipeline: "p", maxParallel: 1, stages: [stage, PlannedStage(id: "b", upstream: ["a"])])
        var machine = RunMachine(state: RunState(id: "r", plan: plan), seed: 1)
        var events = machine.handle(.start(Self.process), at: moment(0)).events
        events += machine.handle(inputs, at: moment(1)).events
        return RunState(id: "r", plan: plan, events: events)
    }

    private let spawned = RunInput.attemptSpawned(UnitID("a"), attempt: 1, RecoveredWorkTests.job)

    @Test("An attempt whose job goes on is taken up again, with what is left of its time")
    func attached() {
        var machine = RunMachine(state: died(timeout: .seconds(60), [spawned]), seed: 1)
        let step = machine.handle(
            .resume(Self.process, settled: [:], attachable: [UnitID("a")]), at: moment(10))
        #expect(
            step.actions == [
                .launch(UnitID("a"), attempt: 1, .attach(Self.job)),
                .startTimer(.timeout(UnitID("a"), attempt: 1), after: .seconds(50)),
            ])
        #expect(machine.state.openAttempts == 1)
        let end = machine.handle(.attemptEnded(UnitID("a"), attempt: 1, .succeeded), at: moment(20))
        #expect(end.actions.contains(.launch(UnitID("b"), attempt: 1, .work)))
        #expect(machine.state.stage("a")?.unit.attempts.count == 1)
    }

    @Test("A job that was asked to stop before its engine died is asked again")
    func stopped() {
        let state = died([spawned, .command(.cancelRun, by: "evening", token: 1)])
        var machine = RunMachine(state: state, seed: 1)
        let step = machine.handle(
            .resume(Self.process, settled: [:], attachable: [UnitID("a")]), at: moment(10))
        #expect(step.actions.contains(.stop(UnitID("a"), attempt: 1, .cancelled)))
    }

    @Test(
        "Without a job that goes on the attempt counts as interrupted, and another one begins",
        arguments: [[], [UnitID("a")]] as [Set<UnitID>])
    func interrupted(attachable: Set<UnitID>) {
        // The second case says that the work of an attempt goes on which never told what does it.
        let state = died(attachable.isEmpty ? [spawned] : [])
        var machine = RunMachine(state: state, seed: 1)
        let step = machine.handle(.resume(Self.process, settled: [:], attachable: attachable), at: moment(10))
        #expect(step.actions.contains(.launch(UnitID("a"), attempt: 2, .work)))
        #expect(machine.state.stage("a")?.unit.attempts.first?.result?.ending == .interrupted)
    }

    @Test("What was about to be published is settled, whether its job goes on or not")
    func settled() {
        var machine = RunMachine(state: died([spawned]), seed: 1)
        let step = machine.handle(
            .resume(Self.process, settled: [UnitID("a"): .succeeded], attachable: [UnitID("a")]), at: moment(10))
        #expect(step.actions.contains(.launch(UnitID("b"), attempt: 1, .work)))
        #expect(!step.actions.contains(.launch(UnitID("a"), attempt: 1, .attach(Self.job))))
    }

    // MARK: - Where it runs

    @Test(
        "A job is told with the machine that runs it, and a stored one without it is read", arguments: [nil, "node1"])
    func told(machine: String?) throws {
        let job = WorkIdentity.job(kind: "cluster", id: "17", at: machine)
        #expect(job.description == "cluster job 17" + (machine.map { " on \($0)" } ?? ""))
        let stored = try JSONEncoder().encode(job)
        #expect(try JSONDecoder().decode(WorkIdentity.self, from: stored) == job)
        #expect(WorkIdentity.job(kind: "podman", id: "caudal-a").description == "podman container caudal-a")
    }

    @Test("A target that the file does not have is named where a stage is to run on it")
    func goneTarget() throws {
        let host = ProgramHost(reactor: ProcessReactor(), folder: "/", environment: [:])
        #expect {
            _ = try ProgramExecutors(host).executor(for: .target("batch"))
        } throws: { "\($0)".contains("there is no target 'batch'") }
    }

    @Test("A job is not taken for ended only because nothing tells any more where it was begun")
    func unnoted() async throws {
        let trial = try AttemptTrial()
        let executors = ProgramExecutors(
            ProgramHost(reactor: ProcessReactor(), folder: trial.folder.path, environment: [:]))
        guard case .unknown(let reason) = await executors.recover(Self.job, workFolder: trial.workFolder) else {
            return #expect(Bool(false), "it was taken for ended")
        }
        #expect(reason.contains("does not tell where it was begun"))
        #expect(await executors.recover(Self.job, workFolder: trial.folder["gone"]) == .ended)
        let container = WorkIdentity.job(kind: "podman", id: "c")
        #expect(await executors.recover(container, workFolder: trial.workFolder) == .ended)
    }
}
