/// SQL for texts that state points in time.
///
/// An engine's plain cast to a timestamp silently drops an offset, and its cast to a date drops everything after the
/// day. Every text that becomes a time is converted here: its offset counts, and a day is the day in UTC.
enum MomentSQL {
    /// SQL for the point in time in UTC that a text states; null if it states none.
    ///
    /// A text without an offset is a time in the dialect's zone.
    ///
    /// - Parameter isStrict: Whether the statement fails instead of returning null.
    static func moment(_ text: String, _ sql: any SQLDialect, isStrict: Bool = false) -> String {
        let zoned = "timezone('UTC', TRY_CAST(\(text) AS TIMESTAMPTZ))"
        // Texts in other forms are rewritten to the one that the engine reads, which costs time only for those texts.
        let zonedUsual = "timezone('UTC', \(isStrict ? "CAST" : "TRY_CAST")(\(usual(text, sql)) AS TIMESTAMPTZ))"
        if let zone = sql.zone {
            return
                "CASE WHEN \(namesOffset(text, sql)) THEN coalesce(\(zoned), \(zonedUsual)) ELSE timezone('UTC', "
                + "timezone(\(sql.text(zone)), \(local(text, sql, isStrict)))) END"
        }
        // Texts that cannot have an offset are converted directly, which is several times as fast.
        return "coalesce(CASE WHEN suffix(\(text), 'Z') OR \(cannotNameOffset(text)) "
            + "THEN \(sql.tryCast(text, to: .timestamp)) ELSE \(zoned) END, \(zonedUsual))"
    }

    private static func cannotNameOffset(_ text: String) -> String {
        "(length(\(text)) <= 10 OR length(\(text)) = 19 AND substr(\(text), 17, 1) = ':')"
    }

    /// SQL for the time in a text without an offset.
    private static func local(_ text: String, _ sql: any SQLDialect, _ isStrict: Bool) -> String {
        let usual = usual(text, sql)
        return "coalesce(\(sql.tryCast(text, to: .timestamp)), "
            + "\(isStrict ? sql.cast(usual, to: .timestamp) : sql.tryCast(usual, to: .timestamp)))"
    }

    /// SQL that rewrites a point in time in the forms of ISO 8601 and RFC 3339 to the form that the engine reads:
    /// capitals, a point before the fraction, seconds, and no blank before the offset.
    private static func usual(_ text: String, _ sql: any SQLDialect) -> String {
        let offset = "[Zz]|[+-][0-9]{2}(?::?[0-9]{2})?"
        let minutes = "\\s*-?[0-9]{4,}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}"
        let whole = "regexp_replace(\(text), \(sql.text("^(\(minutes))(\\s*(?:\(offset))?\\s*)$")), '\\1:00\\2')"
        let seconds = "^(\(minutes):[0-9]{2}(?:[.,][0-9]+)?)\\s*(\(offset))?\\s*$"
        let joined = "regexp_replace(\(whole), \(sql.text(seconds)), '\\1\\2')"
        return "translate(\(joined), 'tz,', 'TZ.')"
    }

    /// SQL for the time that a text states, as the type of its column; null if it states none.
    ///
    /// - Parameter type: A point in time, for which the text must state its offset or the dialect a zone, or a local
    ///   time, for which it must not state one.
    static func time(_ text: String, as type: ColumnType, _ sql: any SQLDialect) -> String {
        let moment = moment(text, sql)
        return sql.zone != nil ? moment : "CASE WHEN \(isKind(text, type, sql)) THEN \(moment) END"
    }

    /// The same, but the statement fails for a text that states no such time.
    ///
    /// - Parameters:
    ///   - column: The name of the text's column, in words.
    ///   - refusal: SQL that fails the statement for text that is no time at all.
    static func refusing(
        _ text: String, as type: ColumnType, of column: String, otherwise refusal: String, _ sql: any SQLDialect
    ) -> String {
        let time = time(text, as: type, sql)
        guard sql.zone == nil else { return "coalesce(\(time), CASE WHEN \(text) IS NOT NULL THEN \(refusal) END)" }
        let fault =
            type == .timestamp
            ? "names no offset from UTC, and others name one" : "names an offset from UTC, and others name none"
        let other = DuckDBDialect().refusal([
            .words("\(column) has the time '"), .value(text),
            .words("', which \(fault); say with 'timezone' of the dataset of which zone times without an offset are"),
        ])
        return "coalesce(\(time), CASE WHEN \(text) IS NULL THEN NULL WHEN (\(moment(text, sql))) IS NULL "
            + "THEN \(refusal) ELSE \(other) END)"
    }

    /// A statement for whether times among the first rows of text columns state an offset, and whether some state none.
    ///
    /// - Parameter limit: The number of rows to examine; nil means all.
    static func offsets(of columns: [String], in relation: String, limit: Int?, _ sql: any SQLDialect) -> String {
        let tests = columns.map { column in
            let text = sql.name(column)
            let isTime = "TRY_CAST(left(\(text), 10) AS DATE) IS NOT NULL"
            return "{'name': \(sql.text(column)), 'named': bool_or(\(isTime) AND \(namesOffset(text, sql))), "
                + "'open': bool_or(\(isTime) AND NOT \(namesOffset(text, sql))), "
                + "'values': count(\(text)), 'rows': count(*)}"
        }
        let list = columns.map(sql.name).joined(separator: ", ")
        return "SELECT 'offset' AS caudal, found.name AS name, found.named AS named, found.open AS open, "
            + "found.\"values\" AS \"values\", found.\"rows\" AS \"rows\"\n"
            + "FROM (SELECT unnest([\(tests.joined(separator: ",\n       "))]) AS found\n"
            + "      FROM (SELECT \(list) FROM \(relation)\(limit.map { " LIMIT \($0)" } ?? "")))"
    }

    /// SQL for the day in UTC that a text states, as a date or a point in time; null if it states none.
    static func day(_ text: String, _ sql: any SQLDialect, isStrict: Bool = false) -> String {
        let plain = isStrict ? sql.cast(text, to: .date) : sql.tryCast(text, to: .date)
        if sql.zone != nil {
            // A text without an offset states its own day.
            return "CASE WHEN length(\(text)) <= 10 THEN \(plain) WHEN \(namesOffset(text, sql)) "
                + "THEN CAST(\(moment(text, sql, isStrict: isStrict)) AS DATE) ELSE CAST(\(local(text, sql, isStrict)) AS DATE) END"
        }
        return "CASE WHEN length(\(text)) <= 10 THEN \(plain) "
            + "ELSE CAST(\(moment(text, sql, isStrict: isStrict)) AS DATE) END"
    }

    /// SQL that is true for a text of the type's kind: with an offset for points in time, without one for local times.
    static func isKind(_ text: String, _ type: ColumnType, _ sql: any SQLDialect) -> String {
        type == .timestamp
            ? "(suffix(\(text), 'Z') OR \(namesOffset(text, sql)))"
            : "(\(cannotNameOffset(text)) OR NOT \(namesOffset(text, sql)))"
    }

    static func namesOffset(_ text: String, _ sql: any SQLDialect) -> String {
        "(length(\(text)) > 10 AND regexp_matches(\(text), '(?i)z\\s*$|:[0-9.,]+\\s*[+-][0-9]{2}(:?[0-9]{2}){0,2}:?\\s*$| [a-z][a-z_/+-]*[0-9]*\\s*$'))"
    }

    /// A column's time without an offset, as the point in time that it is in a zone.
    static func moment(ofLocal value: String, zone: String, _ sql: any SQLDialect) -> String {
        "timezone('UTC', timezone(\(sql.text(zone)), \(sql.cast(value, to: .timestamp))))"
    }

    /// A point in time in the pipeline file, as SQL.
    static func literal(_ moment: String, _ sql: any SQLDialect) -> String {
        let form =
            #/\s*(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d)(:\d\d)?(?:[.,](\d+))?\s*([Zz]|[+-]\d\d(?::?\d\d)?)?\s*/#
            .asciiOnlyDigits()
        var usual = moment
        if let parts = moment.wholeMatch(of: form) {
            usual =
                "\(parts.1)T\(parts.2)\(parts.3 ?? ":00")\(parts.4.map { "." + $0 } ?? "")\(parts.5?.uppercased() ?? "")"
        }
        let text = sql.text(usual)
        let isPlain = usual.dropFirst(10).allSatisfy { "0123456789:. TZ".contains($0) }
        return isPlain ? sql.cast(text, to: .timestamp) : "timezone('UTC', CAST(\(text) AS TIMESTAMPTZ))"
    }
}
