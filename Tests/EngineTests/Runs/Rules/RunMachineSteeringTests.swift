import CaudalModel
import Engine
import Testing

/// What operators ask of a run: `cancel`, `pause`, `limit`, `mark` and `retry`.
@Suite("The rules of a run: cancel, pause, limit, mark, retry", .tags(.runs), .timeLimit(.minutes(15)))
struct RunMachineSteeringTests {
    @Test("Rule", arguments: cancels + pauses + limits + marks + retries)
    func rule(rule: RunRule) { rule.check() }

    private static let retryOnce = RetryPolicy(limit: 1)
    private static let found: [RunInput] = [.begin, .finds("f", 1, "x", "y")]

    // MARK: - cancel

    private static let cancels = [
        RunRule(
            "cancel RUN: stops what runs, starts nothing more, and the run ends as cancelled",
            [.rule("a"), .rule("b", needs: ["a"])],
            .init(
                .ann(.cancelRun),
                then: "ann asks, a#1 to stop: cancelled, b cancelled (cancelled by ann) → stop a#1: cancelled "
                    + "⇒ the run is being stopped, 1 stage is running"),
            .init(
                .stopped("a"), then: "a#1 stopped, a cancelled (cancelled by ann), run cancelled → finish cancelled")),
        RunRule(
            "cancel RUN: counts as cancelled, also when something had failed before",
            [.rule("a"), .rule("b")], given: [.begin, .fails("a"), .ann(.cancelRun)],
            .init(
                .stopped("b"), then: "b#1 stopped, b cancelled (cancelled by ann), run cancelled → finish cancelled")),
        RunRule(
            "cancel RUN: counts as cancelled, also when an item of a fan-out that may fail had failed before",
            [.fanOut("f") { $0.allowsFailure = true }],
            given: [.begin, .finds("f", 1, "x", "y"), .fails("f/x"), .ann(.cancelRun)],
            .init(
                .stopped("f/y"),
                then:
                    "f/y#1 stopped, f/y cancelled (cancelled by ann), f cancelled (1 of 2 items failed: x; 1 cancelled), "
                    + "run cancelled → finish cancelled")),
        RunRule(
            "cancel RUN: a stage that was done when it was asked to stop has succeeded, and so has the run",
            [.rule("a")], given: [.begin, .ann(.cancelRun)],
            .init(.succeeds("a"), then: "a#1 succeeded, a succeeded, run succeeded → finish succeeded")),
        RunRule(
            "cancel RUN: with nothing running it ends at once",
            [.rule("a") { $0.retry = retryOnce }, .rule("b", needs: ["a"])], given: [.begin, .fails("a")],
            .init(
                .ann(.cancelRun),
                then: "ann asks, a cancelled (cancelled by ann), b cancelled (cancelled by ann), run cancelled "
                    + "→ no retry a, finish cancelled ⇒ the run is cancelled")),
        RunRule(
            "cancel RUN: what is downstream of a failure that was cancelled stays as it was decided",
            [.rule("a"), .rule("b", needs: ["a"]), .rule("c")], given: [.begin, .fails("a")],
            .init(
                .ann(.cancelRun),
                then: "ann asks, c#1 to stop: cancelled → stop c#1: cancelled "
                    + "⇒ the run is being stopped, 1 stage is running")),
        RunRule(
            "cancel STAGE: one that runs is stopped, once, and blocks what follows it",
            [.rule("a"), .rule("b", needs: ["a"]), .rule("c")],
            .init(.cancel("a"), then: "ann asks, a#1 to stop: cancelled → stop a#1: cancelled ⇒ a is being stopped"),
            .init(.cancel("a"), then: "ann asks → – ⇒ a is being stopped"),
            .init(.stopped("a"), then: "a#1 stopped, a cancelled (cancelled by ann), b blocked (a cancelled) → –"),
            .init(.succeeds("c"), then: "c#1 succeeded, c succeeded, run cancelled → finish cancelled")),
        RunRule(
            "cancel STAGE: one that has not started does not start",
            [.rule("a"), .rule("b")], parallel: 1,
            .init(.cancel("b"), then: "ann asks, b cancelled (cancelled by ann) → – ⇒ b is cancelled"),
            .init(.succeeds("a"), then: "a#1 succeeded, a succeeded, run cancelled → finish cancelled")),
        RunRule(
            "cancel STAGE: one that waits for its next try is not tried again",
            [.rule("a") { $0.retry = retryOnce }, .rule("b")], given: [.begin, .fails("a")],
            .init(.cancel("a"), then: "ann asks, a cancelled (cancelled by ann) → no retry a ⇒ a is cancelled")),
        RunRule(
            "cancel STAGE: of a fan-out stops every item that has not ended",
            [.fanOut("f", parallel: 1)], given: [.begin, .finds("f", 1, "w", "x", "y"), .succeeds("f/w")],
            .init(
                .cancel("f"),
                then: "ann asks, f/x#1 to stop: cancelled, f/y cancelled (cancelled by ann) → stop f/x#1: cancelled "
                    + "⇒ f is being stopped"),
            .init(
                .stopped("f/x"),
                then: "f/x#1 stopped, f/x cancelled (cancelled by ann), f cancelled (2 of 3 items cancelled), "
                    + "run cancelled → finish cancelled")),
        RunRule(
            "cancel STAGE/ITEM: one item is stopped, the others go on",
            [.fanOut("f")], given: found,
            .init(
                .cancel("f/x"),
                then: "ann asks, f/x#1 to stop: cancelled → stop f/x#1: cancelled ⇒ f/x is being stopped"),
            .init(.stopped("f/x"), then: "f/x#1 stopped, f/x cancelled (cancelled by ann) → –")),
    ]

    // MARK: - pause

    private static let pauses = [
        RunRule(
            "pause: nothing new starts, what runs goes on; unpause starts what became ready",
            [.rule("a"), .rule("b", needs: ["a"])],
            .init(.ann(.pause), then: "ann asks, paused → – ⇒ paused: nothing new starts"),
            .init(.succeeds("a"), then: "a#1 succeeded, a succeeded, b queued → –"),
            .init(.ann(.unpause), then: "ann asks, unpaused, b#1 starts → launch b#1 ⇒ goes on")),
        RunRule(
            "pause: a next try that is due waits too",
            [.rule("a") { $0.retry = retryOnce }], given: [.begin, .fails("a"), .ann(.pause)],
            .init(.retryIsDue("a"), then: "a queued → –"),
            .init(.ann(.unpause), then: "ann asks, unpaused, a#2 starts → launch a#2 ⇒ goes on")),
        RunRule(
            "pause: what ends the run ends it while it is paused",
            [.rule("a")], given: [.begin, .ann(.pause)],
            .init(.succeeds("a"), then: "a#1 succeeded, a succeeded, run succeeded → finish succeeded")),
    ]

    // MARK: - limit

    private static let three: [PlannedStage] = [.rule("a"), .rule("b"), .rule("c")]
    private static let inPool: [PlannedStage] = ["a", "b", "c"].map { .rule($0) { $0.pool = "db" } }

    private static let limits = [
        RunRule(
            "limit max_parallel: more starts at once",
            three, parallel: 1,
            .init(
                .ann(.setLimit(.maxParallel, 2)),
                then: "ann asks, max_parallel is 2, b#1 starts → launch b#1 ⇒ max_parallel is 2 now (1 in the file)")),
        RunRule(
            "limit max_parallel: with less, what runs goes on, and nothing starts until fewer run",
            three, parallel: 2,
            .init(
                .ann(.setLimit(.maxParallel, 1)),
                then: "ann asks, max_parallel is 1 → – ⇒ max_parallel is 1 now (2 in the file); 2 are running, and "
                    + "nothing new starts until fewer than 1 are"),
            .init(.succeeds("a"), then: "a#1 succeeded, a succeeded → –"),
            .init(.succeeds("b"), then: "b#1 succeeded, b succeeded, c#1 starts → launch c#1")),
        RunRule(
            "limit POOL: more slots ask for more leases",
            inPool, pools: ["db": 1], given: [.begin, .leaseIsGranted("a")],
            .init(
                .ann(.setLimit(.pool("db"), 3)),
                then: "ann asks, db is 3 → ask lease b, ask lease c ⇒ db is 3 now (1 in the file)")),
        RunRule(
            "limit: a lease that is granted when there is no room any more is given back",
            inPool, parallel: 2, pools: ["db": 2],
            given: [.begin, .ann(.setLimit(.maxParallel, 1)), .leaseIsGranted("a")],
            .init(.leaseIsGranted("b"), then: "– → give lease b"),
            .init(.succeeds("a"), then: "a#1 succeeded, a succeeded → give lease a, ask lease b")),
        RunRule(
            "limit: whoever takes the run up keeps it",
            three, parallel: 1, given: [.begin, .ann(.setLimit(.maxParallel, 2))],
            .init(
                .takeUp(),
                then: "run goes on in 2, a#1 interrupted, a queued, b#1 interrupted, b queued, a#2 starts, b#2 starts "
                    + "→ launch a#2, launch b#2")),
        RunRule(
            "limit: what cannot be is refused with the reason",
            inPool, parallel: 2, given: [.begin],
            .init(.ann(.setLimit(.maxParallel, 2)), then: "– → – ⇒ refused: max_parallel is 2 already"),
            .init(.ann(.setLimit(.maxParallel, 0)), then: "– → – ⇒ refused: max_parallel must be from 1 to 4096"),
            .init(
                .ann(.setLimit(.pool("bd"), 2)), then: "– → – ⇒ refused: the run has no pool 'bd'; did you mean 'db'?")),
    ]

    // MARK: - mark

    private static let marks = [
        RunRule(
            "mark succeeded: what waits for it runs, with who did it and why",
            [.rule("a"), .rule("b", needs: ["a"]), .rule("c")], given: [.begin, .fails("a")],
            .init(
                .mark("a", .succeeded),
                then: "ann asks, a marked succeeded: known (ann), b reset, b queued, b#1 starts → launch b#1 "
                    + "⇒ a counts as succeeded")),
        RunRule(
            "mark skipped: what needs its success is skipped",
            [.rule("a"), .rule("b", needs: ["a"]), .rule("c")], given: [.begin, .fails("a")],
            .init(
                .mark("a", .skipped),
                then: "ann asks, a marked skipped: known (ann), b reset, b skipped (a was skipped) → – "
                    + "⇒ a counts as skipped")),
        RunRule(
            "mark: of a stage that waits for its next try forgets that",
            [.rule("a") { $0.retry = retryOnce }], given: [.begin, .fails("a")],
            .init(
                .mark("a", .succeeded),
                then: "ann asks, a marked succeeded: known (ann), run succeeded → no retry a, finish succeeded "
                    + "⇒ a counts as succeeded")),
        RunRule(
            "mark: of a stage whose turn has not come lets what follows it run",
            [.rule("a"), .rule("b", needs: ["a"]), .rule("c", needs: ["b"])],
            .init(
                .mark("b", .succeeded),
                then: "ann asks, b marked succeeded: known (ann), c queued, c#1 starts → launch c#1 "
                    + "⇒ b counts as succeeded")),
        RunRule(
            "mark: opens a run that has ended",
            [.rule("a"), .rule("b", needs: ["a"])], given: [.begin, .fails("a")],
            .init(
                .mark("a", .succeeded),
                then: "ann asks, run goes on in 1, a marked succeeded: known (ann), b reset, b queued, b#1 starts "
                    + "→ launch b#1 ⇒ a counts as succeeded")),
        RunRule(
            "mark: what is marked downstream keeps its mark",
            [.rule("a"), .rule("b", needs: ["a"]), .rule("c")],
            given: [.begin, .fails("a"), .mark("b", .skipped)],
            .init(
                .mark("a", .succeeded), then: "ann asks, a marked succeeded: known (ann) → – ⇒ a counts as succeeded")),
        RunRule(
            "mark STAGE/ITEM: the last item that is marked settles the fan-out",
            [.fanOut("f"), .rule("c")], given: found + [.succeeds("f/y"), .fails("f/x")],
            .init(
                .mark("f/x", .succeeded),
                then: "ann asks, f reopened, f/x marked succeeded: known (ann), f succeeded → – "
                    + "⇒ f/x counts as succeeded")),
    ]

    // MARK: - retry

    private static let retries = [
        RunRule(
            "retry RUN: what had failed or was cancelled runs again, what it had blocked waits again, success stays",
            [.rule("ok"), .rule("a"), .rule("b", needs: ["a"])], given: [.begin, .succeeds("ok"), .fails("a")],
            .init(
                .ann(.retryFailed),
                then: "ann asks, run goes on in 1, a reset, b reset, a queued, a#2 starts → launch a#2 ⇒ runs again: a"),
            .init(.succeeds("a", 2), then: "a#2 succeeded, a succeeded, b queued, b#1 starts → launch b#1")),
        RunRule(
            "retry RUN: what never came to its turn before the run was cancelled waits for what it needs",
            [.rule("a"), .rule("b", needs: ["a"])], given: [.begin, .ann(.cancelRun), .stopped("a")],
            .init(
                .ann(.retryFailed),
                then: "ann asks, run goes on in 1, a reset, b reset, a queued, a#2 starts → launch a#2 ⇒ runs again: a")
        ),
        RunRule(
            "retry RUN STAGE: a stage that succeeded runs again, what followed it stays",
            [.rule("a"), .rule("b", needs: ["a"])], given: [.begin, .succeeds("a"), .succeeds("b")],
            .init(
                .ann(.retry("a", downstream: false)),
                then: "ann asks, run goes on in 1, a reset, a queued, a#2 starts → launch a#2 ⇒ runs again: a"),
            .init(.succeeds("a", 2), then: "a#2 succeeded, a succeeded, run succeeded → finish succeeded")),
        RunRule(
            "retry --downstream: what followed it runs again behind it, also what was marked as succeeded",
            [.rule("a"), .rule("b", needs: ["a"]), .rule("c", needs: ["a"])],
            given: [.begin, .succeeds("a"), .succeeds("b"), .fails("c"), .mark("c", .succeeded)],
            .init(
                .ann(.retry("a", downstream: true)),
                then: "ann asks, run goes on in 1, a reset, b reset, c reset, a queued, a#2 starts → launch a#2 "
                    + "⇒ runs again: a, b, c"),
            .init(
                .succeeds("a", 2),
                then: "a#2 succeeded, a succeeded, b queued, c queued, b#2 starts, c#2 starts → launch b#2, launch c#2")
        ),
        RunRule(
            "retry --downstream: what was skipped by hand stays so, and that is told",
            [.rule("a"), .rule("b", needs: ["a"]), .rule("c", needs: ["a"])],
            given: [.begin, .succeeds("a"), .succeeds("b"), .fails("c"), .mark("c", .skipped)],
            .init(
                .ann(.retry("a", downstream: true)),
                then: "ann asks, run goes on in 1, a reset, b reset, a queued, a#2 starts → launch a#2 "
                    + "⇒ runs again: a, b; stays skipped by hand: c")),
        RunRule(
            "retry STAGE: what was marked as succeeded behind it stays, as what succeeded does",
            [.rule("a"), .rule("b", needs: ["a"])],
            given: [.begin, .succeeds("a"), .fails("b"), .mark("b", .succeeded)],
            .init(
                .ann(.retry("a", downstream: false)),
                then: "ann asks, run goes on in 1, a reset, a queued, a#2 starts → launch a#2 ⇒ runs again: a")),
        RunRule(
            "retry STAGE: one that waits for its next try is tried now",
            [.rule("a") { $0.retry = retryOnce }], given: [.begin, .fails("a")],
            .init(
                .ann(.retry("a", downstream: false)),
                then: "ann asks, a queued, a#2 starts → no retry a, launch a#2 ⇒ a is tried again now")),
        RunRule(
            "retry STAGE: of a fan-out that failed only the items run again that did not succeed",
            [.fanOut("f")], given: found + [.succeeds("f/x"), .fails("f/y")],
            .init(
                .ann(.retry("f", downstream: false)),
                then: "ann asks, run goes on in 1, f reopened, f/y reset, f/y queued, f/y#2 starts → launch f/y#2 "
                    + "⇒ runs again: f"),
            .init(
                .succeeds("f/y", 2),
                then: "f/y#2 succeeded, f/y succeeded, f succeeded, run succeeded → finish succeeded")),
        RunRule(
            "retry STAGE/ITEM: also an item that succeeded, and what the failure had blocked waits again",
            [.fanOut("f"), .rule("b", needs: ["f"])], given: found + [.succeeds("f/x"), .fails("f/y")],
            .init(
                .ann(.retryItems("f", ["x"])),
                then:
                    "ann asks, run goes on in 1, f reopened, f/x reset, f/x queued, b reset, f/x#2 starts → launch f/x#2 "
                    + "⇒ runs again: f/x"),
            .init(
                .succeeds("f/x", 2),
                then: "f/x#2 succeeded, f/x succeeded, f failed (1 of 2 items failed: y), b blocked (f failed), "
                    + "run failed → finish failed")),
        RunRule(
            "retry STAGE/ITEM with downstream: what succeeded with the item's old output runs again behind it",
            [.fanOut("f"), .rule("b", needs: ["f"]), .rule("c")],
            given: found + [.succeeds("c"), .succeeds("f/x"), .succeeds("f/y"), .succeeds("b")],
            .init(
                .ann(.retryItems("f", ["x"], downstream: true)),
                then: "ann asks, run goes on in 1, f reopened, f/x reset, f/x queued, b reset, f/x#2 starts "
                    + "→ launch f/x#2 ⇒ runs again: f/x, b"),
            .init(
                .succeeds("f/x", 2),
                then: "f/x#2 succeeded, f/x succeeded, f succeeded, b queued, b#2 starts → launch b#2")),
        RunRule(
            "retry of several stages: each runs once, upstream first; one that rests on another waits for it",
            [.rule("a"), .rule("b", needs: ["a"]), .rule("c")],
            given: [.begin, .succeeds("a"), .succeeds("b"), .succeeds("c")],
            .init(
                .ann(.retryStages(["b", "a"])),
                then: "ann asks, run goes on in 1, a reset, b reset, a queued, a#2 starts → launch a#2 "
                    + "⇒ runs again: a, b"),
            .init(.succeeds("a", 2), then: "a#2 succeeded, a succeeded, b queued, b#2 starts → launch b#2")),
        RunRule(
            "retry: a pause ends when an ended run is taken up",
            [.rule("a")], given: [.begin, .ann(.pause), .fails("a")],
            .init(
                .ann(.retryFailed),
                then: "ann asks, run goes on in 1, unpaused, a reset, a queued, a#2 starts → launch a#2 ⇒ runs again: a"
            )),
        RunRule(
            "retry: a run that was cancelled once ends as its stages do when it has run again",
            [.rule("a")], given: [.begin, .ann(.cancelRun), .stopped("a"), .ann(.retryFailed)],
            .init(.fails("a", 2), then: "a#2 failed, a failed (no), run failed → finish failed")),
    ]

    // MARK: - Refusals

    private static let stagesOfRefusals = "there is a, late, pooled, tried, f"

    /// What came before, what is asked for, and why it is refused.
    struct Refusal: Sendable, CustomTestStringConvertible {
        let given: [RunInput]
        let command: RunCommand
        let why: String

        init(_ given: [RunInput], _ command: RunCommand, _ why: String) {
            self.given = given
            self.command = command
            self.why = why
        }

        var testDescription: String { "\(command): \(why)" }
    }

    private static let refusals: [Refusal] = [
        .init([], .retry("none", downstream: false), "the run has no stage 'none'; \(stagesOfRefusals)"),
        .init([], .retry("late", downstream: false), "late has not run yet"),
        .init([], .retry("a", downstream: false), "a is running; cancel it first"),
        .init([], .retry("pooled", downstream: false), "pooled is about to run"),
        .init([.fails("a")], .retry("late", downstream: false), "late is blocked; retry a"),
        .init([.succeeds("a")], .retry("a", downstream: false), "late is running on what a made; cancel it first"),
        .init([], .retryFailed, "nothing has failed or was cancelled"),
        .init([], .retryStages([]), "no stage was chosen"),
        .init([], .retryStages(["a"]), "a is running; cancel it first"),
        .init([.fails("tried")], .retryStages(["tried"]), "tried waits for its next try; retry it by itself, or wait"),
        .init([.fails("a")], .retryStages(["late"]), "late is blocked; retry a"),
        .init([], .retryItems("none", ["x"]), "the run has no stage 'none'; \(stagesOfRefusals)"),
        .init([.finds("f", 1, "x")], .retryItems("f", ["q"]), "f has no item 'q'; did you mean 'x'?"),
        .init([.finds("f", 1, "x")], .retryItems("f", ["x"]), "f/x is running; only an ended item is retried"),
        .init([.finds("f", 1, "x")], .retryItems("f", []), "no item was named"),
        .init([], .retryItems("a", ["x"]), "a has no item 'x'"),
        .init([.succeeds("a")], .cancel(UnitID("a")), "a has ended already: succeeded"),
        .init([], .cancel(UnitID("none")), "the run has no stage 'none'; \(stagesOfRefusals)"),
        .init([.finds("f", 1, "x")], .cancel(UnitID("f", "q")), "f has no item 'q'; did you mean 'x'?"),
        .init([], .unpause, "the run is not paused"),
        .init([.ann(.pause)], .pause, "the run is paused already"),
        .init([], .mark(UnitID("a"), .succeeded, reason: "r"), "a is running; cancel it first"),
        .init([.succeeds("a")], .mark(UnitID("a"), .succeeded, reason: "r"), "a is succeeded already"),
        .init([.fails("a")], .mark(UnitID("a"), .failed, reason: "r"), "only succeeded and skipped can be set"),
        .init([], .mark(UnitID("none"), .succeeded, reason: "r"), "the run has no stage 'none'; \(stagesOfRefusals)"),
        .init([.succeeds("a")], .mark(UnitID("a"), .skipped, reason: "r"), "a has run already: succeeded"),
    ]

    @Test("What makes no sense is refused with why, and changes nothing", arguments: refusals)
    func refusal(refusal: Refusal) {
        let stages: [PlannedStage] = [
            .rule("a"), .rule("late", needs: ["a"]), .rule("pooled") { $0.pool = "db" },
            .rule("tried") { $0.retry = Self.retryOnce }, .fanOut("f"),
        ]
        var machine = RunMachine(
            state: RunState(id: "r", plan: RunPlan(pipeline: "p", maxParallel: 9, stages: stages)), seed: 1)
        let now = Moment(wall: 0, steady: 0)
        for input in [.begin] + refusal.given { _ = machine.handle(input, at: now) }
        let step = machine.handle(.ann(refusal.command), at: now)
        #expect(step.answers.map(\.answer) == [.refused(refusal.why)])
        #expect(step.answers.map(\.token) == [7])
        #expect(step.events.isEmpty && step.actions.isEmpty)
    }

    @Test(
        "A run that has ended is neither cancelled nor paused",
        arguments: [RunCommand.cancelRun, .pause, .cancel(UnitID("a"))])
    func ended(command: RunCommand) {
        var machine = RunMachine(
            state: RunState(id: "r", plan: RunPlan(pipeline: "p", maxParallel: 1, stages: [.rule("a")])), seed: 1)
        let now = Moment(wall: 0, steady: 0)
        for input in [RunInput.begin, .succeeds("a")] { _ = machine.handle(input, at: now) }
        let step = machine.handle(.ann(command), at: now)
        let name = command == .cancel(UnitID("a")) ? "a" : "the run"
        #expect(step.answers.map(\.answer) == [.refused("\(name) has ended already: succeeded")])
        #expect(step.events.isEmpty)
    }
}
