import CaudalModel
import Engine
import Foundation
import Testing
import TestSupport

@Suite("The journal", .timeLimit(.minutes(15)))
struct JournalTests {
    private static let process = ProcessIdentity(pid: 42, startTicks: .max, bootID: "b\"oot")

    private static let result: AttemptResult = {
        var result = AttemptResult(
            ending: .failed,
            failure: Failure(
                "it \"broke\"\n", remedy: "mend it", location: SourceLocation(file: "a.yaml", line: 3, column: 7)),
            exit: .signaled(9), duration: .milliseconds(1234),
            usage: ResourceUsage(user: .milliseconds(5), system: .milliseconds(6), peakMemory: 7),
            rows: RowAccount(
                read: 10, written: 4, quarantined: 3, duplicates: 2, dropped: 1,
                steps: [StepCount(step: "trim", rowsIn: 10, rowsOut: 9)]))
        result.artifacts = [
            Artifact(
                dataset: "d", path: "out/é.csv", sizeInBytes: 1, rowCount: nil,
                columns: [
                    Column("a", .text), Column("b", .decimal(precision: 10, scale: 2)), Column("c", .other("MAP")),
                ],
                contentHash: "xxh64:00"),
            Artifact(dataset: nil, path: "report.html", sizeInBytes: 0),
        ]
        result.reads = [InputVersion(dataset: "in", path: "raw", sizeInBytes: 9, contentHash: nil)]
        result.checks = [
            CheckResult(
                id: "c", kind: "range", severity: .warn, outcome: .error, measured: .infinity, expectation: "≥ 0",
                message: "m", failingRows: 1, totalRows: 2,
                samples: [SampleRow(row: nil, columns: ["a", "b"], values: [nil, "x\u{0}y"])], partition: "region=n",
                waiver: "w")
        ]
        result.lastLines = ["\u{1b}[31m", "", "\u{fffd}"]
        result.items = [Item(key: "k", values: ["a": nil, "b": "x"])]
        result.reusedFrom = "r0"
        result.reuseReason = "same"
        result.notes = ["n"]
        return result
    }()

    /// Every kind of change, with and without what is optional.
    private static let changes: [RunChange] = {
        let stage = UnitID("a")
        let item = UnitID("a", "north/é \"x\"")
        let commands: [RunCommand] = [
            .retry("a", downstream: true), .retryItems("a", ["x", "y"]), .retryItems("a", ["x"], downstream: true),
            .retryStages(["a", "b"]), .retryFailed,
            .cancel(item), .cancelRun,
            .pause,
            .unpause, .setLimit(.maxParallel, 7), .setLimit(.pool("w"), 2), .mark(stage, .succeeded, reason: "because"),
        ]
        let plan = PublishPlan(moves: [.init(staged: "/s", target: "/t", inode: .max)])
        var changes: [RunChange] = [
            .runStarted(process), .runResumed(process), .paused, .unpaused, .unitHeld(item, reason: "pool x 1/1"),
            .planChanged(
                PlanChange(
                    plan: RunPlan(pipeline: "p", maxParallel: 2, stages: [.init(id: "a", type: "sql", upstream: [])]),
                    differences: [
                        PlanDifference(stage: "a", kind: .changed, lines: ["+ é"]),
                        PlanDifference(stage: nil, kind: .removed),
                    ]), by: "é"),
            .attemptSpawned(item, attempt: 2, .process(process)),
            .attemptSpawned(item, attempt: 2, .job(kind: "slurm", id: "17")), .attemptStarted(stage, attempt: 1),
            .progressed(stage, attempt: 1, StageProgress()),
            .progressed(item, attempt: 3, StageProgress(fraction: 0.123456789, rows: .max, activity: "reading")),
            .publishing(item, attempt: 1, plan, result),
            .publishing(stage, attempt: 1, PublishPlan(moves: []), .succeeded),
            .attemptEnded(stage, attempt: 1, .succeeded), .attemptEnded(item, attempt: 9, result),
            .attemptEnded(stage, attempt: 1, AttemptResult(ending: .reused)), .itemsFound("a", []),
            .itemsFound("a", [Item(key: "n", values: ["r": nil]), Item(key: "s", values: [:])]),
            .retryScheduled(item, delay: .milliseconds(1500)), .unitReset(item), .stageReopened("a"),
            .restored(RestoredVersions(paths: ["out/é.csv"]), by: "operator \"é\""),
            .limitSet(.maxParallel, 3), .limitSet(.pool("w"), 1), .unitQueued(stage),
            .unitEnded(stage, .succeeded, reason: nil), .unitEnded(item, .succeeded, reason: "why"),
        ]
        changes += commands.map { .commandReceived($0, by: "operator \"é\"") }
        for outcome in Outcome.allCases {
            changes += [
                .unitEnded(stage, outcome, reason: nil), .unitMarked(item, outcome, reason: ""), .runEnded(outcome),
            ]
        }
        for reason in [StopReason.cancelled, .timedOut, .shutdown] {
            changes.append(.stopRequested(item, attempt: 1, reason))
        }
        return changes
    }()

    @Test("The events of these tests are of every kind that there is")
    func everyKind() {
        // A new kind does not compile here before it has its number, and fails before the tests have one of it.
        func number(_ change: RunChange) -> Int {
            switch change {
            case .runStarted: 0
            case .runResumed: 1
            case .planChanged: 2
            case .commandReceived: 3
            case .paused: 4
            case .unpaused: 5
            case .unitQueued: 6
            case .unitHeld: 7
            case .attemptStarted: 8
            case .attemptSpawned: 9
            case .progressed: 10
            case .stopRequested: 11
            case .publishing: 12
            case .attemptEnded: 13
            case .itemsFound: 14
            case .retryScheduled: 15
            case .unitEnded: 16
            case .unitMarked: 17
            case .unitReset: 18
            case .stageReopened: 19
            case .runEnded: 20
            case .restored: 21
            case .limitSet: 22
            }
        }
        #expect(Set(Self.changes.map(number)) == Set(0...22))
        #expect(Set(Self.changes.map { EventRow($0).kind }).count == 23, "no two kinds have one name")
    }

    private static let plan = RunPlan(
        pipeline: "p", file: "p.yaml", root: "/r", environment: "dev", parameters: ["a": "é"], maxParallel: 2,
        pools: ["w": 3],
        stages: [
            PlannedStage(id: "a", fanOut: .init(maxParallel: 2, onFailure: .stop)),
            PlannedStage(id: "b", upstream: ["a"], timeout: .seconds(60), resources: Resources(cpu: 1.5, memory: 5)),
        ])

    private func events(_ changes: [RunChange]) -> [RunEvent] {
        changes.enumerated().map { index, change in
            RunEvent(
                sequence: Int64(index + 1),
                time: Moment(wall: 1_795_413_600_000 + Int64(index), steady: Int64(index) * 3),
                change: change)
        }
    }

    @Test("Every kind of event comes back from the store as it was recorded")
    func roundTrip() throws {
        let folder = try OwnFolder()
        let store = try RunStore(StateFolder(path: folder.path))
        let events = events(Self.changes)
        let state = RunState(id: "r", plan: Self.plan, events: events)
        try store.create(RunRecord(id: "r", plan: Self.plan, trigger: .manual, started: events[0].time))
        try store.record(events, remarks: [], of: state)
        let found = try store.events(of: "r")
        try #require(found.count == events.count)
        for (one, other) in zip(events, found) { #expect(one == other) }
        #expect(try store.events(of: "r", after: 5).map(\.sequence) == Array(6...Int64(events.count)))
        #expect(try store.plan(of: "r") == Self.plan)
    }

    @Test("The end of a program that said nothing is written by hand as the encoder writes it")
    func handWritten() throws {
        let result = AttemptResult(
            ending: .succeeded, exit: .exited(0), duration: .milliseconds(1234),
            usage: ResourceUsage(user: .milliseconds(7), system: .milliseconds(8), peakMemory: 1 << 40))
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let encoded = String(decoding: try encoder.encode(result), as: UTF8.self)
        #expect(EventRow(.attemptEnded(UnitID("a"), attempt: 1, result)).detail == encoded)
    }

    @Test("A measure that is no number comes back too")
    func noNumber() throws {
        var result = Self.result
        result.checks[0].measured = .nan
        let back = try EventRow(.attemptEnded(UnitID("a"), attempt: 1, result)).change()
        guard case .attemptEnded(_, _, let back) = back else {
            Issue.record("\(back as Any) is no end of an attempt")
            return
        }
        #expect(back.checks[0].measured?.isNaN == true)
    }

    @Test("Every event is one line of JSON for other programs")
    func jsonLines() throws {
        for event in events(Self.changes) {
            let line = event.jsonLine(run: "r\"x")
            #expect(!line.contains("\n"))
            let object = try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
            #expect(object["run"] as? String == "r\"x")
            #expect((object["seq"] as? NSNumber)?.int64Value == event.sequence)
            #expect(object["kind"] as? String == EventRow(event.change).kind)
        }
    }

    @Test("An event of a kind that only a newer caudal knows is passed over; a damaged one is an error")
    func unknownKinds() throws {
        #expect(try EventRow(kind: "from_the_future", detail: "{}").change() == nil)
        #expect(throws: (any Error).self) { try EventRow(kind: "run_ended", detail: "{").change() }
        #expect(throws: (any Error).self) { try EventRow(kind: "items_found", stage: "a").change() }
    }

    @Test("However a run went, folding its journal gives the state that was shown live, at every step")
    func foldOfAnyOrder() throws {
        for seed in 1...20 as ClosedRange<UInt64> {
            let folder = try OwnFolder()
            let store = try RunStore(StateFolder(path: folder.path))
            var random = SplitMix64(seed: seed)
            let events = events((0..<60).compactMap { _ in Self.changes.randomElement(using: &random) })
            try store.create(RunRecord(id: "r", plan: Self.plan, trigger: .manual, started: events[0].time))
            var live = RunState(id: "r", plan: Self.plan)
            for event in events {
                live.apply(event)
                try store.record([event], remarks: [], of: live)
            }
            let stored = try store.events(of: "r")
            try #require(stored.count == events.count)
            var replayed = RunState(id: "r", plan: try store.plan(of: "r"))
            live = RunState(id: "r", plan: Self.plan)
            for (one, other) in zip(events, stored) {
                live.apply(one)
                replayed.apply(other)
                try #require(live == replayed, "seed \(seed), event \(one.sequence): \(one.change)")
            }
        }
    }

    @Test("What an attempt used is recorded as it is shown", .timeLimit(.minutes(15)))
    func usage() async throws {
        let execution = try await AttemptTrial().shell("i=0; while [ $i -lt 3000 ]; do i=$((i+1)); done")
        let result = AttemptResult(ending: .succeeded, usage: execution.usage)
        #expect(
            try EventRow(.attemptEnded(UnitID("a"), attempt: 1, result)).change()
                == .attemptEnded(UnitID("a"), attempt: 1, result))
    }
}
