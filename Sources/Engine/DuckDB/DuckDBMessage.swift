import CaudalModel
import CSystem
import Foundation

/// An error as DuckDB reports it.
struct DuckDBMessage {
    /// The kinds of error by which something is decided, under DuckDB's names.
    enum Kind: String {
        case binder = "Binder"
        case catalog = "Catalog"
        case constraint = "Constraint"
        case conversion = "Conversion"
        case dependency = "Dependency"
        case interrupt = "INTERRUPT"
        case invalidInput = "Invalid Input"
        case io = "IO"
        case missingExtension = "Missing Extension"
        case notImplemented = "Not implemented"
        case outOfMemory = "Out of Memory"
        case outOfRange = "Out of Range"
        case parser = "Parser"
        case permission = "Permission"
        case settings = "Settings"
        case syntax = "Syntax"
    }

    /// DuckDB's name for the kind of error; empty for a line that is none of its errors.
    let kindName: String
    /// The message, possibly of several lines.
    var text: String
    let errno: String?
    var candidates: String?
    /// The position in the statement, in bytes from 0.
    var position: Int?
    /// The encoding of the file that the message is about, where what DuckDB read is a copy in UTF-8.
    var encoding: String?

    /// All errors in DuckDB's standard error: JSON objects, some after `Parser Error: `, and plain lines.
    static func all(in errors: String) -> [DuckDBMessage] {
        errors.split(separator: "\n").compactMap { line in
            guard let start = line.firstIndex(of: "{"),
                let fields = try? JSONDecoder().decode(
                    [String: DataReadings.Value].self, from: Data(line[start...].utf8)),
                let text = fields["exception_message"]?.text
            else { return DuckDBMessage(kindName: "", text: String(line), errno: nil, candidates: nil) }
            return DuckDBMessage(
                kindName: fields["exception_type"]?.text ?? "", text: text, errno: fields["errno"]?.text,
                candidates: fields["candidates"]?.text, position: fields["position"]?.text.flatMap { Int($0) })
        }
    }

    /// The kind of error; nil for those by which nothing is decided.
    var kind: Kind? { Kind(rawValue: kindName) }

    /// The message's first line, which states the error.
    var firstLine: String {
        // A database server's message comes after the statement sent to it, which may have several lines.
        for mark in ["ERROR:  ", "FATAL:  "] {
            if let start = text.range(of: mark)?.upperBound {
                return text[start...].split(separator: "\n").first.map { "the database says: \($0)" } ?? text
            }
        }
        if let words = MySQLMessage.words(in: text) { return "the database says: \(words)" }
        if let fault { return fault.message }
        if let noJSON { return noJSON }
        if isAboutPacking {
            return "a packed file has parts of gzip that DuckDB does not read, or bytes behind its end"
        }
        var line = text.split(separator: "\n").first.map(String.init) ?? text
        // A remedy may follow after a semicolon.
        while line.hasSuffix("!") || line.hasSuffix(".") { line.removeLast() }
        return kindName.isEmpty || kind == .invalidInput ? line : "\(kindName) error: \(line)"
    }

    private var fault: CSVFault? { CSVFault(message: text, encoding: encoding) }

    /// What a file of JSON lines has that is no JSON; nil where the message is about something else.
    private var noJSON: String? {
        let form = #/Malformed JSON in file "(.+)", at byte \d+ in line (\d+): ([^.]+)/#
        // DuckDB counts one line too many, and leaves out those that are blank.
        guard let parts = text.firstMatch(of: form), let line = Int(parts.2) else { return nil }
        let file = PathText.lastComponent(of: String(parts.1))
        return "line \(line - 1) of \(file), blank lines not counted, is no JSON: \(parts.3)"
    }

    /// Whether it is about the inside of a gzip file, whose first header and content are sound.
    private var isAboutPacking: Bool {
        ["Unsupported GZIP archive", "not a GZIP stream", "GZIP header larger"].contains(where: text.contains)
    }

    /// The suggested name, unless it is a generated one.
    private var suggestion: String? {
        let names = (candidates ?? "").split(separator: ",").map { String($0).trimmed }
            .filter { !$0.isEmpty && !$0.contains(OwnName.prefix) }
        return names.isEmpty ? nil : "did you mean \(names.joined(separator: ", "))?"
    }

    func remedy(memory: Int64) -> String? {
        if let fault { return fault.remedy }
        if isAboutPacking { return "unpack it, and pack it again with gzip" }
        return switch (kind, errno) {
        case (_, "28"): "free some space on that disk, then retry"
        case (.outOfMemory, _) where (0..<memory).contains(cs_address_space_limit()):
            "this process may have \(cs_address_space_limit().shortBytes) of address space: raise it with "
                + "'ulimit -v unlimited'"
        case (.outOfMemory, _):
            "give the stage more than \(memory.shortBytes) with 'resources: {memory: …}', or fewer threads with 'cpu'"
        case (.permission, _): "a stage reaches only the datasets it names: add the file as a dataset"
        case (.conversion, _): "validate the data first, or cast the column in a process stage"
        case (.binder, _), (.catalog, _): suggestion
        default: nil
        }
    }
}
