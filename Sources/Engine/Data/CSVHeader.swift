import CaudalModel

/// The header of a CSV file: how its values are separated and what its columns are called.
package struct CSVHeader: Sendable, Equatable {
    /// The values of the header.
    package var values: [String]
    /// Whether every reader finds these values, and the same rows after them: quotation marks only enclose whole
    /// values.
    package var isPlain: Bool

    /// Why a header cannot be used.
    struct Fault: Error, Equatable {
        var message: String
        var remedy: String
    }

    /// Parses the first record of a file, which spans several lines if a name does.
    ///
    /// - Parameters:
    ///   - bytes: The beginning of the file in UTF-8, from the header's first line on.
    ///   - firstLine: The number of that line.
    ///   - isWhole: Whether the bytes reach to the end of the file.
    init(_ bytes: some Collection<UInt8>, _ csv: CSVDialect, line firstLine: Int, isWhole: Bool) throws(Fault) {
        let delimiter = csv.delimiter?.utf8.first ?? UInt8(ascii: ",")
        let (quote, escape) = (csv.quote.utf8.first, csv.escape.utf8.first)
        let blank = UInt8(ascii: " ")
        var values: [String] = []
        var value: [UInt8] = []
        var isPlain = true
        // The line in which the current value's quotation begins; nil for a value without quotation marks.
        var opened: Int?
        var isClosed = false
        var isEnded = false
        var line = firstLine
        func textBehindQuote() -> Fault {
            Fault(
                message: "text stands behind a closing quotation mark in line \(line)",
                remedy: CSVRemedy.header)
        }
        func add() throws(Fault) {
            guard let text = String(validating: value, as: UTF8.self) else {
                throw Fault(
                    message: "line \(line) is not \(CSVRemedy.name(of: csv.encoding))",
                    remedy: CSVRemedy.encoding(insteadOf: csv.encoding))
            }
            guard let name = opened == nil ? Self.unquoted(text, quote) : text else { throw textBehindQuote() }
            values.append(name)
            (value, opened, isClosed) = ([], nil, false)
        }
        var rest = Array(bytes)[...]
        while let byte = rest.popFirst() {
            if opened != nil, !isClosed {
                if byte == escape, escape != quote, let next = rest.popFirst() {
                    if next != quote, next != escape { value.append(byte) }
                    value.append(next)
                } else if byte == quote {
                    if escape == quote, rest.first == quote {
                        value.append(rest.removeFirst())
                    } else {
                        isClosed = true
                    }
                } else {
                    if byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\r") && rest.first != UInt8(ascii: "\n") {
                        line += 1
                    }
                    value.append(byte)
                }
                continue
            }
            if byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\r") {
                isEnded = true
                break
            } else if byte == delimiter {
                try add()
            } else if isClosed {
                guard byte == blank else { throw textBehindQuote() }
                isPlain = false
            } else if byte == quote {
                if value.isEmpty {
                    opened = line
                } else {
                    isPlain = false
                    value.append(byte)
                }
            } else {
                value.append(byte)
            }
        }
        if let opened, !isClosed {
            throw Fault(
                message: "a quotation mark in line \(opened) is never closed"
                    + (isWhole ? "" : ", or not within its first \(bytes.count.counted("byte"))"),
                remedy: CSVRemedy.header)
        }
        guard isEnded || isWhole else {
            throw Fault(
                message: "it is longer than \(bytes.count.counted("byte"))", remedy: CSVRemedy.header)
        }
        try add()
        self.values = values
        // A line end inside of the header may mislead a reader about how all lines end.
        self.isPlain = isPlain && line == firstLine
    }

    /// The name inside of quotation marks that have blanks around them; nil when other text follows them.
    private static func unquoted(_ text: String, _ quote: UInt8?) -> String? {
        let inner = text.trimmed
        guard let quote = quote.map({ Character(Unicode.Scalar($0)) }), text.first == " ", inner.first == quote else {
            return text
        }
        var (name, rest) = ("", inner.dropFirst())
        while let character = rest.popFirst() {
            if character == quote, rest.first != quote { return rest.isEmpty ? name : nil }
            if character == quote { rest.removeFirst() }
            name.append(character)
        }
        // The enclosed text would span a delimiter, which ends a row's value.
        return text
    }

    /// The delimiters to try when the pipeline file names none; the first one wins a tie.
    private static let candidates: [Character] = [",", ";", "\t", "|"]

    /// The delimiter that splits a line into the most values.
    package static func delimiter(of line: String, quote: Character) -> String {
        var counts: [Character: Int] = [:]
        var isQuoted = false
        for character in line {
            if character == quote { isQuoted.toggle() }
            if !isQuoted, candidates.contains(character) { counts[character, default: 0] += 1 }
        }
        let best = candidates.max { counts[$0, default: 0] < counts[$1, default: 0] }
        guard let best, counts[best, default: 0] > 0 else { return "," }
        return String(candidates.first { counts[$0] == counts[best] } ?? best)
    }

    /// The values of a line.
    package static func values(of line: String, delimiter: Character, quote: Character) -> [String] {
        let csv = CSVDialect(delimiter: String(delimiter), quote: String(quote), escape: String(quote))
        return (try? CSVHeader(Array(line.utf8), csv, line: 1, isWhole: true).values) ?? []
    }

    /// Unique names for columns: a column without a name is named by its position, and a duplicate name gets a number.
    ///
    /// - Returns: The names, and notes about the changed ones.
    package static func names(_ values: [String]) -> (names: [String], notes: [String]) {
        var taken = Set(values.map { $0.lowercased() })
        var used: Set<String> = []
        var notes: [String] = []
        func free(_ name: String, from number: Int?) -> String {
            var (number, candidate) = (number, number.map { "\(name)_\($0)" } ?? name)
            while taken.contains(candidate.lowercased()) {
                number = (number ?? 1) + 1
                candidate = "\(name)_\(number ?? 2)"
            }
            taken.insert(candidate.lowercased())
            return candidate
        }
        let names = values.enumerated().map { index, value -> String in
            if value.trimmed.isEmpty {
                let name = free("column_\(index + 1)", from: nil)
                notes.append("column \(index + 1) has no name and is called '\(name)'")
                return name
            }
            // SQL engines do not distinguish names that differ only in case.
            if used.insert(value.lowercased()).inserted { return value }
            let name = free(value, from: 2)
            notes.append("there is another column '\(value)': column \(index + 1) is called '\(name)'")
            return name
        }
        return (names, notes)
    }

    /// The fault of column names, or nil.
    package static func fault(in names: [String]) -> String? {
        if let empty = names.firstIndex(where: { $0.trimmed.isEmpty }) { return "its column \(empty + 1) has no name" }
        if let broken = names.firstIndex(where: { $0.contains("\0") }) {
            return "the name of its column \(broken + 1) holds a NUL character"
        }
        var seen: [String: String] = [:]
        for name in names {
            // SQL engines do not distinguish names that differ only in case.
            if let other = seen[name.lowercased()] {
                return other == name
                    ? "it has two columns '\(name)'" : "its columns '\(other)' and '\(name)' differ in case alone"
            }
            seen[name.lowercased()] = name
        }
        return nil
    }
}
