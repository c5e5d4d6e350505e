import CaudalModel

/// Why DuckDB could not read a CSV file, in terms of the file that the user has to fix.
enum CSVFault: Equatable {
    /// The file is not in the encoding that the dataset gives it.
    case otherEncoding(message: String)
    /// Some lines end with a carriage return, and some do not.
    case mixedLineEnds(file: String)
    /// A row of a plain copy, which is malformed in the file that it is a copy of.
    case torn(TornRow, file: String)
    /// The line has bytes that are no text in the encoding of the file.
    case notText(line: Int, file: String, encoding: String?)
    case openQuote(line: Int, file: String)
    /// The line is no row for another reason.
    case unreadable(line: Int, file: String, detail: String?)

    private static let (start, fileMark, widthMark) =
        ("CSV Error on Line: ", "  file = ", "Expected Number of Columns")

    /// Reads DuckDB's message; nil when it is not about a CSV file.
    ///
    /// `encoding`: that of the file, where DuckDB read a copy in UTF-8.
    init?(message text: String, encoding: String? = nil) {
        let lines = text.split(separator: "\n").map(String.init)
        let path = lines.first { $0.hasPrefix(Self.fileMark) }.map { String($0.dropFirst(Self.fileMark.count)) }
        let file = path.map { PathText.lastComponent(of: $0) } ?? "the file"
        if text.contains("File is not latin-1 encoded") || text.contains("File is not utf-16 encoded") {
            self = .otherEncoding(message: lines.first ?? text)
            return
        }
        if text.contains("state machine reached an invalid state") {
            self = .mixedLineEnds(file: file)
            return
        }
        guard let first = lines.first, first.hasPrefix(Self.start), let line = Int(first.dropFirst(Self.start.count))
        else { return nil }
        if let torn = TornRow(quotedIn: text) {
            self =
                torn.problems.contains(.invalidEncoding)
                ? .notText(line: torn.line, file: file, encoding: encoding) : .torn(torn, file: file)
        } else if text.contains("not utf-8 encoded") {
            self = .notText(line: line, file: file, encoding: encoding)
        } else if text.contains("unterminated quote") {
            self = .openQuote(line: line, file: file)
        } else {
            // Between them is the line itself, which may contain anything.
            self = .unreadable(line: line, file: file, detail: lines.last { $0.hasPrefix(Self.widthMark) })
        }
    }

    /// DuckDB's message about a CSV file without the line that it quotes; nil when it is about something else.
    static func withoutLine(_ text: String) -> String? {
        let lines = text.split(separator: "\n").map(String.init)
        guard let first = lines.first, first.hasPrefix(start) else { return nil }
        var kept = [first]
        if let torn = TornRow(quotedIn: text) { kept.append(torn.beginning) }
        kept += ["not utf-8 encoded", "unterminated quote"].filter(text.contains)
        let width = widthMark + ": "
        kept += lines.filter {
            $0.hasPrefix(width) && $0.dropFirst(width.count).allSatisfy { $0.isNumber || " Found:".contains($0) }
        }
        return (kept + lines.filter { $0.hasPrefix(fileMark) }.suffix(1)).joined(separator: "\n")
    }
}

extension CSVFault {
    /// The fault in words.
    var message: String {
        switch self {
        case .otherEncoding(let message): message
        case .mixedLineEnds(let file):
            "the lines of \(file) end in different ways, some with a carriage return and some without"
        case .torn(let row, let file):
            "\(Dataset.Format(path: file) == .xlsx ? "row" : "line") \(row.line) of \(file) cannot be read: "
                + (row.problems == [.unquotedValue]
                    ? "text stands behind a closing quotation mark" : "it has \(row.words)")
        case .notText(let line, let file, let encoding):
            "line \(line) of \(file) is not \(CSVRemedy.name(of: encoding))"
        case .openQuote(let line, let file): "a quotation mark opened in line \(line) of \(file) is never closed"
        case .unreadable(let line, let file, let detail):
            "line \(line) of \(file) cannot be read: \(detail ?? "it is no row")"
        }
    }

    /// How to fix the file.
    var remedy: String {
        switch self {
        case .otherEncoding:
            "say how it is written with 'csv: {encoding: …}', or turn it into UTF-8, for instance with iconv"
        case .mixedLineEnds: "make them alike, for instance with dos2unix"
        case .torn(_, let file) where Dataset.Format(path: file) == .xlsx: CSVRemedy.sheetRow
        case .torn, .unreadable: CSVRemedy.row
        case .notText(_, _, let encoding): CSVRemedy.encoding(insteadOf: encoding)
        case .openQuote: CSVRemedy.quote
        }
    }
}
