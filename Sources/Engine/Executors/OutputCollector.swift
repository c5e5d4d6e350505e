import CaudalModel
import Foundation
import Synchronization

/// Receives a program's output on the reactor's thread and passes it to the log.
final class OutputCollector: Sendable {
    private struct State {
        var splitters: [LogStream: LineSplitter] = [.stdout: LineSplitter(), .stderr: LineSplitter()]
        var last: [[UInt8]] = []
        /// The newest line of the level error that is none of the last lines any more.
        var error: [UInt8]?
        var progress: ProgressFinder
        var reported: CaudalModel.Progress?
    }

    private let state: Mutex<State>
    private let attempt: AttemptControl

    init(attempt: AttemptControl, progressPattern: String?) {
        self.attempt = attempt
        var first = State(
            progress: ProgressFinder(pattern: progressPattern) { [log = attempt.log] in
                log.note(
                    "'progress' has too many ways to match a line: progress is not looked for in such lines",
                    level: .warn)
            })
        for stream in first.splitters.keys {
            first.splitters[stream]?.length = { [log = attempt.log] in log.lengthBeforeCutSecret($0) }
        }
        state = Mutex(first)
    }

    /// The last lines so far, oldest first, as readable text.
    var lastLines: [String] {
        state.withLock { $0.last }.map { line in line.withUnsafeBufferPointer { attempt.log.excerpt(of: $0) } }
    }

    /// The newest line of the level error before the last lines.
    var earlierError: String? {
        state.withLock { $0.error }.map { line in line.withUnsafeBufferPointer { attempt.log.excerpt(of: $0) } }
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
                    if state.last.count == AttemptResult.lastLineLimit {
                        let first = state.last.removeFirst()
                        if first.withUnsafeBufferPointer({ LogLevel.claimed(by: $0) }) == .error { state.error = first }
                    }
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
    private let pattern: LogExpression?

    /// - Parameter onGivingUp: Called once when a line has too many ways to match.
    init(pattern: String?, onGivingUp: @escaping @Sendable () -> Void = {}) {
        // The pattern was validated when the pipeline file was read.
        self.pattern = pattern.flatMap { try? LogExpression($0, ignoresCase: false, onGivingUp: onGivingUp) }
    }

    private static let opening = Array("\u{1b}]9;4;".utf8)

    func progress(in line: UnsafeBufferPointer<UInt8>) -> CaudalModel.Progress? {
        if line.contains(0x1B), let percent = Self.percent(in: line) {
            return Self.progress(percent / 100)
        }
        guard let pattern, !line.isEmpty else { return nil }
        let text = String(decoding: line.prefix(1000), as: UTF8.self)
        guard let groups = pattern.groups(in: text)?.compactMap({ Double($0) }) else { return nil }
        switch groups.count {
        case 1: return Self.progress(groups[0] / 100)
        case 2 where groups[1] > 0: return Self.progress(groups[0] / groups[1])
        default: return nil
        }
    }

    /// The part that a program says is done; nil for what is no number, as programs write for 0 of 0.
    private static func progress(_ part: Double) -> CaudalModel.Progress? {
        part.isNaN ? nil : CaudalModel.Progress(fraction: min(max(part, 0), 1))
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
