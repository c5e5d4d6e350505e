import CaudalModel
import CSystem
import Foundation

/// Drives a ``Scheduler`` by the machine's clock until it is asked to stop.
///
/// It sleeps until the next slot is due. It wakes when the clock is set, when a process of it ends, and once a second to see
/// whether the store or a pipeline file has changed.
package final class SchedulerLoop {
    private let scheduler: Scheduler
    private let lock: SchedulerLock
    /// Whether another process has the right to decide, since the lock's file was removed.
    private var isOutdone = false
    private let store: RunStore
    private let change: StoreChange
    private let files: ProjectFiles
    private let tell: (String) -> Void
    private let onNotices: () -> Void
    private let poll: Int32
    private let timer: Int32
    private let stop: Int32
    private var processes: [UInt64: Int32] = [:]
    private var nextToken: UInt64 = 10

    private static let timerToken: UInt64 = 1
    private static let stopToken: UInt64 = 2
    /// How long it sleeps at most before it looks for changes, in milliseconds.
    private static let patience: Int64 = 1000

    /// - Parameters:
    ///   - lock: The right to decide, which this process has.
    ///   - stop: A descriptor that becomes readable when the loop is to end.
    ///   - tell: Told each line for the operator.
    ///   - onNotices: Told that there is something to send.
    /// - Throws: ``StoreError`` when the store cannot be read, ``Failure`` when the system has no timer.
    package init(
        _ scheduler: Scheduler, lock: SchedulerLock, store: RunStore, files: ProjectFiles, stop: Int32,
        tell: @escaping (String) -> Void,
        onNotices: @escaping () -> Void = {}
    ) throws {
        self.onNotices = onNotices
        self.scheduler = scheduler
        self.lock = lock
        self.store = store
        self.files = files
        self.tell = tell
        self.stop = stop
        change = try StoreChange(store)
        (poll, timer) = (cs_poll_create(), cs_timer_create())
        guard poll >= 0, timer >= 0, cs_poll_add(poll, timer, Self.timerToken) == 0,
            cs_poll_add(poll, stop, Self.stopToken) == 0
        else { throw Failure("the system gives no timer", errno: errno) }
    }

    deinit {
        for descriptor in processes.values { close(descriptor) }
        if timer >= 0 { close(timer) }
        if poll >= 0 { close(poll) }
    }

    /// Makes the loop wake when a process ends.
    package func watch(_ process: Int32) {
        let descriptor = cs_pidfd_open(process)
        // Without it the end of the process is found at the next look.
        guard descriptor >= 0 else { return }
        guard cs_poll_add(poll, descriptor, nextToken) == 0 else {
            close(descriptor)
            return
        }
        processes[nextToken] = descriptor
        nextToken += 1
    }

    /// Decides and starts what is due, again and again, until it is asked to stop.
    ///
    /// - Throws: ``StoreError`` when the store was removed or replaced: what it decides would be lost, and another scheduler
    ///   may decide the same in the new store.
    package func run() throws(StoreError) {
        var wake: Int64 = 0
        var isWatching = true
        var fault: StoreError?
        while true {
            if let path = store.presence.replaced { throw StoreError(.gone, path: path) }
            let now = SystemClock.now
            guard mayDecide() else {
                isWatching = true
                if !sleep(until: .max) { return }
                continue
            }
            let isDue = now.wall >= wake
            if isDue || isWatching || mayHaveChanged(now) {
                do throws(StoreError) {
                    let step = try scheduler.step(now: now)
                    for note in step.notes { tell(note) }
                    if step.hasNotices { onNotices() }
                    (wake, isWatching) = (step.wake ?? .max, step.isWatching)
                    if fault != nil { tell("the store can be used again") }
                    fault = nil
                } catch {
                    // Nothing that was decided is lost; it is tried again.
                    if fault != error { tell("error: \(error)") }
                    (fault, isWatching) = (error, true)
                }
            }
            if !sleep(until: wake) { return }
        }
    }

    /// Whether this process still has the right to decide: somebody may have removed the lock's file.
    private func mayDecide() -> Bool {
        do throws(StoreError) {
            switch try lock.renew() {
            case .held, .released: break
            case .madeAnew: tell("the scheduler's lock file was removed, and is made anew")
            case .taken:
                if !isOutdone {
                    tell("the scheduler's lock file was removed, and another scheduler decides: this one waits")
                }
                isOutdone = true
                return false
            }
            if isOutdone { tell("this scheduler decides again") }
            isOutdone = false
        } catch {
            // Where the file cannot be made, no other one can make it.
        }
        return true
    }

    private func mayHaveChanged(_ now: Moment) -> Bool {
        // A store that cannot be asked counts as changed: the step says what is wrong with it.
        let hasChanged = (try? change.hasChanged()) ?? true
        return files.hasChanged(now: now.steady) || hasChanged
    }

    /// - Returns: Whether to go on.
    private func sleep(until wake: Int64) -> Bool {
        let end = min(wake, SystemClock.now.wall + Self.patience)
        // When the clock is set between the two, the timer fires at once.
        _ = cs_timer_set(timer, end)
        var tokens = [UInt64](repeating: 0, count: 16)
        // The timer counts in wall time; the limit is for a clock that is set back just now.
        let count = cs_poll_wait(poll, &tokens, 16, Int32(Self.patience * 2))
        for token in tokens.prefix(Int(max(0, count))) {
            if token == Self.stopToken { return false }
            if let descriptor = processes.removeValue(forKey: token) {
                cs_poll_remove(poll, descriptor)
                close(descriptor)
            }
        }
        return true
    }
}
