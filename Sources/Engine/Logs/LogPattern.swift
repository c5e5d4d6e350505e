import Foundation

/// What the text of a line must match.
package struct LogPattern: Sendable {
    /// What is looked for in blocks: a line that matches contains one of these, as the log has them.
    let needles: [LogNeedle]
    /// The text, where the pattern is one.
    private let plain: LogNeedle?
    private let expression: NSRegularExpression?
    /// Runs the matching of one line, which may take long.
    private let watch: @Sendable (() -> Bool) -> Bool

    /// Compiles a regular expression.
    ///
    /// - Parameter watch: Runs the matching of one line, which a bad expression may make last for ever.
    /// - Throws: When the pattern is not a regular expression.
    package init(
        _ pattern: String, ignoresCase: Bool = false, watch: @escaping @Sendable (() -> Bool) -> Bool = { $0() }
    ) throws {
        self.watch = watch
        if let text = RequiredLiterals.plain(pattern), !text.isEmpty, !text.contains("\u{fffd}"),
            !ignoresCase || text.utf8.allSatisfy({ $0 < 0x80 })
        {
            needles = [LogNeedle(escaped: text, folds: ignoresCase)]
            plain = LogNeedle(Array(text.utf8), folds: ignoresCase)
            expression = nil
            return
        }
        expression = try NSRegularExpression(pattern: pattern, options: ignoresCase ? .caseInsensitive : [])
        plain = nil
        needles = RequiredLiterals.of(pattern, folds: ignoresCase).map { LogNeedle(escaped: $0, folds: ignoresCase) }
    }

    /// Looks for a text, capitals and small letters alike.
    init(text: String) {
        let isASCII = text.utf8.allSatisfy { $0 < 0x80 }
        watch = { $0() }
        plain = isASCII ? LogNeedle(Array(text.utf8), folds: true) : nil
        needles = isASCII ? [LogNeedle(escaped: text, folds: true)] : []
        // A text that is escaped is an expression.
        expression =
            isASCII
            ? nil
            : try? NSRegularExpression(
                pattern: NSRegularExpression.escapedPattern(for: text), options: .caseInsensitive)
    }

    /// Whether a block may have a line that matches.
    func mayMatch(_ block: UnsafeBufferPointer<UInt8>) -> Bool {
        needles.isEmpty || needles.contains { $0.place(in: block) != nil }
    }

    /// Whether the text of a line matches.
    func matches(_ line: LogLine) -> Bool {
        if let plain {
            guard line.hasEscapes else { return plain.place(in: line.text) != nil }
            let text = JSONObjectReader.unescaped(line.text)
            return text.withUnsafeBufferPointer { plain.place(in: $0) } != nil
        }
        guard let expression else { return true }
        let text = line.message
        return watch { expression.firstMatch(in: text, range: NSRange(text.startIndex..., in: text)) != nil }
    }
}
