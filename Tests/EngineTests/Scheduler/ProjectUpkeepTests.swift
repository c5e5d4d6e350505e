import CaudalModel
import TestSupport
import Testing

@testable import Engine

@Suite("The upkeep of a project's store", .timeLimit(.minutes(15)))
struct ProjectUpkeepTests {
    private static let day: Int64 = 86_400_000
    private static let plan = RunPlan(pipeline: "old", maxParallel: 1, stages: [PlannedStage(id: "only")])

    @Test(
        "Once a day runs go that 'retention' does not keep, also of a pipeline that does not run, and the store shrinks"
    )
    func daily() throws {
        let folder = try ScratchFolder()
        try folder.write(
            "config/old.yaml",
            """
            version: 1
            name: old
            retention: {older_than: 30d}
            stages: {only: {type: command, run: "true"}}
            """)
        let store = try RunStore(StateFolder(path: folder.path(".caudal")))
        let now = SystemClock.now
        let text = String(repeating: "a reason as long as reasons are ", count: 200)
        for number in 0..<200 {
            let started = now.wall - Int64(40 + number) * Self.day
            let id = RunID(startedAt: Moment(wall: started, steady: 0), random: UInt64(number))
            var changes: [RunChange] = [.runStarted(.ofTest)]
            changes += (0..<5).map { .unitHeld(UnitID("only"), reason: "\($0) \(text)") }
            try store.record(id, Self.plan, started: started, changes + [.runEnded(.succeeded)])
        }
        let before = try #require(FileText.size(store.folder.database))
        func upkeep() -> ProjectUpkeep {
            ProjectUpkeep(store: store, root: folder.path, chosenRoot: folder.path, variables: [:])
        }
        let told = upkeep().carryOutIfDue(now: now)
        #expect(told.first?.hasPrefix("old: 'retention' removed 199 runs") == true, "\(told)")
        #expect(told.last?.hasPrefix("the run store is") == true, "\(told)")
        let after = try #require(FileText.size(store.folder.database))
        #expect(after < before / 4, "\(before) bytes, then \(after)")
        #expect(try store.runs().count == 1, "the newest stays")
        try folder.write(
            "config/old.yaml", try FileText.read(folder.path("config/old.yaml")).replacing("30d", with: "x"))
        #expect(upkeep().carryOutIfDue(now: Moment(wall: now.wall + 3_600_000, steady: 0)) == [], "not again so soon")
    }

    @Test("What cannot be done is told, and the rest is done")
    func faults() throws {
        let folder = try ScratchFolder()
        let store = try RunStore(StateFolder(path: folder.path(".caudal")))
        try folder.write(".caudal/scheduler/upkeep/in-the-way", "")
        let later = Moment(wall: SystemClock.now.wall + 2 * Self.day, steady: 0)
        let told = ProjectUpkeep(store: store, root: folder.path, chosenRoot: nil, variables: [:]).carryOutIfDue(
            now: later)
        #expect(told.count == 1 && told[0].contains("could not begin"), "\(told)")
    }
}
