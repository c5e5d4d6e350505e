import CaudalModel
import Engine
import Foundation

/// Measures the engine's own cost: a run of stages that do nothing, with a journal.
///
/// `engine-benchmark STAGES [WIDTH]` prints one line: stages, wall and CPU seconds, stages for each second of CPU, and
/// the process's peak memory. Compare two sizes to see what a stage costs.
@main
struct NoOpStages {
    /// An attempt that does nothing.
    private struct Conductor: AttemptRunner {
        func wantsState(_ stage: StageID) -> Bool { false }
        func readsByPlace(_ stage: StageID) -> Bool { false }
        func forget(_ unit: UnitID) {}

        func run(
            _ order: AttemptOrder, control: AttemptControl,
            publish: @Sendable (PublishPlan, AttemptResult) async -> Bool
        ) async -> AttemptResult { .succeeded }
    }

    static func main() async throws {
        let arguments = CommandLine.arguments.dropFirst().map { Int($0) }
        guard let count = arguments.first ?? 10_000, let width = arguments.dropFirst().first ?? 16 else {
            FileHandle.standardError.write(Data("usage: engine-benchmark [STAGES [WIDTH]]\n".utf8))
            exit(64)
        }
        let folder = NSTemporaryDirectory() + "caudal-benchmark-\(getpid())"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let store = try RunStore(StateFolder(path: folder))
        let plan = RunPlan(
            pipeline: "noop", maxParallel: width, stages: (0..<count).map { PlannedStage(id: StageID("stage_\($0)")) })
        let id = RunID(startedAt: SystemClock.now, random: 0)
        try store.create(RunRecord(id: id, plan: plan, trigger: .manual, started: SystemClock.now))
        let engine = RunEngine(
            machine: RunMachine(state: RunState(id: id, plan: plan), seed: 1), journal: store, runner: Conductor(),
            writer: nil)
        let batches = engine.hub.batches()
        let counting = Task {
            var count = 0
            for await _ in batches { count += 1 }
            return count
        }
        let (start, cpu) = (ContinuousClock.now, cpuSeconds())
        let state = try await engine.run(.start(ProcessTable.own))
        let wall = (ContinuousClock.now - start).seconds
        let used = cpuSeconds() - cpu
        guard state.status == .succeeded else { fatalError("the run ended \(state.status)") }
        var usage = rusage()
        getrusage(RUSAGE_SELF.rawValue, &usage)
        print(
            """
            \(count) stages, width \(width): \(wall.rounded3) s wall, \(used.rounded3) s CPU, \
            \(Int(Double(count) / used)) stages/s of CPU, peak \(usage.ru_maxrss) KiB, \
            \(state.lastSequence) events in \(await counting.value) batches
            """)
    }

    private static func cpuSeconds() -> Double {
        var usage = rusage()
        getrusage(RUSAGE_SELF.rawValue, &usage)
        func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) / 1e6 }
        return seconds(usage.ru_utime) + seconds(usage.ru_stime)
    }
}

extension Double {
    fileprivate var rounded3: String { String(format: "%.3f", self) }
}
