import Engine
import Testing

/// One example of each rule of a run: what comes in, what is recorded, what is done.
@Suite("The rules of a run, by example", .timeLimit(.minutes(15)), .tags(.runs))
struct RunMachineRulesTests {
    private static let process = ProcessIdentity(pid: 1, startTicks: 1, bootID: "boot")
    private static let failed = AttemptResult(ending: .failed, failure: Failure("no"), exit: .exited(1))

    /// A machine and its clock.
    private struct Run {
        var machine: RunMachine
        var now = Moment(wall: 0, steady: 0)

        init(_ stages: [PlannedStage], parallel: Int = 4, pools: [PoolName: Int] = [:]) {
            let plan = RunPlan(pipeline: "p", maxParallel: parallel, pools: pools, stages: stages)
            machine = RunMachine(state: RunState(id: "r", plan: plan), seed: 1)
        }

        init(_ state: RunState) { machine = RunMachine(state: state, seed: 1) }

        @discardableResult
        mutating func take(_ input: RunInput) -> RunStep {
            now.wall += 1000
            now.steady += 1000
            return machine.handle(input, at: now)
        }

        @discardableResult
        mutating func start() -> RunStep { take(.start(RunMachineRulesTests.process)) }

        @discardableResult
        mutating func end(_ unit: UnitID, _ attempt: Int = 1, _ result: AttemptResult = .succeeded) -> RunStep {
            take(.attemptEnded(unit, attempt: attempt, result))
        }

        @discardableResult
        mutating func ask(_ command: RunCommand) -> RunStep { take(.command(command, by: "ann", token: 7)) }

        func status(_ stage: StageID) -> UnitStatus? { machine.state.stage(stage)?.unit.status }
    }

    private static func stage(
        _ id: StageID, needs: [StageID] = [], _ change: (inout PlannedStage) -> Void = { _ in }
    ) -> PlannedStage {
        var stage = PlannedStage(id: id, upstream: needs)
        change(&stage)
        return stage
    }

    private func launched(_ step: RunStep) -> [UnitID] {
        step.actions.compactMap { if case .launch(let id, _, _) = $0 { id } else { nil } }
    }

    private func refusal(_ step: RunStep) -> String? {
        if case .refused(let text)? = step.answers.first?.answer { text } else { nil }
    }

    @Test("What needs nothing starts at once, what needs something after that has succeeded")
    func order() {
        var run = Run([Self.stage("a"), Self.stage("b", needs: ["a"])])
        #expect(launched(run.start()) == [UnitID("a")])
        #expect(launched(run.end(UnitID("a"))) == [UnitID("b")])
        #expect(run.end(UnitID("b")).actions.contains(.finish(.succeeded)))
    }

    @Test("No more run at once than the run allows; the one with the longest way to go is first")
    func slots() {
        var run = Run(
            [
                Self.stage("short") { $0.expected = .seconds(1) }, Self.stage("long") { $0.expected = .seconds(9) },
                Self.stage("middle") { $0.expected = .seconds(5) },
            ], parallel: 1)
        #expect(launched(run.start()) == [UnitID("long")])
        #expect(launched(run.end(UnitID("long"))) == [UnitID("middle")])
    }

    @Test("retry: {limit: 2} means two tries more, each after its delay")
    func retries() {
        var run = Run([Self.stage("a") { $0.retry = RetryPolicy(limit: 2) }])
        run.start()
        for attempt in 1...2 {
            let step = run.end(UnitID("a"), attempt, Self.failed)
            #expect(step.actions.contains { if case .startTimer(.retry, _) = $0 { true } else { false } })
            #expect(run.status("a") == .retrying)
            #expect(launched(run.take(.timerFired(.retry(UnitID("a"))))) == [UnitID("a")])
        }
        #expect(run.end(UnitID("a"), 3, Self.failed).actions.contains(.finish(.failed)))
    }

    @Test("A failure blocks what follows it, and nothing else")
    func blocks() {
        var run = Run([Self.stage("a"), Self.stage("b", needs: ["a"]), Self.stage("c", needs: ["b"]), Self.stage("d")])
        run.start()
        let step = run.end(UnitID("a"), 1, Self.failed)
        #expect(run.status("b") == .blocked && run.status("c") == .blocked && run.status("d") == .running)
        #expect(!step.actions.contains { if case .finish = $0 { true } else { false } })
        #expect(run.end(UnitID("d")).actions.contains(.finish(.failed)))
    }

    @Test("A failure that is allowed blocks what follows and leaves the run succeeded")
    func allowed() {
        var run = Run([Self.stage("a") { $0.allowsFailure = true }, Self.stage("b")])
        run.start()
        run.end(UnitID("a"), 1, Self.failed)
        #expect(run.end(UnitID("b")).actions.contains(.finish(.succeeded)))
    }

    @Test("all_done runs after any end, any_failed only after a failure")
    func triggers() {
        for isGood in [true, false] {
            var run = Run([
                Self.stage("a"), Self.stage("always", needs: ["a"]) { $0.when = .allDone },
                Self.stage("alarm", needs: ["a"]) { $0.when = .anyFailed },
            ])
            run.start()
            let step = run.end(UnitID("a"), 1, isGood ? .succeeded : Self.failed)
            #expect(launched(step).map(\.stage).contains("always"))
            #expect(launched(step).map(\.stage).contains("alarm") == !isGood)
            if isGood { #expect(run.status("alarm") == .skipped) }
        }
    }

    @Test("A stage whose condition is false is skipped")
    func skipped() {
        var run = Run([Self.stage("a") { $0.skipReason = "x is false" }, Self.stage("b")])
        #expect(launched(run.start()) == [UnitID("b")])
        #expect(run.status("a") == .skipped)
    }

    @Test("A stage that takes from outside the run waits for its lease, and asks again after a refusal")
    func leases() {
        var run = Run([Self.stage("a") { $0.pool = "db" }], pools: ["db": 1])
        #expect(run.start().actions.contains(.requestLease(UnitID("a"))))
        let refused = run.take(.leaseRefused(UnitID("a"), reason: "pool db is full"))
        #expect(launched(refused).isEmpty)
        #expect(refused.actions.contains { if case .startTimer(.leases, _) = $0 { true } else { false } })
        #expect(run.take(.timerFired(.leases)).actions.contains(.requestLease(UnitID("a"))))
        #expect(launched(run.take(.leaseGranted(UnitID("a")))) == [UnitID("a")])
        #expect(run.end(UnitID("a")).actions.contains(.releaseLease(UnitID("a"))))
    }

    @Test("An attempt that takes too long is stopped")
    func timeout() {
        var run = Run([Self.stage("a") { $0.timeout = .seconds(5) }])
        #expect(run.start().actions.contains(.startTimer(.timeout(UnitID("a"), attempt: 1), after: .seconds(5))))
        let step = run.take(.timerFired(.timeout(UnitID("a"), attempt: 1)))
        #expect(step.actions.contains(.stop(UnitID("a"), attempt: 1, .timedOut)))
    }

    @Test("What is being published when its time is over was made in time")
    func timeoutWhilePublishing() {
        var run = Run([Self.stage("a") { $0.timeout = .seconds(5) }])
        run.start()
        run.take(.publishing(UnitID("a"), attempt: 1, PublishPlan(moves: []), .succeeded))
        let step = run.take(.timerFired(.timeout(UnitID("a"), attempt: 1)))
        #expect(step.events.isEmpty && step.actions.isEmpty)
    }

    @Test("What is taken in late is dated when it happened, what it brings about now, and no date goes back")
    func dates() {
        func moment(_ seconds: Int64) -> Moment { Moment(wall: seconds * 1000, steady: seconds * 1000) }
        var run = Run([Self.stage("a"), Self.stage("b", needs: ["a"])])
        run.start()
        let late: [(input: RunInput, time: Moment)] = [
            (.command(.pause, by: "ann", token: 1), moment(0)),
            (.command(.unpause, by: "ann", token: 2), moment(2)),
            (.attemptEnded(UnitID("a"), attempt: 1, .succeeded), moment(3)),
        ]
        let step = run.machine.handle(late, at: moment(9))
        #expect(step.events.map(\.time.steady) == step.events.map(\.time.steady).sorted())
        #expect(step.events.first?.time == moment(1))
        for event in step.events {
            if case .attemptEnded = event.change { #expect(event.time == moment(3)) }
            if case .attemptStarted = event.change { #expect(event.time == moment(9)) }
        }
        #expect(launched(step) == [UnitID("b")])
    }

    /// A fan-out whose items x and y were found.
    private func fannedOut(_ onFailure: FanOut.OnFailure = .proceed, parallel: Int? = nil) -> (Run, RunStep) {
        var run = Run([Self.stage("f") { $0.fanOut = .init(maxParallel: parallel, onFailure: onFailure) }])
        #expect(run.start().actions.contains(.launch(UnitID("f"), attempt: 1, .findItems)))
        var found = AttemptResult.succeeded
        found.items = ["x", "y"].map { Item(key: ItemKey($0), values: ["k": $0]) }
        let step = run.end(UnitID("f"), 1, found)
        return (run, step)
    }

    @Test("A fan-out finds its items first, then runs each; a failed one does not stop the others")
    func items() {
        var (run, step) = fannedOut()
        #expect(launched(step) == [UnitID("f", "x"), UnitID("f", "y")])
        #expect(run.end(UnitID("f", "x"), 1, Self.failed).actions.isEmpty)
        #expect(run.end(UnitID("f", "y")).actions.contains(.finish(.failed)))
        #expect(launched(run.ask(.retryItems("f", ["x"]))) == [UnitID("f", "x")])
        #expect(run.end(UnitID("f", "x"), 2).actions.contains(.finish(.succeeded)))
    }

    @Test("With on_failure: stop the items that have not started when one fails are cancelled")
    func itemsStop() {
        var (run, _) = fannedOut(.stop, parallel: 1)
        #expect(run.end(UnitID("f", "x"), 1, Self.failed).actions.contains(.finish(.failed)))
        #expect(run.machine.state.unit(UnitID("f", "y"))?.status == .cancelled)
    }

    @Test("A fan-out without items has succeeded")
    func noItems() {
        var run = Run([Self.stage("f") { $0.fanOut = .init(maxParallel: nil, onFailure: .proceed) }])
        run.start()
        var found = AttemptResult.succeeded
        found.items = []
        #expect(run.end(UnitID("f"), 1, found).actions.contains(.finish(.succeeded)))
    }

    @Test("A retry by hand makes what it had blocked wait again, and keeps what succeeded")
    func retryByHand() {
        var run = Run([Self.stage("ok"), Self.stage("a"), Self.stage("b", needs: ["a"])])
        run.start()
        run.end(UnitID("ok"))
        run.end(UnitID("a"), 1, Self.failed)
        #expect(launched(run.ask(.retryFailed)) == [UnitID("a")])
        #expect(run.status("b") == .pending && run.status("ok") == .succeeded)
        #expect(launched(run.end(UnitID("a"), 2)) == [UnitID("b")])
    }

    @Test("A stage that succeeded is retried only by name; what does not exist is refused")
    func refusals() {
        var run = Run([Self.stage("a"), Self.stage("b")])
        run.start()
        run.end(UnitID("a"))
        #expect(refusal(run.ask(.retry("none", downstream: false))) != nil)
        #expect(refusal(run.ask(.retryFailed)) != nil)
        #expect(refusal(run.ask(.cancel(UnitID("a")))) != nil)
        #expect(refusal(run.ask(.retry("a", downstream: false))) == nil)
    }

    @Test("While a run is paused nothing new starts; what runs goes on")
    func paused() {
        var run = Run([Self.stage("a"), Self.stage("b", needs: ["a"])])
        run.start()
        run.ask(.pause)
        #expect(launched(run.end(UnitID("a"))).isEmpty)
        #expect(launched(run.ask(.unpause)) == [UnitID("b")])
    }

    @Test("Cancelling a run stops what runs, starts nothing more, and ends it as cancelled")
    func cancelled() {
        var run = Run([Self.stage("a"), Self.stage("b", needs: ["a"])])
        run.start()
        #expect(run.ask(.cancelRun).actions.contains(.stop(UnitID("a"), attempt: 1, .cancelled)))
        #expect(run.end(UnitID("a"), 1, AttemptResult(ending: .stopped)).actions.contains(.finish(.cancelled)))
        #expect(run.status("a") == .cancelled && run.status("b") == .cancelled)
    }

    @Test("What is marked as succeeded lets what waits for it run, with who did it and why")
    func marked() {
        var run = Run([Self.stage("a"), Self.stage("b", needs: ["a"]), Self.stage("c")])
        run.start()
        run.end(UnitID("a"), 1, Self.failed)
        let step = run.ask(.mark(UnitID("a"), .succeeded, reason: "by hand"))
        #expect(launched(step) == [UnitID("b")])
        #expect(
            step.events.contains {
                if case .unitMarked(UnitID("a"), .succeeded, "by hand (ann)") = $0.change { true } else { false }
            })
    }

    @Test("The moves of a publication are made only after they were recorded")
    func publishing() {
        var run = Run([Self.stage("a")])
        run.start()
        let step = run.take(.publishing(UnitID("a"), attempt: 1, PublishPlan(moves: []), .succeeded))
        #expect(step.events.contains { if case .publishing = $0.change { true } else { false } })
        #expect(step.actions == [.publish(UnitID("a"), attempt: 1)])
    }

    @Test("After a crash what ran gets a new attempt, what was published counts, what succeeded stays")
    func resumed() {
        var dead = Run([Self.stage("ok"), Self.stage("open"), Self.stage("moved")])
        dead.start()
        dead.end(UnitID("ok"))
        var run = Run(dead.machine.state)
        let step = run.take(.resume(Self.process, settled: [UnitID("moved"): .succeeded]))
        #expect(step.actions.contains(.launch(UnitID("open"), attempt: 2, .work)))
        #expect(launched(step) == [UnitID("open")])
        #expect(run.status("ok") == .succeeded && run.status("moved") == .succeeded)
    }

    @Test("A message about an attempt that has ended changes nothing")
    func late() {
        var run = Run([Self.stage("a"), Self.stage("b")])
        run.start()
        run.end(UnitID("a"))
        #expect(run.end(UnitID("a"), 1, Self.failed).events.isEmpty)
        #expect(run.status("a") == .succeeded)
    }
}
