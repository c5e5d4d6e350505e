import CSystem
import Foundation
import Synchronization

/// Hears signals that are sent to this process, whatever its other threads are doing.
///
/// Of several listeners to one signal the newest is told, and the one before it again once that has stopped. When none
/// is left, the signal does what it did before. A thread of its own reads them, so that nothing that waits elsewhere (for a
/// terminal, a disk, a lock) keeps a signal from being heard.
package final class SignalListener: Sendable {
    private let number: Int

    /// Listens from now on.
    ///
    /// `action`: called on the thread that hears signals, which must not be held up.
    package init(_ signals: [Int32], _ action: @escaping @Sendable (Int32) -> Void) {
        number = SignalBoard.add(signals, action)
    }

    /// Stops listening; harmless when done twice.
    package func stop() { SignalBoard.remove(number) }

    deinit { stop() }

    /// Lets signals end this process as they do, and everything that it has started with it, while nobody else listens.
    ///
    /// Children are in groups of their own, which a terminal does not interrupt. A signal that was ignored when the
    /// program began stays so.
    package static func endingDescendants(_ signals: [Int32]) -> SignalListener {
        SignalListener(signals.filter { cs_signals_are_ignored($0) == 0 }) { number in
            isEnding.store(true, ordering: .sequentiallyConsistent)
            Descendants.kill()
            cs_signals_forget(number)
            kill(getpid(), number)
        }
    }

    private static let isEnding = Atomic<Bool>(false)

    /// Waits for the signal that ends this process, where one does: what failed because its tools were ended with it is no
    /// reason to end in another way first.
    package static func waitIfEnding() {
        while isEnding.load(ordering: .sequentiallyConsistent) { pause() }
    }
}

/// Who listens to which signal: there is one of it, as there is one set of handlers in a process.
private enum SignalBoard {
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
            // Without a thread nobody would hear them: they keep on doing what they do, which ends the process.
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
        // Let go of only here: what its action holds may be a listener too, which removes itself when it goes.
        withExtendedLifetime(removed) {}
    }

    private static func startThread() -> Bool {
        let descriptor = cs_signals_open()
        guard descriptor >= 0 else { return false }
        // The caller goes on without: see above.
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
