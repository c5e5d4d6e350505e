/// Rewrites a CSV file so that every reader finds the same rows in it, line for line.
///
/// DuckDB reads files whose lines all end alike, whose header is plain and whose quotation marks stand around whole values.
/// What others write has title lines and comments, lines that end in different ways, stray quotation marks, columns in another
/// order. Such a file is copied: its rows end with a line feed, title lines, comments and blank lines are left out, the header
/// gets the names that the dataset has, and values stand in the dataset's order. A row with stray quotation marks is read as
/// Python's `csv` reads it and written so that there is one way to read it; what is no row of the file becomes a ``TornRow``,
/// which every reader refuses. Where it can be told, in which line of the file a row begins is told beside it: `row,line` from
/// 1, without the header, for each row that does not begin in the line behind the one in which the row before it began.
///
/// It takes the bytes as they come, in UTF-8 or Latin-1.
struct PlainCSV {
    /// How a file is written, and what is made of it.
    struct Rules: Sendable, Hashable {
        var delimiter: UInt8
        var quote: UInt8?
        var escape: UInt8?
        /// What begins a line that is a comment.
        var comment: UInt8?
        /// How many lines stand before the first one that counts.
        var skip = 0
        var hasHeader = true
        /// The header that the copy gets; nil for the one that is there, in one line.
        var header: [UInt8]?
        /// For each column of the copy the place of its value in the file's rows, nil where they have none; nil leaves the
        /// rows as they are.
        var places: [Int?]?
        /// How many values a row of the file has.
        var width = 0
        /// Whether bytes that are no UTF-8 are no text.
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
        }
    }

    private enum State { case lineStart, passedOver, fieldStart, unquoted, quoted, escaped, afterQuote, behindQuote }

    private let rules: Rules
    private let write: @Sendable ([UInt8]) -> Void
    private let writeLines: @Sendable ([UInt8]) -> Void
    private var output: [UInt8] = []
    private var lineOutput: [UInt8] = []
    private var record: [UInt8] = []
    /// Where the values of the record end.
    private var ends: [Int] = []
    private var state = State.lineStart
    /// Whether a quotation mark in the record stands elsewhere than around a whole value.
    private var isOdd = false
    /// Whether text stands behind a closing quotation mark in the record.
    private var isTorn = false
    private var endedWithReturn = false
    /// Lines that are over, and those among them that the record has taken so far.
    private var lines = 0
    private var linesInside = 0
    /// The line of the last quotation mark that opened a value.
    private var quoteLine = 0
    private var isBeforeHeader: Bool
    /// Rows that are over, and the line that the next would begin in if each were one line.
    private var rows = 0
    private var expectedLine: Int
    /// The line of a quotation mark that the file ends without closing, if rows behind it may have been meant.
    private(set) var openedLine: Int?

    /// Begins a copy.
    ///
    /// `write`: takes the bytes of the copy.
    /// `writeLines`: takes those of what is told of lines.
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

    /// Ends the file: the last line may have no end.
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
        if isTorn { return addTorn("unquoted value", line: line) }
        ends.append(record.count)
        // As DuckDB has it: values behind the last column are none where they are empty.
        while ends.count > max(rules.width, 1), isEmpty(ends[ends.count - 2] + 1, ends[ends.count - 1]) {
            ends.removeLast()
        }
        guard ends.count == rules.width else {
            return addTorn(ends.count < rules.width ? "missing columns" : "too many columns", line: line)
        }
        if rules.isUTF8, String(validating: record, as: UTF8.self) == nil { return addTorn(nil, line: line) }
        guard rules.places != nil || isOdd else {
            let row = record[..<ends[ends.count - 1]]
            // An empty value that is all of a row is no blank line.
            output += row.isEmpty ? quoted(row) : Array(row)
            return
        }
        for (index, place) in (rules.places ?? ends.indices.map { $0 }).enumerated() {
            if index > 0 { output.append(rules.delimiter) }
            guard let place else { continue }
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
        // Blanks may stand behind a quoted value, and are part of it.
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

    private mutating func addTorn(_ problem: String?, line: Int) {
        var (problems, text) = ([problem].compactMap { $0 }, record)
        if rules.isUTF8, String(validating: record, as: UTF8.self) == nil {
            problems.insert("invalid encoding", at: 0)
            // Bytes that are no text would be another fault of the copy.
            text = Array(String(decoding: record, as: UTF8.self).utf8)
        }
        output += quoted(Array(TornRow.beginning(line: line, problem: problems.joined(separator: ", ")).utf8) + text)
        // A row of one column must have too many: it cannot have too few.
        if (rules.places?.count ?? rules.width) < 2 { output += [rules.delimiter, UInt8(ascii: "?")] }
    }

    private mutating func flush() {
        if !output.isEmpty { write(output) }
        if !lineOutput.isEmpty { writeLines(lineOutput) }
        output.removeAll(keepingCapacity: true)
        lineOutput.removeAll(keepingCapacity: true)
    }
}

/// Turns UTF-16 into UTF-8 as the bytes come.
struct UTF16Bytes {
    private let isBigEndian: Bool
    private var pending: UInt8?
    private var high: UInt16?

    init(isBigEndian: Bool) { self.isBigEndian = isBigEndian }

    /// The text of some bytes; what is no character becomes a byte that no UTF-8 has, so that it is found.
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

    /// What is left at the end of the file: half a character is none.
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
