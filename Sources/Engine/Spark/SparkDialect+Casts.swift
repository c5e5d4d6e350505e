package import CaudalModel

/// Casts that give what DuckDB's give.
///
/// Spark takes `12d` for a number, cuts fractions off where DuckDB rounds, and reads other texts as times. A text is cast here
/// only where both engines read it alike; what only one of them reads fails the statement, and is never taken for missing.
extension SparkDialect {
    private static let space = "[ \\t\\n\\x0B\\f\\r]*"
    /// Texts that both engines take for numbers.
    private static let number = "^\(space)[+-]?(?:[0-9]+[.]?[0-9]*|[.][0-9]+)(?:[eE][+-]?[0-9]+)?\(space)\\z"
    private static let otherNumber =
        "^(?i)\(space)[+-]?(?:nan|inf|infinity)\(space)\\z"

    func fits(_ value: String, _ pattern: String) -> String { "\(value) RLIKE \(text(pattern))" }

    /// A text as a type; null for one that is no value of it.
    package func tryCast(_ sql: String, to type: ColumnType) -> String {
        switch type {
        case .number:
            return
                "CASE WHEN \(fits(sql, Self.number)) OR \(fits(sql, Self.otherNumber)) THEN TRY_CAST(\(sql) AS DOUBLE) END"
        case .integer:
            // By way of decimals, so that 1e3 and 7.0 are the whole numbers that they are.
            return "CASE WHEN \(fits(sql, Self.number)) THEN TRY_CAST(TRY_CAST(\(sql) AS DECIMAL(38,10)) AS BIGINT) END"
        case .decimal:
            return "CASE WHEN \(fits(sql, Self.number)) THEN TRY_CAST(\(sql) AS \(self.type(type))) "
                + "WHEN contains(\(sql), '_') THEN \(odd(sql, "number")) END"
        case .boolean: return "CASE WHEN \(fits(sql, "^[0-9A-Za-z]+\\z")) THEN TRY_CAST(\(sql) AS BOOLEAN) END"
        case .date: return date(sql)
        case .timestamp, .localTimestamp: return moment(sql)
        case .text, .other: return "TRY_CAST(\(sql) AS \(self.type(type)))"
        }
    }

    package func tryCast(_ sql: String, from old: ColumnType, to new: ColumnType) -> String {
        old == .text ? tryCast(sql, to: new) : "TRY_CAST(\(sql) AS \(type(new)))"
    }

    package func cast(_ sql: String, to type: ColumnType) -> String {
        // Spark cuts fractions off.
        guard type == .integer, !sql.hasPrefix("'"), Int64(sql) == nil else {
            return "CAST(\(sql) AS \(self.type(type)))"
        }
        return
            "CASE WHEN typeof(\(sql)) = 'double' THEN CAST(rint(CAST(\(sql) AS DOUBLE)) AS BIGINT) ELSE CAST(\(sql) AS BIGINT) END"
    }

    /// A cast that an expression of the pipeline file has: it fails for a text that is no value of the type.
    package func convert(_ sql: String, from old: ColumnType?, to new: ColumnType) -> String {
        switch (old, new) {
        case (.text, .number), (.text, .decimal), (.text, .boolean):
            let refusal = refusal([.words("'"), .value(sql), .words("' does not fit \(new)")])
            return "CASE WHEN \(sql) IS NOT NULL THEN coalesce(\(tryCast(sql, to: new)), \(refusal)) END"
        case (.number, .integer): return "CAST(rint(\(sql)) AS BIGINT)"
        case (let time?, .text) where time.isTime: return shown(sql, time)
        default: return "CAST(\(sql) AS \(type(new)))"
        }
    }

    /// SQL that fails the statement for a text that the engines read differently.
    func odd(_ value: String, _ what: String) -> String {
        refusal([
            .words("the text '"), .value(value),
            .words(
                "' is a \(what) for DuckDB and none for Spark, or the other way round; run the stage on DuckDB, or write it plainly"
            ),
        ])
    }
}
