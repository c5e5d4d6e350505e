package import CaudalModel

/// Databases, which DuckDB reaches by its extensions.
extension DuckDBDialect {
    package func alias(of connection: String) -> String {
        ["temp", "system", "memory"].contains(connection.lowercased()) ? connection + "_database" : connection
    }

    package func attachment(
        _ target: String, of connection: String, _ kind: Connection.Kind, isReadOnly: Bool
    ) -> String {
        // A SQLite file has one writer at a time: wait for the other one.
        let wait = kind == .sqlite ? ", BUSY_TIMEOUT 30000" : ""
        let options = "TYPE \(kind.rawValue)\(isReadOnly ? ", READ_ONLY" : "")\(wait)"
        let attached = "ATTACH \(text(target)) AS \(name(alias(of: connection))) (\(options))"
        guard kind == .mysql else { return attached }
        // Points in time come in UTC, numbers as numbers, and queries may take their time.
        return "SET mysql_session_time_zone = '+00:00';\nSET mysql_tinyint1_as_boolean = false;\n"
            + "SET mysql_query_timeout_enabled = false;\n" + attached
    }

    package func access(to store: ObjectStore, of connection: String) -> String {
        func variable(_ name: String) -> String { "getenv(\(text(name)))" }
        let settings = [
            "TYPE s3", "PROVIDER config", "SCOPE \(text("s3://\(store.bucket)/"))",
            "KEY_ID \(variable(ObjectStore.keyVariable))", "SECRET \(variable(ObjectStore.secretVariable))",
            "SESSION_TOKEN \(variable(ObjectStore.tokenVariable))", "REGION \(text(store.region))",
        ]
        let place = store.endpoint.map { endpoint in
            [
                "ENDPOINT \(text(endpoint.host))", "URL_STYLE 'path'", "USE_SSL \(endpoint.isSecure)",
            ]
        }
        return "CREATE TEMPORARY SECRET \(name(alias(of: connection))) "
            + "(\((settings + (place ?? [])).joined(separator: ", ")))"
    }

    package func rows(ofObjects urls: [String], _ folders: FolderColumns) -> String {
        "read_parquet(\(([argument(urls), "union_by_name = true"] + options(for: folders)).joined(separator: ", ")))"
    }

    package func rows(of version: TableVersion) -> String {
        version.mark.contains("/")
            ? "iceberg_scan(\(text(version.mark)))" : "delta_scan(\(text(version.folder)), version = \(version.mark))"
    }

    package func ownQuery(_ text: String, on connection: String, _ kind: Connection.Kind) -> String {
        "\(kind.rawValue)_query(\(self.text(alias(of: connection))), \(self.text(text)))"
    }

    package func ownStatement(_ text: String, on connection: String, _ kind: Connection.Kind) -> String {
        "CALL \(kind.rawValue)_execute(\(self.text(alias(of: connection))), \(self.text(text)))"
    }

    package func preparation(for kind: Connection.Kind) -> [String] {
        guard DatabaseExtension.isNeeded(for: kind) else { return [] }
        let names = DatabaseExtension.names(for: kind).map { $0.hasSuffix("_scanner") ? kind.rawValue : $0 }
        return names.flatMap { ["INSTALL \($0);", "LOAD \($0);"] }
    }
}
