import CaudalModel
import Engine
import Testing

/// `foreach`: finding items, running them, and what becomes of the stage.
@Suite("The rules of a run: fan-out", .tags(.runs), .timeLimit(.minutes(15)))
struct RunMachineFanOutTests {
    @Test("Rule", arguments: running + settling)
    func rule(rule: RunRule) { rule.check() }

    /// The run has begun, and the items x and y were found.
    private static let found: [RunInput] = [.begin, .finds("f", 1, "x", "y")]

    private static let running = [
        RunRule(
            "foreach: the items are found first, then each runs",
            [.fanOut("f")], given: [],
            .init(.begin, then: "run begins, f queued, f#1 starts → find items f#1"),
            .init(
                .finds("f", 1, "x", "y"),
                then: "f#1 succeeded, f has [\"x\", \"y\"], f/x queued, f/y queued, f/x#1 starts, f/y#1 starts "
                    + "→ launch f/x#1, launch f/y#1")),
        RunRule(
            "foreach: no items is success",
            [.fanOut("f"), .rule("b", needs: ["f"])],
            .init(
                .finds("f"),
                then: "f#1 succeeded, f has [], f succeeded (0 items), b queued, b#1 starts → launch b#1")),
        RunRule(
            "foreach: items that cannot be found fail the stage, after its tries",
            [.fanOut("f") { $0.retry = RetryPolicy(limit: 1) }],
            .init(.fails("f"), then: "f#1 failed, f waits 10s → retry f in 10s"),
            .init(.retryIsDue("f"), then: "f queued, f#2 starts → find items f#2"),
            .init(.fails("f", 2), then: "f#2 failed, f failed (no), run failed → finish failed")),
        RunRule(
            "foreach.max_parallel: so many items at once, in their order; other stages pass them",
            [.fanOut("f", parallel: 1), .rule("b", needs: ["a"]), .rule("a")], given: [.begin],
            .init(
                .finds("f", 1, "x", "y"),
                then: "f#1 succeeded, f has [\"x\", \"y\"], f/x queued, f/y queued, f/x#1 starts → launch f/x#1"),
            .init(.succeeds("a"), then: "a#1 succeeded, a succeeded, b queued, b#1 starts → launch b#1"),
            .init(.succeeds("f/x"), then: "f/x#1 succeeded, f/x succeeded, f/y#1 starts → launch f/y#1")),
        RunRule(
            "max_parallel: the run's limit holds for items too",
            [.fanOut("f", parallel: 9)], parallel: 1,
            .init(
                .finds("f", 1, "x", "y"),
                then: "f#1 succeeded, f has [\"x\", \"y\"], f/x queued, f/y queued, f/x#1 starts → launch f/x#1")),
        RunRule(
            "pool: each item takes a slot of the stage's pool",
            [.fanOut("f") { $0.pool = "db" }], pools: ["db": 1], given: [.begin, .leaseIsGranted("f")],
            .init(
                .finds("f", 1, "x", "y"),
                then: "f#1 succeeded, f has [\"x\", \"y\"], f/x queued, f/y queued → give lease f, ask lease f/x"),
            .init(.leaseIsGranted("f/x"), then: "f/x#1 starts → launch f/x#1"),
            .init(.succeeds("f/x"), then: "f/x#1 succeeded, f/x succeeded → give lease f/x, ask lease f/y")),
        RunRule(
            "retry: each item has tries of its own, and holds no slot while it waits",
            [.fanOut("f", parallel: 1) { $0.retry = RetryPolicy(limit: 1) }], given: found,
            .init(
                .fails("f/x"),
                then: "f/x#1 failed, f/x waits 10s, f/y#1 starts → retry f/x in 10s, launch f/y#1"),
            .init(.succeeds("f/y"), then: "f/y#1 succeeded, f/y succeeded → –"),
            .init(.retryIsDue("f/x"), then: "f/x queued, f/x#2 starts → launch f/x#2"),
            .init(
                .succeeds("f/x", 2),
                then: "f/x#2 succeeded, f/x succeeded, f succeeded, run succeeded → finish succeeded")),
        RunRule(
            "on_failure: continue lets the other items run",
            [.fanOut("f", parallel: 1)], given: found,
            .init(.fails("f/x"), then: "f/x#1 failed, f/x failed (no), f/y#1 starts → launch f/y#1"),
            .init(
                .succeeds("f/y"),
                then: "f/y#1 succeeded, f/y succeeded, f failed (1 of 2 items failed: x), run failed → finish failed")),
        RunRule(
            "on_failure: stop cancels the items that have not started, those that wait for a next try among them; "
                + "what runs goes on",
            [.fanOut("f", onFailure: .stop) { $0.retry = RetryPolicy(limit: 1, exitStatuses: [75]) }], parallel: 3,
            given: [.begin, .finds("f", 1, "r", "w", "x", "y"), .fails("f/w", exit: 75)],
            .init(
                .fails("f/x"),
                then: "f/x#1 failed, f/x failed (no), f/w cancelled (f/x failed) → no retry f/w"),
            .init(
                .succeeds("f/y"), then: "f/y#1 succeeded, f/y succeeded → –"),
            .init(
                .succeeds("f/r"),
                then: "f/r#1 succeeded, f/r succeeded, f failed (1 of 4 items failed: x; 1 cancelled), run failed "
                    + "→ finish failed")),
        RunRule(
            "on_failure: stop is no matter of items that were cancelled",
            [.fanOut("f", parallel: 1, onFailure: .stop)], given: found + [.cancel("f/x")],
            .init(
                .stopped("f/x"),
                then: "f/x#1 stopped, f/x cancelled (cancelled by ann), f/y#1 starts → launch f/y#1")),
    ]

    private static let settling = [
        RunRule(
            "a fan-out whose items were all reused was reused",
            [.fanOut("f")], given: found,
            .init(.ends("f/x", 1, AttemptResult(ending: .reused)), then: "f/x#1 reused, f/x reused → –"),
            .init(
                .ends("f/y", 1, AttemptResult(ending: .reused)),
                then: "f/y#1 reused, f/y reused, f reused (2 of 2 items reused), run succeeded → finish succeeded")),
        RunRule(
            "a fan-out of which some items were reused succeeded",
            [.fanOut("f")], given: found + [.ends("f/x", 1, AttemptResult(ending: .reused))],
            .init(
                .succeeds("f/y"),
                then:
                    "f/y#1 succeeded, f/y succeeded, f succeeded (1 of 2 items reused), run succeeded → finish succeeded"
            )),
        RunRule(
            "a fan-out with a cancelled item and no failed one was cancelled",
            [.fanOut("f")], given: found + [.succeeds("f/y"), .cancel("f/x")],
            .init(
                .stopped("f/x"),
                then: "f/x#1 stopped, f/x cancelled (cancelled by ann), f cancelled (1 of 2 items cancelled), "
                    + "run cancelled → finish cancelled")),
        RunRule(
            "a fan-out that failed names three of its failed items",
            [.fanOut("f")], parallel: 9,
            given: [.begin, .finds("f", 1, "p", "q", "r", "s"), .fails("f/s"), .fails("f/r"), .fails("f/q")],
            .init(
                .fails("f/p"),
                then: "f/p#1 failed, f/p failed (no), f failed (4 of 4 items failed: p, q, r, …), run failed "
                    + "→ finish failed")),
        RunRule(
            "allow_failure: holds for the whole fan-out",
            [.fanOut("f") { $0.allowsFailure = true }], given: found + [.succeeds("f/y")],
            .init(
                .fails("f/x"),
                then: "f/x#1 failed, f/x failed (no), f failed (1 of 2 items failed: x), run succeeded "
                    + "→ finish succeeded")),
        RunRule(
            "allow_failure: what somebody cancelled is not allowed for, and blocks what needs it",
            [.fanOut("f") { $0.allowsFailure = true }, .rule("b", needs: ["f"])],
            given: found + [.fails("f/x"), .cancel("f/y")],
            .init(
                .stopped("f/y"),
                then:
                    "f/y#1 stopped, f/y cancelled (cancelled by ann), f cancelled (1 of 2 items failed: x; 1 cancelled), "
                    + "b blocked (f cancelled), run cancelled → finish cancelled")),
        RunRule(
            "an item without anything to work on was skipped, which is no failure of its stage",
            [.fanOut("f")], given: found + [.succeeds("f/y")],
            .init(
                .ends("f/x", 1, AttemptResult(ending: .skipped, reuseReason: "no items")),
                then: "f/x#1 skipped, f/x skipped (no items), f succeeded, run succeeded → finish succeeded")),
    ]

    @Test("Items that are found anew and were there before go on counting their attempts")
    func attemptsOfItems() {
        RunRule(
            "retry: of a fan-out that had succeeded finds its items anew",
            [.fanOut("f")], given: Self.found + [.succeeds("f/x"), .succeeds("f/y")],
            .init(
                .ann(.retry("f", downstream: false)),
                then: "ann asks, run goes on in 1, f reset, f queued, f#2 starts → find items f#2 ⇒ runs again: f"),
            .init(
                .finds("f", 2, "y", "z"),
                then: "f#2 succeeded, f has [\"y\", \"z\"], f/y queued, f/z queued, f/y#2 starts, f/z#1 starts "
                    + "→ launch f/y#2, launch f/z#1")
        ).check()
    }
}
