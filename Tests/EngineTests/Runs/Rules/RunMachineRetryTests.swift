import CaudalModel
import Engine
import Testing

/// What is tried again, when and how often: `retry` and `timeout`.
@Suite("The rules of a run: retries and time limits", .tags(.runs), .timeLimit(.minutes(15)))
struct RunMachineRetryTests {
    @Test("Rule", arguments: retries + timeouts)
    func rule(rule: RunRule) { rule.check() }

    private static func retried(_ policy: RetryPolicy) -> PlannedStage { .rule("a") { $0.retry = policy } }

    private static let retries = [
        RunRule(
            "limit: 2 means three attempts at most, each after its delay",
            [retried(RetryPolicy(limit: 2))],
            .init(.fails("a"), then: "a#1 failed, a waits 10s → retry a in 10s"),
            .init(.retryIsDue("a"), then: "a queued, a#2 starts → launch a#2"),
            .init(.fails("a", 2), then: "a#2 failed, a waits 20s → retry a in 20s"),
            .init(.retryIsDue("a"), then: "a queued, a#3 starts → launch a#3"),
            .init(.fails("a", 3), then: "a#3 failed, a failed (no), run failed → finish failed")),
        RunRule(
            "limit: a success ends the tries",
            [retried(RetryPolicy(limit: 2)), .rule("b", needs: ["a"])],
            given: [.begin, .fails("a"), .retryIsDue("a")],
            .init(.succeeds("a", 2), then: "a#2 succeeded, a succeeded, b queued, b#1 starts → launch b#1")),
        RunRule(
            "limit: what waits for its next try blocks nothing yet",
            [retried(RetryPolicy(limit: 1)), .rule("b", needs: ["a"])],
            .init(.fails("a"), then: "a#1 failed, a waits 10s → retry a in 10s")),
        RunRule(
            "limit: 0, as without retry, fails at once",
            [retried(.none)],
            .init(.fails("a"), then: "a#1 failed, a failed (no), run failed → finish failed")),
        RunRule(
            "limit: the death of an engine is no try",
            [retried(RetryPolicy(limit: 1))], given: [.begin, .takeUp(), .takeUp()],
            .init(.fails("a", 3), then: "a#3 failed, a waits 10s → retry a in 10s"),
            .init(.retryIsDue("a"), then: "a queued, a#4 starts → launch a#4"),
            .init(.fails("a", 4), then: "a#4 failed, a failed (no), run failed → finish failed")),
        RunRule(
            "limit: after a retry by hand it is counted anew",
            [retried(RetryPolicy(limit: 1))], given: [.begin, .fails("a"), .retryIsDue("a"), .fails("a", 2)],
            .init(
                .ann(.retry("a", downstream: false)),
                then: "ann asks, run goes on in 1, a reset, a queued, a#3 starts → launch a#3 ⇒ runs again: a"),
            .init(.fails("a", 3), then: "a#3 failed, a waits 10s → retry a in 10s")),
        RunRule(
            "on_exit: only these statuses are worth a retry",
            [retried(RetryPolicy(limit: 1, exitStatuses: [75, 111]))],
            .init(.fails("a", exit: 75), then: "a#1 failed, a waits 10s → retry a in 10s"),
            .init(.retryIsDue("a"), then: "a queued, a#2 starts → launch a#2")),
        RunRule(
            "on_exit: another status fails at once",
            [retried(RetryPolicy(limit: 1, exitStatuses: [75, 111]))],
            .init(.fails("a", exit: 1), then: "a#1 failed, a failed (no), run failed → finish failed")),
        RunRule(
            "on_exit: a program that a signal ends has the status that a shell gives it",
            [retried(RetryPolicy(limit: 1, exitStatuses: [137]))],
            .init(
                .ends("a", 1, AttemptResult(ending: .failed, exit: .signaled(9))),
                then: "a#1 failed, a waits 10s → retry a in 10s")),
        RunRule(
            "on_exit: the signal of a stop is none of the statuses",
            [retried(RetryPolicy(limit: 1, exitStatuses: [137]))],
            .init(
                .ends("a", 1, AttemptResult(ending: .stopped, exit: .signaled(9))),
                then:
                    "a#1 stopped, a failed (killed by signal 9 (KILL, often out of memory)), run failed → finish failed"
            )
        ),
        RunRule(
            "on_exit: the number of a signal is none of the statuses",
            [retried(RetryPolicy(limit: 1, exitStatuses: [9]))],
            .init(
                .ends("a", 1, AttemptResult(ending: .failed, exit: .signaled(9))),
                then:
                    "a#1 failed, a failed (killed by signal 9 (KILL, often out of memory)), run failed → finish failed")
        ),
        RunRule(
            "on_exit: a failure without a process is not retried",
            [retried(RetryPolicy(limit: 1, exitStatuses: [1]))],
            .init(
                .ends("a", 1, .failed("bad rows")), then: "a#1 failed, a failed (bad rows), run failed → finish failed")
        ),
        RunRule(
            "what was cancelled is not tried again, however it ended",
            [retried(RetryPolicy(limit: 1)), .rule("b")], given: [.begin, .cancel("a")],
            .init(.fails("a"), then: "a#1 failed, a cancelled (cancelled by ann) → –")),
        RunRule(
            "a timer of a retry that nobody waits for any more does nothing",
            [retried(RetryPolicy(limit: 1)), .rule("b")], given: [.begin, .fails("a"), .cancel("a")],
            .init(.retryIsDue("a"), then: "– → –"),
            .init(.retryIsDue("b"), then: "– → –"),
            .init(.retryIsDue("none"), then: "– → –")),
    ]

    private static func limited(_ change: (inout PlannedStage) -> Void = { _ in }) -> PlannedStage {
        .rule("a") { stage in
            stage.timeout = .seconds(5)
            change(&stage)
        }
    }

    private static let timeouts = [
        RunRule(
            "timeout: an attempt that takes longer is stopped, and has failed",
            [limited()], given: [],
            .init(.begin, then: "run begins, a queued, a#1 starts → launch a#1, timeout a#1 in 5s"),
            .init(.timeIsOver("a"), then: "a#1 to stop: timedOut → stop a#1: timedOut"),
            .init(
                .stopped("a"),
                then: "a#1 stopped, a failed (too slow), run failed → no timeout a#1, finish failed")),
        RunRule(
            "timeout: an attempt that ends in time needs the timer no more",
            [limited()],
            .init(
                .succeeds("a"), then: "a#1 succeeded, a succeeded, run succeeded → no timeout a#1, finish succeeded"),
            .init(.timeIsOver("a"), then: "– → –")),
        RunRule(
            "timeout: what took too long is tried again, each attempt with the whole time",
            [limited { $0.retry = RetryPolicy(limit: 1) }], given: [.begin, .timeIsOver("a")],
            .init(.stopped("a"), then: "a#1 stopped, a waits 10s → no timeout a#1, retry a in 10s"),
            .init(.retryIsDue("a"), then: "a queued, a#2 starts → launch a#2, timeout a#2 in 5s"),
            .init(.timeIsOver("a", 1), then: "– → –")),
        RunRule(
            "timeout: what was done when it was told to stop has succeeded",
            [limited()], given: [.begin, .timeIsOver("a")],
            .init(
                .succeeds("a"), then: "a#1 succeeded, a succeeded, run succeeded → no timeout a#1, finish succeeded")),
        RunRule(
            "timeout: what is being published was made in time",
            [limited()], given: [.begin, .publishes("a")],
            .init(.timeIsOver("a"), then: "– → –")),
        RunRule(
            "timeout: an attempt that is being stopped is not stopped twice",
            [limited()], given: [.begin, .cancel("a")],
            .init(.timeIsOver("a"), then: "– → –")),
        RunRule(
            "timeout: a cancel comes after it, and counts more",
            [limited { $0.retry = RetryPolicy(limit: 1) }, .rule("b")], given: [.begin, .timeIsOver("a")],
            .init(.cancel("a"), then: "ann asks, a#1 to stop: cancelled → stop a#1: cancelled ⇒ a is being stopped"),
            .init(.stopped("a"), then: "a#1 stopped, a cancelled (cancelled by ann) → no timeout a#1")),
        RunRule(
            "timeout: of a fan-out it holds for finding its items and for each item",
            [.fanOut("f") { $0.timeout = .seconds(5) }], given: [],
            .init(.begin, then: "run begins, f queued, f#1 starts → find items f#1, timeout f#1 in 5s"),
            .init(
                .finds("f", 1, "x"),
                then: "f#1 succeeded, f has [\"x\"], f/x queued, f/x#1 starts → no timeout f#1, launch f/x#1, "
                    + "timeout f/x#1 in 5s")),
    ]

    // MARK: - How long

    /// A policy, the number of the extra try, what chance says, and how many milliseconds are waited.
    static let waits: [(RetryPolicy, Int, Double, Int64)] = [
        (RetryPolicy(limit: 9), 1, 0.5, 10_000),
        (RetryPolicy(limit: 9), 2, 0.5, 20_000),
        (RetryPolicy(limit: 9), 5, 0.5, 160_000),
        (RetryPolicy(limit: 9), 6, 0.5, 300_000),
        (RetryPolicy(limit: 1000), 1000, 0.5, 300_000),
        (RetryPolicy(limit: 9, delay: .seconds(1), backoff: 1), 7, 0.5, 1000),
        (RetryPolicy(limit: 9, delay: .milliseconds(100), backoff: 3), 3, 0.5, 900),
        (RetryPolicy(limit: 9, delay: .seconds(60), maxDelay: .seconds(30)), 1, 0.5, 30_000),
        (RetryPolicy(limit: 9, delay: .seconds(10), jitter: 0.2), 1, 0, 8000),
        (RetryPolicy(limit: 9, delay: .seconds(10), jitter: 0.2), 1, 0.5, 10_000),
        (RetryPolicy(limit: 9, delay: .seconds(10), jitter: 0.2), 1, 1, 12_000),
        (RetryPolicy(limit: 9, delay: .seconds(10), jitter: 1), 1, 0, 0),
        // The longest wait is that without chance.
        (RetryPolicy(limit: 9, delay: .seconds(300), jitter: 0.5), 1, 1, 450_000),
        (RetryPolicy(limit: 9, delay: .zero), 4, 0.5, 0),
    ]

    @Test("delay, backoff, max_delay and jitter say how long each wait is", arguments: waits)
    func wait(policy: RetryPolicy, retry: Int, chance: Double, milliseconds: Int64) {
        #expect(policy.wait(beforeRetry: retry, chance: chance) == .milliseconds(milliseconds))
    }

    @Test("jitter: chance depends on the seed, the unit and the attempt, and on nothing else")
    func jitter() {
        func delay(seed: UInt64, _ unit: RuleUnit) -> Duration? {
            let stages = ["a", "b"].map { id in
                PlannedStage.rule(StageID(id)) { $0.retry = RetryPolicy(limit: 1, delay: .seconds(100), jitter: 0.5) }
            }
            let plan = RunPlan(pipeline: "p", maxParallel: 2, stages: stages)
            var machine = RunMachine(state: RunState(id: "r", plan: plan), seed: seed)
            let now = Moment(wall: 0, steady: 0)
            _ = machine.handle(.begin, at: now)
            for case .startTimer(_, let delay) in machine.handle(.fails(unit), at: now).actions { return delay }
            return nil
        }
        let first = delay(seed: 1, "a")
        #expect(first == delay(seed: 1, "a"))
        #expect(first != delay(seed: 2, "a") && first != delay(seed: 1, "b"))
        for seed in 1...50 as ClosedRange<UInt64> {
            let wait = delay(seed: seed, "a")?.seconds ?? -1
            #expect(wait >= 50 && wait <= 150, "seed \(seed)")
        }
    }
}
