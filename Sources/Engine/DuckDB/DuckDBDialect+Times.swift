package import CaudalModel

/// Texts that name points in time, as SQL.
extension DuckDBDialect {
    package func moment(_ text: String, isStrict: Bool) -> String {
        let zoned = "timezone('UTC', TRY_CAST(\(text) AS TIMESTAMPTZ))"
        // What the engine does not read is written as it would, which costs only those texts something.
        let zonedUsual = "timezone('UTC', \(isStrict ? "CAST" : "TRY_CAST")(\(usual(text)) AS TIMESTAMPTZ))"
        if let zone {
            return
                "CASE WHEN \(namesOffset(text)) THEN coalesce(\(zoned), \(zonedUsual)) ELSE timezone('UTC', "
                + "timezone(\(self.text(zone)), \(local(text, isStrict)))) END"
        }
        // What cannot have an offset takes the short way, which is several times as fast.
        return "coalesce(CASE WHEN suffix(\(text), 'Z') OR \(cannotNameOffset(text)) "
            + "THEN \(tryCast(text, to: .timestamp)) ELSE \(zoned) END, \(zonedUsual))"
    }

    private func cannotNameOffset(_ text: String) -> String {
        "(length(\(text)) <= 10 OR length(\(text)) = 19 AND substr(\(text), 17, 1) = ':')"
    }

    /// SQL for the time that stands in a text without an offset.
    private func local(_ text: String, _ isStrict: Bool) -> String {
        let usual = usual(text)
        return "coalesce(\(tryCast(text, to: .timestamp)), "
            + "\(isStrict ? cast(usual, to: .timestamp) : tryCast(usual, to: .timestamp)))"
    }

    /// SQL for a text that names a point in time as ISO 8601 and RFC 3339 allow, in the one of their ways that the engine reads:
    /// with capitals, a point before the fraction, seconds, and nothing before the offset.
    private func usual(_ text: String) -> String {
        let offset = "[Zz]|[+-][0-9]{2}(?::?[0-9]{2})?"
        let minutes = "\\s*-?[0-9]{4,}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}"
        let whole = "regexp_replace(\(text), \(self.text("^(\(minutes))(\\s*(?:\(offset))?\\s*)$")), '\\1:00\\2')"
        let seconds = "^(\(minutes):[0-9]{2}(?:[.,][0-9]+)?)\\s*(\(offset))?\\s*$"
        let joined = "regexp_replace(\(whole), \(self.text(seconds)), '\\1\\2')"
        return "translate(\(joined), 'tz,', 'TZ.')"
    }

    package func offsets(of columns: [String], in relation: String, limit: Int?) -> SQLScript.Kind {
        let tests = columns.map { column in
            let text = name(column)
            let isTime = "TRY_CAST(left(\(text), 10) AS DATE) IS NOT NULL"
            return "{'name': \(self.text(column)), 'named': bool_or(\(isTime) AND \(namesOffset(text))), "
                + "'open': bool_or(\(isTime) AND NOT \(namesOffset(text))), "
                + "'values': count(\(text)), 'rows': count(*)}"
        }
        let list = columns.map(name).joined(separator: ", ")
        return .lines(
            .offset,
            "found.name AS name, found.named AS named, found.open AS open, "
                + "found.\"values\" AS \"values\", found.\"rows\" AS \"rows\"\n"
                + "FROM (SELECT unnest([\(tests.joined(separator: ",\n       "))]) AS found\n"
                + "      FROM (SELECT \(list) FROM \(relation)\(limit.map { " LIMIT \($0)" } ?? "")))")
    }

    package func day(_ text: String, isStrict: Bool) -> String {
        let plain = isStrict ? cast(text, to: .date) : tryCast(text, to: .date)
        if zone != nil {
            // What names no offset stands for its own day.
            return "CASE WHEN length(\(text)) <= 10 THEN \(plain) WHEN \(namesOffset(text)) "
                + "THEN CAST(\(moment(text, isStrict: isStrict)) AS DATE) ELSE CAST(\(local(text, isStrict)) AS DATE) END"
        }
        return "CASE WHEN length(\(text)) <= 10 THEN \(plain) "
            + "ELSE CAST(\(moment(text, isStrict: isStrict)) AS DATE) END"
    }

    package func isKind(_ text: String, _ type: ColumnType) -> String {
        type == .timestamp
            ? "(suffix(\(text), 'Z') OR \(namesOffset(text)))"
            : "(\(cannotNameOffset(text)) OR NOT \(namesOffset(text)))"
    }

    package func namesOffset(_ text: String) -> String {
        "(length(\(text)) > 10 AND regexp_matches(\(text), '(?i)z\\s*$|:[0-9.,]+\\s*[+-][0-9]{2}(:?[0-9]{2}){0,2}:?\\s*$| [a-z][a-z_/+-]*[0-9]*\\s*$'))"
    }

    package func moment(ofLocal value: String, zone: String) -> String {
        "timezone('UTC', timezone(\(self.text(zone)), \(cast(value, to: .timestamp))))"
    }

    package func moment(ofRFC3339 text: String) -> String {
        // The engine reads neither 't' and 'z' nor a second 60, and rounds nothing beyond microseconds.
        let plain = "regexp_replace(upper(\(text)), '(T..:..:)60|([.][0-9]{6})[0-9]+', '\\1\\2')"
        let whole =
            "CASE WHEN substr(\(text), 18, 2) = '60' THEN left(\(plain), 17) || '59' || substr(\(plain), 18) "
            + "ELSE \(plain) END"
        return "timezone('UTC', TRY_CAST(\(whole) AS TIMESTAMPTZ)) + "
            + "CASE WHEN substr(\(text), 18, 2) = '60' THEN INTERVAL 1 SECOND ELSE INTERVAL 0 SECOND END"
    }

    package var endOfTime: String { "TIMESTAMP 'infinity'" }

    package func isMidnight(_ moment: String) -> String { "strftime(\(moment), '%H:%M:%S') = '00:00:00'" }

    package func earlier(_ value: String, by time: Duration) -> String {
        "\(value) - to_microseconds(\(time.components.seconds * 1_000_000 + time.components.attoseconds / 1_000_000_000_000))"
    }

    package func seconds(_ moment: String) -> String { "epoch(\(moment))" }

    package func zoned(_ column: Column) -> String {
        let name = name(column.name)
        return "timezone('UTC', \(name)) AS \(name)"
    }

    package func itemText(_ value: String) -> String {
        let text = cast(value, to: .text)
        let moment = "timezone('UTC', TRY_CAST(\(text) AS TIMESTAMPTZ))"
        return "CASE WHEN typeof(\(value)) = 'TIMESTAMP WITH TIME ZONE' THEN \(writtenTime(moment, as: .timestamp)) "
            + "ELSE \(text) END"
    }

    package var zonedType: ColumnType { .other("TIMESTAMP WITH TIME ZONE") }

    package func literal(moment: String) -> String {
        let form =
            #/\s*(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d)(:\d\d)?(?:[.,](\d+))?\s*([Zz]|[+-]\d\d(?::?\d\d)?)?\s*/#
            .asciiOnlyDigits()
        var usual = moment
        if let parts = moment.wholeMatch(of: form) {
            usual =
                "\(parts.1)T\(parts.2)\(parts.3 ?? ":00")\(parts.4.map { "." + $0 } ?? "")\(parts.5?.uppercased() ?? "")"
        }
        let text = self.text(usual)
        let isPlain = usual.dropFirst(10).allSatisfy { "0123456789:. TZ".contains($0) }
        return isPlain ? cast(text, to: .timestamp) : "timezone('UTC', CAST(\(text) AS TIMESTAMPTZ))"
    }
}
