import CaudalModel
import Engine
import Foundation
import Synchronization

/// Standard output for results, standard error for messages.
enum Output {
    /// Prints a line of a result for people.
    static func line(_ text: StyledText) { write(text.rendered() + "\n", to: STDOUT_FILENO) }

    /// Prints a line of a result for people.
    static func line(plain text: String) { line(StyledText(text)) }

    /// Prints a line of a message.
    static func error(_ text: StyledText) { write(text.rendered() + "\n", to: STDERR_FILENO) }

    /// Prints a message, which may have several lines.
    static func error(message text: String) { write(harmless(text) + "\n", to: STDERR_FILENO) }

    /// Prints a prompt, and leaves the cursor after it.
    static func question(_ text: String) { write(StyledText(text).rendered(), to: STDERR_FILENO) }

    /// Prints text for a program or a file, with its line ends: unchanged, except that a terminal gets it sanitized.
    static func document(_ text: String) {
        write(isatty(STDOUT_FILENO) == 1 ? harmless(text) : text, to: STDOUT_FILENO)
    }

    /// Prints JSON, with its line ends.
    ///
    /// On a terminal, control characters are escaped, which does not change its meaning.
    static func json(_ text: String) {
        write(isatty(STDOUT_FILENO) == 1 ? PlainText.escaped(inJSON: text) : text, to: STDOUT_FILENO)
    }

    private static func harmless(_ text: String) -> String {
        // Lines end with a line feed alone: a carriage return before it may belong to the data.
        text.unicodeScalars.split(separator: "\n", omittingEmptySubsequences: false)
            .map { PlainText.printed(String($0)) }.joined(separator: "\n")
    }

    /// Writes bytes unchanged; only for bytes that this program has generated itself.
    ///
    /// It stops writing to a pipe whose reader has closed it; what else goes wrong with standard output is noted in
    /// ``lost``.
    nonisolated static func write(_ text: String, to descriptor: Int32) {
        var text = text
        let error = text.withUTF8 { FileText.write(UnsafeRawBufferPointer($0), to: descriptor) }
        if error != 0, descriptor == STDOUT_FILENO { note(lost: error) }
    }

    /// Why something printed to standard output is not there; nil when all of it is, or nobody reads it any more.
    nonisolated static var lost: Failure? {
        let code = lostCode.withLock { $0 }
        return code == 0 ? nil : Failure("standard output cannot be written", errno: code)
    }

    private nonisolated static let lostCode = Mutex<Int32>(0)

    /// Notes that standard output could not be written.
    nonisolated static func note(lost code: Int32) {
        // A pipe whose reader has gone, and a terminal that was closed, miss nothing.
        if ![EPIPE, EIO, EAGAIN].contains(code) { lostCode.withLock { $0 = code } }
    }

    /// An error of the engine on one line, for a screen.
    static func oneLine(_ error: any Error) -> String {
        switch error {
        case let error as InvalidPipeline:
            let more = error.errors.count > 1 ? " (and \((error.errors.count - 1).counted("more problem")))" : ""
            return (error.errors.first?.oneLine ?? "the pipeline file cannot be used") + more
        default: return error.reason
        }
    }
}
