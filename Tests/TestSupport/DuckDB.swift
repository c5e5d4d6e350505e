package import Engine
import Foundation

/// The real `duckdb` program, run as stages run it.
package struct DuckDB: Sendable {
    // One thread watches the children of all tests.
    private static let reactor = ProcessReactor()
    private let folder: ScratchFolder

    /// DuckDB that works in a folder and reads and writes its files.
    package init(in folder: ScratchFolder) { self.folder = folder }

    /// Runs a script.
    ///
    /// `essential`: how many of its statements make the data; later ones may fail. All by default.
    package func run(_ script: SQLScript, essential: Int? = nil) async throws -> Execution {
        let root = Repository.root
        let variables = ProcessInfo.processInfo.environment
        let program = DuckDBProgram(
            path: try DuckDBProgram.find(root: root, variables: variables), version: DuckDBProgram.pinned)
        let work = folder.path("duckdb-\(UUID().uuidString)")
        try FileManager.default.createDirectory(atPath: work, withIntermediateDirectories: true)
        let masker = SecretMasker(secrets: [String]())
        let log = AttemptLog(
            writer: nil, pipeline: "test", run: "test", unit: nil, attempt: nil, masker: masker,
            now: { Moment(wall: 0, steady: 0) })
        let control = AttemptControl(unit: UnitID("test"), number: 1, run: "test", log: log)
        let job = DuckDBJob(
            script: script, essentialStatements: essential ?? script.statements.count, scriptFile: work + "/test.sql",
            workFolder: work, files: [], folders: [folder.path], threads: 1, memory: 1_000_000_000)
        return await DuckDBExecutor(reactor: Self.reactor, program: program, masker: masker).execute(job, for: control)
    }

    /// The rows of one query, each value as DuckDB writes it as text; nil for null.
    package func rows(_ query: String, variables: [(Template.Reference, String?)] = []) async throws -> [[String?]] {
        var script = SQLScript(title: "a question of a test")
        for (reference, value) in variables { script.bind(reference, value) }
        script.addRows(of: query)
        let execution = try await run(script)
        if let failure = execution.failure { throw failure }
        return execution.rows
    }
}

extension SQLScript {
    /// Adds a query whose rows the test asks for.
    package mutating func addRows(of query: String) {
        add(
            "rows for the test",
            "SELECT 'row' AS caudal, list_value(*COLUMNS(*)) AS row\nFROM (SELECT CAST(COLUMNS(*) AS VARCHAR) FROM (\n\(query)\n))"
        )
    }
}

extension Execution {
    /// The rows of the queries that the test asked for, each value as text; nil for null.
    package var rows: [[String?]] {
        (readings?.rows("row") ?? []).map { row in
            guard case .list(let values)? = row.fields["row"] else { return [] }
            return values.map(\.text)
        }
    }
}
