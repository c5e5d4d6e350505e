import CSystem
import CaudalModel
import Engine
import Foundation

/// Collects what is printed of logs, and writes it in large pieces: to standard output, or to a pager once it is more than
/// a screen holds.
final class LogOutput {
    private var buffer: [UInt8] = []
    private var descriptor = STDOUT_FILENO
    /// A pager that has not begun; nil where none is wanted, and when it has.
    private var waiting: LogPager?
    private var pager: pid_t?
    /// The number of lines that are collected for the pager.
    private var lines = 0
    /// Whether the reader takes more.
    private(set) var isOpen = true

    private static let size = 256 << 10

    init(pager: LogPager?) {
        waiting = pager
        buffer.reserveCapacity(Self.size * 2)
    }

    /// Adds bytes that are printed as they are.
    ///
    /// - Returns: Whether the reader takes more.
    @discardableResult
    func add(_ bytes: ArraySlice<UInt8>) -> Bool {
        if let pager = waiting {
            lines += bytes.withUnsafeBytes { cs_count_lines($0.baseAddress, $0.count) }
            if lines >= pager.rows { begin(pager) }
        } else if buffer.isEmpty, bytes.count >= Self.size {
            bytes.withUnsafeBytes(write)
            return isOpen
        }
        buffer.append(contentsOf: bytes)
        if waiting == nil, buffer.count >= Self.size { flush() }
        return isOpen
    }

    private func begin(_ pager: LogPager) {
        waiting = nil
        guard let started = pager.start() else { return }
        (self.pager, descriptor) = (started.process, started.input)
        // Whoever leaves the pager ends the output; ctrl-C is the pager's.
        signal(SIGPIPE, SIG_IGN)
        signal(SIGINT, SIG_IGN)
    }

    /// Writes what was collected.
    func flush() {
        if waiting != nil { return }
        buffer.withUnsafeBytes(write)
        buffer.removeAll(keepingCapacity: true)
    }

    /// Writes the rest, and waits until the pager was left.
    func finish() {
        waiting = nil
        flush()
        guard let pager else { return }
        close(descriptor)
        var status: Int32 = 0
        while waitpid(pager, &status, 0) < 0, errno == EINTR {}
    }

    private func write(_ bytes: UnsafeRawBufferPointer) {
        let error = isOpen ? FileText.write(bytes, to: descriptor) : 0
        if error == 0 { return }
        if descriptor == STDOUT_FILENO { Output.note(lost: error) }
        isOpen = false
    }
}

/// The program that shows long output page by page.
struct LogPager {
    private let program: String
    private let arguments: [String]
    private let variables: [String: String]
    /// The number of lines that need no pager.
    let rows: Int

    /// The pager that `CAUDAL_PAGER` or `PAGER` names, or `less`; nil where output is no terminal, or there is none.
    init?(variables: [String: String]) {
        guard isatty(STDOUT_FILENO) == 1, isatty(STDIN_FILENO) == 1, variables["TERM"] != "dumb" else { return nil }
        let words = (variables["CAUDAL_PAGER"] ?? variables["PAGER"] ?? "less").split(separator: " ").map(String.init)
        guard let name = words.first, name != "cat" else { return nil }
        let given = name.contains("/") && ProgramPath.isExecutable(name) ? name : nil
        guard let program = given ?? ProgramPath.find(name, path: variables["PATH"]) else { return nil }
        self.program = program
        arguments = words
        var size = winsize()
        rows = ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0 && size.ws_row > 0 ? Int(size.ws_row) : 24
        // As git does: leave at once what fits on the screen, show colours, and leave the screen as it is.
        self.variables = ["LESS": "FRX", "LV": "-c"].merging(variables) { _, given in given }
    }

    /// Starts it; nil when that is not possible, and the output goes to the terminal itself.
    fileprivate func start() -> (process: pid_t, input: Int32)? {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { return nil }
        _ = fcntl(ends[1], F_SETFD, FD_CLOEXEC)
        var list = arguments.map { strdup($0) } + [nil]
        var environment = variables.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { for text in list + environment { free(text) } }
        let process = cs_spawn(program, &list, &environment, nil, ends[0], -1, -1, 1)
        close(ends[0])
        guard process > 0 else {
            close(ends[1])
            return nil
        }
        return (process, ends[1])
    }
}
