/// A type of stage: how its part of a pipeline file is read, and what an attempt of it does.
///
/// A type is one Swift type conforming to this, named in ``StageTypes/all``; nothing else knows of it.
package protocol StageType: StageDefinition {
    /// Reads what is particular to the type. Everything else of a stage has been read or will be.
    static func read(_ reader: inout MappingReader, _ context: ReadingContext) -> Self

    /// The columns of its outputs, given those of its inputs; an output that only the engine can tell is left out.
    ///
    /// - Throws: ``ConfigError`` at the first place in the pipeline file that does not fit the columns.
    func outputColumns(_ typing: StageTyping) throws(ConfigError) -> [DatasetName: [Column]]

    /// What one attempt does.
    ///
    /// - Throws: ``Failure`` or ``ConfigError`` when the attempt cannot even begin.
    func work(for attempt: StageAttempt) throws -> StageWork

    /// The parts of the work of a fan-out that are done once for all of its items.
    func preparation(for attempt: StageAttempt) throws -> [SQLScript.Statement]

    /// A query of the user whose columns only the engine can tell and must tell before the work can be made.
    ///
    /// Asked again until there is none left, with the answers in ``StageTyping/queryColumns``.
    func question(_ typing: StageTyping) throws(ConfigError) -> ColumnQuestion?

    /// What each column of its output is computed from.
    func columnOrigins(_ typing: StageTyping, output: [Column]) throws(ConfigError) -> [ColumnOrigin]

    /// The input whose texts become points in time or local times, whichever they are; nil where none do.
    func textsReadAsTimes(_ typing: StageTyping) -> DatasetName?

    /// What an attempt does, in words, for types whose work is neither SQL nor a program.
    func explanation(for attempt: StageAttempt) -> String?
}

extension StageType {
    package func preparation(for attempt: StageAttempt) throws -> [SQLScript.Statement] { [] }
    package func question(_ typing: StageTyping) throws(ConfigError) -> ColumnQuestion? { nil }
    package func columnOrigins(_ typing: StageTyping, output: [Column]) throws(ConfigError) -> [ColumnOrigin] {
        let sources = Set(inputs.map(\.value)).map { ColumnSource($0, nil) }.sorted()
        return output.map { ColumnOrigin(column: $0.name, sources: sources, changes: [typeName]) }
    }
    package func textsReadAsTimes(_ typing: StageTyping) -> DatasetName? { nil }
    package func explanation(for attempt: StageAttempt) -> String? { nil }
}

/// Every type of stage that a pipeline file may name.
package enum StageTypes {
    /// The list to which a new type is added.
    package static let all: [any StageType.Type] = [
        ValidateStage.self, ProcessStage.self, EnrichStage.self, CheckStage.self, SQLStage.self, CommandStage.self,
        LoadStage.self, ReportStage.self,
    ]

    /// Their readers by name.
    package static var readers: [String: StageReader] {
        var readers: [String: StageReader] = [:]
        for type in all { readers[type.typeName] = { reader, context in type.read(&reader, context) } }
        return readers
    }
}

extension Stage {
    /// Its type, which can make work of it.
    package var type: any StageType {
        guard let type = definition as? any StageType else {
            preconditionFailure("the stage '\(id)' has a definition that is no stage type: \(definition.typeName)")
        }
        return type
    }
}

/// What is known about columns before anything runs.
package struct StageTyping: Sendable {
    /// The inputs whose columns are known.
    package var sources: [DatasetName: DataSource]
    /// The schemas of datasets that have one.
    package var schemas: [DatasetName: RowSchema]
    /// The types of bound values.
    package var references: [Template.Reference: ColumnType]
    /// The variables of the stage's fan-out, if it has one.
    package var itemVariables: [String]
    /// The project's root, for names of files in messages.
    package var root: String
    /// The columns of the stage's queries, as far as the engine has told them.
    package var queryColumns: [Int: [Column]] = [:]
    /// The table that the stage loads, as it is now; nil when it loads none or the database did not answer.
    package var target: LoadTarget?

    package init(
        sources: [DatasetName: DataSource], schemas: [DatasetName: RowSchema] = [:],
        references: [Template.Reference: ColumnType] = [:], itemVariables: [String] = [],
        root: String
    ) {
        self.sources = sources
        self.schemas = schemas
        self.references = references
        self.itemVariables = itemVariables
        self.root = root
    }
}

/// What an attempt is to do, and who does it.
package enum StageWork: Sendable {
    /// SQL for DuckDB.
    case data(DataWork)
    /// Rows for a table of a connection.
    case load(LoadWork)
    /// A program.
    case command(CommandWork)
    /// Something that needs no other program: writing a report.
    case inProcess(InProcessWork)
}

/// SQL for DuckDB, and how to read what it gives.
package struct DataWork: Sendable {
    /// The statements, in order.
    package var script: SQLScript
    /// What the script reads.
    package var reads: [DataSource]
    package var outputs: [StagedOutput]
    /// The number of statements that make the data; those after them are checks, whose failure harms no other.
    package var essentialStatements: Int
    /// How many threads it may use; nil means as many as there are processors.
    package var threads: Int?
    /// How many bytes it may use; nil means the usual part of the machine's.
    package var memory: Int64?
    /// Files to keep when the attempt fails, because they tell why.
    package var evidence: [String]
    /// Reads the results; a failure thrown here fails the attempt and nothing is published.
    package var conclude: @Sendable (DataReadings) throws -> DataOutcome
    /// Judges the checks from the results and from what DuckDB said about statements that failed.
    package var judge: @Sendable (_ readings: DataReadings, _ errors: [String], _ found: [Column]) -> [CheckResult]

    package init(
        script: SQLScript, reads: [DataSource], outputs: [StagedOutput] = [], essentialStatements: Int,
        threads: Int? = nil, memory: Int64? = nil, evidence: [String] = [],
        conclude: @escaping @Sendable (DataReadings) throws -> DataOutcome,
        judge: @escaping @Sendable (DataReadings, [String], [Column]) -> [CheckResult] = { _, _, _ in [] }
    ) {
        self.script = script
        self.reads = reads
        self.outputs = outputs
        self.essentialStatements = essentialStatements
        self.threads = threads
        self.memory = memory
        self.evidence = evidence
        self.conclude = conclude
        self.judge = judge
    }
}

/// What a data stage found out about its own work.
package struct DataOutcome: Sendable {
    /// How many rows came in and what became of them; nil where rows are not counted.
    package var rows: RowAccount?
    /// Rows of each output, by its staged path.
    package var outputRows: [String: Int64]
    /// What its own checks found.
    package var checks: [CheckResult]
    /// The items that were found; nil where none were looked for.
    package var items: [Item]?
    /// What is worth knowing, in sentences.
    package var notes: [String]
    /// Why the attempt fails with what it found, which is kept; nil when it goes on.
    package var failure: Failure?

    package init(
        rows: RowAccount? = nil, outputRows: [String: Int64] = [:], checks: [CheckResult] = [], items: [Item]? = nil,
        notes: [String] = [], failure: Failure? = nil
    ) {
        self.rows = rows
        self.outputRows = outputRows
        self.checks = checks
        self.items = items
        self.notes = notes
        self.failure = failure
    }
}

/// Work that this process does itself.
package struct InProcessWork: Sendable {
    package var outputs: [StagedOutput]
    /// Does the work and writes the outputs at their staging places.
    package var run: @Sendable () throws -> DataOutcome

    package init(outputs: [StagedOutput], run: @escaping @Sendable () throws -> DataOutcome) {
        self.outputs = outputs
        self.run = run
    }
}
