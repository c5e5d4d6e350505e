import CaudalModel
import CSystem
import Foundation
import Synchronization

/// Follows a script's progress: which statement runs, from the marks in its results, and how far that is, from the
/// percentages on its standard output.
final class DuckDBProgress: Sendable {
    private let state = Mutex<(percent: Double, reported: Double, last: Int64, digits: [UInt8])>((0, -1, 0, []))
    private let script: SQLScript
    private let results: String
    private let attempt: AttemptControl

    /// Milliseconds between two reports.
    private static let interval: Int64 = 200

    init(script: SQLScript, results: String, attempt: AttemptControl) {
        self.script = script
        self.results = results
        self.attempt = attempt
    }

    func take(_ bytes: UnsafeRawBufferPointer) {
        let percent = state.withLock { state -> Double? in
            var found: Double?
            for byte in bytes {
                switch byte {
                case UInt8(ascii: "0")...UInt8(ascii: "9"): state.digits.append(byte)
                case UInt8(ascii: "%"):
                    found = Double(String(decoding: state.digits, as: UTF8.self))
                    state.digits = []
                default: state.digits = []
                }
                if state.digits.count > 3 { state.digits = [] }
            }
            return found
        }
        guard let percent, percent <= 100 else { return }
        let now = cs_steady_milliseconds()
        let fraction = state.withLock { state -> (Int, Double)? in
            guard now - state.last >= Self.interval || percent == 100 else { return nil }
            state.last = now
            let statement = Self.lastMark(in: results)
            let fraction = script.fraction(statement: max(0, statement - 1), fraction: percent / 100)
            // DuckDB begins anew with each statement; what is shown never goes back.
            guard fraction > state.reported else { return nil }
            state.reported = fraction
            return (statement, fraction)
        }
        guard let (statement, value) = fraction else { return }
        let title = script.statements.indices.contains(statement - 1) ? script.statements[statement - 1].title : nil
        attempt.report(Progress(fraction: value, activity: title))
    }

    /// The number of the last statement that began, from the last mark in the results.
    private static func lastMark(in path: String) -> Int {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return 0 }
        defer { close(descriptor) }
        let size = lseek(descriptor, 0, SEEK_END)
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = pread(descriptor, &buffer, buffer.count, max(0, size - buffer.count))
        guard count > 0 else { return 0 }
        let marks = buffer.prefix(count).split(separator: 0x0A).filter { $0.starts(with: [0x40, 0x40]) }
        return marks.last.flatMap { Int(String(decoding: $0.dropFirst(2), as: UTF8.self)) } ?? 0
    }
}
