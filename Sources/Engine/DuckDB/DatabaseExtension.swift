package import CaudalModel
import Foundation

/// Finds DuckDB's extensions for databases.
package enum DatabaseExtension {
    /// The folder inside of the tool folder into which `scripts/setup.sh extensions` installs.
    static let folder = ".tools/duckdb-extensions"

    #if arch(arm64)
        private static let machine = "linux_arm64"
    #else
        private static let machine = "linux_amd64"
    #endif

    /// Whether a kind of connection is reached by an extension: DuckDB reads its own files itself.
    static func isNeeded(for kind: Connection.Kind) -> Bool { kind != .duckdb && kind != .http }

    /// The extensions that a kind of connection needs, the last one reaching it.
    static func names(for kind: Connection.Kind) -> [String] {
        switch kind {
        case .s3: ["httpfs"]
        case .delta: ["delta"]
        // What lists an Iceberg table's files is Avro.
        case .iceberg: ["avro", "iceberg"]
        default: ["\(kind.rawValue)_scanner"]
        }
    }

    /// Finds the extensions for a kind of database: in the tool folders of the project and of this program, then where
    /// DuckDB's INSTALL puts it.
    ///
    /// - Parameter variables: The process's environment.
    /// - Throws: ``Failure`` with instructions to install it, when it is not found.
    package static func find(
        _ kind: Connection.Kind, for program: DuckDBProgram, root: String, variables: [String: String]
    ) throws(Failure) -> [String] {
        var found: [String] = []
        for name in names(for: kind) {
            found.append(try find(name, kind, for: program, root: root, variables: variables))
        }
        return found
    }

    private static func find(
        _ name: String, _ kind: Connection.Kind, for program: DuckDBProgram, root: String, variables: [String: String]
    ) throws(Failure) -> String {
        // An extension only loads into its own version of DuckDB, so its path contains the version.
        let packaged = "duckdb_extension_\(name)/extensions/v\(program.version)/\(name).duckdb_extension"
        var places = ToolFolders.all(root: root, path: "\(folder)/\(packaged)")
        if let home = variables["HOME"] {
            let file = "\(name).duckdb_extension"
            places.append("\(home)/.duckdb/extensions/v\(program.version)/\(machine)/\(file)")
        }
        if let found = places.first(where: { access($0, R_OK) == 0 }) { return found }
        let remedy =
            "run: \(program.path) -c 'INSTALL \(name.hasSuffix("_scanner") ? kind.rawValue : name)' (or, in a checkout of caudal, scripts/setup.sh extensions"
            + (program.version == DuckDBProgram.pinned
                ? ")" : ", which also installs duckdb \(DuckDBProgram.pinned); this one is \(program.version))")
        throw Failure(
            "connections to \(kind.rawValue) need DuckDB's extension \(name), which was not found", remedy: remedy,
            kind: .missingExtension)
    }
}
