package import CaudalModel
import Foundation
import Synchronization

/// Sends what is in the outbox, whoever put it there: some deliveries at once, those for one target one after another.
///
/// A delivery that cannot be made is tried again later, in this process or in another one. Nothing waits for it besides
/// ``settle(within:)``.
package final class OutboxSender: Sendable {
    private struct Contents {
        var workers = 0
        /// Whether nothing new may be taken: the program ends.
        var isClosing = false
        /// Until when something new may be taken; nil for as long as there is something.
        var end: ContinuousClock.Instant?

        var mayTake: Bool { !isClosing && end.map { ContinuousClock.now < $0 } ?? true }
        var timer: Task<Void, Never>?
        /// Those who wait for the workers to end.
        var waiting: [CheckedContinuation<Void, Never>] = []
        /// Why the outbox could not be read or changed, the last time.
        var problem: StoreError?
    }

    private let store: RunStore
    private let variables: [String: String]
    let now: @Sendable () -> Moment
    private let process = ProcessTable.own
    let carrier: DeliveryCarrier
    private let contents = Mutex(Contents())

    /// How many deliveries are made at once.
    private static let workerLimit = 4

    /// - Parameters:
    ///   - variables: The process's environment, from which references of channels are filled.
    ///   - host: The machine's name.
    package init(
        _ store: RunStore, reactor: ProcessReactor, variables: [String: String], host: String,
        now: @escaping @Sendable () -> Moment
    ) {
        self.store = store
        self.variables = variables
        self.now = now
        carrier = DeliveryCarrier(store: store, reactor: reactor, variables: variables, host: host)
    }

    deinit { contents.withLock { $0.timer?.cancel() } }

    /// Says that there may be something to send; returns at once.
    package func wake() {
        let mustStart = contents.withLock { contents in
            guard contents.workers < Self.workerLimit, contents.mayTake else { return false }
            contents.workers += 1
            return true
        }
        // A task of its own: whoever has something to tell does not wait until it is told.
        if mustStart { Task.detached { await self.work() } }
    }

    /// Sends what is due, and what is due again within a time; then waits for what is being sent.
    ///
    /// What is left then is sent by the next run, by the scheduler, or by `caudal notify send`.
    ///
    /// - Returns: Why nothing could be sent, where the outbox could not be read or changed.
    @discardableResult
    package func settle(within limit: Duration) async -> StoreError? {
        let end = ContinuousClock.now + limit
        // What is being sent then is waited for, and nothing is begun any more.
        contents.withLock { $0.end = end }
        defer { contents.withLock { $0.end = nil } }
        while true {
            wake()
            await workersEnd()
            let left = end - ContinuousClock.now
            // What cannot be read is reported by the worker.
            guard left > .zero, let next = try? store.nextDelivery() else { break }
            let wait = Duration.milliseconds(max(0, next - now().wall))
            guard wait < left else { break }
            // Cut short only with the whole program.
            try? await ContinuousClock().sleep(for: max(wait, .milliseconds(20)))
        }
        return contents.withLock { $0.problem }
    }

    /// Takes nothing more, and waits for what is being sent: who ends in the middle sends it twice.
    package func close() async {
        contents.withLock { contents in
            contents.isClosing = true
            contents.timer?.cancel()
        }
        await workersEnd()
    }

    private func workersEnd() async {
        await withCheckedContinuation { continuation in
            let isOver = contents.withLock { contents in
                if contents.workers > 0 { contents.waiting.append(continuation) }
                return contents.workers == 0
            }
            if isOver { continuation.resume() }
        }
    }

    // MARK: - Work

    private func work() async {
        var problem: StoreError?
        do throws(StoreError) {
            while contents.withLock({ $0.mayTake }),
                let taken = try store.takeDelivery(for: process, at: now().wall)
            {
                // While one is sent, another target need not wait.
                wake()
                let outcome = await carrier.carry(taken.delivery, isTakenOver: taken.isTakenOver, at: now().wall)
                try await recordPatiently(outcome, of: taken.delivery)
                withExtendedLifetime(taken) {}
            }
        } catch {
            problem = error
        }
        let waiting = contents.withLock { contents in
            contents.workers -= 1
            contents.problem = problem
            defer { if contents.workers == 0 { contents.waiting = [] } }
            return contents.workers == 0 ? contents.waiting : []
        }
        for one in waiting { one.resume() }
        setTimer(afterProblem: problem != nil)
    }

    /// Records what came of a delivery; what is not recorded is sent again, so that a store that is busy is waited for.
    private func recordPatiently(
        _ outcome: DeliveryCarrier.Outcome, of delivery: Delivery
    ) async throws(StoreError) {
        for _ in 0..<3 {
            do throws(StoreError) {
                return try record(outcome, of: delivery)
            } catch  where error.problem == .busy {
                // Cut short only with the whole program.
                try? await ContinuousClock().sleep(for: .seconds(1))
            }
        }
        try record(outcome, of: delivery)
    }

    private func record(_ outcome: DeliveryCarrier.Outcome, of delivery: Delivery) throws(StoreError) {
        let now = now().wall
        switch outcome {
        case .sent: try store.recordSent(delivery.id, at: now)
        case .refused(let reason): try store.recordFailure(reason, of: delivery.id, next: nil, at: now)
        case .failed(let reason):
            let next = now + Self.pause(afterTries: delivery.tries + 1).milliseconds
            let isOver = now - delivery.created > Self.patience.milliseconds && delivery.tries > 3
            try store.recordFailure(reason, of: delivery.id, next: isOver ? nil : next, at: now)
        }
    }

    /// How long something is tried.
    private static let patience = Duration.seconds(24 * 3600)

    /// How long it waits after so many tries: short first, because most failures pass in a moment, and then longer up to half
    /// an hour.
    static func pause(afterTries tries: Int) -> Duration {
        let seconds = [1, 3, 10, 30, 60, 300, 900]
        return .seconds(tries <= seconds.count ? seconds[max(0, tries - 1)] : 1800)
    }

    /// Looks again when the next delivery is due.
    private func setTimer(afterProblem: Bool) {
        guard let next = afterProblem ? now().wall + 1000 : (try? store.nextDelivery()) ?? nil else { return }
        let wait = Duration.milliseconds(max(50, next - now().wall))
        contents.withLock { contents in
            guard contents.workers == 0, !contents.isClosing else { return }
            contents.timer?.cancel()
            // A task of its own, which ends with the sender.
            contents.timer = Task.detached { [weak self] in
                do { try await ContinuousClock().sleep(for: min(wait, .seconds(60))) } catch { return }
                self?.wake()
            }
        }
    }
}
