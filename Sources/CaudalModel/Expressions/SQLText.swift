/// Finds the texts, quoted names and comments of a user's SQL without parsing it.
package enum SQLText {
    /// A part of a query, by its quoting.
    package enum Part: Equatable {
        case code(String)
        /// A string literal, a quoted name or a comment, including its delimiters.
        case text(String), quotedName(String), comment(String)

        /// The part's SQL, unchanged.
        package var sql: String {
            switch self {
            case .code(let sql), .text(let sql), .quotedName(let sql), .comment(let sql): sql
            }
        }
    }

    /// Splits a query into code, texts, quoted names and comments; joined, they are the query.
    ///
    /// As in DuckDB, dollar-quoted texts have no escapes, texts with the prefix `E` have backslash escapes, and
    /// comments nest.
    package static func parts(of query: String) -> [Part] {
        var scanner = SQLScanner(query)
        return scanner.parts()
    }

    /// Rewrites texts and comments in whose middle the DuckDB program would see an end.
    ///
    /// The program takes a quotation mark after a backslash for the end of a text, and the end of an inner comment for
    /// the end of the outer one; DuckDB's parser does neither. Nothing else changes, and no character moves.
    package static func withPlainEnds(_ query: String) -> String {
        parts(of: query).map { part in
            switch part {
            case .text(let text) where text.first == "E" || text.first == "e": withoutEscapes(text)
            case .comment(let text) where text.hasPrefix("/*"):
                "/*" + text.dropFirst(2).dropLast(2).replacing("/*", with: "  ").replacing("*/", with: "  ")
                    + text.dropFirst(2).suffix(2)
            case .code, .text, .quotedName, .comment: part.sql
            }
        }.joined()
    }

    private static func withoutEscapes(_ text: String) -> String {
        var isEscaped = false
        var plain = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            if isEscaped, scalar == "'" {
                plain.removeLast()
                plain.append("'")
            }
            plain.append(scalar)
            isEscaped = !isEscaped && scalar == "\\"
        }
        return String(plain)
    }

    /// Indents a query, except the continuation lines of its texts, which are data.
    package static func indented(_ query: String, by columns: Int) -> String {
        let margin = String(repeating: " ", count: columns)
        return margin
            + parts(of: query).map { part in
                switch part {
                case .code(let text), .comment(let text): text.replacing(scalar: "\n", with: "\n" + margin)
                case .text(let text), .quotedName(let text): text
                }
            }.joined()
    }

    /// The words outside of texts and comments.
    package static func words(in query: String) -> [String] {
        var words: [String] = []
        for part in parts(of: query) {
            switch part {
            case .code(let code):
                words += code.split { !($0.isLetter || $0.isNumber || $0 == "_") }.map(String.init)
            case .quotedName(let name): words.append(String(name.dropFirst().dropLast()))
            case .text, .comment: break
            }
        }
        return words
    }
}

extension SQLText {
    /// The references inside of quotation marks, where a value cannot be bound: the user must remove the quotation
    /// marks.
    package static func quotedReferences(in query: Template) -> [Template.Reference] {
        parts(of: query.description).flatMap { part -> [Template.Reference] in
            switch part {
            case .text(let text), .quotedName(let text): (try? Template(parsing: text))?.references ?? []
            case .code, .comment: []
            }
        }
    }
}

/// Scans a query by Unicode scalars, as DuckDB does: a quotation mark counts whatever combining character follows it.
private struct SQLScanner {
    private let letters: [Unicode.Scalar]
    private var index = 0

    init(_ query: String) { letters = Array(query.unicodeScalars) }

    mutating func parts() -> [SQLText.Part] {
        var parts: [SQLText.Part] = []
        var start = 0
        while index < letters.count {
            let begin = index
            guard let part = special() else {
                index += 1
                continue
            }
            if start < begin { parts.append(.code(text(start..<begin))) }
            parts.append(part)
            start = index
        }
        if start < letters.count { parts.append(.code(text(start..<letters.count))) }
        return parts
    }

    private func text(_ range: Range<Int>) -> String {
        var text = String.UnicodeScalarView()
        text.append(contentsOf: letters[range])
        return String(text)
    }

    private func letter(_ place: Int) -> Unicode.Scalar? { place < letters.count ? letters[place] : nil }

    /// The text, quoted name or comment that begins here, if any; the index then is after it.
    private mutating func special() -> SQLText.Part? {
        let begin = index
        switch (letters[index], letter(index + 1)) {
        case ("'", _): index = end(of: "'", from: index + 1, hasEscapes: false)
        case ("E", "'"), ("e", "'"):
            if isInName { return nil }
            index = end(of: "'", from: index + 2, hasEscapes: true)
        case ("\"", _):
            index = end(of: "\"", from: index + 1, hasEscapes: false)
            return .quotedName(text(begin..<index))
        case ("-", "-"):
            while let next = letter(index), next != "\n", next != "\r" { index += 1 }
            if letter(index) != nil { index += 1 }
            return .comment(text(begin..<index))
        case ("/", "*"):
            skipComment()
            return .comment(text(begin..<index))
        case ("$", _):
            guard !isInName, let mark = dollarQuote() else { return nil }
            index += mark.count
            while index < letters.count, !letters[index...].starts(with: mark) { index += 1 }
            index = min(letters.count, index + mark.count)
        default: return nil
        }
        return .text(text(begin..<index))
    }

    /// Whether the previous character belongs to a name that continues here.
    private var isInName: Bool { index > 0 && Self.isNameCharacter(letters[index - 1]) }

    private static func isNameCharacter(_ letter: Unicode.Scalar) -> Bool {
        letter == "_" || letter == "$" || letter.value >= 0x80 || letter.properties.isAlphabetic
            || ("0"..."9").contains(letter)
    }

    /// The index after the mark that ends a text or a name; a doubled mark does not end it.
    private func end(of mark: Unicode.Scalar, from start: Int, hasEscapes: Bool) -> Int {
        var place = start
        while let next = letter(place) {
            if hasEscapes, next == "\\" {
                place += 2
            } else if next == mark {
                if letter(place + 1) != mark { return place + 1 }
                place += 2
            } else {
                place += 1
            }
        }
        return letters.count
    }

    private mutating func skipComment() {
        var depth = 0
        repeat {
            switch (letter(index), letter(index + 1)) {
            case ("/", "*"): (depth, index) = (depth + 1, index + 2)
            case ("*", "/"): (depth, index) = (depth - 1, index + 2)
            default: index += 1
            }
        } while depth > 0 && index < letters.count
        index = min(index, letters.count)
    }

    /// `$$` or `$name$`, if a dollar-quoted text begins here.
    private func dollarQuote() -> [Unicode.Scalar]? {
        var place = index + 1
        while let next = letter(place), next != "$" {
            guard Self.isNameCharacter(next), place > index + 1 || !("0"..."9").contains(next) else { return nil }
            place += 1
        }
        return place < letters.count ? Array(letters[index...place]) : nil
    }
}
