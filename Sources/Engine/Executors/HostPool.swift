import CaudalModel
import Foundation

/// Machines that attempts take slots of.
actor HostPool {
    /// How long a machine that could not be reached is left alone.
    private static let rest = Duration.seconds(30)

    private let hosts: [SSHSettings.Host]
    private var taken: [String: Int] = [:]
    private var downUntil: [String: ContinuousClock.Instant] = [:]
    private var waiting: [(number: Int, resume: CheckedContinuation<Void, Never>)] = []
    private var waits = 0

    init(_ hosts: [SSHSettings.Host]) { self.hosts = hosts }

    /// Takes a slot of the machine that has the most of them free, and waits until one is.
    ///
    /// - Parameter tried: Machines that will not do.
    /// - Returns: nil when no machine is left, or the attempt was stopped.
    func take(except tried: Set<String>, for attempt: AttemptControl) async -> String? {
        while attempt.stopReason == nil {
            let left = hosts.filter { !tried.contains($0.name) }
            if left.isEmpty { return nil }
            // A machine that is down is tried all the same when no other one is left.
            let up = left.filter { downUntil[$0.name].map { $0 < .now } ?? true }
            let free = (up.isEmpty ? left : up).filter { $0.slots > taken[$0.name, default: 0] }
            if let best = free.max(by: { $0.slots - taken[$0.name, default: 0] < $1.slots - taken[$1.name, default: 0] }
            ) {
                taken[best.name, default: 0] += 1
                return best.name
            }
            await wait(for: attempt)
        }
        return nil
    }

    /// Gives a slot back.
    func give(_ name: String, isDown: Bool = false) {
        taken[name, default: 1] -= 1
        downUntil[name] = isDown ? .now + Self.rest : nil
        // All of them: the first may have tried this machine already.
        let resumed = waiting
        waiting = []
        for next in resumed { next.resume.resume() }
    }

    /// Waits until a slot was given back or the attempt is stopped.
    private func wait(for attempt: AttemptControl) async {
        waits += 1
        let number = waits
        attempt.onStop { Task { await self.wake(number) } }
        await withCheckedContinuation { continuation in waiting.append((number, continuation)) }
        attempt.onStop(nil)
    }

    private func wake(_ number: Int) {
        guard let index = waiting.firstIndex(where: { $0.number == number }) else { return }
        waiting.remove(at: index).resume.resume()
    }
}
