import CaudalModel
import CSystem
import Foundation
import Synchronization

/// Receives signals that are sent to this process, whatever its other threads are doing.
///
/// Of several listeners to one signal the newest is called, and the previous one again once that has stopped. When no
/// listener is left, the signal has its original effect. A thread of its own reads the signals, so that nothing that
/// blocks elsewhere (on a terminal, a disk, a lock) delays a signal.
package final class SignalListener: Sendable {
    private let number: Int

    /// Listens from now on.
    ///
    /// - Parameter action: Called on the signal thread, which it must not block.
    package init(_ signals: [Int32], _ action: @escaping @Sendable (Int32) -> Void) {
        number = SignalRegistry.add(signals, action)
    }

    /// Stops listening; a second call has no effect.
    package func stop() { SignalRegistry.remove(number) }

    deinit { stop() }

    /// Lets signals end this process and all of its descendants, while no other listener handles them, and removes its
    /// temporary folders.
    ///
    /// Children are in process groups of their own, which a terminal does not interrupt. A signal that was ignored when
    /// the program began stays ignored.
    package static func endingDescendants(_ signals: [Int32]) -> SignalListener {
        SignalListener(signals.filter { cs_signals_are_ignored($0) == 0 }) { number in
            isEnding.store(true, ordering: .sequentiallyConsistent)
            Descendants.kill()
            TemporaryFolders.removeAll()
            cs_signals_forget(number)
            kill(getpid(), number)
        }
    }

    private static let isEnding = Atomic<Bool>(false)

    /// Blocks if a signal is ending this process: an error that is caused by ended tools must not end it in another way
    /// first.
    package static func waitIfEnding() {
        while isEnding.load(ordering: .sequentiallyConsistent) { pause() }
    }
}

/// The listeners of each signal: a single registry, because a process has one set of signal handlers.
private enum SignalRegistry {
    private struct Entry {
        let number: Int
        let signals: [Int32]
        let action: @Sendable (Int32) -> Void
    }

    private struct State {
        var entries: [Entry] = []
        var next = 1
        var hasThread = false
    }

    private static let state = Mutex(State())

    static func add(_ signals: [Int32], _ action: @escaping @Sendable (Int32) -> Void) -> Int {
        state.withLock { state in
            let number = state.next
            state.next += 1
            if !state.hasThread { state.hasThread = startThread() }
            // Without the thread no signal would be handled: signals keep their original effect, which ends the
            // process.
            guard state.hasThread else { return number }
            state.entries.append(Entry(number: number, signals: signals, action: action))
            for signal in signals { _ = cs_signals_hear(signal) }
            return number
        }
    }

    static func remove(_ number: Int) {
        let removed = state.withLock { state -> Entry? in
            guard let place = state.entries.firstIndex(where: { $0.number == number }) else { return nil }
            let entry = state.entries.remove(at: place)
            for signal in entry.signals where !state.entries.contains(where: { $0.signals.contains(signal) }) {
                cs_signals_forget(signal)
            }
            return entry
        }
        // Released only here: the action may hold a listener, which removes itself when it is released.
        withExtendedLifetime(removed) {}
    }

    private static func startThread() -> Bool {
        let descriptor = cs_signals_open()
        guard descriptor >= 0 else { return false }
        // The caller continues without the thread: see above.
        return (try? ServiceThread.start("signals") { listen(descriptor) }) != nil
    }

    private static func listen(_ descriptor: Int32) {
        var byte: UInt8 = 0
        while true {
            let count = read(descriptor, &byte, 1)
            if count < 0, errno == EINTR { continue }
            guard count == 1 else { return }
            let signal = Int32(byte)
            let listener = state.withLock { $0.entries.last { $0.signals.contains(signal) } }
            listener?.action(signal)
        }
    }
}
