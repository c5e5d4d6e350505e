/// A regular expression that Java reads as RE2 does, made from one of RE2's.
///
/// What is understood here is written anew in words that mean one thing to both; anything else is not understood, and is
/// refused before it runs.
struct SparkPattern {
    /// The expression for Java.
    let text: String
    /// Whether it matches nothing at all: such matches are replaced differently.
    let matchesEmpty: Bool

    /// - Returns: Nil for an expression that Java might read differently.
    init?(_ pattern: String) {
        var parser = Parser(Array(pattern.unicodeScalars))
        guard let (text, matchesEmpty) = parser.alternatives(), parser.isAtEnd else { return nil }
        // Without it a point stops at more than line feeds.
        self.text = parser.hasPoint ? "(?d)" + text : text
        self.matchesEmpty = matchesEmpty
    }

    /// What replaces a match, for Java; nil for one that says something else to it.
    static func replacement(_ text: String) -> String? {
        var result = ""
        var rest = text.unicodeScalars.makeIterator()
        var isBehindGroup = false
        while let sign = rest.next() {
            defer { isBehindGroup = sign == "\\" && result.last?.isNumber == true }
            switch sign {
            // Java takes as many digits for the number of a group as there are groups.
            case "0"..."9" where isBehindGroup: result += "\\\(sign)"
            case "$": result += "\\$"
            case "\\":
                guard let next = rest.next() else { return nil }
                switch next {
                case "0"..."9": result += "$\(next)"
                case "\\": result += "\\\\"
                default: return nil
                }
            default: result.unicodeScalars.append(sign)
            }
        }
        return result
    }

    private typealias Piece = (text: String, matchesEmpty: Bool)

    private struct Parser {
        private let signs: [Unicode.Scalar]
        private var index = 0
        private(set) var hasPoint = false

        init(_ signs: [Unicode.Scalar]) { self.signs = signs }

        var isAtEnd: Bool { index == signs.count }
        private var next: Unicode.Scalar? { isAtEnd ? nil : signs[index] }

        private mutating func take(_ sign: Unicode.Scalar) -> Bool {
            guard next == sign else { return false }
            index += 1
            return true
        }

        mutating func alternatives() -> Piece? {
            guard var all = sequence() else { return nil }
            while take("|") {
                guard let other = sequence() else { return nil }
                all = (all.text + "|" + other.text, all.matchesEmpty || other.matchesEmpty)
            }
            return all
        }

        private mutating func sequence() -> Piece? {
            var all: Piece = ("", true)
            while let sign = next, sign != "|", sign != ")" {
                guard let atom = atom() else { return nil }
                guard let piece = repeated(atom) else { return nil }
                all = (all.text + piece.text, all.matchesEmpty && piece.matchesEmpty)
            }
            return all
        }

        private mutating func atom() -> (piece: Piece, canRepeat: Bool)? {
            guard let sign = next else { return nil }
            index += 1
            switch sign {
            case ".":
                hasPoint = true
                return ((".", false), true)
            case "^": return (("^", true), false)
            case "$": return (("\\z", true), false)
            case "(":
                var head = "("
                if take("?") {
                    guard take(":") else { return nil }
                    head = "(?:"
                }
                guard let inside = alternatives(), take(")") else { return nil }
                return ((head + inside.text + ")", inside.matchesEmpty), true)
            case "[": return set().map { (($0, false), true) }
            case "\\": return escape().map { (($0, false), true) }
            case "*", "+", "?", "{", "}", "]": return nil
            default: return ((String(sign), false), true)
            }
        }

        private mutating func repeated(_ atom: (piece: Piece, canRepeat: Bool)) -> Piece? {
            var (text, matchesEmpty) = atom.piece
            guard let sign = next, "*+?{".unicodeScalars.contains(sign) else { return atom.piece }
            guard atom.canRepeat else { return nil }
            index += 1
            text.unicodeScalars.append(sign)
            switch sign {
            case "*", "?": matchesEmpty = true
            case "{":
                guard let least = number() else { return nil }
                text += "\(least)"
                if take(",") {
                    text += ","
                    if next != "}" {
                        guard let most = number(), most >= least else { return nil }
                        text += "\(most)"
                    }
                }
                guard take("}") else { return nil }
                text += "}"
                if least == 0 { matchesEmpty = true }
            default: break
            }
            if take("?") { text += "?" }
            // Two of them mean something else to each.
            if let sign = next, "*+?{".unicodeScalars.contains(sign) { return nil }
            return (text, matchesEmpty)
        }

        private mutating func number() -> Int? {
            var digits = ""
            while let sign = next, ("0"..."9").contains(sign), digits.count < 5 {
                digits.unicodeScalars.append(sign)
                index += 1
            }
            return Int(digits).flatMap { $0 <= 1000 ? $0 : nil }
        }

        private static let classes: [Unicode.Scalar: String] = ["d": "0-9", "w": "0-9A-Za-z_", "s": " \\t\\n\\f\\r"]
        private static let signs: [Unicode.Scalar: String] = ["t": "\\t", "n": "\\n", "r": "\\r", "f": "\\f"]

        /// What stands behind a backslash outside of a set.
        private mutating func escape() -> String? {
            guard let sign = next else { return nil }
            if let set = Self.classes[sign] {
                index += 1
                return "[\(set)]"
            }
            if let small = sign.properties.lowercaseMapping.unicodeScalars.first, let set = Self.classes[small] {
                index += 1
                return "[^\(set)]"
            }
            if sign == "z" || sign == "A" { return nil }
            return sign == "x" ? code() : plain()
        }

        private mutating func plain() -> String? {
            guard let sign = next else { return nil }
            index += 1
            if let known = Self.signs[sign] { return known }
            let isMark = sign.isASCII && !("0"..."9").contains(sign) && !sign.properties.isAlphabetic && sign.value > 32
            return isMark ? "\\" + String(sign) : nil
        }

        /// A sign by its number: `\x41` or `\x{263a}`.
        private mutating func code() -> String? {
            index += 1
            var digits = ""
            let isOpen = take("{")
            while let sign = next, sign.properties.isASCIIHexDigit, digits.count < (isOpen ? 6 : 2) {
                digits.unicodeScalars.append(sign)
                index += 1
            }
            guard isOpen ? take("}") : digits.count == 2, let number = UInt32(digits, radix: 16),
                Unicode.Scalar(number) != nil
            else { return nil }
            return "\\x{\(digits)}"
        }

        private mutating func set() -> String? {
            var text = take("^") ? "[^" : "["
            var isFirst = true
            while let sign = next, sign != "]" {
                index += 1
                switch sign {
                case "\\":
                    guard let inside = next else { return nil }
                    if let set = Self.classes[inside] {
                        index += 1
                        text += set
                        // Of a range that begins so, each makes something else.
                        if next == "-" { return nil }
                    } else {
                        guard let one = inside == "x" ? code() : plain() else { return nil }
                        text += one
                    }
                case "[":
                    if next == ":" { return nil }
                    text += "\\["
                case "&", "^": text += "\\" + String(sign)
                case "-":
                    // One that stands for itself.
                    if isFirst || next == "]" {
                        text += "\\-"
                    } else {
                        guard let end = next, end != "[", end != "\\" else { return nil }
                        text += "-"
                    }
                default: text.unicodeScalars.append(sign)
                }
                isFirst = false
            }
            guard !isFirst, take("]") else { return nil }
            return text + "]"
        }
    }
}
