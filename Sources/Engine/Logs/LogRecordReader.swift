/// Tells which lines of a program belong together: a stack trace is one record with the line that it explains.
///
/// Lines are judged as they come and never held back, so that nothing is lost when a process dies.
struct LogRecordReader: Sendable {
    /// What the last line was a part of.
    private enum Part: Sendable {
        /// A line of no importance.
        case ordinary
        /// A warning or an error, whose indented lines belong to it.
        case fault
        /// A traceback of Python, up to the first line that is not indented.
        case traceback
        /// Behind the traceback: a sentence may say that another one belongs to it.
        case behindTraceback
        /// Behind that sentence.
        case beforeNextTraceback
        /// What Go prints when it gives up.
        case panic
        /// The line behind the first of a panic of Rust.
        case rustPanic
    }

    private var part = Part.ordinary
    private var level = LogLevel.info

    /// The level of the next line, and whether it continues the record of the line before.
    mutating func judge(_ line: UnsafeBufferPointer<UInt8>) -> (level: LogLevel, continues: Bool) {
        if part != .ordinary, continues(line) { return (level, true) }
        guard let claimed = LogLevel.claimed(by: line) else {
            part = .ordinary
            return (.info, false)
        }
        begin(line, claimed)
        return (claimed, false)
    }

    /// A line whose level is known otherwise stands for itself.
    mutating func interrupt() { part = .ordinary }

    private mutating func begin(_ line: UnsafeBufferPointer<UInt8>, _ claimed: LogLevel) {
        level = claimed
        if claimed < .warn {
            part = .ordinary
        } else if line.begins("Traceback (most") {
            part = .traceback
        } else if line.begins("panic: ") || line.begins("fatal error: ") {
            part = .panic
        } else if line.begins("thread '") {
            part = .rustPanic
        } else {
            part = .fault
        }
    }

    private mutating func continues(_ line: UnsafeBufferPointer<UInt8>) -> Bool {
        guard let first = line.first else {
            // An empty line ends what is not known to go on.
            return [.traceback, .behindTraceback, .beforeNextTraceback, .panic].contains(part)
        }
        let isIndented = first == 0x20 || first == 0x09
        switch part {
        case .ordinary: return false
        case .traceback:
            if !isIndented { part = .behindTraceback }
            return true
        case .behindTraceback:
            guard line.begins("During handling of the above") || line.begins("The above exception was") else {
                return false
            }
            part = .beforeNextTraceback
            return true
        case .beforeNextTraceback:
            if line.begins("Traceback (most") { part = .traceback }
            return part == .traceback
        case .panic:
            return isIndented || line.begins("goroutine ") || line.begins("created by ") || line.begins("exit status ")
                || line.begins("[signal ") || line.last == UInt8(ascii: ")")
        case .rustPanic:
            part = .fault
            return LogLevel.claimed(by: line) == nil
        case .fault:
            if isIndented { return true }
            if line.begins("Traceback (most") {
                part = .traceback
                return true
            }
            return line.begins("Caused by: ") || line.begins("Suppressed: ") || line.begins("stack backtrace:")
                || line.begins("note: run with") || isThrown(line)
        }
    }

    /// Whether a line is the first of a stack trace of Java: `java.io.IOException: …`.
    private func isThrown(_ line: UnsafeBufferPointer<UInt8>) -> Bool {
        let name = line.prefix { ($0 | 0x20) &- 0x61 < 26 || $0 == 0x2E || $0 == 0x24 || $0 == 0x5F || $0 &- 0x30 < 10 }
        guard name.contains(0x2E), name.count == line.count || line[name.endIndex] == UInt8(ascii: ":") else {
            return false
        }
        return name.suffix(9).elementsEqual("Exception".utf8) || name.suffix(5).elementsEqual("Error".utf8)
    }
}

extension UnsafeBufferPointer<UInt8> {
    /// Whether the bytes begin with a text.
    fileprivate func begins(_ text: StaticString) -> Bool {
        let size = text.utf8CodeUnitCount
        return count >= size && (0..<size).allSatisfy { self[$0] == text.utf8Start[$0] }
    }
}
