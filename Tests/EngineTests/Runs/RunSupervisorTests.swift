import CaudalModel
import Engine
import Synchronization
import Testing

@Suite("Many runs in one process", .timeLimit(.minutes(15)))
struct RunSupervisorTests {
    /// A run that ends when a test says so.
    private final class Scripted: SupervisedRun {
        let id: RunID
        private let cancellers = Mutex<[String]>([])
        private let ending: AsyncStream<RunState.Status>
        private let end: AsyncStream<RunState.Status>.Continuation
        let (begun, begin) = AsyncStream<Void>.makeStream()

        init(_ id: RunID) {
            self.id = id
            (ending, end) = AsyncStream<RunState.Status>.makeStream()
        }

        var cancelledBy: [String] { cancellers.withLock { $0 } }

        func runToEnd() async throws -> RunState {
            begin.finish()
            for await status in ending {
                guard status != .interrupted else { throw Failure("the disk is full") }
                return state(status)
            }
            throw Failure("nobody ends run \(id)")
        }

        private func state(_ status: RunState.Status) -> RunState {
            let plan = RunPlan(pipeline: "p", maxParallel: 1, stages: [])
            let outcome: Outcome = status == .succeeded ? .succeeded : status == .failed ? .failed : .cancelled
            return RunState(
                id: id, plan: plan,
                events: [RunEvent(sequence: 1, time: Moment(wall: 0, steady: 0), change: .runEnded(outcome))])
        }

        func cancel(by: String) async {
            cancellers.withLock { $0.append(by) }
            finish(.cancelled)
        }

        func waitForEnd() async {}

        func finish(_ status: RunState.Status) { end.yield(status) }

        func hasBegun() async { for await _ in begun {} }
    }

    private func word(_ ending: SupervisedEnding) -> String {
        switch ending {
        case .ended(let state): "\(state.id) \(state.status)"
        case .skipped(let reason): "skipped: \(reason)"
        case .stopped: "stopped"
        case .failed(let run, let error): "\(run?.rawValue ?? "no run"): \(error)"
        }
    }

    @Test("Runs begin in the order of their orders, so many at once, and each ending is told")
    func limit() async throws {
        let supervisor = RunSupervisor<Int>(limit: 2)
        let runs = (0..<5).map { Scripted(RunID("r\($0)")) }
        let live = Mutex((now: 0, most: 0, order: [Int]()))
        for (number, run) in runs.enumerated() {
            supervisor.order(number) { place in
                live.withLock { live in
                    live.now += 1
                    live.most = max(live.most, live.now)
                    live.order.append(number)
                }
                defer { live.withLock { $0.now -= 1 } }
                return try await place.run(run)
            }
        }
        supervisor.close()
        var endings: [Int: String] = [:]
        async let driving: Void = {
            // The second ends before the first: the third begins in its place, before another place is free.
            await runs[1].hasBegun()
            runs[1].finish(.succeeded)
            await runs[2].hasBegun()
            for number in [0, 2, 3, 4] {
                await runs[number].hasBegun()
                runs[number].finish(number == 2 ? .failed : .succeeded)
            }
        }()
        await supervisor.run { endings[$0] = word($1) }
        await driving
        #expect(live.withLock { $0.most } == 2)
        #expect(live.withLock { $0.order }.prefix(2).sorted() == [0, 1] && live.withLock { $0.order[2] } == 2)
        #expect(
            endings == [0: "r0 succeeded", 1: "r1 succeeded", 2: "r2 failed", 3: "r3 succeeded", 4: "r4 succeeded"])
    }

    @Test("What cannot be opened, has nothing to do, or cannot be recorded is an ending too, and the others go on")
    func endings() async {
        let supervisor = RunSupervisor<String>(limit: 1)
        let (lost, last) = (Scripted("lost"), Scripted("last"))
        supervisor.order("refused") { _ in throw Failure("no such file") }
        supervisor.order("done") { _ in .skipped("succeeded before") }
        supervisor.order("lost") { try await $0.run(lost) }
        lost.finish(.interrupted)
        var endings: [String] = []
        await supervisor.run { key, ending in
            endings.append("\(key) \(word(ending))")
            // Orders may come while others are carried out.
            guard key == "lost" else { return }
            supervisor.order("last") { try await $0.run(last) }
            last.finish(.succeeded)
            supervisor.close()
        }
        #expect(
            endings == [
                "refused no run: no such file", "done skipped: succeeded before", "lost lost: the disk is full",
                "last last succeeded",
            ])
    }

    @Test("To stop all stops those that go on and those that are just being opened, and lets no other begin")
    func stopping() async {
        let supervisor = RunSupervisor<Int>(limit: 2)
        let (first, second) = (Scripted("first"), Scripted("second"))
        supervisor.order(1) { try await $0.run(first) }
        supervisor.order(2) { place in
            // Opened when all are stopped already.
            await first.hasBegun()
            supervisor.stopAll(by: "operator")
            return try await place.run(second)
        }
        supervisor.order(3) { _ in
            Issue.record("nothing may begin any more")
            return .stopped
        }
        supervisor.close()
        var endings: [Int: String] = [:]
        await supervisor.run { endings[$0] = word($1) }
        #expect(endings == [1: "first cancelled", 2: "second cancelled", 3: "stopped"])
        #expect(first.cancelledBy == ["operator"] && second.cancelledBy == ["operator"])
        #expect(supervisor.isStopping)
    }
}
