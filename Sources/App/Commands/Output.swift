import ArgumentParser
import Engine
import Foundation

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

    /// Prints what somebody is asked, and stays behind it.
    static func question(_ text: String) { write(StyledText(text).rendered(), to: STDERR_FILENO) }

    /// Prints text that is made for a program or a file, with its line ends: as it is, and harmless on a terminal.
    static func document(_ text: String) {
        write(isatty(STDOUT_FILENO) == 1 ? harmless(text) : text, to: STDOUT_FILENO)
    }

    /// Prints JSON, with its line ends: as it is; on a terminal, what could steer it is escaped, which means the same.
    static func json(_ text: String) {
        write(isatty(STDOUT_FILENO) == 1 ? PlainText.escaped(inJSON: text) : text, to: STDOUT_FILENO)
    }

    /// Prints a value as one line of JSON.
    static func json(_ value: some Encodable) { json(JSONLine.text(value) + "\n") }

    private static func harmless(_ text: String) -> String {
        // Lines end with a line feed alone: what stands before it may be a return that somebody's data holds.
        text.unicodeScalars.split(separator: "\n", omittingEmptySubsequences: false)
            .map { PlainText.printed(String($0)) }.joined(separator: "\n")
    }

    /// Writes bytes as they are: only what this program has made itself may come here.
    ///
    /// A pipe whose reader has gone is written to no more.
    nonisolated static func write(_ text: String, to descriptor: Int32) {
        var text = text
        text.withUTF8 { buffer in
            var rest = UnsafeRawBufferPointer(buffer)
            while !rest.isEmpty {
                let count = Foundation.write(descriptor, rest.baseAddress, rest.count)
                if count < 0 {
                    if errno == EINTR { continue }
                    return
                }
                rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(count))
            }
        }
    }

    /// Does something, and turns the engine's faults into a message and an exit status.
    static func reporting<Result>(_ action: () throws -> Result) throws -> Result {
        do { return try action() } catch { throw try explained(error) }
    }

    /// Does something that waits, and turns the engine's faults into a message and an exit status.
    static func reporting<Result>(_ action: () async throws -> Result) async throws -> Result {
        do { return try await action() } catch { throw try explained(error) }
    }

    /// A fault of the engine on one line, for a screen.
    static func oneLine(_ error: any Error) -> String {
        switch error {
        case let error as InvalidPipeline:
            let more = error.errors.count > 1 ? " (and \((error.errors.count - 1).counted("more problem")))" : ""
            return (error.errors.first?.oneLine ?? "the pipeline file cannot be used") + more
        case let error as StoreError: return error.description
        case let error as Failure: return error.description
        default: return error.reason
        }
    }

    private static func explained(_ error: any Error) throws -> any Error {
        switch error {
        case let error as InvalidPipeline:
            self.error(message: error.description)
            return ExitStatus.invalid.code
        case let error as ConfigError:
            self.error(message: error.oneLine)
            return ExitStatus.invalid.code
        case let error as StoreError: self.error(message: "error: \(error.description)")
        case let error as Failure: self.error(message: "error: \(error.description)")
        case is ExitCode, is ValidationError, is CleanExit, is CancellationError: return error
        default: self.error(message: "error: \(error.reason)")
        }
        return ExitStatus.failed.code
    }
}

/// Colours for plain output, where they are wanted.
struct Paint {
    /// When colours are used.
    enum Choice: String, CaseIterable, ExpressibleByArgument { case auto, always, never }

    let isOn: Bool

    init(_ choice: Choice, descriptor: Int32 = STDOUT_FILENO) {
        let variables = ProcessInfo.processInfo.environment
        switch choice {
        case .always: isOn = true
        case .never: isOn = false
        case .auto:
            isOn = isatty(descriptor) == 1 && (variables["NO_COLOR"] ?? "").isEmpty && variables["TERM"] != "dumb"
        }
    }

    /// Text with a look, where colours are wanted.
    func callAsFunction(_ text: StyledText, _ style: Style) -> StyledText { isOn ? text.styled(style) : text }
    func callAsFunction(_ text: String, _ style: Style) -> StyledText { self(StyledText(text), style) }

    func good(_ text: String) -> StyledText { self(text, .good) }
    func bad(_ text: String) -> StyledText { self(text, .bad) }
    func wait(_ text: String) -> StyledText { self(text, .wait) }
    func busy(_ text: String) -> StyledText { self(text, .busy) }
    func dim(_ text: String) -> StyledText { self(text, .dim) }
    func dim(_ text: StyledText) -> StyledText { self(text, .dim) }

    func status(_ status: UnitStatus, _ text: String) -> StyledText { self(text, status.style) }

    func status(_ status: RunState.Status, _ text: String) -> StyledText {
        switch status {
        case .succeeded: good(text)
        case .failed, .interrupted: bad(text)
        case .running: busy(text)
        case .cancelled: dim(text)
        }
    }
}

/// Text in columns.
enum Columns {
    /// Lines in which each column is as wide as its widest cell; the last one is not padded.
    static func lines(_ rows: [[StyledText]]) -> [StyledText] {
        guard let count = rows.map(\.count).max() else { return [] }
        let widths = (0..<count).map { column in rows.map { $0.count > column ? $0[column].width : 0 }.max() ?? 0 }
        return rows.map { row in
            var line: StyledText = ""
            for (column, cell) in row.enumerated() {
                line += column == row.count - 1 ? cell : cell.padded(to: widths[column] + 2)
            }
            return line
        }
    }

    /// The same of cells without looks.
    static func lines(_ rows: [[String]]) -> [StyledText] { lines(rows.map { $0.map { StyledText($0) } }) }
}
