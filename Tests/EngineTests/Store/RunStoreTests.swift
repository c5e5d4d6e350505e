import CaudalModel
import Engine
import Foundation
import GRDB
import Testing
import TestSupport

@Suite("The run store", .timeLimit(.minutes(15)))
struct RunStoreTests {
    private func permissions(_ path: String) throws -> Int? {
        try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
    }

    private func created(_ store: RunStore, _ id: RunID, pipeline: String = "sales") throws -> RunState {
        let plan = RunPlan(pipeline: pipeline, maxParallel: 2, stages: [PlannedStage(id: "a", pool: "warehouse")])
        try store.create(
            RunRecord(id: id, plan: plan, trigger: .manual, started: Moment(wall: 1_795_413_600_000, steady: 5)))
        return RunState(id: id, plan: plan)
    }

    @Test("Everything in the state folder is for its owner alone, also where the folder was there before")
    func permissions() throws {
        let folder = try OwnFolder()
        let store = try RunStore(StateFolder(path: folder["state"]))
        _ = try created(store, "r1")
        #expect(try permissions(folder["state"]) == 0o700)
        #expect(try permissions(folder["state/runs"]) == 0o700)
        for name in ["caudal.db", "caudal.db-wal", "caudal.db-shm"] {
            #expect(try permissions(folder["state/" + name]) == 0o600, "\(name)")
        }
        let run = store.folder.run("r1")
        try run.create()
        #expect(try [run.path, run.logs, run.sql, run.staging].map(permissions) == [0o700, 0o700, 0o700, 0o700])
        _ = try RunLock.take(run)
        #expect(try permissions(run.lock) == 0o600)
    }

    @Test("Many processes may open a new store at the same moment")
    func openedAtOnce() async throws {
        for _ in 0..<5 {
            let folder = try OwnFolder()
            let stores = try await withThrowingTaskGroup(of: RunStore.self) { group in
                for _ in 0..<8 { group.addTask { try RunStore(StateFolder(path: folder.path)) } }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(stores.count == 8)
        }
    }

    @Test("Two processes that record at the same time wait for each other, and nothing is lost")
    func concurrentWriters() async throws {
        let folder = try OwnFolder()
        let state = StateFolder(path: folder.path)
        let stores = [try RunStore(state), try RunStore(state), try RunStore(state)]
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (number, store) in stores.enumerated() {
                let run = RunID("run-\(number)")
                let initial = try created(store, run)
                group.addTask {
                    var now = initial
                    for sequence in 1...200 {
                        let event = RunEvent(
                            sequence: Int64(sequence), time: Moment(wall: 0, steady: Int64(sequence)),
                            change: .unitHeld(UnitID("a"), reason: "\(sequence)"))
                        now.apply(event)
                        try store.record([event], remarks: [], of: now)
                        #expect(
                            try store.takeLease(of: UnitID("a"), planned: PlannedStage(id: "a"), run: run, pools: [:])
                                == nil)
                    }
                }
            }
            try await group.waitForAll()
        }
        for number in 0..<3 { #expect(try stores[0].events(of: RunID("run-\(number)")).count == 200) }
    }

    @Test("A sequence number is never recorded twice, and what comes with it is not recorded either")
    func doubledEvent() throws {
        let folder = try OwnFolder()
        let store = try RunStore(StateFolder(path: folder.path))
        let state = try created(store, "r1")
        func event(_ sequence: Int64) -> RunEvent {
            RunEvent(sequence: sequence, time: Moment(wall: 0, steady: 0), change: .paused)
        }
        try store.record([event(1)], remarks: [], of: state)
        #expect(throws: StoreError.self) { try store.record([event(2), event(1)], remarks: [], of: state) }
        #expect(try store.events(of: "r1").map(\.sequence) == [1])
    }

    @Test("A change that has to wait too long says that the store is busy and how to find who holds it")
    func busy() async throws {
        let folder = try OwnFolder()
        let store = try RunStore(StateFolder(path: folder.path))
        let other = try DatabaseQueue(path: store.folder.database)
        try await other.writeWithoutTransaction { db in
            try db.execute(sql: "BEGIN IMMEDIATE")
            defer { try? db.execute(sql: "ROLLBACK") }
            let error = #expect(throws: StoreError.self) { _ = try created(store, "r1") }
            #expect(error?.problem == .busy)
            #expect(error?.description.contains("fuser") == true)
            // Questions do not wait.
            #expect(try store.runs().isEmpty)
        }
    }

    @Test("A store that a newer caudal wrote is left alone")
    func newer() throws {
        let folder = try OwnFolder()
        let state = StateFolder(path: folder.path)
        _ = try RunStore(state)
        let database = try DatabaseQueue(path: state.database)
        try database.write { try $0.execute(sql: "PRAGMA user_version = 99") }
        let error = #expect(throws: StoreError.self) { try RunStore(state) }
        #expect(error?.problem == .tooNew(version: "99"))
        #expect(error?.description.contains("update this one") == true)
    }

    @Test("A store is opened again and again without change")
    func reopened() throws {
        let folder = try OwnFolder()
        let state = StateFolder(path: folder.path)
        _ = try created(try RunStore(state), "r1")
        #expect(try RunStore(state).runs().map(\.id) == ["r1"])
        let version = try DatabaseQueue(path: state.database).read { try Int.fetchOne($0, sql: "PRAGMA user_version") }
        #expect(version == 10)
    }

    @Test(
        "A file that is no database, or half of one, is a clear error", arguments: ["text", "cut", "zeros", "middle"])
    func damaged(how: String) throws {
        let folder = try OwnFolder()
        let state = StateFolder(path: folder.path)
        try state.create()
        if how == "text" {
            try folder.write(String(repeating: "this is no database\n", count: 500), to: "caudal.db")
        } else {
            let database = try DatabaseQueue(path: state.database)
            try database.write { db in
                try db.execute(sql: "CREATE TABLE x (a)")
                for _ in 0..<500 { try db.execute(sql: "INSERT INTO x VALUES (randomblob(500))") }
            }
            try database.close()
            let file = try #require(FileHandle(forUpdatingAtPath: state.database))
            switch how {
            case "cut": try file.truncate(atOffset: 5000)
            case "zeros": try file.write(contentsOf: Data(count: 20_000))
            default:
                try file.seek(toOffset: 100)
                try file.write(contentsOf: Data(repeating: 0xAB, count: 3900))
            }
            try file.close()
        }
        let error = #expect(throws: StoreError.self) { try RunStore(state) }
        #expect(error?.description.contains("it is damaged or no run store; move it away") == true, "\(error as Any)")
    }

    @Test("A damaged plan or event is a clear error and no crash")
    func damagedRows() throws {
        let folder = try OwnFolder()
        let store = try RunStore(StateFolder(path: folder.path))
        let state = try created(store, "r1")
        try store.record(
            [RunEvent(sequence: 1, time: Moment(wall: 0, steady: 0), change: .unitHeld(UnitID("a"), reason: "x"))],
            remarks: [],
            of: state)
        let database = try DatabaseQueue(path: store.folder.database)
        try database.write { try $0.execute(sql: "UPDATE events SET detail = '{\"rea'") }
        #expect(throws: StoreError.self) { try store.events(of: "r1") }
        try database.write { try $0.execute(sql: "UPDATE runs SET plan = '{'") }
        let error = #expect(throws: StoreError.self) { try store.state(of: "r1") }
        #expect(error?.description.contains("the plan of run r1 is damaged") == true)
        // The list of runs is still there.
        #expect(try store.runs().count == 1)
    }

    @Test(
        "A folder that cannot be written is a clear error",
        .enabled(if: SmallDisk.isPossible, "no file system can be mounted here"))
    func readOnly() throws {
        let disk = try SmallDisk(sizeInKiB: 1024)
        try disk.makeReadOnly()
        let error = #expect(throws: StoreError.self) { try RunStore(StateFolder(path: disk.path + "/state")) }
        #expect(
            error?.description.hasPrefix("\(disk.path)/state cannot be written to: Read-only file system; ") == true)
    }

    @Test(
        "A full disk is a clear error, and what was recorded before it holds",
        .enabled(if: SmallDisk.isPossible, "no file system can be mounted here"))
    func fullDisk() throws {
        let disk = try SmallDisk(sizeInKiB: 1024)
        let store = try RunStore(StateFolder(path: disk.path))
        let state = try created(store, "r1")
        var recorded: Int64 = 0
        let error = #expect(throws: StoreError.self) {
            for sequence in 1...1000 as ClosedRange<Int64> {
                let event = RunEvent(
                    sequence: sequence, time: Moment(wall: 0, steady: 0),
                    change: .unitHeld(UnitID("a"), reason: String(repeating: "x", count: 4000)))
                try store.record([event], remarks: [], of: state)
                recorded = sequence
            }
        }
        #expect(error?.problem == .full)
        #expect(recorded > 10)
        #expect(try store.events(of: "r1").last?.sequence == recorded)
    }

    @Test("A run without a process stands as interrupted, one with a process as running")
    func interrupted() throws {
        let folder = try OwnFolder()
        let store = try RunStore(StateFolder(path: folder.path))
        _ = try created(store, "r1")
        let run = store.folder.run("r1")
        try run.create()
        #expect(try store.runs().first?.trueStatus == .interrupted)
        #expect(try store.state(of: "r1").status == .interrupted)
        let holder = try #require(ProcessWatch.lockHolder(run.lock))
        #expect(try store.runs().first?.trueStatus == .running)
        ProcessWatch.end(holder)
        #expect(try store.runs().first?.trueStatus == .interrupted)
    }

    @Test("What a run took is the same in every list: to its end, to the last event of a process that died, or to now")
    func took() throws {
        let folder = try OwnFolder()
        let store = try RunStore(StateFolder(path: folder.path))
        let plan = RunPlan(pipeline: "sales", maxParallel: 2, stages: [PlannedStage(id: "a")])
        // An event a second: a process dies after two, the one after it ends the run, and a third takes it up again.
        let died: [RunChange] = [
            .runStarted(.ofTest), .unitQueued(UnitID("a")), .attemptStarted(UnitID("a"), attempt: 1),
        ]
        let again: [RunChange] = [.runResumed(.ofTest), .attemptStarted(UnitID("a"), attempt: 2)]
        let restored = RunChange.restored(RestoredVersions(paths: ["a.csv"]), by: "ann")
        let journals: [(id: RunID, changes: [RunChange], seconds: Int64)] = [
            ("r1", died, 2), ("r2", died + again, 3), ("r3", died + again + [.runEnded(.failed)], 4),
            ("r4", died + [.runEnded(.failed)] + again, 4), ("r5", died + [restored], 2),
        ]
        let late = Moment(wall: 1_795_500_000_000, steady: 86_400_000)
        for (id, changes, seconds) in journals {
            let state = try store.record(id, plan, changes)
            try store.folder.run(id).create()
            #expect(try store.state(of: id).duration(now: late) == .seconds(seconds), "\(id)")
            #expect(try store.runs().first { $0.id == id }?.took(now: late) == .seconds(seconds), "\(id)")
            var asked: [[StoreValue]] = []
            try StoreQuestion(store.folder).ask("SELECT seconds FROM runs WHERE id = '\(id)'", head: { _ in }) { row in
                asked.append(row)
                return true
            }
            #expect(asked == [[.real(Double(seconds))]], "\(id)")
            // The time of a process that lives goes on.
            guard state.status == .running else { continue }
            let holder = try #require(ProcessWatch.lockHolder(store.folder.run(id).lock))
            defer { ProcessWatch.end(holder) }
            let now = Moment(wall: 0, steady: 60_000)
            #expect(try store.runs().first { $0.id == id }?.took(now: now) == state.duration(now: now), "\(id)")
        }
    }

    @Test("How long a stage should take is told by runs with the same values, where there are enough")
    func usual() throws {
        let folder = try OwnFolder()
        let store = try RunStore(StateFolder(path: folder.path))
        func plan(_ parameters: [String: String], _ environment: String?) -> RunPlan {
            RunPlan(
                pipeline: "sales", environment: environment, parameters: parameters, maxParallel: 1,
                stages: [PlannedStage(id: "load")])
        }
        func record(_ number: Int, _ parameters: [String: String], _ environment: String? = nil, seconds: Int) throws {
            let waits = [RunChange](repeating: .paused, count: seconds - 1)
            let ends: [RunChange] = [
                .attemptEnded(UnitID("load"), attempt: 1, .succeeded),
                .unitEnded(UnitID("load"), .succeeded, reason: nil), .runEnded(.succeeded),
            ]
            _ = try store.record(
                RunID("20261123-0600\(10 + number)-aaaa"), plan(parameters, environment),
                [.runStarted(.ofTest), .attemptStarted(UnitID("load"), attempt: 1)] + waits + ends)
        }
        let small = ["rows": "10", "day": "2026-11-01"]
        for number in 0..<3 { try record(number, small, seconds: 2) }
        for number in 3..<7 { try record(number, ["rows": "900", "day": "2026-11-0\(number)"], seconds: 9) }
        for number in 7..<10 { try record(number, small, "prod", seconds: 5) }
        func usual(_ parameters: [String: String], _ environment: String? = nil) throws -> Duration? {
            try store.usualDurations(of: plan(parameters, environment))["load"]
        }
        #expect(try usual(small) == .seconds(2), "three runs had the same values")
        #expect(try usual(["rows": "10", "day": "2026-11-30"]) == .seconds(2), "the same ones on another day")
        #expect(try usual(["rows": "900", "day": "2026-11-30"]) == .seconds(9), "no day was run twice")
        #expect(try usual(small, "prod") == .seconds(5))
        #expect(try usual(["rows": "50"]) == .seconds(9), "nothing like it: the median of its environment")
        #expect(try usual(["rows": "50"], "test") == .seconds(5), "nothing in its environment: the median of all")
        let summaries = try store.runs()
        let known = summaries.usual(like: RunLikeness(parameters: small, environment: nil))
        #expect(known?.basis == "3 runs with the same values")
        let few = Array(summaries.filter { $0.environment == nil && $0.parameters == small }.prefix(2))
        let told = few.usual(like: RunLikeness(parameters: small, environment: nil))
        #expect(told?.basis == "2 runs with the same values", "there are no others")
    }

    @Test("A run is found by its id, its beginning, its end or as the last one")
    func finding() throws {
        let folder = try OwnFolder()
        let store = try RunStore(StateFolder(path: folder.path))
        for id in ["20261123-060000-k3f9", "20261123-070000-abcd", "20261124-060000-wxyz"] {
            _ = try created(store, RunID(id))
        }
        #expect(try store.find("last") == "20261124-060000-wxyz")
        #expect(try store.find("k3f9") == "20261123-060000-k3f9")
        #expect(try store.find("20261124") == "20261124-060000-wxyz")
        #expect(throws: StoreError.self) { try store.find("20261123") }
        #expect(throws: StoreError.self) { try store.find("%") }
        #expect(throws: StoreError.self) { try store.find("'; DROP TABLE runs; --") }
        #expect(throws: StoreError.self) { try store.find("") }
        #expect(try store.runs().count == 3)
    }

    @Test("Runs in a state are found however many others are newer, by what they are and not by what is recorded")
    func byStatus() throws {
        let folder = try OwnFolder()
        let store = try RunStore(StateFolder(path: folder.path))
        let plan = RunPlan(pipeline: "p", maxParallel: 1, stages: [])
        for (id, outcome) in [("r1", Outcome.failed), ("r2", .cancelled), ("r4", .succeeded), ("r5", .succeeded)] {
            try store.record(RunID(id), plan, [.runStarted(.ofTest), .runEnded(outcome)])
        }
        for id in ["r0", "r3"] { try store.record(RunID(id), plan, [.runStarted(.ofTest)]) }
        try store.folder.run("r3").create()
        let holder = try #require(ProcessWatch.lockHolder(store.folder.run("r3").lock))
        defer { ProcessWatch.end(holder) }
        func found(_ status: RunState.Status, limit: Int = 1) throws -> [RunID] {
            try store.runs(status: status, limit: limit).map(\.id)
        }
        #expect(try found(.failed) == ["r1"])
        #expect(try found(.cancelled) == ["r2"])
        #expect(try found(.running) == ["r3"])
        #expect(try found(.interrupted) == ["r0"])
        #expect(try found(.succeeded) == ["r5"])
        #expect(try found(.succeeded, limit: 9) == ["r5", "r4"])
        #expect(try store.runs(limit: 2).map(\.id) == ["r5", "r4"])
    }

    // MARK: - Leases

    @Test("A pool gives its slots to live runs only, and gets them back")
    func pools() throws {
        let folder = try OwnFolder()
        let store = try RunStore(StateFolder(path: folder.path))
        let planned = PlannedStage(id: "a", pool: "warehouse")
        func take(_ run: RunID, _ unit: UnitID = UnitID("a")) throws -> String? {
            try store.takeLease(of: unit, planned: planned, run: run, pools: ["warehouse": 1])
        }
        for run in ["r1", "r2", "r3"] as [RunID] { try store.folder.run(run).create() }
        let holder = try #require(ProcessWatch.lockHolder(store.folder.run("r1").lock))
        #expect(try take("r1") == nil)
        #expect(try take("r2") == "pool warehouse 1/1, held by run r1")
        #expect(try take("r1", UnitID("b", "north")) == "pool warehouse 1/1")
        ProcessWatch.end(holder)
        #expect(try take("r2") == nil, "a dead run holds nothing")
        #expect(try take("r2", UnitID("b")) == "pool warehouse 1/1")
        try store.releaseLease(of: UnitID("a"), run: "r2")
        #expect(try take("r2", UnitID("b")) == nil)
        try store.releaseAllLeases(of: "r2")
        #expect(try take("r3") == nil)
    }

    @Test("Memory and processors of the machine are not given twice")
    func machine() throws {
        let folder = try OwnFolder()
        let store = try RunStore(StateFolder(path: folder.path))
        let memory = try #require(MachineResources.total.memory)
        let most = PlannedStage(id: "a", resources: Resources(memory: memory / 10 * 9))
        #expect(try store.takeLease(of: UnitID("a"), planned: most, run: "r1", pools: [:]) == nil)
        let refusal = try store.takeLease(of: UnitID("b"), planned: most, run: "r1", pools: [:])
        #expect(refusal?.hasPrefix("memory: ") == true)
    }
}
