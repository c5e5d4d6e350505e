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

    /// What an attempt does, in words, for types whose work is neither SQL nor a program.
    func explanation(for attempt: StageAttempt) -> String?
}

extension StageType {
    package func preparation(for attempt: StageAttempt) throws -> [SQLScript.Statement] { [] }
    package func question(_ typing: StageTyping) throws(ConfigError) -> ColumnQuestion? { nil }
    package func explanation(for attempt: StageAttempt) -> String? { nil }
}

/// A query whose columns are asked for.
package struct ColumnQuestion: Sendable {
    /// Which query of the stage it is.
    package var index: Int
    package var script: SQLScript
    /// Where the user wrote it.
    package var location: SourceLocation

    package init(index: Int, script: SQLScript, location: SourceLocation) {
        self.index = index
        self.script = script
        self.location = location
    }
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

/// A file that an attempt writes at a staging place and that is moved into place when everything went well.
package struct StagedOutput: Sendable, Hashable {
    /// The dataset it belongs to; nil for a file beside the data, such as a report.
    package var dataset: DatasetName?
    /// Absolute paths.
    package var staged: String
    package var target: String
    package var columns: [Column]
    /// Whether the attempt may succeed without writing it; it is then not published.
    package var isOptional: Bool

    package init(
        dataset: DatasetName?, staged: String, target: String, columns: [Column] = [], isOptional: Bool = false
    ) {
        self.dataset = dataset
        self.staged = staged
        self.target = target
        self.columns = columns
        self.isOptional = isOptional
    }
}

/// SQL for DuckDB, and how to read what it gives.
package struct DataWork: Sendable {
    package var script: SQLScript
    /// What the script reads.
    package var reads: [DataSource]
    package var outputs: [StagedOutput]
    /// The number of statements that make the data; those after them are checks, whose failure harms no other.
    package var essentialStatements: Int
    package var threads: Int?
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
    package var rows: RowAccount?
    /// Rows of each output, by its staged path.
    package var outputRows: [String: Int64]
    package var checks: [CheckResult]
    package var items: [Item]?
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

/// A program to run.
package struct CommandWork: Sendable, Hashable {
    /// The program and its arguments; a command that needs a shell is `/bin/sh -c …`.
    package var arguments: [String]
    /// Variables besides those that every command gets.
    package var environment: [String: String]
    package var outputs: [StagedOutput]
    /// A regular expression whose first group is a percentage, or whose two groups are done and total.
    package var progressPattern: String?

    package init(
        arguments: [String], environment: [String: String], outputs: [StagedOutput] = [], progressPattern: String? = nil
    ) {
        self.arguments = arguments
        self.environment = environment
        self.outputs = outputs
        self.progressPattern = progressPattern
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
