/// Maps positions in a text to places in the file, which writes it with indentation, folded lines, escapes and
/// references.
package struct TextPlaces: Sendable, Equatable {
    private struct Break: Sendable, Equatable {
        var offset: Int
        var line: Int
        var column: Int
    }

    /// The bytes at which the text does not continue in the next column, in order.
    private var breaks: [Break] = []

    /// The places of a text that is in no file.
    package init() {}

    /// The places of a query's text as the SQL engine gets it, see ``SQLText/bound(_:)``.
    ///
    /// - Parameters:
    ///   - location: Where the query begins in the file.
    ///   - lines: The lines of the file.
    ///   - width: How many bytes replace a reference in the text that the SQL engine gets.
    package init(
        of query: Template, at location: SourceLocation, lines: [String], width: (Template.Reference) -> Int
    ) {
        var cursor = SourceCursor(lines, at: location)
        // The SQL engine gets the text without leading blanks.
        var offset = 0
        var isAtStart = true
        for segment in query.segments {
            switch segment {
            case .text(let text):
                for character in text {
                    guard let place = cursor.next(character) else { return }
                    if isAtStart, character.isWhitespace { continue }
                    isAtStart = false
                    note(offset, place)
                    offset += character.utf8.count
                    // From here on a byte is a column only while characters have one byte.
                    if character.utf8.count > 1 { note(offset, (place.line, place.column + 1)) }
                }
            case .reference(let reference):
                isAtStart = false
                guard let place = cursor.next("$") else { return }
                note(offset, place)
                cursor.skip(through: "}")
                offset += width(reference)
            }
        }
    }

    private mutating func note(_ offset: Int, _ place: (line: Int, column: Int)) {
        if let last = breaks.last, last.line == place.line, place.column - last.column == offset - last.offset {
            return
        }
        breaks.append(Break(offset: offset, line: place.line, column: place.column))
    }

    /// The place of a byte of the text, counted from 0; nil when no places are known.
    package func location(of offset: Int, in file: String) -> SourceLocation? {
        guard let last = breaks.last(where: { $0.offset <= offset }) else { return nil }
        return SourceLocation(file: file, line: last.line, column: last.column + offset - last.offset)
    }
}

/// Follows a text through the YAML lines that produced it.
private struct SourceCursor {
    private let lines: [[Character]]
    private var line: Int
    private var column: Int

    init(_ lines: [String], at location: SourceLocation) {
        let all = lines.map(Array.init)
        var (line, column) = (location.line - 1, location.column - 1)
        // A block begins on the line below its `|` or `>`.
        if all.indices.contains(line), all[line].indices.contains(column), "|>".contains(all[line][column]),
            column == 0 || !"'\"".contains(all[line][column - 1])
        {
            line += 1
            column = 0
        }
        self.lines = all
        self.line = line
        self.column = column
    }

    /// The character at the cursor; a line feed at a line's end, nil at the file's end.
    private var current: Character? {
        guard lines.indices.contains(line) else { return nil }
        return lines[line].indices.contains(column) ? lines[line][column] : "\n"
    }

    private mutating func advance() {
        if lines.indices.contains(line), column < lines[line].count {
            column += 1
        } else {
            line += 1
            column = 0
        }
    }

    /// The place of the text's next character, counted from 1; nil when the text cannot be followed further.
    mutating func next(_ character: Character) -> (line: Int, column: Int)? {
        if character.isWhitespace {
            let place = (line + 1, column + 1)
            // A line feed may be written as `\n`, a blank as the end of a folded line.
            if current == "\\" { advance() } else if current?.isWhitespace != true { return place }
            advance()
            return place
        }
        // Characters that the text does not have: the second of two quotation marks, a backslash, the `$` of `$${`.
        for _ in 0..<3 {
            while let blank = current, blank.isWhitespace { advance() }
            guard let found = current else { return nil }
            let place = (line + 1, column + 1)
            advance()
            if found == character { return place }
            guard "\\'$".contains(found) else { return nil }
        }
        return nil
    }

    mutating func skip(through last: Character) {
        while let found = current {
            advance()
            if found == last { return }
        }
    }
}
