/// A table of a connection, as a pipeline file names it; of a bucket an object's key, or a pattern of keys.
package struct ConnectionTable: Sendable, Hashable, CustomStringConvertible {
    /// The connection's name.
    package var connection: String
    /// The table's name, such as `sales`, or `analytics.sales` with its schema where the database has schemas.
    package var name: String

    package init(connection: String, name: String) {
        self.connection = connection
        self.name = name
    }

    /// The table's schema and name in a kind of database; nil for a name that such a database cannot have.
    ///
    /// In SQLite the only schema is `main`: a connection attaches nothing else.
    package func parts(in kind: Connection.Kind) -> (schema: String, name: String)? {
        if kind == .s3 {
            // The only format in which an object's rows have types of their own.
            let isKey = name.hasSuffix(".parquet") && !name.hasPrefix("/") && !name.contains("//")
            return isKey && !name.contains(where: \.isNewline) ? ("", name) : nil
        }
        if kind.isFolderOfTables {
            let isPlain = !name.split(separator: "/", omittingEmptySubsequences: false).contains {
                $0.isEmpty || $0 == ".."
            }
            return isPlain ? ("", name) : nil
        }
        let parts = name.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        if parts.contains("") { return nil }
        switch kind {
        case .s3, .http, .delta, .iceberg: return nil
        case .duckdb: return parts.count == 2 ? (parts[0], parts[1]) : ("main", name)
        case .postgres: return parts.count == 2 ? (parts[0], parts[1]) : ("public", name)
        // The database that is not named is that of the connection.
        case .mysql: return parts.count == 2 ? (parts[0], parts[1]) : ("", name)
        case .sqlite:
            if parts.count == 1 { return ("main", name) }
            return parts[0].lowercased() == "main" && !parts[1].contains(".") ? ("main", parts[1]) : nil
        }
    }

    /// Whether it means every object whose key matches it.
    package var isPattern: Bool { name.contains { "*?[".contains($0) } }

    /// The name in artifacts and messages: `warehouse.sales`.
    package var description: String { "\(connection).\(name)" }
}

extension Dataset {
    /// The dataset's table; nil for files.
    package var table: ConnectionTable? {
        if case .table(let connection, let name) = place {
            ConnectionTable(connection: connection, name: name)
        } else {
            nil
        }
    }
}

extension Connection.Kind {
    /// Whether its tables are folders, of which Caudal reads one version in a run.
    package var isFolderOfTables: Bool { self == .delta || self == .iceberg }

    /// Whether its tables are only read.
    package var isOnlyRead: Bool { self == .duckdb || isFolderOfTables }

    /// Whether it is a server with databases.
    package var isDatabaseServer: Bool { self == .postgres || self == .mysql }

    /// The column type that a table stores for values of `type`, as it is read back.
    ///
    /// SQLite has no dates, booleans or exact decimals: it stores text, 0 and 1, and floating point where that is
    /// exact. MySQL keeps booleans as 1 and 0.
    package func stored(_ type: ColumnType) -> ColumnType {
        if self == .mysql { return type == .boolean ? .integer : type }
        guard self == .sqlite else { return type }
        switch type {
        case .date, .timestamp, .localTimestamp: return .text
        case .boolean: return .integer
        case .decimal(let precision, _): return precision <= 15 ? .number : .text
        case .text, .integer, .number, .other: return type
        }
    }
}
