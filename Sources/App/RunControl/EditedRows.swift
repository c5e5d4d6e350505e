import CaudalModel

/// Quarantined rows as an editor gave them back, beside those that it was given; both are CSV with a header.
struct EditedRows {
    /// The header, and the rows whose values differ from those that the editor was given.
    let changed: String
    /// The number of those rows.
    let count: Int

    /// Compares the rows by their file and number.
    ///
    /// What marks and line ends a program puts in, such as those of a spreadsheet, makes no difference.
    ///
    /// - Throws: ``Failure`` that says what is wrong with which line: another header, no UTF-8, a row that stands there twice
    ///   or was not among those given, too few or too many values.
    init(_ bytes: [UInt8], of given: String) throws(Failure) {
        let before = Table(given.utf8)
        let text = try Self.plain(bytes, like: given)
        let after = Table(text.utf8)
        guard let header = after.rows.first else { throw Failure("the file is empty") }
        guard header.values == before.rows.first?.values else {
            if given.utf8.contains(0x0D), header.values.last?.text.utf8.last == 0x0D {
                throw Failure("its lines end with CR LF now, as some of its values do; save the file with LF alone")
            }
            throw Failure("the first line names the columns, and has to stay as it is")
        }
        if let line = after.openQuote { throw Failure("the quotation mark on line \(line) is never closed") }
        let known = Dictionary(before.rows.dropFirst().map { ($0.key, $0.values) }) { first, _ in first }
        var lines: [[Value]: Int] = [:]
        var changed: [Table.Row] = []
        for row in after.rows.dropFirst() {
            guard row.values.count == header.values.count else {
                throw Failure(
                    "line \(row.line) has \(Int64(row.values.count).counted("value")) in place of \(header.values.count)"
                )
            }
            let name = row.key.map(\.text).reversed().joined(separator: " of ")
            guard let given = known[row.key] else {
                throw Failure("line \(row.line) is for row \(name), which is not among the quarantined rows")
            }
            if let other = lines.updateValue(row.line, forKey: row.key) {
                throw Failure("row \(name) stands there twice, on lines \(other) and \(row.line)")
            }
            if row.values != given { changed.append(row) }
        }
        count = changed.count
        self.changed = ([header] + changed).map { text[$0.range] + "\n" }.joined()
    }

    /// The rows that are quarantined now, and those that were before: a stage that failed with corrected rows has put aside
    /// only the others.
    static func united(_ given: String, with earlier: String) -> String {
        let (now, before) = (Table(given.utf8), Table(earlier.utf8))
        guard let header = now.rows.first, header.values == before.rows.first?.values else { return given }
        let known = Set(now.rows.map(\.key))
        let others = before.rows.dropFirst().filter { !known.contains($0.key) }.map {
            (row: $0, text: earlier[$0.range])
        }
        if others.isEmpty { return given }
        let rows = now.rows.dropFirst().map { (row: $0, text: given[$0.range]) } + others
        let sorted = rows.sorted { $0.row.place < $1.row.place }
        return given[header.range] + "\n" + sorted.map { $0.text + "\n" }.joined()
    }

    /// The rows that an editor is given, with those in place that were changed before.
    ///
    /// - Parameter changed: As ``changed``.
    static func merged(_ changed: String, into given: String) -> String {
        let (before, after) = (Table(given.utf8), Table(changed.utf8))
        guard let header = before.rows.first, header.values == after.rows.first?.values else { return given }
        let known = Dictionary(after.rows.dropFirst().map { ($0.key, changed[$0.range]) }) { first, _ in first }
        return given[header.range] + "\n"
            + before.rows.dropFirst().map { (known[$0.key] ?? given[$0.range]) + "\n" }.joined()
    }

    /// Edited rows under the first line that they were given with.
    static func underHeader(of given: String, _ text: String) -> String {
        func parts(_ text: String) -> (head: Substring, rest: Substring) {
            let end = text.utf8.firstIndex(of: 0x0A) ?? text.endIndex
            return (text[..<end], text[end...])
        }
        return String(parts(given).head + parts(text).rest)
    }

    /// The text without what a spreadsheet adds: a byte order mark, and carriage returns at the ends of lines.
    private static func plain(_ bytes: [UInt8], like given: String) throws(Failure) -> String {
        guard let text = String(validating: bytes, as: UTF8.self) else {
            let lines = bytes.split(separator: 0x0A, omittingEmptySubsequences: false)
            let line = lines.firstIndex { String(validating: $0, as: UTF8.self) == nil } ?? 0
            throw Failure("line \(line + 1) is not UTF-8; save the file as that")
        }
        let unmarked = text.unicodeScalars.first == "\u{FEFF}" ? String(text.unicodeScalars.dropFirst()) : text
        return given.utf8.contains(0x0D) ? unmarked : unmarked.replacing("\r\n", with: "\n")
    }

    /// A value; an empty one with quotation marks is a text, and one without is none.
    struct Value: Hashable {
        var text: String
        var isQuotedEmpty = false
    }

    /// The records of CSV text, with the places where they stand.
    private struct Table {
        struct Row {
            let line: Int
            let range: Range<String.Index>
            let values: [Value]
            /// The file and the number of the row.
            var key: [Value] { Array(values.prefix(2)) }
            var place: (String, Int64) {
                (values.first?.text ?? "", values.dropFirst().first.flatMap { Int64($0.text) } ?? 0)
            }
        }

        private(set) var rows: [Row] = []
        /// The line of a quotation mark that is never closed.
        private(set) var openQuote: Int?

        init(_ text: String.UTF8View) {
            var (values, value): ([Value], [UInt8]) = ([], [])
            var (isQuoted, wasQuoted) = (false, false)
            var (line, firstLine, quoteLine) = (1, 1, 1)
            var start = text.startIndex
            func endValue() {
                values.append(
                    Value(text: String(decoding: value, as: UTF8.self), isQuotedEmpty: wasQuoted && value.isEmpty))
                (value, wasQuoted) = ([], false)
            }
            func endRow(at end: String.Index) {
                defer { (values, firstLine) = ([], line + 1) }
                // A blank line is none.
                if values.isEmpty, value.isEmpty, !wasQuoted { return }
                endValue()
                rows.append(Row(line: firstLine, range: start..<end, values: values))
            }
            var index = text.startIndex
            while index < text.endIndex {
                let (byte, next) = (text[index], text.index(after: index))
                switch byte {
                case UInt8(ascii: "\"") where isQuoted:
                    if next < text.endIndex, text[next] == UInt8(ascii: "\"") {
                        value.append(byte)
                        index = next
                    } else {
                        isQuoted = false
                    }
                case UInt8(ascii: "\"") where value.isEmpty && !wasQuoted:
                    (isQuoted, wasQuoted, quoteLine) = (true, true, line)
                case UInt8(ascii: ",") where !isQuoted: endValue()
                case UInt8(ascii: "\n") where !isQuoted:
                    endRow(at: index)
                    start = next
                    line += 1
                default:
                    if byte == UInt8(ascii: "\n") { line += 1 }
                    value.append(byte)
                }
                index = text.index(after: index)
            }
            if isQuoted { openQuote = quoteLine }
            endRow(at: text.endIndex)
        }
    }
}
