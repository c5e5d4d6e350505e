import Foundation

/// DuckDB as a run uses it: found once, asked small questions, given the work of data stages.
package struct DataTools: Sendable {
    package let reactor: ProcessReactor
    package let masker: SecretMasker
    /// Where questions are asked: a folder that can be written to.
    package let folder: String
    /// How much memory a stage gets that does not say, in bytes.
    package let defaultMemory: Int64
    private let locate: @Sendable () async throws(Failure) -> DuckDBProgram

    package init(
        reactor: ProcessReactor, masker: SecretMasker, folder: String, defaultMemory: Int64,
        locate: @escaping @Sendable () async throws(Failure) -> DuckDBProgram
    ) {
        self.reactor = reactor
        self.masker = masker
        self.folder = folder
        self.defaultMemory = defaultMemory
        self.locate = locate
    }

    /// The program.
    ///
    /// - Throws: ``Failure`` when there is none that will do.
    package func program() async throws(Failure) -> DuckDBProgram { try await locate() }

    /// What carries the work of data stages out.
    package func executor() async throws(Failure) -> DuckDBExecutor {
        DuckDBExecutor(reactor: reactor, program: try await program(), masker: masker)
    }

    /// Asks a small question and returns its rows.
    ///
    /// `reading`: the files it may read.
    /// `writing`: folders it may write to.
    package func ask(
        _ script: SQLScript, reading: [String], writing: [String] = []
    ) async throws(Failure) -> DataReadings {
        let work = folder + "/question-\(UInt64.random(in: 0 ... .max))"
        do {
            try FileManager.default.createDirectory(
                atPath: work, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        } catch {
            throw Failure("the folder \(work) cannot be made: \(error.reason)")
        }
        // A folder that cannot be removed holds nothing but the question.
        defer { try? FileManager.default.removeItem(atPath: work) }
        let log = AttemptLog(
            writer: nil, pipeline: "", run: "question", unit: nil, attempt: nil, masker: masker,
            now: { SystemClock.now })
        let control = AttemptControl(unit: UnitID("question"), number: 1, run: "question", log: log)
        let job = DuckDBJob(
            script: script, essentialStatements: script.statements.count, scriptFile: work + "/question.sql",
            workFolder: work, files: reading, folders: writing, threads: nil, memory: defaultMemory)
        let execution = try await executor().execute(job, for: control)
        if let failure = execution.failure { throw failure }
        return execution.readings ?? DataReadings(output: [])
    }
}
