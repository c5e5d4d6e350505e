/// How a plain copy represents a malformed row: as one quoted value, which no reader accepts as a row.
///
/// The value contains the line in the file, the problem and the original text, so that a reader's error can be
/// translated to the original file.
enum TornRow {
    static let mark = OwnName.of("torn:")

    /// The prefix before the text of the row.
    static func beginning(line: Int, problem: String) -> String { "\(mark)\(line):\(problem):" }

    /// The line of the file that a message of an engine shows, and what is wrong with it, if it is one of these.
    static func fault(in message: String) -> (line: Int, problem: String)? {
        guard let start = message.firstRange(of: mark)?.upperBound else { return nil }
        let parts = message[start...].prefix(200).split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 3, let line = Int(parts[0]) else { return nil }
        return (line, String(parts[1]))
    }
}
