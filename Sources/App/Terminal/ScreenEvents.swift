// Dispatch does not mark its sources as Sendable; this one is used only on the main actor.
@preconcurrency import Dispatch
import Engine
import Foundation

/// What a screen in the terminal waits for: keys, signals, and whatever else wakes it.
///
/// It wakes its loop by ``wakes``; the loop then asks it for the keys and for a new size.
@MainActor
final class ScreenEvents {
    /// A value for each time that something has happened; several things may be one value.
    let wakes: AsyncStream<Void>
    /// Wakes the loop; on any thread.
    let wake: AsyncStream<Void>.Continuation
    private let terminal: Terminal
    private var keySource: (any DispatchSourceRead)?
    private var signals: [SignalListener] = []
    private var keysAreReady = false
    private var hasResized = false
    /// Whether another program has the terminal.
    private(set) var isAway = false

    init(_ terminal: Terminal) {
        self.terminal = terminal
        (wakes, wake) = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// Listens to keys, to a new size, and to the request to suspend the program, until ``stop()``.
    func listen() {
        let keys = DispatchSource.makeReadSource(fileDescriptor: terminal.inputDescriptor, queue: .main)
        keys.setEventHandler { [weak self, wake] in
            MainActor.assumeIsolated { self?.keysAreReady = true }
            wake.yield()
        }
        keys.resume()
        keySource = keys
        handle([SIGWINCH, SIGCONT]) { [weak self] in self?.hasResized = true }
        handle([SIGTSTP]) { [weak self] in self?.suspend() }
    }

    /// Runs an action on the main actor when one of some signals arrives, and wakes the loop.
    func handle(_ numbers: [Int32], _ action: @escaping @MainActor @Sendable () -> Void) {
        let wake = wake
        signals.append(
            SignalListener(numbers) { _ in
                Task { @MainActor in
                    action()
                    wake.yield()
                }
            })
    }

    /// Stops listening.
    func stop() {
        if isAway { keySource?.resume() }
        keySource?.cancel()
        for listener in signals { listener.stop() }
        signals = []
    }

    /// The keys that were typed since the last time; nil when the terminal has closed.
    func readKeys() -> [Key]? {
        defer { keysAreReady = false }
        guard !isAway else { return [] }
        guard let keys = terminal.readKeys(isReady: keysAreReady) else { return nil }
        if keys.contains(.resize) { hasResized = true }
        return keys
    }

    /// The size of the terminal, if it may have changed since the last time; the terminal is drawn anew then.
    func newSize() -> (rows: Int, columns: Int)? {
        guard hasResized, !isAway else { return nil }
        hasResized = false
        terminal.resize()
        return terminal.size
    }

    /// Stops the program until the shell continues it.
    func suspend() {
        guard !isAway else { return }
        terminal.suspend()
        kill(getpid(), SIGSTOP)
        terminal.resume()
        hasResized = true
        wake.yield()
    }

    /// Leaves the terminal to another program until that has ended.
    ///
    /// - Parameter ended: Called when it has; the screen is drawn anew then.
    /// - Returns: The program's process; nil where it could not be started.
    func leave(to words: [String], ended: @escaping @MainActor @Sendable () -> Void) -> pid_t? {
        guard !isAway else { return nil }
        keySource?.suspend()
        isAway = true
        let process = terminal.leave(to: words) { [weak self] in
            self?.comeBack()
            ended()
        }
        if process == nil { comeBack() }
        return process
    }

    private func comeBack() {
        isAway = false
        keySource?.resume()
        hasResized = true
        wake.yield()
    }
}
