import CaudalModel
import Foundation
import TestSupport
import Testing

@testable import Engine

/// A pipeline whose rules hear of what a test says has happened.
private struct Told {
    var memory = NotificationMemory()
    var rules: [NotificationRule]
    private(set) var time: Int64 = 1_000_000_000

    init(_ rules: NotificationRule...) { self.rules = rules }

    /// What is told of something, as `occasion stage`, with the kinds of the channels where there are several rules.
    mutating func take(
        _ happening: NotificationMemory.Happening, _ run: RunID = "r1", after seconds: Int64 = 1
    ) -> [String] {
        time += seconds * 1000
        return memory.take(happening, in: run, at: time, by: rules).map { telling in
            let channel = rules.count > 1 ? "\(telling.rule.channel.kind) " : ""
            return channel + telling.occasion.rawValue + (telling.stage.map { " \($0)" } ?? "")
        }
    }

    mutating func fails(
        _ stage: StageID, _ fingerprint: String = "f", _ run: RunID = "r1", after seconds: Int64 = 1,
        isAllowed: Bool = false
    ) -> [String] {
        take(.stageFailed(stage, fingerprint: fingerprint, isAllowed: isAllowed), run, after: seconds)
    }

    mutating func succeeds(_ stage: StageID, _ run: RunID = "r1", warned: [String] = []) -> [String] {
        take(.stageSucceeded(stage, warned: warned), run)
    }

    mutating func runSucceeds(
        _ run: RunID = "r1", stages: Set<StageID>? = ["a", "b"], ends: Set<NotificationRule.Occasion> = []
    ) -> [String] {
        take(.runSucceeded(stages: stages, ends: ends), run)
    }
}

extension NotificationRule {
    fileprivate init(
        _ occasions: Occasion..., kind: String = "webhook", renotify: Duration? = usualRenotify, stage: StageID? = nil
    ) {
        self.init(
            occasions: occasions, channel: NotificationChannel(kind: kind, settings: ["url": "https://x"]),
            renotify: renotify, stage: stage)
    }
}

@Suite("What is news")
struct NotificationMemoryTests {
    @Test("A failure is told at once; the same one in the next runs only when renotify is over")
    func renotify() {
        var told = Told(NotificationRule(.failed, renotify: .seconds(3600)))
        #expect(told.fails("a") == ["failed a"])
        #expect(told.take(.runFailed) == [])
        #expect(told.fails("a", "f", "r2", after: 600) == [])
        #expect(told.fails("a", "f", "r3", after: 3600) == ["failed a"])
        #expect(told.fails("a", "f", "r4", after: 60) == [])
        #expect(told.fails("a", "another", "r5", after: 60) == ["failed a"], "another failure is news")
        #expect(told.fails("b", "f", "r6", after: 60) == ["failed b"], "and so is one of another stage")
    }

    @Test("Without renotify it is told once until it has recovered; with 0s each time")
    func extremes() {
        var never = Told(NotificationRule(.failed, .recovered, renotify: nil))
        #expect(never.fails("a") == ["failed a"])
        #expect(never.fails("a", "f", "r2", after: 1_000_000) == [])
        _ = never.succeeds("a", "r3")
        #expect(never.runSucceeds("r3") == ["recovered"])
        #expect(never.fails("a", "f", "r4") == ["failed a"])
        var always = Told(NotificationRule(.failed, renotify: .zero))
        #expect(always.fails("a") == ["failed a"])
        #expect(always.fails("a", "f", "r2") == ["failed a"])
    }

    @Test("Stages that fail alike in one run are told once, by the first")
    func alike() {
        var told = Told(NotificationRule(.failed))
        #expect(told.fails("a", "db down") == ["failed a"])
        #expect(told.fails("b", "db down") == [])
        #expect(told.fails("c", "other") == ["failed c"])
        #expect(told.fails("a", "db down", "r2") == [] && told.fails("b", "db down", "r2") == [])
    }

    @Test("Recovered is told once, when the run succeeds with everything that had failed")
    func recovered() {
        var told = Told(NotificationRule(.failed, .recovered, .succeeded))
        #expect(told.fails("a") == ["failed a"])
        #expect(told.fails("b", "g", "r2") == ["failed b"])
        // A run of other stages only.
        _ = told.succeeds("b", "r3")
        #expect(told.runSucceeds("r3", stages: nil) == ["succeeded"])
        _ = told.succeeds("a", "r4")
        #expect(told.runSucceeds("r4") == ["succeeded", "recovered"])
        #expect(told.runSucceeds("r5") == ["succeeded"])
        let memory = told.memory
        #expect(memory.problems.isEmpty && memory.told.isEmpty, "nothing is remembered of what is well again")
    }

    @Test("A recovery says since when it was not well, and in how many runs")
    func recoveryFacts() {
        var told = Told(NotificationRule(.recovered))
        _ = told.fails("a")
        let since = told.time
        for run in ["r2", "r3", "r3"] as [RunID] { _ = told.fails("a", "f", run) }
        _ = told.succeeds("a", "r4")
        let tellings = told.memory.take(
            .runSucceeded(stages: ["a"], ends: []), in: "r4", at: told.time + 1, by: told.rules)
        #expect(tellings.map(\.since) == [since] && tellings.map(\.failedRuns) == [3])
    }

    @Test("A stage that the pipeline no longer has keeps nothing from recovering")
    func removedStage() {
        var told = Told(NotificationRule(.recovered))
        _ = told.fails("old")
        #expect(told.runSucceeds("r2", stages: ["a"]) == ["recovered"])
    }

    @Test("A failure that is allowed is told by the stage's own rule alone, and the pipeline stays well")
    func allowed() {
        var told = Told(
            NotificationRule(.failed, .recovered), NotificationRule(.failed, .recovered, kind: "file", stage: "a"))
        #expect(told.fails("a", isAllowed: true) == ["file failed a"])
        #expect(told.runSucceeds() == [])
        #expect(told.succeeds("a", "r2") == ["file recovered a"])
        #expect(told.runSucceeds("r2") == [])
    }

    @Test("A stage's rule hears of that stage alone; the pipeline's of all")
    func stages() {
        var told = Told(
            NotificationRule(.failed, .succeeded, .started, .cancelled),
            NotificationRule(.failed, .succeeded, .started, .cancelled, kind: "file", stage: "a"))
        #expect(told.take(.runStarted) == ["webhook started"])
        #expect(told.take(.stageStarted("a")) == ["file started a"])
        #expect(told.take(.stageStarted("b")) == [])
        #expect(told.succeeds("a") == ["file succeeded a"])
        #expect(told.fails("b") == ["webhook failed b"])
        #expect(told.take(.stageCancelled("a")) == ["file cancelled a"])
        #expect(told.take(.runCancelled) == ["webhook cancelled"])
    }

    @Test("A retry is told once for each stage of a run")
    func retrying() {
        var told = Told(NotificationRule(.retrying))
        #expect(told.take(.stageRetrying("a")) == ["retrying a"])
        #expect(told.take(.stageRetrying("a")) == [])
        #expect(told.take(.stageRetrying("b")) == ["retrying b"])
        #expect(told.take(.stageRetrying("a"), "r2") == ["retrying a"])
    }

    @Test("Checks that warn are told until renotify is over or they pass")
    func warnings() {
        var told = Told(NotificationRule(.checkWarned))
        #expect(told.succeeds("a", warned: ["x"]) == ["check_warned a"])
        #expect(told.succeeds("a", "r2", warned: ["x"]) == [])
        #expect(told.succeeds("a", "r3", warned: ["y", "x"]) == ["check_warned a"])
        #expect(told.succeeds("a", "r4") == [])
        #expect(told.succeeds("a", "r5", warned: ["x"]) == ["check_warned a"])
    }

    @Test("A server that follows runs by itself hears of each run that fails, once")
    func monitors() {
        var told = Told(NotificationRule(.started, .succeeded, .failed, kind: "healthchecks"))
        #expect(told.take(.runStarted) == ["started"])
        #expect(told.fails("a") == ["failed a"])
        #expect(told.fails("b", "g") == [])
        #expect(told.fails("a", "f", "r2") == ["failed a"])
        #expect(told.runSucceeds("r3") == ["succeeded"])
    }

    @Test("A run that was late and succeeded has recovered")
    func late() {
        var told = Told(NotificationRule(.late, .recovered), NotificationRule(.failed, .recovered, kind: "file"))
        #expect(told.runSucceeds(ends: [.late]) == ["webhook recovered"], "whoever was not told of it hears nothing")
        #expect(told.runSucceeds("r2") == [])
        #expect(told.runSucceeds("r3", ends: [.failed]) == ["file recovered"], "a run that was given up")
    }

    @Test("What is for a terminal is not sent")
    func terminal() {
        var told = Told(NotificationRule(.failed, kind: "terminal"))
        #expect(told.fails("a") == [])
    }

    @Test("The observer decodes the kinds of events that it wants, and no others")
    func kinds() throws {
        let folder = try ScratchFolder()
        let store = try RunStore(StateFolder(path: folder.path))
        let sender = OutboxSender(
            store, reactor: ProcessReactor(), variables: [:], host: "h", now: { Moment(wall: 0, steady: 0) })
        let observer = NotificationObserver(store, outbox: sender, host: "h")
        let unit = UnitID("a")
        let changes: [RunChange] = [
            .runStarted(.ofTest), .runResumed(.ofTest), .runEnded(.failed), .paused, .unpaused, .unitQueued(unit),
            .unitHeld(unit, reason: "x"), .attemptStarted(unit, attempt: 1),
            .attemptEnded(unit, attempt: 1, .succeeded),
            .retryScheduled(unit, delay: .zero), .unitEnded(unit, .failed, reason: nil),
            .unitEnded(unit, .succeeded, reason: nil), .unitMarked(unit, .skipped, reason: "x"), .unitReset(unit),
            .stageReopened("a"), .itemsFound("a", []), .progressed(unit, attempt: 1, Progress()),
            .planChanged(
                PlanChange(plan: RunPlan(pipeline: "p", maxParallel: 1, stages: []), differences: []), by: "x"),
        ]
        for change in changes {
            #expect(observer.kinds?.contains(EventRow(change).kind) == observer.wants(change), "\(change)")
        }
    }

    @Test("However much fails, what is remembered has a bound; and it is the same after it was written and read")
    func bounds() throws {
        var told = Told(NotificationRule(.failed, .retrying, .checkWarned))
        for number in 0..<3000 { _ = told.fails("a", "f\(number)", RunID("r\(number)")) }
        #expect(told.memory.told.count <= 500)
        let text = JSONText.encoded(told.memory)
        let read = try JSONDecoder().decode(NotificationMemory.self, from: Data(text.utf8))
        #expect(read == told.memory)
    }
}
