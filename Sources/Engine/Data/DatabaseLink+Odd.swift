import CaudalModel

/// Values of a database that DuckDB's extensions read incorrectly.
///
/// From a PostgreSQL `numeric`, NaN and infinities are read as 0, and numbers with more digits than floating point
/// holds are rounded. From a SQLite `date` or `datetime`, a number is read as Unix seconds whatever it means, and the
/// offset or the time of day of a date is dropped. A query that the database itself runs finds out whether there are
/// such values.
extension DatabaseLink {
    /// How a column can have such values.
    enum Oddity: Sendable {
        /// The values can be read as text, which DuckDB then converts to the right numbers.
        case readAsText
        /// The column's type has no value for them.
        case refused(String)
    }

    /// The columns that may have such values, with a condition in the database's own SQL that is true for one.
    func oddities(of source: DataSource) -> [(column: String, condition: String, oddity: Oddity)] {
        source.columns.flatMap { column -> [(column: String, condition: String, oddity: Oddity)] in
            let name = sql.name(column.name)
            let native = source.nativeTypes[column.name] ?? ""
            let notFinite = "\(name)::text IN ('NaN', 'Infinity', '-Infinity')"
            let isNoText = "typeof(\(name)) NOT IN ('text', 'null')"
            let numbers = "numbers or bytes, which could be seconds, days or digits; only texts are read"
            func isText(_ pattern: String) -> String { "typeof(\(name)) = 'text' AND \(name) \(pattern)" }
            var odd: [(condition: String, oddity: Oddity)] = []
            switch (kind, column.type) {
            case (.postgres, .number) where native.hasPrefix("numeric"):
                // The shortest text of a floating-point number is the number that users see.
                let isInexact =
                    "CASE WHEN \(notFinite) THEN false WHEN abs(\(name)) >= 1e308 THEN true "
                    + "ELSE \(name)::float8::text::numeric <> \(name) END"
                odd = [
                    (
                        isInexact,
                        .refused("more digits than floating point holds, as which a \(native) of this kind is read")
                    ),
                    ("\(notFinite) OR length(translate(\(name)::text, '-.', '')) > 15", .readAsText),
                ]
            case (.postgres, .decimal) where native.hasPrefix("numeric"):
                odd = [(notFinite, .refused("NaN or Infinity, which \(column.type) cannot hold"))]
            case (.postgres, .other) where native.hasPrefix("numeric") && native.hasSuffix("[]"):
                odd = [
                    ("\(name)::text ~ 'NaN|Infinity'", .refused("NaN or Infinity in a list, which cannot be read"))
                ]
            case (.sqlite, .number):
                // SQLite takes what is above 64 bits for the greatest whole number.
                let isRounded = "CAST(CAST(\(name) AS REAL) AS INTEGER) <> \(name) OR \(name) = 9223372036854775807"
                odd = [
                    (
                        "typeof(\(name)) = 'integer' AND (\(isRounded))",
                        .refused("more digits than floating point holds, as which \(native) is read")
                    )
                ]
            case (.sqlite, .text) where isTimeOfDay(native): odd = [(isNoText, .refused(numbers))]
            case (.sqlite, .timestamp), (.sqlite, .localTimestamp):
                odd = [
                    (isNoText, .refused(numbers)),
                    (isText("NOT GLOB '[0-9]*'"), .refused("texts that are no time")),
                    (
                        "typeof(\(name)) = 'text' AND substr(\(name), 11) GLOB '*[+-][0-9]*'",
                        .refused("times with an offset, which would be lost")
                    ),
                    (
                        "typeof(\(name)) = 'text' AND substr(\(name), 12) GLOB '*[A-Za-z]*'",
                        .refused("times with a zone, which would be lost")
                    ),
                ]
            case (.sqlite, .date):
                odd = [
                    (isNoText, .refused(numbers)),
                    (isText("NOT GLOB '[0-9]*'"), .refused("texts that are no date")),
                    (isText("GLOB '*[ T]*[1-9]*'"), .refused("a time of day, which a date would lose")),
                ]
            default: break
            }
            if source.isAskedOfDatabase { odd += sqliteOddities(column) }
            return odd.map { (column.name, $0.condition, $0.oddity) }
        }
    }

    /// A query for the number of such values for each condition: `c0` and so on, in rows of kind `odd`.
    ///
    /// In SQLite a computed value has no declared type, and the sum over no rows is null.
    func oddQuery(_ table: ConnectionTable, _ conditions: [String]) -> String {
        let counts = conditions.enumerated().map { index, condition in
            "sum(CASE WHEN \(condition) THEN 1 ELSE 0 END) AS c\(index)"
        }
        let wholes = conditions.indices.map { "coalesce(CAST(c\($0) AS BIGINT), 0) AS c\($0)" }.joined(separator: ", ")
        return
            "SELECT \(RowKind.odd.selected), \(wholes)\nFROM \(ownQuery("SELECT \(counts.joined(separator: ", ")) FROM \(ownName(table))"))"
    }

    /// Whether columns of a declared type hold times of day, which DuckDB would read as points in time: it does so for
    /// every type whose name contains `time`.
    func isTimeOfDay(_ native: String) -> Bool {
        let type = native.lowercased()
        // SQLite and DuckDB give other meanings to type names with `int` or `char` in them.
        let others = ["date", "stamp", "int", "char", "clob", "text", "blob", "real", "floa", "doub"]
        return kind == .sqlite && type.contains("time") && !others.contains(where: type.contains)
    }

    /// A query for the rows of a table, with some columns as the texts that the database itself makes of them.
    ///
    /// - Parameter start: Where its rows begin, if the database can be told; otherwise it gives all.
    package func query(
        _ source: DataSource, asTexts texts: Set<String>, from start: WatermarkStart? = nil
    ) -> String {
        guard let table = source.table, !texts.isEmpty, kind != .sqlite else { return query(source, from: start) }
        let own = source.columns.map { column in
            let name = sql.name(column.name)
            return texts.contains(column.name) ? "\(name)::text AS \(name)" : name
        }
        let rows = ownQuery("SELECT \(own.joined(separator: ", ")) FROM \(ownName(table))")
        return "SELECT \(carried(source).joined(separator: ",\n       "))\nFROM \(rows)"
    }

    /// A table's name in the database's own SQL.
    private func ownName(_ table: ConnectionTable) -> String {
        let (schema, name) = parts(of: table)
        return kind == .postgres ? "\(sql.name(schema)).\(sql.name(name))" : sql.name(name)
    }
}
