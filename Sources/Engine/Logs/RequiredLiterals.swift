/// The texts of which every match of a regular expression contains one.
///
/// What it does not understand gives none: the expression is then tried on every line. It reads the syntax of PCRE2:
/// <https://www.pcre.org/current/doc/html/pcre2syntax.html>.
package struct RequiredLiterals {
    /// What a part of a pattern requires.
    private struct Part {
        /// The only text that it matches; nil when there are several.
        var exact: String?
        /// Any match contains one of these; empty for no requirement.
        var required: [String]

        static let unknown = Part(exact: nil, required: [])
        static let nothing = Part(exact: "", required: [])
        static func text(_ text: String) -> Part { Part(exact: text, required: text.isEmpty ? [] : [text]) }
    }

    private struct NotUnderstood: Error {}

    private let pattern: [Unicode.Scalar]
    private var place = 0
    private let folds: Bool

    /// More alternatives than these are slower to look for than to try.
    private static let limit = 8

    /// The texts; empty when nothing is known.
    ///
    /// - Parameter folds: Whether the expression ignores the case of letters.
    package static func of(_ pattern: String, folds: Bool = false) -> [String] {
        var reader = RequiredLiterals(pattern: Array(pattern.unicodeScalars), folds: folds)
        guard let part = try? reader.alternatives(), reader.place == reader.pattern.count else { return [] }
        return part.required.contains { $0.isEmpty } ? [] : part.required
    }

    /// The text that the pattern is, if it has no special characters.
    package static func plain(_ pattern: String) -> String? {
        pattern.unicodeScalars.contains { #"\^$.|?*+()[]{}"#.unicodeScalars.contains($0) } ? nil : pattern
    }

    /// The pattern that matches a text and nothing else.
    package static func escaped(_ text: String) -> String {
        String(text.flatMap { #"\^$.|?*+()[]{}"#.contains($0) ? ["\\", $0] : [$0] })
    }

    private init(pattern: [Unicode.Scalar], folds: Bool) {
        self.pattern = pattern
        self.folds = folds
    }

    private var next: Unicode.Scalar? { place < pattern.count ? pattern[place] : nil }

    private mutating func alternatives() throws -> Part {
        var parts = [try sequence()]
        while next == "|" {
            place += 1
            parts.append(try sequence())
        }
        if parts.count == 1 { return parts[0] }
        let required = parts.contains { $0.required.isEmpty } ? [] : parts.flatMap(\.required)
        return Part(exact: nil, required: required.count <= Self.limit ? required : [])
    }

    private mutating func sequence() throws -> Part {
        var parts: [Part] = []
        while let character = next, character != "|", character != ")" {
            let part = try atom()
            parts.append(try repeated(part))
        }
        // Texts that follow each other directly are one.
        var best = Part.nothing
        var run = ""
        var isExact = true
        func isBetter(_ one: [String], than other: [String]) -> Bool {
            let (a, b) = (one.map(\.utf8.count).min() ?? 0, other.map(\.utf8.count).min() ?? 0)
            return a > b
        }
        for part in parts {
            if let exact = part.exact {
                run += exact
                if isBetter([run], than: best.required) { best.required = run.isEmpty ? [] : [run] }
            } else {
                isExact = false
                run = ""
                if isBetter(part.required, than: best.required) { best.required = part.required }
            }
        }
        return Part(exact: isExact ? run : nil, required: best.required)
    }

    private mutating func repeated(_ part: Part) throws -> Part {
        var part = part
        while let character = next {
            switch character {
            case "*", "?":
                place += 1
                part = .unknown
            case "+":
                place += 1
                part.exact = nil
            case "{":
                guard let end = pattern[place...].firstIndex(of: "}") else { throw NotUnderstood() }
                let bounds = String(String.UnicodeScalarView(pattern[(place + 1)..<end]))
                guard let least = Int(bounds.prefix { $0 != "," }) else { throw NotUnderstood() }
                place = end + 1
                part = least == 0 ? .unknown : Part(exact: nil, required: part.required)
            default: return part
            }
        }
        return part
    }

    private mutating func atom() throws -> Part {
        guard let character = next else { throw NotUnderstood() }
        place += 1
        switch character {
        case "(": return try group()
        case "[":
            try skipSet()
            return .unknown
        case ".": return .unknown
        case "^", "$": return .nothing
        case "\\": return try escape()
        case "*", "+", "?", "{", "}", "]": throw NotUnderstood()
        default: return literal(character)
        }
    }

    private func literal(_ scalar: Unicode.Scalar) -> Part {
        // Bytes that are no UTF-8 are matched by this one.
        if scalar == "\u{fffd}" { return .unknown }
        guard folds else { return .text(String(scalar)) }
        // These two are also written as letters outside of ASCII; others outside have more than two forms.
        let hasOtherForms = "kKsS".unicodeScalars.contains(scalar)
        return scalar.isASCII && !hasOtherForms ? .text(String(scalar)) : .unknown
    }

    private mutating func group() throws -> Part {
        var isRequired = true
        if next == "?" {
            place += 1
            guard let kind = next else { throw NotUnderstood() }
            place += 1
            switch kind {
            case ":", ">": break
            // What is looked for ahead is in the line; what must not follow says nothing.
            case "=": break
            case "!": isRequired = false
            case "<":
                if next == "=" {
                    place += 1
                } else if next == "!" {
                    place += 1
                    isRequired = false
                } else {
                    guard let end = pattern[place...].firstIndex(of: ">") else { throw NotUnderstood() }
                    place = end + 1
                }
            // Flags change what the rest means.
            default: throw NotUnderstood()
            }
            let looksAround = kind == "=" || kind == "!" || kind == "<" && pattern[place - 1] != ">"
            let inside = try alternatives()
            guard next == ")" else { throw NotUnderstood() }
            place += 1
            // It takes no characters, so what stands beside it does not follow on its text.
            if looksAround { return Part(exact: nil, required: isRequired ? inside.required : []) }
            return inside
        }
        let inside = try alternatives()
        guard next == ")" else { throw NotUnderstood() }
        place += 1
        return inside
    }

    private mutating func skipSet() throws {
        if next == "^" { place += 1 }
        // Directly behind the bracket a closing one stands for itself.
        if next == "]" { throw NotUnderstood() }
        while let character = next {
            place += 1
            switch character {
            case "\\":
                // What is quoted may have a closing bracket in it.
                if next == "Q" || next == "E" || next == "c" { throw NotUnderstood() }
                place += 1
            // A class by its name, such as [:alpha:], or a bracket that stands for itself.
            case "[": throw NotUnderstood()
            case "]": return
            default: break
            }
        }
        throw NotUnderstood()
    }

    private mutating func escape() throws -> Part {
        guard let character = next else { throw NotUnderstood() }
        place += 1
        switch character {
        case "d", "D", "w", "W", "s", "S", "h", "H", "v", "V", "R", "X": return .unknown
        case "b", "B", "A", "z", "Z", "G": return .nothing
        case "t": return literal("\t")
        case "p", "P", "N":
            guard next == "{", let end = pattern[place...].firstIndex(of: "}") else { throw NotUnderstood() }
            place = end + 1
            return .unknown
        default:
            // A letter or digit has a meaning of its own: a reference to a group, a code.
            let isWord = character.properties.isAlphabetic || character.properties.numericType != nil
            if isWord { throw NotUnderstood() }
            return literal(character)
        }
    }
}
