package import CaudalModel

/// Texts that name points in time, as SQL.
///
/// Both engines read `2026-11-23` and `2026-11-23T06:00:00.123456+02:00` alike, and many other forms differently. Texts in those
/// forms are times, texts that no engine takes for a time are none, and what lies between fails the statement.
extension SparkDialect {
    private static let day = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
    // DuckDB knows an hour 24.
    private static let clock = "(?!24)[0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:[.][0-9]{1,9})?)?"
    private static let offset = "(?:[Zz]|[+-](?:0[0-9]|1[0-4]):[0-5][0-9])"
    private static let someDay = "(?!0000)[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}"
    private static let plainMoment = "^(?:\(someDay)|(?!0000)\(day)[ Tt]\(clock)\(offset)?)\\z"
    /// What DuckDB may take for a time: a year, a month and a day, or a word.
    private static let likeTime =
        "^(?i)\\s*(?:-?[0-9]+[ /\\\\-][0-9]{1,2}[ /\\\\-][0-9]|-?infinity|epoch|now|today|tomorrow|yesterday)"

    /// The date that a text begins with; null where it begins with none.
    ///
    /// DuckDB passes over what stands behind the day.
    func date(_ text: String) -> String {
        "CASE WHEN \(fits(text, "^\(Self.someDay)(?![0-9])")) "
            + "THEN TRY_CAST(regexp_extract(\(text), \(self.text("^[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}")), 0) AS DATE) "
            + "WHEN \(fits(text, Self.likeTime)) THEN \(odd(text, "date")) END"
    }

    package func moment(_ text: String, isStrict: Bool) -> String {
        if zone != nil { return beyond("texts with times of a zone") }
        // What lies behind microseconds is cut off, and Spark reads an offset only behind seconds.
        let plain =
            "regexp_replace(regexp_replace(upper(\(text)), '([.][0-9]{6})[0-9]+', '$1'), "
            + "'^([^T ]+[T ][0-9]{2}:[0-9]{2})([Z+-]|$)', '$1:00$2')"
        let moment =
            "CASE WHEN \(fits(text, Self.plainMoment)) THEN CAST(TRY_CAST(\(plain) AS TIMESTAMP) AS TIMESTAMP_NTZ) "
            + "WHEN \(fits(text, Self.likeTime)) THEN \(odd(text, "time")) END"
        return isStrict ? strict(moment, text, "a time") : moment
    }

    package func day(_ text: String, isStrict: Bool) -> String {
        if zone != nil { return beyond("texts with times of a zone") }
        let day =
            "CASE WHEN length(\(text)) <= 10 THEN \(date(text)) ELSE CAST(\(moment(text, isStrict: false)) AS DATE) END"
        return isStrict ? strict(day, text, "a date") : day
    }

    private func strict(_ value: String, _ text: String, _ what: String) -> String {
        let refusal = refusal([.words("'"), .value(text), .words("' is not \(what)")])
        return "CASE WHEN \(text) IS NOT NULL THEN coalesce(\(value), \(refusal)) END"
    }

    package func moment(ofRFC3339 text: String) -> String {
        let seconds = "substr(\(text), 18, 2)"
        // A second 60 is the one after 59, and what lies behind microseconds is cut off.
        let plain = "regexp_replace(upper(\(text)), '([.][0-9]{6})[0-9]+', '$1')"
        let whole =
            "CASE WHEN \(seconds) = '60' THEN concat(left(\(plain), 17), '59', substr(\(plain), 20)) ELSE \(plain) END"
        return "CAST(TRY_CAST(\(whole) AS TIMESTAMP) AS TIMESTAMP_NTZ) + "
            + "CASE WHEN \(seconds) = '60' THEN INTERVAL '1' SECOND ELSE INTERVAL '0' SECOND END"
    }

    package func namesOffset(_ text: String) -> String {
        let end = "(?i)z\\s*\\z|:[0-9.,]+\\s*[+-][0-9]{2}(:?[0-9]{2}){0,2}:?\\s*\\z| [a-z][a-z_/+-]*[0-9]*\\s*\\z"
        return "(length(\(text)) > 10 AND \(fits(text, end)))"
    }

    package func isKind(_ text: String, _ type: ColumnType) -> String {
        type == .timestamp ? namesOffset(text) : "NOT \(namesOffset(text))"
    }

    package func literal(moment: String) -> String {
        // It is as DuckDB reads it: what the file says is one text, looked at before anything runs.
        "CAST(CAST(\(text(moment)) AS TIMESTAMP) AS TIMESTAMP_NTZ)"
    }

    package var endOfTime: String { "TIMESTAMP_NTZ '9999-12-31 23:59:59.999999'" }

    package func isMidnight(_ moment: String) -> String { "date_format(\(moment), 'HH:mm:ss') = '00:00:00'" }

    package func seconds(_ moment: String) -> String {
        "CAST(unix_micros(CAST(\(moment) AS TIMESTAMP)) AS DOUBLE) / 1e6D"
    }

    package func writtenTime(_ value: String, as type: ColumnType) -> String {
        // The fraction has six digits, or is not there.
        let text = "replace(\(unsigned(value)), ' ', 'T')"
        return "CASE WHEN contains(\(text), '.') THEN rpad(\(text), instr(\(text), '.') + 6, '0') ELSE \(text) END"
            + (type == .timestamp ? " || 'Z'" : "")
    }

    /// A day or a time as text; Spark writes a sign before years above 9999.
    func unsigned(_ value: String) -> String { "ltrim('+', CAST(\(value) AS STRING))" }

    package func writtenTime(_ value: String, isLocal: String) -> String {
        beyond("columns with both points in time and local times")
    }

    package func zoned(_ column: Column) -> String {
        let name = name(column.name)
        return "CAST(\(name) AS TIMESTAMP) AS \(name)"
    }

    package func itemText(_ value: String) -> String {
        let text = "CAST(\(value) AS STRING)"
        let moment = "CAST(TRY_CAST(\(text) AS TIMESTAMP) AS TIMESTAMP_NTZ)"
        return "CASE WHEN typeof(\(value)) = 'timestamp' THEN \(writtenTime(moment, as: .timestamp)) ELSE \(text) END"
    }

    package var zonedType: ColumnType { .other("timestamp") }

    package func moment(ofLocal value: String, zone: String) -> String { beyond("times of a zone") }

    package func earlier(_ value: String, by time: Duration) -> String { beyond("watermarks") }

    package func offsets(of columns: [String], in relation: String, limit: Int?) -> SQLScript.Kind {
        .run("SELECT \(beyond("texts whose times are looked for"))")
    }
}
