import CaudalModel
import Engine
import Testing

/// What starts when: `needs`, `when`, `if`, `max_parallel`, pools, resources and reuse.
@Suite("The rules of a run: what starts when", .tags(.runs), .timeLimit(.minutes(15)))
struct RunMachineStartTests {
    @Test("Rule", arguments: needs + slots + leases + publishing)
    func rule(rule: RunRule) { rule.check() }

    // MARK: - needs, if, allow_failure

    private static let needs = [
        RunRule(
            "needs: what needs nothing starts at once, what needs a stage starts when that has succeeded",
            [.rule("a"), .rule("b", needs: ["a"])], given: [],
            .init(.begin, then: "run begins, a queued, a#1 starts → launch a#1"),
            .init(.succeeds("a"), then: "a#1 succeeded, a succeeded, b queued, b#1 starts → launch b#1"),
            .init(.succeeds("b"), then: "b#1 succeeded, b succeeded, run succeeded → finish succeeded")),
        RunRule(
            "needs: a stage waits for all that it needs",
            [.rule("a"), .rule("b"), .rule("c", needs: ["a", "b"])],
            .init(.succeeds("a"), then: "a#1 succeeded, a succeeded → –"),
            .init(.succeeds("b"), then: "b#1 succeeded, b succeeded, c queued, c#1 starts → launch c#1")),
        RunRule(
            "needs: a failure blocks everything that follows it, as soon as it is there, and nothing else",
            [.rule("a"), .rule("d"), .rule("b", needs: ["a", "d"]), .rule("c", needs: ["b"])],
            .init(
                .fails("a"), then: "a#1 failed, a failed (no), b blocked (a failed), c blocked (b blocked) → –"),
            .init(.succeeds("d"), then: "d#1 succeeded, d succeeded, run failed → finish failed")),
        RunRule(
            "if: a stage whose condition is false is skipped, and what needs its success with it",
            [.rule("a") { $0.skipReason = "x is false" }, .rule("b", needs: ["a"]), .rule("c", needs: ["b"])],
            given: [],
            .init(
                .begin,
                then: "run begins, a skipped (x is false), b skipped (a was skipped), c skipped (b was skipped), "
                    + "run succeeded → finish succeeded")),
        RunRule(
            "if: the condition is looked at when the stage's turn has come, and counts more than a failure upstream",
            [.rule("a"), .rule("b", needs: ["a"]) { $0.skipReason = "x is false" }],
            .init(.fails("a"), then: "a#1 failed, a failed (no), b skipped (x is false), run failed → finish failed")),
        RunRule(
            "allow_failure: blocks nothing, and leaves the run succeeded",
            [.rule("a") { $0.allowsFailure = true }, .rule("b", needs: ["a"])],
            .init(.fails("a"), then: "a#1 failed, a failed (no), b queued, b#1 starts → launch b#1"),
            .init(.succeeds("b"), then: "b#1 succeeded, b succeeded, run succeeded → finish succeeded")),
        RunRule(
            "allow_failure: what reads what was not made is skipped, and what only waits for it runs",
            [
                .rule("a") {
                    $0.allowsFailure = true
                    $0.outputs = ["d"]
                }, .rule("b", needs: ["a"]) { $0.reads = ["d"] }, .rule("c", needs: ["a"]) { $0.reads = ["e"] },
            ],
            .init(
                .fails("a"),
                then: "a#1 failed, a failed (no), b skipped ('d' was not made in this run: a failed (allowed)), "
                    + "c queued, c#1 starts → launch c#1")),
        RunRule(
            "when: all_done does not run on data that a failure left unmade",
            [
                .rule("a") { $0.outputs = ["d"] },
                .rule("b", needs: ["a"]) {
                    $0.when = .allDone
                    $0.reads = ["d"]
                },
            ],
            .init(
                .fails("a"),
                then: "a#1 failed, a failed (no), b skipped ('d' was not made in this run: a failed), "
                    + "run failed → finish failed")),
        RunRule(
            "when: what a skipped stage would have written may lie there from an earlier run, so its reader runs",
            [
                .rule("a") {
                    $0.outputs = ["d"]
                    $0.skipReason = "x is false"
                },
                .rule("b", needs: ["a"]) {
                    $0.when = .allDone
                    $0.reads = ["d"]
                },
            ], given: [],
            .init(.begin, then: "run begins, a skipped (x is false), b queued, b#1 starts → launch b#1")),
        RunRule(
            "reuse: a stage that is reused counts as a success, with why",
            [.rule("a"), .rule("b", needs: ["a"])],
            .init(
                .ends("a", 1, AttemptResult(ending: .reused, reuseReason: "as in r0")),
                then: "a#1 reused, a reused (as in r0), b queued, b#1 starts → launch b#1")),
        RunRule(
            "no items upstream: an attempt that had nothing to work on skips its stage, with why",
            [.rule("a"), .rule("b", needs: ["a"])],
            .init(
                .ends("a", 1, AttemptResult(ending: .skipped, reuseReason: "no items")),
                then: "a#1 skipped, a skipped (no items), b skipped (a was skipped), run succeeded → finish succeeded")),
        RunRule(
            "a message about an attempt that has ended, or of another number, changes nothing",
            [.rule("a"), .rule("b")], given: [.begin, .succeeds("a")],
            .init(.fails("a"), then: "– → –"),
            .init(.publishes("a"), then: "– → –"),
            .init(
                .attemptSpawned(UnitID("a"), attempt: 1, .process(ProcessIdentity(pid: 9, startTicks: 1, bootID: "b"))),
                then: "– → –"),
            .init(.progressed(UnitID("b"), attempt: 2, Progress(fraction: 0.5)), then: "– → –"),
            .init(.progressed(UnitID("b"), attempt: 1, Progress(fraction: 0.5)), then: "b#1 at 0.5 → –")),
    ]

    // MARK: - max_parallel and pools

    private static let slots = [
        RunRule(
            "max_parallel: no more run at once; the stage with the longest path to the end goes first",
            [
                .rule("short") { $0.expected = .seconds(1) }, .rule("long") { $0.expected = .seconds(9) },
                .rule("first") { $0.expected = .seconds(1) },
                .rule("follows", needs: ["first"]) { $0.expected = .seconds(4) },
            ], parallel: 1, given: [],
            .init(
                .begin, then: "run begins, short queued, long queued, first queued, long#1 starts → launch long#1"),
            .init(.succeeds("long"), then: "long#1 succeeded, long succeeded, first#1 starts → launch first#1"),
            .init(
                .succeeds("first"),
                then: "first#1 succeeded, first succeeded, follows queued, follows#1 starts → launch follows#1"),
            .init(
                .succeeds("follows"), then: "follows#1 succeeded, follows succeeded, short#1 starts → launch short#1")),
        RunRule(
            "max_parallel: among equals the order of the file decides",
            [.rule("z"), .rule("a"), .rule("m")], parallel: 2, given: [],
            .init(
                .begin,
                then: "run begins, z queued, a queued, m queued, z#1 starts, a#1 starts → launch z#1, launch a#1"),
            .init(.succeeds("z"), then: "z#1 succeeded, z succeeded, m#1 starts → launch m#1")),
        RunRule(
            "pool: stages of a run wait for its slots without asking, and others pass them",
            [.rule("a") { $0.pool = "db" }, .rule("b") { $0.pool = "db" }, .rule("c")], pools: ["db": 1], given: [],
            .init(.begin, then: "run begins, a queued, b queued, c queued, c#1 starts → ask lease a, launch c#1"),
            .init(.leaseIsGranted("a"), then: "a#1 starts → launch a#1"),
            .init(.succeeds("a"), then: "a#1 succeeded, a succeeded → give lease a, ask lease b")),
        RunRule(
            "pool: a unit that waits for its next try holds no slot",
            [
                .rule("a") {
                    $0.pool = "db"
                    $0.retry = RetryPolicy(limit: 1)
                }, .rule("b") { $0.pool = "db" },
            ], pools: ["db": 1], given: [.begin, .leaseIsGranted("a")],
            .init(.fails("a"), then: "a#1 failed, a waits 10s → give lease a, retry a in 10s, ask lease b")),
    ]

    // MARK: - Leases

    private static let leases = [
        RunRule(
            "pool and resources: a refused lease is asked for again a second later, and the reason told once",
            [.rule("a") { $0.resources = Resources(cpu: 1) }, .rule("b") { $0.pool = "db" }],
            .init(.leaseIsRefused("a", "cpu 2/2"), then: "a held: cpu 2/2 → leases in 1s"),
            .init(.leaseIsRefused("b", "db 1/1"), then: "b held: db 1/1 → –"),
            .init(.timerFired(.leases), then: "– → ask lease a, ask lease b"),
            .init(.leaseIsRefused("a", "cpu 2/2"), then: "– → leases in 1s"),
            .init(.leaseIsGranted("b"), then: "b#1 starts → launch b#1"),
            .init(.timerFired(.leases), then: "– → ask lease a"),
            .init(.leaseIsGranted("a"), then: "a#1 starts → launch a#1"),
            .init(.succeeds("a"), then: "a#1 succeeded, a succeeded → give lease a")),
        RunRule(
            "pool: a lease that comes when nobody waits for it any more is given back",
            [.rule("a") { $0.pool = "db" }, .rule("b")],
            .init(.cancel("a"), then: "ann asks, a cancelled (cancelled by ann) → – ⇒ a is cancelled"),
            .init(.leaseIsGranted("a"), then: "– → give lease a"),
            .init(.leaseIsGranted("b"), then: "– → give lease b"),
            .init(.leaseIsGranted("none"), then: "– → give lease none")),
        RunRule(
            "pause: a lease that comes while the run is paused is given back, and asked for when it goes on",
            [.rule("a") { $0.pool = "db" }], given: [.begin, .ann(.pause)],
            .init(.leaseIsGranted("a"), then: "– → give lease a"),
            .init(.ann(.unpause), then: "ann asks, unpaused → ask lease a ⇒ goes on")),
    ]

    // MARK: - Publishing

    private static let publishing = [
        RunRule(
            "publish: the moves are made only after they were recorded",
            [.rule("a")],
            .init(.publishes("a"), then: "a#1 publishes → publish a#1"),
            .init(.succeeds("a"), then: "a#1 succeeded, a succeeded, run succeeded → finish succeeded"))
    ]

    // MARK: - when

    /// How a stage ends that another waits for.
    enum Upstream: String, CaseIterable, Sendable {
        case succeeds, fails, failsAsAllowed, isBlocked, isSkipped, isCancelled, isReused, isMarkedSucceeded
    }

    /// `when`, how what is waited for ended, and what becomes of the stage: nil where it runs.
    static let triggers: [(TriggerRule, Upstream, UnitStatus?)] = [
        (.allSucceeded, .succeeds, nil),
        (.allSucceeded, .fails, .blocked),
        (.allSucceeded, .failsAsAllowed, nil),
        (.allSucceeded, .isBlocked, .blocked),
        (.allSucceeded, .isSkipped, .skipped),
        (.allSucceeded, .isCancelled, .blocked),
        (.allSucceeded, .isReused, nil),
        (.allSucceeded, .isMarkedSucceeded, nil),
        (.allDone, .succeeds, nil),
        (.allDone, .fails, nil),
        (.allDone, .failsAsAllowed, nil),
        (.allDone, .isBlocked, nil),
        (.allDone, .isSkipped, nil),
        (.allDone, .isCancelled, nil),
        (.allDone, .isReused, nil),
        (.allDone, .isMarkedSucceeded, nil),
        (.anyFailed, .succeeds, .skipped),
        (.anyFailed, .fails, nil),
        (.anyFailed, .failsAsAllowed, nil),
        (.anyFailed, .isBlocked, nil),
        (.anyFailed, .isSkipped, .skipped),
        (.anyFailed, .isCancelled, .skipped),
        (.anyFailed, .isReused, .skipped),
        (.anyFailed, .isMarkedSucceeded, .skipped),
    ]

    @Test("when: which endings upstream let a stage run, and what it becomes where they do not", arguments: triggers)
    func when(rule: TriggerRule, upstream: Upstream, outcome: UnitStatus?) {
        var stages = [
            PlannedStage.rule("a"), .rule("up", needs: ["a"]), .rule("down", needs: ["up"]) { $0.when = rule },
            // The run must not end with it.
            .rule("other"),
        ]
        stages[1].allowsFailure = upstream == .failsAsAllowed
        if upstream == .isSkipped { stages[1].skipReason = "x is false" }
        let inputs: [RunInput] =
            switch upstream {
            case .succeeds: [.succeeds("a"), .succeeds("up")]
            case .fails, .failsAsAllowed: [.succeeds("a"), .fails("up")]
            case .isBlocked: [.fails("a")]
            case .isSkipped: [.succeeds("a")]
            case .isCancelled: [.cancel("up"), .succeeds("a")]
            case .isReused: [.succeeds("a"), .ends("up", 1, AttemptResult(ending: .reused))]
            case .isMarkedSucceeded: [.mark("up", .succeeded), .succeeds("a")]
            }
        var machine = RunMachine(
            state: RunState(id: "r", plan: RunPlan(pipeline: "p", maxParallel: 4, stages: stages)), seed: 1)
        for (second, input) in ([.begin] + inputs).enumerated() {
            _ = machine.handle(input, at: Moment(wall: Int64(second), steady: Int64(second)))
        }
        #expect(machine.state.stage("down")?.unit.status == outcome ?? .running)
    }

    @Test("when: any_failed and all_done wait until everything upstream has ended", arguments: TriggerRule.allCases)
    func waits(rule: TriggerRule) {
        let stages = [PlannedStage.rule("a"), .rule("b"), .rule("down", needs: ["a", "b"]) { $0.when = rule }]
        var machine = RunMachine(
            state: RunState(id: "r", plan: RunPlan(pipeline: "p", maxParallel: 4, stages: stages)), seed: 1)
        let now = Moment(wall: 0, steady: 0)
        _ = machine.handle(.begin, at: now)
        _ = machine.handle(.fails("a"), at: now)
        #expect(machine.state.stage("down")?.unit.status == (rule == .allSucceeded ? .blocked : .pending))
        _ = machine.handle(.succeeds("b"), at: now)
        #expect(machine.state.stage("down")?.unit.status == (rule == .allSucceeded ? .blocked : .running))
    }

    // MARK: - How a run ends

    /// How each of some stages ends, and how the run does.
    static let endings: [([Upstream], Outcome)] = [
        ([.succeeds, .isReused, .isSkipped], .succeeded),
        ([.succeeds, .failsAsAllowed], .succeeded),
        ([.succeeds, .fails], .failed),
        ([.isCancelled, .succeeds], .cancelled),
        ([.isCancelled, .fails], .failed),
        ([.fails, .isCancelled], .failed),
        ([.isSkipped], .succeeded),
        ([.fails, .isMarkedSucceeded], .failed),
        ([.isMarkedSucceeded], .succeeded),
    ]

    @Test("A run ends as the worst of its stages, without what may fail", arguments: endings)
    func ending(stages: [Upstream], outcome: Outcome) {
        let plan = RunPlan(
            pipeline: "p", maxParallel: 9,
            stages: stages.enumerated().map { index, ending in
                .rule(StageID("s\(index)")) { stage in
                    stage.allowsFailure = ending == .failsAsAllowed
                    if ending == .isSkipped { stage.skipReason = "x is false" }
                }
            } + [.rule("last")])
        var machine = RunMachine(state: RunState(id: "r", plan: plan), seed: 1)
        let now = Moment(wall: 0, steady: 0)
        _ = machine.handle(.begin, at: now)
        for (index, ending) in stages.enumerated() {
            let unit = RuleUnit(stringLiteral: "s\(index)")
            let inputs: [RunInput] =
                switch ending {
                case .succeeds: [.succeeds(unit)]
                case .fails, .failsAsAllowed: [.fails(unit)]
                case .isReused: [.ends(unit, 1, AttemptResult(ending: .reused))]
                case .isCancelled: [.cancel(unit), .stopped(unit)]
                case .isMarkedSucceeded: [.fails(unit), .mark(unit, .succeeded)]
                case .isSkipped, .isBlocked: []
                }
            for input in inputs { _ = machine.handle(input, at: now) }
        }
        #expect(machine.handle(.succeeds("last"), at: now).actions == [.finish(outcome)])
    }

    @Test("What is taken in late is dated when it happened, what it brings about now, and no date goes back")
    func dates() {
        func moment(_ seconds: Int64) -> Moment { Moment(wall: seconds * 1000, steady: seconds * 1000) }
        let plan = RunPlan(pipeline: "p", maxParallel: 4, stages: [.rule("a"), .rule("b", needs: ["a"])])
        var machine = RunMachine(state: RunState(id: "r", plan: plan), seed: 1)
        _ = machine.handle(.begin, at: moment(1))
        let late: [(input: RunInput, time: Moment)] = [
            (.ann(.pause), moment(0)), (.ann(.unpause), moment(2)), (.succeeds("a"), moment(3)),
        ]
        let step = machine.handle(late, at: moment(9))
        let dated = step.events.map { "\($0.time.steady / 1000) " + EventRow($0.change).kind }
        #expect(
            dated == [
                "1 command_received", "1 paused", "2 command_received", "2 unpaused", "3 attempt_ended", "3 ended",
                "3 queued", "9 attempt_started",
            ])
    }
}
