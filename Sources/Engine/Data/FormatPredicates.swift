import CaudalModel

/// The formats of JSON Schema as SQL predicates over a text.
///
/// The grammars are those of RFC 3339 (dates and times), RFC 3986 (URIs), RFC 4122 (UUIDs) and the part of RFC 5321 that
/// addresses in use keep to.
package struct FormatPredicates {
    private let sql: any SQLDialect
    /// Whether dates and times must follow RFC 3339 exactly.
    private let isStrict: Bool

    init(dialect: any SQLDialect, isStrict: Bool) {
        sql = dialect
        self.isStrict = isStrict
    }

    /// SQL that is true where `value` has the format.
    ///
    /// `typed`: the same value as a date or a time, where it is at hand; null where the text names none.
    func holds(_ value: String, _ format: ValueRules.Format, typed: String? = nil) -> String {
        let date = typed ?? sql.tryCast(value, to: .date)
        let moment = typed ?? sql.moment(value)
        switch format {
        case .date where !isStrict:
            return "\(date) IS NOT NULL AND length(\(value)) = 10 AND \(value) >= '0' AND \(value) < ':'"
        case .dateTime where !isStrict:
            // Any text that DuckDB casts to a date, if it begins with a digit and is complete.
            return "(\(moment)) IS NOT NULL AND length(\(value)) >= 10 AND \(value) >= '0' AND \(value) < ':'"
        case .date: return "\(isAll(value, Self.day)) AND \(date) IS NOT NULL"
        case .dateTime:
            // A leap second is the last one of a day in UTC.
            return "\(isAll(value, Self.moment)) AND \(sql.tryCast("left(\(value), 10)", to: .date)) IS NOT NULL"
                + " AND (substr(\(value), 18, 2) <> '60'"
                + " OR \(sql.isMidnight(sql.moment(ofRFC3339: value))))"
        case .email: return isAll(value, "[^@\\s.]+(\\.[^@\\s.]+)*@[A-Za-z0-9-]+(\\.[A-Za-z0-9-]+)*")
        case .uri: return isAll(value, Self.uri)
        case .uuid: return isAll(value, "[0-9A-Fa-f]{8}-([0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}")
        }
    }

    private func isAll(_ value: String, _ pattern: String) -> String { sql.matchesWhole(value, pattern: pattern) }

    private static let day = "[0-9]{4}-[0-9]{2}-[0-9]{2}"

    private static let moment =
        day + "[Tt]([01][0-9]|2[0-3]):[0-5][0-9]:([0-5][0-9]|60)(\\.[0-9]+)?([Zz]|[+-]([01][0-9]|2[0-3]):[0-5][0-9])"

    /// RFC 3986, appendix A.
    private static let uri: String = {
        let escaped = "%[0-9A-Fa-f]{2}"
        let name = "(?:[A-Za-z0-9._~!$&'()*+,;=-]|\(escaped))"
        let user = "(?:[A-Za-z0-9._~!$&'()*+,;=:-]|\(escaped))"
        let letter = "(?:[A-Za-z0-9._~!$&'()*+,;=:@-]|\(escaped))"
        let byte = "(?:[0-9]|[1-9][0-9]|1[0-9]{2}|2[0-4][0-9]|25[0-5])"
        let (group, tail) = ("[0-9A-Fa-f]{1,4}", "(?:[0-9A-Fa-f]{1,4}:[0-9A-Fa-f]{1,4}|(?:\(byte)\\.){3}\(byte))")
        func before(_ most: Int) -> String { "(?:(?:\(group):){0,\(most)}\(group))?::" }
        let six = [
            "(?:\(group):){6}\(tail)", "::(?:\(group):){5}\(tail)", "(?:\(group))?::(?:\(group):){4}\(tail)",
            "\(before(1))(?:\(group):){3}\(tail)", "\(before(2))(?:\(group):){2}\(tail)",
            "\(before(3))\(group):\(tail)", "\(before(4))\(tail)", "\(before(5))\(group)", before(6),
        ].joined(separator: "|")
        let literal = "\\[(?:\(six)|[vV][0-9A-Fa-f]+\\.[A-Za-z0-9._~!$&'()*+,;=:-]+)\\]"
        let authority = "(?:\(user)*@)?(?:\(literal)|\(name)*)(?::[0-9]*)?"
        let path = "(?://\(authority)(?:/\(letter)*)*|/(?:\(letter)+(?:/\(letter)*)*)?|\(letter)+(?:/\(letter)*)*|)"
        return "[A-Za-z][A-Za-z0-9+.-]*:\(path)(?:\\?(?:\(letter)|[/?])*)?(?:#(?:\(letter)|[/?])*)?"
    }()
}
