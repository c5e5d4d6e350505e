package import CaudalModel
import Foundation
import Synchronization

/// Runs a program as a child process: writes its output to the log, detects its progress, keeps its last lines.
package struct ProcessExecutor: CommandExecutor {
    package static let name = "local"
    private let host: CommandHost

    package init(_ host: CommandHost) { self.host = host }

    /// Processes end with the engine that watches them, or are ended when their run is taken up again.
    package func recover(_ identity: WorkIdentity) async -> RecoveredWork { .ended }

    package func attach(
        to identity: WorkIdentity, _ work: CommandWork, for attempt: AttemptControl
    ) async -> Execution {
        Execution(failure: Failure("\(identity) is a process, and nothing can be heard of it any more"))
    }

    package func execute(_ work: CommandWork, for attempt: AttemptControl) async -> Execution {
        var variables = work.environment
        variables["CAUDAL_RUN_ID"] = attempt.run.rawValue
        variables["CAUDAL_STAGE"] = attempt.unit.stage.rawValue
        variables["CAUDAL_ATTEMPT"] = String(attempt.number)
        // A stage may run Caudal itself, wherever it was started from.
        variables["CAUDAL_PROGRAM"] = Self.ownProgram
        do throws(Failure) {
            let program = try Self.find(
                work.arguments.first ?? "", path: variables["PATH"] ?? host.environment["PATH"] ?? "/usr/bin:/bin",
                folder: host.folder)
            let launch = ProcessLaunch(
                program: program, arguments: Array(work.arguments.dropFirst()), inherited: host.environment,
                variables: variables, folder: host.folder, marker: attempt.marker, grace: attempt.grace,
                ledger: attempt.ledger)
            return try await run(launch, progressPattern: work.progressPattern, for: attempt)
        } catch {
            return Execution(failure: error)
        }
    }

    private func run(
        _ launch: ProcessLaunch, progressPattern: String?, for attempt: AttemptControl
    ) async throws(Failure) -> Execution {
        let output = OutputCollector(attempt: attempt, progressPattern: progressPattern)
        let end = try await host.reactor.run(launch, onStart: attempt.started) { stream, bytes in
            output.take(stream, bytes)
        }
        attempt.onStop(nil)
        return Self.execution(of: end, lastLines: output.lastLines, attempt: attempt)
    }

    /// Interprets the end of a child.
    static func execution(of end: ChildExit, lastLines: [String], attempt: AttemptControl) -> Execution {
        if !end.leftBehind.isEmpty {
            attempt.log.note("left behind and ended: \(end.leftBehind.joined(separator: ", "))", level: .warn)
        }
        var execution = Execution(exit: end.exit, usage: end.usage, lastLines: lastLines)
        if end.exit != .exited(0) {
            var message = end.exit.description
            if case .signaled(9) = end.exit { message += end.usage.peakText }
            if end.wasKilled, attempt.stopReason != nil { message += " after it did not end when asked to" }
            // A program's last lines usually explain the failure; a line that states level error explains it best.
            let telling =
                lastLines.last { line in
                    var line = line
                    return line.withUTF8 { LogLevel.claimed(by: $0) } == .error
                } ?? lastLines.last { !$0.trimmed.isEmpty }
            if case .exited = end.exit, let telling { message += ": " + telling.trimmed.shortened(to: 200) }
            execution.failure = Failure(message)
        }
        return execution
    }

    private static let ownProgram =
        (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? "caudal"

    /// The program that a name refers to.
    static func find(_ name: String, path: String, folder: String) throws(Failure) -> String {
        if name.isEmpty { throw Failure("the command is empty") }
        if name.hasPrefix("/") { return name }
        if name.contains("/") { return PathText.absolute(name, in: folder) }
        for part in path.split(separator: ":") {
            let candidate = "\(part)/\(name)"
            if access(candidate, X_OK) == 0 { return candidate }
        }
        throw Failure("the command '\(name)' is not on PATH", remedy: "install it, or give its path; PATH is \(path)")
    }
}

/// Receives a program's output on the reactor's thread and passes it to the log.
final class OutputCollector: Sendable {
    private struct State {
        var splitters: [LogStream: LineSplitter] = [.stdout: LineSplitter(), .stderr: LineSplitter()]
        var last: [[UInt8]] = []
        var progress: ProgressFinder
        var reported: CaudalModel.Progress?
    }

    private let state: Mutex<State>
    private let attempt: AttemptControl

    init(attempt: AttemptControl, progressPattern: String?) {
        self.attempt = attempt
        var first = State(progress: ProgressFinder(pattern: progressPattern))
        for stream in first.splitters.keys {
            first.splitters[stream]?.length = { [log = attempt.log] in log.lengthBeforeCutSecret($0) }
        }
        state = Mutex(first)
    }

    /// The last lines so far, oldest first, as readable text.
    var lastLines: [String] {
        state.withLock { $0.last }.map { line in line.withUnsafeBufferPointer { attempt.log.excerpt(of: $0) } }
    }

    func take(_ stream: LogStream, _ bytes: UnsafeRawBufferPointer) {
        let news = state.withLock { state -> CaudalModel.Progress? in
            guard var splitter = state.splitters[stream] else { return nil }
            var found: CaudalModel.Progress?
            attempt.log.write(stream) { emit in
                func look(_ line: UnsafeBufferPointer<UInt8>) {
                    if let progress = state.progress.progress(in: line) { found = progress }
                }
                func keep(_ line: UnsafeBufferPointer<UInt8>) {
                    look(line)
                    if ProgressFinder.isOnlyProgress(line) { return }
                    emit(line)
                    if state.last.count == AttemptResult.lastLineLimit { state.last.removeFirst() }
                    state.last.append(Array(line))
                }
                if bytes.isEmpty { splitter.end(emit: keep) } else { splitter.feed(bytes, replaced: look, emit: keep) }
            }
            state.splitters[stream] = splitter
            guard let found, found != state.reported else { return nil }
            state.reported = found
            return found
        }
        if let news { attempt.report(news) }
    }
}

/// Detects a program's progress: OSC 9;4 sequences, or matches of the stage's pattern.
struct ProgressFinder {
    private let pattern: NSRegularExpression?

    init(pattern: String?) {
        // The pattern was validated when the pipeline file was read.
        self.pattern = pattern.flatMap { try? NSRegularExpression(pattern: $0) }
    }

    private static let opening = Array("\u{1b}]9;4;".utf8)

    func progress(in line: UnsafeBufferPointer<UInt8>) -> CaudalModel.Progress? {
        if line.contains(0x1B), let percent = Self.percent(in: line) {
            return CaudalModel.Progress(fraction: min(max(percent / 100, 0), 1))
        }
        guard let pattern, !line.isEmpty else { return nil }
        let text = String(decoding: line.prefix(1000), as: UTF8.self)
        guard let match = pattern.firstMatch(in: text, range: NSRange(text.startIndex..., in: text)) else { return nil }
        let groups = (1..<max(1, match.numberOfRanges)).compactMap {
            Range(match.range(at: $0), in: text).flatMap { Double(text[$0]) }
        }
        switch groups.count {
        case 1: return CaudalModel.Progress(fraction: min(max(groups[0] / 100, 0), 1))
        case 2 where groups[1] > 0: return CaudalModel.Progress(fraction: min(max(groups[0] / groups[1], 0), 1))
        default: return nil
        }
    }

    /// The percentage of the last `ESC ] 9 ; 4 ; state ; percent` in a line.
    private static func percent(in line: UnsafeBufferPointer<UInt8>) -> Double? {
        var found: Double?
        var index = line.startIndex
        while let start = line[index...].firstIndex(of: 0x1B) {
            index = start + 1
            guard line[start...].starts(with: opening) else { continue }
            let fields = line[(start + opening.count)...].prefix { $0 != 0x07 && $0 != 0x1B }.split(
                separator: UInt8(ascii: ";"))
            if fields.count >= 2, let value = Double(String(decoding: fields[1], as: UTF8.self)) { found = value }
        }
        return found
    }

    /// Whether a line consists only of such a sequence, which is left out of the log.
    static func isOnlyProgress(_ line: UnsafeBufferPointer<UInt8>) -> Bool {
        guard line.starts(with: opening) else { return false }
        return line.last == 0x07 || line.last == UInt8(ascii: "\\") && line.dropLast().last == 0x1B
    }
}
