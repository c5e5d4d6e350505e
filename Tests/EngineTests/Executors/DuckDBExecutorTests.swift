import CaudalModel
import Engine
import Foundation
import Testing
import TestSupport

@Suite(
    "The DuckDB executor", .tags(.duckDB), .timeLimit(.minutes(15)),
    .enabled(if: Checkout.runsDuckDBTests, "duckdb is not installed"))
struct DuckDBExecutorTests {
    /// More work than any test waits for.
    static let endless = "SELECT count(*) FROM range(1000000000) a, range(1000000) b WHERE a.range % 7 = b.range % 5"

    @Test("Rows come back with their statements and counts")
    func rows() async throws {
        let trial = try AttemptTrial()
        let execution = try await trial.duckDB([
            "CREATE TABLE t AS SELECT range AS n FROM range(1234)",
            "SELECT 'count' AS caudal, 'n' AS name, count(*) AS value FROM t",
        ])
        #expect(execution.failure == nil)
        let count = execution.readings?.rows(.count).first
        #expect(count?.text("name") == "n" && count?.integer("value") == 1234)
        #expect(execution.readings?.rows.map(\.statement.number) == [2])
    }

    @Test("A value that looks like the executor's own mark is data")
    func markInData() async throws {
        let execution = try await AttemptTrial().duckDB([
            "SELECT '@@99' AS a, e'x\\n@@98\\ny' AS b", "SELECT error('stop')", "SELECT 3 AS c",
        ])
        #expect(execution.failure != nil)
        #expect(execution.readings?.begun == 2)
        #expect(execution.readings?.rows.first?.text("b") == "x\n@@98\ny")
    }

    @Test("Figures that JSON has no words for come back")
    func oddNumbers() async throws {
        let execution = try await AttemptTrial().duckDB([
            "SELECT 'nan'::DOUBLE AS nan, 'inf'::DOUBLE AS inf, '-inf'::DOUBLE AS less, 9223372036854775807 AS big, NULL AS nothing, 'é\"\\' AS text"
        ])
        let row = try #require(execution.readings?.rows.first)
        #expect(row.fields["nan"]?.number?.isNaN == true)
        #expect(row.fields["inf"]?.number == .infinity)
        #expect(row.fields["less"]?.number == -.infinity)
        #expect(row.fields["nothing"] == .null)
        #expect(row.text("text") == "é\"\\")
    }

    @Test("A wrong column is an error with the place in the pipeline file and a suggestion")
    func binderError() async throws {
        let place = SourceLocation(file: "sales.yaml", line: 12, column: 9)
        let execution = try await AttemptTrial().duckDB(
            ["CREATE TABLE sales AS SELECT 1 AS quantity", "SELECT quantitty FROM sales"], locations: [nil, place])
        let failure = try #require(execution.failure)
        #expect(failure.location == place)
        #expect(failure.message.hasPrefix("Binder error: Referenced column \"quantitty\" not found"))
        #expect(failure.remedy?.contains("quantity") == true)
    }

    @Test("SQL that cannot be read is an error, and nothing behind it runs")
    func parserError() async throws {
        let trial = try AttemptTrial()
        let out = trial.folder["work/out.csv"]
        let execution = try await trial.duckDB(["SELEKT 1", "COPY (SELECT 1) TO '\(out)'"])
        #expect(execution.failure?.message.contains("SELEKT") == true)
        #expect(!FileText.exists(out))
    }

    @Test("A long query reports progress that never goes back")
    func progress() async throws {
        let trial = try AttemptTrial()
        // DuckDB knows how far the scan of a table is, and nothing of a range.
        let ended = try await trial.duckDB([
            "CREATE TABLE t AS SELECT range AS n FROM range(3000000)",
            "SELECT count(*) FROM t WHERE regexp_matches(md5(n::VARCHAR) || md5((n + 1)::VARCHAR), 'a.*b.*c.*d.*e.*f')",
        ])
        #expect(ended.failure == nil)
        let fractions = trial.progress.compactMap(\.fraction)
        #expect(!fractions.isEmpty)
        #expect(fractions == fractions.sorted())
        #expect(fractions.allSatisfy { (0...1).contains($0) })
        #expect(trial.progress.contains { $0.activity == "statement 2" }, "\(trial.progress)")
    }

    @Test("A stop in the middle of a long query ends it, and nothing is left of it")
    func stopWhileQuerying() async throws {
        let trial = try AttemptTrial()
        async let execution = trial.duckDB(["CREATE TABLE t AS SELECT 1", Self.endless])
        await trial.hasStarted()
        trial.control.requestStop(.cancelled)
        let ended = try await execution
        #expect(ended.exit == .signaled(SIGTERM))
        #expect(ended.failure != nil)
        #expect(trial.spawned.allSatisfy { !ProcessWatch.isAlive($0.pid) })
    }

    @Test(
        "User SQL reaches its files and nothing else",
        arguments: [
            "SELECT * FROM read_text('/etc/passwd')", "SELECT * FROM glob('/etc/*')", "ATTACH '/tmp/other.db'",
            "COPY (SELECT 1) TO '/tmp/caudal-test-escaped.csv'", "SET allowed_paths = ['/etc/passwd']",
            "SET enable_external_access = true", "INSTALL httpfs", "LOAD httpfs",
            "EXPORT DATABASE '/tmp/caudal-test-db'",
            "SELECT * FROM read_csv('ALLOWED/../../../../../../../../etc/passwd')",
            "COPY (SELECT 1) TO 'ALLOWED/../../../../../../../../tmp/caudal-test-escaped.csv'",
            "SELECT 1;\n.shell touch ALLOWED/owned\nSELECT 2", "SELECT 1;\n.system touch ALLOWED/owned\nSELECT 2",
            "SELECT 1;\n.output /tmp/caudal-test-escaped.csv\nSELECT 2", "SELECT 1;\n.read /etc/passwd\nSELECT 2",
            "SELECT 1;\n.once '|touch ALLOWED/owned'\nSELECT 2", "SELECT 1;\n.open /tmp/other.db\nSELECT 2",
            "SELECT getenv('HOME')", "PRAGMA database_list; SELECT * FROM read_blob('/proc/self/environ')",
        ])
    func safeMode(sql: String) async throws {
        let trial = try AttemptTrial()
        let allowed = trial.folder["allowed"]
        try FileManager.default.createDirectory(atPath: allowed, withIntermediateDirectories: true)
        let execution = try await trial.duckDB([sql.replacing("ALLOWED", with: allowed)], folders: [allowed])
        let leaked = execution.readings?.rows.contains { row in
            row.fields.values.contains { $0.text?.contains("root:") == true }
        }
        #expect(leaked != true)
        #expect(!FileText.exists(allowed + "/owned"))
        #expect(!FileText.exists("/tmp/caudal-test-escaped.csv"))
        #expect(!FileText.exists("/tmp/caudal-test-db"))
        #expect(execution.failure != nil || sql.contains("getenv"), "it was let through")
    }

    @Test("A symbolic link in an allowed folder does not lead out of it")
    func symbolicLink() async throws {
        let trial = try AttemptTrial()
        try trial.folder.write("name\nsecret\n", to: "outside.csv")
        try trial.folder.write("", to: "allowed/empty")
        try FileManager.default.createSymbolicLink(
            atPath: trial.folder["allowed/link.csv"], withDestinationPath: trial.folder["outside.csv"])
        let execution = try await trial.duckDB(
            ["SELECT * FROM '\(trial.folder["allowed/link.csv"])'"], folders: [trial.folder["allowed"]])
        #expect(execution.failure?.message.hasPrefix("Permission error") == true)
    }

    @Test("A dataset may itself be a symbolic link")
    func linkedDataset() async throws {
        let trial = try AttemptTrial()
        try trial.folder.write("name\nsecret\n", to: "outside.csv")
        let link = trial.folder["link.csv"]
        try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: trial.folder["outside.csv"])
        let execution = try await trial.duckDB(["SELECT name FROM '\(link)'"], files: [link])
        #expect(execution.failure == nil)
        #expect(execution.readings?.rows.first?.text("name") == "secret")
    }

    @Test("A query that needs more memory than its stage has says so, with the remedy")
    func memoryLimit() async throws {
        let execution = try await AttemptTrial().duckDB(
            ["SELECT length(string_agg(repeat(n::VARCHAR, 100), ',')) FROM range(3000000) t(n)"], memory: 64_000_000)
        let failure = try #require(execution.failure)
        #expect(failure.message.hasPrefix("Out of Memory error: "))
        #expect(
            failure.remedy
                == "give the stage more than 64.0 MB with 'resources: {memory: …}', or fewer threads with 'cpu'")
    }

    @Test("A killed duckdb is told from one that failed")
    func killed() async throws {
        let trial = try AttemptTrial()
        async let execution = trial.duckDB([Self.endless])
        await trial.hasStarted()
        let process = try #require(trial.spawned.first)
        kill(process.pid, SIGKILL)
        let ended = try await execution
        let failure = try #require(ended.failure)
        #expect(failure.message.hasPrefix("duckdb killed by signal 9 (KILL, often out of memory)"))
        #expect(failure.remedy?.contains("memory") == true)
    }

    @Test("A database file that another process holds is a clear error")
    func heldDatabase() async throws {
        let trial = try AttemptTrial()
        let other = try AttemptTrial()
        let file = trial.folder["work/held.db"]
        _ = try await trial.duckDB(["SELECT 1"])
        let program = try #require(Checkout.duckDB).path
        async let holder = other.run([
            program, "-no-init", "-batch", file, "-c",
            "CREATE TABLE t AS SELECT 1; CHECKPOINT; \(Self.endless)",
        ])
        await other.hasStarted()
        // The holder has opened its file once it is there with content.
        try await wait(forChangeIn: PathText.folder(of: file)) { FileText.size(file) ?? 0 > 0 }
        let blocked = try AttemptTrial()
        let execution = await blocked.run([program, "-no-init", "-batch", file, "-c", "SELECT 1"])
        other.control.requestStop(.cancelled)
        _ = await holder
        #expect(execution.failure?.message.contains("lock") == true)
    }

    @Test("A script that cannot be kept is a failure that names its place")
    func unwritableScript() async throws {
        let trial = try AttemptTrial()
        let program = try #require(Checkout.duckDB)
        let job = SQLJob(
            script: SQLScript(title: "t"), essentialStatements: 0, scriptFile: trial.folder["not/there.sql"],
            workFolder: trial.folder.path, files: [], folders: [], threads: nil, memory: 1_000_000_000)
        let executor = DuckDBExecutor(reactor: ProcessReactor(), program: program, masker: SecretMasker(secrets: []))
        let failure = try #require(await executor.execute(job, for: trial.control).failure)
        #expect(failure.message.contains("not/there.sql cannot be written"))
    }

    @Test(
        "Odd names of folders are no trouble",
        arguments: ["it's", "a b", "say \"hi\"", "back\\slash", "ünï", "$HOME;`x`"])
    func oddFolders(name: String) async throws {
        let trial = try AttemptTrial()
        let folder = trial.folder[name]
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        var script = SQLScript(title: "odd\nname")
        script.add("write", "COPY (SELECT 1 AS a) TO '\(folder.replacing("'", with: "''"))/out.csv'")
        let job = SQLJob(
            script: script, essentialStatements: 1, scriptFile: folder + "/script.sql", workFolder: folder, files: [],
            folders: [], threads: 1, memory: 500_000_000)
        let program = try #require(Checkout.duckDB)
        let executor = DuckDBExecutor(reactor: ProcessReactor(), program: program, masker: SecretMasker(secrets: []))
        #expect(await executor.execute(job, for: trial.control).failure == nil)
        #expect(FileText.exists(folder + "/out.csv"))
    }
}

@Suite("Finding duckdb", .timeLimit(.minutes(15)))
struct DuckDBProgramTests {
    private func locate(_ folder: OwnFolder, printing text: String, exit: Int = 0) async throws -> DuckDBProgram {
        let fake = try folder.write("#!/bin/sh\necho '\(text)'\nexit \(exit)\n", to: "duckdb", permissions: 0o755)
        return try await DuckDBProgram.locate(
            root: folder.path, variables: ["CAUDAL_DUCKDB": fake], cache: folder["cache"], reactor: ProcessReactor())
    }

    @Test("A duckdb that is too old is refused with its version and the remedy")
    func tooOld() async throws {
        let folder = try OwnFolder()
        let failure = await #expect(throws: Failure.self) { try await locate(folder, printing: "v0.9.2 3c695d7ba9") }
        #expect(failure?.message == "\(folder["duckdb"]) is duckdb 0.9.2, and at least 1.5.0 is needed")
        #expect(failure?.remedy == "run 'make setup' to get \(DuckDBProgram.pinned)")
        #expect(!FileText.exists(folder["cache"]))
    }

    @Test(
        "Versions are compared by number",
        arguments: ["v1.5.0 x", "v1.10.0 x", "v2.0.0-dev12 x", "v1.5.5 (Variegata) 1a2b"])
    func newEnough(text: String) async throws {
        let found = try await locate(OwnFolder(), printing: text)
        #expect(text.hasPrefix("v\(found.version) "))
    }

    @Test("Something else that calls itself duckdb is refused", arguments: ["", "Python 3.12", "usage: duckdb [x]"])
    func impostor(text: String) async throws {
        let failure = await #expect(throws: Failure.self) { try await locate(OwnFolder(), printing: text) }
        #expect(failure?.message.contains("does not answer as duckdb does") == true)
    }

    @Test("A program that was named and is not there is not replaced by another one")
    func chosenIsMissing() {
        let failure = #expect(throws: Failure.self) {
            try DuckDBProgram.find(root: Checkout.root, variables: ["CAUDAL_DUCKDB": "/nowhere/duckdb"])
        }
        #expect(failure?.message.hasPrefix("CAUDAL_DUCKDB names /nowhere/duckdb") == true)
    }

    @Test("The answer is kept, and asked for again when the file changes")
    func cache() async throws {
        let folder = try OwnFolder()
        #expect(try await locate(folder, printing: "v1.5.1 a").version == "1.5.1")
        let kept = try folder.text("cache")
        let again = try await DuckDBProgram.locate(
            root: folder.path, variables: ["CAUDAL_DUCKDB": folder["duckdb"]], cache: folder["cache"],
            reactor: ProcessReactor())
        #expect(again.version == "1.5.1")
        #expect(try folder.text("cache") == kept)
        #expect(try await locate(folder, printing: "v1.50.12 abc").version == "1.50.12")
    }
}
