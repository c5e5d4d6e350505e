// Dispatch does not mark its sources as Sendable; this one is used only on the main actor.
@preconcurrency import Dispatch
import CaudalModel
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
    /// The program that has the terminal; nil while this one has it.
    private var program: pid_t?
    /// Whether another program has the terminal.
    var isAway: Bool { program != nil }
    /// How long that program may take to end when it is asked to.
    private static let patience = Duration.seconds(2)

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

    /// Ends the program that has the terminal, and waits until this one has it again.
    func takeBack() async {
        guard let program else { return }
        kill(-program, SIGHUP)
        kill(-program, SIGCONT)
        let killer = Task {
            // A cancelled sleep belongs to a program that has ended.
            try? await Task.sleep(for: Self.patience)
            if !Task.isCancelled { kill(-program, SIGKILL) }
        }
        for await _ in wakes where !isAway { break }
        killer.cancel()
    }

    /// Stops listening.
    func stop() {
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
        // This thread itself stops: a signal to the process may stop it a moment later, when the terminal's modes are set
        // again already, and the shell then undoes them.
        raise(SIGSTOP)
        terminal.resume()
        hasResized = true
        wake.yield()
    }

    /// Leaves the terminal to another program until that has ended.
    ///
    /// - Parameter ended: Called when it has, with its exit status; the screen is drawn anew then.
    /// - Returns: Whether it could be started.
    func leave(to words: [String], ended: @escaping @MainActor @Sendable (ProcessExit) -> Void) -> Bool {
        guard !isAway else { return false }
        keySource?.suspend()
        program = terminal.leave(to: words) { [weak self] exit in
            self?.comeBack()
            ended(exit)
        }
        if program == nil { comeBack() }
        return program != nil
    }

    private func comeBack() {
        program = nil
        keySource?.resume()
        hasResized = true
        wake.yield()
    }
}
