/// Rewrites a CSV file so that every reader finds the same rows in it, line for line.
///
/// DuckDB reads files whose lines all end alike, and whose header is plain. What others write has title lines and comments,
/// lines that end in different ways, headers with stray quotation marks, columns in another order. Such a file is copied:
/// each of its lines becomes one line that ends with a line feed, title lines and comments become blank ones, the header
/// gets the names that the dataset has, and values stand in the dataset's order. Nothing else is touched: what stands in a
/// row, good or bad, is the reader's to judge, and numbers of lines and rows stay those of the file.
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
        /// Whether a line that is left out leaves a blank one, so that the others keep their numbers.
        ///
        /// In a file of one column a blank line would be a row.
        var keepsLines = true

        init(_ csv: CSVDialect, columns: Int) {
            delimiter = csv.delimiter?.utf8.first ?? UInt8(ascii: ",")
            quote = csv.quote.utf8.first
            escape = csv.escape.utf8.first
            comment = csv.comment?.utf8.first
            skip = csv.skip
            hasHeader = csv.hasHeader
            width = columns
            keepsLines = columns > 1
        }
    }

    /// How lines end.
    struct LineEnds: OptionSet, Sendable {
        let rawValue: Int
        static let lf = LineEnds(rawValue: 1)
        static let crlf = LineEnds(rawValue: 2)
        static let cr = LineEnds(rawValue: 4)

        /// Whether a reader that knows one end finds every line.
        var areAlike: Bool { self == .lf || self == .crlf || isEmpty }
    }

    private enum State { case lineStart, passedOver, fieldStart, unquoted, quoted, escaped, afterQuote }

    private let rules: Rules
    private let write: (@Sendable ([UInt8]) -> Void)?
    private var output: [UInt8] = []
    private var record: [UInt8] = []
    /// Where the values of the record end.
    private var ends: [Int] = []
    private var state = State.lineStart
    private var endedWithReturn = false
    /// Lines that are over, and those among them that the record has taken so far.
    private var lines = 0
    private var linesInside = 0
    private var isBeforeHeader: Bool
    /// Lines before the header, title lines and comments.
    private var linesBefore = 0
    /// How the lines ended that were seen; line ends inside of quotation marks are part of a value and do not count.
    private(set) var lineEnds: LineEnds = []

    /// `write`: takes the bytes of the copy; nil only looks how lines end.
    init(_ rules: Rules, write: (@Sendable ([UInt8]) -> Void)? = nil) {
        self.rules = rules
        self.write = write
        isBeforeHeader = rules.hasHeader
    }

    mutating func take(_ bytes: UnsafeRawBufferPointer) {
        for byte in bytes {
            if endedWithReturn {
                endedWithReturn = false
                if byte == Self.lineFeed {
                    lineEnds.insert(.crlf)
                    continue
                }
                lineEnds.insert(.cr)
            }
            take(byte)
        }
        if output.count > 1 << 20 { flush() }
    }

    /// Ends the file: the last line may have no end.
    mutating func finish() {
        if endedWithReturn { lineEnds.insert(.cr) }
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
        case .lineStart, .passedOver, .fieldStart, .unquoted, .afterQuote: break
        }
        if endsLine {
            endedWithReturn = byte == Self.carriageReturn
            if !endedWithReturn { lineEnds.insert(.lf) }
            return endLine()
        }
        if state == .passedOver { return }
        if byte == rules.delimiter {
            ends.append(record.count)
            state = .fieldStart
        } else if byte == rules.quote, state == .fieldStart || state == .afterQuote && rules.escape == rules.quote {
            state = .quoted
        } else if byte != Self.blank {
            // Blanks may stand around what is quoted.
            state = .unquoted
        }
        record.append(byte)
    }

    private mutating func endLine() {
        let isPassedOver = state == .passedOver
        state = .lineStart
        lines += 1 + linesInside
        defer {
            record.removeAll(keepingCapacity: true)
            ends.removeAll(keepingCapacity: true)
            linesInside = 0
        }
        guard write != nil else { return }
        if isPassedOver {
            // A reader takes a blank first line for the header: the lines before it follow it instead.
            if isBeforeHeader { linesBefore += 1 } else if rules.keepsLines { output.append(Self.lineFeed) }
            return
        }
        if isBeforeHeader {
            isBeforeHeader = false
            output += rules.header ?? record
            if rules.keepsLines {
                for _ in 0..<(linesBefore + linesInside) { output.append(Self.lineFeed) }
            }
        } else {
            addRecord()
        }
        output.append(Self.lineFeed)
    }

    private mutating func addRecord() {
        guard let places = rules.places, !record.isEmpty else {
            output += record
            return
        }
        var ends = ends + [record.count]
        // As DuckDB has it: values behind the last column are none where they are empty.
        while ends.count > rules.width, ends.count > 1, ends[ends.count - 1] == ends[ends.count - 2] + 1 {
            ends.removeLast()
        }
        guard ends.count == rules.width else {
            output += record
            // It is no row of this file, and must not become one of the union by chance.
            if ends.count >= places.count { output += [rules.delimiter, UInt8(ascii: "?")] }
            return
        }
        for (index, place) in places.enumerated() {
            if index > 0 { output.append(rules.delimiter) }
            guard let place else { continue }
            output += record[(place == 0 ? 0 : ends[place - 1] + 1)..<ends[place]]
        }
    }

    private mutating func flush() {
        if !output.isEmpty { write?(output) }
        output.removeAll(keepingCapacity: true)
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
