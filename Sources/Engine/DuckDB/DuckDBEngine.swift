package import CaudalModel
import Foundation

/// DuckDB, as the `duckdb` command line program.
package struct DuckDBEngine: SQLEngine {
    package static let name = "duckdb"
    package static var dialect: any SQLDialect { DuckDBDialect() }

    private let surroundings: EngineSurroundings

    package init(_ surroundings: EngineSurroundings) { self.surroundings = surroundings }

    package static func makeQueryReader() -> any QueryReader { QueryParser() }

    package static func locate(
        root: String, variables: [String: String], cache: String, reactor: ProcessReactor
    ) async throws(Failure) -> EngineProgram {
        let program = try await DuckDBProgram.locate(
            root: root, variables: variables, cache: cache + "/duckdb-version", reactor: reactor)
        return EngineProgram(name: name, version: program.version, path: program.path)
    }

    package func program() async throws(Failure) -> EngineProgram { try await surroundings.program() }

    package var isInstalled: Bool {
        (try? DuckDBProgram.find(root: surroundings.root, variables: surroundings.variables)) != nil
    }

    private func duckDB() async throws(Failure) -> DuckDBProgram {
        let program = try await program()
        return DuckDBProgram(path: program.path, version: program.version)
    }

    package func execute(_ job: SQLJob, for attempt: AttemptControl) async -> Execution {
        do throws(Failure) {
            let executor = DuckDBExecutor(
                reactor: surroundings.reactor, program: try await duckDB(), masker: surroundings.masker)
            return await executor.execute(job, for: attempt)
        } catch {
            return Execution(failure: error)
        }
    }

    package func hasBegun(_ job: SQLJob) -> Bool { FileText.exists(job.results) }

    package func driver(for kind: Connection.Kind) async throws(Failure) -> String? {
        try await drivers(for: kind).last
    }

    private func drivers(for kind: Connection.Kind) async throws(Failure) -> [String] {
        guard DatabaseExtension.isNeeded(for: kind) else { return [] }
        return try DatabaseExtension.find(
            kind, for: try await duckDB(), root: surroundings.root, variables: surroundings.variables)
    }

    package func attachment(of link: DatabaseLink, isReadOnly: Bool) async throws(Failure) -> DatabaseAttachment {
        let drivers = try await drivers(for: link.kind).map { "LOAD \(dialect.text($0))" }
        if link.kind.isFolderOfTables {
            return DatabaseAttachment(statements: drivers, environment: [:], places: link.path.map { [$0] } ?? [])
        }
        return DatabaseAttachment(
            statements: drivers + [link.attachment(isReadOnly: isReadOnly)],
            environment: link.environment, places: link.store.map { ["s3://\($0.bucket)"] } ?? [])
    }

    /// The setting with which the whole process stays within an amount of memory.
    ///
    /// The limit is on the data that DuckDB holds. Its program takes about 100 MB besides, and data takes a sixth more than is counted.
    static func memoryLimit(for memory: Int64) -> String {
        let megabytes = memory / 1_000_000
        return "SET memory_limit = '\(max(64, megabytes / 2, megabytes * 85 / 100 - 100))MB';"
    }

    package func settings(memory: Int64, threads: Int?, attaching lines: [String], folders: [String]) -> [String] {
        var settings = [
            "-- Settings", Self.memoryLimit(for: memory), "SET TimeZone = 'UTC';",
            "SET preserve_insertion_order = true;",
        ]
        if let threads { settings.append("SET threads = \(threads);") }
        settings += lines
        if !folders.isEmpty {
            settings.append(".shell mkdir -p " + folders.map { "'\($0)'" }.joined(separator: " "))
        }
        return settings
    }
}
