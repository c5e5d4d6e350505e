/// What a server of MySQL says, which DuckDB's extension puts behind the statement that was sent, with all of its values.
enum MySQLMessage {
    /// The server's own words; nil for other messages.
    static func words(in text: String) -> String? {
        guard text.hasPrefix("Failed to run query \"") || text.hasPrefix("Failed to execute query \""),
            let end = text.ranges(of: "\": ").last?.upperBound
        else { return nil }
        let words = String(text[end...].prefix { $0 != "\n" })
        guard text.contains("SET @caudal"), words.contains("more than 1 row") else { return words }
        if text.contains("referential_constraints") {
            return
                "rows of other tables refer to these with ON DELETE CASCADE or SET NULL, and would go with them; nothing was "
                + "loaded: use 'mode: upsert', or change those references"
        }
        return text.contains("GET_LOCK")
            ? "another load of the table did not end within an hour"
            : "the table did not take exactly these rows: a trigger left some out; nothing was loaded"
    }

    /// The words without the values that they quote.
    static func withoutValues(_ words: String) -> String {
        for beginning in ["entry '", "value: '", "value '"] {
            if let quoted = words.firstRange(of: beginning)?.upperBound {
                return words[..<quoted].dropLast(2) + " (values are not shown)"
            }
        }
        return words
    }
}
