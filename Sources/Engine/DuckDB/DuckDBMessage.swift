import CaudalModel
import Foundation

/// An error as DuckDB reports it.
struct DuckDBMessage {
    let kind: String
    /// The message, possibly of several lines.
    var text: String
    let errno: String?
    var candidates: String?
    /// The position in the statement, in bytes from 0.
    var position: Int?

    /// All errors in DuckDB's standard error: JSON objects, some after `Parser Error: `, and plain lines.
    static func all(in errors: String) -> [DuckDBMessage] {
        errors.split(separator: "\n").compactMap { line in
            guard let start = line.firstIndex(of: "{"),
                let fields = try? JSONDecoder().decode(
                    [String: DataReadings.Value].self, from: Data(line[start...].utf8)),
                let text = fields["exception_message"]?.text
            else { return DuckDBMessage(kind: "", text: String(line), errno: nil, candidates: nil) }
            return DuckDBMessage(
                kind: fields["exception_type"]?.text ?? "", text: text, errno: fields["errno"]?.text,
                candidates: fields["candidates"]?.text, position: fields["position"]?.text.flatMap { Int($0) })
        }
    }

    /// The message's first line, which states the error.
    var firstLine: String {
        // A database server's message comes after the statement sent to it, which may have several lines.
        for mark in ["ERROR:  ", "FATAL:  "] {
            if let start = text.range(of: mark)?.upperBound {
                return text[start...].split(separator: "\n").first.map { "the database says: \($0)" } ?? text
            }
        }
        if let fault = CSVMessage(text) { return fault.message }
        var line = text.split(separator: "\n").first.map(String.init) ?? text
        // A remedy may follow after a semicolon.
        while line.hasSuffix("!") || line.hasSuffix(".") { line.removeLast() }
        return kind.isEmpty || kind == "Invalid Input" ? line : "\(kind) error: \(line)"
    }

    /// The suggested name, unless it is a generated one.
    private var suggestion: String? {
        let names = (candidates ?? "").split(separator: ",").map { String($0).trimmed }
            .filter { !$0.isEmpty && !$0.contains(OwnName.prefix) }
        return names.isEmpty ? nil : "did you mean \(names.joined(separator: ", "))?"
    }

    func remedy(memory: Int64) -> String? {
        if let fault = CSVMessage(text) { return fault.remedy }
        return switch (kind, errno) {
        case (_, "28"): "free some space on that disk, then retry"
        case ("Out of Memory", _):
            "give the stage more than \(memory.shortBytes) with 'resources: {memory: …}', or fewer threads with 'cpu'"
        case ("Permission", _): "a stage reaches only the datasets it names: add the file as a dataset"
        case ("Conversion", _): "validate the data first, or cast the column in a process stage"
        case ("Binder", _), ("Catalog", _): suggestion
        default: nil
        }
    }
}
