/// Texts that name points in time, as SQL.
///
/// An engine's plain cast to a timestamp drops an offset without a word, and its cast to a date everything behind the
/// day. Every text that becomes a time becomes one here: an offset counts, and a day is the day in UTC.
enum MomentSQL {
    /// SQL for the point in time in UTC that a text names; null where it names none.
    ///
    /// A text without an offset is a time of the dialect's zone.
    /// `isStrict`: whether the statement fails instead where the text names none.
    static func moment(_ text: String, _ sql: any SQLDialect, isStrict: Bool = false) -> String {
        let plain = isStrict ? sql.cast(text, to: .timestamp) : sql.tryCast(text, to: .timestamp)
        let zoned = "timezone('UTC', \(isStrict ? "CAST" : "TRY_CAST")(\(text) AS TIMESTAMPTZ))"
        if let zone = sql.zone {
            return
                "CASE WHEN \(namesOffset(text, sql)) THEN \(zoned) ELSE timezone('UTC', timezone(\(sql.text(zone)), \(plain))) END"
        }
        // What cannot have an offset takes the short way, which is several times as fast.
        return "CASE WHEN suffix(\(text), 'Z') OR \(cannotNameOffset(text)) THEN \(plain) ELSE \(zoned) END"
    }

    private static func cannotNameOffset(_ text: String) -> String {
        "length(\(text)) <= 10 OR length(\(text)) = 19 AND substr(\(text), 17, 1) = ':'"
    }

    /// SQL for the time that a text names, as the type that all of its column have; null where it names none.
    ///
    /// `type`: a point in time, for which a text has to name its offset or the dialect a zone, or a local time, for which
    /// it must not name one.
    static func time(_ text: String, as type: ColumnType, _ sql: any SQLDialect) -> String {
        if sql.zone != nil { return moment(text, sql) }
        let plain = sql.tryCast(text, to: .timestamp)
        if type == .localTimestamp {
            return "CASE WHEN \(isKind(text, type, sql)) THEN \(plain) END"
        }
        return "CASE WHEN suffix(\(text), 'Z') THEN \(plain) WHEN \(namesOffset(text, sql)) "
            + "THEN timezone('UTC', TRY_CAST(\(text) AS TIMESTAMPTZ)) END"
    }

    /// The same where the statement fails for a text that names no such time.
    ///
    /// `column`: whose text it is, in words.
    /// `refusal`: SQL that fails the statement for what is no time at all.
    static func refusing(
        _ text: String, as type: ColumnType, of column: String, otherwise refusal: String, _ sql: any SQLDialect
    ) -> String {
        let time = time(text, as: type, sql)
        let isMisfit = "\(text) IS NOT NULL AND (\(time)) IS NULL"
        guard sql.zone == nil else { return "CASE WHEN \(isMisfit) THEN \(refusal) ELSE \(time) END" }
        let fault =
            type == .timestamp
            ? "names no offset from UTC, and others name one" : "names an offset from UTC, and others name none"
        let other = DuckDBDialect().refusal([
            .words("\(column) has the time '"), .value(text),
            .words("', which \(fault); say with 'timezone' of the dataset of which zone times without an offset are"),
        ])
        return
            "CASE WHEN \(isMisfit) THEN CASE WHEN (\(moment(text, sql))) IS NULL THEN \(refusal) ELSE \(other) END ELSE \(time) END"
    }

    /// The statement that tells of columns of texts whether times among the first rows name an offset, and whether some
    /// name none.
    static func offsets(of columns: [String], in relation: String, _ sql: any SQLDialect) -> String {
        let tests = columns.map { column in
            let text = sql.name(column)
            let isTime = "TRY_CAST(left(\(text), 10) AS DATE) IS NOT NULL"
            return "{'name': \(sql.text(column)), 'named': bool_or(\(isTime) AND \(namesOffset(text, sql))), "
                + "'open': bool_or(\(isTime) AND NOT \(namesOffset(text, sql)))}"
        }
        let list = columns.map(sql.name).joined(separator: ", ")
        return "SELECT 'offset' AS caudal, found.name AS name, coalesce(found.open, FALSE) AS open\n"
            + "FROM (SELECT unnest([\(tests.joined(separator: ",\n       "))]) AS found\n"
            + "      FROM (SELECT \(list) FROM \(relation) LIMIT 50000))\nWHERE found.named"
    }

    /// SQL for a time as files of text have it: `2026-11-23T06:00:00Z`, and without the zone where nobody has named one.
    static func written(_ time: String, as type: ColumnType) -> String {
        let zone = type == .timestamp ? "Z" : ""
        return "CASE WHEN microsecond(\(time)) % 1000000 = 0 THEN strftime(\(time), '%Y-%m-%dT%H:%M:%S\(zone)') "
            + "ELSE strftime(\(time), '%Y-%m-%dT%H:%M:%S.%f\(zone)') END"
    }

    /// The same for a time of a column that has both.
    static func written(_ time: String, isLocal: String) -> String {
        "CASE WHEN \(isLocal) THEN \(written(time, as: .localTimestamp)) ELSE \(written(time, as: .timestamp)) END"
    }

    /// SQL for the day in UTC that a text names, be it a date or a point in time; null where it names none.
    static func day(_ text: String, _ sql: any SQLDialect, isStrict: Bool = false) -> String {
        let plain = isStrict ? sql.cast(text, to: .date) : sql.tryCast(text, to: .date)
        if sql.zone != nil {
            // What names no offset stands for its own day.
            let local = isStrict ? sql.cast(text, to: .timestamp) : sql.tryCast(text, to: .timestamp)
            return "CASE WHEN length(\(text)) <= 10 THEN \(plain) WHEN \(namesOffset(text, sql)) "
                + "THEN CAST(\(moment(text, sql, isStrict: isStrict)) AS DATE) ELSE CAST(\(local) AS DATE) END"
        }
        return "CASE WHEN length(\(text)) <= 10 THEN \(plain) "
            + "ELSE CAST(\(moment(text, sql, isStrict: isStrict)) AS DATE) END"
    }

    /// SQL that is true for a time that names an offset, for points in time, and for one that names none, for local times.
    static func isKind(_ text: String, _ type: ColumnType, _ sql: any SQLDialect) -> String {
        type == .timestamp
            ? "suffix(\(text), 'Z') OR \(namesOffset(text, sql))"
            : "\(cannotNameOffset(text)) OR NOT \(namesOffset(text, sql))"
    }

    static func namesOffset(_ text: String, _ sql: any SQLDialect) -> String {
        "(length(\(text)) > 10 AND regexp_matches(\(text), '(?i)z$|[+-][0-9]{2}(:?[0-9]{2}){0,2}$| [a-z][a-z_/+-]*[0-9]*$'))"
    }

    /// A time without an offset that a column has, as the point in time that it is in a zone.
    static func moment(ofLocal value: String, zone: String, _ sql: any SQLDialect) -> String {
        "timezone('UTC', timezone(\(sql.text(zone)), \(sql.cast(value, to: .timestamp))))"
    }

    /// A point in time that is written in the pipeline file.
    static func literal(_ moment: String, _ sql: any SQLDialect) -> String {
        let text = sql.text(moment)
        let time = moment.dropFirst(10)
        let isPlain = time.allSatisfy { "0123456789:. TZ".contains($0) }
        return isPlain ? sql.cast(text, to: .timestamp) : "timezone('UTC', CAST(\(text) AS TIMESTAMPTZ))"
    }
}
