import CaudalModel
import Engine
import TestSupport
import Testing

/// What a command would bring about, told before it is given.
@Suite("CommandPreview", .tags(.runs), .timeLimit(.minutes(15)))
struct CommandPreviewTests {
    private static let now = Moment(wall: 100_000, steady: 100_000)

    /// A chain with a fan-out and with stages that do harm when they run twice, and a stage that is passed over.
    private static let plan = RunPlan(
        pipeline: "p", maxParallel: 9,
        stages: [
            PlannedStage(id: "make", outputPaths: ["make.csv"], expected: .seconds(1)),
            PlannedStage(
                id: "split", upstream: ["make"], fanOut: .init(maxParallel: nil, onFailure: .proceed),
                outputPaths: ["out/${item.k}.csv"], expected: .seconds(2)),
            PlannedStage(id: "load", upstream: ["split"], isIdempotent: false, expected: .seconds(4)),
            PlannedStage(id: "mail", upstream: ["load"], isIdempotent: false),
            PlannedStage(id: "never", skipReason: "x is false"),
        ])

    /// The run after some inputs.
    private static func run(_ inputs: [RunInput], plan: RunPlan = plan) -> RunState {
        var machine = RunMachine(state: RunState(id: "r", plan: plan), seed: 1)
        for (second, input) in ([.begin] + inputs).enumerated() {
            _ = machine.handle(input, at: Moment(wall: Int64(second) * 1000, steady: Int64(second) * 1000))
        }
        return machine.state
    }

    private static func reopening(
        _ inputs: [RunInput], _ command: RunCommand?, change: PlanChange? = nil, usual: [StageID: Duration] = [:],
        files: @escaping CommandPreview.FileFinder = { _ in [] }
    ) -> CommandPreview {
        CommandPreview(
            reopening: run(inputs), change: change, command: command, usual: usual, files: files, now: now)
    }

    /// A preview on a line: each of its lists that is not empty, by name, with the items that it is about.
    private static func text(_ preview: CommandPreview) -> String {
        func list(_ name: String, _ stages: [StageID], _ items: [StageID: [ItemKey]] = [:]) -> String? {
            let words = stages.map { stage in
                items[stage].map { "\(stage)[\($0.map(\.rawValue).joined(separator: " "))]" } ?? stage.rawValue
            }
            return words.isEmpty ? nil : "\(name) \(words.joined(separator: " "))"
        }
        return [
            preview.refusal.map { "refused: \($0)" }, list("runs", preview.runs, preview.items),
            list("stays", preview.stays, preview.keptItems), list("left", preview.left, preview.leftItems),
            list("goes on", preview.goesOn), list("stops", preview.stops), list("harms", preview.harmful),
            list("skips", preview.skips.map(\.stage)), list("finds items", preview.findsItems.sorted()),
        ].compactMap(\.self).joined(separator: ", ")
    }

    private static let found: [RunInput] = [.succeeds("make"), .finds("split", 1, "x", "y", "z")]
    private static let splitFailed = found + [.fails("split/x"), .succeeds("split/y"), .fails("split/z")]
    private static let loadFailed =
        found + [.succeeds("split/x"), .succeeds("split/y"), .succeeds("split/z"), .fails("load")]

    // MARK: - Runs that go on

    /// What has happened, what is asked for (nothing only lets a run go on), and what it would bring about.
    struct Case: Sendable, CustomTestStringConvertible {
        let given: [RunInput]
        let command: RunCommand?
        let expected: String

        init(_ given: [RunInput], _ command: RunCommand?, _ expected: String) {
            self.given = given
            self.command = command
            self.expected = expected
        }

        var testDescription: String { "\(command.map { "\($0)" } ?? "nothing"): \(expected)" }
    }

    private static let live: [Case] = [
        .init([], .cancel(UnitID("make")), "stops make"),
        .init([], .cancel(UnitID("load")), "goes on make, stops load"),
        .init([], .cancelRun, "stops make split load mail"),
        .init(found, .cancel(UnitID("split")), "stays make, stops split"),
        .init(found, .cancel(UnitID("split", "x")), "stays make, stops split"),
        .init(found, .cancelRun, "stays make, stops split load mail"),
        .init(found + [.ann(.cancelRun)], .cancelRun, "stays make, left load mail, goes on split"),
        .init(found, .pause, "stays make, goes on split"),
        .init(found, .unpause, "refused: the run is not paused"),
        .init(found + [.fails("split/x")], .retryItems("split", ["x"]), "stays make, goes on split"),
        .init([], .retry("make", downstream: false), "refused: make is running; cancel it first"),
    ]

    @Test("What a command brings about in a run that goes on", arguments: live)
    func liveRun(example: Case) throws {
        let preview = CommandPreview(
            of: try #require(example.command), on: Self.run(example.given), files: { _ in [] }, now: Self.now)
        #expect(Self.text(preview) == example.expected)
    }

    @Test("A stage that waits for its next try and is tried now runs")
    func triedNow() {
        let plan = RunPlan(pipeline: "p", maxParallel: 1, stages: [PlannedStage(id: "a", retry: RetryPolicy(limit: 1))])
        let state = Self.run([.fails("a")], plan: plan)
        let preview = CommandPreview(of: .retry("a", downstream: false), on: state, files: { _ in [] }, now: Self.now)
        #expect(preview.runs == ["a"] && preview.standing == ["a": .retrying])
    }

    // MARK: - Runs that are taken up again

    private static let ended: [Case] = [
        .init(loadFailed, .retryFailed, "runs load mail, stays make split, harms load, skips never"),
        .init(
            loadFailed, .retry("load", downstream: false), "runs load mail, stays make split, harms load, skips never"),
        .init(
            loadFailed, .retry("make", downstream: true),
            "runs make split load mail, harms load, skips never, finds items split"
        ),
        .init(loadFailed, .retryStages(["load", "make"]), "runs make load mail, stays split, harms load, skips never"),
        .init(
            loadFailed, .retry("none", downstream: false),
            "refused: the run has no stage 'none'; there is make, split, load, mail, never"
        ),
        .init(loadFailed, nil, "stays make split, left load mail, skips never"),
        .init(
            splitFailed, .retryItems("split", ["x"]),
            "runs split[x], stays make split[y], left split[z] load mail, skips never"
        ),
        .init(splitFailed, .retryFailed, "runs split[x z] load mail, stays make split[y], skips never"),
        // Without a command, what was under way when its process died.
        .init(found, nil, "runs split[x y z] load mail, stays make, skips never"),
        .init(found + [.publishes("split/x")], nil, "runs split[y z] load mail, stays make split[x], skips never"),
        .init([.ann(.cancelRun), .stopped("make")], .retryFailed, "runs make split load mail, skips never"),
        .init(loadFailed, .mark(UnitID("load"), .succeeded, reason: "r"), "runs mail, stays make split, skips never"),
        .init(loadFailed, .mark(UnitID("load"), .skipped, reason: "r"), "stays make split, skips never mail"),
    ]

    @Test("What taking a run up again brings about", arguments: ended)
    func endedRun(example: Case) {
        #expect(Self.text(Self.reopening(example.given, example.command)) == example.expected)
    }

    @Test("What is marked is told as marked, with how")
    func marked() {
        let preview = Self.reopening(Self.loadFailed, .mark(UnitID("load"), .skipped, reason: "r"))
        #expect(preview.marked?.unit == UnitID("load") && preview.marked?.outcome == .skipped)
        #expect(Self.reopening(Self.loadFailed, .retryFailed).marked == nil)
    }

    @Test("What was marked as succeeded was done by somebody, and may do harm when it runs behind a retry")
    func doneByHand() {
        let given = Self.loadFailed + [.mark("mail", .succeeded)]
        let preview = Self.reopening(given, .retry("make", downstream: true))
        #expect(preview.runs.contains("mail") && preview.harmful.contains("mail"), "\(Self.text(preview))")
        let skipped = Self.reopening(Self.loadFailed + [.mark("mail", .skipped)], .retry("make", downstream: true))
        #expect(!skipped.runs.contains("mail") && skipped.skips.map(\.stage).contains("mail"), "\(Self.text(skipped))")
    }

    @Test("A changed file is looked at with the plan that it gives the run")
    func changed() {
        var plan = Self.plan
        plan.stages[4].skipReason = nil
        plan.stages.append(PlannedStage(id: "more"))
        let change = PlanChange(
            plan: RunPlan(pipeline: "p", maxParallel: 9, stages: plan.stages), differences: [])
        let preview = Self.reopening(Self.loadFailed, .retryFailed, change: change)
        #expect(Self.text(preview) == "runs never more load mail, stays make split, harms load")
    }

    @Test("How each stage stands now is told, and what was only asked changes nothing")
    func standing() {
        let state = Self.run(Self.loadFailed)
        let preview = CommandPreview(
            reopening: state, change: nil, command: .retryFailed, files: { _ in [] }, now: Self.now)
        #expect(
            preview.standing == [
                "make": .succeeded, "split": .succeeded, "load": .failed, "mail": .blocked, "never": .skipped,
            ])
        #expect(state == Self.run(Self.loadFailed))
    }

    // MARK: - New runs

    @Test("A new run runs all that is not passed over or reused; nothing has run before, so nothing does harm")
    func starting() {
        let preview = CommandPreview(starting: Self.plan, files: { _ in [] }, now: Self.now)
        #expect(Self.text(preview) == "runs make split load mail, skips never")
        #expect(preview.standing.isEmpty)
        #expect(preview.skips.map(\.reason) == ["x is false"])
        var outlook = ReuseOutlook()
        outlook.decisions = ["load": .open("only if split writes what it wrote before"), "make": .reuse("r0")]
        let reusing = CommandPreview(starting: Self.plan, outlook: outlook, files: { _ in [] }, now: Self.now)
        #expect(reusing.runs == ["split", "load", "mail"])
        #expect(reusing.reuse.map(\.stage) == ["make", "load"], "upstream first")
    }

    // MARK: - Files

    @Test("What is there and would be written over is told: files by the items' values, tables as they are")
    func overwrites() {
        let there: Set = ["make.csv", "out/x.csv", "out/q.csv", "out/a.csv"]
        let files: CommandPreview.FileFinder = { path in
            path == "out/*.csv" ? ["out/a.csv", "out/q.csv"] : there.contains(path) ? [path] : []
        }
        #expect(
            Self.reopening(Self.splitFailed, .retryItems("split", ["x", "z"]), files: files).overwrites == ["out/x.csv"]
        )
        #expect(
            Self.reopening(Self.loadFailed, .retry("make", downstream: true), files: files).overwrites
                == ["make.csv", "out/x.csv"], "the items are most likely those that there were")
        #expect(
            CommandPreview(starting: Self.plan, files: files, now: Self.now).overwrites
                == ["make.csv", "out/a.csv", "out/q.csv"], "no item is known")
        let table = Artifact(dataset: "t", path: "db.t", sizeInBytes: 0)
        let gone = Artifact(dataset: "d", path: "gone.csv", sizeInBytes: 1, contentHash: "x")
        let made = AttemptResult(ending: .succeeded, artifacts: [table, gone])
        #expect(
            Self.reopening([.ends("make", 1, made), .fails("split")], .retry("make", downstream: false), files: files)
                .overwrites == ["db.t", "make.csv"])
    }

    // MARK: - How long

    /// The command, what stages have taken since the run was planned, how long it should take, and what nobody knows.
    static let estimates: [(RunCommand, [StageID: Duration], Duration?, [StageID])] = [
        (.retryFailed, [:], nil, ["mail"]),
        (.retryFailed, ["mail": .seconds(3)], .seconds(7), []),
        // The plan's own history counts more than what came later.
        (.retryFailed, ["mail": .seconds(3), "load": .seconds(100)], .seconds(7), []),
        (.retry("make", downstream: true), ["mail": .seconds(3)], .seconds(10), []),
        (.mark(UnitID("load"), .succeeded, reason: "r"), ["mail": .seconds(3)], .seconds(3), []),
        // Nothing runs.
        (.mark(UnitID("load"), .skipped, reason: "r"), ["mail": .seconds(3)], nil, []),
    ]

    @Test(
        "How long it should take is the longest path of what runs, where every stage has a history",
        arguments: estimates)
    func estimate(command: RunCommand, usual: [StageID: Duration], expected: Duration?, unknown: [StageID]) {
        let preview = Self.reopening(Self.loadFailed, command, usual: usual)
        #expect(preview.estimate == expected)
        #expect(preview.withoutHistory == unknown)
    }

    @Test("What is told of a new run comes true where every stage succeeds", .tags(.property))
    func newRunsComeTrue() {
        for seed: UInt64 in 1...2000 {
            var chance = Chance(seed: seed)
            var stages = RandomPlan(using: &chance, maxStages: 12).plan.stages
            for index in stages.indices {
                (stages[index].fanOut, stages[index].pool, stages[index].resources) = (nil, nil, Resources())
            }
            let plan = RunPlan(pipeline: "p", maxParallel: 3, stages: stages)
            let told = CommandPreview(starting: plan, files: { _ in [] }, now: Self.now)
            var machine = RunMachine(state: RunState(id: "r", plan: plan), seed: seed)
            _ = machine.handle(.begin, at: Self.now)
            while let running = machine.state.stages.first(where: { $0.unit.status == .running }) {
                _ = machine.handle(.succeeds(RuleUnit(stringLiteral: running.id.rawValue)), at: Self.now)
            }
            func ended(_ status: UnitStatus) -> Set<StageID> {
                Set(machine.state.stages.filter { $0.unit.status == status }.map(\.id))
            }
            #expect(machine.state.status == .succeeded, "seed \(seed)")
            #expect(Set(told.runs) == ended(.succeeded), "seed \(seed)")
            #expect(Set(told.skips.map(\.stage)) == ended(.skipped), "seed \(seed)")
        }
    }

    @Test("What is skipped because a stage before it is, is told with it, of a run that begins and of one that goes on")
    func skippedBehind() {
        let plan = RunPlan(
            pipeline: "p", maxParallel: 2,
            stages: [
                PlannedStage(id: "a"), PlannedStage(id: "s", skipReason: "x is false"),
                PlannedStage(id: "b", upstream: ["a", "s"]), PlannedStage(id: "c", upstream: ["b"]),
                PlannedStage(id: "last", upstream: ["c"], when: .allDone),
            ])
        let starting = CommandPreview(starting: plan, files: { _ in [] }, now: Self.now)
        #expect(Self.text(starting) == "runs a last, skips s b c")
        let live = RunPlan(
            pipeline: "p", maxParallel: 2,
            stages: [
                PlannedStage(id: "a"), PlannedStage(id: "b"), PlannedStage(id: "c", upstream: ["b"]),
                PlannedStage(id: "end", upstream: ["a", "c"]),
            ])
        let marked = CommandPreview(
            of: .mark(UnitID("b"), .skipped, reason: "x"), on: Self.run([.fails("b")], plan: live), files: { _ in [] },
            now: Self.now)
        #expect(Self.text(marked) == "goes on a, skips c end")
        #expect(marked.skips.map(\.reason) == ["b was skipped", "c was skipped"])
    }
}

@Suite("What is held back is told before a command", .timeLimit(.minutes(1)))
struct HeldBackTests {
    private static let plan = RunPlan(
        pipeline: "p", maxParallel: 2,
        stages: [
            PlannedStage(id: "a"), PlannedStage(id: "b", upstream: ["a"]), PlannedStage(id: "c", upstream: ["b"]),
            PlannedStage(id: "d"),
        ])

    @Test("A cancelled stage blocks what needs it, and what needs that")
    func blocks() {
        var machine = RunMachine(state: RunState(id: "r", plan: Self.plan), seed: 0)
        let now = Moment(wall: 0, steady: 0)
        _ = machine.handle(.start(ProcessIdentity(pid: 1, startTicks: 1, bootID: "b")), at: now)
        let preview = CommandPreview(of: .cancel(UnitID("a")), on: machine.state, files: { _ in [] }, now: now)
        #expect(preview.stops == ["a"] && preview.blocks == ["b", "c"], "\(preview)")
        let all = CommandPreview(of: .cancelRun, on: machine.state, files: { _ in [] }, now: now)
        #expect(all.blocks.isEmpty, "nothing else is left")
    }
}
