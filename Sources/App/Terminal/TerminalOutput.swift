import CaudalModel
import CNcurses
import Engine
import Foundation

/// The output to the terminal: buffered first, then written without blocking.
///
/// ncurses blocks until everything is written, but a terminal may stop accepting output: its window hangs, its
/// connection is down, or the user has stopped it with ctrl-S. So the descriptor of ncurses refers to a memory file
/// while it draws, and to the terminal otherwise, because ncurses sets the terminal's modes through the same
/// descriptor.
@MainActor
final class TerminalOutput {
    /// The terminal, opened so that writing does not block.
    let descriptor: Int32
    /// The descriptor of ncurses.
    let file: UnsafeMutablePointer<FILE>
    /// The terminal again, for setting its modes.
    private let modes: Int32
    private let memory: Int32
    /// Output that the terminal has not accepted yet, in order, so that a half-written sequence is completed first.
    private var waiting: [UInt8] = []

    /// Opens the terminal; nil when there is none.
    init?(_ path: String) {
        // A duplicated descriptor would also make standard output non-blocking.
        descriptor = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC | O_NOCTTY)
        modes = open(path, O_RDWR | O_CLOEXEC | O_NOCTTY)
        memory = cn_memory_file()
        guard descriptor >= 0, modes >= 0, memory >= 0, let file = fdopen(dup(modes), "r+") else {
            for descriptor in [descriptor, modes, memory] where descriptor >= 0 { close(descriptor) }
            return nil
        }
        self.file = file
    }

    /// Whether the terminal has not accepted everything yet.
    var isBehind: Bool { !waiting.isEmpty }

    /// Marks around a frame: terminals that know them (mode 2026) show all of it at once, and others ignore them.
    private static let (frameBegins, frameEnds) = (Array("\u{1b}[?2026h".utf8), Array("\u{1b}[?2026l".utf8))

    /// Draws, and writes the result to the terminal.
    ///
    /// - Parameter isFrame: Whether it is a picture that is to be seen whole or not at all.
    func collect(isFrame: Bool = false, _ draw: () -> Void) {
        let target = fileno(file)
        cn_point(target, memory)
        draw()
        cn_point(target, modes)
        let size = Int(lseek(memory, 0, SEEK_CUR))
        if size > 0 {
            var bytes = [UInt8](repeating: 0, count: size)
            let count = pread(memory, &bytes, size, 0)
            if isFrame { waiting += Self.frameBegins }
            waiting += bytes.prefix(max(0, count))
            if isFrame { waiting += Self.frameEnds }
            ftruncate(memory, 0)
            lseek(memory, 0, SEEK_SET)
        }
        flush()
    }

    /// Writes text past ncurses; drops it if the terminal does not accept output.
    func send(_ text: String) {
        guard flush() else { return }
        waiting += Array(text.utf8)
        flush()
    }

    /// Writes pending output.
    ///
    /// - Parameter patience: The maximum time to wait for a terminal that does not accept output.
    /// - Returns: Whether the terminal has accepted everything.
    @discardableResult
    func flush(patience: Duration = .zero) -> Bool {
        let end = ContinuousClock.now + patience
        while !waiting.isEmpty {
            let count = write(descriptor, waiting, waiting.count)
            if count >= 0 {
                waiting.removeFirst(count)
            } else if errno == EAGAIN {
                let left = (end - ContinuousClock.now).milliseconds
                var place = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                if left <= 0 || poll(&place, 1, Int32(left)) <= 0 { return false }
            } else if errno != EINTR {
                // Ignores the error: the terminal has closed.
                waiting = []
            }
        }
        return true
    }
}
