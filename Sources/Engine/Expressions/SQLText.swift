/// What must be known about SQL that a user wrote, without parsing it: where its texts and comments are.
package enum SQLText {
    /// A part of a query, as far as quoting goes.
    enum Part: Equatable {
        case code(String)
        /// Text in single quotes, a name in double quotes or a comment, with its delimiters.
        case text(String), quotedName(String), comment(String)
    }

    /// Cuts a query into code, texts, quoted names and comments; their join is the query.
    static func parts(of query: String) -> [Part] {
        let characters = Array(query)
        var parts: [Part] = []
        var code = ""
        var index = 0
        func flush() {
            if !code.isEmpty { parts.append(.code(code)) }
            code = ""
        }
        func end(of closing: String, from start: Int, doubled: Bool) -> Int {
            let letters = Array(closing)
            var place = start
            while place < characters.count {
                if characters[place...].starts(with: letters) {
                    if doubled, place + 1 < characters.count, characters[place + 1] == letters[0] {
                        place += 2
                        continue
                    }
                    return place + letters.count
                }
                place += 1
            }
            return characters.count
        }
        while index < characters.count {
            let rest = characters[index...]
            if rest.first == "'" || rest.first == "\"" {
                flush()
                let quote = String(characters[index])
                let stop = end(of: quote, from: index + 1, doubled: true)
                let text = String(characters[index..<stop])
                parts.append(quote == "'" ? .text(text) : .quotedName(text))
                index = stop
            } else if rest.starts(with: "--") || rest.starts(with: "/*") {
                flush()
                let stop =
                    rest.starts(with: "--")
                    ? end(of: "\n", from: index, doubled: false)
                    : end(of: "*/", from: index + 2, doubled: false)
                parts.append(.comment(String(characters[index..<stop])))
                index = stop
            } else {
                code.append(characters[index])
                index += 1
            }
        }
        flush()
        return parts
    }

    /// A query moved to the right, but for the lines of its texts, which are data.
    static func indented(_ query: String, by columns: Int) -> String {
        let margin = String(repeating: " ", count: columns)
        return margin
            + parts(of: query).map { part in
                switch part {
                case .code(let text), .comment(let text): text.replacing("\n", with: "\n" + margin)
                case .text(let text), .quotedName(let text): text
                }
            }.joined()
    }

    /// The words outside of texts and comments.
    static func words(in query: String) -> [String] {
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
    /// A query of the user with its references as bound values, without a semicolon at its end.
    package static func bound(_ query: Template) -> String {
        let dialect = DuckDBDialect()
        var text = query.segments.map { segment in
            switch segment {
            case .text(let text): text
            case .reference(let reference): dialect.variable(reference, as: .text)
            }
        }.joined().trimmed
        while text.last == ";" { text = String(text.dropLast()).trimmed }
        return text
    }

    /// The references that stand inside quotation marks, where a bound value cannot be: the user must remove them.
    package static func quotedReferences(in query: Template) -> [Template.Reference] {
        parts(of: query.description).flatMap { part -> [Template.Reference] in
            switch part {
            case .text(let text), .quotedName(let text): (try? Template(parsing: text))?.references ?? []
            case .code, .comment: []
            }
        }
    }
}
