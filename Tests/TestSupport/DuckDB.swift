package import CaudalModel
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
        try await run(script, essential: essential, in: folder.path("duckdb-\(UUID().uuidString)"))
    }

    /// Runs scripts one after the other in one process, each in a transaction that leaves no table behind.
    ///
    /// A process costs more than a small script, so a test with hundreds of them runs them so. Values that the scripts
    /// bind are those of the first that binds them.
    ///
    /// - Returns: What each of them gave back, with its statements counted from 1.
    /// - Throws: What went wrong in the first that failed; nothing is known of the others then.
    package func run(together scripts: [SQLScript]) async throws -> [DataReadings] {
        var whole = SQLScript(title: "\(scripts.count) scripts of a test")
        for script in scripts {
            for variable in script.variables {
                whole.bind(variable.reference, variable.value, [variable.reference: variable.type])
            }
            whole.add("begin", "BEGIN TRANSACTION")
            for statement in script.statements { whole.add(statement) }
            whole.add("undo", "ROLLBACK")
        }
        let work = folder.path("duckdb-\(UUID().uuidString)")
        let execution = try await run(whole, in: work)
        if let failure = execution.failure { throw failure }
        let bytes = try Data(contentsOf: URL(fileURLWithPath: work + "/.caudal-results.jsonl"))
        var lines = bytes.split(separator: UInt8(ascii: "\n"))[...]
        return scripts.map { script in
            // Its part begins with the mark of BEGIN, its statement 0, and ends before that of the next one's.
            var part = Data()
            var number = -1
            while let line = lines.first {
                if line.starts(with: Data("@@".utf8)) {
                    if number == script.statements.count + 1 { break }
                    number += 1
                    part.append(Data("@@\(number)\n".utf8))
                } else {
                    part.append(line + Data("\n".utf8))
                }
                lines.removeFirst()
            }
            return DataReadings(output: part)
        }
    }

    private func run(_ script: SQLScript, essential: Int? = nil, in work: String) async throws -> Execution {
        let root = Repository.root
        let variables = ProcessInfo.processInfo.environment
        let program = DuckDBProgram(
            path: try DuckDBProgram.find(root: root, variables: variables), version: DuckDBProgram.pinned)
        try FileManager.default.createDirectory(atPath: work, withIntermediateDirectories: true)
        let masker = SecretMasker(secrets: [String]())
        let log = AttemptLog(
            writer: nil, pipeline: "test", run: "test", unit: nil, attempt: nil, masker: masker,
            now: { Moment(wall: 0, steady: 0) })
        let control = AttemptControl(unit: UnitID("test"), number: 1, run: "test", log: log)
        let job = SQLJob(
            script: script, essentialStatements: essential ?? script.statements.count, scriptFile: work + "/test.sql",
            workFolder: work, files: [], folders: [folder.path], threads: 1, memory: 1_000_000_000)
        return await DuckDBExecutor(reactor: Self.reactor, program: program, masker: masker).execute(job, for: control)
    }

    /// The rows of one query, each value as DuckDB writes it as text; nil for null.
    package func rows(_ query: String, variables: [(Template.Reference, String?)] = []) async throws -> [[String?]] {
        var script = SQLScript(title: "a question of a test")
        for (reference, value) in variables { script.bind(reference, value, [:]) }
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
    package var rows: [[String?]] { readings?.askedRows() ?? [] }
}

extension DataReadings {
    /// The rows of the queries that the test asked for, each value as text; nil for null.
    ///
    /// `statement`: only those of this one, counted from 1.
    package func askedRows(statement: Int? = nil) -> [[String?]] {
        // A kind of row that no engine knows: only tests ask for it.
        let asked = rows.filter { $0.text("caudal") == "row" && (statement == nil || $0.statement.number == statement) }
        return asked.map { row in
            guard case .list(let values)? = row.fields["row"] else { return [] }
            return values.map(\.text)
        }
    }
}
