import CaudalModel
import Engine
import Foundation
import TestSupport
import Testing

/// Which runs `prune` keeps, and what goes with the others.
@Suite("Retention", .tags(.runs), .timeLimit(.minutes(15)))
struct RetentionTests {
    private static let now = Moment(wall: 100 * 86_400_000, steady: 0)

    private static func run(
        _ id: RunID, pipeline: String = "p", daysAgo: Int64, _ status: RunState.Status = .succeeded,
        isLive: Bool = false
    ) -> RunSummary {
        RunSummary(
            id: id, pipeline: pipeline, file: "p.yaml", status: status, trigger: .manual,
            started: now.wall - daysAgo * 86_400_000, stageCount: 1, parameters: [:], isLive: isLive)
    }

    /// Runs of two pipelines, newest first, as the store has them.
    private static let runs = [
        run("p5", daysAgo: 0), run("p4", daysAgo: 1, .failed), run("q2", pipeline: "q", daysAgo: 5),
        run("p3", daysAgo: 10, .cancelled), run("p2", daysAgo: 30), run("p1", daysAgo: 31),
        run("q1", pipeline: "q", daysAgo: 90),
    ]

    /// `--keep`, `--older-than` in days, and the runs that may go, oldest first.
    static let rules: [(newest: Int?, days: Int64?, gone: [RunID])] = [
        (nil, nil, ["q1", "p1", "p2", "p3", "q2", "p4", "p5"]),
        (0, nil, ["q1", "p1", "p2", "p3", "q2", "p4", "p5"]),
        (1, nil, ["q1", "p1", "p2", "p3", "p4"]),
        (2, nil, ["p1", "p2", "p3"]),
        (9, nil, []),
        (nil, 30, ["q1", "p1", "p2"]),
        (nil, 31, ["q1", "p1"]),
        (nil, 365, []),
        // What one of the rules keeps stays.
        (1, 30, ["q1", "p1", "p2"]),
        (2, 5, ["p1", "p2", "p3"]),
        (4, 1, ["p1"]),
    ]

    @Test("A run goes that is neither among the newest of its pipeline nor young", arguments: rules)
    func rule(newest: Int?, days: Int64?, gone: [RunID]) {
        let retention = Retention(newest: newest, age: days.map { .seconds($0 * 86_400) })
        #expect(retention.removable(Self.runs, now: Self.now).map(\.id) == gone)
    }

    @Test(
        "A run that goes on, or that was interrupted and may be resumed, stays; it counts among the newest",
        arguments: [
            (RunState.Status.succeeded, false, true), (.failed, false, true), (.cancelled, false, true),
            (.running, true, false), (.running, false, false), (.interrupted, false, false),
        ])
    func status(status: RunState.Status, isLive: Bool, goes: Bool) {
        let runs = [Self.run("new", daysAgo: 1, status, isLive: isLive), Self.run("old", daysAgo: 2)]
        #expect(
            Retention(newest: 0, age: nil).removable(runs, now: Self.now).map(\.id)
                == (goes ? ["old", "new"] : ["old"]))
        #expect(Retention(newest: 1, age: nil).removable(runs, now: Self.now).map(\.id) == ["old"])
    }

    // MARK: - Removing

    /// A store with one run that has published a file and keeps its version.
    private func store(in folder: ScratchFolder) throws -> (RunStore, RunFolder) {
        let store = try RunStore(StateFolder(path: folder.path(".caudal")))
        try folder.write("out.csv", "12345")
        let run = store.folder.run("r1")
        try run.create()
        try folder.write(".caudal/runs/r1/logs/000001.jsonl", "1234567")
        let plan = RunPlan(pipeline: "p", root: folder.path, maxParallel: 1, stages: [PlannedStage(id: "a")])
        let hash = try #require(ContentHash.of(path: folder.path("out.csv")))
        let file = Artifact(dataset: "d", path: "out.csv", sizeInBytes: 5, contentHash: hash)
        try store.record(
            "r1", plan,
            [.runStarted(.ofTest)] + .attempt(UnitID("a"), AttemptResult(ending: .succeeded, artifacts: [file]))
                + [.runEnded(.succeeded)])
        #expect(KeptVersion.keep(folder.path("out.csv"), as: run.versions(UnitID("a"), 1) + "/out.csv"))
        return (store, run)
    }

    @Test("What goes is the folder and the record; what was published stays, and that a run made it")
    func remove() throws {
        let folder = try ScratchFolder()
        let (store, run) = try store(in: folder)
        // The kept version is a second name of the published file, and takes no room of its own.
        #expect(try store.remove("r1") == 7)
        #expect(!FileText.exists(run.path))
        #expect(try store.runs().isEmpty && store.events(of: "r1").isEmpty)
        #expect(try FileText.read(folder.path("out.csv")) == "12345")
        #expect(try store.isPublished("out.csv"))
    }

    @Test("A version that is published nowhere any more counts with its bytes")
    func versions() throws {
        let folder = try ScratchFolder()
        let (store, _) = try store(in: folder)
        try FileManager.default.removeItem(atPath: folder.path("out.csv"))
        #expect(try store.remove("r1") == 12)
    }

    @Test("A run that a process holds is not removed")
    func live() throws {
        let folder = try ScratchFolder()
        let (store, run) = try store(in: folder)
        let holder = try #require(ProcessWatch.lockHolder(run.lock))
        defer { ProcessWatch.end(holder) }
        #expect(try store.remove("r1") == nil)
        #expect(FileText.exists(run.path) && store.folder.run("r1").isLive)
        #expect(try store.runs().map(\.id) == ["r1"])
    }

    @Test("A folder that no record knows is what a removal left that was cut short, unless a process holds it")
    func forgotten() throws {
        let folder = try ScratchFolder()
        let (store, _) = try store(in: folder)
        for id in ["r2", "r3"] as [RunID] { try store.folder.run(id).create() }
        let later = Date(timeIntervalSinceNow: 60)
        #expect(store.folder.forgottenRuns(known: ["r1"], before: later) == ["r2", "r3"])
        #expect(
            store.folder.forgottenRuns(known: ["r1"], before: Date(timeIntervalSinceNow: -60)).isEmpty,
            "they may be those of runs that begin")
        let holder = try #require(ProcessWatch.lockHolder(store.folder.run("r3").lock))
        defer { ProcessWatch.end(holder) }
        #expect(store.folder.forgottenRuns(known: ["r1"], before: later) == ["r2"])
        #expect(StateFolder(path: folder.path("nowhere")).forgottenRuns(known: [], before: later).isEmpty)
        #expect(try store.remove("r1", isForgotten: true) == nil, "it has got a record since")
        #expect(try store.runs().map(\.id) == ["r1"])
        #expect(try store.remove("r2", isForgotten: true) != nil && !FileText.exists(store.folder.run("r2").path))
    }
}
