import CaudalModel

/// Tables of MySQL and MariaDB, which the server itself is asked for, in one statement that sees one state of them.
extension DatabaseLink {
    /// The variables in which the server's library looks for what is not in the file.
    static let mySQLVariables = [
        "host": "MYSQL_HOST", "port": "MYSQL_TCP_PORT", "database": "MYSQL_DATABASE", "user": "MYSQL_USER",
    ]

    /// The environment of a child process that connects.
    static func mySQLEnvironment(
        _ settings: [String: String], password: String?, _ variables: [String: String]
    ) -> [String: String] {
        var environment = variables.filter { $0.key.hasPrefix("MYSQL_") }
        for (key, variable) in mySQLVariables { if let text = settings[key] { environment[variable] = text } }
        if let password, !password.isEmpty { environment["MYSQL_PWD"] = password }
        return environment
    }

    /// A table in the server's own SQL.
    func mySQLName(_ schema: String, _ table: String) -> String {
        "\(MySQLText.name(schema)).\(MySQLText.name(table))"
    }

    func mySQLQuery(_ source: DataSource, from start: WatermarkStart?) -> String {
        guard let table = source.table else { return "" }
        let (schema, name) = parts(of: table)
        let columns = source.columns.map { MySQLColumn(name: $0.name, native: source.nativeTypes[$0.name] ?? "") }
        let new = start.flatMap { start in
            columns.first { $0.name == start.column.name }?.condition(from: start)
        }
        let own =
            "SELECT \(columns.map(\.asked).joined(separator: ", ")) FROM \(mySQLName(schema, name))"
            + (new.map { " WHERE \($0)" } ?? "")
        let values = columns.map { $0.value(sql, in: table.name) }
        return "SELECT \(values.joined(separator: ",\n       "))\nFROM \(ownQuery(own))"
    }

    func mySQLColumnsQuery(_ schema: String, _ table: String) -> SQLScript.Kind {
        let own =
            "SELECT c.column_name AS name, c.column_type AS native, IF(c.is_nullable = 'NO' AND c.column_default IS NULL "
            + "AND c.extra NOT LIKE '%auto_increment%' AND c.extra NOT LIKE '%GENERATED%', 1, 0) AS required, "
            + "IF(c.extra LIKE '%auto_increment%' OR c.is_nullable = 'NO' AND c.data_type = 'timestamp', 1, 0) AS filled, "
            + "IF(t.table_type = 'BASE TABLE', t.engine, NULL) AS engine "
            + "FROM information_schema.columns AS c JOIN information_schema.tables AS t "
            + "ON t.table_schema = c.table_schema AND t.table_name = c.table_name "
            + "WHERE c.table_schema = \(MySQLText.text(schema)) AND c.table_name = \(MySQLText.text(table)) "
            + "ORDER BY c.ordinal_position"
        return .lines(
            .target,
            "CAST(name AS VARCHAR) AS name, CAST(native AS VARCHAR) AS native, required = 1 AS required, "
                + "filled = 1 AS filled, CAST(engine AS VARCHAR) AS engine\nFROM \(ownQuery(own))")
    }

    func mySQLExistsQuery(_ schema: String, _ table: String) -> SQLScript.Kind {
        let own =
            "SELECT count(*) AS there FROM information_schema.tables WHERE table_schema = \(MySQLText.text(schema)) "
            + "AND table_name = \(MySQLText.text(table))"
        return .lines(.exists, "CAST(there AS INTEGER) AS there\nFROM \(ownQuery(own))")
    }
}
