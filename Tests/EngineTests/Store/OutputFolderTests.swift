import CaudalModel
import Foundation
import TestSupport
import Testing

@testable import Engine

@Suite("Folders that stages write")
struct OutputFolderTests {
    private let folder: ScratchFolder
    private let store: RunStore
    private let stage: Stage
    private static let unit = UnitID("x")

    init() throws {
        folder = try ScratchFolder()
        store = try RunStore(StateFolder(path: folder.path("state")))
        let pipeline = try Pipeline(
            yaml: """
                version: 1
                name: p
                datasets: {x: {path: out/x, format: csv}}
                stages: {x: {type: command, output: x, run: "true"}}
                """)
        stage = try #require(pipeline.stage("x"))
    }

    /// Records that a run publishes the folder with some files, of which it keeps a version.
    private func publish(_ run: RunID, _ files: [String], at start: Int64, isRecorded: Bool) throws {
        for name in files { try folder.write("state/runs/\(run)/versions/x/1/\(name)", "v") }
        var artifact = Artifact(
            dataset: "x", path: "out/x", sizeInBytes: 1, rowCount: nil, columns: [], contentHash: "xxh64:\(run)")
        artifact.kept = "runs/\(run)/versions/x/1"
        var result = AttemptResult.succeeded
        result.artifacts = [artifact]
        let plan = RunPlan(
            pipeline: "p", root: folder.path, maxParallel: 1, stages: [PlannedStage(id: "x", outputs: ["x"])])
        let begun: [RunChange] = [
            .runStarted(.ofTest), .attemptStarted(Self.unit, attempt: 1),
            .publishing(Self.unit, attempt: 1, PublishPlan(moves: []), result),
        ]
        let ended: [RunChange] = [
            .attemptEnded(Self.unit, attempt: 1, result), .unitEnded(Self.unit, .succeeded, reason: nil),
            .runEnded(.succeeded),
        ]
        try store.record(run, plan, started: start, isRecorded ? begun + ended : begun)
    }

    private func lay(_ files: String...) throws {
        for name in files { try folder.write("out/x/\(name)", "v") }
    }

    private func refuse() throws {
        try OutputFolder.refuseOfOthers(at: folder.path("out/x"), shown: "out/x", stage, store)
    }

    @Test("A folder that a run is just publishing for the first time is that run's, and the next one replaces it")
    func notRecordedYet() throws {
        try lay("a.csv")
        #expect(throws: Failure.self) { try refuse() }
        try publish("r1", ["a.csv"], at: 1000, isRecorded: false)
        #expect(throws: Never.self) { try refuse() }
        try lay("notes.txt")
        let failure = #expect(throws: Failure.self) { try refuse() }
        #expect(failure?.message.contains("holds notes.txt, which no run put there") == true)
    }

    @Test("A folder may be of any publication: runs that overlap end in another order, and earlier ones are restored")
    func otherOrder() throws {
        try publish("r1", ["a.csv"], at: 1000, isRecorded: true)
        try publish("r2", ["b.csv"], at: 900_000, isRecorded: true)
        try lay("a.csv")
        #expect(throws: Never.self) { try refuse() }
        try lay("b.csv")
        #expect(throws: Failure.self) { try refuse() }
    }

    @Test("Files of items that a run has not recorded yet are of that run")
    func unrecordedItems() throws {
        #expect(try store.allPublications(at: "out/x").isEmpty)
        try publish("r1", ["a.csv"], at: 1000, isRecorded: true)
        try publish("r2", ["a.csv"], at: 2000, isRecorded: false)
        #expect(try store.allPublications(at: "out/x").map(\.run) == ["r1", "r2"])
        #expect(try store.allPublications(at: "out/x", limit: 1).first?.artifact.dataset == "x")
    }
}
