/// Recognizes escape sequences, which steer a terminal within a text, including incomplete ones.
package struct EscapeParser {
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

    package init() {}

    /// A text without the sequences in it.
    package static func removed(from text: String) -> String {
        var parser = EscapeParser()
        return String(String.UnicodeScalarView(text.unicodeScalars.filter { !parser.swallows($0) }))
    }

    /// Whether a sequence has begun and not ended.
    package var isInside: Bool { if case .ground = state { false } else { true } }

    /// Whether a scalar is part of a sequence and must not be shown.
    package mutating func swallows(_ scalar: Unicode.Scalar) -> Bool {
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

extension Unicode.Scalar {
    /// Whether it changes neighbouring characters and is none itself: direction, joining, variation, tags.
    package var isMark: Bool {
        switch value {
        case 0x200B...0x200F, 0x2028...0x202E, 0x2060...0x206F, 0xFEFF, 0xFE00...0xFE0F, 0x1F3FB...0x1F3FF,
            0xE0000...0xE0FFF, 0xFFF9...0xFFFB, 0x061C, 0x180E:
            true
        default: false
        }
    }
}
