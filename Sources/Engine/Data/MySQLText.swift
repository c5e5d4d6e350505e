import CaudalModel

/// SQL of MySQL and MariaDB, for what the server itself runs.
enum MySQLText {
    static func name(_ name: String) -> String { "`\(name.replacing(scalar: "`", with: "``"))`" }

    static func text(_ text: String) -> String {
        "'\(text.replacing(scalar: "\\", with: "\\\\").replacing(scalar: "'", with: "''"))'"
    }

    /// A statement that fails where a condition does not hold: two rows are no value.
    static func demand(_ condition: String) -> String {
        "SET @caudal = IF(\(condition), 1, (SELECT n FROM (SELECT 1 AS n UNION ALL SELECT 2) AS two))"
    }

    /// A statement that fails where rows of other tables would go, or lose their value, with those of a table.
    static func demandNoCascade(to schema: String, _ table: String) -> String {
        demand(
            "NOT EXISTS (SELECT 1 FROM information_schema.referential_constraints WHERE unique_constraint_schema = \(text(schema)) "
                + "AND referenced_table_name = \(text(table)) AND delete_rule IN ('CASCADE', 'SET NULL', 'SET DEFAULT'))"
        )
    }

    /// The type of a column of a table that a load creates.
    ///
    /// - Parameter isKey: Whether it is part of the primary key, which long texts cannot be.
    static func type(_ type: ColumnType, isKey: Bool) -> String {
        switch type {
        case .text, .other: isKey ? "VARCHAR(255)" : "LONGTEXT"
        case .integer: "BIGINT"
        case .number: "DOUBLE"
        case .decimal(let precision, let scale): "DECIMAL(\(precision), \(scale))"
        case .boolean: "BOOLEAN"
        case .date: "DATE"
        // Written out, because the first such column of a table would otherwise change with its row.
        case .timestamp: "TIMESTAMP(6) \(isKey ? "NOT NULL DEFAULT '1970-01-02 00:00:00'" : "NULL")"
        case .localTimestamp: "DATETIME(6)"
        }
    }
}

/// A column of MySQL: what the server is asked for, and what the engine makes of it.
///
/// Read as DuckDB's extension reads tables, 5 in a `TINYINT(1)` would be true, the date 0000-00-00 would be no value, and
/// a `DECIMAL(65)` would be floating point.
struct MySQLColumn {
    let name: String
    /// The type as the server tells it, such as `bigint(20) unsigned`.
    let native: String

    private var word: String { String(native.lowercased().prefix { $0.isLetter }) }
    private var isUnsigned: Bool { native.lowercased().contains("unsigned") }

    /// The type in which its values are carried; nil where they cannot be read.
    var type: ColumnType? {
        switch word {
        case "tinyint", "smallint", "mediumint", "int", "bigint", "year", "bit": .integer
        case "float", "double": .number
        case "decimal": Self.decimal(native)
        case "date": .date
        case "datetime": .localTimestamp
        case "timestamp": .timestamp
        case "time", "char", "varchar", "tinytext", "text", "mediumtext", "longtext", "enum", "set", "json", "uuid",
            "inet":
            .text
        case "binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob": .other("BLOB")
        default: nil
        }
    }

    /// Decimals of more digits than engines have are texts.
    private static func decimal(_ native: String) -> ColumnType {
        let digits = native.split { !$0.isNumber }.compactMap { Int($0) }
        guard let precision = digits.first, precision <= 38 else { return .text }
        return .decimal(precision: precision, scale: digits.count > 1 ? digits[1] : 0)
    }

    /// What the server would change without a word in place of refusing it: a number that it rounds, an entry by its
    /// number, a text without its end, a time without its fraction.
    ///
    /// - Parameter given: The column of the rows.
    /// - Returns: A condition for each, with what the words after the value say of it.
    func misfits(_ given: Column, _ sql: any SQLDialect) -> [(condition: String, words: String)] {
        let value = sql.name(given.name)
        let text = sql.cast(value, to: .text)
        let sizes = native.split { !$0.isNumber }.compactMap { Int($0) }
        let list = entries.map(sql.text).joined(separator: ", ")
        var found: [(condition: String, words: String)] = []
        switch word {
        case "float", "double":
            guard let decimals else { break }
            let number = sql.cast(value, to: .number)
            found.append(
                (
                    "round(\(number), \(decimals)) <> \(number)",
                    "which \(native) rounds; make the column DOUBLE or DECIMAL, or round the values before"
                ))
        case "char", "varchar":
            guard let size = sizes.first else { break }
            found.append((sql.matches(text, pattern: "(?s)^.{\(size)}.+$"), "too long for \(native)"))
            if word == "char" {
                found.append((sql.matches(text, pattern: " $"), "whose blank at the end \(native) leaves out"))
            }
        case "tinytext", "text", "mediumtext":
            let size = word == "tinytext" ? 255 : word == "text" ? 65_535 : 16_777_215
            found.append(
                (
                    "strlen(\(text)) > \(size) AND " + sql.matches(text, pattern: " $"),
                    "whose blanks at the end \(native) leaves out"
                ))
        case "binary":
            guard let size = sizes.first else { break }
            found.append(("octet_length(\(value)) < \(size)", "which \(native) fills up with zeros"))
        case "enum":
            found.append(("\(text) NOT IN (\(list))", "which is no entry of \(native)"))
        case "set":
            let kept = "list_filter([\(list)], lambda entry: list_contains(string_split(\(text), ','), entry))"
            found.append(
                (
                    "array_to_string(\(kept), ',') <> \(text)",
                    "which is no list of entries of \(native) in their order"
                ))
        case "datetime", "timestamp", "time":
            let digits = sizes.first ?? 0
            if digits < 6 {
                let pattern = "\\.[0-9]{\(digits)}[0-9]*[1-9]"
                found.append((sql.matches(text, pattern: pattern), "a fraction that \(native) leaves out"))
            }
            if word == "time" {
                let pattern = "^-?[0-9]{2,3}:[0-5][0-9]:[0-5][0-9](\\.[0-9]*)?$"
                found.append(("NOT " + sql.matches(text, pattern: pattern), "which is no time such as 10:30:00"))
            }
        case "year":
            let years = "^(0|19[0-9]{2}|20[0-9]{2}|21[0-4][0-9]|215[0-5])$"
            found.append(("NOT " + sql.matches(text, pattern: years), "which is no year of MySQL"))
        default: break
        }
        return found
    }

    /// How many decimals a `double(10,2)` shows; nil for other columns.
    private var decimals: Int? {
        let sizes = native.split { !$0.isNumber }.compactMap { Int($0) }
        return ["float", "double"].contains(word) && sizes.count == 2 ? sizes[1] : nil
    }

    /// The entries of an `enum('a','b')`.
    private var entries: [String] {
        native.matches(of: #/'((?:[^']|'')*)'/#).map { String($0.output.1).replacing("''", with: "'") }
    }

    /// Whether the engine writes values of the type as they are; of others it has a wrong idea.
    var takesValues: Bool {
        word != "bit" && !(word == "decimal" && type == .text)
    }

    /// What the server is asked for.
    var asked: String {
        let name = MySQLText.name(name)
        let value: String
        switch word {
        case "tinyint", "smallint", "mediumint", "int", "bigint", "year": value = "\(name) + 0"
        case "bit": value = "CAST(\(name) AS UNSIGNED)"
        // Its own text of a number of 32 bits has fewer digits than the number.
        case "float": value = "\(name) + 0e0"
        case "char", "varchar", "tinytext", "text", "mediumtext", "longtext", "enum", "set": value = Self.plain(name)
        case "date", "datetime", "timestamp", "time", "json", "uuid", "inet":
            value = Self.plain("CAST(\(name) AS CHAR)")
        case "decimal" where type == .text: value = Self.plain("CAST(\(name) AS CHAR)")
        default: return name
        }
        return "\(value) AS \(name)"
    }

    /// A text as such: those that are compared by their bytes would be taken for bytes.
    private static func plain(_ value: String) -> String {
        "CONVERT(\(value) USING utf8mb4) COLLATE utf8mb4_general_ci"
    }

    /// What the engine makes of that.
    func value(_ sql: any SQLDialect, in table: String) -> String {
        let column = sql.name(name)
        func refusing(_ made: String, _ what: String) -> String {
            let refusal = sql.refusal([
                .words("column '\(name)' of the table '\(table)' has the value "), .value(sql.cast(column, to: .text)),
                .words(", \(what); read a view of the table that says what it is to be, such as text or nothing"),
            ])
            return "CASE WHEN \(column) IS NOT NULL AND \(made) IS NULL THEN \(refusal) ELSE \(made) END AS \(column)"
        }
        switch type {
        case .date: return refusing(sql.tryCast(column, to: .date), "which is no date")
        case .timestamp, .localTimestamp:
            return refusing(sql.tryCast(column, to: .localTimestamp), "which is no time")
        case .integer where word == "bit" || isUnsigned:
            return refusing(sql.tryCast(column, to: .integer), "which does not fit 64 bits with a sign")
        case .number where word == "float":
            return
                "\(sql.narrowedValue(of: Column(name, .other("FLOAT"))).replacing(column, with: "CAST(\(column) AS FLOAT)")) AS \(column)"
        case .number where decimals != nil:
            // The server adds the decimals to a whole number, so that of -0.01 it keeps a number beside it.
            return "round(\(column), \(decimals ?? 0)) AS \(column)"
        case .other, nil: return column
        case .some(let type): return "\(sql.cast(column, to: type)) AS \(column)"
        }
    }

    /// The condition for rows that are new, as the server is told it; nil where it compares otherwise than the engine.
    func condition(from start: WatermarkStart) -> String? {
        let name = MySQLText.name(name)
        let value: String
        switch type {
        case .integer, .decimal:
            guard start.start.wholeMatch(of: #/-?\d+(\.\d+)?/#) != nil else { return nil }
            value = start.start
        case .date:
            guard start.start.wholeMatch(of: #/\d{4}-\d\d-\d\d/#) != nil else { return nil }
            value = MySQLText.text(start.start)
        case .timestamp, .localTimestamp:
            guard
                let parts = start.start.wholeMatch(of: #/(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d(\.\d+)?)(Z|\+00(:00)?)?/#)
            else { return nil }
            value = MySQLText.text("\(parts.output.1) \(parts.output.2)")
        default: return nil
        }
        // Dates that are none, which are refused, are smaller than all others.
        let isTime = if case .integer = type { false } else if case .decimal = type { false } else { true }
        return "\(name) >= \(value) OR \(name) IS NULL" + (isTime ? " OR \(name) < '1000-01-01'" : "")
    }
}
