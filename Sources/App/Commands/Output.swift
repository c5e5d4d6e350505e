import ArgumentParser
import Engine
import Foundation

/// Standard output for results, standard error for messages.
enum Output {
    /// Prints a result.
    static func line(_ text: String) { write(text + "\n", to: STDOUT_FILENO) }

    /// Prints a message.
    static func error(_ text: String) { write(text + "\n", to: STDERR_FILENO) }

    /// Whether somebody still reads standard output; a pipe whose reader has gone is written to no more.
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
            self.error(error.description)
            return ExitStatus.invalid.code
        case let error as ConfigError:
            self.error(error.oneLine)
            return ExitStatus.invalid.code
        case let error as StoreError: self.error("error: \(error.description)")
        case let error as Failure: self.error("error: \(error.description)")
        case is ExitCode, is ValidationError, is CleanExit, is CancellationError: return error
        default: self.error("error: \(error.reason)")
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

    func callAsFunction(_ text: String, _ code: String) -> String { isOn ? "\u{1b}[\(code)m\(text)\u{1b}[0m" : text }

    func good(_ text: String) -> String { self(text, "32") }
    func bad(_ text: String) -> String { self(text, "1;31") }
    func wait(_ text: String) -> String { self(text, "33") }
    func busy(_ text: String) -> String { self(text, "36") }
    func dim(_ text: String) -> String { self(text, "2") }

    func status(_ status: UnitStatus, _ text: String) -> String {
        switch status {
        case .succeeded, .reused: good(text)
        case .failed: bad(text)
        case .running: busy(text)
        case .retrying: wait(text)
        case .blocked: self(text, "35")
        case .pending, .queued, .skipped, .cancelled: dim(text)
        }
    }

    func status(_ status: RunState.Status, _ text: String) -> String {
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
    static func lines(_ rows: [[String]]) -> [String] {
        guard let count = rows.map(\.count).max() else { return [] }
        let widths = (0..<count).map { column in rows.map { $0.count > column ? $0[column].count : 0 }.max() ?? 0 }
        return rows.map { row in
            row.enumerated().map { column, cell in
                column == row.count - 1 ? cell : cell + String(repeating: " ", count: widths[column] - cell.count)
            }.joined(separator: "  ")
        }
    }
}
