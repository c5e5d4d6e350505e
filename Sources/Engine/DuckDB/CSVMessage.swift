import CaudalModel

/// DuckDB's error for an unreadable CSV file, reworded for the user who has to fix the file.
struct CSVMessage {
    let message: String
    let remedy: String

    /// Parses DuckDB's message; nil when it is not about a CSV file.
    init?(_ text: String) {
        let lines = text.split(separator: "\n").map(String.init)
        let path = lines.first { $0.hasPrefix("  file = ") }.map { String($0.dropFirst("  file = ".count)) }
        let file = path.map { PathText.lastComponent(of: $0) } ?? "the file"
        if text.contains("File is not latin-1 encoded") || text.contains("File is not utf-16 encoded") {
            message = text.split(separator: "\n").first.map(String.init) ?? text
            remedy = "say how it is written with 'csv: {encoding: …}', or turn it into UTF-8, for instance with iconv"
            return
        }
        if text.contains("state machine reached an invalid state") {
            message = "the lines of \(file) end in different ways, some with a carriage return and some without"
            remedy = "make them alike, for instance with dos2unix"
            return
        }
        let start = "CSV Error on Line: "
        guard let first = lines.first, first.hasPrefix(start), let line = Int(first.dropFirst(start.count)) else {
            return nil
        }
        if let torn = TornRow.fault(in: text), !torn.problem.hasPrefix("invalid encoding") {
            message =
                "line \(torn.line) of \(file) cannot be read: "
                + (torn.problem == "unquoted value"
                    ? "text stands behind a closing quotation mark" : "it has \(torn.problem)")
            remedy = CSVRemedy.row
        } else if text.contains("not utf-8 encoded") || TornRow.fault(in: text) != nil {
            message = "line \(TornRow.fault(in: text)?.line ?? line) of \(file) is not UTF-8"
            remedy = CSVRemedy.encoding
        } else if text.contains("unterminated quote") {
            message = "a quotation mark opened in line \(line) of \(file) is never closed"
            remedy = CSVRemedy.quote
        } else {
            // Between them is the line itself, which may contain anything.
            let detail = lines.last { $0.hasPrefix("Expected Number of Columns") } ?? "it is no row"
            message = "line \(line) of \(file) cannot be read: \(detail)"
            remedy = CSVRemedy.row
        }
    }

    /// DuckDB's message about a CSV file without the line that it quotes; nil when it is about something else.
    static func withoutLine(_ text: String) -> String? {
        let lines = text.split(separator: "\n").map(String.init)
        guard let first = lines.first, first.hasPrefix("CSV Error on Line: ") else { return nil }
        var kept = [first]
        if let torn = TornRow.fault(in: text), torn.problem.allSatisfy({ $0.isLetter || $0 == " " || $0 == "," }) {
            kept.append(TornRow.beginning(line: torn.line, problem: torn.problem))
        }
        kept += ["not utf-8 encoded", "unterminated quote"].filter(text.contains)
        let width = "Expected Number of Columns: "
        kept += lines.filter {
            $0.hasPrefix(width) && $0.dropFirst(width.count).allSatisfy { $0.isNumber || " Found:".contains($0) }
        }
        return (kept + lines.filter { $0.hasPrefix("  file = ") }.suffix(1)).joined(separator: "\n")
    }
}
