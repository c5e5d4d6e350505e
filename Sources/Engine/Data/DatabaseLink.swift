package import CaudalModel

/// A connection with its settings filled in, and its secrets separate from everything that is written down.
///
/// The password reaches the database program only through the child's environment: it is in no SQL, no argument and no
/// message.
package struct DatabaseLink: Sendable {
    /// The connection's name in the pipeline file.
    package let name: String
    package let kind: Connection.Kind
    /// Where the connection is declared.
    package let location: SourceLocation
    /// Environment variables for the child process that connects.
    package let environment: [String: String]
    /// Host, port, database and user as far as the file sets them, or the path.
    private let settings: [String: String]
    /// The bucket; nil for a database.
    package let store: ObjectStore?
    let sql: any SQLDialect

    /// Fills a connection's settings.
    ///
    /// - Parameters:
    ///   - root: The folder that a relative path starts from.
    ///   - variables: The process's environment; libpq's own variables are passed on.
    ///   - value: The value of a reference.
    package init(
        _ connection: Connection, root: String, variables: [String: String], sql: any SQLDialect,
        value: (Template.Reference) -> String?
    ) {
        self.sql = sql
        name = connection.name
        kind = connection.kind
        location = connection.location
        var settings = connection.settings.mapValues { $0.filled { value($0) ?? "" } }
        if let path = settings["path"], [.sqlite, .duckdb, .delta, .iceberg].contains(connection.kind) {
            settings["path"] = PathText.absolute(path, in: root)
        }
        self.settings = settings
        store = connection.kind == .s3 ? ObjectStore(settings, variables) : nil
        if store != nil {
            environment = ObjectStore.environment(
                key: settings["user"], secret: connection.password?.filled { value($0) ?? "" }, variables)
            return
        }
        if connection.kind == .mysql {
            environment = Self.mySQLEnvironment(
                settings, password: connection.password?.filled { value($0) ?? "" }, variables)
            return
        }
        guard connection.kind == .postgres else {
            environment = [:]
            return
        }
        var environment = variables.filter { $0.key.hasPrefix("PG") }
        // The child's home is its working folder, where libpq would not find the user's password file.
        if environment["PGPASSFILE"] == nil, let home = variables["HOME"] {
            environment["PGPASSFILE"] = home + "/.pgpass"
        }
        let names = ["host": "PGHOST", "port": "PGPORT", "database": "PGDATABASE", "user": "PGUSER"]
        for (key, variable) in names { if let text = settings[key] { environment[variable] = text } }
        // If the variable is not set, libpq uses the password file.
        if let password = connection.password?.filled({ value($0) ?? "" }), !password.isEmpty {
            environment["PGPASSWORD"] = password
        }
        environment["PGTZ"] = "UTC"
        environment["PGAPPNAME"] = environment["PGAPPNAME"] ?? "caudal"
        environment["PGCONNECT_TIMEOUT"] = environment["PGCONNECT_TIMEOUT"] ?? "10"
        self.environment = environment
    }

    /// The name under which scripts know it.
    package var alias: String { sql.alias(of: name) }

    /// The file of a database that is one, or the folder of tables.
    package var path: String? { [.sqlite, .duckdb, .delta, .iceberg].contains(kind) ? settings["path"] : nil }

    /// The database's address, for messages.
    package var place: String {
        if let path { return path }
        if let store { return store.description }
        let (host, port, database) =
            kind == .mysql
            ? ("MYSQL_HOST", "MYSQL_TCP_PORT", "MYSQL_DATABASE") : ("PGHOST", "PGPORT", "PGDATABASE")
        let server = environment[host].map { " at \($0)" + (environment[port].map { ":\($0)" } ?? "") } ?? ""
        return (environment[database] ?? "its database") + server
    }

    /// The ATTACH statement that a script runs.
    package func attachment(isReadOnly: Bool) -> String {
        if let store { return sql.access(to: store, of: name) }
        return sql.attachment(path ?? "", of: name, kind, isReadOnly: isReadOnly)
    }

    /// The ATTACH statement for a user: without a password, which libpq finds by itself.
    ///
    /// - Parameter root: The folder to which a path is shown relative.
    package func printedAttachment(isReadOnly: Bool, root: String) -> String {
        if let store { return sql.access(to: store, of: name) }
        var target = path.map { PathText.relative($0, to: root) } ?? ""
        if kind.isDatabaseServer {
            let database = kind == .postgres ? "dbname" : "database"
            let keys = [("host", "host"), ("port", "port"), ("database", database), ("user", "user")]
            target = keys.compactMap { key, word in
                if kind == .mysql { return settings[key].map { "\(word)=\($0)" } }
                return settings[key].map {
                    "\(word)='\($0.replacing(scalar: "\\", with: "\\\\").replacing(scalar: "'", with: "\\'"))'"
                }
            }.joined(separator: " ")
        }
        return sql.attachment(target, of: name, kind, isReadOnly: isReadOnly)
    }

    /// A table's schema and name.
    package func parts(of table: ConnectionTable) -> (schema: String, name: String) {
        // An impossible name was rejected when the pipeline file was read.
        let parts = table.parts(in: kind) ?? (path == nil ? "public" : "main", table.name)
        return kind == .mysql && parts.schema.isEmpty ? (environment["MYSQL_DATABASE"] ?? "", parts.name) : parts
    }

    /// A table as scripts name it.
    ///
    /// - Parameter version: Which version of the table is meant, where it has several.
    package func relation(_ schema: String, _ table: String, version: TableVersion? = nil) -> String {
        version.map(sql.rows) ?? "\(sql.name(alias)).\(sql.name(schema)).\(sql.name(table))"
    }

    /// A query that the database itself runs, for a FROM clause.
    package func ownQuery(_ text: String) -> String {
        // Without a limit, one that the server has for all queries would leave rows out (sql_select_limit).
        sql.ownQuery(kind == .mysql ? text + " LIMIT 18446744073709551615" : text, on: name, kind)
    }

    /// A query for the rows of a table, with types that mean the same in every SQL engine.
    ///
    /// - Parameter start: Where its rows begin; those without a value come too.
    package func query(_ source: DataSource, from start: WatermarkStart? = nil) -> String {
        guard let table = source.table else { return "" }
        if kind == .mysql { return mySQLQuery(source, from: start) }
        if source.isAskedOfDatabase { return sqliteQuery(table, source) }
        let parts = parts(of: table)
        if let start, isCompared(start.column, source) {
            // In two parts: of one condition with OR the database is not told, nor of missing values.
            let (all, missing) = (query(source), "\(sql.name(start.column.name)) IS NULL")
            let names = source.columns.map { sql.name($0.name) }.joined(separator: ", ")
            // Values of its own types, such as lists of an enum, come as texts from a query of the database.
            let isPlain = source.columns.allSatisfy { if case .other = $0.type { false } else { true } }
            let rest =
                kind == .postgres && isPlain
                ? "SELECT \(carried(source).joined(separator: ",\n       "))\nFROM "
                    + ownQuery(
                        "SELECT \(names) FROM \(sql.name(parts.schema)).\(sql.name(parts.name)) WHERE \(missing)")
                : "\(all)\nWHERE \(missing)"
            return "\(all)\nWHERE \(start.condition(sql))\nUNION ALL\n\(rest)"
        }
        let rows =
            store == nil
            ? relation(parts.schema, parts.name, version: source.version) : relation(source.objects, source.folders)
        return "SELECT \(carried(source).joined(separator: ",\n       "))\nFROM \(rows)"
    }

    /// Objects as scripts name them.
    package func relation(_ objects: [StoredObject], _ folders: FolderColumns) -> String {
        sql.rows(ofObjects: objects.map { $0.copy ?? store?.url(of: $0.key) ?? $0.key }, folders)
    }

    /// Whether the database, or its files, compare values of a type as the engine does.
    ///
    /// Texts have an order of their own there, and the times of SQLite are texts.
    private func isCompared(_ column: Column, _ source: DataSource) -> Bool {
        kind != .sqlite && column.type != .text && (source.recast[column.name] ?? sql.zonedType) == sql.zonedType
    }

    /// The columns of a table, cast to types that mean the same in every SQL engine.
    func carried(_ source: DataSource) -> [String] {
        source.columns.map { column in
            if let own = source.recast[column.name] {
                return "\(sql.narrowedValue(of: Column(column.name, own))) AS \(sql.name(column.name))"
            }
            if case .other = column.type { return sql.written(column, as: nil, in: .parquet) }
            return "\(sql.cast(sql.name(column.name), to: column.type)) AS \(sql.name(column.name))"
        }
    }

    /// A query for a table's own columns: rows of kind `target`, none where there is no such table.
    package func columnsQuery(_ schema: String, _ table: String) -> SQLScript.Kind {
        if kind == .mysql { return mySQLColumnsQuery(schema, table) }
        if kind == .sqlite { return sqliteColumnsQuery(table) }
        // The type modifier of a numeric contains its precision and, in 11 bits, its scale, which may be negative or
        // greater than the precision; DuckDB reads both as unsigned bytes.
        let (precision, scale) = ("((atttypmod - 4) >> 16)", "((atttypmod - 4) & 2047)")
        let own =
            "SELECT attname::text AS name, format_type(atttypid, -1) AS native, attnotnull AND NOT atthasdef "
            + "AND attidentity = '' AS required, CASE WHEN atttypid IN ('numeric'::regtype, 'numeric[]'::regtype) "
            + "AND atttypmod >= 4 AND (\(scale) > \(precision) OR \(precision) > 255) "
            + "THEN format_type(atttypid, atttypmod) END AS misread, "
            + "CASE WHEN atttypmod >= 0 OR typtype = 'd' OR atttypid = 'money'::regtype THEN format_type(atttypid, atttypmod) END AS exact, "
            + "CASE WHEN typtype = 'd' THEN format_type(typbasetype, -1) WHEN atttypid = 'money'::regtype THEN 'numeric' "
            + "ELSE format_type(atttypid, -1) END AS wide "
            + "FROM pg_attribute JOIN pg_type ON pg_type.oid = atttypid WHERE attrelid = to_regclass("
            + "\(sql.text("\(sql.name(schema)).\(sql.name(table))"))) AND attnum > 0 AND NOT attisdropped ORDER BY attnum"
        return .lines(.target, "name, native, required, misread, exact, wide\nFROM \(ownQuery(own))")
    }

    /// A query that tells whether a table is there: one row of kind `exists`.
    package func existsQuery(_ schema: String, _ table: String) -> SQLScript.Kind {
        if kind == .mysql { return mySQLExistsQuery(schema, table) }
        let own =
            kind == .postgres
            ? "SELECT to_regclass(\(sql.text("\(sql.name(schema)).\(sql.name(table))"))) IS NOT NULL AS there"
            : "SELECT count(*) AS there FROM sqlite_master WHERE name = \(sql.text(table))"
        return .lines(.exists, "CAST(there AS INTEGER) AS there\nFROM \(ownQuery(own))")
    }

    /// A statement that the database itself runs, inside of the open transaction.
    package func ownStatement(_ text: String) -> String {
        sql.ownStatement(text, on: name, kind)
    }
}
