package import CaudalModel

/// A stage type: how its settings are read, and what an attempt of it does.
///
/// A type is one Swift type that conforms to this protocol and is listed in ``StageTypes/all``; no other code knows it.
package protocol StageType: StageDefinition {
    /// Reads the settings of the type; the settings of every stage are read elsewhere.
    static func read(_ reader: inout MappingReader, _ context: ReadingContext) -> Self

    /// The columns of its outputs for given columns of its inputs; an output whose columns only the SQL engine can find
    /// is left out.
    ///
    /// - Throws: ``ConfigError`` at the first place in the pipeline file that does not fit the columns.
    func outputColumns(_ typing: StageTyping) throws(ConfigError) -> [DatasetName: [Column]]

    /// The work of one attempt.
    ///
    /// - Throws: ``Failure`` or ``ConfigError`` when the attempt cannot begin.
    func work(for attempt: StageAttempt) throws -> StageWork

    /// The part of a fan-out's work that is done once for all of its items.
    func preparation(for attempt: StageAttempt) throws -> [SQLScript.Statement]

    /// Whether an item gives the same rows when its input is a file with the rows of some items, in any order.
    var readsParts: Bool { get }

    /// A user's query whose columns the SQL engine must describe before the work can be determined.
    ///
    /// Called again, with the answers in ``StageTyping/queryColumns``, until it returns nil.
    func question(_ typing: StageTyping) throws(ConfigError) -> ColumnQuestion?

    /// The columns from which each column of its output is computed.
    func columnOrigins(_ typing: StageTyping, output: [Column]) throws(ConfigError) -> [ColumnOrigin]

    /// How its rows are added to those that its output has; nil where they replace them.
    var merge: OutputMerge? { get }

    /// The input of which it reads only what is new to its output; nil where it reads everything.
    var watermarkedInput: DatasetName? { get }

    /// The input whose texts are converted to points in time or local times, whichever they state; nil for none.
    func textsReadAsTimes(_ typing: StageTyping) -> DatasetName?

    /// The work of an attempt in words, for types whose work is neither SQL nor a program.
    func explanation(for attempt: StageAttempt) -> String?
}

extension StageType {
    package func preparation(for attempt: StageAttempt) throws -> [SQLScript.Statement] { [] }
    package var readsParts: Bool { false }
    package func question(_ typing: StageTyping) throws(ConfigError) -> ColumnQuestion? { nil }
    package func columnOrigins(_ typing: StageTyping, output: [Column]) throws(ConfigError) -> [ColumnOrigin] {
        let sources = Set(inputs.map(\.value)).map { ColumnSource($0, nil) }.sorted()
        return output.map { ColumnOrigin(column: $0.name, sources: sources, changes: [typeName]) }
    }
    package var merge: OutputMerge? { nil }
    package var watermarkedInput: DatasetName? { nil }
    package func textsReadAsTimes(_ typing: StageTyping) -> DatasetName? { nil }
    package func explanation(for attempt: StageAttempt) -> String? { nil }
}

/// All stage types.
package enum StageTypes {
    /// The list of stage types; a new type is added here.
    package static let all: [any StageType.Type] = [
        ValidateStage.self, ProcessStage.self, EnrichStage.self, CheckStage.self, SQLStage.self, CommandStage.self,
        LoadStage.self, ReportStage.self,
    ]

    /// The readers of the types, by name.
    package static var readers: [String: StageReader] {
        var readers: [String: StageReader] = [:]
        for type in all { readers[type.typeName] = { reader, context in type.read(&reader, context) } }
        return readers
    }
}

extension Stage {
    /// The stage's type, which creates its work.
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
    /// The schemas, of the datasets that have one.
    package var schemas: [DatasetName: RowSchema]
    /// The types of bound values.
    package var references: [Template.Reference: ColumnType]
    /// The variables of the stage's fan-out; empty without one.
    package var itemVariables: [String]
    /// The project's root, for file names in messages.
    package var root: String
    /// How the engine that does the work writes SQL.
    package let sql: any SQLDialect
    /// The columns of the stage's queries, as far as the engine has told them.
    package var queryColumns: [Int: [Column]] = [:]
    /// The table that the stage loads, with its current columns; nil when it loads none or the database did not answer.
    package var target: LoadTarget?

    package init(
        sources: [DatasetName: DataSource], schemas: [DatasetName: RowSchema] = [:],
        references: [Template.Reference: ColumnType] = [:], itemVariables: [String] = [],
        root: String, sql: any SQLDialect
    ) {
        self.sources = sources
        self.schemas = schemas
        self.references = references
        self.itemVariables = itemVariables
        self.root = root
        self.sql = sql
    }
}

/// The work of an attempt, by who does it.
package enum StageWork: Sendable {
    /// SQL for the engine.
    case data(DataWork)
    /// Rows for a table of a connection.
    case load(LoadWork)
    /// A program.
    case command(CommandWork)
    /// Work without another program: writing a report.
    case inProcess(InProcessWork)
}

/// SQL for the engine, and how to read what it gives.
package struct DataWork: Sendable {
    /// The statements, in order.
    package var script: SQLScript
    /// The sources that the script reads.
    package var reads: [DataSource]
    package var outputs: [StagedOutput]
    /// The number of statements that produce the data; the statements after them are checks, which may fail
    /// independently.
    package var essentialStatements: Int
    /// The maximum number of threads; nil means one for each processor.
    package var threads: Int?
    /// The maximum memory in bytes; nil means the default share of the machine's memory.
    package var memory: Int64?
    /// Files to keep when the attempt fails, because they explain the failure.
    package var evidence: [String]
    /// Interprets the results; if it throws, the attempt fails and nothing is published.
    package var conclude: @Sendable (DataReadings) throws -> DataOutcome
    /// Judges the checks from the results and from what the engine said about statements that failed.
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

/// The outcome of a data stage's work.
package struct DataOutcome: Sendable {
    /// The rows read and what became of them; nil for work that does not count rows.
    package var rows: RowAccount?
    /// The rows of each output, by its staged path.
    package var outputRows: [String: Int64]
    /// The results of the stage's own checks.
    package var checks: [CheckResult]
    /// The found items; nil for work that looks for none.
    package var items: [Item]?
    /// Remarks for the user, as sentences.
    package var notes: [String]
    /// Why the attempt fails although its work was done; nil when it succeeds.
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
    /// Does the work and writes the staged outputs.
    package var run: @Sendable () throws -> DataOutcome

    package init(outputs: [StagedOutput], run: @escaping @Sendable () throws -> DataOutcome) {
        self.outputs = outputs
        self.run = run
    }
}
