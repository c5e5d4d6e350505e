/// A place in a trace, by which programs that start each other are shown as one whole: a `traceparent` as the W3C defines it.
package struct TraceContext: Sendable, Hashable {
    /// The environment variable that hands it from program to program.
    package static let variable = "TRACEPARENT"

    /// The trace, in 32 hexadecimal digits.
    package let trace: String
    /// The span that what follows belongs to, in 16 hexadecimal digits.
    package let span: String
    /// Two hexadecimal digits; the last bit says that the trace is recorded.
    package let flags: String

    package init(trace: String, span: String, flags: String = "01") {
        self.trace = trace
        self.span = span
        self.flags = flags
    }

    /// Reads a `traceparent`; nil for a text that is none.
    package init?(parsing text: String) {
        let parts = text.trimmed.split(separator: "-", omittingEmptySubsequences: false).map(String.init)
        guard parts.count >= 4, Self.isHex(parts[0], 2), parts[0] != "ff", Self.isHex(parts[1], 32),
            Self.isHex(parts[2], 16), Self.isHex(parts[3], 2), parts[1].contains(where: { $0 != "0" }),
            parts[2].contains(where: { $0 != "0" })
        else { return nil }
        // Only later versions may have more parts.
        if parts[0] == "00", parts.count != 4 { return nil }
        self.init(trace: parts[1], span: parts[2], flags: parts[3])
    }

    private static func isHex(_ text: String, _ count: Int) -> Bool {
        text.utf8.count == count && text.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
    }

    /// Such as `00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01`.
    package var text: String { "00-\(trace)-\(span)-\(flags)" }
}

/// The ids of a run and of its attempts for programs that show traces and lineage.
///
/// They follow from the run's id, so that each export has the same.
package struct RunTrace: Sendable, Hashable {
    private let run: RunID
    /// The span that the run belongs to; nil where it is a trace of its own.
    package let parent: TraceContext?

    package init(_ run: RunID, parent: TraceContext? = nil) {
        self.run = run
        self.parent = parent
    }

    /// The trace's id.
    package var id: String { parent?.trace ?? StableHash.hex("\(run)", words: 2) }

    /// The run's span.
    package var root: String { StableHash.hex("\(run)/", words: 1) }

    /// The span of an attempt.
    package func span(of unit: UnitID, attempt: Int) -> String {
        StableHash.hex(Self.name(of: unit, attempt: attempt, in: run), words: 1)
    }

    /// What an attempt's program is told of the trace.
    package func context(of unit: UnitID, attempt: Int) -> TraceContext {
        TraceContext(trace: id, span: span(of: unit, attempt: attempt), flags: parent?.flags ?? "01")
    }

    /// What identifies an attempt among all runs, such as `20261128-060000-k3f9/process/north#2`.
    package static func name(of unit: UnitID, attempt: Int, in run: RunID) -> String {
        "\(run)/\(unit.stage)" + (unit.item.map { "/\($0)" } ?? "") + "#\(attempt)"
    }

    /// A UUID of version 7: the time, and what follows from a name.
    ///
    /// - Parameter time: When what it identifies began, in milliseconds since 1970.
    package static func uuid(_ name: String, at time: Int64) -> String {
        let (first, second) = (StableHash.of(name, "1"), StableHash.of(name, "2"))
        let head = UInt64(bitPattern: max(0, time)) << 16 | 0x7000 | first & 0x0FFF
        let tail = 0x8000_0000_0000_0000 | second & 0x3FFF_FFFF_FFFF_FFFF
        let digits = Array(StableHash.hex(head) + StableHash.hex(tail))
        return [0..<8, 8..<12, 12..<16, 16..<20, 20..<32].map { String(digits[$0]) }.joined(separator: "-")
    }
}

extension StableHash {
    /// Sixteen hexadecimal digits for each word.
    fileprivate static func hex(_ text: String, words: Int) -> String {
        (1...words).map { hex(of(text, String($0))) }.joined()
    }

    fileprivate static func hex(_ number: UInt64) -> String {
        let digits = String(number, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}
