package import CaudalModel
import Foundation

/// An engine as a run uses it: found once, asked small questions, given the work of data stages.
package struct DataTools: Sendable {
    /// The prefix of the folders in which questions are answered.
    static let questionPrefix = "question-"
    package let reactor: ProcessReactor
    package let masker: SecretMasker
    /// A writable folder for questions.
    package let folder: String
    /// The memory for a stage without a setting of its own, in bytes; what needs more waits on the disk.
    package let defaultMemory: Int64
    /// The memory for such a stage whose work cannot be done with less, in bytes: what is tried then, in this order.
    let largerMemory: [Int64]
    /// Whether values of rows are removed from error messages.
    package var hidesValues = false
    /// The time limit of a question outside of a stage's work.
    let questionLimit: Duration
    /// What is known about files.
    let seen: SourceCache
    /// What was fetched from servers.
    let fetched: FetchedFiles
    /// What runs data stages and answers questions.
    package private(set) var engine: any SQLEngine
    /// Spark, for stages that run on it.
    package var spark: (any SQLEngine)?

    package init(
        reactor: ProcessReactor, masker: SecretMasker, folder: String, defaultMemory: Int64,
        largerMemory: [Int64] = [],
        questionLimit: Duration = usualQuestionLimit, seen: SourceCache, fetched: FetchedFiles? = nil,
        engine: any SQLEngine
    ) {
        self.reactor = reactor
        self.masker = masker
        self.folder = folder
        self.defaultMemory = defaultMemory
        self.largerMemory = largerMemory
        self.questionLimit = questionLimit
        self.seen = seen
        self.fetched = fetched ?? FetchedFiles(in: folder + "/fetched")
        self.engine = engine
    }

    /// The same tools with the engine that a stage runs on; ``EngineChoice/auto`` has been decided before.
    package func running(on choice: EngineChoice) -> DataTools {
        guard choice == .spark, let spark else { return self }
        var tools = self
        tools.engine = spark
        return tools
    }

    /// The engine's program.
    ///
    /// - Throws: ``Failure`` when there is none that will do.
    package func program() async throws(Failure) -> EngineProgram { try await engine.program() }

    /// How the engine writes SQL.
    package var sql: any SQLDialect { engine.dialect }

    /// Carries the work of a data stage out.
    package func execute(_ job: SQLJob, for attempt: AttemptControl) async throws(Failure) -> Execution {
        // That there is no program is no ending of an attempt: nothing began.
        _ = try await program()
        return await engine.execute(job, for: attempt)
    }

    /// A connection, as a script has it attached.
    ///
    /// - Throws: ``Failure`` when there is no suitable DuckDB, or its extension for the database is missing.
    package func attachment(of link: DatabaseLink, isReadOnly: Bool) async throws(Failure) -> DatabaseAttachment {
        if let path = link.path, link.kind == .sqlite { try SQLiteRecovery.heal(path) }
        return try await engine.attachment(of: link, isReadOnly: isReadOnly)
    }

    /// Runs a small script and returns its rows.
    ///
    /// - Parameters:
    ///   - reading: The files it may read.
    ///   - writing: Folders it may write to.
    ///   - essential: How many of its statements must succeed; nil means all.
    ///   - attachment: A database that it reads.
    ///   - attempt: The attempt whose work the script is, which stops it when it is stopped; any other script has a
    ///     time limit, and is stopped with the attempt on whose behalf it runs.
    /// - Throws: ``Failure`` when DuckDB cannot run, an essential statement fails, or the script takes too long.
    package func ask(
        _ script: SQLScript, reading: [String], writing: [String] = [], essential: Int? = nil,
        attachment: DatabaseAttachment? = nil, for attempt: AttemptControl? = nil
    ) async throws(Failure) -> DataReadings {
        let work = folder + "/\(Self.questionPrefix)\(UInt64.random(in: 0 ... .max))"
        do {
            try FileManager.default.createDirectory(
                atPath: work, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        } catch {
            throw Failure("the folder \(work) cannot be made: \(error.reason)")
        }
        // If the folder cannot be removed, only the question's files stay behind.
        defer { try? FileManager.default.removeItem(atPath: work) }
        var job = SQLJob(
            script: script, essentialStatements: essential ?? script.statements.count,
            scriptFile: work + "/question.sql", workFolder: work, files: reading, folders: writing, threads: nil,
            memory: defaultMemory, attachment: attachment)
        job.hidesValues = hidesValues
        let execution: Execution
        if let attempt {
            execution = try await execute(job, for: attempt)
        } else {
            execution = try await answer(to: job, within: attachment == nil ? questionLimit : Self.databaseLimit)
        }
        if let failure = execution.failure { throw failure }
        return execution.readings ?? DataReadings()
    }

    /// The columns of a query, as DuckDB describes them.
    ///
    /// - Throws: ``Failure`` when DuckDB rejects the query or does not answer.
    package func columns(askedFor question: ColumnQuestion) async throws(Failure) -> [Column] {
        do throws(Failure) {
            return question.columns(
                try await ask(question.script, reading: [], essential: question.essentialStatements), sql)
        } catch {
            throw Failure(error.message, remedy: error.remedy, location: error.location ?? question.location)
        }
    }

    // MARK: - Limits

    /// The default time limit of a question: some read all of the data.
    package static let usualQuestionLimit = Duration.seconds(3600)
    /// The time limit for questions to a database; half of it is for waiting for another writer of a SQLite file.
    private static let databaseLimit = Duration.seconds(60)

    private func answer(to job: SQLJob, within limit: Duration) async throws(Failure) -> Execution {
        let log = AttemptLog(
            writer: nil, pipeline: "", run: "question", unit: nil, attempt: nil, masker: masker,
            now: { SystemClock.now })
        let control = AttemptControl(
            unit: UnitID("question"), number: 1, run: "question", log: log, grace: .seconds(1))
        let asking = AttemptControl.asking
        asking?.onStop { [weak asking] in control.requestStop(asking?.stopReason ?? .cancelled) }
        defer { asking?.onStop(nil) }
        let clock = AnswerClock(
            limit: limit, patience: engine.patience, hasBegun: { engine.hasBegun(job) },
            stop: { control.requestStop(.timedOut) })
        let execution = try await execute(job, for: control)
        guard let waited = clock.end() else { return execution }
        var remedy = "run it by hand to see what it waits for"
        if job.attachment != nil {
            remedy = "look whether the database is up, and whether somebody keeps it locked"
        } else if waited >= limit {
            remedy += "; CAUDAL_QUESTION_LIMIT=5h in the environment allows it more time"
        }
        throw Failure(
            "\(try await program().path) did not answer within \(waited.short) and was ended; it was asked for "
                + job.script.title, remedy: remedy)
    }
}

// MARK: - Times

extension DataTools {
    /// Finds which texts a stage converts to points in time and which to local times, from the first rows of its input.
    ///
    /// - Parameter typing: The typing of the stage, which says whether it converts any.
    /// - Throws: ``Failure`` when the input cannot be read.
    package func lookForTimes(
        _ type: any StageType, _ typing: StageTyping, in sources: inout [DatasetName: DataSource]
    ) async throws(Failure) {
        guard let name = type.textsReadAsTimes(typing), let source = sources[name], source.zone == nil,
            !source.files.isEmpty, source.copies.isEmpty, source.namedTimes == nil
        else { return }
        let texts = source.columns.filter { $0.type == .text }.map(\.name)
        if texts.isEmpty {
            sources[name]?.namedTimes = NamedTimes()
            return
        }
        if let known = seen.namedTimes(of: source) {
            sources[name]?.namedTimes = known
            return
        }
        let rows = source.fromClause(sql, keepsRejects: source.canHoldBrokenLines)
        let limit = 50000
        var script = SQLScript(title: "which texts of \(name) name times with an offset")
        script.add("look at the first rows", sql.offsets(of: texts, in: rows, limit: limit))
        var answers = try await ask(script, reading: source.files).rows(.offset, as: TextsOfColumn.self)
        // Where the first rows have no value at all, the others have to tell.
        func isEmpty(_ texts: TextsOfColumn) -> Bool { texts.values == 0 && texts.rows == limit }
        let silent = answers.filter(isEmpty).map(\.name)
        if !silent.isEmpty {
            var script = SQLScript(title: "which texts of \(name) name times with an offset, in all rows")
            script.add("look at all rows", sql.offsets(of: silent, in: rows, limit: nil))
            answers =
                answers.filter { !isEmpty($0) }
                + (try await ask(script, reading: source.files).rows(.offset, as: TextsOfColumn.self))
        }
        var found = NamedTimes()
        for texts in answers where texts.named == true {
            if texts.open == true {
                found.mixed.insert(texts.name)
            } else {
                found.withOffset.insert(texts.name)
            }
        }
        seen.keep(found, of: source)
        sources[name]?.namedTimes = found
    }

    /// What the texts of a column are like.
    private struct TextsOfColumn: Decodable {
        var name: String
        /// Whether times name an offset, and whether some name none; nil where there are no values.
        var named: Bool?
        var open: Bool?
        var values: Int
        var rows: Int
    }
}
