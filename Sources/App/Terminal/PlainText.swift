import CaudalModel

/// Sanitizes text from outside: control characters in data, logs, names and output of children never reach the
/// terminal.
enum PlainText {
    /// The text for cells: without escape sequences, control characters, and marks that change the direction or the
    /// width of other characters.
    ///
    /// A tab becomes blanks up to the next multiple of eight columns.
    static func sanitized(_ text: String) -> String { harmless(text, keepsJoiners: false) }

    /// The text for a printed line: the same, but with the joiners that some scripts need, and with what makes a flag or another
    /// form of a sign, so that two names that differ by them are printed as two.
    static func printed(_ text: String) -> String { harmless(text, keepsJoiners: true) }

    /// JSON with control characters replaced by escapes; they occur only within strings.
    static func escaped(inJSON text: String) -> String {
        var result = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            if scalar == "\n" || !isHarmful(scalar) {
                result.append(scalar)
            } else {
                for unit in String(scalar).utf16 {
                    let digits = String(unit, radix: 16)
                    let zeros = String(repeating: "0", count: 4 - digits.count)
                    result.append(contentsOf: "\\u\(zeros)\(digits)".unicodeScalars)
                }
            }
        }
        return String(result)
    }

    private static func isHarmful(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0..<0x20, 0x7F..<0xA0: true
        // These only combine with the character before them.
        case 0x200C, 0x200D, 0xFE00...0xFE0F, 0x1F3FB...0x1F3FF: false
        default: scalar.isMark
        }
    }

    private static func harmless(_ text: String, keepsJoiners: Bool) -> String {
        if text.isPrintableASCII { return text }
        var result = String.UnicodeScalarView()
        var scalars = text.unicodeScalars.makeIterator()
        var parser = EscapeParser()
        while let scalar = scalars.next() {
            guard !parser.swallows(scalar) else { continue }
            switch scalar.value {
            case 0x09: for _ in 0..<(8 - result.count % 8) { result.append(" ") }
            // Control characters are replaced by their Unicode control pictures.
            case 0..<0x20: result.append(Unicode.Scalar(0x2400 + scalar.value) ?? "?")
            case 0x1F1E6...0x1F1FF where keepsJoiners, 0x1F3FB...0x1F3FF where keepsJoiners,
                0xFE00...0xFE0F where keepsJoiners:
                result.append(scalar)
            // The letters of a flag: terminals do not agree how wide a flag is.
            case 0x1F1E6...0x1F1FF: result.append(Unicode.Scalar(scalar.value - 0x1F1E6 + 0x41) ?? "?")
            case 0x7F: result.append("\u{2421}")
            case 0x80..<0xA0: result.append("\u{FFFD}")
            case 0x200C, 0x200D: if keepsJoiners { result.append(scalar) }
            default: if !scalar.isMark { result.append(scalar) }
            }
        }
        return String(result)
    }
}
