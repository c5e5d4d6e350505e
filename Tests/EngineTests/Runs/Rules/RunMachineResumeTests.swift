import CaudalModel
import Engine
import Testing

/// What a run that is taken up again goes on with: after the death of its process, and with a changed file.
@Suite("The rules of a run: taken up again", .tags(.runs), .timeLimit(.minutes(15)))
struct RunMachineResumeTests {
    @Test("Rule", arguments: deaths + changes)
    func rule(rule: RunRule) { rule.check() }

    // MARK: - After a death

    private static let deaths = [
        RunRule(
            "resume: what ran gets a new attempt, what succeeded stays",
            [.rule("ok"), .rule("open"), .rule("next", needs: ["open"])], given: [.begin, .succeeds("ok")],
            .init(.takeUp(), then: "run goes on in 2, open#1 interrupted, open queued, open#2 starts → launch open#2")),
        RunRule(
            "resume: a publication that was recorded and could be finished is a success",
            [.rule("a"), .rule("b", needs: ["a"])], given: [.begin, .publishes("a")],
            .init(
                .takeUp(settled: "a"),
                then: "run goes on in 2, a#1 succeeded, a succeeded, b queued, b#1 starts → launch b#1")),
        RunRule(
            "resume: what was queued is queued still",
            [.rule("a"), .rule("b")], parallel: 1,
            .init(.takeUp(), then: "run goes on in 2, a#1 interrupted, a queued, a#2 starts → launch a#2"),
            .init(.succeeds("a", 2), then: "a#2 succeeded, a succeeded, b#1 starts → launch b#1")),
        RunRule(
            "resume: what was to be cancelled is cancelled and not run again",
            [.rule("a"), .rule("b")], given: [.begin, .cancel("a")],
            .init(
                .takeUp(),
                then: "run goes on in 2, a#1 interrupted, a cancelled (cancelled by ann), b#1 interrupted, b queued, "
                    + "b#2 starts → launch b#2")),
        RunRule(
            "resume: what had taken too long gets another attempt, as the death ended it",
            [.rule("a") { $0.timeout = .seconds(5) }], given: [.begin, .timeIsOver("a")],
            .init(
                .takeUp(),
                then: "run goes on in 2, a#1 interrupted, a queued, a#2 starts → launch a#2, timeout a#2 in 5s")),
        RunRule(
            "resume: a pause ends, with who took the run up",
            [.rule("a"), .rule("b", needs: ["a"])], given: [.begin, .ann(.pause), .succeeds("a")],
            .init(
                .takeUp(), then: "run goes on in 2, ben asks, unpaused, b#1 starts → launch b#1")),
        RunRule(
            "resume: of a fan-out the items that ran get new attempts, and no items are looked for",
            [.fanOut("f")], given: [.begin, .finds("f", 1, "x", "y"), .succeeds("f/x")],
            .init(
                .takeUp(), then: "run goes on in 2, f/y#1 interrupted, f/y queued, f/y#2 starts → launch f/y#2"),
            .init(
                .succeeds("f/y", 2),
                then: "f/y#2 succeeded, f/y succeeded, f succeeded, run succeeded → finish succeeded")),
        RunRule(
            "resume: the last item whose publication could be finished settles its fan-out",
            [.fanOut("f")], given: [.begin, .finds("f", 1, "x"), .publishes("f/x")],
            .init(
                .takeUp(settled: "f/x"),
                then: "run goes on in 2, f/x#1 succeeded, f/x succeeded, f succeeded, run succeeded → finish succeeded")
        ),
        RunRule(
            "resume: a lease is asked for anew",
            [.rule("a") { $0.pool = "db" }], given: [.begin, .leaseIsGranted("a")],
            .init(.takeUp(), then: "run goes on in 2, a#1 interrupted, a queued → ask lease a"),
            .init(.leaseIsGranted("a"), then: "a#2 starts → launch a#2")),
        RunRule(
            "resume: what an ended run has failed stays so until somebody retries it",
            [.rule("a")], given: [.begin, .fails("a")],
            .init(.takeUp(), then: "run goes on in 2, run failed → finish failed")),
    ]

    // MARK: - With a changed file

    private static func change(_ stages: PlannedStage...) -> RunInput {
        .changePlan(
            PlanChange(plan: RunPlan(pipeline: "p", maxParallel: 4, stages: stages), differences: []), by: "ann")
    }

    private static let changes = [
        RunRule(
            "a changed file: what had succeeded stays, what failed waits to be asked for",
            [.rule("a"), .rule("b", needs: ["a"])], given: [.begin, .succeeds("a"), .fails("b")],
            .init(
                .takeUp(), change(.rule("a") { $0.definitionText = "run: other" }, .rule("b", needs: ["a"])),
                .ann(.retryFailed),
                then: "run goes on in 2, ann changes the plan, ann asks, b reset, b queued, b#2 starts → launch b#2 "
                    + "⇒ runs again: b")),
        RunRule(
            "a changed file: a stage that is new runs once what it needs is there",
            [.rule("a"), .rule("b", needs: ["a"])], given: [.begin, .fails("a")],
            .init(
                .takeUp(),
                change(.rule("a"), .rule("n"), .rule("b", needs: ["a"])),
                then: "run goes on in 2, ann changes the plan, b reset, n queued, b blocked (a failed), n#1 starts "
                    + "→ launch n#1")),
        RunRule(
            "a changed file: what was skipped is decided anew",
            [.rule("a") { $0.skipReason = "x is false" }, .rule("b")], given: [.begin, .fails("b")],
            .init(
                .takeUp(), change(.rule("a"), .rule("b")),
                then: "run goes on in 2, ann changes the plan, a reset, a queued, a#1 starts → launch a#1")),
        RunRule(
            "a changed file: a stage that was removed is waited for no more, and counts for nothing",
            [.rule("a"), .rule("b", needs: ["a"])], given: [.begin, .fails("a")],
            .init(
                .takeUp(), change(.rule("b")),
                then: "run goes on in 2, ann changes the plan, b reset, b queued, b#1 starts → launch b#1"),
            .init(.succeeds("b"), then: "b#1 succeeded, b succeeded, run succeeded → finish succeeded")),
        RunRule(
            "a changed file: a stage that comes back goes on counting its attempts",
            [.rule("a"), .rule("b")],
            given: [.begin, .fails("a"), .succeeds("b")],
            .init(
                .takeUp(), change(.rule("b")),
                then: "run goes on in 2, ann changes the plan, run succeeded → finish succeeded"),
            .init(
                .takeUp(), change(.rule("a"), .rule("b")), .ann(.retryFailed),
                then: "run goes on in 2, ann changes the plan, ann asks, a reset, a queued, a#2 starts → launch a#2 "
                    + "⇒ runs again: a")),
        RunRule(
            "a changed file: what waited for its next try waits for its turn by the new rules",
            [.rule("a") { $0.retry = RetryPolicy(limit: 1) }], given: [.begin, .fails("a")],
            .init(
                .takeUp(), change(.rule("n"), .rule("a", needs: ["n"])),
                then: "run goes on in 2, ann changes the plan, a reset, n queued, n#1 starts "
                    + "→ retry a in 9s, no retry a, launch n#1")),
        RunRule(
            "a changed file: a fan-out that had not succeeded and does something else finds its items anew",
            [.fanOut("f")], given: [.begin, .finds("f", 1, "x", "y"), .succeeds("f/x")],
            .init(
                .takeUp(), change(.fanOut("f") { $0.definitionText = "run: other" }),
                then: "run goes on in 2, f/y#1 interrupted, f/y queued, ann changes the plan, f reset, f queued, "
                    + "f#2 starts → find items f#2")),
        RunRule(
            "a changed file: a fan-out that is only told to run otherwise keeps its items",
            [.fanOut("f")], given: [.begin, .finds("f", 1, "x", "y"), .succeeds("f/x")],
            .init(
                .takeUp(), change(.fanOut("f", parallel: 1) { $0.definitionText = "foreach.max_parallel: 1" }),
                then: "run goes on in 2, f/y#1 interrupted, f/y queued, ann changes the plan, f/y#2 starts "
                    + "→ launch f/y#2")),
        RunRule(
            "a changed file: of a fan-out that was changed no single item is retried",
            [.fanOut("f")], given: [.begin, .finds("f", 1, "x"), .fails("f/x")],
            .init(
                .takeUp(), change(.fanOut("f") { $0.definitionText = "run: other" }), .ann(.retryItems("f", ["x"])),
                then: "run goes on in 2, ann changes the plan, run failed → finish failed "
                    + "⇒ refused: the fan-out of f was changed; retry the whole stage")),
        RunRule(
            "a changed file: what was marked stays marked",
            [.rule("a"), .rule("b", needs: ["a"])], given: [.begin, .fails("a"), .mark("b", .skipped)],
            .init(
                .takeUp(), change(.rule("a"), .rule("b", needs: ["a"])),
                then: "run goes on in 2, ann changes the plan, run failed → finish failed")),
    ]
}
