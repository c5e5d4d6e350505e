import Foundation

/// DuckDB as a run uses it: found once, asked small questions, given the work of data stages.
package struct DataTools: Sendable {
    /// How the folders begin in which questions are answered.
    static let questionPrefix = "question-"
    package let reactor: ProcessReactor
    package let masker: SecretMasker
    /// Where questions are asked: a folder that can be written to.
    package let folder: String
    /// How much memory a stage gets that does not say, in bytes.
    package let defaultMemory: Int64
    /// Whether values of rows stay out of what is told of errors.
    package var hidesValues = false
    /// How long a question may take that belongs to no work of a stage.
    let questionLimit: Duration
    /// What is known of files.
    let seen: SourceCache
    private let locate: @Sendable () async throws(Failure) -> DuckDBProgram
    private let findExtension: @Sendable (Connection.Kind, DuckDBProgram) throws(Failure) -> String

    package init(
        reactor: ProcessReactor, masker: SecretMasker, folder: String, defaultMemory: Int64,
        questionLimit: Duration = usualQuestionLimit, seen: SourceCache,
        locate: @escaping @Sendable () async throws(Failure) -> DuckDBProgram,
        findExtension: @escaping @Sendable (Connection.Kind, DuckDBProgram) throws(Failure) -> String
    ) {
        self.reactor = reactor
        self.masker = masker
        self.folder = folder
        self.defaultMemory = defaultMemory
        self.questionLimit = questionLimit
        self.seen = seen
        self.locate = locate
        self.findExtension = findExtension
    }

    /// The program.
    ///
    /// - Throws: ``Failure`` when there is none that will do.
    package func program() async throws(Failure) -> DuckDBProgram { try await locate() }

    /// What carries the work of data stages out.
    package func executor() async throws(Failure) -> DuckDBExecutor {
        DuckDBExecutor(reactor: reactor, program: try await program(), masker: masker)
    }

    /// A connection as a script finds it attached.
    package func attachment(of link: DatabaseLink, isReadOnly: Bool) async throws(Failure) -> DatabaseAttachment {
        if let path = link.path { try SQLiteRecovery.heal(path) }
        return DatabaseAttachment(
            extensionFile: try await extensionFile(link.kind), statement: link.attachment(isReadOnly: isReadOnly),
            environment: link.environment)
    }

    /// The file of DuckDB's extension for a kind of database.
    package func extensionFile(_ kind: Connection.Kind) async throws(Failure) -> String {
        try findExtension(kind, try await program())
    }

    /// Asks a small question and returns its rows.
    ///
    /// `reading`: the files it may read.
    /// `writing`: folders it may write to.
    /// `essential`: how many of its statements must work; all of them without it.
    /// `attachment`: a database it asks.
    /// `attempt`: the attempt whose work it is, which stops it when it is stopped; any other question has a limit, and is
    /// stopped with the attempt that asks it.
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
        // A folder that cannot be removed holds nothing but the question.
        defer { try? FileManager.default.removeItem(atPath: work) }
        var job = DuckDBJob(
            script: script, essentialStatements: essential ?? script.statements.count,
            scriptFile: work + "/question.sql", workFolder: work, files: reading, folders: writing, threads: nil,
            memory: defaultMemory, attachment: attachment)
        job.hidesValues = hidesValues
        let execution: Execution
        if let attempt {
            execution = try await executor().execute(job, for: attempt)
        } else {
            execution = try await answer(to: job, within: attachment == nil ? questionLimit : Self.databaseLimit)
        }
        if let failure = execution.failure { throw failure }
        return execution.readings ?? DataReadings(output: [])
    }

    /// The columns that a question of a stage is about.
    package func columns(askedFor question: ColumnQuestion) async throws(Failure) -> [Column] {
        do throws(Failure) {
            return question.columns(
                try await ask(question.script, reading: [], essential: question.essentialStatements))
        } catch {
            throw Failure(error.message, remedy: error.remedy, location: error.location ?? question.location)
        }
    }

    // MARK: - Limits

    /// How long a question may take where nothing else is said: some read all of the data.
    package static let usualQuestionLimit = Duration.seconds(3600)
    /// How long a database may take to say what it holds; another one that writes to a SQLite file is waited for half of it.
    private static let databaseLimit = Duration.seconds(60)

    private func answer(to job: DuckDBJob, within limit: Duration) async throws(Failure) -> Execution {
        let log = AttemptLog(
            writer: nil, pipeline: "", run: "question", unit: nil, attempt: nil, masker: masker,
            now: { SystemClock.now })
        let control = AttemptControl(
            unit: UnitID("question"), number: 1, run: "question", log: log, grace: .seconds(1))
        let asking = AttemptControl.asking
        asking?.onStop { [weak asking] in control.requestStop(asking?.stopReason ?? .cancelled) }
        defer { asking?.onStop(nil) }
        let clock = AnswerClock(
            limit: limit, patience: ToolRun.patience, hasBegun: { FileText.exists(job.results) },
            stop: { control.requestStop(.timedOut) })
        let execution = try await executor().execute(job, for: control)
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
    /// Finds out of which texts a stage makes points in time, and of which local times: their first rows tell.
    ///
    /// `typing`: the stage's, which says whether it makes any.
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
        let sql = DuckDBDialect()
        let rows = source.fromClause(sql, keepsRejects: source.canHoldBrokenLines)
        let limit = 50000
        var script = SQLScript(title: "which texts of \(name) name times with an offset")
        script.add("look at the first rows", MomentSQL.offsets(of: texts, in: rows, limit: limit, sql))
        var answers = try await ask(script, reading: source.files).rows("offset")
        // Where the first rows have no value at all, the others have to tell.
        func isEmpty(_ row: DataReadings.Row) -> Bool {
            row.integer("values") == 0 && row.integer("rows") == Int64(limit)
        }
        let silent = answers.filter(isEmpty).compactMap { $0.text("name") }
        if !silent.isEmpty {
            var script = SQLScript(title: "which texts of \(name) name times with an offset, in all rows")
            script.add("look at all rows", MomentSQL.offsets(of: silent, in: rows, limit: nil, sql))
            answers = answers.filter { !isEmpty($0) } + (try await ask(script, reading: source.files).rows("offset"))
        }
        var found = NamedTimes()
        for row in answers where row.fields["named"] == .boolean(true) {
            guard let column = row.text("name") else { continue }
            if row.fields["open"] == .boolean(true) {
                found.mixed.insert(column)
            } else {
                found.withOffset.insert(column)
            }
        }
        seen.keep(found, of: source)
        sources[name]?.namedTimes = found
    }
}
