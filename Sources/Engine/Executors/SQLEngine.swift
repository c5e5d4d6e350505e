package import CaudalModel

/// What runs data stages: it writes SQL in its dialect, finds its program, and runs scripts.
///
/// An engine is a folder with a type that conforms to this, named in ``SQLEngines/all``; nothing else knows of it.
package protocol SQLEngine: Sendable {
    /// What the engine is called in what is recorded of runs.
    static var name: String { get }

    /// How its SQL is written, for times in UTC.
    static var dialect: any SQLDialect { get }

    /// What reads the queries of users as the engine understands them.
    static func makeQueryReader() -> any QueryReader

    /// Finds the engine's program and asks for its version.
    ///
    /// `cache`: a folder in which the answer is kept.
    /// - Throws: ``Failure`` when there is none that will do.
    static func locate(
        root: String, variables: [String: String], cache: String, reactor: ProcessReactor
    ) async throws(Failure) -> EngineProgram

    /// An engine for one project.
    init(_ surroundings: EngineSurroundings)

    /// The program.
    ///
    /// - Throws: ``Failure`` when there is none that will do.
    func program() async throws(Failure) -> EngineProgram

    /// Whether the program is there, be it one that will do or not.
    var isInstalled: Bool { get }

    /// Whether what its scripts write are folders of Parquet parts, of which each dataset is made then.
    static var writesParts: Bool { get }

    /// What of a stage it cannot be given, whatever the columns are.
    func obstacles(to stage: Stage, in pipeline: Pipeline) -> [ConfigError]

    /// Why its stages cannot read a source, in words; nil where they can.
    ///
    /// `validating`: whether it is the file that a validate stage judges.
    func obstacle(toRead source: DataSource, validating: Bool, root: String) -> String?

    /// Whether its scripts read a source as it lies there; any other is made into Parquet before.
    func reads(_ source: DataSource, validating: Bool) -> Bool

    /// Ends what it has running, when the run has ended.
    func close() async

    /// Runs a script, by the executor of its job.
    ///
    /// Stopping is a message, as for every ``StageExecutor``. The work has succeeded when all statements that make the data
    /// have, whatever is there.
    func execute(_ job: SQLJob, for attempt: AttemptControl) async -> Execution

    /// Whether the program has begun with a script: from then on its time counts.
    func hasBegun(_ job: SQLJob) -> Bool

    /// How long it may take to begin with a script.
    var patience: Duration { get }

    /// The file with which the program reaches databases of a kind; nil where it needs none.
    ///
    /// - Throws: ``Failure`` that says how to get it.
    func driver(for kind: Connection.Kind) async throws(Failure) -> String?

    /// A connection as a script finds it.
    ///
    /// - Throws: ``Failure`` where the engine cannot reach such a database.
    func attachment(of link: DatabaseLink, isReadOnly: Bool) async throws(Failure) -> DatabaseAttachment

    /// Settings before a script that a person runs, each a whole line.
    ///
    /// `folders`: those that must be there for its outputs.
    func settings(memory: Int64, threads: Int?, attaching lines: [String], folders: [String]) -> [String]
}

extension SQLEngine {
    package static var writesParts: Bool { false }
    package func obstacles(to stage: Stage, in pipeline: Pipeline) -> [ConfigError] { [] }
    package func obstacle(toRead source: DataSource, validating: Bool, root: String) -> String? { nil }
    package func reads(_ source: DataSource, validating: Bool) -> Bool { true }
    package var patience: Duration { ToolRun.patience }
    package func close() async {}

    /// How its SQL is written, for times in UTC.
    package var dialect: any SQLDialect { Self.dialect }
    package var writesParts: Bool { Self.writesParts }
}

/// Where an engine works, and with what.
package struct EngineSurroundings: Sendable {
    /// The root of the project.
    package var root: String
    /// The environment.
    package var variables: [String: String]
    package var reactor: ProcessReactor
    package var masker: SecretMasker
    /// How Spark is reached.
    package var spark: SparkSettings
    /// The engine's program, found when it is first asked for.
    package var program: @Sendable () async throws(Failure) -> EngineProgram

    package init(
        root: String, variables: [String: String], reactor: ProcessReactor, masker: SecretMasker,
        spark: SparkSettings = SparkSettings(),
        program: @escaping @Sendable () async throws(Failure) -> EngineProgram
    ) {
        self.root = root
        self.variables = variables
        self.reactor = reactor
        self.masker = masker
        self.spark = spark
        self.program = program
    }
}

/// The program of an engine.
package struct EngineProgram: Sendable, Hashable, CustomStringConvertible {
    /// The engine's name.
    package let name: String
    package let version: String
    package let path: String
    /// What it works with besides, such as Java, in its own words.
    package let note: String?

    package init(name: String, version: String, path: String, note: String? = nil) {
        self.note = note
        self.name = name
        self.version = version
        self.path = path
    }

    /// What is recorded of it, such as `duckdb 1.5.5`.
    package var description: String { "\(name) \(version)" }
}

/// SQL to run, and where.
package struct SQLJob: Sendable {
    package var script: SQLScript
    /// The number of statements that make the data; the script goes on after a failure only behind them.
    package var essentialStatements: Int
    /// The file that the script is kept in.
    package var scriptFile: String
    /// The folder the program works in; its spill and results go there.
    package var workFolder: String
    /// Files that may be read, and folders that may be read and written.
    package var files: [String]
    package var folders: [String]
    package var threads: Int?
    package var memory: Int64
    /// A database that the script works with; only scripts without SQL of the user have one.
    package var attachment: DatabaseAttachment?
    /// Whether values of rows stay out of what is told of errors.
    package var hidesValues = false
    /// What runs the program; nil runs it as a process of this machine.
    package var executor: (any ProgramExecutor)?
    /// Work that goes on elsewhere, to be taken up again instead of being begun.
    package var begun: WorkIdentity?
    /// What the script reads, for engines that look at it themselves.
    package var sources: [DataSource] = []

    package init(
        script: SQLScript, essentialStatements: Int, scriptFile: String, workFolder: String, files: [String],
        folders: [String], threads: Int?, memory: Int64, attachment: DatabaseAttachment? = nil
    ) {
        self.script = script
        self.essentialStatements = essentialStatements
        self.scriptFile = scriptFile
        self.workFolder = workFolder
        self.files = files
        self.folders = folders
        self.threads = threads
        self.memory = memory
        self.attachment = attachment
    }
}

/// A database that is opened before a script begins.
package struct DatabaseAttachment: Sendable {
    /// The statements that open it, each without a semicolon at its end.
    package var statements: [String]
    /// Variables of the child, the password among them.
    package var environment: [String: String]
    /// What the script may read besides its files, such as a bucket.
    package var places: [String]

    package init(statements: [String], environment: [String: String], places: [String] = []) {
        self.statements = statements
        self.environment = environment
        self.places = places
    }
}
