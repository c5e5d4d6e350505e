import CaudalModel
import Engine
import Foundation
import Synchronization
import TestSupport
import Testing

@Suite("Simulated runs", .tags(.runs), .timeLimit(.minutes(15)))
struct RunSimulationTests {
    /// `make soak` sets it: where to begin, then without end.
    private static let soakSeed = ProcessInfo.processInfo.environment["CAUDAL_SOAK"].flatMap { UInt64($0) }

    @Test("20,000 random runs with failures, commands and crashes break no promise", .tags(.property))
    func manySeeds() async throws {
        let events = try await simulate(1...20_000)
        #expect(events > 500_000, "the seeds should make long runs")
    }

    @Test("Random runs without end", .tags(.property), .enabled(if: soakSeed != nil))
    func soak() async throws {
        var first = Self.soakSeed ?? 1
        while true {
            let events = try await simulate(first...(first + 49_999))
            print("seeds \(first) to \(first + 49_999): \(events) events, no promise broken")
            first += 50_000
        }
    }

    @Test("The same seed gives the same run, to the byte of the journal")
    func determinism() throws {
        for seed: UInt64 in 1...50 {
            let first = try Simulation.run(Simulation.Settings(seed: seed))
            let second = try Simulation.run(Simulation.Settings(seed: seed))
            #expect(first.journal == second.journal, "seed \(seed)")
        }
    }

    @Test(
        "A clock that jumps by an hour, forward and back, changes nothing but the times that are shown",
        .tags(.property))
    func clockJumps() throws {
        var jumped = 0
        for seed: UInt64 in 1...500 {
            var settings = Simulation.Settings(seed: seed)
            settings.crashes = false
            let wild = try Simulation.run(settings)
            settings.clockJumps = false
            let calm = try Simulation.run(settings)
            #expect(wild.journal.map(\.change) == calm.journal.map(\.change), "seed \(seed)")
            #expect(wild.journal.map(\.time.steady) == calm.journal.map(\.time.steady), "seed \(seed)")
            if wild.journal.map(\.time.wall) != calm.journal.map(\.time.wall) { jumped += 1 }
        }
        #expect(jumped > 100)
    }

    /// Simulates seeds on all processors; the number of events of all.
    private func simulate(_ seeds: ClosedRange<UInt64>) async throws -> Int {
        let width = UInt64(ProcessInfo.processInfo.activeProcessorCount)
        return try await withThrowingTaskGroup(of: Int.self) { group in
            for worker in 0..<width {
                group.addTask { @concurrent in
                    var events = 0
                    for seed in stride(from: seeds.lowerBound + worker, through: seeds.upperBound, by: Int(width)) {
                        // Other tests of this process wait for the same two threads.
                        await Task.yield()
                        do throws(Simulation.Story) {
                            events += try Simulation.runAndCompare(seed: seed).journal.count
                        } catch {
                            throw Simulation.shrink(error)
                        }
                    }
                    return events
                }
            }
            return try await group.reduce(0, +)
        }
    }
}
