import CaudalModel

/// Tables and views of SQLite.
///
/// DuckDB's extension runs the query of a view itself, in its own meaning of `1/2`, `like` and `collate`; it leaves out
/// generated columns, and takes a column without a declared type for bytes. SQLite itself is asked for these, and its
/// answers are texts.
extension DatabaseLink {
    /// A query for a table's own columns.
    func sqliteColumnsQuery(_ table: String) -> SQLScript.Kind {
        let isView =
            "EXISTS (SELECT 1 FROM sqlite_master WHERE type = 'view' AND lower(name) = lower(\(sql.text(table))))"
        // 1 is hidden: a column by which a virtual table is asked.
        let own =
            "SELECT name, type, \"notnull\", dflt_value, hidden, \(isView) AS isview "
            + "FROM pragma_table_xinfo(\(sql.text(table))) WHERE hidden <> 1"
        func isOne(_ name: String) -> String { "CAST(\(name) AS VARCHAR) = '1'" }
        let isGenerated = "CAST(hidden AS VARCHAR) IN ('2', '3')"
        return .lines(
            .target,
            "name, type AS native,\n       \(isOne("\"notnull\"")) AND dflt_value IS NULL AS required,\n"
                + "       \(isGenerated) AS filled, \(isOne("isview")) OR \(isGenerated) OR type = '' AS asked\n"
                + "FROM \(ownQuery(own))")
    }

    /// The type of a column by its declaration, as DuckDB's extension has it; bytes where nothing is declared.
    static func sqliteType(_ declared: String) -> ColumnType {
        let type = declared.lowercased()
        func has(_ parts: String...) -> Bool { parts.contains(where: type.contains) }
        if has("int", "bool") { return .integer }
        if has("char", "clob", "text") { return .text }
        if has("blob") || type.isEmpty { return .bytes }
        if has("real", "floa", "doub", "dec", "num") { return .number }
        if type == "date" { return .date }
        return has("time") ? .localTimestamp : .text
    }

    /// A query for the types that the values of columns without a declared one have, in rows of kind `target`.
    func sqliteTypesQuery(_ table: String, _ names: [String]) -> SQLScript.Kind {
        let own = names.map { name in
            let type = "typeof(\(sql.name(name)))"
            func has(_ types: String) -> String { "max(\(type) IN (\(types)))" }
            // A column without values is one of texts.
            return "SELECT \(sql.text(name)) AS name, CASE WHEN \(has("'blob'")) THEN 'blob' WHEN \(has("'text'")) "
                + "OR NOT \(has("'integer', 'real'")) THEN 'text' WHEN \(has("'real'")) THEN 'real' "
                + "WHEN \(has("'integer'")) THEN 'integer' ELSE 'text' END AS native FROM \(sql.name(table))"
        }
        return .lines(.target, "name, native\nFROM \(ownQuery(own.joined(separator: " UNION ALL ")))")
    }

    /// The values of a column that its type does not have, with a condition for one: only SQLite's own tables keep them.
    func sqliteOddities(_ column: Column) -> [(condition: String, oddity: Oddity)] {
        let type = "typeof(\(sql.name(column.name)))"
        func others(than types: String, _ words: String) -> [(condition: String, oddity: Oddity)] {
            [("\(type) NOT IN ('null', \(types))", .refused("values that are \(words)"))]
        }
        switch column.type {
        case .integer: return others(than: "'integer'", "no whole numbers")
        case .number: return others(than: "'integer', 'real'", "no numbers")
        case .text: return [("\(type) = 'blob'", .refused("bytes in place of texts"))]
        default: return []
        }
    }

    /// The rows as SQLite itself gives them.
    func sqliteQuery(_ table: ConnectionTable, _ source: DataSource) -> String {
        let own = source.columns.map { column in
            let name = sql.name(column.name)
            switch column.type {
            // Seventeen digits tell every number of 64 bits apart; a cast to text has fifteen.
            case .number:
                return "CASE typeof(\(name)) WHEN 'real' THEN printf('%!.17g', \(name)) ELSE \(name) END AS \(name)"
            case .bytes: return "CASE WHEN \(name) IS NOT NULL THEN hex(\(name)) END AS \(name)"
            default: return "CAST(\(name) AS TEXT) AS \(name)"
            }
        }
        let values = source.columns.map { column in
            let name = sql.name(column.name)
            return "\(column.type == .bytes ? "unhex(\(name))" : sql.cast(name, to: column.type)) AS \(name)"
        }
        return "SELECT \(values.joined(separator: ",\n       "))\nFROM "
            + ownQuery("SELECT \(own.joined(separator: ", ")) FROM \(sql.name(parts(of: table).name))")
    }
}

extension ColumnType {
    /// Bytes, as DuckDB names them.
    fileprivate static let bytes = ColumnType.other("BLOB")
}
