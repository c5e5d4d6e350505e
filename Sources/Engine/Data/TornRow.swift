/// How a plain copy represents a malformed row: as one quoted value, which no reader accepts as a row.
///
/// The value contains the line in the file, the problems and the original text, so that a reader's error can be
/// translated to the original file.
struct TornRow: Equatable {
    /// What is wrong with a row; the words are DuckDB's for the same faults of text, in small letters.
    enum Problem: String {
        case invalidEncoding = "invalid encoding"
        /// Text stands behind a closing quotation mark.
        case unquotedValue = "unquoted value"
        case missingColumns = "missing columns"
        case tooManyColumns = "too many columns"
        /// Cells of a sheet, such as one that shows `#N/A`.
        case errorCell = "a cell with an error"
        case formulaWithoutValue = "a formula without a value"
        case noSuchTime = "a time that there was not"
        case unknownCell = "a cell of an unknown kind"
    }

    static let mark = OwnName.of("torn:")

    /// The line of the file, counted from 1.
    var line: Int
    var problems: [Problem]

    init(line: Int, problems: [Problem]) {
        self.line = line
        self.problems = problems
    }

    /// Finds the row that a message of an engine quotes; nil if it quotes none of these.
    init?(quotedIn message: String) {
        guard let start = message.firstRange(of: Self.mark)?.upperBound else { return nil }
        let parts = message[start...].prefix(200).split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 3, let line = Int(parts[0]) else { return nil }
        let problems = parts[1].split(separator: ", ").map { Problem(rawValue: String($0)) }
        // Text of the user's that looks alike is none.
        guard !problems.isEmpty, !problems.contains(nil) else { return nil }
        self.init(line: line, problems: problems.compactMap { $0 })
    }

    /// The problems in words.
    var words: String { problems.map(\.rawValue).joined(separator: ", ") }

    /// The prefix before the text of the row.
    var beginning: String { "\(Self.mark)\(line):\(words):" }
}
