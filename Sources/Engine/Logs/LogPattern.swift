import CaudalModel
import CSystem
import Foundation
import Synchronization

/// What the text of a line must match.
package struct LogPattern: Sendable {
    /// Why a text is no regular expression.
    package struct Fault: Error, Hashable {
        /// What is wrong, in the words of PCRE2.
        package var message: String
        /// The character at which it was found, from 1.
        package var place: Int
    }

    /// What is looked for in blocks: a line that matches contains one of these, as the log has them.
    let needles: [LogNeedle]
    /// The text, where the pattern is one.
    private let plain: LogNeedle?
    private let expression: LogExpression?

    /// Compiles a regular expression.
    ///
    /// - Parameter onGivingUp: Called once, on any thread, when a line has too many ways to match, as a nested repetition
    ///   may have; the line counts as one that does not match.
    /// - Throws: When the pattern is not a regular expression.
    package init(
        _ pattern: String, ignoresCase: Bool = false, onGivingUp: @escaping @Sendable () -> Void = {}
    ) throws(Fault) {
        if let text = RequiredLiterals.plain(pattern), !text.isEmpty, !text.contains("\u{fffd}"),
            !ignoresCase || text.utf8.allSatisfy({ $0 < 0x80 })
        {
            needles = [LogNeedle(escaped: text, folds: ignoresCase)]
            plain = LogNeedle(Array(text.utf8), folds: ignoresCase)
            expression = nil
            return
        }
        expression = try LogExpression(pattern, ignoresCase: ignoresCase, onGivingUp: onGivingUp)
        plain = nil
        needles = RequiredLiterals.of(pattern, folds: ignoresCase).map { LogNeedle(escaped: $0, folds: ignoresCase) }
    }

    /// Whether a block may have a line that matches.
    func mayMatch(_ block: UnsafeBufferPointer<UInt8>) -> Bool {
        !canSkip(in: block) || needles.contains { $0.place(in: block) != nil }
    }

    /// Whether lines of a block without one of the needles need not be looked at.
    ///
    /// Colours may stand within a text that matches, because lines match as they are printed.
    func canSkip(in block: UnsafeBufferPointer<UInt8>) -> Bool {
        !needles.isEmpty && Self.escape.place(in: block) == nil
    }

    /// How the log has the character by which colours begin.
    private static let escape = LogNeedle(escaped: "\u{1b}", folds: false)

    /// Whether the text of a line matches, without its colours.
    func matches(_ line: LogLine) -> Bool {
        guard line.hasEscapes else { return matches(line.text) }
        var text = JSONObjectReader.unescaped(line.text)
        if text.contains(0x1B) { text = Array(EscapeParser.removed(from: String(decoding: text, as: UTF8.self)).utf8) }
        return text.withUnsafeBufferPointer { matches($0) }
    }

    /// Whether a text matches.
    func matches(_ text: String) -> Bool {
        var text = text
        return text.withUTF8 { matches($0) }
    }

    private func matches(_ text: UnsafeBufferPointer<UInt8>) -> Bool {
        if let plain { return plain.place(in: text) != nil }
        return expression?.matches(text) ?? true
    }

    /// The parts of a text that match, in order, as ranges of its bytes; at most `most` of them, none of them empty.
    func places(in text: String, most: Int) -> [Range<Int>] {
        var text = text
        return text.withUTF8 { bytes in
            var found: [Range<Int>] = []
            var start = 0
            while found.count < most, start < bytes.count, let place = place(in: bytes, from: start) {
                if !place.isEmpty { found.append(place) }
                // Behind an empty match, the next character begins.
                start = max(place.upperBound, place.lowerBound + 1)
                while start < bytes.count, bytes[start] & 0xC0 == 0x80 { start += 1 }
            }
            return found
        }
    }

    private func place(in bytes: UnsafeBufferPointer<UInt8>, from start: Int) -> Range<Int>? {
        guard let plain else { return expression?.place(in: bytes, from: start) }
        return plain.place(in: bytes, from: start).map { $0..<($0 + plain.text.count) }
    }
}
