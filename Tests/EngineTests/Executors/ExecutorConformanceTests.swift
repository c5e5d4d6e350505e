import CaudalModel
import Engine
import Foundation
import Testing
import TestSupport

/// What every executor is asked to do, in its own language.
enum Chore: Sendable {
    case succeed, fail
    /// Runs until it is stopped.
    case runForever
    case floodErrors
    case missingProgram
}

/// An executor in the suite that all of them pass.
enum ExecutorUnderTest: String, CaseIterable, Sendable, CustomTestStringConvertible {
    case process, duckDB

    static var available: [ExecutorUnderTest] { Checkout.runsDuckDBTests ? allCases : [.process] }

    var testDescription: String { rawValue }

    func run(_ chore: Chore, _ trial: AttemptTrial) async throws -> Execution {
        switch (self, chore) {
        case (.process, .succeed): await trial.shell("echo done")
        case (.process, .fail): await trial.shell("echo wrong >&2; exit 3")
        case (.process, .runForever): await trial.run(["/bin/sleep", "1000"])
        case (.process, .floodErrors): await trial.shell("seq 1 20000 >&2; exit 1")
        case (.process, .missingProgram): await trial.run(["/nowhere/program"])
        case (.duckDB, .succeed): try await trial.duckDB(["SELECT 1 AS one"])
        case (.duckDB, .fail): try await trial.duckDB(["SELECT nothing_of_the_kind"])
        case (.duckDB, .runForever):
            try await trial.duckDB([
                "SELECT count(*) FROM range(1000000000) a, range(1000000) b WHERE a.range % 7 = b.range % 5"
            ])
        case (.duckDB, .floodErrors): try await trial.duckDB(["SELECT error(repeat('x', 2000000))"])
        case (.duckDB, .missingProgram): try await trial.duckDB(["SELECT 1"], program: "/nowhere/program")
        }
    }
}

@Suite("Every executor", .tags(.duckDB), .timeLimit(.minutes(15)))
struct ExecutorConformanceTests {
    @Test("Work that goes well has no failure and a clean exit", arguments: ExecutorUnderTest.available)
    func success(executor: ExecutorUnderTest) async throws {
        let execution = try await executor.run(.succeed, AttemptTrial())
        #expect(execution.failure == nil)
        #expect(execution.exit == .exited(0))
        #expect(execution.usage != nil)
    }

    @Test(
        "Work that goes wrong fails with a message and leaves its words in the log",
        arguments: ExecutorUnderTest.available)
    func failure(executor: ExecutorUnderTest) async throws {
        let trial = try AttemptTrial()
        let execution = try await executor.run(.fail, trial)
        #expect(execution.failure != nil)
        #expect(execution.exit != nil && execution.exit != .exited(0))
        #expect(!trial.lines(.stderr).isEmpty)
        #expect(!execution.lastLines.isEmpty)
    }

    @Test("A program that is not there is named", arguments: ExecutorUnderTest.available)
    func missingProgram(executor: ExecutorUnderTest) async throws {
        let execution = try await executor.run(.missingProgram, AttemptTrial())
        let failure = try #require(execution.failure)
        #expect(failure.message.contains("/nowhere/program is not there"))
        #expect(execution.exit == nil)
    }

    @Test(
        "A stop ends the work soon, with its true exit and without blaming its memory",
        arguments: ExecutorUnderTest.available)
    func stop(executor: ExecutorUnderTest) async throws {
        let trial = try AttemptTrial()
        async let execution = executor.run(.runForever, trial)
        await trial.hasStarted()
        trial.control.requestStop(.cancelled)
        let ended = try await execution
        let failure = try #require(ended.failure)
        #expect(ended.exit == .signaled(SIGTERM))
        #expect(failure.remedy == nil, "nobody has to do anything about work that was stopped: \(failure)")
        #expect(trial.spawned.allSatisfy { !ProcessWatch.isAlive($0.pid) })
    }

    @Test(
        "A stop that comes before the process exists ends it as soon as it does", arguments: ExecutorUnderTest.available
    )
    func stopBeforeStart(executor: ExecutorUnderTest) async throws {
        let trial = try AttemptTrial()
        trial.control.requestStop(.timedOut)
        let execution = try await executor.run(.runForever, trial)
        #expect(execution.failure != nil)
        #expect(trial.control.stopReason == .timedOut)
        #expect(trial.spawned.allSatisfy { !ProcessWatch.isAlive($0.pid) })
    }

    @Test("A second stop changes neither the reason nor the end", arguments: ExecutorUnderTest.available)
    func stopTwice(executor: ExecutorUnderTest) async throws {
        let trial = try AttemptTrial()
        async let execution = executor.run(.runForever, trial)
        await trial.hasStarted()
        trial.control.requestStop(.timedOut)
        trial.control.requestStop(.cancelled)
        let ended = try await execution
        #expect(ended.exit == .signaled(SIGTERM))
        #expect(trial.control.stopReason == .timedOut)
    }

    @Test("A flood of errors leaves a short message and few last lines", arguments: ExecutorUnderTest.available)
    func floodOfErrors(executor: ExecutorUnderTest) async throws {
        let execution = try await executor.run(.floodErrors, AttemptTrial())
        let failure = try #require(execution.failure)
        #expect(failure.message.utf8.count < 2000)
        #expect(execution.lastLines.count <= AttemptResult.lastLineLimit)
        #expect(!execution.lastLines.isEmpty && execution.lastLines.allSatisfy { $0.utf8.count < 2000 })
    }

    @Test("Many attempts at once do not mix their outputs", arguments: ExecutorUnderTest.available)
    func manyAtOnce(executor: ExecutorUnderTest) async throws {
        let width = executor == .process ? 200 : 8
        let reactor = ProcessReactor()
        try await withThrowingTaskGroup(of: Bool.self) { group in
            for number in 0..<width {
                group.addTask {
                    let trial = try AttemptTrial()
                    if executor == .duckDB {
                        let execution = try await trial.duckDB(["SELECT \(number) AS it"], reactor: reactor)
                        return execution.readings?.rows.first?.integer("it") == Int64(number)
                    }
                    let execution = await trial.shell("echo out \(number); echo err \(number) >&2", reactor: reactor)
                    return execution.failure == nil && trial.lines() == ["out \(number)"]
                        && trial.lines(.stderr) == ["err \(number)"]
                }
            }
            for try await isRight in group { #expect(isRight) }
        }
    }
}
