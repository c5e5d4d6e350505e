/// Removes values of rows from messages when a pipeline file does not allow keeping and showing them.
///
/// Messages that Caudal's scripts raise mark the values in them, see ``SQLDialect/refusal(_:)``. DuckDB's own messages quote
/// values in many forms: of a message that may hold values, only the parts that are known to hold none are kept.
enum HiddenValues {
    /// The character at the beginning of a message that Caudal's scripts raise, and the characters around a value in it.
    static let (mark, opens, closes): (Character, Character, Character) = ("\u{1}", "\u{2}", "\u{3}")

    /// The text shown instead of a value.
    static let placeholder = "a value that is not shown"

    /// The kinds of errors about the script, its files or the machine, which contain no values.
    private static let harmlessKinds: Set<DuckDBMessage.Kind?> = [
        .binder, .catalog, .parser, .syntax, .permission, .io, .outOfMemory, .interrupt, .dependency, .settings,
        .missingExtension, .notImplemented,
    ]

    /// Names of types that occur in DuckDB's messages.
    private static let types: Set<String> = [
        "INT8", "INT16", "INT32", "INT64", "INT128", "UINT8", "UINT16", "UINT32", "UINT64", "BIGINT", "INTEGER",
        "SMALLINT",
        "HUGEINT", "DOUBLE", "FLOAT", "DECIMAL", "BOOL", "BOOLEAN", "DATE", "TIME", "TIMESTAMP", "TIMESTAMPTZ",
        "VARCHAR", "JSON",
        "UUID", "INTERVAL",
    ]

    /// A message as it may be shown.
    static func told(_ message: DuckDBMessage, hides: Bool) -> DuckDBMessage {
        var message = message
        if let start = message.text.firstIndex(of: mark) {
            message.text = told(message.text[start...].dropFirst(), hides: hides)
        } else if hides, let text = ofDatabase(message.text) {
            message.text = text
        } else if hides, !harmlessKinds.contains(message.kind) {
            message.text = CSVFault.withoutLine(message.text) ?? words(of: message)
            message.candidates = nil
        }
        return message
    }

    private static func told(_ text: Substring, hides: Bool) -> String {
        guard hides, let first = text.firstIndex(of: opens), let last = text.lastIndex(of: closes) else {
            return text.filter { $0 != opens && $0 != closes }
        }
        // A value may contain these marks too: everything between the outermost ones is treated as values.
        return text[..<first] + placeholder + text[text.index(after: last)...]
    }

    /// A database server's message without the values that it quotes; nil for other messages.
    private static func ofDatabase(_ text: String) -> String? {
        if let words = MySQLMessage.words(in: text) {
            return "Failed to run query \"\": \(MySQLMessage.withoutValues(words))"
        }
        guard let mark = ["ERROR:  ", "FATAL:  "].first(where: text.contains),
            let start = text.firstRange(of: mark)?.upperBound
        else { return nil }
        var line = text[start...].prefix { $0 != "\n" }
        // Quoted names come after a word such as column or constraint, values after a colon or the word value.
        for beginning in [": \"", "value \""] {
            if let quoted = line.firstRange(of: beginning)?.lowerBound { line = line[..<quoted] }
        }
        return mark + line + (line.hasSuffix("\"") ? "" : " (values are not shown)")
    }

    private static func words(of message: DuckDBMessage) -> String {
        let words = message.text.split { !($0.isLetter || $0.isNumber || $0 == "_") }.map(String.init)
        let type = words.last { types.contains($0) }.map { " as \($0)" } ?? ""
        let subject =
            switch message.kind {
            case .constraint: "a value breaks a constraint"
            case .outOfRange: "a value is out of range"
            case .conversion: "a value cannot be read\(type)"
            case nil where message.kindName.isEmpty: "duckdb reported an error that may hold values of rows"
            default: "a value cannot be used\(type)"
            }
        return "\(subject); 'samples' keeps values out of messages"
    }
}
