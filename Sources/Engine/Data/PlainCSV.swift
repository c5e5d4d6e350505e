import CaudalModel

/// Rewrites a CSV file so that every reader finds the same rows in it.
///
/// DuckDB reads files whose lines all end alike, whose header is plain and whose quotation marks enclose whole values.
/// Other files have title lines and comments, mixed line ends, stray quotation marks, or columns in another order. Such
/// a file is copied: rows end with a line feed; title lines, comments and blank lines are left out; the header has the
/// dataset's column names; and values are in the dataset's order. A row with stray quotation marks is read as by
/// Python's `csv` module and rewritten unambiguously; a malformed row becomes a ``TornRow``, which every reader
/// rejects. If lines can be determined, a second file lists the line in which a row begins: `row,line`, both from 1 and
/// without the header, for each row that does not begin in the line after the beginning of the previous row.
///
/// It processes the bytes as a stream, in UTF-8 or Latin-1.
struct PlainCSV {
    /// The format of a file, and the rules for its copy.
    struct Rules: Sendable, Hashable {
        var delimiter: UInt8
        var quote: UInt8?
        var escape: UInt8?
        /// The character that begins a comment line.
        var comment: UInt8?
        /// The number of lines to skip before the header or the first row.
        var skip = 0
        var hasHeader = true
        /// The header of the copy; nil keeps the original header, on one line.
        var header: [UInt8]?
        /// For each column of the copy, the position of its value in the file's rows, nil for a missing one; nil for
        /// the whole list leaves rows unchanged.
        var places: [Int?]?
        /// What stands for no value, where a value is missing.
        var absent: [UInt8] = []
        /// The number of values in a row of the file.
        var width = 0
        /// Whether invalid UTF-8 is a fault.
        var isUTF8 = true

        init(_ csv: CSVDialect, columns: Int) {
            delimiter = csv.delimiter?.utf8.first ?? UInt8(ascii: ",")
            quote = csv.quote.utf8.first
            escape = csv.escape.utf8.first
            comment = csv.comment?.utf8.first
            skip = csv.skip
            hasHeader = csv.hasHeader
            width = columns
            isUTF8 = csv.encoding != "latin-1"
            if !csv.nullTexts.contains("") { absent = Array((csv.nullTexts.first ?? "").utf8) }
        }
    }

    private enum State { case lineStart, passedOver, fieldStart, unquoted, quoted, escaped, afterQuote, behindQuote }

    private let rules: Rules
    private let write: @Sendable ([UInt8]) -> Void
    private let writeLines: @Sendable ([UInt8]) -> Void
    private var output: [UInt8] = []
    private var lineOutput: [UInt8] = []
    private var record: [UInt8] = []
    /// The places where the values of the record end.
    private var ends: [Int] = []
    private var state = State.lineStart
    /// Whether the record has a quotation mark that does not enclose a whole value.
    private var isOdd = false
    /// Whether the record has text after a closing quotation mark.
    private var isTorn = false
    private var endedWithReturn = false
    /// The number of finished lines, and of those within the current record.
    private var lines = 0
    private var linesInside = 0
    /// The line of the last quotation mark that opened a value.
    private var quoteLine = 0
    private var isBeforeHeader: Bool
    /// The number of finished rows, and the line in which the next row would begin if each row were one line.
    private var rows = 0
    private var expectedLine: Int
    /// The line of a quotation mark that is never closed, if rows after it may have been intended.
    private(set) var openedLine: Int?

    /// Begins a copy.
    ///
    /// - Parameters:
    ///   - write: Receives the bytes of the copy.
    ///   - writeLines: Receives the bytes of the list of lines.
    init(
        _ rules: Rules, write: @escaping @Sendable ([UInt8]) -> Void, writeLines: @escaping @Sendable ([UInt8]) -> Void
    ) {
        self.rules = rules
        self.write = write
        self.writeLines = writeLines
        isBeforeHeader = rules.hasHeader
        expectedLine = rules.hasHeader ? 2 : 1
    }

    mutating func take(_ bytes: UnsafeRawBufferPointer) {
        for byte in bytes {
            if endedWithReturn {
                endedWithReturn = false
                if byte == Self.lineFeed { continue }
            }
            take(byte)
        }
        if output.count > 1 << 20 { flush() }
    }

    /// Ends the file: its last line may lack a line end.
    mutating func finish() {
        if state == .quoted || state == .escaped {
            isTorn = true
            let opened = record[(ends.last.map { $0 + 1 } ?? 0)...]
            let inside = opened.reversed().drop { $0 == Self.lineFeed || $0 == Self.carriageReturn }
            if inside.contains(where: { $0 == Self.lineFeed || $0 == Self.carriageReturn }) { openedLine = quoteLine }
        }
        if state != .lineStart { endLine() }
        flush()
    }

    private static let lineFeed = UInt8(ascii: "\n")
    private static let carriageReturn = UInt8(ascii: "\r")
    private static let blank = UInt8(ascii: " ")

    private mutating func take(_ byte: UInt8) {
        let endsLine = byte == Self.lineFeed || byte == Self.carriageReturn
        if state == .lineStart {
            if lines < rules.skip || byte == rules.comment { state = .passedOver } else { state = .fieldStart }
        }
        switch state {
        case .quoted, .escaped:
            if endsLine, !(byte == Self.lineFeed && record.last == Self.carriageReturn) { linesInside += 1 }
            if state == .escaped {
                state = .quoted
            } else if byte == rules.escape, rules.escape != rules.quote {
                state = .escaped
            } else if byte == rules.quote {
                state = .afterQuote
            }
            record.append(byte)
            return
        case .lineStart, .passedOver, .fieldStart, .unquoted, .afterQuote, .behindQuote: break
        }
        if endsLine {
            endedWithReturn = byte == Self.carriageReturn
            return endLine()
        }
        if state == .passedOver { return }
        if byte == rules.delimiter {
            ends.append(record.count)
            state = .fieldStart
        } else if state == .afterQuote, byte == rules.quote, rules.escape == rules.quote {
            state = .quoted
        } else if state == .afterQuote || state == .behindQuote {
            isOdd = true
            if byte != Self.blank { isTorn = true }
            state = .behindQuote
        } else if byte == rules.quote {
            if state == .fieldStart { (state, quoteLine) = (.quoted, lines + 1 + linesInside) } else { isOdd = true }
        } else {
            state = .unquoted
        }
        record.append(byte)
    }

    private mutating func endLine() {
        let isPassedOver = state == .passedOver
        let first = lines + 1
        state = .lineStart
        lines += 1 + linesInside
        defer {
            record.removeAll(keepingCapacity: true)
            ends.removeAll(keepingCapacity: true)
            linesInside = 0
            (isOdd, isTorn) = (false, false)
        }
        if isPassedOver { return }
        if isBeforeHeader {
            isBeforeHeader = false
            output += rules.header ?? record
        } else if !record.isEmpty {
            rows += 1
            if first != expectedLine { lineOutput += Array("\(rows),\(first)\n".utf8) }
            expectedLine = first + 1
            addRecord(line: first)
        } else {
            return
        }
        output.append(Self.lineFeed)
    }

    private mutating func addRecord(line: Int) {
        if isTorn { return addTorn(.unquotedValue, line: line) }
        ends.append(record.count)
        // As in DuckDB, empty values after the last column are ignored.
        while ends.count > max(rules.width, 1), isEmpty(ends[ends.count - 2] + 1, ends[ends.count - 1]) {
            ends.removeLast()
        }
        guard ends.count == rules.width else {
            return addTorn(ends.count < rules.width ? .missingColumns : .tooManyColumns, line: line)
        }
        if rules.isUTF8, String(validating: record, as: UTF8.self) == nil { return addTorn(nil, line: line) }
        guard rules.places != nil || isOdd else {
            let row = record[..<ends[ends.count - 1]]
            // A row that consists of one empty value is not a blank line.
            output += row.isEmpty ? quoted(row) : Array(row)
            return
        }
        for (index, place) in (rules.places ?? ends.indices.map { $0 }).enumerated() {
            if index > 0 { output.append(rules.delimiter) }
            guard let place else {
                output += rules.absent
                continue
            }
            let value = record[(place == 0 ? 0 : ends[place - 1] + 1)..<ends[place]]
            output += isOdd ? plain(value) : Array(value)
        }
    }

    private func isEmpty(_ start: Int, _ end: Int) -> Bool {
        start == end || end == start + 2 && record[start] == rules.quote && record[start + 1] == rules.quote
    }

    /// A value with stray quotation marks as every reader reads it.
    private func plain(_ value: ArraySlice<UInt8>) -> [UInt8] {
        guard let quote = rules.quote, value.contains(quote) else { return Array(value) }
        guard value.first == quote else { return quoted(value) }
        // Blanks may follow a quoted value, and belong to it.
        let blanks = value.reversed().prefix { $0 == Self.blank }.count
        guard blanks > 0, value.dropLast(blanks).last == quote else { return Array(value) }
        return Array(value.dropLast(blanks + 1)) + Array(repeating: Self.blank, count: blanks) + [quote]
    }

    private func quoted(_ text: some Sequence<UInt8>) -> [UInt8] {
        guard let quote = rules.quote else { return Array(text) }
        var value = [quote]
        for byte in text {
            if byte == quote || byte == rules.escape { value.append(rules.escape ?? quote) }
            value.append(byte)
        }
        return value + [quote]
    }

    private mutating func addTorn(_ problem: TornRow.Problem?, line: Int) {
        var (problems, text) = ([problem].compactMap { $0 }, record)
        if rules.isUTF8, String(validating: record, as: UTF8.self) == nil {
            problems.insert(.invalidEncoding, at: 0)
            // Invalid text would be another fault in the copy.
            text = Array(String(decoding: record, as: UTF8.self).utf8)
        }
        output += quoted(Array(TornRow(line: line, problems: problems).beginning.utf8) + text)
        // A row with one column must have too many values: it cannot have too few.
        if (rules.places?.count ?? rules.width) < 2 { output += [rules.delimiter, UInt8(ascii: "?")] }
    }

    private mutating func flush() {
        if !output.isEmpty { write(output) }
        if !lineOutput.isEmpty { writeLines(lineOutput) }
        output.removeAll(keepingCapacity: true)
        lineOutput.removeAll(keepingCapacity: true)
    }
}

/// Converts UTF-16 to UTF-8 as a stream.
struct UTF16Bytes {
    private let isBigEndian: Bool
    private var pending: UInt8?
    private var high: UInt16?

    init(isBigEndian: Bool) { self.isBigEndian = isBigEndian }

    /// The UTF-8 of some bytes; an invalid character becomes a byte that UTF-8 does not have, so that it is detected.
    mutating func utf8(_ bytes: UnsafeRawBufferPointer) -> [UInt8] {
        var text: [UInt8] = []
        text.reserveCapacity(bytes.count)
        for byte in bytes {
            guard let first = pending else {
                pending = byte
                continue
            }
            pending = nil
            let unit = isBigEndian ? UInt16(first) << 8 | UInt16(byte) : UInt16(byte) << 8 | UInt16(first)
            add(unit, to: &text)
        }
        return text
    }

    /// The rest at the end of the file: half a character is invalid.
    func rest() -> [UInt8] { pending != nil || high != nil ? [0xFF] : [] }

    private mutating func add(_ unit: UInt16, to text: inout [UInt8]) {
        if let first = high {
            high = nil
            if UTF16.isTrailSurrogate(unit) {
                let value = 0x10000 + (UInt32(first) - 0xD800) << 10 + UInt32(unit) - 0xDC00
                if let scalar = Unicode.Scalar(value) { text += UTF8.encode(scalar).map(Array.init) ?? [0xFF] }
                return
            }
            text.append(0xFF)
        }
        if UTF16.isLeadSurrogate(unit) {
            high = unit
        } else if let scalar = Unicode.Scalar(UInt32(unit)) {
            text += UTF8.encode(scalar).map(Array.init) ?? [0xFF]
        } else {
            text.append(0xFF)
        }
    }
}
