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
        return "CASE WHEN length(\(text)) <= 10 OR suffix(\(text), 'Z') OR length(\(text)) = 19 AND "
            + "substr(\(text), 17, 1) = ':' THEN \(plain) ELSE \(zoned) END"
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

    private static func namesOffset(_ text: String, _ sql: any SQLDialect) -> String {
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
