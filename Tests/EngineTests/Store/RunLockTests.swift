import CaudalModel
import Engine
import Foundation
import Testing
import TestSupport

@Suite("The lock of a run", .timeLimit(.minutes(15)))
struct RunLockTests {
    private func runFolder(_ folder: OwnFolder) throws -> RunFolder {
        let run = StateFolder(path: folder.path).run("one")
        try run.create()
        return run
    }

    @Test("A run is live exactly as long as its lock is held")
    func lifetime() throws {
        let folder = try OwnFolder()
        let run = try runFolder(folder)
        #expect(!run.isLive)
        var lock = try RunLock.take(run)
        #expect(lock != nil)
        #expect(run.isLive)
        #expect(try RunLock.take(run) == nil)
        #expect(run.isLive, "asking and failing must not take it away")
        lock = nil
        #expect(!run.isLive)
        #expect(try RunLock.take(run) != nil)
    }

    @Test("The lock of a process that is killed is free at once")
    func killedHolder() throws {
        let folder = try OwnFolder()
        let run = try runFolder(folder)
        let holder = try #require(ProcessWatch.lockHolder(run.lock))
        #expect(run.isLive)
        #expect(try RunLock.take(run) == nil)
        ProcessWatch.end(holder)
        #expect(!run.isLive)
        #expect(try RunLock.take(run) != nil)
    }

    @Test("A run whose lock file was removed is live, and nobody else takes it")
    func removedFile() throws {
        let folder = try OwnFolder()
        let run = try runFolder(folder)
        var lock = try RunLock.take(run)
        try FileManager.default.removeItem(atPath: run.lock)
        #expect(run.isLive, "its process lives")
        #expect(try RunLock.take(run) == nil)
        #expect(run.isLive, "asking and failing must not take it away")
        // In another container its process cannot be seen.
        try FileManager.default.removeItem(atPath: run.path + "/holder")
        #expect(!run.isLive)
        #expect(try lock?.renew() == true)
        #expect(run.isLive)
        #expect(try lock?.renew() == false)
        #expect(try RunLock.take(run) == nil)
        lock = nil
        #expect(!run.isLive)
        #expect(try RunLock.take(run) != nil)
    }

    @Test("Who finds that another process has taken the run gives it up, and does not call it dead")
    func takenOver() throws {
        let folder = try OwnFolder()
        let run = try runFolder(folder)
        let lock = try #require(try RunLock.take(run))
        try FileManager.default.removeItem(atPath: run.lock)
        let holder = try #require(ProcessWatch.lockHolder(run.lock))
        defer { ProcessWatch.end(holder) }
        let error = #expect(throws: StoreError.self) { try lock.renew() }
        #expect(error?.problem == .takenOver)
        try FileManager.default.removeItem(atPath: run.path + "/holder")
        lock.release()
        #expect(run.isLive, "the other process holds it")
    }

    @Test("Who held a lock and was killed is not taken for alive; nor is a process that got its number")
    func deadHolder() throws {
        let folder = try OwnFolder()
        let run = try runFolder(folder)
        var other = ProcessTable.own
        other.startTicks += 1
        for identity in [ProcessIdentity.ofTest, other] {
            try JSONText.encoded(identity).write(toFile: run.path + "/holder", atomically: false, encoding: .utf8)
            #expect(!run.isLive)
        }
        #expect(try RunLock.take(run) != nil)
        #expect(!FileManager.default.fileExists(atPath: run.path + "/holder"))
    }

    @Test("A child that outlives its run does not hold the run's lock", .timeLimit(.minutes(15)))
    func children() async throws {
        let folder = try OwnFolder()
        let run = try runFolder(folder)
        var lock = try RunLock.take(run)
        #expect(lock != nil)
        let trial = try AttemptTrial()
        async let execution = trial.run(["/bin/sleep", "1000"])
        await trial.hasStarted()
        lock = nil
        #expect(!run.isLive)
        trial.control.requestStop(.cancelled)
        _ = await execution
    }

    @Test("Of many that want it at once exactly one gets it")
    func contention() async throws {
        let folder = try OwnFolder()
        let run = try runFolder(folder)
        let locks = try await withThrowingTaskGroup(of: RunLock?.self) { group in
            for _ in 0..<50 { group.addTask { try RunLock.take(run) } }
            return try await group.reduce(into: [RunLock]()) { list, lock in if let lock { list.append(lock) } }
        }
        #expect(locks.count == 1)
    }

    @Test("A lock that cannot be made is an error that names it")
    func unusable() throws {
        let folder = try OwnFolder()
        let error = #expect(throws: StoreError.self) { try RunLock.take(StateFolder(path: folder.path).run("nowhere")) }
        #expect(error?.description == "\(folder["runs/nowhere/lock"]) cannot be used: No such file or directory")
    }
}
