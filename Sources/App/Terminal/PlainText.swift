/// Sanitizes text from outside: control characters in data, logs, names and output of children never reach the
/// terminal.
enum PlainText {
    /// The text for cells: without escape sequences, control characters, and marks that change the direction or the
    /// width of other characters.
    ///
    /// A tab becomes blanks up to the next multiple of eight columns.
    static func sanitized(_ text: String) -> String { harmless(text, keepsJoiners: false) }

    /// The text for a printed line: the same, but with the joiners that some scripts need.
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
        default: isMark(scalar)
        }
    }

    /// Whether it changes neighbouring characters: direction, joining, variation, tags.
    private static func isMark(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x200B...0x200F, 0x2028...0x202E, 0x2060...0x206F, 0xFEFF, 0xFE00...0xFE0F, 0x1F3FB...0x1F3FF,
            0xE0000...0xE0FFF, 0xFFF9...0xFFFB, 0x061C, 0x180E:
            true
        default: false
        }
    }

    private static func harmless(_ text: String, keepsJoiners: Bool) -> String {
        if text.utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7F }) { return text }
        var result = String.UnicodeScalarView()
        var scalars = text.unicodeScalars.makeIterator()
        var parser = EscapeParser()
        while let scalar = scalars.next() {
            guard !parser.swallows(scalar) else { continue }
            switch scalar.value {
            case 0x09: for _ in 0..<(8 - result.count % 8) { result.append(" ") }
            // Control characters are replaced by their Unicode control pictures.
            case 0..<0x20: result.append(Unicode.Scalar(0x2400 + scalar.value) ?? "?")
            case 0x7F: result.append("\u{2421}")
            case 0x80..<0xA0: result.append("\u{FFFD}")
            case 0x200C, 0x200D: if keepsJoiners { result.append(scalar) }
            default: if !isMark(scalar) { result.append(scalar) }
            }
        }
        return String(result)
    }
}

/// Recognizes escape sequences, including incomplete ones.
struct EscapeParser {
    private enum State {
        case ground, escape
        /// A control sequence: ends with a letter.
        case control(Int)
        /// A device or operating system string: ends with a terminator.
        case string(Int)
        /// An escape inside a string, possibly the start of the terminator.
        case stringEscape(Int)
    }

    private var state = State.ground
    /// A longer sequence counts as text that only looks like one.
    private static let limit = 4096

    /// Whether a scalar is part of a sequence and must not be shown.
    mutating func swallows(_ scalar: Unicode.Scalar) -> Bool {
        switch state {
        case .ground:
            switch scalar.value {
            case 0x1B: state = .escape
            case 0x9B: state = .control(0)
            case 0x90, 0x98, 0x9D, 0x9E, 0x9F: state = .string(0)
            default: return false
            }
            return true
        case .escape:
            switch scalar {
            case "[": state = .control(0)
            case "]", "P", "X", "^", "_": state = .string(0)
            case " "..."/": state = .escape
            default: state = .ground
            }
            return true
        case .control(let length):
            if (0x40...0x7E).contains(scalar.value) || length > 64 {
                state = .ground
            } else if scalar.value == 0x1B {
                state = .escape
            } else {
                state = .control(length + 1)
            }
            return true
        case .string(let length):
            switch scalar.value {
            case 0x07, 0x9C: state = .ground
            case 0x1B: state = .stringEscape(length)
            default: state = length > Self.limit ? .ground : .string(length + 1)
            }
            return true
        case .stringEscape(let length):
            if scalar == "\\" {
                state = .ground
            } else if scalar.value == 0x1B {
                state = .stringEscape(length)
            } else {
                state = .string(length + 1)
            }
            return true
        }
    }
}
