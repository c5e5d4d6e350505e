import CNcurses
import Engine
import Foundation

/// What is written to the terminal: collected first, and handed over without ever waiting.
///
/// ncurses writes until everything is written, and a terminal may take nothing for ever: its window hangs, its line is
/// down, somebody has stopped it. So the descriptor that ncurses writes to stands for a piece of memory while it draws,
/// and for the terminal otherwise, because it sets the terminal's modes through the same one.
@MainActor
final class TerminalOutput {
    /// The terminal; writing to it never waits.
    let descriptor: Int32
    /// What ncurses writes to.
    let file: UnsafeMutablePointer<FILE>
    /// The terminal again, for setting its modes.
    private let modes: Int32
    private let memory: Int32
    /// What the terminal has not taken yet; order matters, and half of a sequence must be followed by its other half.
    private var waiting: [UInt8] = []

    /// Opens the terminal; nil when there is none.
    init?(_ path: String) {
        // A descriptor of the same opening would make standard output not wait either.
        descriptor = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC | O_NOCTTY)
        modes = open(path, O_RDWR | O_CLOEXEC | O_NOCTTY)
        memory = cn_memory_file()
        guard descriptor >= 0, modes >= 0, memory >= 0, let file = fdopen(dup(modes), "r+") else {
            for descriptor in [descriptor, modes, memory] where descriptor >= 0 { close(descriptor) }
            return nil
        }
        self.file = file
    }

    /// Whether the terminal has not taken everything.
    var isBehind: Bool { !waiting.isEmpty }

    /// Draws, and hands over what that writes.
    func collect(_ draw: () -> Void) {
        let target = fileno(file)
        cn_point(target, memory)
        draw()
        cn_point(target, modes)
        let size = Int(lseek(memory, 0, SEEK_CUR))
        if size > 0 {
            var bytes = [UInt8](repeating: 0, count: size)
            let count = pread(memory, &bytes, size, 0)
            waiting += bytes.prefix(max(0, count))
            ftruncate(memory, 0)
            lseek(memory, 0, SEEK_SET)
        }
        flush()
    }

    /// Writes text that ncurses does not know of; dropped when the terminal takes nothing.
    func send(_ text: String) {
        guard flush() else { return }
        waiting += Array(text.utf8)
        flush()
    }

    /// Hands over what the terminal has not taken yet; tells whether it has taken everything.
    ///
    /// - Parameter patience: How long it waits for a terminal that takes nothing.
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
                // The terminal has gone, and nobody will read it.
                waiting = []
            }
        }
        return true
    }
}
