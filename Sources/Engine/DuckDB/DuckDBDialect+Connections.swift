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
        return "ATTACH \(text(target)) AS \(name(alias(of: connection))) (\(options))"
    }

    package func ownQuery(_ text: String, on connection: String, _ kind: Connection.Kind) -> String {
        "\(kind.rawValue)_query(\(self.text(alias(of: connection))), \(self.text(text)))"
    }

    package func ownStatement(_ text: String, on connection: String, _ kind: Connection.Kind) -> String {
        "CALL \(kind.rawValue)_execute(\(self.text(alias(of: connection))), \(self.text(text)))"
    }

    package func preparation(for kind: Connection.Kind) -> [String] {
        ["INSTALL \(kind.rawValue);", "LOAD \(kind.rawValue);"]
    }
}
