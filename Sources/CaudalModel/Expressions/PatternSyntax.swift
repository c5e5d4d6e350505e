/// Finds certain errors in a regular expression without a SQL engine.
///
/// The syntax is that of RE2, which DuckDB uses: <https://github.com/google/re2/wiki/Syntax>. A pattern without
/// findings may still be invalid, for example with an unknown character class.
package struct PatternSyntax {
    /// An error in a pattern.
    package struct Fault: Error, Equatable {
        package let message: String
        package let remedy: String?

        init(_ message: String, remedy: String? = nil) {
            self.message = message
            self.remedy = remedy
        }
    }

    /// The operand of a repetition.
    private enum RepeatTarget { case nothing, something, repetition }

    private let pattern: [Character]
    private var place = 0
    private var before = RepeatTarget.nothing
    /// What stood before each group that is open.
    private var open = 0

    /// RE2's maximum number of repetitions.
    private static let maxRepetitions = 1000

    /// The first error in a pattern, or nil.
    package static func fault(in pattern: String) -> Fault? {
        var syntax = PatternSyntax(pattern: Array(pattern))
        do throws(Fault) {
            try syntax.check()
            return nil
        } catch { return error }
    }

    private init(pattern: [Character]) { self.pattern = pattern }

    private func peek(_ distance: Int = 0) -> Character? {
        pattern.indices.contains(place + distance) ? pattern[place + distance] : nil
    }

    private func follows(_ text: String) -> Bool { pattern[place...].starts(with: text) }

    private mutating func check() throws(Fault) {
        while let character = peek() {
            switch character {
            case "\\": try escape()
            case "[": try characters()
            case "(": try group()
            case ")":
                if open == 0 { throw Fault("a ')' closes nothing", remedy: "write '\\)' for the character") }
                open -= 1
                place += 1
                before = .something
            case "|":
                place += 1
                before = .nothing
            case "*", "+", "?":
                place += 1
                try repetition(String(character))
            case "{":
                guard let bounds = bounds() else {
                    place += 1
                    before = .something
                    continue
                }
                place += bounds.length
                if max(bounds.least, bounds.most ?? 0) > Self.maxRepetitions
                    || bounds.most.map({ $0 < bounds.least }) == true
                {
                    throw Fault(
                        "'\(bounds.text)' is not a valid number of repetitions", remedy: "write at most {0,1000}")
                }
                try repetition(bounds.text)
            default:
                place += 1
                before = .something
            }
        }
        if open > 0 { throw Fault("a '(' is not closed", remedy: "write '\\(' for the character") }
    }

    private mutating func repetition(_ text: String) throws(Fault) {
        switch before {
        case .nothing:
            throw Fault("there is nothing before '\(text)' to repeat", remedy: "write '\\\(text)' for the text")
        case .repetition: throw Fault("'\(text)' repeats a repetition", remedy: "put what is repeated into (?:…)")
        case .something: break
        }
        if peek() == "?" { place += 1 }
        before = .repetition
    }

    /// The bounds `{2}`, `{2,}` or `{2,5}` at this place; nil for anything else, which is text.
    private func bounds() -> (least: Int, most: Int?, length: Int, text: String)? {
        guard let end = pattern[place...].firstIndex(of: "}") else { return nil }
        let parts = String(pattern[(place + 1)..<end]).split(separator: ",", omittingEmptySubsequences: false)
        guard (1...2).contains(parts.count), parts.allSatisfy({ $0.allSatisfy { $0.isASCII && $0.isNumber } }),
            let least = Int(parts[0])
        else { return nil }
        return (least, parts.count == 2 ? Int(parts[1]) : least, end - place + 1, String(pattern[place...end]))
    }

    private mutating func escape() throws(Fault) {
        guard let next = peek(1) else { throw Fault("it ends in a single backslash", remedy: "write two of them") }
        before = .something
        if next == "Q" {
            place += 2
            while place < pattern.count, !follows("\\E") { place += 1 }
            place = min(place + 2, pattern.count)
            return
        }
        let isOctal = "1234567".contains(next) && (peek(2).map { "01234567".contains($0) } ?? false)
        if "123456789".contains(next), !isOctal {
            throw Fault(
                "'\\\(next)' refers back to a group, which data engines do not have", remedy: "write it without")
        }
        try checkEscape(of: next, known: "aAbBCdDfnpPrsStvwWxz01234567")
        place += 2
        if "pPx".contains(next), peek() == "{" {
            guard let end = pattern[place...].firstIndex(of: "}") else { throw Fault("'\\\(next){' is not closed") }
            place = end + 1
        }
    }

    /// Rejects a backslash before a letter that has no meaning here; an escaped character that is no letter is itself.
    private func checkEscape(of letter: Character, known: String) throws(Fault) {
        guard letter.isLetter || letter.isNumber || !letter.isASCII, !known.contains(letter) else { return }
        let remedy =
            switch letter {
            case "u": "write '\\x{00E9}' with the character's number, or the character itself"
            case "Z": "write '\\z'"
            default: "write the character without a backslash, or '\\x{…}' with its number"
            }
        throw Fault("'\\\(letter)' means nothing here", remedy: remedy)
    }

    private mutating func characters() throws(Fault) {
        place += 1
        if peek() == "^" { place += 1 }
        // Directly after the opening bracket, a closing bracket is an ordinary character.
        if peek() == "]" { place += 1 }
        while let character = peek(), character != "]" {
            if character == "\\" {
                if let next = peek(1) { try checkEscape(of: next, known: "adDfnpPrsStvwWx01234567") }
                place += 2
            } else if follows("[:"), let end = pattern[place...].firstIndex(of: "]"), pattern[end - 1] == ":" {
                place = end + 1
            } else {
                if peek(1) == "-", let last = peek(2), !"]\\[".contains(last), last < character {
                    throw Fault("'\(character)-\(last)' is not a range of characters")
                }
                place += 1
            }
        }
        if place >= pattern.count { throw Fault("a '[' is not closed", remedy: "write '\\[' for the character") }
        place += 1
        before = .something
    }

    private mutating func group() throws(Fault) {
        if let found = ["(?=", "(?!", "(?<=", "(?<!", "(?>", "(?#", "(?P="].first(where: follows) {
            throw Fault("it uses '\(found)', which data engines do not have", remedy: "write it without look-around")
        }
        guard follows("(?") else {
            place += 1
            open += 1
            before = .nothing
            return
        }
        if follows("(?<") {
            throw Fault("it names a group with '(?<'", remedy: "write '(?P<' instead, or '(' where no name is needed")
        }
        if follows("(?P<") {
            guard let end = pattern[place...].firstIndex(of: ">") else { throw Fault("the name of a group has no '>'") }
            place = end + 1
            open += 1
            before = .nothing
            return
        }
        let flags = pattern[(place + 2)...].prefix { "imsU-".contains($0) }
        place += 2 + flags.count
        switch peek() {
        case ":":
            open += 1
            before = .nothing
        case ")": break
        default: throw Fault("'(?' does not begin a known construct", remedy: "write '\\(' for the character")
        }
        place += 1
    }
}
