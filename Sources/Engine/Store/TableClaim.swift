import CaudalModel

/// How a run claims a table that it loads.
///
/// Two claims are equal if they mean the same table, however connection and table are written, and no claim begins like
/// a path. A server is named only by a fingerprint, because its name may come from a secret variable.
enum TableClaim {
    /// The claim of a table.
    ///
    /// - Parameters:
    ///   - variables: The process's environment, which names the server when the connection does not.
    ///   - value: The value of a reference; `*` for unknown ones.
    static func text(
        _ table: ConnectionTable, _ connection: Connection, root: String, variables: [String: String],
        value: (Template.Reference) -> String
    ) -> String {
        let settings = connection.settings.mapValues { $0.filled(value) }
        switch connection.kind {
        case .sqlite:
            let file = FileIdentity(settings["path"] ?? "", in: root).path
            return "sqlite::\(part(table.name.lowercased()))\(file)"
        case .s3:
            let place = [
                settings["endpoint"] ?? variables[ObjectStore.endpointVariable] ?? "", settings["bucket"] ?? "",
            ]
            return "s3::\(part(table.name))/\(ContentHash.of(place.joined(separator: "\n")))"
        // Nothing is loaded there.
        case .http, .duckdb, .delta, .iceberg:
            return "\(connection.kind.rawValue)::\(part(table.name))/\(ContentHash.of(connection.name))"
        case .postgres, .mysql:
            let isPostgres = connection.kind == .postgres
            func setting(_ key: String, _ variable: String) -> String? {
                (settings[key] ?? variables[variable]).flatMap { $0.isEmpty ? nil : $0 }
            }
            let user = isPostgres ? setting("user", "PGUSER") ?? "" : ""
            let given = setting("host", isPostgres ? "PGHOST" : "MYSQL_HOST")?.lowercased() ?? "localhost"
            let isHere = given.hasPrefix("/") || ["127.0.0.1", "::1"].contains(given)
            if !isPostgres {
                let database = setting("database", "MYSQL_DATABASE") ?? ""
                let name = table.name.contains(".") ? table.name : "\(database).\(table.name)"
                let server = [isHere ? "localhost" : given, setting("port", "MYSQL_TCP_PORT") ?? "3306"]
                // A database's name may come from a secret variable; whether names differ in case alone depends on the server.
                return "mysql::\(part(table.name.split(separator: ".").last.map { $0.lowercased() } ?? ""))/"
                    + ContentHash.of((server + [name.lowercased()]).joined(separator: "\n"))
            }
            let server = [
                isHere ? "localhost" : given, setting("port", "PGPORT") ?? "5432",
                setting("database", "PGDATABASE") ?? user, variables["PGSERVICE"] ?? "",
            ]
            let name = table.name.contains(".") ? table.name : "public.\(table.name)"
            return "postgres::\(part(name))/\(ContentHash.of(server.joined(separator: "\n")))"
        }
    }

    /// The claim in words, as it is shown beside paths; a path's claim is the path.
    static func words(_ claim: String, root: String) -> String {
        guard let end = claim.firstRange(of: "::"), !claim.hasPrefix("/"),
            let slash = claim[end.upperBound...].firstIndex(of: "/")
        else { return PathText.relative(claim, to: root) }
        let table = claim[end.upperBound..<slash]
        let file = PathText.relative(String(claim[slash...]), to: FileIdentity(root).path)
        return "the table \(table)" + (claim.hasPrefix("sqlite") ? " of \(file)" : "")
    }

    /// A name as one component of a claim.
    private static func part(_ name: String) -> String { name.replacing(scalar: "/", with: "%2F") }
}
